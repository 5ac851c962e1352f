/* SPDX-License-Identifier: ISC
 *
 * Disks that fail or are full: every call that touches the disk fails once,
 * and from some call on for ever.  What was answered with success is there
 * afterwards, what was answered with an error is not.
 */
#include <errno.h>

#include "regress/unit/store/faults.h"
#include "regress/unit/store/queue.h"

#define IDS 60

/* What must be true of a message at the next start. */
enum expect {
	ABSENT,
	PRESENT,
	EITHER
};

static size_t
work_len(uint64_t id)
{
	return id % 8 == 0 ? 12000 : 3000;
}

static void
work_answers(struct store *s, enum expect *expect)
{
	struct store_done d;

	while (store_done_next(s, &d)) {
		fault.refused += d.status != 0;
		if (d.msgid < IDS && d.status == 0)
			expect[d.msgid] = PRESENT;
		else if (d.msgid < IDS)
			expect[d.msgid] = fault.for_ever ? EITHER : ABSENT;
	}
}

/* Work for some segments, which go around: most messages are delivered soon
 * after they came, some stay. */
static void
fault_work(struct store *s, enum expect *expect)
{
	uint64_t id, out;

	for (id = 1; id < IDS; id++) {
		put_message(s, id, 1, work_len(id));
		if (id % 4 == 0)
			put_message(s, id + 100, 2, 500);
		out = id > 3 && id % 5 != 0 ? id - 3 : 0;
		if (expect[out] != PRESENT ||
		    put_outcome(s, out, 0, STORE_DELIVERED, 1) != 0)
			out = 0;
		else
			expect[out] = EITHER;
		if (store_commit(s) == 0 && out != 0)
			expect[out] = ABSENT;
		work_answers(s, expect);
		if (id % 5 == 0)
			store_tick(s, id * 1000);
		work_answers(s, expect);
	}
}

static void
fault_case(int at, int error, bool for_ever)
{
	enum expect expect[IDS] = { ABSENT };
	struct store *s;
	uint64_t id;
	bool good;

	(void)!system("rm -rf q");
	s = queue_open("q");
	fault.calls = 0;
	fault.fail_at = at;
	fault.fail_error = error;
	fault.for_ever = for_ever;
	fault.half = false;
	fault.refused = 0;
	fault_work(s, expect);
	/* a process that was killed does not tidy up */
	if (!for_ever)
		fault.fail_at = 0;
	store_close(s);
	fault.fail_at = 0;
	s = queue_open("q");
	for (id = 1; id < IDS; id++) {
		good = message_good(s, id, 1, work_len(id));
		ATF_CHECK_MSG(
		    expect[id] == EITHER || good == (expect[id] == PRESENT),
		    "call %d, message %d: expected %d", at, (int)id,
		    (int)expect[id]);
	}
	store_close(s);
}

ATF_TC(each_call_that_fails_once_loses_nothing_that_was_answered);
ATF_TC_HEAD(each_call_that_fails_once_loses_nothing_that_was_answered, tc)
{
	atf_tc_set_md_var(tc, "timeout", "300");
}
ATF_TC_BODY(each_call_that_fails_once_loses_nothing_that_was_answered, tc)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT, EMFILE };
	int at, calls;

	fault_case(0, 0, false);
	calls = fault.calls;
	printf("%d calls\n", calls);
	ATF_REQUIRE(calls > 100);
	for (at = 1; at <= calls; at++)
		fault_case(at, errors[at % 4], false);
}

ATF_TC(write_that_is_short_is_carried_on);
ATF_TC_HEAD(write_that_is_short_is_carried_on, tc)
{
	atf_tc_set_md_var(tc, "timeout", "300");
}
ATF_TC_BODY(write_that_is_short_is_carried_on, tc)
{
	int at, calls;

	fault_case(0, 0, false);
	calls = fault.calls;
	fault.writes = SHORT;
	for (at = 1; at <= calls; at++) {
		fault_case(at, 0, false);
		ATF_CHECK_EQ(0, fault.refused);
	}
}

ATF_TC(write_that_is_half_done_and_fails_loses_nothing_that_was_answered);
ATF_TC_HEAD(
    write_that_is_half_done_and_fails_loses_nothing_that_was_answered, tc)
{
	atf_tc_set_md_var(tc, "timeout", "300");
}
ATF_TC_BODY(
    write_that_is_half_done_and_fails_loses_nothing_that_was_answered, tc)
{
	int at, calls;

	fault_case(0, 0, false);
	calls = fault.calls;
	fault.writes = HALF;
	for (at = 1; at <= calls; at++)
		fault_case(at, ENOSPC, false);
}

ATF_TC(death_before_each_call_loses_nothing_that_was_answered);
ATF_TC_HEAD(death_before_each_call_loses_nothing_that_was_answered, tc)
{
	atf_tc_set_md_var(tc, "timeout", "300");
}
ATF_TC_BODY(death_before_each_call_loses_nothing_that_was_answered, tc)
{
	int at, calls;

	fault_case(0, 0, false);
	calls = fault.calls;
	for (at = 1; at <= calls; at++)
		fault_case(at, EIO, true);
}

/* Each call fails while a message is moved that was inline in a segment of
 * an earlier, larger size, and needs one of its own now. */
static void
fault_large(int at, bool for_ever)
{
	struct store_settings set = small_settings();
	struct store *s;
	uint64_t id;

	(void)!system("rm -rf q");
	fault.fail_at = 0;
	set.segment_size = 512 << 10;
	set.inline_max = 100000;
	s = queue_open_set("q", &set);
	put_message(s, 1, 1, 100);
	put_message(s, 2, 1, 90000);
	put_message(s, 3, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	s = queue_open("q");
	fault.calls = 0;
	fault.fail_at = at;
	fault.fail_error = at % 2 == 0 ? EIO : ENOSPC;
	fault.for_ever = for_ever;
	fault.half = false;
	for (id = 0; id < 8; id++)
		store_tick(s, id * 1000);
	if (!for_ever)
		fault.fail_at = 0;
	store_close(s);
	fault.fail_at = 0;
	s = queue_open("q");
	for (id = 1; id <= 3; id++)
		ATF_CHECK_MSG(message_good(s, id, 1, id == 2 ? 90000 : 100),
		    "call %d, message %d", at, (int)id);
	store_close(s);
}

ATF_TC(move_to_a_segment_of_its_own_loses_nothing);
ATF_TC_HEAD(move_to_a_segment_of_its_own_loses_nothing, tc)
{
	atf_tc_set_md_var(tc, "timeout", "60");
}
ATF_TC_BODY(move_to_a_segment_of_its_own_loses_nothing, tc)
{
	int at, calls;

	fault_large(0, false);
	calls = fault.calls;
	printf("%d calls\n", calls);
	for (at = 1; at <= calls; at++) {
		fault_large(at, false);
		fault_large(at, true);
	}
}

ATF_TC(large_message_stays_where_it_is_on_a_full_disk);
ATF_TC_HEAD(large_message_stays_where_it_is_on_a_full_disk, tc)
{
	atf_tc_set_md_var(tc, "timeout", "20");
}
ATF_TC_BODY(large_message_stays_where_it_is_on_a_full_disk, tc)
{
	struct store_settings set = small_settings();
	struct store_stats st;
	struct store *s;
	int i;

	set.segment_size = 512 << 10;
	set.inline_max = 100000;
	s = queue_open_set("q", &set);
	put_message(s, 1, 1, 90000);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	set = small_settings();
	set.reserve_bytes = 1 << 20;
	s = queue_open_set("q", &set);
	fault.room = 150; /* blocks: half of the reserve, and a little */
	for (i = 0; i < 20; i++)
		ATF_CHECK_EQ(1000, store_tick(s, (uint64_t)i * 1000));
	ATF_CHECK(message_good(s, 1, 1, 90000));
	store_stats(s, &st);
	ATF_CHECK_EQ(0, st.moved);
	ATF_CHECK(files_in("q/log") < 5);
	/* outcomes find their place */
	for (i = 0; i < 2000; i++) {
		put_outcome(s, 1, 0, STORE_DEFERRED, (uint16_t)i);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	fault.room = 0;
	tick_idle(s);
	store_stats(s, &st);
	ATF_CHECK(st.moved > 0);
	ATF_CHECK(st.segments < 4);
	ATF_CHECK(message_good(s, 1, 1, 90000));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(failed_sync_answers_an_error_and_the_log_goes_on);
ATF_TC_BODY(failed_sync_answers_an_error_and_the_log_goes_on, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;

	put_message(s, 1, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	put_message(s, 2, 1, 100);
	put_outcome(s, 1, 0, STORE_DEFERRED, 9);
	fault.calls = 0;
	fault.fail_at = 2; /* pwritev, then fdatasync */
	fault.fail_error = EIO;
	done_count(s, 0);
	ATF_CHECK_EQ(-E_IO, store_commit(s));
	fault.fail_at = 0;
	ATF_CHECK_EQ(1, done_count(s, -E_IO));
	ATF_CHECK_EQ(-E_IO, put_message(s, 2, 1, 100) == 0 ? -E_IO : 0);
	ATF_CHECK_EQ(0, store_commit(s));
	store_stats(s, &st);
	ATF_CHECK_EQ(1, st.sync_failures);
	ATF_CHECK_EQ(2, st.segments);
	ATF_CHECK_EQ(0, store_room(s));
	store_close(s);
	s = queue_open("q");
	ATF_CHECK(message_good(s, 1, 1, 100));
	ATF_CHECK(message_good(s, 2, 1, 100));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(outcome_outlives_the_failed_sync_of_its_batch);
ATF_TC_BODY(outcome_outlives_the_failed_sync_of_its_batch, tc)
{
	struct store *s = queue_open("q");
	struct store_message m;

	put_message(s, 1, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	put_outcome(s, 1, 0, STORE_DEFERRED, 9);
	fault.calls = 0;
	fault.fail_at = 1;
	fault.fail_error = EIO;
	fault.for_ever = true;
	ATF_CHECK(store_commit(s) != 0);
	ATF_CHECK_EQ(1, store_pending(s));
	ATF_CHECK_EQ(-E_IO, store_room(s));
	/* still broken: it goes on living, and accepts nothing */
	put_message(s, 2, 1, 100);
	done_count(s, 0);
	ATF_CHECK(store_commit(s) != 0);
	ATF_CHECK_EQ(0, done_count(s, 0));
	store_tick(s, 5000);
	/* mended: by itself it is well again */
	fault.fail_at = 0;
	fault.for_ever = false;
	store_tick(s, 10000);
	ATF_CHECK_EQ(0, store_pending(s));
	ATF_CHECK_EQ(0, store_room(s));
	store_close(s);
	s = queue_open("q");
	ATF_REQUIRE_EQ(0, store_read(s, 1, &m));
	ATF_CHECK_EQ(9, m.env[0].now.attempts);
	store_message_clear(&m);
	ATF_CHECK_EQ(-E_NOENT, store_read(s, 2, &m));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(full_disk_refuses_mail_but_records_outcomes);
ATF_TC_BODY(full_disk_refuses_mail_but_records_outcomes, tc)
{
	struct store_settings set = small_settings();
	struct store_stats st;
	struct store *s;
	uint64_t id, n;
	int i;

	set.reserve_bytes = 1 << 20;
	s = queue_open_set("q", &set);
	tick_idle(s);
	ATF_CHECK_EQ(0, store_room(s));
	fault.room = 10; /* blocks: less than the reserve */
	fault.no_files = true;
	store_tick(s, 1000000);
	ATF_CHECK_EQ(-E_NOSPACE, store_room(s));
	/* those who come in spite of it are refused when all is used up */
	for (id = 1; id < 200; id++) {
		put_message(s, id, 1, 3000);
		if (store_commit(s) != 0)
			break;
	}
	ATF_CHECK(id > 10 && id < 100);
	ATF_CHECK_EQ(1, done_count(s, -E_NOSPACE));
	n = id - 1;
	for (i = 0; i < 100; i++) {
		put_outcome(s, 1, 0, STORE_DEFERRED, (uint16_t)i);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	for (id = 1; id <= n; id++)
		ATF_CHECK_EQ(0, put_outcome(s, id, 0, STORE_DELIVERED, 1));
	ATF_CHECK_EQ(0, store_commit(s));
	fault.room = 0;
	fault.no_files = false;
	tick_idle(s);
	store_tick(s, 2000000);
	ATF_CHECK_EQ(0, store_room(s));
	store_stats(s, &st);
	ATF_CHECK_EQ(0, st.messages);
	ATF_CHECK_EQ(0, put_message(s, 500, 1, 3000));
	ATF_CHECK_EQ(0, store_commit(s));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(few_inodes_refuse_mail);
ATF_TC_BODY(few_inodes_refuse_mail, tc)
{
	struct store_settings set = small_settings();
	struct store *s;

	set.reserve_inodes = 50;
	fault.inodes = 50;
	s = queue_open_set("q", &set);
	tick_idle(s);
	ATF_CHECK_EQ(-E_NOSPACE, store_room(s));
	fault.inodes = 51;
	store_tick(s, 1000000);
	ATF_CHECK_EQ(0, store_room(s));
	fault.inodes = 0;
	store_tick(s, 2000000);
	ATF_CHECK_EQ(0, store_room(s));
	store_close(s);
}

/* Walk to the end as the spool process does, which tries again after each
 * error.  Returns how many messages it was told of. */
static int
walk_all(struct store *s, int *errors)
{
	struct store_message m;
	struct store_cursor c;
	int error, n = 0;

	*errors = 0;
	store_walk_start(s, &c);
	while ((error = store_walk_next(s, &c, &m)) != -E_NOENT) {
		if (error == 0) {
			n++;
			store_message_clear(&m);
		} else
			++*errors;
		ATF_REQUIRE(*errors < 1000);
	}
	return n;
}

ATF_TC_WITHOUT_HEAD(walk_waits_for_a_disk_that_fails_for_a_while);
ATF_TC_BODY(walk_waits_for_a_disk_that_fails_for_a_while, tc)
{
	struct store *s = queue_open("q");
	uint64_t id;
	int errors;

	for (id = 1; id <= 40; id++) {
		put_message(s, id, 1, 100);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	ATF_CHECK_EQ(40, walk_all(s, &errors));
	ATF_CHECK_EQ(0, errors);
	fault.bad_reads = 1;
	ATF_CHECK_EQ(40, walk_all(s, &errors));
	ATF_CHECK_EQ(1, errors);
	fault.bad_reads = 4;
	ATF_CHECK_EQ(40, walk_all(s, &errors));
	ATF_CHECK_EQ(4, errors);
	/* one that is never read is passed over: the rest is to be told */
	fault.bad_off = 1024;
	ATF_CHECK_EQ(39, walk_all(s, &errors));
	ATF_CHECK(errors > 0 && errors < 10);
	fault.bad_off = 0;
	/* and many of them do not add up */
	fault.bad_reads = 1000;
	ATF_CHECK_EQ(0, walk_all(s, &errors));
	ATF_CHECK(errors < 40);
	fault.bad_reads = 0;
	ATF_CHECK_EQ(40, walk_all(s, &errors));
	store_close(s);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(
	    tp, each_call_that_fails_once_loses_nothing_that_was_answered);
	ATF_TP_ADD_TC(
	    tp, death_before_each_call_loses_nothing_that_was_answered);
	ATF_TP_ADD_TC(tp, write_that_is_short_is_carried_on);
	ATF_TP_ADD_TC(tp,
	    write_that_is_half_done_and_fails_loses_nothing_that_was_answered);
	ATF_TP_ADD_TC(tp, move_to_a_segment_of_its_own_loses_nothing);
	ATF_TP_ADD_TC(tp, large_message_stays_where_it_is_on_a_full_disk);
	ATF_TP_ADD_TC(tp, failed_sync_answers_an_error_and_the_log_goes_on);
	ATF_TP_ADD_TC(tp, outcome_outlives_the_failed_sync_of_its_batch);
	ATF_TP_ADD_TC(tp, full_disk_refuses_mail_but_records_outcomes);
	ATF_TP_ADD_TC(tp, few_inodes_refuse_mail);
	ATF_TP_ADD_TC(tp, walk_waits_for_a_disk_that_fails_for_a_while);
	return atf_no_error();
}
