/* SPDX-License-Identifier: ISC
 *
 * The moves of an envelope.  Every change of state that is not a flight (see
 * dispatch.c) is made here, and what must be durable is told to the spool
 * here.
 */
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/retry.h"
#include "spool/scheduler/scheduler.h"

#define RECORD_AGAIN_S  60 /* without an answer of the spool */
#define REPORT_GATHER_S 3  /* for other recipients of its message */
#define REPORT_AGAIN_S  5  /* when a report cannot be asked for now */
#define WARN_AGAIN_S    60 /* the same for a warning */
#define CRASH_WAIT_S    5  /* times the number of crashes */

void
envelope_record(struct scheduler *s, struct envelope *e)
{
	struct chan *spool = role_peer(ROLE_SPOOL);
	enum env_state state = e->state == SE_RECORDING
	    ? (enum env_state)e->final
	    : queue_state_recorded((enum sched_state)e->state);

	/* it must not be sent again, whatever becomes of the report */
	if ((e->flags & ENVF_RELAYED) != 0 && e->state != SE_RECORDING)
		state = ENV_RELAYED;
	if (e->unrecorded < UINT16_MAX)
		e->unrecorded++;
	if (spool == NULL)
		return;
	msg_begin(spool, QUEUE_OUTCOME, e->msg->id);
	msg_put_u32(spool, e->index);
	msg_put_u8(spool, (uint8_t)state);
	msg_put_u64(spool, e->next_s);
	msg_put_u16(spool, e->attempts);
	msg_put_u8(spool, e->crashes);
	msg_put_u64(spool, e->tried_s);
	msg_put_span(spool, note_text(e->note));
	msg_put_span(spool, note_via(e->note));
	/* what cannot be sent now is told again: see envelope_due() */
	(void)msg_send(spool);
}

/* When to look at an envelope that waits: at its next try, or when its sender
 * is to be told before that. */
static uint32_t
wait_until(const struct envelope *e, uint32_t now_s)
{
	uint32_t warn_s;

	/* RFC 3464 is silent to the null reverse-path, as RFC 5321 6.1 is */
	if (e->msg->sender_len == 0)
		return e->next_s;
	warn_s = retry_warning_s(&role_config()->set.bounce_warn_interval_s,
	    e->msg->warned, e->msg->created_s);
	if (warn_s <= now_s)
		warn_s = now_s + WARN_AGAIN_S;
	return warn_s < e->next_s ? warn_s : e->next_s;
}

void
envelope_wait(struct scheduler *s, struct envelope *e, uint32_t next_s)
{
	uint32_t now_s = scheduler_now_s();

	if ((e->flags & ENVF_TAKEN) != 0) {
		if ((e->flags & ENVF_RELAYED) != 0)
			envelope_relayed(s, e);
		else
			envelope_finish(s, e, ENV_DELIVERED);
		return;
	}
	if ((e->flags & ENVF_REMOVE) != 0) {
		envelope_finish(s, e, ENV_REMOVED);
		return;
	}
	if ((e->flags & ENVF_HOLD) != 0) {
		envelope_park(s, e, SE_HELD);
		return;
	}
	e->next_s = next_s;
	if (next_s <= now_s)
		envelope_ready(s, e);
	else
		queue_envelope_state(
		    &s->queue, e, SE_WAITING, wait_until(e, now_s));
}

void
envelope_ready(struct scheduler *s, struct envelope *e)
{
	uint32_t now_s = scheduler_now_s();

	if (e->dest->hold_s <= now_s) {
		dispatch_ready(&s->dispatch, &s->queue, e);
		return;
	}
	e->next_s = e->dest->hold_s;
	queue_envelope_state(&s->queue, e, SE_WAITING, wait_until(e, now_s));
}

void
envelope_finish(struct scheduler *s, struct envelope *e, enum env_state final)
{
	e->final = (uint8_t) final;
	queue_envelope_state(
	    &s->queue, e, SE_RECORDING, scheduler_now_s() + RECORD_AGAIN_S);
	if (final == ENV_REMOVED) {
		s->counters[SC_REMOVED]++;
		LOG(EV_REMOVED, KI("message", e->msg->id),
		    KU("envelope", e->index), KB("rcpt", queue_rcpt(e)));
	}
	envelope_record(s, e);
}

void
envelope_park(struct scheduler *s, struct envelope *e, enum sched_state state)
{
	e->flags &= (uint8_t) ~(ENVF_HOLD | ENVF_REMOVE);
	queue_envelope_state(&s->queue, e, state, 0);
	envelope_record(s, e);
	if (state != SE_QUARANTINED)
		return;
	s->counters[SC_QUARANTINED]++;
	LOG(EV_QUARANTINED, KI("message", e->msg->id), KU("envelope", e->index),
	    KB("rcpt", queue_rcpt(e)), KU("crashes", e->crashes));
}

void
envelope_fail(struct scheduler *s, struct envelope *e, uint32_t when_s)
{
	/* no report that it failed, when the next host has it */
	if ((e->flags & (ENVF_TAKEN | ENVF_RELAYED)) == ENVF_TAKEN) {
		envelope_finish(s, e, ENV_DELIVERED);
		return;
	}
	if ((e->flags & ENVF_REMOVE) != 0) {
		envelope_finish(s, e, ENV_REMOVED);
		return;
	}
	queue_envelope_state(&s->queue, e, SE_FAILED, when_s);
}

void
envelope_relayed(struct scheduler *s, struct envelope *e)
{
	e->flags |= ENVF_RELAYED;
	envelope_fail(s, e, scheduler_now_s() + 1);
	if (e->state == SE_FAILED)
		envelope_record(s, e);
}

void
envelope_crash(struct scheduler *s, struct envelope *e, bool exact)
{
	bool report = e->state == SE_REPORTING;
	uint32_t when_s;

	/* One of many in flight is most likely innocent.  It becomes a suspect
	 * and flies with few or no others from now on.  What is recorded, and
	 * leads to a quarantine, is only what happened when it flew alone, lest
	 * restarts add up to that. */
	if (e->crashes < UINT8_MAX)
		e->crashes++;
	e->flags |= ENVF_IN_DOUBT;
	s->counters[SC_CRASHED]++;
	LOG(EV_DELIVERY_CRASHED, KI("message", e->msg->id),
	    KU("envelope", e->index), KB("rcpt", queue_rcpt(e)),
	    KU("crashes", e->crashes));
	if (exact && e->crashes >= role_config()->set.queue_max_crashes) {
		envelope_park(s, e, SE_QUARANTINED);
		return;
	}
	when_s = scheduler_now_s() + CRASH_WAIT_S * (uint32_t)e->crashes;
	if (report)
		envelope_fail(s, e, when_s);
	else
		envelope_wait(s, e, when_s);
	if (exact && e->state != SE_RECORDING)
		envelope_record(s, e);
}

/* What was sent on is not reported before that is durable.  The spool should
 * have answered: it is told again.  Whether it was. */
static bool
due_unrecorded(struct scheduler *s, struct envelope *e, uint32_t now_s)
{
	if ((e->flags & ENVF_RELAYED) == 0 || e->unrecorded == 0 ||
	    now_s - e->tried_s < RECORD_AGAIN_S)
		return false;
	e->unrecorded = 0;
	queue_envelope_state(&s->queue, e, SE_FAILED, now_s + RECORD_AGAIN_S);
	envelope_record(s, e);
	return true;
}

/* What else of its message fails at about the same time is told in the same
 * report; but what flies to a host that is slow can take an hour. */
static void
due_failed(struct scheduler *s, struct envelope *e, uint32_t now_s)
{
	bool gather =
	    e->msg->flying > 0 && now_s - e->tried_s < REPORT_GATHER_S;
	uint32_t again_s = gather ? 1 : REPORT_AGAIN_S;

	if (due_unrecorded(s, e, now_s))
		return;
	if (gather || !assign_failure(s, e->msg))
		queue_envelope_state(&s->queue, e, SE_FAILED, now_s + again_s);
}

/* An envelope that waits: it is due, or its sender is to be told. */
static void
due_waiting(struct scheduler *s, struct envelope *e, uint32_t now_s)
{
	if (now_s >= e->next_s) {
		envelope_ready(s, e);
		return;
	}
	if (now_s >= retry_warning_s(&role_config()->set.bounce_warn_interval_s,
			 e->msg->warned, e->msg->created_s) &&
	    assign_delay(s, e->msg))
		return;
	queue_envelope_state(&s->queue, e, SE_WAITING, wait_until(e, now_s));
}

void
envelope_due(struct scheduler *s, struct envelope *e, uint32_t now_s)
{
	switch ((enum sched_state)e->state) {
	case SE_WAITING:
		due_waiting(s, e, now_s);
		break;
	case SE_FAILED:
		due_failed(s, e, now_s);
		break;
	case SE_RECORDING:
		/* the spool should have answered: tell it again */
		e->unrecorded = 0;
		queue_envelope_state(
		    &s->queue, e, SE_RECORDING, now_s + RECORD_AGAIN_S);
		envelope_record(s, e);
		break;
	case SE_FLYING:
	case SE_REPORTING:
	case SE_WARNING:
		/* handed out before the spool was lost, and not heard of: the
		 * delivery process may never have got it */
		e->flags |= ENVF_IN_DOUBT;
		dispatch_landed(&s->dispatch, e);
		relays_release(s, e->dest);
		if (e->state == SE_REPORTING)
			envelope_fail(s, e, now_s + 1);
		else
			envelope_wait(s, e, now_s + 1);
		break;
	case SE_READY:
	case SE_HELD:
	case SE_QUARANTINED:
	case SE__MAX:
		queue_envelope_state(
		    &s->queue, e, (enum sched_state)e->state, 0);
		break;
	}
}
