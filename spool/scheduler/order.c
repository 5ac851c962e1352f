/* SPDX-License-Identifier: ISC
 *
 * What an administrator's order does to an envelope.  One that is with the
 * delivery process is not called back: the order waits for its return.
 */
#include "spool/scheduler/scheduler.h"

/* Out of its queue, so that it can take another state. */
static void
order_withdraw(struct scheduler *s, struct envelope *e)
{
	if (e->state == SE_READY)
		dispatch_withdraw(&s->dispatch, e);
}

static bool
order_schedule(struct scheduler *s, struct envelope *e)
{
	if (e->state != SE_WAITING)
		return false;
	e->dest->hold_s = 0;
	envelope_wait(s, e, scheduler_now_s());
	return true;
}

static bool
order_hold(struct scheduler *s, struct envelope *e)
{
	if (dispatch_is_flying(e)) {
		e->flags |= ENVF_HOLD;
		return true;
	}
	if (e->state != SE_WAITING && e->state != SE_READY)
		return false;
	order_withdraw(s, e);
	envelope_park(s, e, SE_HELD);
	return true;
}

static bool
order_release(struct scheduler *s, struct envelope *e)
{
	if ((e->flags & ENVF_HOLD) != 0) {
		e->flags &= (uint8_t)~ENVF_HOLD;
		return true;
	}
	if (e->state != SE_HELD && e->state != SE_QUARANTINED)
		return false;
	e->crashes = 0;
	/* what the next host has is only to be reported, never sent again */
	if ((e->flags & ENVF_RELAYED) != 0)
		envelope_fail(s, e, scheduler_now_s());
	else
		envelope_wait(s, e, scheduler_now_s());
	envelope_record(s, e);
	return true;
}

static bool
order_remove(struct scheduler *s, struct envelope *e)
{
	if (e->state == SE_RECORDING)
		return false;
	if (dispatch_is_flying(e)) {
		e->flags |= ENVF_REMOVE;
		return true;
	}
	order_withdraw(s, e);
	envelope_finish(s, e, ENV_REMOVED);
	return true;
}

bool
order_apply(struct scheduler *s, struct envelope *e, enum ctl_verb verb)
{
	switch ((unsigned)verb) {
	case CTL_SCHEDULE:
		return order_schedule(s, e);
	case CTL_HOLD:
		return order_hold(s, e);
	case CTL_RELEASE:
		return order_release(s, e);
	case CTL_REMOVE:
		return order_remove(s, e);
	default:
		return false;
	}
}
