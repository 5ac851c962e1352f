/* SPDX-License-Identifier: ISC
 *
 * Every pair of state and outcome against what it has to mean.  Class: (h)
 * what delivery was not asked for.
 */
#include <atf-c.h>

#include "spool/scheduler/step.h"

static const struct {
	enum sched_state state;
	enum sched_step step[OUT__MAX]; /* by outcome, in their order */
} expected[] = {
	{ SE_FLYING,
	    { STEP_DELIVERED, STEP_DEFERRED, STEP_FAILED, STEP_EXPIRED,
		STEP_CRASHED, STEP_NONE, STEP_RELAYED } },
	{ SE_WARNING,
	    { STEP_NONE, STEP_WARN_LATER, STEP_NONE, STEP_NONE, STEP_NONE,
		STEP_WARNED } },
	{ SE_REPORTING,
	    { STEP_NONE, STEP_REPORT_LATER, STEP_NONE, STEP_NONE, STEP_NONE,
		STEP_REPORTED } },
};

#define N (sizeof(expected) / sizeof(expected[0]))

ATF_TC_WITHOUT_HEAD(outcome_of_an_assigned_envelope_has_its_step);
ATF_TC_BODY(outcome_of_an_assigned_envelope_has_its_step, tc)
{
	size_t i, out;

	for (i = 0; i < N; i++) {
		for (out = 0; out < OUT__MAX; out++)
			ATF_CHECK_EQ(expected[i].step[out],
			    step_find(
				expected[i].state, (enum env_outcome)out));
	}
}

ATF_TC_WITHOUT_HEAD(outcome_of_an_envelope_not_assigned_is_refused);
ATF_TC_BODY(outcome_of_an_envelope_not_assigned_is_refused, tc)
{
	size_t i, state, out;

	for (state = 0; state < SE__MAX; state++) {
		bool assigned = false;

		for (i = 0; i < N; i++)
			assigned |= expected[i].state == state;
		for (out = 0; !assigned && out < OUT__MAX; out++)
			ATF_CHECK_EQ(STEP_NONE,
			    step_find((enum sched_state)state,
				(enum env_outcome)out));
	}
}

ATF_TC_WITHOUT_HEAD(state_that_is_parked_is_recorded_as_such);
ATF_TC_BODY(state_that_is_parked_is_recorded_as_such, tc)
{
	ATF_CHECK_EQ(ENV_HELD, queue_state_recorded(SE_HELD));
	ATF_CHECK_EQ(ENV_QUARANTINED, queue_state_recorded(SE_QUARANTINED));
	ATF_CHECK_EQ(ENV_WAITING, queue_state_recorded(SE_FLYING));
	ATF_CHECK_EQ(ENV_WAITING, queue_state_recorded(SE_REPORTING));
	ATF_CHECK_STREQ("waiting", queue_state_word(SE_WAITING));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, outcome_of_an_assigned_envelope_has_its_step);
	ATF_TP_ADD_TC(tp, outcome_of_an_envelope_not_assigned_is_refused);
	ATF_TP_ADD_TC(tp, state_that_is_parked_is_recorded_as_such);
	return atf_no_error();
}
