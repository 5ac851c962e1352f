/* SPDX-License-Identifier: ISC
 *
 * Messages whose record is as large as a segment, since they are for many; or
 * larger than one of the present size: it was made smaller since they came, or
 * they gathered many texts.  They stay, can be read and moved, and hold up
 * nothing.
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

/* A message for as many as can be added, at most max, with len octets. */
static uint32_t
put_crowd(struct store *s, uint64_t id, uint32_t max, size_t len)
{
	struct store_meta meta = { .msgid = id, .sender = span_str("a@b.c") };
	struct store_envelope e = { .action = span_str("relay") };
	unsigned char content[5000];
	struct store_tx *tx;
	char rcpt[100];
	uint32_t i;
	size_t j;

	for (j = 0; j < len; j++)
		content[j] = octet_at(id, j);
	ATF_REQUIRE_EQ(0, store_tx_open(s, &meta, id + 7, &tx));
	for (i = 0; i < max; i++) {
		snprintf(rcpt, sizeof(rcpt), "%065u@example.com", i);
		e.rcpt = e.orig = span_str(rcpt);
		if (store_tx_envelope(tx, &e) == -E_TOOLONG)
			break;
		ATF_REQUIRE_EQ(i + 1, store_tx_envelopes(tx));
	}
	ATF_REQUIRE_EQ(i, store_tx_envelopes(tx));
	ATF_REQUIRE_EQ(0, store_tx_write(tx, (struct span){ content, len }));
	ATF_REQUIRE_EQ(0, store_tx_commit(tx));
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_REQUIRE_EQ(1, done_count(s, 0));
	return i;
}

/* It is there, the last envelope too, with its content in a file or not. */
static void
check_crowd(struct store *s, uint64_t id, uint32_t envs, size_t len, bool big)
{
	unsigned char content[5000];
	struct store_message m;
	char rcpt[100];
	int fd;

	ATF_REQUIRE_EQ(0, store_read(s, id, &m));
	ATF_REQUIRE_EQ(envs, m.env_len);
	snprintf(rcpt, sizeof(rcpt), "%065u@example.com", envs - 1);
	ATF_CHECK(span_eq(span_str(rcpt), m.env[envs - 1].rcpt));
	ATF_CHECK(span_eq(span_str(rcpt), m.env[envs - 1].orig));
	ATF_CHECK_EQ(len, m.content_len);
	ATF_CHECK_EQ(big, m.big);
	if (m.big) {
		fd = store_big(s, id);
		ATF_REQUIRE(fd >= 0);
		ATF_CHECK_EQ((ssize_t)len, pread(fd, content, len, 0));
		close(fd);
		ATF_CHECK(content_good(id, content, len));
	} else {
		ATF_REQUIRE_EQ(len, m.content.len);
		ATF_CHECK(content_good(id, m.content.p, len));
	}
	store_message_clear(&m);
}

ATF_TC_WITHOUT_HEAD(ten_thousand_long_recipients_fit_the_usual_segment);
ATF_TC_BODY(ten_thousand_long_recipients_fit_the_usual_segment, tc)
{
	struct store_settings set;
	struct store *s;

	store_settings_default(&set);
	set.reserve_bytes = set.reserve_inodes = 0;
	s = queue_open_set("q", &set);
	ATF_REQUIRE_EQ(
	    STORE_ENVELOPES_MAX, put_crowd(s, 1, STORE_ENVELOPES_MAX, 5000));
	check_crowd(s, 1, STORE_ENVELOPES_MAX, 5000, false);
	store_close(s);
	s = queue_open_set("q", &set);
	check_crowd(s, 1, STORE_ENVELOPES_MAX, 5000, false);
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(envelopes_may_fill_a_segment_and_not_more);
ATF_TC_BODY(envelopes_may_fill_a_segment_and_not_more, tc)
{
	struct store *s = queue_open("q");
	uint32_t full, half;
	int turn;

	full = put_crowd(s, 1, STORE_ENVELOPES_MAX, 5000);
	ATF_CHECK((size_t)full * 190 > SEGMENT - 4096);
	half = full / 2;
	ATF_CHECK_EQ(half, put_crowd(s, 2, half, 5000));
	ATF_CHECK_EQ(half, put_crowd(s, 3, half, 0));
	ATF_CHECK_EQ(full / 4, put_crowd(s, 4, full / 4, 5000));
	ATF_CHECK_EQ(full, put_crowd(s, 5, STORE_ENVELOPES_MAX, 0));
	for (turn = 0; turn < 2; turn++) {
		traffic(s);
		check_crowd(s, 1, full, 5000, true);
		check_crowd(s, 2, half, 5000, true);
		check_crowd(s, 3, half, 0, false);
		check_crowd(s, 4, full / 4, 5000, false);
		check_crowd(s, 5, full, 0, false);
		ATF_CHECK_EQ(2, files_in("q/big"));
		store_close(s);
		s = queue_open("q");
	}
	store_close(s);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, message_of_larger_segments_gets_one_of_its_own);
	ATF_TP_ADD_TC(tp, message_of_many_texts_gets_a_segment_of_its_own);
	ATF_TP_ADD_TC(tp, ten_thousand_long_recipients_fit_the_usual_segment);
	ATF_TP_ADD_TC(tp, envelopes_may_fill_a_segment_and_not_more);
	return atf_no_error();
}
