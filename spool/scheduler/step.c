/* SPDX-License-Identifier: ISC
 *
 * The table of outcomes.  See step.h.
 */
#include "spool/scheduler/step.h"

static const enum sched_step steps[SE__MAX][OUT__MAX] = {
#define STEP(state, outcome, step) [state][outcome] = step,
#include "spool/scheduler/steps.def"
#undef STEP
};

enum sched_step
step_find(enum sched_state state, enum env_outcome outcome)
{
	return steps[state][outcome];
}
