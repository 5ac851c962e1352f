/* SPDX-License-Identifier: ISC
 *
 * What a relay reports of mail that this scheduler did not give to it, or gave
 * up when the spool was lost.  A relay outlives both, and what it has sent on
 * by then must not go again: the next host cannot tell that it has it.
 *
 * Right after its start the scheduler hands nothing to relays which are older
 * than itself for STRAYS_HOLD_S, so that most of what is under way is reported
 * before it would be assigned anew.  What is reported before the spool has
 * told of it is remembered.  What is in other hands already cannot be called
 * back; it goes no third time.
 *
 * That something was not sent needs no such care, since it is tried again.
 * And since no record says what the relay was given, it is believed for a
 * while only, and only of mail for other hosts that was in doubt.
 */
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

#define STRAYS_HOLD_S 5

static uint32_t
strays_time_s(void)
{
	return 4 * (uint32_t)role_config()->set.relay_timeout_data_end_s;
}

void
strays_relay(struct scheduler *s, const struct chan *ch)
{
	uint32_t now_s = scheduler_now_s();

	/* instances are counted up, and the first scheduler is before the
	 * first relay */
	if (chan_instance(ch) > role_instance() || s->strays_until_s != 0)
		return;
	s->relays_from_s = now_s + STRAYS_HOLD_S;
	s->strays_until_s = now_s + strays_time_s();
}

void
strays_spool_lost(struct scheduler *s)
{
	s->strays_until_s = scheduler_now_s() + strays_time_s();
}

static void
strays_keep(struct scheduler *s, uint64_t id, const struct report *r)
{
	/* beyond that number it goes twice, which is better than never */
	if (s->nstrays < STRAYS_MAX)
		s->stray[s->nstrays++] =
		    (struct stray){ id, r->index, r->outcome };
}

/* Whether it is in nobody's hands, and can be ended here. */
static bool
strays_at_hand(const struct envelope *e)
{
	enum sched_state state = (enum sched_state)e->state;

	/* that the next host has it may be known, and waits to be reported */
	if ((e->flags & ENVF_RELAYED) != 0)
		return false;
	return state == SE_WAITING || state == SE_READY || state == SE_FAILED ||
	    state == SE_HELD || state == SE_QUARANTINED;
}

static void
strays_taken(struct scheduler *s, struct envelope *e, const struct report *r)
{
	bool relayed = r->outcome == OUT_RELAYED;
	bool flies = e->state == SE_FLYING || e->state == SE_WARNING;

	if (e->dest->lane != LANE_RELAY || (e->flags & ENVF_IN_DOUBT) == 0 ||
	    (!flies && !strays_at_hand(e)))
		return;
	if (relayed) {
		e->flags |= ENVF_RELAYED;
		queue_note_set(
		    &s->queue, e, r->status, r->text, NOTE_TEXT_MAX, r->via);
	}
	if (flies) {
		e->flags |= ENVF_TAKEN;
		return;
	}
	if (e->state == SE_READY)
		dispatch_withdraw(&s->dispatch, e);
	s->counters[SC_DELIVERED]++;
	if (relayed)
		envelope_relayed(s, e);
	else
		envelope_finish(s, e, ENV_DELIVERED);
}

int
strays_outcome(struct scheduler *s, struct chan *ch, struct envelope *e,
    uint64_t id, const struct report *r)
{
	if (s->strays_until_s == 0)
		return chan_violation(ch, "outcome of what it does not have");
	if (scheduler_now_s() > s->strays_until_s ||
	    (r->outcome != OUT_DELIVERED && r->outcome != OUT_RELAYED))
		return 0;
	if (e != NULL)
		strays_taken(s, e, r);
	else if (s->loading)
		strays_keep(s, id, r);
	return 0;
}

void
strays_met(struct scheduler *s, struct envelope *e)
{
	struct report r = {
		.index = e->index,
		.status = span_str("2.0.0"),
		.text = span_str("sent while the queue was being read"),
	};
	size_t i;

	for (i = 0; i < s->nstrays; i++) {
		if (s->stray[i].id != e->msg->id ||
		    s->stray[i].index != e->index)
			continue;
		r.outcome = s->stray[i].outcome;
		s->stray[i] = s->stray[--s->nstrays];
		strays_taken(s, e, &r);
		return;
	}
}
