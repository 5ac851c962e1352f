/* SPDX-License-Identifier: ISC
 *
 * Handing out: the spool is told to give a message to the delivery process, or
 * to a relay, with the envelopes that it is to deliver, to send on or to report
 * on.
 */
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

#define ASSIGN_MAX   100 /* envelopes of one assignment: fit a frame */
#define ASSIGN_LOOK  256 /* envelopes of a message that are looked at */
#define UNREADABLE_S 3   /* before an attempt that the spool could not serve */

_Static_assert(ASSIGN_MAX *(14 + NOTE_STATUS_MAX + NOTE_TEXT_MAX) < 61000,
    "an assignment fits a frame");

struct assignment {
	struct envelope *env[ASSIGN_MAX];
	uint16_t n;
};

/* The spool is there and listens. */
static bool
assign_possible(void)
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
	msg_put_span(spool, queue_note_status(e));
	msg_put_span(spool, queue_note_text(e));
	msg_put_span(spool, (struct span){ NULL, 0 });
}

static void
assign_all_back(struct scheduler *s, const struct assignment *a)
{
	uint16_t i;

	for (i = 0; i < a->n; i++)
		assign_back(s, a->env[i]);
}

/* Give it to that process, which may not be there. */
static void
assign_send(struct scheduler *s, const struct message *m,
    const struct assignment *a, enum deliver_purpose purpose, struct chan *to)
{
	struct chan *spool = role_peer(ROLE_SPOOL);
	uint16_t i;

	if (to == NULL) {
		assign_all_back(s, a);
		return;
	}
	msg_begin(spool, QUEUE_ASSIGN, m->id);
	msg_put_u8(spool, (uint8_t)chan_role(to));
	msg_put_u32(spool, chan_instance(to));
	msg_put_u8(spool, (uint8_t)purpose);
	msg_put_u16(spool, a->n);
	for (i = 0; i < a->n; i++) {
		a->env[i]->holder = chan_instance(to);
		assign_put(spool, a->env[i], purpose);
	}
	s->counters[SC_ASSIGNED] += a->n;
	if (msg_send(spool) != 0)
		assign_all_back(s, a);
}

/* Further envelopes of the same message that may fly now. */
static void
assign_gather(struct scheduler *s, struct assignment *a)
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
		/* a relay sends what goes one way in one transaction */
		if (relays_serve(m->env[i]->dest) != relays_serve(e->dest) ||
		    (relays_serve(e->dest) && m->env[i]->dest != e->dest))
			continue;
		if (dispatch_join(&s->dispatch, &s->queue, m->env[i]))
			a->env[a->n++] = m->env[i];
	}
}

/* Deliver it here, or send it on: to the process that the destination has. */
static void
assign_deliver(struct scheduler *s, const struct assignment *a)
{
	const struct envelope *e = a->env[0];

	if (relays_serve(e->dest))
		assign_send(
		    s, e->msg, a, PURPOSE_RELAY, relays_for(s, e->dest));
	else
		assign_send(
		    s, e->msg, a, PURPOSE_MAILBOX, role_peer(ROLE_DELIVERY));
}

void
assign_run(struct scheduler *s)
{
	struct assignment a;

	while (!s->paused && assign_possible() &&
	    role_peer(ROLE_DELIVERY) != NULL) {
		a.env[0] = dispatch_next(&s->dispatch, &s->queue);
		if (a.env[0] == NULL)
			break;
		a.n = 1;
		assign_gather(s, &a);
		assign_deliver(s, &a);
	}
}

/* Hand out the envelopes of a message that are in one state, for a report. */
static bool
assign_report(struct scheduler *s, struct message *m, enum sched_state from,
    enum sched_state to, enum deliver_purpose purpose)
{
	struct assignment a = { .n = 0 };
	uint32_t i;

	if (!assign_possible() || role_peer(ROLE_DELIVERY) == NULL)
		return false;
	for (i = 0; i < m->nenv && a.n < ASSIGN_MAX; i++) {
		if (m->env[i]->state != from)
			continue;
		if (!dispatch_report(&s->dispatch, &s->queue, m->env[i], to))
			break;
		a.env[a.n++] = m->env[i];
	}
	if (a.n > 0)
		assign_send(s, m, &a, purpose, role_peer(ROLE_DELIVERY));
	return a.n > 0;
}

bool
assign_failure(struct scheduler *s, struct message *m)
{
	return assign_report(s, m, SE_FAILED, SE_REPORTING, PURPOSE_FAILURE);
}

bool
assign_delay(struct scheduler *s, struct message *m)
{
	return assign_report(s, m, SE_WAITING, SE_WARNING, PURPOSE_DELAY);
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

		/* what an earlier process was to get is in new hands */
		if (msg->body.bad || e == NULL || !dispatch_is_flying(e) ||
		    e->holder != instance)
			continue;
		if (never) {
			dispatch_landed(&s->dispatch, e);
			envelope_park(s, e, SE_QUARANTINED);
		} else
			assign_back(s, e);
	}
	if (!rd_done(&msg->body))
		return chan_violation(ch, "bad answer to an assignment");
	return 0;
}
