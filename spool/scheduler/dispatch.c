/* SPDX-License-Identifier: ISC
 *
 * Windows and turns.  See dispatch.h.
 */
#include "spool/scheduler/dispatch.h"

#define DEST_SHARE   4  /* that each may have flying while a lane fills up */
#define SUSPECTS_FAR 16 /* that fly together to other hosts */

void
dispatch_init(struct dispatch *d)
{
	enum lane i;

	*d = (struct dispatch){ 0 };
	for (i = LANE_LOCAL; i < LANE__MAX; i++) {
		d->lanes[i].flying_max = d->lanes[i].dest_max = 1;
		d->lanes[i].suspects_max = 1;
		TAILQ_INIT(&d->lanes[i].turns);
		TAILQ_INIT(&d->lanes[i].laden);
		TAILQ_INIT(&d->lanes[i].suspects);
	}
	d->lanes[LANE_RELAY].suspects_max = SUSPECTS_FAR;
}

static bool
dest_has_room(const struct dispatch *d, const struct dest *dest)
{
	uint64_t window = d->lanes[dest->lane].dest_max;

	if (dest->lane == LANE_RELAY && dest->window < window)
		window = dest->window;
	return !dest->paused && dest->flying < window;
}

/* Out of the list that it is on, if any. */
static void
dest_unlist(struct dispatch *d, struct dest *dest)
{
	struct dispatch_lane *lane = &d->lanes[dest->lane];

	if (dest->listed)
		TAILQ_REMOVE(
		    dest->laden ? &lane->laden : &lane->turns, dest, turn);
	dest->listed = false;
}

/* A destination is on a list of turns exactly as long as it has work and room:
 * on a list of its own when it has much flying already, so that the next one
 * which may fly is always the first of a list. */
static void
dest_list(struct dispatch *d, struct dest *dest)
{
	struct dispatch_lane *lane = &d->lanes[dest->lane];
	bool wanted = !TAILQ_EMPTY(&dest->ready) && dest_has_room(d, dest);
	bool laden = dest->lane == LANE_RELAY && dest->flying >= DEST_SHARE;

	if (dest->listed && wanted && dest->laden == laden)
		return;
	dest_unlist(d, dest);
	dest->listed = wanted;
	dest->laden = laden;
	if (wanted)
		TAILQ_INSERT_TAIL(
		    laden ? &lane->laden : &lane->turns, dest, turn);
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

/* The ready suspects of a destination go to the end of another list. */
static void
suspects_move(
    struct dispatch_lane *from, struct dest *dest, struct envelope_list *to)
{
	struct envelope *e, *next;

	TAILQ_FOREACH_SAFE(e, &from->suspects, ready, next) {
		if (e->dest != dest)
			continue;
		TAILQ_REMOVE(&from->suspects, e, ready);
		TAILQ_INSERT_TAIL(to, e, ready);
	}
}

void
dispatch_move(struct dispatch *d, struct dest *dest, enum lane lane)
{
	if (dest->lane == lane || dest->flying > 0)
		return;
	dest_unlist(d, dest);
	suspects_move(&d->lanes[dest->lane], dest, &d->lanes[lane].suspects);
	dest->lane = (uint8_t)lane;
	dest_list(d, dest);
}

void
dispatch_ready(struct dispatch *d, struct queue *q, struct envelope *e)
{
	queue_envelope_state(q, e, SE_READY, 0);
	if (e->crashes > 0) {
		TAILQ_INSERT_TAIL(&d->lanes[e->dest->lane].suspects, e, ready);
		return;
	}
	TAILQ_INSERT_TAIL(&e->dest->ready, e, ready);
	dest_list(d, e->dest);
}

void
dispatch_withdraw(struct dispatch *d, struct envelope *e)
{
	if (e->crashes > 0) {
		TAILQ_REMOVE(&d->lanes[e->dest->lane].suspects, e, ready);
		return;
	}
	TAILQ_REMOVE(&e->dest->ready, e, ready);
	dest_list(d, e->dest);
}

void
dispatch_withdraw_all(
    struct dispatch *d, struct dest *dest, struct envelope_list *to)
{
	TAILQ_CONCAT(to, &dest->ready, ready);
	suspects_move(&d->lanes[dest->lane], dest, to);
	dest_list(d, dest);
}

/* The lane that an envelope is counted in: reports are local, whatever they
 * are about. */
static struct dispatch_lane *
flight_lane(struct dispatch *d, const struct envelope *e)
{
	return &d->lanes[(e->flags & ENVF_RELAYING) != 0 ? LANE_RELAY
							 : LANE_LOCAL];
}

/* A suspect that may fly beside others: one crash is no proof. */
static bool
suspect_is_mild(const struct dispatch_lane *lane, const struct envelope *e)
{
	return lane->suspects_max > 1 && e->crashes == 1;
}

/* A report of a suspect is counted with the suspects of the local lane. */
static void
suspect_fly(struct dispatch *d, struct envelope *e)
{
	struct dispatch_lane *lane = flight_lane(d, e);

	e->flags |= ENVF_SUSPECT;
	lane->suspects_flying++;
	if (!suspect_is_mild(lane, e))
		lane->alone = true;
	if (e->state == SE_FLYING)
		e->dest->suspect = true;
}

static void
suspect_landed(struct dispatch *d, struct envelope *e)
{
	struct dispatch_lane *lane = flight_lane(d, e);

	e->flags &= (uint8_t)~ENVF_SUSPECT;
	if (--lane->suspects_flying == 0)
		lane->alone = false;
	if (e->state == SE_FLYING)
		e->dest->suspect = false;
}

bool
dispatch_flies_alone(const struct dispatch *d, const struct envelope *e)
{
	return (e->flags & ENVF_SUSPECT) != 0 &&
	    ((e->flags & ENVF_RELAYING) == 0 ||
		!suspect_is_mild(&d->lanes[LANE_RELAY], e));
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
	if (e->crashes > 0)
		suspect_fly(d, e);
	dest_list(d, e->dest);
}

/* The first suspect that may fly beside those which do. */
static struct envelope *
suspect_next(struct dispatch *d, struct dispatch_lane *lane)
{
	struct envelope *e;

	if (lane->alone || lane->suspects_flying >= lane->suspects_max)
		return NULL;
	TAILQ_FOREACH(e, &lane->suspects, ready) {
		if (lane->suspects_flying > 0 && !suspect_is_mild(lane, e))
			continue;
		if (!e->dest->suspect && dest_has_room(d, e->dest))
			return e;
	}
	return NULL;
}

/* Whose turn it is; it goes to the end of a list, if it stays on any.  Half of
 * a lane is for whoever has work; the other half for those that have little
 * flying, lest slow ones come to fill it all. */
static struct dest *
dest_next(struct dispatch *d, struct dispatch_lane *lane)
{
	bool room = lane->flying < lane->flying_max / 2;
	struct dest *dest = TAILQ_FIRST(&lane->turns);
	struct dest *laden = room ? TAILQ_FIRST(&lane->laden) : NULL;

	if (laden != NULL && (dest == NULL || lane->laden_next))
		dest = laden;
	lane->laden_next = dest != laden;
	if (dest != NULL)
		dest_unlist(d, dest);
	return dest;
}

struct envelope *
dispatch_next(struct dispatch *d, struct queue *q, enum lane lane)
{
	struct dispatch_lane *l = &d->lanes[lane];
	struct envelope *e;
	struct dest *dest;

	if (l->paused || l->flying >= l->flying_max)
		return NULL;
	if ((e = suspect_next(d, l)) == NULL) {
		if ((dest = dest_next(d, l)) == NULL)
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
	if ((e->flags & ENVF_SUSPECT) != 0)
		suspect_landed(d, e);
	e->flags &= (uint8_t)~ENVF_RELAYING;
	if (e->state == SE_FLYING)
		e->dest->flying--;
	e->msg->flying--;
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
