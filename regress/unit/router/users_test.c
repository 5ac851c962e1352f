/* SPDX-License-Identifier: ISC
 *
 * The cache of system users.  Class: (e) something freed while an answer is
 * on its way.
 */
#include <atf-c.h>
#include <stdio.h>

#include "privsep/base/err.h"
#include "smtpd/router/users.h"

static struct {
	unsigned asked;
	uint64_t request;
	int error;
	unsigned told;
	enum user_answer answer;
} seen;

static int
ask(uint64_t request, struct span name)
{
	seen.asked++;
	seen.request = request;
	return seen.error;
}

static void
done(struct user_wait *w, enum user_answer answer)
{
	seen.told++;
	seen.answer = answer;
}

ATF_TC_WITHOUT_HEAD(one_question_answers_all_who_wait_and_is_kept);
ATF_TC_BODY(one_question_answers_all_who_wait_and_is_kept, tc)
{
	struct user_wait a = { .done = done }, b = { .done = done };
	enum user_answer answer = USER__MAX;
	struct users u;

	users_init(&u, ask);
	ATF_CHECK(!users_ask(&u, span_str("bob"), &a, &answer));
	ATF_CHECK(!users_ask(&u, span_str("bob"), &b, &answer));
	ATF_CHECK_EQ(1, seen.asked);
	ATF_CHECK_EQ(0, users_answer(&u, seen.request, USER_NO));
	ATF_CHECK_EQ(2, seen.told);
	ATF_CHECK(users_ask(&u, span_str("bob"), &a, &answer));
	ATF_CHECK_EQ(USER_NO, answer);
	ATF_CHECK_EQ(1, seen.asked);
	users_flush(&u);
	ATF_CHECK(!users_ask(&u, span_str("bob"), &a, &answer));
}

ATF_TC_WITHOUT_HEAD(who_has_gone_is_not_told);
ATF_TC_BODY(who_has_gone_is_not_told, tc)
{
	struct user_wait a = { .done = done }, b = { .done = done };
	enum user_answer answer;
	struct users u;

	users_init(&u, ask);
	users_ask(&u, span_str("bob"), &a, &answer);
	users_ask(&u, span_str("bob"), &b, &answer);
	users_cancel(&a);
	users_cancel(&a);
	ATF_CHECK_EQ(0, users_answer(&u, seen.request, USER_YES));
	ATF_CHECK_EQ(1, seen.told);
	ATF_CHECK_EQ(-E_NOENT, users_answer(&u, seen.request, USER_YES));
}

ATF_TC_WITHOUT_HEAD(what_can_be_no_user_is_not_asked);
ATF_TC_BODY(what_can_be_no_user_is_not_asked, tc)
{
	static const char *const names[] = { "", "-n", "a b", "a/b", "a:b",
		"../x", "a\nb", "\xc3\xa4", "a@b" };
	struct user_wait w = { .done = done };
	enum user_answer answer;
	struct users u;
	size_t i;

	users_init(&u, ask);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		answer = USER__MAX;
		ATF_CHECK(users_ask(&u, span_str(names[i]), &w, &answer));
		ATF_CHECK_EQ(USER_NO, answer);
	}
	ATF_CHECK_EQ(0, seen.asked);
}

ATF_TC_WITHOUT_HEAD(trouble_is_temporary_and_not_kept);
ATF_TC_BODY(trouble_is_temporary_and_not_kept, tc)
{
	struct user_wait w = { .done = done };
	enum user_answer answer = USER__MAX;
	struct users u;

	users_init(&u, ask);
	seen.error = -E_BUSY;
	ATF_CHECK(users_ask(&u, span_str("bob"), &w, &answer));
	ATF_CHECK_EQ(USER_TRY_LATER, answer);
	seen.error = 0;
	ATF_CHECK(!users_ask(&u, span_str("bob"), &w, &answer));
	ATF_CHECK_EQ(0, users_answer(&u, seen.request, USER_TRY_LATER));
	ATF_CHECK_EQ(USER_TRY_LATER, seen.answer);
	ATF_CHECK(!users_ask(&u, span_str("bob"), &w, &answer));
	ATF_CHECK_EQ(1, u.count);
}

ATF_TC_WITHOUT_HEAD(cache_is_bounded_and_drops_the_oldest);
ATF_TC_BODY(cache_is_bounded_and_drops_the_oldest, tc)
{
	struct user_wait w = { .done = done };
	enum user_answer answer;
	char name[16];
	struct users u;
	int i;

	users_init(&u, ask);
	for (i = 0; i < USERS_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		ATF_REQUIRE(!users_ask(&u, span_str(name), &w, &answer));
		ATF_REQUIRE_EQ(0, users_answer(&u, seen.request, USER_YES));
	}
	ATF_CHECK(users_ask(&u, span_str("u0"), &w, &answer));
	ATF_CHECK(!users_ask(&u, span_str("new"), &w, &answer));
	users_cancel(&w);
	ATF_CHECK_EQ(USERS_CACHE_MAX, u.count);
	ATF_CHECK(users_ask(&u, span_str("u0"), &w, &answer));
	ATF_CHECK(!users_ask(&u, span_str("u1"), &w, &answer));
	users_cancel(&w);
}

ATF_TC_WITHOUT_HEAD(too_many_open_questions_are_temporary);
ATF_TC_BODY(too_many_open_questions_are_temporary, tc)
{
	static struct user_wait waits[USERS_CACHE_MAX + 1];
	enum user_answer answer = USER__MAX;
	char name[16];
	struct users u;
	int i;

	users_init(&u, ask);
	for (i = 0; i < USERS_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		ATF_REQUIRE(!users_ask(&u, span_str(name), &waits[i], &answer));
	}
	ATF_CHECK(users_ask(&u, span_str("more"), &waits[i], &answer));
	ATF_CHECK_EQ(USER_TRY_LATER, answer);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_question_answers_all_who_wait_and_is_kept);
	ATF_TP_ADD_TC(tp, who_has_gone_is_not_told);
	ATF_TP_ADD_TC(tp, what_can_be_no_user_is_not_asked);
	ATF_TP_ADD_TC(tp, trouble_is_temporary_and_not_kept);
	ATF_TP_ADD_TC(tp, cache_is_bounded_and_drops_the_oldest);
	ATF_TP_ADD_TC(tp, too_many_open_questions_are_temporary);
	return atf_no_error();
}
