/* SPDX-License-Identifier: ISC
 *
 * Messages whose record is larger than a segment of the present size: it was
 * made smaller since they came, or they gathered many texts.  They stay, can
 * be read and moved, and hold up nothing.
 */
#include "regress/unit/store/queue.h"

#define SEGMENT (64 << 10)
#define INLINE  200000
#define TEXTS   100

/* A queue of larger segments, with a message in one that is too large for
 * those that it is opened with now, among others. */
static struct store *
queue_shrunk(void)
{
	struct store_settings set = small_settings();
	struct store *s;
	uint64_t id;

	set.segment_size = 1 << 20;
	set.inline_max = 250000;
	s = queue_open_set("q", &set);
	for (id = 1; id <= 3; id++) {
		ATF_REQUIRE_EQ(
		    0, put_message(s, id, 1, id == 2 ? INLINE : 1000));
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	store_close(s);
	return queue_open("q");
}

/* Mail that comes and goes, so that old segments are to be given back. */
static void
traffic(struct store *s)
{
	uint64_t id;

	for (id = 1000; id < 1400; id++) {
		ATF_REQUIRE_EQ(0, put_message(s, id, 1, 6000));
		ATF_REQUIRE_EQ(0, store_commit(s));
		ATF_REQUIRE_EQ(0, put_outcome(s, id, 0, STORE_DELIVERED, 1));
		ATF_REQUIRE_EQ(0, store_commit(s));
		if (id % 10 == 0)
			store_tick(s, id * 1000);
		/* where this fails, it is not to fill the disk first */
		ATF_REQUIRE(files_in("q/log") < 100);
	}
	tick_idle(s);
	done_count(s, 0);
}

static bool
shrunk_good(struct store *s)
{
	return message_good(s, 1, 1, 1000) && message_good(s, 2, 1, INLINE) &&
	    message_good(s, 3, 1, 1000);
}

ATF_TC(message_of_larger_segments_gets_one_of_its_own);
ATF_TC_HEAD(message_of_larger_segments_gets_one_of_its_own, tc)
{
	atf_tc_set_md_var(tc, "timeout", "20");
}
ATF_TC_BODY(message_of_larger_segments_gets_one_of_its_own, tc)
{
	struct store *s = queue_shrunk();
	struct store_stats st;
	struct stat file;
	int turn;

	ATF_CHECK(shrunk_good(s));
	for (turn = 0; turn < 3; turn++) {
		traffic(s);
		ATF_CHECK(shrunk_good(s));
		store_stats(s, &st);
		ATF_CHECK(st.moved >= 3);
		ATF_CHECK(st.segments < 12);
		ATF_CHECK_EQ(1000, store_tick(s, 10000000));
		store_close(s);
		s = queue_open("q");
		ATF_CHECK(shrunk_good(s));
	}
	/* the segment of the earlier size is gone; with the last message the
	 * one that was made for it goes, too */
	ATF_CHECK_EQ(-1, stat("q/log/00000001", &file));
	put_outcome(s, 2, 0, STORE_DELIVERED, 1);
	ATF_REQUIRE_EQ(0, store_commit(s));
	traffic(s);
	store_close(s);
	ATF_CHECK_EQ(0, system("! find q/log -size +64k | grep ."));
}

ATF_TC(message_of_many_texts_gets_a_segment_of_its_own);
ATF_TC_HEAD(message_of_many_texts_gets_a_segment_of_its_own, tc)
{
	atf_tc_set_md_var(tc, "timeout", "20");
}
ATF_TC_BODY(message_of_many_texts_gets_a_segment_of_its_own, tc)
{
	static unsigned char text[STORE_STATUS_MAX];
	struct store_outcome o = { .attempts = 1,
		.status = { text, sizeof(text) } };
	struct store *s = queue_open("q");
	struct store_message m;
	uint32_t i;

	memset(text, 't', sizeof(text));
	ATF_REQUIRE_EQ(0, put_message(s, 1, TEXTS, 5000));
	ATF_REQUIRE_EQ(0, store_commit(s));
	for (i = 0; i < TEXTS; i++) {
		o.state = i % 10 == 0 ? STORE_DEFERRED : STORE_FAILED;
		ATF_REQUIRE_EQ(0, store_outcome(s, 1, i, &o));
	}
	ATF_REQUIRE_EQ(0, store_commit(s));
	traffic(s);
	store_close(s);
	s = queue_open("q");
	ATF_CHECK(message_good(s, 1, TEXTS, 5000));
	ATF_REQUIRE_EQ(0, store_read(s, 1, &m));
	for (i = 0; i < TEXTS; i++) {
		ATF_CHECK_EQ(i % 10 == 0 ? STORE_DEFERRED : STORE_FAILED,
		    m.env[i].now.state);
		ATF_CHECK(span_eq(o.status, m.env[i].now.status));
	}
	store_message_clear(&m);
	ATF_CHECK(files_in("q/log") < 20);
	store_close(s);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, message_of_larger_segments_gets_one_of_its_own);
	ATF_TP_ADD_TC(tp, message_of_many_texts_gets_a_segment_of_its_own);
	return atf_no_error();
}
