/* SPDX-License-Identifier: ISC
 *
 * The store as the spool process uses it, held against a model in memory
 * over random operations and re-opens.  Classes: (c) records, (f) lengths.
 */
#include <malloc.h>

#include "regress/unit/store/queue.h"

ATF_TC_WITHOUT_HEAD(message_is_there_after_commit_and_after_reopen);
ATF_TC_BODY(message_is_there_after_commit_and_after_reopen, tc)
{
	struct store *s = queue_open("q");

	ATF_REQUIRE_EQ(0, put_message(s, 1, 2, 5000));
	ATF_CHECK(!message_good(s, 1, 2, 5000));
	ATF_CHECK_EQ(-E_EXIST, put_message(s, 1, 1, 10));
	ATF_CHECK_EQ(0, store_commit(s));
	ATF_CHECK_EQ(1, done_count(s, 0));
	ATF_CHECK(message_good(s, 1, 2, 5000));
	store_close(s);
	s = queue_open("q");
	ATF_CHECK(message_good(s, 1, 2, 5000));
	ATF_CHECK_EQ(0, put_message(s, 2, 1, 0));
	ATF_CHECK_EQ(0, store_commit(s));
	ATF_CHECK(message_good(s, 2, 1, 0));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(aborted_and_uncommitted_messages_leave_nothing);
ATF_TC_BODY(aborted_and_uncommitted_messages_leave_nothing, tc)
{
	struct store_meta meta = { .msgid = 3 };
	struct store *s = queue_open("q");
	struct store_tx *tx;

	ATF_REQUIRE_EQ(0, store_tx_open(s, &meta, 0, &tx));
	ATF_CHECK_EQ(-E_SYNTAX, store_tx_commit(tx));
	ATF_REQUIRE_EQ(0, store_tx_open(s, &meta, 0, &tx));
	store_tx_abort(tx);
	ATF_REQUIRE_EQ(0, put_message(s, 4, 1, 20000));
	ATF_REQUIRE_EQ(0, put_message(s, 5, 1, 100));
	ATF_CHECK_EQ(2, store_pending(s));
	store_close(s);
	s = queue_open("q");
	ATF_CHECK(!message_good(s, 4, 1, 20000));
	ATF_CHECK(!message_good(s, 5, 1, 100));
	ATF_CHECK_EQ(0, files_in("q/big"));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(outcomes_and_their_texts_survive);
ATF_TC_BODY(outcomes_and_their_texts_survive, tc)
{
	struct store_message m;
	struct store *s = queue_open("q");
	int turn;

	put_message(s, 1, 3, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(0, put_outcome(s, 1, 0, STORE_DELIVERED, 1));
	ATF_CHECK_EQ(0, put_outcome(s, 1, 1, STORE_DEFERRED, 4));
	ATF_CHECK_EQ(-E_DENIED, put_outcome(s, 1, 0, STORE_QUEUED, 1));
	ATF_CHECK_EQ(-E_NOENT, put_outcome(s, 1, 3, STORE_QUEUED, 1));
	ATF_CHECK_EQ(-E_NOENT, put_outcome(s, 2, 0, STORE_QUEUED, 1));
	ATF_REQUIRE_EQ(0, store_commit(s));
	for (turn = 0; turn < 2; turn++) {
		ATF_REQUIRE_EQ(0, store_read(s, 1, &m));
		ATF_CHECK_EQ(STORE_DELIVERED, m.env[0].now.state);
		ATF_CHECK_EQ(STORE_DEFERRED, m.env[1].now.state);
		ATF_CHECK_EQ(4, m.env[1].now.attempts);
		ATF_CHECK_EQ(5004, m.env[1].now.next_s);
		ATF_CHECK(
		    span_eq(m.env[1].now.status, span_str("451 4.2.0 later")));
		ATF_CHECK_EQ(STORE_QUEUED, m.env[2].now.state);
		ATF_CHECK_EQ(0, m.env[2].now.status.len);
		store_message_clear(&m);
		store_close(s);
		s = queue_open("q");
	}
	put_outcome(s, 1, 1, STORE_FAILED, 5);
	put_outcome(s, 1, 2, STORE_REMOVED, 0);
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(-E_NOENT, store_read(s, 1, &m));
	store_close(s);
	s = queue_open("q");
	ATF_CHECK_EQ(-E_NOENT, store_read(s, 1, &m));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(big_content_has_a_file_until_the_message_is_dead);
ATF_TC_BODY(big_content_has_a_file_until_the_message_is_dead, tc)
{
	struct store *s = queue_open("q");
	FILE *orphan;

	ATF_REQUIRE_EQ(0, put_message(s, 1, 1, 300000));
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK(message_good(s, 1, 1, 300000));
	ATF_CHECK_EQ(1, files_in("q/big"));
	store_close(s);
	orphan = fopen("q/big/00000000000000ff", "w");
	fclose(orphan);
	orphan = fopen("q/big/00000000000000fe.tmp", "w");
	fclose(orphan);
	s = queue_open("q");
	ATF_CHECK_EQ(1, files_in("q/big"));
	ATF_CHECK(message_good(s, 1, 1, 300000));
	put_outcome(s, 1, 0, STORE_DELIVERED, 1);
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(0, files_in("q/big"));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(lost_big_file_is_reported_and_kept_out_of_the_queue);
ATF_TC_BODY(lost_big_file_is_reported_and_kept_out_of_the_queue, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;

	put_message(s, 1, 1, 30000);
	put_message(s, 2, 1, 30);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	ATF_REQUIRE_EQ(0, unlink("q/big/0000000000000001"));
	s = queue_open("q");
	ATF_CHECK(!message_good(s, 1, 1, 30000));
	ATF_CHECK(message_good(s, 2, 1, 30));
	store_stats(s, &st);
	ATF_CHECK_EQ(1, st.quarantined);
	ATF_CHECK_EQ(1, files_in("q/corrupt"));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(content_over_the_memory_cap_goes_to_files);
ATF_TC_BODY(content_over_the_memory_cap_goes_to_files, tc)
{
	struct store_settings set = small_settings();
	struct store *s;
	uint64_t id;

	set.memory_max = 10000;
	s = queue_open_set("q", &set);
	for (id = 1; id <= 6; id++)
		ATF_REQUIRE_EQ(0, put_message(s, id, 1, 3000));
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(3, files_in("q/big"));
	for (id = 1; id <= 6; id++)
		ATF_CHECK(message_good(s, id, 1, 3000));
	/* the memory is given back */
	ATF_REQUIRE_EQ(0, put_message(s, 7, 1, 3000));
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(3, files_in("q/big"));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(ten_thousand_envelopes_and_not_one_more);
ATF_TC_BODY(ten_thousand_envelopes_and_not_one_more, tc)
{
	struct store_settings set = small_settings();
	struct store_meta meta = { .msgid = 1 };
	struct store_envelope e = { .rcpt = span_str("user@example.org") };
	struct store_tx *tx;
	struct store *s;
	uint32_t i;

	set.segment_size = 16 << 20;
	s = queue_open_set("q", &set);
	ATF_REQUIRE_EQ(0, store_tx_open(s, &meta, 8, &tx));
	for (i = 0; i < STORE_ENVELOPES_MAX; i++)
		ATF_REQUIRE_EQ(0, store_tx_envelope(tx, &e));
	ATF_CHECK_EQ(-E_TOOLONG, store_tx_envelope(tx, &e));
	ATF_CHECK_EQ(STORE_ENVELOPES_MAX, store_tx_envelopes(tx));
	ATF_REQUIRE_EQ(0, store_tx_commit(tx));
	ATF_REQUIRE_EQ(0, store_commit(s));
	ATF_CHECK_EQ(1, done_count(s, 0));
	ATF_CHECK_EQ(
	    0, put_outcome(s, 1, STORE_ENVELOPES_MAX - 1, STORE_DELIVERED, 1));
	ATF_CHECK_EQ(0, store_commit(s));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(space_comes_back_when_messages_die);
ATF_TC_BODY(space_comes_back_when_messages_die, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;
	uint64_t id;

	/* one in forty stays, so that segments have to be moved out of */
	for (id = 1; id <= 4000; id++) {
		ATF_REQUIRE_EQ(0, put_message(s, id, 1, 2000));
		ATF_REQUIRE_EQ(0, store_commit(s));
		if (id % 40 != 0)
			put_outcome(s, id, 0, STORE_DELIVERED, 1);
		if (id % 10 == 0)
			store_tick(s, id);
	}
	ATF_REQUIRE_EQ(0, store_commit(s));
	tick_idle(s);
	store_stats(s, &st);
	ATF_CHECK_EQ(100, st.messages);
	ATF_CHECK(st.moved > 0);
	ATF_CHECK(
	    st.segments * (64 << 10) <= 2 * st.live_bytes + 2 * (64 << 10));
	ATF_CHECK(files_in("q/log") <= (int)st.segments + 17);
	for (id = 40; id <= 4000; id += 40)
		ATF_CHECK(message_good(s, id, 1, 2000));
	store_close(s);
	s = queue_open("q");
	store_stats(s, &st);
	ATF_CHECK_EQ(100, st.messages);
	for (id = 40; id <= 4000; id += 40) {
		ATF_CHECK(message_good(s, id, 1, 2000));
		put_outcome(s, id, 0, STORE_FAILED, 1);
	}
	ATF_REQUIRE_EQ(0, store_commit(s));
	tick_idle(s);
	ATF_CHECK(files_in("q/log") <= 18);
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(the_next_segment_is_ready_in_time);
ATF_TC_BODY(the_next_segment_is_ready_in_time, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;
	uint64_t id, now_ms = 0;
	int files;

	for (id = 1; id <= 400; id++) {
		while (store_due(s))
			store_tick(s, ++now_ms);
		files = files_in("q/log");
		ATF_REQUIRE_EQ(0, put_message(s, id, 1, 7000));
		ATF_REQUIRE_EQ(0, store_commit(s));
		/* nobody has waited for one to be made */
		ATF_REQUIRE_EQ(files, files_in("q/log"));
	}
	store_stats(s, &st);
	ATF_CHECK(st.segments > 40);
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(segments_are_kept_open_up_to_a_bound);
ATF_TC_BODY(segments_are_kept_open_up_to_a_bound, tc)
{
	struct store *s = queue_open("q");
	int before = files_in("/proc/self/fd");
	struct store_stats st;
	uint64_t i, id;

	for (id = 1; id <= 3000; id++) {
		ATF_REQUIRE_EQ(0, put_message(s, id, 1, 7000));
		if (id % 10 == 0)
			ATF_REQUIRE_EQ(0, store_commit(s));
	}
	store_stats(s, &st);
	ATF_REQUIRE_MSG(
	    st.segments >= 300, "%u segments", (unsigned)st.segments);
	/* each twice, every time from another segment than the last one */
	for (i = 0; i < 6000; i++) {
		id = 1 + i * 37 % 3000;
		ATF_REQUIRE(message_good(s, id, 1, 7000));
	}
	ATF_CHECK(files_in("/proc/self/fd") > before + 10);
	ATF_CHECK(files_in("/proc/self/fd") <= before + 258);
	store_close(s);
	ATF_CHECK(files_in("/proc/self/fd") <= before);
}

ATF_TC_WITHOUT_HEAD(outcome_stays_as_long_as_the_message_that_it_killed);
ATF_TC_BODY(outcome_stays_as_long_as_the_message_that_it_killed, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;
	uint64_t id;

	/* the first segment keeps living messages, so it stays */
	for (id = 1; id <= 13; id++)
		put_message(s, id, 1, 4000);
	ATF_REQUIRE_EQ(0, store_commit(s));
	/* the outcome for its last one lies in the second, where all die */
	for (id = 14; id <= 30; id++) {
		put_message(s, id, 1, 4000);
		ATF_REQUIRE_EQ(0, store_commit(s));
		put_outcome(s, id, 0, STORE_DELIVERED, 1);
		if (id == 20)
			put_outcome(s, 13, 0, STORE_DELIVERED, 1);
	}
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_tick(s, 1);
	store_stats(s, &st);
	ATF_CHECK_EQ(12, st.messages);
	ATF_CHECK_EQ(0, st.moved);
	store_close(s);
	s = queue_open("q");
	ATF_CHECK(message_good(s, 12, 1, 4000));
	ATF_CHECK(!message_good(s, 13, 1, 4000));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(walk_visits_what_was_durable_and_still_lives);
ATF_TC_BODY(walk_visits_what_was_durable_and_still_lives, tc)
{
	struct store *s = queue_open("q");
	struct store_message m;
	struct store_cursor c;
	uint64_t id, seen = 0;

	for (id = 10; id <= 200; id += 10)
		put_message(s, id, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_walk_start(s, &c);
	while (store_walk_next(s, &c, &m) == 0) {
		seen++;
		ATF_CHECK_EQ(seen * 10 + (seen > 5 ? 10 : 0), m.meta.msgid);
		store_message_clear(&m);
		if (seen != 5)
			continue;
		/* one ahead dies, one ahead is born */
		put_outcome(s, 60, 0, STORE_DELIVERED, 1);
		put_message(s, 75, 1, 100);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	ATF_CHECK_EQ(19, seen);
	ATF_CHECK_EQ(-E_NOENT, store_walk_next(s, &c, &m));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(memory_for_a_message_stays_under_its_limit);
ATF_TC_BODY(memory_for_a_message_stays_under_its_limit, tc)
{
	struct store_settings set = small_settings();
	struct mallinfo2 before, after;
	struct store *s;
	uint64_t id;

	set.segment_size = 4 << 20;
	s = queue_open_set("q", &set);
	before = mallinfo2();
	for (id = 1; id <= 5000; id++) {
		put_message(s, id, 2, 10);
		if (id % 100 == 0) {
			ATF_REQUIRE_EQ(0, store_commit(s));
			done_count(s, 0);
		}
	}
	after = mallinfo2();
	/* a sanitizer's malloc says nothing here */
	printf("%zu octets a message\n",
	    (after.uordblks - before.uordblks) / 5000);
	ATF_CHECK(after.uordblks - before.uordblks < 5000 * (150 + 2 * 24));
	store_close(s);
}

#define MODEL_IDS 200

struct model {
	bool live[MODEL_IDS];
	uint32_t envs[MODEL_IDS];
	size_t len[MODEL_IDS];
	enum store_state state[MODEL_IDS][4];
	uint16_t attempts[MODEL_IDS][4];
};

static void
model_check(struct store *s, const struct model *model)
{
	struct store_message m;
	uint64_t id;
	uint32_t i;

	for (id = 1; id < MODEL_IDS; id++) {
		if (!model->live[id]) {
			ATF_REQUIRE_EQ(-E_NOENT, store_read(s, id, &m));
			continue;
		}
		ATF_REQUIRE(
		    message_good(s, id, model->envs[id], model->len[id]));
		ATF_REQUIRE_EQ(0, store_read(s, id, &m));
		for (i = 0; i < m.env_len; i++) {
			ATF_REQUIRE_EQ(model->state[id][i], m.env[i].now.state);
			ATF_REQUIRE_EQ(
			    model->attempts[id][i], m.env[i].now.attempts);
		}
		store_message_clear(&m);
	}
}

static void
model_add(struct store *s, struct model *model, uint64_t id)
{
	size_t len = (size_t)(random() % 6000);
	uint32_t i, envs = 1 + (uint32_t)(random() % 4);

	if (random() % 50 == 0)
		len += 9000;
	ATF_REQUIRE_EQ(0, put_message(s, id, envs, len));
	model->live[id] = true;
	model->envs[id] = envs;
	model->len[id] = len;
	for (i = 0; i < envs; i++) {
		model->state[id][i] = STORE_QUEUED;
		model->attempts[id][i] = 0;
	}
}

static void
model_step(struct store *s, struct model *model, uint64_t id)
{
	static const enum store_state next[] = { STORE_DEFERRED,
		STORE_DELIVERED, STORE_DELIVERED, STORE_HELD, STORE_FAILED,
		STORE_QUEUED };
	uint32_t i = (uint32_t)random() % model->envs[id];
	enum store_state state = next[(size_t)random() % 6];

	if (store_state_final(model->state[id][i]))
		return;
	model->state[id][i] = state;
	model->attempts[id][i]++;
	ATF_REQUIRE_EQ(0, put_outcome(s, id, i, state, model->attempts[id][i]));
	for (i = 0; i < model->envs[id]; i++) {
		if (!store_state_final(model->state[id][i]))
			return;
	}
	model->live[id] = false;
	ATF_REQUIRE_EQ(0, store_commit(s));
}

ATF_TC(random_operations_match_a_model);
ATF_TC_HEAD(random_operations_match_a_model, tc)
{
	atf_tc_set_md_var(tc, "timeout", "120");
}
ATF_TC_BODY(random_operations_match_a_model, tc)
{
	struct model *model = calloc(1, sizeof(*model));
	unsigned int seed = (unsigned int)getpid();
	struct store *s = queue_open("q");
	struct store_stats st;
	uint64_t id, recycled = 0;
	int step;

	if (getenv("SEED") != NULL)
		seed = (unsigned int)strtoul(getenv("SEED"), NULL, 10);
	printf("SEED=%u\n", seed);
	srandom(seed);
	for (step = 0; step < 12000; step++) {
		id = 1 + (uint64_t)random() % (MODEL_IDS - 1);
		if (!model->live[id]) {
			model_add(s, model, id);
			/* a message is the target of outcomes once durable */
			ATF_REQUIRE_EQ(0, store_commit(s));
		} else
			model_step(s, model, id);
		if (random() % 20 == 0)
			ATF_REQUIRE_EQ(0, store_commit(s));
		if (random() % 10 == 0)
			store_tick(s, (uint64_t)step);
		if (random() % 400 != 0)
			continue;
		ATF_REQUIRE_EQ(0, store_commit(s));
		if (random() % 4 == 0)
			model_check(s, model);
		store_stats(s, &st);
		recycled += st.recycled;
		ATF_REQUIRE_EQ(0, st.quarantined);
		store_close(s);
		s = queue_open("q");
		model_check(s, model);
	}
	/* the test is of use only when segments went around */
	ATF_CHECK(recycled > 20);
	store_close(s);
	free(model);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, message_is_there_after_commit_and_after_reopen);
	ATF_TP_ADD_TC(tp, aborted_and_uncommitted_messages_leave_nothing);
	ATF_TP_ADD_TC(tp, outcomes_and_their_texts_survive);
	ATF_TP_ADD_TC(tp, big_content_has_a_file_until_the_message_is_dead);
	ATF_TP_ADD_TC(tp, lost_big_file_is_reported_and_kept_out_of_the_queue);
	ATF_TP_ADD_TC(tp, content_over_the_memory_cap_goes_to_files);
	ATF_TP_ADD_TC(tp, ten_thousand_envelopes_and_not_one_more);
	ATF_TP_ADD_TC(tp, space_comes_back_when_messages_die);
	ATF_TP_ADD_TC(tp, the_next_segment_is_ready_in_time);
	ATF_TP_ADD_TC(tp, segments_are_kept_open_up_to_a_bound);
	ATF_TP_ADD_TC(tp, outcome_stays_as_long_as_the_message_that_it_killed);
	ATF_TP_ADD_TC(tp, walk_visits_what_was_durable_and_still_lives);
	ATF_TP_ADD_TC(tp, memory_for_a_message_stays_under_its_limit);
	ATF_TP_ADD_TC(tp, random_operations_match_a_model);
	return atf_no_error();
}
