/* SPDX-License-Identifier: ISC
 *
 * The mailer process: takes messages from delivery and hands them to the
 * mailbox format of its action.  What gathers is made durable together: that
 * of a turn of the loop, or of some more time where nobody waits for it.
 */
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/confine/confine.h"

#define MAILER_ADDRESS_MAX 1024 /* octets of an address in a message */
#define MAILDIR_GATHER_MS  10

struct mailer_job mailer_job;

static const struct format {
	void (*put)(const struct mail *);
	void (*commit)(void);
	int gather_ms; /* until the commit; 0: it ends the turn */
} formats[] = {
	[ACTION_MAILDIR] = { maildir_put, maildir_commit, MAILDIR_GATHER_MS },
	/* its lock is waited for */
	[ACTION_MBOX] = { mbox_put, mbox_commit, 0 },
};

static const struct format terminal = { terminal_put, terminal_commit, 0 };
static const struct format *format;
static struct event *gathered;

#define MAILER_FORMATS (sizeof(formats) / sizeof(formats[0]))

void
mailer_report(uint64_t msgid, uint32_t index, const struct mail_result *r)
{
	struct chan *ch = role_peer(ROLE_DELIVERY);

	if (ch == NULL)
		return;
	msg_begin(ch, MAILBOX_DONE, msgid);
	msg_put_u32(ch, index);
	msg_put_u8(ch, (uint8_t)r->outcome);
	msg_put_span(ch, span_str(r->status));
	msg_put_span(ch, span_str(r->text));
	msg_send(ch);
}

bool
mailer_wait(int ms)
{
	struct chan *delivery = role_peer(ROLE_DELIVERY);
	struct pollfd p[2];

	if (delivery == NULL)
		return false;
	/* the end of a channel is told without being asked for */
	p[0] = (struct pollfd){ .fd = chan_fd(role_master()) };
	p[1] = (struct pollfd){ .fd = chan_fd(delivery) };
	return poll(p, 2, ms) == 0;
}

static int
mailer_copy(struct span s, char *out, size_t size)
{
	if (s.len >= size || memchr(s.p, '\0', s.len) != NULL)
		return -E_TOOLONG;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

/* M_MAILER.  0 or -E_*. */
static int
mailer_read_job(struct msg *m)
{
	struct mailer_job *job = &mailer_job;
	unsigned kind = rd_u8(&m->body);
	struct span user, home, text, hostname;
	const char *why;
	size_t at;

	user = rd_span(&m->body, sizeof(job->user));
	home = rd_span(&m->body, sizeof(job->home));
	text = rd_span(&m->body, TEMPLATE_TEXT_MAX);
	hostname = rd_span(&m->body, sizeof(job->hostname));
	job->delim = (char)rd_u8(&m->body);
	job->lock_timeout_s = rd_u32(&m->body);
	if (m->type != M_MAILER || !rd_done(&m->body) || kind >= MAILER_FORMATS)
		return -E_PEER;
	job->kind = (enum action_kind)kind;
	if (mailer_copy(user, job->user, sizeof(job->user)) != 0 ||
	    mailer_copy(home, job->home, sizeof(job->home)) != 0 ||
	    mailer_copy(hostname, job->hostname, sizeof(job->hostname)) != 0)
		return -E_TOOLONG;
	return template_parse(text, &job->path, &why, &at);
}

/* M_TERMINAL. */
static int
mailer_read_terminal(struct msg *m)
{
	struct mailer_job *job = &mailer_job;
	struct span user = rd_span(&m->body, sizeof(job->user));
	struct span line = rd_span(&m->body, sizeof(job->line));

	if (!rd_done(&m->body) || line.len == 0)
		return -E_PEER;
	if (mailer_copy(user, job->user, sizeof(job->user)) != 0 ||
	    mailer_copy(line, job->line, sizeof(job->line)) != 0)
		return -E_TOOLONG;
	format = &terminal;
	loop_at_turn(format->commit);
	return 0;
}

static int
mailer_prepare(const struct role_hello *h)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct msg m;
	int error;

	mailer_job.uid = h->uid;
	if ((error = role_next(buf, &m)) != 0)
		return error;
	if (m.type == M_TERMINAL)
		return mailer_read_terminal(&m);
	if ((error = mailer_read_job(&m)) != 0 ||
	    (error = place_base(&mailer_job)) != 0)
		return error;
	if (mailer_job.kind == ACTION_MBOX)
		mbox_prepare(&mailer_job, h->gid);
	format = &formats[mailer_job.kind];
	if (format->gather_ms == 0)
		loop_at_turn(format->commit);
	return 0;
}

static int
mailer_confine(const struct confine_params *given, const char **step)
{
	const char *dirs[] = { mailer_job.base, NULL };
	struct confine_params p = *given;
	char box[PATH_MAX];
	int error;

	p.dirs = dirs;
	if ((error = confine_become(&p, step)) != 0)
		return error;
	if (mailer_job.line[0] != '\0') {
		dirs[0] = NULL;
		terminal_open(&mailer_job);
		return confine_lock(&p, step);
	}
	/* a directory that the user cannot get to is the user's trouble: every
	 * message will say so */
	if (!place_reachable(&mailer_job))
		dirs[0] = NULL;
	/* a Maildir that is always the same is all that is left to it; else it
	 * is the directory that the mailboxes are in */
	else if (mailer_job.kind == ACTION_MAILDIR &&
	    place_is_fixed(&mailer_job) && maildir_prepare(box, sizeof(box)))
		dirs[0] = box;
	return confine_lock(&p, step);
}

static void
mailer_gathered(evutil_socket_t fd, short what, void *arg)
{
	format->commit();
}

/* More may come that shares the syncs of what has come. */
static void
mailer_gather(void)
{
	struct timeval tv = { 0, format->gather_ms * 1000 };

	if (gathered == NULL)
		gathered = evtimer_new(loop_base(), mailer_gathered, NULL);
	if (gathered == NULL)
		format->commit();
	else if (!evtimer_pending(gathered, NULL))
		evtimer_add(gathered, &tv);
}

/* MAILBOX_PUT and MAILBOX_PUT_FD. */
static int
mailer_put(struct chan *ch, struct msg *m)
{
	struct mail mail = { .msgid = m->id, .fd = -1 };

	mail.index = rd_u32(&m->body);
	mail.flags = rd_u8(&m->body);
	mail.created_s = rd_u64(&m->body);
	mail.sender = rd_span(&m->body, MAILER_ADDRESS_MAX);
	mail.rcpt = rd_span(&m->body, MAILER_ADDRESS_MAX);
	if (m->type == MAILBOX_PUT)
		mail.content = rd_span(&m->body, MSG_FRAME_MAX);
	else
		mail.fd = msg_take_fd(m, 0);
	if (rd_done(&m->body)) {
		format->put(&mail);
		if (format->gather_ms > 0)
			mailer_gather();
	}
	if (mail.fd >= 0)
		close(mail.fd);
	return rd_done(&m->body) ? 0 : chan_violation(ch, "put out of shape");
}

static void
mailer_stop(void)
{
	format->commit();
	role_exit(0);
}

/* No more work: delivery has closed the channel, or is gone. */
static void
mailer_peer_down(struct chan *ch)
{
	mailer_stop();
}

static const struct msg_handler handlers[] = {
	{ MAILBOX_PUT, mailer_put },
	{ MAILBOX_PUT_FD, mailer_put },
	{ MSG_NONE, NULL },
};

const struct role_ops mailer_ops = {
	.role = ROLE_MAILER,
	.prepare = mailer_prepare,
	.confine = mailer_confine,
	.stop = mailer_stop,
	.peer_down = mailer_peer_down,
	.handlers = handlers,
};
