/* SPDX-License-Identifier: ISC
 *
 * Windows and turns.  See dispatch.h.
 */
#include "spool/scheduler/dispatch.h"

#define DEST_SHARE 4 /* that each may have flying while a lane fills up */

void
dispatch_init(struct dispatch *d)
{
	enum lane i;

	*d = (struct dispatch){ .suspects_flying = 0 };
	TAILQ_INIT(&d->suspects);
	for (i = LANE_LOCAL; i < LANE__MAX; i++) {
		d->lanes[i].flying_max = d->lanes[i].dest_max = 1;
		TAILQ_INIT(&d->lanes[i].turns);
	}
}

static bool
dest_has_room(const struct dispatch *d, const struct dest *dest)
{
	uint64_t window = d->lanes[dest->lane].dest_max;

	if (dest->lane == LANE_RELAY && dest->window < window)
		window = dest->window;
	return !dest->paused && dest->flying < window;
}

/* Half of a lane is for whoever has work; the other half for those that have
 * little flying, lest slow ones come to fill it all. */
static bool
dest_may_fly(const struct dispatch_lane *lane, const struct dest *dest)
{
	return lane->flying < lane->flying_max / 2 ||
	    dest->lane != LANE_RELAY || dest->flying < DEST_SHARE;
}

/* A destination is on the list of turns exactly as long as it has work and
 * room. */
static void
dest_list(struct dispatch *d, struct dest *dest)
{
	bool wanted = !TAILQ_EMPTY(&dest->ready) && dest_has_room(d, dest);
	struct dest_list *turns = &d->lanes[dest->lane].turns;

	if (wanted && !dest->listed)
		TAILQ_INSERT_TAIL(turns, dest, turn);
	if (!wanted && dest->listed)
		TAILQ_REMOVE(turns, dest, turn);
	dest->listed = wanted;
}

void
dispatch_limits(struct dispatch *d, struct queue *q, enum lane lane,
    uint64_t flying_max, uint64_t dest_max)
{
	struct dest *dest;

	d->lanes[lane].flying_max = flying_max;
	d->lanes[lane].dest_max = dest_max;
	for (dest = queue_dest_first(q); dest != NULL;
	     dest = queue_dest_next(dest))
		dest_list(d, dest);
}

void
dispatch_move(struct dispatch *d, struct dest *dest, enum lane lane)
{
	if (dest->lane == lane || dest->flying > 0)
		return;
	if (dest->listed)
		TAILQ_REMOVE(&d->lanes[dest->lane].turns, dest, turn);
	dest->listed = false;
	dest->lane = (uint8_t)lane;
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

/* The lane that an envelope is counted in: reports are local, whatever they
 * are about. */
static struct dispatch_lane *
flight_lane(struct dispatch *d, const struct envelope *e)
{
	return &d->lanes[(e->flags & ENVF_RELAYING) != 0 ? LANE_RELAY
							 : LANE_LOCAL];
}

static void
envelope_fly(struct dispatch *d, struct queue *q, struct envelope *e,
    enum sched_state state)
{
	queue_envelope_state(q, e, state, 0);
	if (state == SE_FLYING) {
		if (e->dest->lane == LANE_RELAY)
			e->flags |= ENVF_RELAYING;
		e->dest->flying++;
	}
	flight_lane(d, e)->flying++;
	e->msg->flying++;
	if (e->crashes > 0) {
		e->flags |= ENVF_SUSPECT;
		d->suspects_flying++;
	}
	dest_list(d, e->dest);
}

/* The first suspect whose destination has room, when none is flying. */
static struct envelope *
suspect_next(struct dispatch *d, enum lane lane)
{
	struct envelope *e;

	if (d->suspects_flying > 0)
		return NULL;
	TAILQ_FOREACH(e, &d->suspects, ready) {
		if (e->dest->lane == lane && dest_has_room(d, e->dest))
			return e;
	}
	return NULL;
}

/* Whose turn it is goes to the end of the list, if it stays there at all. */
static struct dest *
dest_next(struct dispatch_lane *lane)
{
	struct dest *dest;

	TAILQ_FOREACH(dest, &lane->turns, turn) {
		if (!dest_may_fly(lane, dest))
			continue;
		TAILQ_REMOVE(&lane->turns, dest, turn);
		dest->listed = false;
		return dest;
	}
	return NULL;
}

struct envelope *
dispatch_next(struct dispatch *d, struct queue *q, enum lane lane)
{
	struct dispatch_lane *l = &d->lanes[lane];
	struct envelope *e;
	struct dest *dest;

	if (l->paused || l->flying >= l->flying_max)
		return NULL;
	if ((e = suspect_next(d, lane)) == NULL) {
		if ((dest = dest_next(l)) == NULL)
			return NULL;
		e = TAILQ_FIRST(&dest->ready);
	}
	dispatch_withdraw(d, e);
	envelope_fly(d, q, e, SE_FLYING);
	return e;
}

bool
dispatch_join(
    struct dispatch *d, struct queue *q, struct envelope *e, enum lane lane)
{
	struct dispatch_lane *l = &d->lanes[lane];

	if (e->state != SE_READY || e->crashes > 0 || e->dest->lane != lane ||
	    l->flying >= l->flying_max)
		return false;
	/* to a relay a message is one transaction for all its recipients, also
	 * where it is the one that probes */
	if (lane != LANE_RELAY && !dest_has_room(d, e->dest))
		return false;
	dispatch_withdraw(d, e);
	envelope_fly(d, q, e, SE_FLYING);
	return true;
}

bool
dispatch_report(struct dispatch *d, struct queue *q, struct envelope *e,
    enum sched_state state)
{
	if (d->lanes[LANE_LOCAL].flying >= d->lanes[LANE_LOCAL].flying_max)
		return false;
	envelope_fly(d, q, e, state);
	return true;
}

void
dispatch_landed(struct dispatch *d, struct envelope *e)
{
	flight_lane(d, e)->flying--;
	e->flags &= (uint8_t)~ENVF_RELAYING;
	if (e->state == SE_FLYING)
		e->dest->flying--;
	e->msg->flying--;
	if ((e->flags & ENVF_SUSPECT) != 0) {
		e->flags &= (uint8_t)~ENVF_SUSPECT;
		d->suspects_flying--;
	}
	dest_list(d, e->dest);
}

void
dispatch_pause(struct dispatch *d, struct dest *dest, bool pause)
{
	dest->paused = pause;
	dest_list(d, dest);
}

void
dispatch_grow(struct dispatch *d, struct dest *dest)
{
	if (dest->window < d->lanes[LANE_RELAY].dest_max)
		dest->window++;
	dest_list(d, dest);
}

void
dispatch_shrink(struct dispatch *d, struct dest *dest)
{
	dest->window = 1;
	dest_list(d, dest);
}

bool
dispatch_is_flying(const struct envelope *e)
{
	return e->state == SE_FLYING || e->state == SE_REPORTING ||
	    e->state == SE_WARNING;
}
