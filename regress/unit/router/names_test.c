/* SPDX-License-Identifier: ISC
 *
 * What is known of the names of clients, how long it holds, and who is told.
 * Classes: (a) a name that is none, (e) something freed while an answer is on
 * its way, (h) more clients than there is room for.
 */
#include "privsep/base/err.h"
#include "regress/unit/router/setup.h"
#include "smtpd/router/names.h"

#define S 1000ULL

static struct {
	uint64_t now_ms;
	unsigned asked;
	uint64_t request;
	int error;
	unsigned told;
	struct name_ref *leaves; /* when the first one is told */
} seen;

static struct names names;

static uint64_t
now_ms(void)
{
	return seen.now_ms;
}

static int
ask(uint64_t request, const struct source *source)
{
	seen.asked++;
	seen.request = request;
	return seen.error;
}

static void
settled(struct name_ref *ref)
{
	seen.told++;
	if (seen.leaves != NULL) {
		names_leave(&names, seen.leaves);
		names_leave(&names, ref);
		seen.leaves = NULL;
	}
}

static void
setup(void)
{
	memset(&seen, 0, sizeof(seen));
	seen.now_ms = 1000000;
	names_init(&names, ask);
	names.now_ms = now_ms;
}

static void
enter(struct name_ref *ref, const char *text)
{
	struct source source = setup_source(text);

	*ref = (struct name_ref){ .settled = settled };
	names_enter(&names, ref, &source);
}

static void
found(const char *text, uint32_t ttl_s)
{
	ATF_CHECK_EQ(0,
	    names_answer(
		&names, seen.request, NAME_FOUND, span_str(text), ttl_s));
}

static void
check(const struct name_ref *ref, enum name_status status, const char *text)
{
	struct span got;

	ATF_CHECK_EQ(status, name_status(ref, &got));
	ATF_CHECK_EQ_MSG(true, span_eq(got, span_str(text)), "%.*s, not %s",
	    (int)got.len, (const char *)got.p, text);
}

ATF_TC_WITHOUT_HEAD(one_question_for_all_clients_of_an_address);
ATF_TC_BODY(one_question_for_all_clients_of_an_address, tc)
{
	struct name_ref a, b, c, other;

	setup();
	enter(&a, "192.0.2.1");
	enter(&b, "192.0.2.1");
	ATF_CHECK_EQ(1, seen.asked);
	check(&b, NAME_ASKED, "");
	found("mail.example.org", 60);
	ATF_CHECK_EQ(2, seen.told);
	check(&a, NAME_FOUND, "mail.example.org");
	check(&b, NAME_FOUND, "mail.example.org");
	/* nobody is there any more, but it is remembered */
	names_leave(&names, &a);
	names_leave(&names, &b);
	enter(&c, "192.0.2.1");
	check(&c, NAME_FOUND, "mail.example.org");
	ATF_CHECK_EQ(1, seen.asked);
	ATF_CHECK_EQ(2, seen.told);
	enter(&other, "192.0.2.2");
	ATF_CHECK_EQ(2, seen.asked);
	check(&other, NAME_ASKED, "");
}

ATF_TC_WITHOUT_HEAD(a_name_holds_for_its_time);
ATF_TC_BODY(a_name_holds_for_its_time, tc)
{
	static const struct {
		uint32_t ttl_s;
		uint64_t holds_s;
	} times[] = { { 0, NAMES_TTL_MIN_S }, { 60, 60 },
		{ UINT32_MAX, NAMES_TTL_MAX_S } };
	struct name_ref a, b;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		setup();
		enter(&a, "2001:db8::1");
		found("old.example", times[i].ttl_s);
		names_leave(&names, &a);
		seen.now_ms += times[i].holds_s * S - 1;
		enter(&a, "2001:db8::1");
		ATF_CHECK_EQ(1, seen.asked);
		seen.now_ms++;
		/* who has it keeps it; who comes now does not get it */
		enter(&b, "2001:db8::1");
		ATF_CHECK_EQ(2, seen.asked);
		found("new.example", 60);
		check(&a, NAME_FOUND, "old.example");
		check(&b, NAME_FOUND, "new.example");
		ATF_CHECK_EQ(2, seen.told);
		names_leave(&names, &a);
		names_leave(&names, &b);
		ATF_CHECK_EQ(1, names.nidle);
	}
}

ATF_TC_WITHOUT_HEAD(that_there_is_none_is_remembered);
ATF_TC_BODY(that_there_is_none_is_remembered, tc)
{
	struct name_ref a, b;

	setup();
	enter(&a, "192.0.2.1");
	ATF_CHECK_EQ(0,
	    names_answer(
		&names, seen.request, NAME_NONE, span_str("x.example"), 5));
	check(&a, NAME_NONE, "");
	ATF_CHECK_EQ(1, seen.told);
	names_leave(&names, &a);
	seen.now_ms += NAMES_NONE_S * S - 1;
	enter(&a, "192.0.2.1");
	ATF_CHECK_EQ(1, seen.asked);
	seen.now_ms++;
	enter(&b, "192.0.2.1");
	ATF_CHECK_EQ(2, seen.asked);
}

ATF_TC_WITHOUT_HEAD(what_is_no_domain_is_no_name);
ATF_TC_BODY(what_is_no_domain_is_no_name, tc)
{
	static char long_name[300];
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a b",
		"a\r\nX: y", "a_b.example", "-a.example", "a-.example",
		"[192.0.2.1]", "a.example;", "\xc3\xa4.example", long_name };
	struct name_ref a;
	size_t i;

	memset(long_name, 'a', sizeof(long_name) - 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup();
		enter(&a, "192.0.2.1");
		found(bad[i], 60);
		check(&a, NAME_NONE, "");
		names_leave(&names, &a);
	}
}

ATF_TC_WITHOUT_HEAD(a_failure_is_asked_again_after_a_while);
ATF_TC_BODY(a_failure_is_asked_again_after_a_while, tc)
{
	struct name_ref a, b;

	setup();
	seen.error = -E_UNAVAIL;
	enter(&a, "192.0.2.1");
	check(&a, NAME_FAILED, "");
	ATF_CHECK_EQ(0, names.nasked);
	seen.error = 0;
	ATF_CHECK(!names_retry(&names, &a));
	enter(&b, "192.0.2.1");
	ATF_CHECK_EQ(1, seen.asked);
	seen.now_ms += NAMES_FAILED_S * S;
	ATF_CHECK(names_retry(&names, &a));
	ATF_CHECK(names_retry(&names, &b));
	ATF_CHECK_EQ(2, seen.asked);
	ATF_CHECK_EQ(0,
	    names_answer(&names, seen.request, NAME_FAILED, span_str(""), 0));
	ATF_CHECK_EQ(2, seen.told);
	check(&b, NAME_FAILED, "");
	/* one who comes later has it asked again, too */
	names_leave(&names, &a);
	names_leave(&names, &b);
	seen.now_ms += NAMES_FAILED_S * S;
	enter(&a, "192.0.2.1");
	check(&a, NAME_ASKED, "");
	found("late.example", 60);
	check(&a, NAME_FOUND, "late.example");
	ATF_CHECK(!names_retry(&names, &a));
}

ATF_TC_WITHOUT_HEAD(who_has_gone_is_not_told);
ATF_TC_BODY(who_has_gone_is_not_told, tc)
{
	struct name_ref a, b, c;

	setup();
	enter(&a, "192.0.2.1");
	enter(&b, "192.0.2.1");
	names_leave(&names, &a);
	names_leave(&names, &a);
	names_leave(&names, &b);
	found("mail.example.org", 60);
	ATF_CHECK_EQ(0, seen.told);
	ATF_CHECK_EQ(-E_NOENT,
	    names_answer(&names, seen.request, NAME_FOUND,
		span_str("twice.example"), 60));
	/* one leaves with another while they are being told */
	enter(&a, "192.0.2.2");
	enter(&b, "192.0.2.2");
	enter(&c, "192.0.2.2");
	seen.leaves = &a;
	found("mail.example.org", 60);
	ATF_CHECK_EQ(2, seen.told);
	names_leave(&names, &b);
	names_leave(&names, &c);
	ATF_CHECK_EQ(2, names.nidle);
}

ATF_TC_WITHOUT_HEAD(a_question_does_not_wait_for_ever);
ATF_TC_BODY(a_question_does_not_wait_for_ever, tc)
{
	struct name_ref a, b;
	uint64_t first;

	setup();
	ATF_CHECK_EQ(0, names_oldest_ms(&names));
	enter(&a, "192.0.2.1");
	first = seen.now_ms;
	seen.now_ms += 1;
	enter(&b, "192.0.2.2");
	ATF_CHECK_EQ(first, names_oldest_ms(&names));
	names_expire(&names, first);
	ATF_CHECK_EQ(0, seen.told);
	names_expire(&names, first + 1);
	check(&a, NAME_FAILED, "");
	check(&b, NAME_ASKED, "");
	ATF_CHECK_EQ(1, seen.told);
	names_expire(&names, UINT64_MAX);
	check(&b, NAME_FAILED, "");
	ATF_CHECK_EQ(0, names.nasked);
	ATF_CHECK_EQ(0, names_oldest_ms(&names));
}

ATF_TC_WITHOUT_HEAD(what_has_no_address_has_no_name);
ATF_TC_BODY(what_has_no_address_has_no_name, tc)
{
	static const char *const sources[] = { "socket", "ours", "127.0.0.1",
		"127.1.2.3", "::1" };
	struct name_ref a;
	size_t i;

	setup();
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		enter(&a, sources[i]);
		check(&a, NAME_NONE, "");
		ATF_CHECK(!names_retry(&names, &a));
		names_leave(&names, &a);
	}
	ATF_CHECK_EQ(0, seen.asked);
}

ATF_TC_WITHOUT_HEAD(memory_is_bounded);
ATF_TC_BODY(memory_is_bounded, tc)
{
	struct source source = setup_source("198.51.100.1");
	struct name_ref a = { .settled = settled };
	unsigned i;

	setup();
	for (i = 0; i < 2 * NAMES_IDLE_MAX; i++) {
		source.addr[1] = (unsigned char)(i >> 8);
		source.addr[2] = (unsigned char)i;
		names_enter(&names, &a, &source);
		found("mail.example.org", 3600);
		names_leave(&names, &a);
	}
	ATF_CHECK_EQ(NAMES_IDLE_MAX, names.nidle);
	/* the last ones are there, the first ones are not */
	seen.asked = 0;
	names_enter(&names, &a, &source);
	ATF_CHECK_EQ(0, seen.asked);
	names_leave(&names, &a);
	enter(&a, "198.0.0.1");
	ATF_CHECK_EQ(1, seen.asked);
	names_leave(&names, &a);
	for (i = 0; i < 2 * NAMES_ASKED_MAX; i++) {
		source.addr[0] = 203;
		source.addr[1] = (unsigned char)(i >> 8);
		source.addr[2] = (unsigned char)i;
		names_enter(&names, &a, &source);
		names_leave(&names, &a);
	}
	ATF_CHECK_EQ(NAMES_ASKED_MAX, names.nasked);
	ATF_CHECK_EQ(NAMES_IDLE_MAX, names.nidle);
	names_expire(&names, UINT64_MAX);
	ATF_CHECK_EQ(0, names.nasked);
	ATF_CHECK_EQ(NAMES_IDLE_MAX, names.nidle);
}

ATF_TC_WITHOUT_HEAD(one_network_leaves_room_for_others);
ATF_TC_BODY(one_network_leaves_room_for_others, tc)
{
	struct source source = setup_source("2001:db8::");
	struct name_ref a = { .settled = settled }, b;
	unsigned i;

	setup();
	for (i = 0; i < 2 * NAMES_ASKED_MAX; i++) {
		source.addr[14] = (unsigned char)(i >> 8);
		source.addr[15] = (unsigned char)i;
		names_enter(&names, &a, &source);
		names_leave(&names, &a);
	}
	ATF_CHECK_EQ(NAMES_ASKED_MAX / 2, names.nasked);
	for (i = 0; i < 2 * NAMES_ASKED_NET; i++) {
		source.addr[7] = 1;
		source.addr[15] = (unsigned char)i;
		names_enter(&names, &a, &source);
		check(&a, i < NAMES_ASKED_NET ? NAME_ASKED : NAME_FAILED, "");
		names_leave(&names, &a);
	}
	enter(&b, "192.0.2.1");
	check(&b, NAME_ASKED, "");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_question_for_all_clients_of_an_address);
	ATF_TP_ADD_TC(tp, a_name_holds_for_its_time);
	ATF_TP_ADD_TC(tp, that_there_is_none_is_remembered);
	ATF_TP_ADD_TC(tp, what_is_no_domain_is_no_name);
	ATF_TP_ADD_TC(tp, a_failure_is_asked_again_after_a_while);
	ATF_TP_ADD_TC(tp, who_has_gone_is_not_told);
	ATF_TP_ADD_TC(tp, a_question_does_not_wait_for_ever);
	ATF_TP_ADD_TC(tp, what_has_no_address_has_no_name);
	ATF_TP_ADD_TC(tp, memory_is_bounded);
	ATF_TP_ADD_TC(tp, one_network_leaves_room_for_others);
	return atf_no_error();
}
