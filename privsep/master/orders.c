/* SPDX-License-Identifier: ISC
 *
 * What smtpctl asks of the master.  Who may ask is decided by control.
 */
#include <string.h>
#include <unistd.h>

#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/ctl.h"
#include "privsep/master/master.h"

#define ORDERS_TEXT_MAX  (64 * 1024)
#define ORDERS_REPLY_MAX 500 /* octets of an error that fit in CTL_END */

static const char *const state_names[] = {
	[CHILD_STARTING] = "starting",
	[CHILD_RUNNING] = "running",
	[CHILD_STOPPING] = "stopping",
};

static void
orders_role_row(struct ctl_answer *a, enum role role, uint32_t instance,
    pid_t pid, uid_t uid, gid_t gid, const char *state, uint64_t started)
{
	ctl_row_begin(a);
	ctl_field_text(a, "role", span_str(roles[role].name));
	ctl_field_uint(a, "instance", instance);
	ctl_field_uint(a, "pid", (uint64_t)pid);
	ctl_field_uint(a, "uid", uid);
	ctl_field_uint(a, "gid", gid);
	ctl_field_text(a, "state", span_str(state));
	ctl_field_time(a, "started", started);
	ctl_row_end(a);
}

static void
orders_roles(struct ctl_answer *a)
{
	struct child *c;

	orders_role_row(
	    a, ROLE_MASTER, 0, getpid(), 0, 0, "running", master.started_s);
	LIST_FOREACH(c, &master.children, entry)
		orders_role_row(a, c->role, c->instance, c->pid, c->uid, c->gid,
		    state_names[c->state], c->started_s);
	ctl_answer_end(a, CTL_OK, "");
}

static void
orders_stats(struct ctl_answer *a)
{
	uint64_t processes = 1, restarts = 0;
	struct child *c;
	enum role r;

	LIST_FOREACH(c, &master.children, entry)
		processes++;
	for (r = ROLE_MASTER; r < ROLE__MAX; r++)
		restarts += master.restarts[r].total;
	ctl_counter(a, "master.uptime", clock_wall(NULL) - master.started_s);
	ctl_counter(a, "master.processes", processes);
	ctl_counter(a, "master.started", master.last_instance);
	ctl_counter(a, "master.restarts", restarts);
	ctl_counter(a, "master.mailers", master.mailers_started);
	ctl_answer_end(a, CTL_OK, "");
}

static void
orders_status(struct ctl_answer *a)
{
	ctl_row_begin(a);
	ctl_field_text(a, "what", span_str("daemon"));
	ctl_field_text(
	    a, "status", span_str(master.serving ? "running" : "starting"));
	ctl_row_end(a);
	ctl_row_begin(a);
	ctl_field_text(a, "what", span_str("smtp"));
	ctl_field_text(
	    a, "status", span_str(master.smtp_paused ? "paused" : "running"));
	ctl_row_end(a);
	ctl_answer_end(a, CTL_OK, "");
}

static void
orders_pause(struct ctl_answer *a, bool pause)
{
	struct child *c;

	master.smtp_paused = pause;
	LOG(EV_PAUSE, KS("what", "smtp"),
	    KS("now", pause ? "paused" : "running"));
	LIST_FOREACH(c, &master.children, entry) {
		if (c->role != ROLE_SESSION || c->state != CHILD_RUNNING ||
		    c->chan == NULL)
			continue;
		msg_begin(c->chan, M_PAUSE, 0);
		msg_put_u8(c->chan, pause ? 1 : 0);
		msg_send(c->chan);
	}
	ctl_answer_end(a, CTL_OK, pause ? "smtp paused" : "smtp running");
}

static void
orders_log(struct ctl_answer *a, int level)
{
	struct child *c;

	log_set_level(level);
	LIST_FOREACH(c, &master.children, entry) {
		if (c->chan == NULL)
			continue;
		msg_begin(c->chan, M_LOG_LEVEL, 0);
		msg_put_u8(c->chan, (uint8_t)level);
		msg_send(c->chan);
	}
	ctl_answer_end(a, CTL_OK, level == LOG_DEBUG ? "verbose" : "brief");
}

/* What fits of the errors, in whole lines. */
static void
orders_errors(struct span errors, char text[ORDERS_REPLY_MAX + 1])
{
	static const char more[] = "and more: smtpd -n shows all";
	size_t n = errors.len, room = ORDERS_REPLY_MAX;

	if (n > room) {
		n = room - (sizeof(more) - 1);
		while (n > 0 && errors.p[n - 1] != '\n')
			n--;
	}
	if (n > 0)
		memcpy(text, errors.p, n);
	text[n] = '\0';
	if (n < errors.len)
		strlcat(text, more, ORDERS_REPLY_MAX + 1);
	else if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
}

static void
orders_reload(struct ctl_answer *a)
{
	char text[ORDERS_REPLY_MAX + 1] = "reloaded";
	struct buf out;
	int error;

	buf_init(&out, ORDERS_TEXT_MAX);
	error = master_reload(&out);
	if (error != 0)
		orders_errors(buf_span(&out), text);
	buf_clear(&out);
	ctl_answer_end(a, error == 0 ? CTL_OK : CTL_FAILED, text);
}

int
orders_ask(struct chan *ch, struct msg *m)
{
	struct ctl_request req;
	struct ctl_answer a;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "request out of shape");
	ctl_answer_begin(&a, ch, m->id);
	switch ((unsigned)req.verb) {
	case CTL_SHOW_ROLES:
		orders_roles(&a);
		break;
	case CTL_SHOW_STATS:
		orders_stats(&a);
		break;
	case CTL_SHOW_STATUS:
		orders_status(&a);
		break;
	case CTL_PAUSE_SMTP:
	case CTL_RESUME_SMTP:
		orders_pause(&a, req.verb == CTL_PAUSE_SMTP);
		break;
	case CTL_LOG_BRIEF:
		orders_log(&a, LOG_INFO);
		break;
	case CTL_LOG_VERBOSE:
		orders_log(&a, LOG_DEBUG);
		break;
	case CTL_RELOAD:
		orders_reload(&a);
		break;
	default:
		ctl_answer_end(&a, CTL_USAGE, "not for the master");
		break;
	}
	return 0;
}

/* Answers of the master are whole when they are sent. */
int
orders_cancel(struct chan *ch, struct msg *m)
{
	return 0;
}
