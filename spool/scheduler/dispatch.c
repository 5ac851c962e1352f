/* SPDX-License-Identifier: ISC
 *
 * Windows and turns.  See dispatch.h.
 */
#include "spool/scheduler/dispatch.h"

void
dispatch_init(struct dispatch *d)
{
	*d = (struct dispatch){ .flying_max = 1, .dest_max = 1 };
	TAILQ_INIT(&d->turns);
	TAILQ_INIT(&d->suspects);
}

/* A destination is on the list of turns exactly as long as it has work and
 * room. */
static void
dest_list(struct dispatch *d, struct dest *dest)
{
	bool wanted = !TAILQ_EMPTY(&dest->ready) && dest->flying < d->dest_max;

	if (wanted && !dest->listed)
		TAILQ_INSERT_TAIL(&d->turns, dest, turn);
	if (!wanted && dest->listed)
		TAILQ_REMOVE(&d->turns, dest, turn);
	dest->listed = wanted;
}

void
dispatch_limits(
    struct dispatch *d, struct queue *q, uint64_t flying_max, uint64_t dest_max)
{
	struct dest *dest;

	d->flying_max = flying_max;
	d->dest_max = dest_max;
	for (dest = queue_dest_first(q); dest != NULL;
	     dest = queue_dest_next(dest))
		dest_list(d, dest);
}

void
dispatch_ready(struct dispatch *d, struct queue *q, struct envelope *e)
{
	queue_envelope_state(q, e, SE_READY, 0);
	if (e->crashes > 0) {
		TAILQ_INSERT_TAIL(&d->suspects, e, ready);
		return;
	}
	TAILQ_INSERT_TAIL(&e->dest->ready, e, ready);
	dest_list(d, e->dest);
}

void
dispatch_withdraw(struct dispatch *d, struct envelope *e)
{
	if (e->crashes > 0) {
		TAILQ_REMOVE(&d->suspects, e, ready);
		return;
	}
	TAILQ_REMOVE(&e->dest->ready, e, ready);
	dest_list(d, e->dest);
}

static void
envelope_fly(struct dispatch *d, struct queue *q, struct envelope *e,
    enum sched_state state)
{
	queue_envelope_state(q, e, state, 0);
	d->flying++;
	e->dest->flying++;
	e->msg->flying++;
	if (e->crashes > 0) {
		e->flags |= ENVF_SUSPECT;
		d->suspects_flying++;
	}
	dest_list(d, e->dest);
}

/* The first suspect whose destination has room, when none is flying. */
static struct envelope *
suspect_next(struct dispatch *d)
{
	struct envelope *e;

	if (d->suspects_flying > 0)
		return NULL;
	TAILQ_FOREACH(e, &d->suspects, ready) {
		if (e->dest->flying < d->dest_max)
			return e;
	}
	return NULL;
}

struct envelope *
dispatch_next(struct dispatch *d, struct queue *q)
{
	struct envelope *e;
	struct dest *dest;

	if (d->flying >= d->flying_max)
		return NULL;
	if ((e = suspect_next(d)) == NULL) {
		if ((dest = TAILQ_FIRST(&d->turns)) == NULL)
			return NULL;
		/* to the end of the list, if it stays there at all */
		TAILQ_REMOVE(&d->turns, dest, turn);
		dest->listed = false;
		e = TAILQ_FIRST(&dest->ready);
	}
	dispatch_withdraw(d, e);
	envelope_fly(d, q, e, SE_FLYING);
	return e;
}

bool
dispatch_join(struct dispatch *d, struct queue *q, struct envelope *e)
{
	if (e->state != SE_READY || e->crashes > 0 ||
	    d->flying >= d->flying_max || e->dest->flying >= d->dest_max)
		return false;
	dispatch_withdraw(d, e);
	envelope_fly(d, q, e, SE_FLYING);
	return true;
}

bool
dispatch_report(struct dispatch *d, struct queue *q, struct envelope *e,
    enum sched_state state)
{
	if (d->flying >= d->flying_max)
		return false;
	envelope_fly(d, q, e, state);
	return true;
}

void
dispatch_landed(struct dispatch *d, struct envelope *e)
{
	d->flying--;
	e->dest->flying--;
	e->msg->flying--;
	if ((e->flags & ENVF_SUSPECT) != 0) {
		e->flags &= (uint8_t)~ENVF_SUSPECT;
		d->suspects_flying--;
	}
	dest_list(d, e->dest);
}

bool
dispatch_is_flying(const struct envelope *e)
{
	return e->state == SE_FLYING || e->state == SE_REPORTING ||
	    e->state == SE_WARNING;
}
