/* SPDX-License-Identifier: ISC
 *
 * The queue in memory: finding, walking, forgetting, and what it costs.
 */
#include <atf-c.h>
#include <malloc.h>
#include <stdio.h>

#include "spool/scheduler/queue.h"

static struct envelope *
put(struct queue *q, uint64_t id, uint32_t index, const char *user)
{
	struct message *m = queue_message_add(
	    q, id, 100, 1000, span_str("somebody@sender.example.org"));
	struct envelope_news news = {
		.index = index,
		.state = ENV_WAITING,
		.rcpt = span_str("a.recipient@mail.example.net"),
		.action = span_str("local_mail"),
		.user = span_str(user),
	};

	return queue_envelope_add(q, m, &news);
}

ATF_TC_WITHOUT_HEAD(envelopes_are_found_by_index_in_any_order);
ATF_TC_BODY(envelopes_are_found_by_index_in_any_order, tc)
{
	struct queue q;
	uint32_t i;

	queue_init(&q);
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE(put(&q, 5, i * 577 % 1000, "u") != NULL);
	for (i = 0; i < 1000; i++)
		ATF_CHECK_EQ(i, queue_envelope(queue_message(&q, 5), i)->index);
	ATF_CHECK_EQ(NULL, queue_envelope(queue_message(&q, 5), 1000));
	ATF_CHECK_EQ(1000, q.in_state[SE_WAITING]);
	queue_clear(&q);
}

ATF_TC_WITHOUT_HEAD(message_goes_with_its_last_envelope);
ATF_TC_BODY(message_goes_with_its_last_envelope, tc)
{
	struct queue q;
	struct envelope *a, *b;

	queue_init(&q);
	a = put(&q, 5, 0, "u");
	b = put(&q, 5, 3, "v");
	queue_envelope_free(&q, a);
	ATF_CHECK_EQ(b, queue_envelope(queue_message(&q, 5), 3));
	queue_envelope_free(&q, b);
	ATF_CHECK_EQ(NULL, queue_message(&q, 5));
	ATF_CHECK_EQ(0, q.envelopes);
	ATF_CHECK_EQ(NULL, queue_dest_first(&q));
	queue_clear(&q);
}

ATF_TC_WITHOUT_HEAD(destination_is_an_action_as_a_user);
ATF_TC_BODY(destination_is_an_action_as_a_user, tc)
{
	struct queue q;
	struct envelope *a, *b, *c;

	queue_init(&q);
	a = put(&q, 1, 0, "u");
	b = put(&q, 2, 0, "u");
	c = put(&q, 3, 0, "v");
	ATF_CHECK_EQ(a->dest, b->dest);
	ATF_CHECK(a->dest != c->dest);
	queue_clear(&q);
}

ATF_TC_WITHOUT_HEAD(walk_survives_the_removal_of_where_it_stands);
ATF_TC_BODY(walk_survives_the_removal_of_where_it_stands, tc)
{
	struct queue q;
	struct message *m;
	uint64_t id, seen = 0;

	queue_init(&q);
	for (id = 1; id <= 10; id++)
		put(&q, id * 1000, 0, "u");
	for (id = 0; (m = queue_message_from(&q, id)) != NULL; seen++) {
		id = m->id + 1;
		queue_message_drop(&q, m);
	}
	ATF_CHECK_EQ(10, seen);
	queue_clear(&q);
}

ATF_TC_WITHOUT_HEAD(note_is_cut_and_forgotten);
ATF_TC_BODY(note_is_cut_and_forgotten, tc)
{
	struct queue q;
	struct envelope *e;

	queue_init(&q);
	e = put(&q, 1, 0, "u");
	queue_note_set(&q, e, span_str("4.2.2"), span_str("mailbox is full"), 7,
	    span_str("mx 192.0.2.1 -"));
	ATF_CHECK(span_eq(span_str("4.2.2"), note_status(e->note)));
	ATF_CHECK(span_eq(span_str("mailbox"), note_text(e->note)));
	queue_note_set(&q, e, span_str(""), span_str(""), 7, span_str(""));
	ATF_CHECK_EQ(0, note_text(e->note).len);
	queue_clear(&q);
}

ATF_TC_WITHOUT_HEAD(same_outcome_is_kept_once);
ATF_TC_BODY(same_outcome_is_kept_once, tc)
{
	const struct span via = span_str("mx 192.0.2.1 -");
	struct queue q;
	struct envelope *a, *b, *c;

	queue_init(&q);
	a = put(&q, 1, 0, "u");
	b = put(&q, 2, 0, "u");
	c = put(&q, 3, 0, "u");
	queue_note_set(&q, a, span_str("4.4.1"), span_str("down"), 9, via);
	queue_note_set(&q, b, span_str("4.4.1"), span_str("down"), 9, via);
	queue_note_set(&q, c, span_str("4.4.1d"), span_str("own"), 9, via);
	ATF_CHECK_EQ(a->note, b->note);
	ATF_CHECK(a->note != c->note);
	queue_note_set(&q, a, span_str(""), span_str(""), 9, span_str(""));
	ATF_CHECK(span_eq(span_str("down"), note_text(b->note)));
	ATF_CHECK(span_eq(via, note_via(b->note)));
	/* from what it has itself */
	queue_note_set(&q, b, note_status(b->note), note_text(b->note), 2,
	    note_via(b->note));
	ATF_CHECK(span_eq(span_str("do"), note_text(b->note)));
	queue_clear(&q);
	ATF_CHECK(RB_EMPTY(&q.notes));
}

/* DESIGN.md 5 promises 512 octets for the spool and the scheduler together;
 * here each envelope has a message and a destination of its own. */
ATF_TC_WITHOUT_HEAD(envelope_costs_400_octets_at_most);
ATF_TC_BODY(envelope_costs_400_octets_at_most, tc)
{
	const size_t n = 20000;
	struct queue q;
	size_t before, after, i;
	char user[32];

	queue_init(&q);
	before = mallinfo2().uordblks;
	for (i = 0; i < n; i++) {
		snprintf(user, sizeof(user), "user%zu", i);
		ATF_REQUIRE(put(&q, i + 1, 0, user) != NULL);
	}
	after = mallinfo2().uordblks;
	printf("%zu octets each\n", (after - before) / n);
	ATF_CHECK((after - before) / n <= 400);
	queue_clear(&q);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, envelopes_are_found_by_index_in_any_order);
	ATF_TP_ADD_TC(tp, message_goes_with_its_last_envelope);
	ATF_TP_ADD_TC(tp, destination_is_an_action_as_a_user);
	ATF_TP_ADD_TC(tp, walk_survives_the_removal_of_where_it_stands);
	ATF_TP_ADD_TC(tp, note_is_cut_and_forgotten);
	ATF_TP_ADD_TC(tp, same_outcome_is_kept_once);
	ATF_TP_ADD_TC(tp, envelope_costs_400_octets_at_most);
	return atf_no_error();
}
