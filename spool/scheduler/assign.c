/* SPDX-License-Identifier: ISC
 *
 * Handing out: the spool is told to give a message to the delivery process or
 * to a relay, with the envelopes that it is to deliver, to send or to report
 * on.
 */
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

#define ASSIGN_MAX     64  /* envelopes of one assignment: fit a frame */
#define ASSIGN_LOOK    256 /* envelopes of a message that are looked at */
#define UNREADABLE_S   3 /* before an attempt that the spool could not serve */
#define REPORT_ALONG_S 1 /* a failure is due so soon when it is new */

_Static_assert(
    ASSIGN_MAX *(18 + NOTE_STATUS_MAX + NOTE_TEXT_MAX + NOTE_VIA_MAX) < 61000,
    "an assignment fits a frame");

struct assignment {
	struct envelope *env[ASSIGN_MAX];
	uint16_t n;
};

static bool
assign_spool_listens(void)
{
	struct chan *spool = role_peer(ROLE_SPOOL);

	return spool != NULL && !chan_full(spool);
}

/* Take back what could not be handed out. */
static void
assign_back(struct scheduler *s, struct envelope *e)
{
	uint32_t when_s = scheduler_now_s() + UNREADABLE_S;

	dispatch_landed(&s->dispatch, e);
	relays_release(s, e->dest);
	if (e->state == SE_REPORTING)
		envelope_fail(s, e, when_s);
	else if (e->state == SE_WARNING)
		envelope_wait(s, e, e->next_s);
	else
		envelope_wait(s, e, when_s);
}

static void
assign_put(
    struct chan *spool, const struct envelope *e, enum deliver_purpose purpose)
{
	enum env_outcome outcome = OUT_DELIVERED;

	if (purpose == PURPOSE_DELAY)
		outcome = OUT_DEFERRED;
	else if (purpose == PURPOSE_RELAYED)
		outcome = OUT_RELAYED;
	else if (purpose == PURPOSE_FAILURE)
		outcome =
		    (e->flags & ENVF_EXPIRED) != 0 ? OUT_EXPIRED : OUT_FAILED;
	msg_put_u32(spool, e->index);
	msg_put_u8(
	    spool, (e->flags & ENVF_IN_DOUBT) != 0 ? DELIVER_IN_DOUBT : 0);
	msg_put_u8(spool, (uint8_t)outcome);
	if (purpose == PURPOSE_MAILBOX || purpose == PURPOSE_RELAY) {
		msg_put_span(spool, (struct span){ NULL, 0 });
		msg_put_span(spool, (struct span){ NULL, 0 });
		msg_put_span(spool, (struct span){ NULL, 0 });
		return;
	}
	msg_put_span(spool, note_status(e->note));
	msg_put_span(spool, note_text(e->note));
	msg_put_span(spool, note_via(e->note));
}

static void
assign_send(struct scheduler *s, const struct message *m,
    const struct assignment *a, enum deliver_purpose purpose,
    const struct chan *to)
{
	struct chan *spool = role_peer(ROLE_SPOOL);
	uint16_t i;

	msg_begin(spool, QUEUE_ASSIGN, m->id);
	msg_put_u8(spool, (uint8_t)chan_role(to));
	msg_put_u32(spool, chan_instance(to));
	msg_put_u8(spool, (uint8_t)purpose);
	msg_put_u16(spool, a->n);
	for (i = 0; i < a->n; i++)
		assign_put(spool, a->env[i], purpose);
	s->counters[SC_ASSIGNED] += a->n;
	if (msg_send(spool) == 0)
		return;
	for (i = 0; i < a->n; i++)
		assign_back(s, a->env[i]);
}

/* Further envelopes of the same message that may fly now, and to a relay for
 * the same destination. */
static void
assign_gather(struct scheduler *s, struct assignment *a, enum lane lane)
{
	struct envelope *e = a->env[0];
	struct message *m = e->msg;
	uint32_t i, from = queue_envelope_place(m, e->index) + 1;

	/* a suspect flies alone */
	if (e->crashes > 0)
		return;
	for (i = from; i < m->nenv && i - from < ASSIGN_LOOK; i++) {
		if (a->n == ASSIGN_MAX)
			break;
		if (lane == LANE_RELAY && m->env[i]->dest != e->dest)
			continue;
		if (dispatch_join(&s->dispatch, &s->queue, m->env[i], lane))
			a->env[a->n++] = m->env[i];
	}
}

static void
assign_local(struct scheduler *s)
{
	struct chan *to = role_peer(ROLE_DELIVERY);
	struct assignment a;

	while (to != NULL && assign_spool_listens()) {
		a.env[0] = dispatch_next(&s->dispatch, &s->queue, LANE_LOCAL);
		if (a.env[0] == NULL)
			break;
		a.n = 1;
		assign_gather(s, &a, LANE_LOCAL);
		assign_send(s, a.env[0]->msg, &a, PURPOSE_MAILBOX, to);
	}
}

static void
assign_relays(struct scheduler *s)
{
	struct assignment a;
	struct chan *to;

	if (scheduler_now_s() < s->relays_from_s)
		return;
	while (relays_any(s) && assign_spool_listens()) {
		a.env[0] = dispatch_next(&s->dispatch, &s->queue, LANE_RELAY);
		if (a.env[0] == NULL)
			break;
		a.n = 1;
		if ((to = relays_for(s, a.env[0]->dest)) == NULL) {
			/* its relay is about to end */
			assign_back(s, a.env[0]);
			continue;
		}
		assign_gather(s, &a, LANE_RELAY);
		assign_send(s, a.env[0]->msg, &a, PURPOSE_RELAY, to);
	}
}

void
assign_run(struct scheduler *s)
{
	assign_local(s);
	assign_relays(s);
}

/* What an envelope that is to be reported is reported as. */
static enum deliver_purpose
report_purpose(const struct envelope *e)
{
	if (e->state == SE_WAITING)
		return PURPOSE_DELAY;
	return (e->flags & ENVF_RELAYED) != 0 ? PURPOSE_RELAYED
					      : PURPOSE_FAILURE;
}

/* Whether an envelope is to be reported so, from that state, and now. */
static bool
report_is_due(const struct envelope *e, enum sched_state from,
    enum deliver_purpose purpose, uint32_t now_s)
{
	if (e->state != from || report_purpose(e) != purpose)
		return false;
	/* that it was sent on is durable before it is told */
	if (purpose == PURPOSE_RELAYED && e->unrecorded > 0)
		return false;
	/* what failed just now goes along with the others; a report that was
	 * put off stays so, whatever else of its message comes back */
	return from != SE_FAILED || e->due.due_s <= now_s + REPORT_ALONG_S;
}

/* Hand out the envelopes of a message that are in one state, for a report of
 * one kind. */
static bool
assign_report(struct scheduler *s, struct message *m, enum sched_state from,
    enum sched_state to, enum deliver_purpose purpose)
{
	struct chan *delivery = role_peer(ROLE_DELIVERY);
	struct assignment a = { .n = 0 };
	uint32_t i, now_s = scheduler_now_s();

	if (delivery == NULL || !assign_spool_listens())
		return false;
	for (i = 0; i < m->nenv && a.n < ASSIGN_MAX; i++) {
		if (!report_is_due(m->env[i], from, purpose, now_s))
			continue;
		if (!dispatch_report(&s->dispatch, &s->queue, m->env[i], to))
			break;
		a.env[a.n++] = m->env[i];
	}
	if (a.n > 0)
		assign_send(s, m, &a, purpose, delivery);
	return a.n > 0;
}

bool
assign_failure(struct scheduler *s, struct message *m)
{
	bool failed =
	    assign_report(s, m, SE_FAILED, SE_REPORTING, PURPOSE_FAILURE);
	bool relayed =
	    assign_report(s, m, SE_FAILED, SE_REPORTING, PURPOSE_RELAYED);

	return failed || relayed;
}

bool
assign_delay(struct scheduler *s, struct message *m)
{
	return assign_report(s, m, SE_WAITING, SE_WARNING, PURPOSE_DELAY);
}

/* Whether the process of that instance has the envelope; what an earlier one
 * was to get is in new hands. */
static bool
assign_is_with(const struct envelope *e, uint32_t instance)
{
	const struct chan *delivery = role_peer(ROLE_DELIVERY);

	if (!dispatch_is_flying(e))
		return false;
	if ((e->flags & ENVF_RELAYING) != 0)
		return e->dest->instance == instance;
	return delivery != NULL && chan_instance(delivery) == instance;
}

int
assign_unreadable(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	bool never = rd_u8(&msg->body) != 0;
	uint32_t instance = rd_u32(&msg->body);
	unsigned i, n = rd_u16(&msg->body);
	struct message *m = queue_message(&s->queue, msg->id);

	for (i = 0; i < n; i++) {
		uint32_t index = rd_u32(&msg->body);
		struct envelope *e =
		    m == NULL ? NULL : queue_envelope(m, index);

		if (msg->body.bad || e == NULL || !assign_is_with(e, instance))
			continue;
		if (never) {
			dispatch_landed(&s->dispatch, e);
			relays_release(s, e->dest);
			envelope_park(s, e, SE_QUARANTINED);
		} else
			assign_back(s, e);
	}
	if (!rd_done(&msg->body))
		return chan_violation(ch, "bad answer to an assignment");
	return 0;
}
