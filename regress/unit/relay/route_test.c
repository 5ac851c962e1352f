/* SPDX-License-Identifier: ISC
 *
 * Finding the hosts of a domain (RFC 5321 5.1, RFC 7505), with a resolver
 * that the test plays.  Class: hostile DNS.
 */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/ask.h"
#include "delivery/relay/route.h"
#include "privsep/base/err.h"
#include "privsep/ipc/role.h"

#define ASKED_MAX 64

static struct {
	struct config *cfg;
	struct {
		enum dns_kind kind;
		char name[256];
		ask_fn *fn;
		void *arg;
		bool open;
	} asked[ASKED_MAX];
	size_t n;
	bool deaf; /* there is no resolver */
	unsigned done;
	struct route *route;
} play;

/* What the real ones do in a process. */
uint64_t
ask_dns(enum dns_kind kind, struct span name, ask_fn *fn, void *arg)
{
	size_t i = play.n;

	if (play.deaf || i == ASKED_MAX)
		return 0;
	play.asked[i].kind = kind;
	snprintf(play.asked[i].name, sizeof(play.asked[i].name), "%.*s",
	    (int)name.len, (const char *)name.p);
	play.asked[i].fn = fn;
	play.asked[i].arg = arg;
	play.asked[i].open = true;
	return ++play.n;
}

void
ask_forget(uint64_t id)
{
	if (id != 0)
		play.asked[id - 1].open = false;
}

const struct config *
role_config(void)
{
	return play.cfg;
}

static void
done(void *arg)
{
	play.done++;
}

static void
begin(const char *action, const char *domain)
{
	static const char text[] =
	    "hostname \"mx.example.org\"\n"
	    "table domains { \"inside.example\" = \"lmtp://[2001:db8::9]:24\" "
	    "}\n"
	    "action \"out\" relay\n"
	    "action \"smart\" relay host smtp://192.0.2.9:2525\n"
	    "table keys { me = \"me:secret\" }\n"
	    "action \"named\" relay host smtps://me@smart.example auth "
	    "<keys>\n"
	    "action \"inside\" relay domain <domains>\n"
	    "action \"backup\" relay backup mx \"second.example.org\"\n";
	struct cfg_source *src;
	struct cfg_errors errs;
	struct buf out;

	cfg_errors_init(&errs);
	buf_init(&out, 65536);
	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(text), "mx.example.org", &src));
	if (config_parse(src, &play.cfg, &errs) != 0) {
		cfg_errors_render(&errs, &out);
		atf_tc_fail("%.*s", (int)out.len, (char *)out.data);
	}
	cfg_source_free(src);
	play.route = route_new(config_action(play.cfg, span_str(action)),
	    span_str(domain), done, NULL);
	ATF_REQUIRE(play.route != NULL);
	route_find(play.route);
}

/* Answer the question: records are "10 host" or addresses, or none. */
static void
answer(enum dns_kind kind, const char *name, enum dns_status status,
    const char *const *records)
{
	static unsigned char octets[ASK_RECORDS_MAX][16];
	struct dns_answer a = { .status = status, .ttl_s = 60 };
	union ip ip;
	size_t i;

	for (; records != NULL && records[a.n] != NULL; a.n++) {
		struct dns_record *r = &a.record[a.n];

		if (kind == DNS_MX) {
			r->preference = (uint16_t)atoi(records[a.n]);
			r->data = span_str(strchr(records[a.n], ' ') + 1);
			continue;
		}
		ATF_REQUIRE_EQ(0, ip_from_text(span_str(records[a.n]), 0, &ip));
		r->data = (struct span){ octets[a.n], kind == DNS_A ? 4 : 16 };
		memcpy(octets[a.n],
		    kind == DNS_A ? (void *)&ip.in4.sin_addr
				  : (void *)&ip.in6.sin6_addr,
		    r->data.len);
	}
	for (i = 0; i < play.n; i++) {
		if (play.asked[i].open && play.asked[i].kind == kind &&
		    strcmp(play.asked[i].name, name) == 0)
			break;
	}
	ATF_REQUIRE_MSG(i < play.n, "%s was not asked for", name);
	play.asked[i].open = false;
	play.asked[i].fn(play.asked[i].arg, &a);
}

#define ANSWER(kind, name, ...)                                                \
	answer((kind), (name), DNS_OK,                                         \
	    (const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING(kind, name, status) answer((kind), (name), (status), NULL)

/* What was found: "host address..." for each. */
static void
found(const char *what)
{
	char text[2048] = "", one[IP_TEXT_MAX];
	const struct target *t;
	size_t i, k, n;

	ATF_REQUIRE_EQ(ROUTE_READY, route_state(play.route));
	t = route_targets(play.route, &n);
	for (i = 0; i < n; i++) {
		strlcat(text, i > 0 ? ", " : "", sizeof(text));
		strlcat(text, t[i].name, sizeof(text));
		for (k = 0; k < t[i].n; k++) {
			ip_text_port(&t[i].ip[k], one);
			strlcat(text, " ", sizeof(text));
			strlcat(text, one, sizeof(text));
		}
	}
	ATF_CHECK_STREQ(what, text);
}

static void
failed(enum env_outcome outcome, const char *status)
{
	const char *is, *text;

	ATF_REQUIRE_EQ(ROUTE_FAILED, route_state(play.route));
	ATF_CHECK_EQ(outcome, route_failure(play.route, &is, &text));
	ATF_CHECK_STREQ(status, is);
	ATF_CHECK(strlen(text) > 10);
}

ATF_TC_WITHOUT_HEAD(a_host_that_is_named_is_not_asked_for);
ATF_TC_BODY(a_host_that_is_named_is_not_asked_for, tc)
{
	begin("smart", "");
	found("192.0.2.9 192.0.2.9:2525");
	ATF_CHECK_EQ(0, play.n);
	ATF_CHECK_EQ(0, play.done);
	ATF_CHECK(!route_stale(play.route));
}

ATF_TC_WITHOUT_HEAD(a_named_host_has_its_addresses_looked_up);
ATF_TC_BODY(a_named_host_has_its_addresses_looked_up, tc)
{
	begin("named", "");
	ATF_CHECK_EQ(ROUTE_ASKING, route_state(play.route));
	ANSWER(DNS_A, "smart.example", "192.0.2.1");
	ATF_CHECK_EQ(0, play.done);
	ANSWER(DNS_AAAA, "smart.example", "2001:db8::1");
	ATF_CHECK_EQ(1, play.done);
	found("smart.example 192.0.2.1:465 [2001:db8::1]:465");
	ATF_CHECK_STREQ("me", route_label(play.route));
}

ATF_TC_WITHOUT_HEAD(a_named_host_without_an_address_is_tried_again);
ATF_TC_BODY(a_named_host_without_an_address_is_tried_again, tc)
{
	begin("named", "");
	NOTHING(DNS_A, "smart.example", DNS_NO_NAME);
	NOTHING(DNS_AAAA, "smart.example", DNS_NO_NAME);
	failed(OUT_DEFERRED, "4.4.4");
}

ATF_TC_WITHOUT_HEAD(a_table_of_domains_goes_before_mx);
ATF_TC_BODY(a_table_of_domains_goes_before_mx, tc)
{
	const struct target *t;
	size_t n;

	begin("inside", "inside.example");
	found("2001:db8::9 [2001:db8::9]:24");
	t = route_targets(play.route, &n);
	ATF_CHECK_EQ(RELAY_LMTP, t->proto);
	route_free(play.route);
	begin("inside", "outside.example");
	ATF_CHECK_EQ(ROUTE_ASKING, route_state(play.route));
}

ATF_TC_WITHOUT_HEAD(mx_by_preference);
ATF_TC_BODY(mx_by_preference, tc)
{
	begin("out", "example.net");
	ANSWER(DNS_MX, "example.net", "20 b.example.net", "10 a.example.net");
	ANSWER(DNS_A, "b.example.net", "192.0.2.2");
	ANSWER(DNS_A, "a.example.net", "192.0.2.1");
	NOTHING(DNS_AAAA, "a.example.net", DNS_NO_DATA);
	NOTHING(DNS_AAAA, "b.example.net", DNS_NO_DATA);
	ATF_CHECK_EQ(1, play.done);
	found("a.example.net 192.0.2.1:25, b.example.net 192.0.2.2:25");
}

ATF_TC_WITHOUT_HEAD(a_host_that_cannot_be_found_is_left);
ATF_TC_BODY(a_host_that_cannot_be_found_is_left, tc)
{
	begin("out", "example.net");
	ANSWER(DNS_MX, "example.net", "20 b.example.net", "10 a.example.net");
	NOTHING(DNS_A, "a.example.net", DNS_TRY_LATER);
	NOTHING(DNS_AAAA, "a.example.net", DNS_BOGUS);
	ANSWER(DNS_A, "b.example.net", "192.0.2.2");
	NOTHING(DNS_AAAA, "b.example.net", DNS_NO_DATA);
	found("b.example.net 192.0.2.2:25");
}

ATF_TC_WITHOUT_HEAD(without_mx_the_domain_is_its_host);
ATF_TC_BODY(without_mx_the_domain_is_its_host, tc)
{
	begin("out", "example.net");
	NOTHING(DNS_MX, "example.net", DNS_NO_DATA);
	ANSWER(DNS_A, "example.net", "192.0.2.2");
	NOTHING(DNS_AAAA, "example.net", DNS_NO_DATA);
	found("example.net 192.0.2.2:25");
}

ATF_TC_WITHOUT_HEAD(a_literal_is_its_address);
ATF_TC_BODY(a_literal_is_its_address, tc)
{
	begin("out", "[192.0.2.7]");
	found("[192.0.2.7] 192.0.2.7:25");
	begin("out", "[ipv6:2001:db8::7]");
	found("[ipv6:2001:db8::7] [2001:db8::7]:25");
	ATF_CHECK_EQ(0, play.n);
	begin("out", "[127.0.0.1]");
	failed(OUT_FAILED, "5.4.6");
}

ATF_TC_WITHOUT_HEAD(what_takes_no_mail_fails_for_good);
ATF_TC_BODY(what_takes_no_mail_fails_for_good, tc)
{
	begin("out", "null.example");
	ANSWER(DNS_MX, "null.example", "0 ");
	failed(OUT_FAILED, "5.1.10");
	ATF_CHECK_EQ(1, play.done);

	begin("out", "none.example");
	NOTHING(DNS_MX, "none.example", DNS_NO_NAME);
	failed(OUT_FAILED, "5.1.2");

	begin("out", "bare.example");
	NOTHING(DNS_MX, "bare.example", DNS_NO_DATA);
	NOTHING(DNS_A, "bare.example", DNS_NO_DATA);
	NOTHING(DNS_AAAA, "bare.example", DNS_NO_DATA);
	failed(OUT_FAILED, "5.1.2");

	begin("out", "lost.example");
	ANSWER(DNS_MX, "lost.example", "0 gone.example");
	NOTHING(DNS_A, "gone.example", DNS_NO_NAME);
	NOTHING(DNS_AAAA, "gone.example", DNS_NO_NAME);
	failed(OUT_FAILED, "5.4.4");
}

ATF_TC_WITHOUT_HEAD(what_is_not_known_is_tried_again);
ATF_TC_BODY(what_is_not_known_is_tried_again, tc)
{
	begin("out", "late.example");
	NOTHING(DNS_MX, "late.example", DNS_TRY_LATER);
	failed(OUT_DEFERRED, "4.4.3");

	begin("out", "bogus.example");
	NOTHING(DNS_MX, "bogus.example", DNS_BOGUS);
	failed(OUT_DEFERRED, "4.4.3");

	begin("out", "half.example");
	ANSWER(DNS_MX, "half.example", "0 mx.half.example");
	NOTHING(DNS_A, "mx.half.example", DNS_NO_DATA);
	NOTHING(DNS_AAAA, "mx.half.example", DNS_TRY_LATER);
	failed(OUT_DEFERRED, "4.4.3");

	play.deaf = true;
	begin("out", "deaf.example");
	failed(OUT_DEFERRED, "4.4.3");
}

ATF_TC_WITHOUT_HEAD(mail_does_not_come_back_to_us);
ATF_TC_BODY(mail_does_not_come_back_to_us, tc)
{
	begin("out", "example.com");
	ANSWER(DNS_MX, "example.com", "20 mx.example.org", "30 worse.example",
	    "10 better.example", "20 equal.example");
	ANSWER(DNS_A, "better.example", "192.0.2.1");
	NOTHING(DNS_AAAA, "better.example", DNS_NO_DATA);
	found("better.example 192.0.2.1:25");

	/* by name */
	begin("out", "example.com");
	ANSWER(DNS_MX, "example.com", "10 MX.Example.ORG", "30 worse.example");
	failed(OUT_FAILED, "5.4.6");

	/* by address */
	begin("out", "example.com");
	ANSWER(DNS_MX, "example.com", "10 alias.example", "30 worse.example");
	ANSWER(DNS_A, "worse.example", "192.0.2.1");
	NOTHING(DNS_AAAA, "worse.example", DNS_NO_DATA);
	ANSWER(DNS_A, "alias.example", "127.0.0.1");
	NOTHING(DNS_AAAA, "alias.example", DNS_NO_DATA);
	failed(OUT_FAILED, "5.4.6");
}

ATF_TC_WITHOUT_HEAD(a_backup_sends_to_better_ones);
ATF_TC_BODY(a_backup_sends_to_better_ones, tc)
{
	begin("backup", "example.com");
	ANSWER(DNS_MX, "example.com", "10 first.example.com",
	    "20 second.example.org", "20 equal.example", "30 worse.example");
	ANSWER(DNS_A, "first.example.com", "192.0.2.1");
	NOTHING(DNS_AAAA, "first.example.com", DNS_NO_DATA);
	found("first.example.com 192.0.2.1:25");
}

ATF_TC_WITHOUT_HEAD(more_than_is_looked_at_does_no_harm);
ATF_TC_BODY(more_than_is_looked_at_does_no_harm, tc)
{
	static char name[ASK_RECORDS_MAX][32];
	const char *records[ASK_RECORDS_MAX + 1] = { NULL };
	const struct target *t;
	size_t i, n;

	for (i = 0; i < ASK_RECORDS_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "%zu mx%zu.example", i, i);
		records[i] = name[i];
	}
	begin("out", "many.example");
	answer(DNS_MX, "many.example", DNS_OK, records);
	for (i = 0; i < ROUTE_TARGETS_MAX; i++) {
		char host[32];

		snprintf(host, sizeof(host), "mx%zu.example", i);
		NOTHING(DNS_AAAA, host, DNS_NO_DATA);
		ANSWER(DNS_A, host, "192.0.2.1", "192.0.2.2", "192.0.2.3",
		    "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7",
		    "192.0.2.8", "192.0.2.9", "192.0.2.10", "192.0.2.11",
		    "192.0.2.12", "192.0.2.13", "192.0.2.14", "192.0.2.15",
		    "192.0.2.16", "192.0.2.17", "192.0.2.18");
	}
	ATF_REQUIRE_EQ(ROUTE_READY, route_state(play.route));
	t = route_targets(play.route, &n);
	ATF_CHECK_EQ(ROUTE_TARGETS_MAX, n);
	ATF_CHECK_EQ(ROUTE_ADDRESSES_MAX, t[0].n);
}

ATF_TC_WITHOUT_HEAD(a_route_that_is_gone_hears_no_answer);
ATF_TC_BODY(a_route_that_is_gone_hears_no_answer, tc)
{
	size_t i;

	begin("out", "example.net");
	ANSWER(DNS_MX, "example.net", "20 b.example.net", "10 a.example.net");
	route_free(play.route);
	for (i = 0; i < play.n; i++)
		ATF_CHECK(!play.asked[i].open);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_host_that_is_named_is_not_asked_for);
	ATF_TP_ADD_TC(tp, a_named_host_has_its_addresses_looked_up);
	ATF_TP_ADD_TC(tp, a_named_host_without_an_address_is_tried_again);
	ATF_TP_ADD_TC(tp, a_table_of_domains_goes_before_mx);
	ATF_TP_ADD_TC(tp, mx_by_preference);
	ATF_TP_ADD_TC(tp, a_host_that_cannot_be_found_is_left);
	ATF_TP_ADD_TC(tp, without_mx_the_domain_is_its_host);
	ATF_TP_ADD_TC(tp, a_literal_is_its_address);
	ATF_TP_ADD_TC(tp, what_takes_no_mail_fails_for_good);
	ATF_TP_ADD_TC(tp, what_is_not_known_is_tried_again);
	ATF_TP_ADD_TC(tp, mail_does_not_come_back_to_us);
	ATF_TP_ADD_TC(tp, a_backup_sends_to_better_ones);
	ATF_TP_ADD_TC(tp, more_than_is_looked_at_does_no_harm);
	ATF_TP_ADD_TC(tp, a_route_that_is_gone_hears_no_answer);
	return atf_no_error();
}
