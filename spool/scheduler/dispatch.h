/* SPDX-License-Identifier: ISC
 *
 * Which envelope goes to the delivery process or to a relay next: a window for
 * each of these two lanes as a whole and one for each destination,
 * destinations in turn, so that one that is stuck delays no other.  Nothing
 * here knows of processes or channels.
 *
 * What was in hand at a crash is a suspect.  In the local lane, where an
 * attempt is short, no two suspects fly together.  On other hosts one that is
 * slow must not hold up the rest: several fly that were in hand at one crash,
 * each to a destination of its own.  What was in hand at two flies without any
 * other suspect, so that a third tells which it is.
 *
 * The window of a destination on another host is not known: it begins small,
 * grows with each success, and falls to one envelope, a probe, when the host
 * cannot be reached or asks for less.
 */
#ifndef SCHEDULER_DISPATCH_H
#define SCHEDULER_DISPATCH_H

#include "spool/scheduler/queue.h"

struct dispatch_lane {
	uint64_t flying_max; /* in all */
	uint64_t dest_max;   /* of one destination */
	uint64_t flying;
	uint64_t suspects_max; /* that may fly together after one crash */
	uint64_t suspects_flying;
	bool alone; /* a suspect flies that no other may fly with */
	bool paused;
	struct dest_list turns;        /* with work and room in the window */
	struct dest_list laden;        /* those of them with much flying */
	bool laden_next;               /* one of these had no turn last time */
	struct envelope_list suspects; /* ready, after a crash */
};

struct dispatch {
	struct dispatch_lane lanes[LANE__MAX];
};

void dispatch_init(struct dispatch *);

/* Other windows of a lane; the destinations of the queue are looked at again. */
void dispatch_limits(struct dispatch *, struct queue *, enum lane,
    uint64_t flying_max, uint64_t dest_max);

/* The action of a destination sends, or does not any more.  One that has
 * something flying keeps its lane until that has landed. */
void dispatch_move(struct dispatch *, struct dest *, enum lane);

/* The envelope is due: it becomes SE_READY and waits for its turn. */
void dispatch_ready(struct dispatch *, struct queue *, struct envelope *);

/* Take an envelope out of SE_READY; the caller sets its next state. */
void dispatch_withdraw(struct dispatch *, struct envelope *);

/* Take all that is ready for a destination, suspects too, out of SE_READY and
 * into the list, by their ready; the caller sets the next state of each. */
void dispatch_withdraw_all(
    struct dispatch *, struct dest *, struct envelope_list *);

/* A crash while that suspect flies is its doing: no other flew with it. */
bool dispatch_flies_alone(const struct dispatch *, const struct envelope *);

/* Whose turn it is in that lane: it becomes SE_FLYING and counts.  NULL when
 * the windows are full or nothing is ready. */
struct envelope *dispatch_next(struct dispatch *, struct queue *, enum lane);

/* Let the envelope fly along with one that has just got its turn, of the same
 * message, if it is ready, no suspect, in that lane, and its destination has
 * room; to a relay, whatever is for the same destination.  False if not. */
bool dispatch_join(
    struct dispatch *, struct queue *, struct envelope *, enum lane);

/* Count an envelope as being with the delivery process, in that state, for a
 * report; false when the window is full. */
bool dispatch_report(
    struct dispatch *, struct queue *, struct envelope *, enum sched_state);

/* It came back, out of whichever of the three states; the caller sets its next
 * state. */
void dispatch_landed(struct dispatch *, struct envelope *);

/* Keep a destination from having its turn, or let it have that again. */
void dispatch_pause(struct dispatch *, struct dest *, bool);

/* The destination took something: more may fly. */
void dispatch_grow(struct dispatch *, struct dest *);

/* The destination as a whole takes nothing: one envelope may fly. */
void dispatch_shrink(struct dispatch *, struct dest *);

/* The envelope is with the delivery process or a relay. */
bool dispatch_is_flying(const struct envelope *);

#endif
