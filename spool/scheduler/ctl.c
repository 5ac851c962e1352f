/* SPDX-License-Identifier: ISC
 *
 * smtpctl: the queue as rows, and orders.  What concerns the whole queue is a
 * job that goes on from the last message id in bounded steps, as the channels
 * have room; it survives every change of the queue in between.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/via.h"
#include "spool/scheduler/scheduler.h"

#define JOB_STEP 2000 /* envelopes before others have their turn */
#define JOBS_MAX 64
#define NODE_MAX 256 /* octets */

struct job {
	TAILQ_ENTRY(job) entry;
	uint64_t request;
	enum ctl_verb verb;
	uint64_t next_id; /* message to go on with */
	uint64_t count;   /* envelopes that were affected */
	bool end;
	size_t len; /* of the domain that it is for; 0: all */
	unsigned char node[NODE_MAX];
};

/* What has an end, which is only to be recorded, is in the queue no more. */
static bool
ctl_is_over(const struct envelope *e)
{
	return e->state == SE_RECORDING;
}

static bool
ctl_all_is_over(const struct message *m)
{
	uint32_t i;

	for (i = 0; i < m->nenv; i++) {
		if (!ctl_is_over(m->env[i]))
			return false;
	}
	return true;
}

static void
ctl_show_envelope(struct ctl_answer *a, const struct envelope *e)
{
	const struct message *m = e->msg;
	struct via via = via_parse(note_via(e->note));

	ctl_row_begin(a);
	ctl_field_id(a, "message", m->id);
	ctl_field_uint(a, "envelope", e->index);
	ctl_field_text(
	    a, "state", span_str(queue_state_word((enum sched_state)e->state)));
	ctl_field_text(a, "sender", queue_sender(m));
	ctl_field_text(a, "recipient", queue_rcpt(e));
	ctl_field_text(a, "action", queue_action(e->dest));
	ctl_field_text(a, "user", queue_user(e->dest));
	ctl_field_uint(a, "size", m->size);
	ctl_field_time(a, "created", m->created_s);
	ctl_field_time(a, "next", e->next_s);
	ctl_field_uint(a, "attempts", e->attempts);
	ctl_field_text(a, "error", note_text(e->note));
	ctl_field_text(a, "host", via.host);
	ctl_field_text(a, "address", via.address);
	ctl_field_text(a, "tls", via.tls);
	ctl_field_time(a, "tried", e->tried_s);
	ctl_row_end(a);
}

/* Advance past the message. */
static void
job_pass(struct job *j, const struct message *m)
{
	if (m->id == UINT64_MAX)
		j->end = true;
	else
		j->next_id = m->id + 1;
}

static struct message *
job_message(struct scheduler *s, struct job *j)
{
	struct message *m =
	    j->end ? NULL : queue_message_from(&s->queue, j->next_id);

	j->end = m == NULL;
	return m;
}

static void
job_show(struct scheduler *s, struct job *j, struct chan *control)
{
	struct ctl_answer a;
	struct message *m;
	uint32_t i, step = 0;

	ctl_answer_begin(&a, control, j->request);
	while (step < JOB_STEP && !chan_full(control) &&
	    (m = job_message(s, j)) != NULL) {
		for (i = 0; i < m->nenv; i++) {
			if (!ctl_is_over(m->env[i]))
				ctl_show_envelope(&a, m->env[i]);
		}
		step += m->nenv;
		job_pass(j, m);
	}
	if (j->end)
		ctl_answer_end(&a, CTL_OK, "");
	else
		ctl_answer_pause(&a);
}

static void
order_answer(struct chan *control, uint64_t request, enum ctl_verb verb,
    struct span what, uint64_t count)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " envelope%s", count,
	    count == 1 ? "" : "s");
	LOG(EV_ORDER, KS("order", ctl_verbs[verb].words), KB("what", what),
	    KU("envelopes", count));
	ctl_reply(control, request, CTL_OK, text);
}

static void
job_order(struct scheduler *s, struct job *j, struct chan *control)
{
	struct chan *spool = role_peer(ROLE_SPOOL);
	struct span node = { j->node, j->len };
	struct message *m;
	uint32_t i, step = 0;

	while (step < JOB_STEP && (spool == NULL || !chan_full(spool)) &&
	    (m = job_message(s, j)) != NULL) {
		for (i = 0; i < m->nenv; i++) {
			if (node.len == 0 || flush_means(node, m->env[i]))
				j->count += order_apply(s, m->env[i], j->verb);
		}
		step += m->nenv;
		job_pass(j, m);
	}
	if (j->end)
		order_answer(control, j->request, j->verb,
		    node.len == 0 ? span_str(CTL_ALL) : node, j->count);
}

/* Which channel a job waits for when it is full. */
static bool
job_blocked(const struct job *j, struct chan *control)
{
	struct chan *spool = role_peer(ROLE_SPOOL);

	if (j->verb == CTL_SHOW_QUEUE)
		return chan_full(control);
	return spool != NULL && chan_full(spool);
}

static void
job_free(struct scheduler *s, struct job *j)
{
	TAILQ_REMOVE(&s->jobs, j, entry);
	free(j);
}

bool
ctl_run(struct scheduler *s)
{
	struct chan *control = role_peer(ROLE_CONTROL);
	struct job *j, *next;
	bool more = false;

	if (control == NULL)
		return false;
	TAILQ_FOREACH_SAFE(j, &s->jobs, entry, next) {
		if (j->verb == CTL_SHOW_QUEUE)
			job_show(s, j, control);
		else if (s->loading)
			/* an order for all is for those to come, too */
			continue;
		else
			job_order(s, j, control);
		if (j->end)
			job_free(s, j);
		else if (!job_blocked(j, control))
			more = true;
	}
	return more;
}

/* For that domain; for all when it is empty. */
static void
job_start(struct scheduler *s, struct chan *ch, uint64_t request,
    enum ctl_verb verb, struct span node)
{
	struct job *j;
	size_t n = 0;

	TAILQ_FOREACH(j, &s->jobs, entry)
		n++;
	if (n >= JOBS_MAX || (j = chk_calloc(1, sizeof(*j))) == NULL) {
		ctl_reply(ch, request, CTL_FAILED, "too much at once");
		return;
	}
	j->request = request;
	j->verb = verb;
	j->len = node.len;
	if (node.len > 0)
		memcpy(j->node, node.p, node.len);
	TAILQ_INSERT_TAIL(&s->jobs, j, entry);
}

/* A domain, or '@' and a domain, as ETRN names them (RFC 1985 5). */
static bool
ctl_is_node(struct span s)
{
	return s.len > 1 && s.len <= NODE_MAX &&
	    (s.p[0] == '@' || memchr(s.p, '.', s.len) != NULL);
}

static void
ctl_order(struct scheduler *s, struct chan *ch, uint64_t request,
    const struct ctl_request *req)
{
	struct message *m;
	struct envelope *e = NULL;
	uint64_t id, count = 0;
	int64_t index;
	uint32_t i;

	if (req->nargs != 1) {
		ctl_reply(ch, request, CTL_USAGE, "ID or all is needed");
		return;
	}
	if (span_eq(req->args[0], span_str(CTL_ALL))) {
		job_start(s, ch, request, req->verb, (struct span){ NULL, 0 });
		return;
	}
	if (ctl_parse_id(req->args[0], &id, &index) != 0) {
		if (req->verb == CTL_SCHEDULE && ctl_is_node(req->args[0])) {
			job_start(s, ch, request, req->verb, req->args[0]);
			return;
		}
		ctl_reply(ch, request, CTL_USAGE,
		    "that is neither a message id nor a domain");
		return;
	}
	m = queue_message(&s->queue, id);
	if (m != NULL && index >= 0 && index <= UINT32_MAX)
		e = queue_envelope(m, (uint32_t)index);
	if (m == NULL ||
	    (index < 0 ? ctl_all_is_over(m) : e == NULL || ctl_is_over(e))) {
		if (s->loading)
			ctl_reply(ch, request, CTL_FAILED,
			    "the queue is being read; try again");
		else
			ctl_reply(ch, request, CTL_NO_SUCH, "not in the queue");
		return;
	}
	if (e != NULL)
		count = order_apply(s, e, req->verb);
	for (i = 0; e == NULL && i < m->nenv; i++)
		count += order_apply(s, m->env[i], req->verb);
	order_answer(ch, request, req->verb, req->args[0], count);
}

static void
ctl_stat(struct ctl_answer *a, const char *name, uint64_t value)
{
	char counter[64];

	snprintf(counter, sizeof(counter), "scheduler.%s", name);
	ctl_counter(a, counter, value);
}

static void
ctl_stats(struct scheduler *s, struct chan *ch, uint64_t request)
{
	static const char *const words[SC__MAX] = {
#define COUNTER(name, word) [name] = word,
#include "spool/scheduler/counters.def"
#undef COUNTER
	};
	struct ctl_answer a;
	char name[48];
	size_t i;

	ctl_answer_begin(&a, ch, request);
	ctl_stat(&a, "queued", s->queue.envelopes);
	ctl_stat(&a, "in-flight", s->dispatch.lanes[LANE_LOCAL].flying);
	ctl_stat(&a, "sending", s->dispatch.lanes[LANE_RELAY].flying);
	for (i = 0; i < SE__MAX; i++) {
		snprintf(name, sizeof(name), "queue.%s",
		    queue_state_word((enum sched_state)i));
		ctl_stat(&a, name, s->queue.in_state[i]);
	}
	for (i = 0; i < SC__MAX; i++)
		ctl_stat(&a, words[i], s->counters[i]);
	ctl_answer_end(&a, CTL_OK, "");
}

static void
ctl_status_lane(struct ctl_answer *a, const char *what, bool paused)
{
	ctl_row_begin(a);
	ctl_field_text(a, "what", span_str(what));
	ctl_field_text(a, "status", span_str(paused ? "paused" : "running"));
	ctl_row_end(a);
}

static void
ctl_status(struct scheduler *s, struct chan *ch, uint64_t request)
{
	struct ctl_answer a;

	ctl_answer_begin(&a, ch, request);
	ctl_status_lane(&a, "mda", s->dispatch.lanes[LANE_LOCAL].paused);
	ctl_status_lane(&a, "mta", s->dispatch.lanes[LANE_RELAY].paused);
	ctl_row_begin(&a);
	ctl_field_text(&a, "what", span_str("queue"));
	ctl_field_text(
	    &a, "status", span_str(s->loading ? "loading" : "loaded"));
	ctl_row_end(&a);
	ctl_answer_end(&a, CTL_OK, "");
}

static void
ctl_pause(
    struct scheduler *s, struct chan *ch, uint64_t request, enum ctl_verb verb)
{
	bool pause = verb == CTL_PAUSE_MDA || verb == CTL_PAUSE_MTA;
	bool local = verb == CTL_PAUSE_MDA || verb == CTL_RESUME_MDA;

	s->dispatch.lanes[local ? LANE_LOCAL : LANE_RELAY].paused = pause;
	LOG(EV_ORDER, KS("order", ctl_verbs[verb].words));
	ctl_reply(ch, request, CTL_OK, "");
}

int
ctl_ask(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct ctl_request req;

	if (ctl_request_read(msg, &req) != 0)
		return chan_violation(ch, "bad request");
	switch ((unsigned)req.verb) {
	case CTL_SHOW_QUEUE:
		job_start(s, ch, msg->id, req.verb, (struct span){ NULL, 0 });
		return 0;
	case CTL_SHOW_STATS:
		ctl_stats(s, ch, msg->id);
		return 0;
	case CTL_SHOW_STATUS:
		ctl_status(s, ch, msg->id);
		return 0;
	case CTL_SCHEDULE:
	case CTL_HOLD:
	case CTL_RELEASE:
	case CTL_REMOVE:
		ctl_order(s, ch, msg->id, &req);
		return 0;
	case CTL_PAUSE_MDA:
	case CTL_RESUME_MDA:
	case CTL_PAUSE_MTA:
	case CTL_RESUME_MTA:
		ctl_pause(s, ch, msg->id, req.verb);
		return 0;
	case CTL_PAUSE_ROUTE:
	case CTL_RESUME_ROUTE:
	case CTL_PAUSE_DOMAIN:
	case CTL_RESUME_DOMAIN:
		hoststats_order(s, ch, msg->id, &req);
		return 0;
	case CTL_SHOW_HOSTSTATS:
		hoststats_show(s, ch, msg->id);
		return 0;
	default:
		return chan_violation(ch, "a request for another role");
	}
}

int
ctl_cancel(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct job *j, *next;

	/* an order that has begun is carried through */
	TAILQ_FOREACH_SAFE(j, &s->jobs, entry, next) {
		if (j->request == msg->id && j->verb == CTL_SHOW_QUEUE)
			job_free(s, j);
	}
	return 0;
}

void
ctl_lost(struct scheduler *s)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&s->jobs)) != NULL)
		job_free(s, j);
}
