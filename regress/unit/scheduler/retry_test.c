/* SPDX-License-Identifier: ISC
 *
 * Retry, warning and expiry times (RFC 5321 4.5.4.1).  Class: (f) arithmetic.
 */
#include <atf-c.h>

#include "spool/scheduler/retry.h"

static const struct cfg_durations waits = { .n = 3, .s = { 100, 200, 1000 } };

ATF_TC_WITHOUT_HEAD(wait_follows_the_list_and_repeats_its_last);
ATF_TC_BODY(wait_follows_the_list_and_repeats_its_last, tc)
{
	ATF_CHECK_EQ(100, retry_wait_s(&waits, 0, 1, 7));
	ATF_CHECK_EQ(200, retry_wait_s(&waits, 0, 2, 7));
	ATF_CHECK_EQ(1000, retry_wait_s(&waits, 0, 3, 7));
	ATF_CHECK_EQ(1000, retry_wait_s(&waits, 0, 4, 7));
	ATF_CHECK_EQ(1000, retry_wait_s(&waits, 0, 65535, 7));
}

ATF_TC_WITHOUT_HEAD(wait_is_spread_by_the_jitter_and_no_more);
ATF_TC_BODY(wait_is_spread_by_the_jitter_and_no_more, tc)
{
	uint32_t r, wait, least = UINT32_MAX, most = 0;

	for (r = 0; r < 1000; r++) {
		wait = retry_wait_s(&waits, 10, 3, r * 2654435761U);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	ATF_CHECK(least >= 900 && least < 910);
	ATF_CHECK(most <= 1100 && most > 1090);
}

ATF_TC_WITHOUT_HEAD(wait_is_never_zero);
ATF_TC_BODY(wait_is_never_zero, tc)
{
	static const struct cfg_durations one = { .n = 1, .s = { 1 } };

	ATF_CHECK_EQ(1, retry_wait_s(&one, 100, 1, 0));
	ATF_CHECK_EQ(1, retry_wait_s(&one, 50, 0, UINT32_MAX));
}

ATF_TC_WITHOUT_HEAD(next_try_is_not_after_the_time_to_live);
ATF_TC_BODY(next_try_is_not_after_the_time_to_live, tc)
{
	ATF_CHECK_EQ(1100, retry_next_s(1000, 100, 900, 500));
	ATF_CHECK_EQ(1400, retry_next_s(1000, 800, 900, 500));
	/* and not at once, when the clock has jumped */
	ATF_CHECK_EQ(9001, retry_next_s(9000, 800, 900, 500));
}

ATF_TC_WITHOUT_HEAD(times_stop_at_the_end_of_the_clock);
ATF_TC_BODY(times_stop_at_the_end_of_the_clock, tc)
{
	ATF_CHECK_EQ(UINT32_MAX,
	    retry_next_s(UINT32_MAX - 5, 800, UINT32_MAX - 6, UINT64_MAX));
	ATF_CHECK(!retry_expired(UINT32_MAX - 1, UINT32_MAX - 9, 1000));
}

ATF_TC_WITHOUT_HEAD(envelope_expires_at_its_time_to_live);
ATF_TC_BODY(envelope_expires_at_its_time_to_live, tc)
{
	ATF_CHECK(!retry_expired(1499, 1000, 500));
	ATF_CHECK(retry_expired(1500, 1000, 500));
}

ATF_TC_WITHOUT_HEAD(warnings_come_at_each_age_once);
ATF_TC_BODY(warnings_come_at_each_age_once, tc)
{
	ATF_CHECK_EQ(0, retry_warnings(&waits, 1099, 1000));
	ATF_CHECK_EQ(1, retry_warnings(&waits, 1100, 1000));
	ATF_CHECK_EQ(2, retry_warnings(&waits, 1999, 1000));
	ATF_CHECK_EQ(3, retry_warnings(&waits, 99999, 1000));
	ATF_CHECK_EQ(1200, retry_warning_s(&waits, 1, 1000));
	ATF_CHECK_EQ(UINT32_MAX, retry_warning_s(&waits, 3, 1000));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, wait_follows_the_list_and_repeats_its_last);
	ATF_TP_ADD_TC(tp, wait_is_spread_by_the_jitter_and_no_more);
	ATF_TP_ADD_TC(tp, wait_is_never_zero);
	ATF_TP_ADD_TC(tp, next_try_is_not_after_the_time_to_live);
	ATF_TP_ADD_TC(tp, times_stop_at_the_end_of_the_clock);
	ATF_TP_ADD_TC(tp, envelope_expires_at_its_time_to_live);
	ATF_TP_ADD_TC(tp, warnings_come_at_each_age_once);
	return atf_no_error();
}
