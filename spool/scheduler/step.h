/* SPDX-License-Identifier: ISC
 *
 * The table of steps.def: what an outcome means in which state.
 */
#ifndef SCHEDULER_STEP_H
#define SCHEDULER_STEP_H

#include "privsep/ipc/terms.h"
#include "spool/scheduler/queue.h"

enum sched_step {
	STEP_NONE, /* it was not asked for */
	STEP_DELIVERED,
	STEP_RELAYED, /* delivered, and that is to be reported */
	STEP_DEFERRED,
	STEP_FAILED,
	STEP_EXPIRED,
	STEP_CRASHED,
	STEP_REPORTED,
	STEP_REPORT_LATER,
	STEP_WARNED,
	STEP_WARN_LATER
};

/* What to do; STEP_NONE where steps.def has no row. */
enum sched_step step_find(enum sched_state, enum env_outcome);

#endif
