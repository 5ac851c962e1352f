/* SPDX-License-Identifier: ISC
 *
 * The tables of the relay: the order of hosts, what is remembered of them,
 * the pace, and which address is tried next.
 */
#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "delivery/relay/hosts.h"
#include "delivery/relay/mx.h"
#include "delivery/relay/pace.h"
#include "delivery/relay/race.h"
#include "delivery/relay/self.h"
#include "delivery/relay/tries.h"

static union ip
ip(const char *text)
{
	union ip out;

	ATF_REQUIRE_EQ_MSG(
	    0, ip_from_text(span_str(text), 25, &out), "%s", text);
	return out;
}

static struct target
target(const char *name, uint16_t preference)
{
	struct target t = { .preference = preference };

	strlcpy(t.name, name, sizeof(t.name));
	return t;
}

static void
target_add(struct target *t, const char *address)
{
	t->ip[t->n++] = ip(address);
}

ATF_TC_WITHOUT_HEAD(mx_are_in_the_order_of_preference);
ATF_TC_BODY(mx_are_in_the_order_of_preference, tc)
{
	struct target t[] = { target("c", 65535), target("a", 0),
		target("b", 10) };

	mx_order(t, 3);
	ATF_CHECK_STREQ("a", t[0].name);
	ATF_CHECK_STREQ("b", t[1].name);
	ATF_CHECK_STREQ("c", t[2].name);
}

ATF_TC_WITHOUT_HEAD(equal_mx_take_turns);
ATF_TC_BODY(equal_mx_take_turns, tc)
{
	unsigned first[3] = { 0, 0, 0 }, i;

	for (i = 0; i < 300; i++) {
		struct target t[] = { target("0", 5), target("z", 9),
			target("1", 5), target("2", 5) };

		mx_order(t, 4);
		ATF_REQUIRE_STREQ("z", t[3].name);
		first[t[0].name[0] - '0']++;
	}
	ATF_CHECK(first[0] > 30 && first[1] > 30 && first[2] > 30);
}

static bool
is_self(const struct target *t)
{
	return t->name[0] == 'S';
}

ATF_TC_WITHOUT_HEAD(hosts_no_better_than_ourselves_are_left);
ATF_TC_BODY(hosts_no_better_than_ourselves_are_left, tc)
{
	struct target t[] = { target("a", 5), target("b", 10), target("S", 10),
		target("c", 20) };

	ATF_CHECK_EQ(1, mx_before_self(t, 4, is_self));
	ATF_CHECK_EQ(0, mx_before_self(t + 1, 3, is_self));
	ATF_CHECK_EQ(2, mx_before_self(t, 2, is_self));
	ATF_CHECK_EQ(0, mx_before_self(t, 0, is_self));
}

ATF_TC_WITHOUT_HEAD(addresses_are_read_and_written);
ATF_TC_BODY(addresses_are_read_and_written, tc)
{
	static const char *const bad[] = { "", "[]", "[", "]", "[1.2.3]",
		"1.2.3.4", "[1.2.3.4", "[IPv6:]", "[IPv6:::1%lo]",
		"[1.2.3.4.5]", "[::1 ]" };
	union ip out, other;
	char text[IP_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(ip_from_literal(span_str(bad[i]), 1, &out) != 0,
		    "%s", bad[i]);
	ATF_CHECK(ip_from_text((struct span){ (const unsigned char *)"1.2.3."
								     "4\0",
				   8 },
		      25, &out) != 0);
	ATF_REQUIRE_EQ(
	    0, ip_from_literal(span_str("[ipv6:2001:db8::1]"), 25, &out));
	ip_text_port(&out, text);
	ATF_CHECK_STREQ("[2001:db8::1]:25", text);
	ATF_REQUIRE_EQ(0, ip_from_literal(span_str("[192.0.2.1]"), 26, &other));
	ip_text_port(&other, text);
	ATF_CHECK_STREQ("192.0.2.1:26", text);
	ATF_CHECK(!ip_same(&out, &other));
	out = ip("192.0.2.1");
	ATF_CHECK(ip_same(&out, &other));
	ATF_CHECK(!ip_equal(&out, &other));
	ATF_CHECK(
	    ip_from_octets((struct span){ (const unsigned char *)"abcde", 5 },
		25, &out) != 0);
}

ATF_TC_WITHOUT_HEAD(this_host_is_known);
ATF_TC_BODY(this_host_is_known, tc)
{
	static const char *const ours[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0",
		"::1", "::" };
	union ip a;
	size_t i;

	self_learn();
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		a = ip(ours[i]);
		ATF_CHECK_MSG(self_has(&a), "%s", ours[i]);
	}
	a = ip("192.0.2.77");
	ATF_CHECK(!self_has(&a));
	a = ip("2001:db8::7");
	ATF_CHECK(!self_has(&a));
}

ATF_TC_WITHOUT_HEAD(families_take_turns);
ATF_TC_BODY(families_take_turns, tc)
{
	union ip a[] = { ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3"),
		ip("2001:db8::1"), ip("2001:db8::2") };
	static const char *const six_first[] = { "2001:db8::1", "192.0.2.1",
		"2001:db8::2", "192.0.2.2", "192.0.2.3" };
	static const char *const four_first[] = { "192.0.2.1", "2001:db8::1",
		"192.0.2.2", "2001:db8::2", "192.0.2.3" };
	char text[IP_TEXT_MAX];
	size_t i;

	race_interleave(a, 5, AF_INET6);
	for (i = 0; i < 5; i++) {
		ip_text(&a[i], text);
		ATF_CHECK_STREQ(six_first[i], text);
	}
	race_interleave(a, 5, AF_INET);
	for (i = 0; i < 5; i++) {
		ip_text(&a[i], text);
		ATF_CHECK_STREQ(four_first[i], text);
	}
}

ATF_TC_WITHOUT_HEAD(a_host_that_failed_is_down_for_a_while);
ATF_TC_BODY(a_host_that_failed_is_down_for_a_while, tc)
{
	struct host *h = host_get("mx.example.org");
	uint64_t first;

	ATF_REQUIRE(h != NULL);
	ATF_CHECK(!host_is_down(h));
	ATF_CHECK(!host_is_down(NULL));
	host_failed(h, "no");
	ATF_CHECK(host_is_down(h));
	first = h->down_until_ms;
	host_failed(h, "no again");
	ATF_CHECK(h->down_until_ms >= first + 30000);
	ATF_CHECK_STREQ("no again", h->text);
	ATF_CHECK_EQ(h, host_find("mx.example.org"));
	host_worked(h);
	ATF_CHECK(!host_is_down(h));
	ATF_CHECK_EQ(0, h->failures);
}

ATF_TC_WITHOUT_HEAD(hosts_are_bounded_and_those_in_use_stay);
ATF_TC_BODY(hosts_are_bounded_and_those_in_use_stay, tc)
{
	struct host *used = host_get("used"), *h = NULL;
	char key[32];
	size_t i, n = 0;

	used->connections = 1;
	host_get("unused");
	for (i = 0; i < HOSTS_MAX + 10; i++) {
		snprintf(key, sizeof(key), "host%zu", i);
		ATF_REQUIRE(host_get(key) != NULL);
	}
	ATF_CHECK_EQ(HOSTS_MAX, host_count());
	ATF_CHECK_EQ(used, host_find("used"));
	ATF_CHECK_EQ(NULL, host_find("unused"));
	while ((h = host_next(h)) != NULL)
		n++;
	ATF_CHECK_EQ(HOSTS_MAX, n);
}

ATF_TC_WITHOUT_HEAD(pace_slows_down_and_speeds_up);
ATF_TC_BODY(pace_slows_down_and_speeds_up, tc)
{
	struct limit_values limits = { .connections = 20 };
	struct pace p;
	uint64_t before;
	size_t i;

	pace_init(&p, &limits);
	ATF_CHECK(p.allowed > 1 && p.allowed < 20);
	for (i = 0; i < 1000; i++)
		pace_good(&p);
	ATF_CHECK_EQ(20, p.allowed);
	ATF_CHECK(pace_may_add(&p, 19));
	ATF_CHECK(!pace_may_add(&p, 20));
	pace_slow(&p, 1000000);
	ATF_CHECK_EQ(10, p.allowed);
	/* the others of that moment say nothing new */
	pace_slow(&p, 1000010);
	ATF_CHECK_EQ(10, p.allowed);
	for (i = 0; i < 20; i++)
		pace_slow(&p, 2000000 + i * 100000);
	ATF_CHECK_EQ(1, p.allowed);
	ATF_CHECK(pace_may_add(&p, 0));
	before = p.allowed;
	pace_good(&p);
	ATF_CHECK_EQ(before + 1, p.allowed);
}

ATF_TC_WITHOUT_HEAD(rate_is_kept);
ATF_TC_BODY(rate_is_kept, tc)
{
	struct limit_values limits = { .rate = 2, .rate_s = 10 };
	struct rate r;

	rate_init(&r, &limits);
	ATF_CHECK_EQ(0, rate_wait_ms(&r, 5000));
	ATF_CHECK_EQ(0, rate_wait_ms(&r, 5000));
	rate_count(&r);
	ATF_CHECK_EQ(0, rate_wait_ms(&r, 6000));
	rate_count(&r);
	ATF_CHECK_EQ(8000, rate_wait_ms(&r, 7000));
	ATF_CHECK_EQ(1, rate_wait_ms(&r, 14999));
	ATF_CHECK_EQ(0, rate_wait_ms(&r, 15000));
	limits.rate = 0;
	rate_init(&r, &limits);
	for (int i = 0; i < 9; i++)
		rate_count(&r);
	ATF_CHECK_EQ(0, rate_wait_ms(&r, 5000));
}

/* The next addresses of t as text. */
static const char *
next(struct tries *t)
{
	static char text[512];
	const struct target *of;
	union ip out[RACE_MAX];
	char one[IP_TEXT_MAX];
	size_t i, n = tries_next(t, out, &of);

	if (n == 0)
		return "none";
	strlcpy(text, of->name, sizeof(text));
	for (i = 0; i < n; i++) {
		tries_made(t, &out[i]);
		ip_text(&out[i], one);
		strlcat(text, " ", sizeof(text));
		strlcat(text, one, sizeof(text));
	}
	return text;
}

ATF_TC_WITHOUT_HEAD(each_address_is_tried_once_and_bad_ones_last);
ATF_TC_BODY(each_address_is_tried_once_and_bad_ones_last, tc)
{
	struct target t[] = { target("a", 5), target("b", 10) };
	struct limit_values limits = { .host_connections = 2 };
	union ip bad = ip("192.0.2.1");
	struct tries tries;

	target_add(&t[0], "192.0.2.1");
	target_add(&t[0], "192.0.2.2");
	target_add(&t[0], "2001:db8::1");
	target_add(&t[1], "192.0.2.3");
	host_failed(host_get_ip(&bad), "no");
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 2, &limits));
	ATF_CHECK_STREQ("a 2001:db8::1 192.0.2.2", next(&tries));
	ATF_CHECK_STREQ("b 192.0.2.3", next(&tries));
	ATF_CHECK_STREQ("a 192.0.2.1", next(&tries));
	ATF_CHECK_STREQ("none", next(&tries));
	ATF_CHECK(!tries.full);
	tries_clear(&tries);
}

ATF_TC_WITHOUT_HEAD(the_family_that_worked_goes_first);
ATF_TC_BODY(the_family_that_worked_goes_first, tc)
{
	struct target t[] = { target("a", 5) };
	struct limit_values limits = { .family = 0 };
	const struct target *of;
	union ip out[RACE_MAX];
	struct tries tries;

	target_add(&t[0], "2001:db8::1");
	target_add(&t[0], "192.0.2.2");
	host_get("a")->family = AF_INET;
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 1, &limits));
	ATF_CHECK_STREQ("a 192.0.2.2 2001:db8::1", next(&tries));
	tries_clear(&tries);
	/* what was not tried comes again */
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 1, &limits));
	ATF_CHECK_EQ(2, tries_next(&tries, out, &of));
	tries_made(&tries, &out[0]);
	ATF_CHECK_STREQ("a 2001:db8::1", next(&tries));
	tries_clear(&tries);
	/* one family alone */
	limits.family = 6;
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 1, &limits));
	ATF_CHECK_STREQ("a 2001:db8::1", next(&tries));
	ATF_CHECK_STREQ("none", next(&tries));
	tries_clear(&tries);
	/* none of our addresses is of it */
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 1, &limits));
	tries.no6 = true;
	ATF_CHECK_STREQ("none", next(&tries));
	tries_clear(&tries);
}

ATF_TC_WITHOUT_HEAD(an_address_with_enough_connections_is_full);
ATF_TC_BODY(an_address_with_enough_connections_is_full, tc)
{
	struct target t[] = { target("a", 5), target("b", 10) };
	struct limit_values limits = { .host_connections = 2 };
	struct tries tries;

	target_add(&t[0], "192.0.2.1");
	target_add(&t[1], "192.0.2.2");
	host_get_ip(&t[0].ip[0])->connections = 2;
	host_get_ip(&t[1].ip[0])->connections = 1;
	ATF_REQUIRE_EQ(0, tries_init(&tries, t, 2, &limits));
	ATF_CHECK_STREQ("b 192.0.2.2", next(&tries));
	ATF_CHECK(tries.full);
	tries_clear(&tries);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, mx_are_in_the_order_of_preference);
	ATF_TP_ADD_TC(tp, equal_mx_take_turns);
	ATF_TP_ADD_TC(tp, hosts_no_better_than_ourselves_are_left);
	ATF_TP_ADD_TC(tp, addresses_are_read_and_written);
	ATF_TP_ADD_TC(tp, this_host_is_known);
	ATF_TP_ADD_TC(tp, families_take_turns);
	ATF_TP_ADD_TC(tp, a_host_that_failed_is_down_for_a_while);
	ATF_TP_ADD_TC(tp, hosts_are_bounded_and_those_in_use_stay);
	ATF_TP_ADD_TC(tp, pace_slows_down_and_speeds_up);
	ATF_TP_ADD_TC(tp, rate_is_kept);
	ATF_TP_ADD_TC(tp, each_address_is_tried_once_and_bad_ones_last);
	ATF_TP_ADD_TC(tp, the_family_that_worked_goes_first);
	ATF_TP_ADD_TC(tp, an_address_with_enough_connections_is_full);
	return atf_no_error();
}
