/* SPDX-License-Identifier: ISC
 *
 * Windows and turns: who flies next.
 */
#include <atf-c.h>
#include <stdio.h>

#include "spool/scheduler/dispatch.h"

struct setup {
	struct queue q;
	struct dispatch d;
	uint64_t last_id;
};

static void
setup_init(struct setup *s, uint64_t flying_max, uint64_t dest_max)
{
	queue_init(&s->q);
	dispatch_init(&s->d);
	dispatch_limits(&s->d, &s->q, LANE_LOCAL, flying_max, dest_max);
	s->last_id = 0;
}

static struct envelope *
setup_envelope(struct setup *s, uint64_t id, uint32_t index, const char *user)
{
	struct message *m =
	    queue_message_add(&s->q, id, 100, 1000, span_str("a@example.org"));
	struct envelope_news news = {
		.index = index,
		.rcpt = span_str("b@example.net"),
		.action = span_str("local"),
		.user = span_str(user),
	};

	return queue_envelope_add(&s->q, m, &news);
}

/* A ready envelope of a message of its own for that user. */
static struct envelope *
setup_ready(struct setup *s, const char *user)
{
	struct envelope *e = setup_envelope(s, ++s->last_id, 0, user);

	dispatch_ready(&s->d, &s->q, e);
	return e;
}

static void
setup_clear(struct setup *s)
{
	queue_clear(&s->q);
}

ATF_TC_WITHOUT_HEAD(one_user_flies_in_the_order_of_arrival);
ATF_TC_BODY(one_user_flies_in_the_order_of_arrival, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_init(&s, 10, 10);
	a = setup_ready(&s, "u");
	b = setup_ready(&s, "u");
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(2, s.d.lanes[LANE_LOCAL].flying);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(stuck_user_fills_only_its_own_window);
ATF_TC_BODY(stuck_user_fills_only_its_own_window, tc)
{
	struct setup s;
	struct envelope *e, *other;
	unsigned i, n = 0;

	setup_init(&s, 100, 5);
	for (i = 0; i < 50; i++)
		setup_ready(&s, "stuck");
	while ((e = dispatch_next(&s.d, &s.q, LANE_LOCAL)) != NULL)
		n++;
	ATF_CHECK_EQ(5, n);
	other = setup_ready(&s, "other");
	ATF_CHECK_EQ(other, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(users_with_work_take_turns);
ATF_TC_BODY(users_with_work_take_turns, tc)
{
	struct setup s;
	struct envelope *e[4];
	unsigned i;

	setup_init(&s, 100, 50);
	for (i = 0; i < 10; i++)
		setup_ready(&s, "busy");
	for (i = 0; i < 2; i++)
		setup_ready(&s, "quiet");
	for (i = 0; i < 4; i++)
		e[i] = dispatch_next(&s.d, &s.q, LANE_LOCAL);
	ATF_CHECK(e[0]->dest != e[1]->dest);
	ATF_CHECK_EQ(e[0]->dest, e[2]->dest);
	ATF_CHECK_EQ(e[1]->dest, e[3]->dest);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(whole_window_opens_as_envelopes_land);
ATF_TC_BODY(whole_window_opens_as_envelopes_land, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_init(&s, 1, 10);
	a = setup_ready(&s, "u");
	b = setup_ready(&s, "v");
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	dispatch_landed(&s.d, a);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(landing_opens_the_window_of_its_user);
ATF_TC_BODY(landing_opens_the_window_of_its_user, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_init(&s, 10, 1);
	a = setup_ready(&s, "u");
	b = setup_ready(&s, "u");
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	dispatch_landed(&s.d, a);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(siblings_join_as_far_as_their_windows_allow);
ATF_TC_BODY(siblings_join_as_far_as_their_windows_allow, tc)
{
	struct setup s;
	struct envelope *u[2], *v;

	setup_init(&s, 10, 1);
	u[0] = setup_envelope(&s, 7, 0, "u");
	u[1] = setup_envelope(&s, 7, 1, "u");
	v = setup_envelope(&s, 7, 2, "v");
	dispatch_ready(&s.d, &s.q, u[0]);
	dispatch_ready(&s.d, &s.q, u[1]);
	dispatch_ready(&s.d, &s.q, v);
	ATF_CHECK_EQ(u[0], dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK(!dispatch_join(&s.d, &s.q, u[1], LANE_LOCAL));
	ATF_CHECK(dispatch_join(&s.d, &s.q, v, LANE_LOCAL));
	ATF_CHECK(!dispatch_join(&s.d, &s.q, v, LANE_LOCAL));
	ATF_CHECK_EQ(2, s.d.lanes[LANE_LOCAL].flying);
	ATF_CHECK_EQ(2, u[0]->msg->flying);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(suspects_fly_one_at_a_time);
ATF_TC_BODY(suspects_fly_one_at_a_time, tc)
{
	struct setup s;
	struct envelope *a, *b, *c;

	setup_init(&s, 10, 10);
	a = setup_envelope(&s, 1, 0, "u");
	b = setup_envelope(&s, 2, 0, "v");
	a->crashes = b->crashes = 1;
	dispatch_ready(&s.d, &s.q, a);
	dispatch_ready(&s.d, &s.q, b);
	c = setup_ready(&s, "w");
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(c, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK(!dispatch_join(&s.d, &s.q, b, LANE_LOCAL));
	/* the count that made it a suspect is reset while it flies */
	a->crashes = 0;
	dispatch_landed(&s.d, a);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(withdrawn_envelope_does_not_fly);
ATF_TC_BODY(withdrawn_envelope_does_not_fly, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_init(&s, 10, 10);
	a = setup_ready(&s, "u");
	b = setup_ready(&s, "u");
	dispatch_withdraw(&s.d, a);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, TAILQ_FIRST(&s.d.lanes[LANE_LOCAL].turns));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(wider_window_holds_at_once);
ATF_TC_BODY(wider_window_holds_at_once, tc)
{
	struct setup s;

	setup_init(&s, 10, 1);
	setup_ready(&s, "u");
	setup_ready(&s, "u");
	ATF_CHECK(dispatch_next(&s.d, &s.q, LANE_LOCAL) != NULL);
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	dispatch_limits(&s.d, &s.q, LANE_LOCAL, 10, 2);
	ATF_CHECK(dispatch_next(&s.d, &s.q, LANE_LOCAL) != NULL);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(report_counts_in_the_window);
ATF_TC_BODY(report_counts_in_the_window, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_init(&s, 1, 10);
	a = setup_envelope(&s, 1, 0, "u");
	b = setup_envelope(&s, 2, 0, "u");
	ATF_CHECK(dispatch_report(&s.d, &s.q, a, SE_REPORTING));
	ATF_CHECK(!dispatch_report(&s.d, &s.q, b, SE_REPORTING));
	ATF_CHECK_EQ(SE_REPORTING, a->state);
	ATF_CHECK(dispatch_is_flying(a));
	dispatch_landed(&s.d, a);
	ATF_CHECK(dispatch_report(&s.d, &s.q, b, SE_REPORTING));
	setup_clear(&s);
}

/* --- mail for other hosts ------------------------------------------------- */

static struct envelope *
setup_far(struct setup *s, const char *domain)
{
	struct message *m = queue_message_add(
	    &s->q, ++s->last_id, 100, 1000, span_str("a@example.org"));
	struct envelope_news news = {
		.lane = LANE_RELAY,
		.rcpt = span_str("b@example.net"),
		.action = span_str("far"),
		.user = span_str(domain),
	};
	struct envelope *e = queue_envelope_add(&s->q, m, &news);

	dispatch_ready(&s->d, &s->q, e);
	return e;
}

static unsigned
fly_all(struct setup *s, struct envelope **last)
{
	struct envelope *e;
	unsigned n = 0;

	while ((e = dispatch_next(&s->d, &s->q, LANE_RELAY)) != NULL) {
		if (last != NULL)
			*last = e;
		n++;
	}
	return n;
}

static void
setup_far_init(struct setup *s, uint64_t flying_max, uint64_t dest_max)
{
	setup_init(s, 1, 1);
	dispatch_limits(&s->d, &s->q, LANE_RELAY, flying_max, dest_max);
}

ATF_TC_WITHOUT_HEAD(lanes_do_not_fill_each_other);
ATF_TC_BODY(lanes_do_not_fill_each_other, tc)
{
	struct setup s;
	struct envelope *far, *near;

	setup_far_init(&s, 1, 1);
	far = setup_far(&s, "a.example");
	near = setup_ready(&s, "u");
	ATF_CHECK_EQ(near, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(far, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(window_begins_small_grows_and_falls_to_a_probe);
ATF_TC_BODY(window_begins_small_grows_and_falls_to_a_probe, tc)
{
	struct setup s;
	struct envelope *e = NULL;
	unsigned i;

	setup_far_init(&s, 1000, 6);
	for (i = 0; i < 50; i++)
		setup_far(&s, "a.example");
	ATF_CHECK_EQ(4, fly_all(&s, &e));
	for (i = 0; i < 10; i++)
		dispatch_grow(&s.d, e->dest);
	ATF_CHECK_EQ(2, fly_all(&s, NULL)); /* up to the setting */
	dispatch_shrink(&s.d, e->dest);
	ATF_CHECK_EQ(0, fly_all(&s, NULL));
	for (i = 1; i <= 6; i++) {
		e = queue_envelope(queue_message(&s.q, i), 0);
		dispatch_landed(&s.d, e);
		queue_envelope_state(&s.q, e, SE_HELD, 0);
	}
	ATF_CHECK_EQ(1, fly_all(&s, NULL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(slow_destinations_leave_half_of_the_lane);
ATF_TC_BODY(slow_destinations_leave_half_of_the_lane, tc)
{
	struct setup s;
	struct envelope *slow = NULL;
	unsigned i;

	setup_far_init(&s, 20, 100);
	for (i = 0; i < 50; i++)
		slow = setup_far(&s, "slow.example");
	for (i = 0; i < 100; i++)
		dispatch_grow(&s.d, slow->dest);
	ATF_CHECK_EQ(10, fly_all(&s, NULL));
	for (i = 0; i < 3; i++)
		setup_far(&s, "quick.example");
	ATF_CHECK_EQ(3, fly_all(&s, NULL));
	setup_clear(&s);
}

/* As long as there is room one with much flying has its turn beside others that
 * always have work. */
ATF_TC_WITHOUT_HEAD(laden_destination_takes_turns_with_light_ones);
ATF_TC_BODY(laden_destination_takes_turns_with_light_ones, tc)
{
	struct setup s;
	struct envelope *e = NULL;
	unsigned i, of_big = 0;

	setup_far_init(&s, 100, 100);
	for (i = 0; i < 50; i++)
		e = setup_far(&s, "big.example");
	for (i = 0; i < 100; i++)
		dispatch_grow(&s.d, e->dest);
	for (i = 0; i < 8; i++)
		ATF_REQUIRE(dispatch_next(&s.d, &s.q, LANE_RELAY) != NULL);
	setup_far(&s, "light.example");
	for (i = 0; i < 20; i++) {
		ATF_REQUIRE(
		    (e = dispatch_next(&s.d, &s.q, LANE_RELAY)) != NULL);
		if (span_eq(queue_user(e->dest), span_str("big.example"))) {
			of_big++;
			continue;
		}
		dispatch_landed(&s.d, e);
		queue_envelope_state(&s.q, e, SE_HELD, 0);
		setup_far(&s, "light.example");
	}
	ATF_CHECK_EQ(10, of_big);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(probe_takes_all_recipients_of_its_message);
ATF_TC_BODY(probe_takes_all_recipients_of_its_message, tc)
{
	struct setup s;
	struct envelope *first, *second;
	struct envelope_news news = {
		.index = 1,
		.lane = LANE_RELAY,
		.rcpt = span_str("c@example.net"),
		.action = span_str("far"),
		.user = span_str("a.example"),
	};

	setup_far_init(&s, 20, 100);
	first = setup_far(&s, "a.example");
	second = queue_envelope_add(&s.q, first->msg, &news);
	dispatch_ready(&s.d, &s.q, second);
	setup_far(&s, "a.example");
	dispatch_shrink(&s.d, first->dest);
	ATF_CHECK_EQ(first, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK(dispatch_join(&s.d, &s.q, second, LANE_RELAY));
	ATF_CHECK_EQ(0, fly_all(&s, NULL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(paused_destination_has_no_turn);
ATF_TC_BODY(paused_destination_has_no_turn, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_far_init(&s, 20, 100);
	a = setup_far(&s, "a.example");
	b = setup_far(&s, "b.example");
	dispatch_pause(&s.d, a->dest, true);
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	dispatch_pause(&s.d, a->dest, false);
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_RELAY));
	setup_clear(&s);
}

static struct envelope *
setup_suspect(struct setup *s, const char *domain, uint8_t crashes)
{
	struct envelope *e = setup_far(s, domain);

	dispatch_withdraw(&s->d, e);
	e->crashes = crashes;
	dispatch_ready(&s->d, &s->q, e);
	return e;
}

ATF_TC_WITHOUT_HEAD(far_suspect_holds_up_nobody_else);
ATF_TC_BODY(far_suspect_holds_up_nobody_else, tc)
{
	struct setup s;
	struct envelope *slow, *next, *other, *near;

	setup_far_init(&s, 100, 100);
	slow = setup_suspect(&s, "slow.example", 1);
	next = setup_suspect(&s, "slow.example", 1);
	other = setup_suspect(&s, "other.example", 1);
	near = setup_envelope(&s, 90, 0, "u");
	near->crashes = 1;
	dispatch_ready(&s.d, &s.q, near);
	ATF_CHECK_EQ(slow, dispatch_next(&s.d, &s.q, LANE_RELAY));
	/* one of a destination, for which another waits */
	ATF_CHECK_EQ(other, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(near, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK(!dispatch_flies_alone(&s.d, slow));
	ATF_CHECK(dispatch_flies_alone(&s.d, near));
	dispatch_landed(&s.d, slow);
	queue_envelope_state(&s.q, slow, SE_HELD, 0);
	ATF_CHECK_EQ(next, dispatch_next(&s.d, &s.q, LANE_RELAY));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(far_suspects_fly_in_bounded_number);
ATF_TC_BODY(far_suspects_fly_in_bounded_number, tc)
{
	struct setup s;
	char domain[32];
	unsigned i;

	setup_far_init(&s, 100, 100);
	for (i = 0; i < 30; i++) {
		snprintf(domain, sizeof(domain), "%u.example", i);
		setup_suspect(&s, domain, 1);
	}
	ATF_CHECK_EQ(16, fly_all(&s, NULL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(suspect_of_two_crashes_flies_alone);
ATF_TC_BODY(suspect_of_two_crashes_flies_alone, tc)
{
	struct setup s;
	struct envelope *mild, *grave, *innocent;

	setup_far_init(&s, 100, 100);
	grave = setup_suspect(&s, "a.example", 2);
	mild = setup_suspect(&s, "b.example", 1);
	ATF_CHECK_EQ(grave, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK(dispatch_flies_alone(&s.d, grave));
	innocent = setup_far(&s, "c.example");
	ATF_CHECK_EQ(innocent, dispatch_next(&s.d, &s.q, LANE_RELAY));
	dispatch_landed(&s.d, grave);
	dispatch_ready(&s.d, &s.q, grave);
	ATF_CHECK_EQ(mild, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	dispatch_landed(&s.d, mild);
	queue_envelope_state(&s.q, mild, SE_HELD, 0);
	ATF_CHECK_EQ(grave, dispatch_next(&s.d, &s.q, LANE_RELAY));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(all_of_a_destination_is_withdrawn);
ATF_TC_BODY(all_of_a_destination_is_withdrawn, tc)
{
	struct envelope_list list = TAILQ_HEAD_INITIALIZER(list);
	struct setup s;
	struct envelope *plain, *suspect, *other;

	setup_far_init(&s, 100, 100);
	suspect = setup_suspect(&s, "a.example", 1);
	plain = setup_far(&s, "a.example");
	other = setup_suspect(&s, "b.example", 1);
	dispatch_withdraw_all(&s.d, plain->dest, &list);
	ATF_CHECK_EQ(plain, TAILQ_FIRST(&list));
	ATF_CHECK_EQ(suspect, TAILQ_NEXT(plain, ready));
	ATF_CHECK_EQ(NULL, TAILQ_NEXT(suspect, ready));
	ATF_CHECK_EQ(other, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(suspect_changes_its_lane_with_its_destination);
ATF_TC_BODY(suspect_changes_its_lane_with_its_destination, tc)
{
	struct setup s;
	struct envelope *a;

	setup_far_init(&s, 10, 1);
	a = setup_suspect(&s, "a.example", 1);
	dispatch_move(&s.d, a->dest, LANE_LOCAL);
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(reports_do_not_count_as_sending);
ATF_TC_BODY(reports_do_not_count_as_sending, tc)
{
	struct setup s;
	struct envelope *a;

	setup_far_init(&s, 1, 1);
	a = setup_far(&s, "a.example");
	dispatch_withdraw(&s.d, a);
	ATF_CHECK(dispatch_report(&s.d, &s.q, a, SE_REPORTING));
	ATF_CHECK_EQ(0, s.d.lanes[LANE_RELAY].flying);
	ATF_CHECK_EQ(0, a->dest->flying);
	ATF_CHECK_EQ(1, s.d.lanes[LANE_LOCAL].flying);
	dispatch_landed(&s.d, a);
	ATF_CHECK_EQ(0, s.d.lanes[LANE_LOCAL].flying);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	setup_clear(&s);
}

ATF_TC_WITHOUT_HEAD(destination_changes_its_lane_when_nothing_flies);
ATF_TC_BODY(destination_changes_its_lane_when_nothing_flies, tc)
{
	struct setup s;
	struct envelope *a, *b;

	setup_far_init(&s, 10, 1);
	a = setup_far(&s, "a.example");
	b = setup_far(&s, "a.example");
	ATF_CHECK_EQ(a, dispatch_next(&s.d, &s.q, LANE_RELAY));
	dispatch_move(&s.d, a->dest, LANE_LOCAL);
	dispatch_landed(&s.d, a);
	queue_envelope_state(&s.q, a, SE_HELD, 0);
	dispatch_move(&s.d, a->dest, LANE_LOCAL);
	ATF_CHECK_EQ(NULL, dispatch_next(&s.d, &s.q, LANE_RELAY));
	ATF_CHECK_EQ(b, dispatch_next(&s.d, &s.q, LANE_LOCAL));
	ATF_CHECK_EQ(0, s.d.lanes[LANE_RELAY].flying);
	setup_clear(&s);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_user_flies_in_the_order_of_arrival);
	ATF_TP_ADD_TC(tp, lanes_do_not_fill_each_other);
	ATF_TP_ADD_TC(tp, window_begins_small_grows_and_falls_to_a_probe);
	ATF_TP_ADD_TC(tp, slow_destinations_leave_half_of_the_lane);
	ATF_TP_ADD_TC(tp, laden_destination_takes_turns_with_light_ones);
	ATF_TP_ADD_TC(tp, probe_takes_all_recipients_of_its_message);
	ATF_TP_ADD_TC(tp, paused_destination_has_no_turn);
	ATF_TP_ADD_TC(tp, far_suspect_holds_up_nobody_else);
	ATF_TP_ADD_TC(tp, far_suspects_fly_in_bounded_number);
	ATF_TP_ADD_TC(tp, suspect_of_two_crashes_flies_alone);
	ATF_TP_ADD_TC(tp, all_of_a_destination_is_withdrawn);
	ATF_TP_ADD_TC(tp, suspect_changes_its_lane_with_its_destination);
	ATF_TP_ADD_TC(tp, reports_do_not_count_as_sending);
	ATF_TP_ADD_TC(tp, destination_changes_its_lane_when_nothing_flies);
	ATF_TP_ADD_TC(tp, stuck_user_fills_only_its_own_window);
	ATF_TP_ADD_TC(tp, users_with_work_take_turns);
	ATF_TP_ADD_TC(tp, whole_window_opens_as_envelopes_land);
	ATF_TP_ADD_TC(tp, landing_opens_the_window_of_its_user);
	ATF_TP_ADD_TC(tp, siblings_join_as_far_as_their_windows_allow);
	ATF_TP_ADD_TC(tp, suspects_fly_one_at_a_time);
	ATF_TP_ADD_TC(tp, withdrawn_envelope_does_not_fly);
	ATF_TP_ADD_TC(tp, wider_window_holds_at_once);
	ATF_TP_ADD_TC(tp, report_counts_in_the_window);
	return atf_no_error();
}
