/* SPDX-License-Identifier: ISC
 *
 * Which envelope goes to the delivery process next: a window for the whole
 * and one for each user, users in turn, so that a mailbox that is stuck
 * delays nobody else.  What was in hand at a crash flies with no other such.
 * Nothing here knows of processes or channels.
 */
#ifndef SCHEDULER_DISPATCH_H
#define SCHEDULER_DISPATCH_H

#include "spool/scheduler/queue.h"

struct dispatch {
	uint64_t flying_max; /* in all */
	uint64_t dest_max;   /* of one destination */
	uint64_t flying;
	uint64_t suspects_flying;
	struct dest_list turns;        /* with work and room in the window */
	struct envelope_list suspects; /* ready, after a crash */
};

void dispatch_init(struct dispatch *);

/* Other windows; the destinations of the queue are looked at again. */
void dispatch_limits(
    struct dispatch *, struct queue *, uint64_t flying_max, uint64_t dest_max);

/* The envelope is due: it becomes SE_READY and waits for its turn. */
void dispatch_ready(struct dispatch *, struct queue *, struct envelope *);

/* Take an envelope out of SE_READY; the caller sets its next state. */
void dispatch_withdraw(struct dispatch *, struct envelope *);

/* Whose turn it is: it becomes SE_FLYING and counts.  NULL when the windows
 * are full or nothing is ready. */
struct envelope *dispatch_next(struct dispatch *, struct queue *);

/* Let the envelope of the same message fly along, if it is ready, no suspect,
 * and its destination has room.  False if not. */
bool dispatch_join(struct dispatch *, struct queue *, struct envelope *);

/* Count an envelope as being with the delivery process, in that state, for a
 * report; false when the window is full. */
bool dispatch_report(
    struct dispatch *, struct queue *, struct envelope *, enum sched_state);

/* It came back from there, out of whichever of the three states; the caller
 * sets its next state. */
void dispatch_landed(struct dispatch *, struct envelope *);

/* The envelope is with the delivery process. */
bool dispatch_is_flying(const struct envelope *);

#endif
