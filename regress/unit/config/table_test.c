/* SPDX-License-Identifier: ISC
 *
 * What rules ask of tables.  Class: (a) two parsers that disagree.
 */
#include <atf-c.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/config.h"

/* The configuration of this text, which must be right. */
static struct config *
parse(const char *text)
{
	struct cfg_source *src;
	struct config *cfg = NULL;
	struct cfg_errors errs;

	cfg_errors_init(&errs);
	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(text), "host.example.org", &src));
	ATF_REQUIRE_EQ(0, config_parse(src, &cfg, &errs));
	cfg_source_free(src);
	cfg_errors_clear(&errs);
	return cfg;
}

static bool
domain(const struct table *t, const char *name)
{
	return table_match_domain(t, span_str(name));
}

static bool
mailaddr(const struct table *t, const char *local, const char *name)
{
	return table_match_mailaddr(t, span_str(local), span_str(name), '+');
}

static bool
netaddr(const struct table *t, const char *text)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
		return table_match_netaddr(t, (struct sockaddr *)&in4);
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, text, &in6.sin6_addr));
	return table_match_netaddr(t, (struct sockaddr *)&in6);
}

ATF_TC_WITHOUT_HEAD(a_star_stands_for_names_below_a_domain);
ATF_TC_BODY(a_star_stands_for_names_below_a_domain, tc)
{
	struct config *cfg = parse(
	    "match for domain { Example.ORG, \"*.example.net\" } reject\n");
	const struct table *t = cfg->rules[0].conds[1].table;

	ATF_CHECK(domain(t, "example.org"));
	ATF_CHECK(domain(t, "EXAMPLE.org"));
	ATF_CHECK(!domain(t, "www.example.org"));
	ATF_CHECK(domain(t, "www.example.net"));
	ATF_CHECK(domain(t, "a.b.example.net"));
	ATF_CHECK(!domain(t, "example.net"));
	ATF_CHECK(!domain(t, "badexample.net"));
	ATF_CHECK(!domain(t, "*.example.org"));
	ATF_CHECK(!domain(t, ""));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(mailboxes_match_by_address_domain_or_user);
ATF_TC_BODY(mailboxes_match_by_address_domain_or_user, tc)
{
	struct config *cfg = parse("match for any mail-from { a@x.example, "
				   "\"@y.example\", \"@*.z.example\", root, "
				   "t+u@x.example } reject\n");
	const struct table *t = cfg->rules[0].conds[2].table;

	ATF_CHECK(mailaddr(t, "a", "x.example"));
	ATF_CHECK(mailaddr(t, "A", "X.EXAMPLE"));
	ATF_CHECK(mailaddr(t, "a+detail", "x.example"));
	ATF_CHECK(!mailaddr(t, "b", "x.example"));
	ATF_CHECK(mailaddr(t, "b", "y.example"));
	ATF_CHECK(mailaddr(t, "b", "s.z.example"));
	ATF_CHECK(!mailaddr(t, "b", "z.example"));
	ATF_CHECK(mailaddr(t, "root", "anywhere.example"));
	ATF_CHECK(mailaddr(t, "root", ""));
	ATF_CHECK(mailaddr(t, "t+u", "x.example"));
	ATF_CHECK(!mailaddr(t, "t", "x.example"));
	ATF_CHECK(!mailaddr(t, "", ""));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(the_null_sender_matches_its_own_entry_alone);
ATF_TC_BODY(the_null_sender_matches_its_own_entry_alone, tc)
{
	struct config *cfg =
	    parse("match for any mail-from { \"<>\" } reject\n"
		  "match for any mail-from { \"@*\" } reject\n");

	ATF_CHECK(mailaddr(cfg->rules[0].conds[2].table, "", ""));
	ATF_CHECK(!mailaddr(cfg->rules[0].conds[2].table, "a", "b.example"));
	ATF_CHECK(!mailaddr(cfg->rules[1].conds[2].table, "", ""));
	ATF_CHECK(mailaddr(cfg->rules[1].conds[2].table, "a", "b.example"));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(addresses_match_by_network);
ATF_TC_BODY(addresses_match_by_network, tc)
{
	struct config *cfg = parse(
	    "match from src { 192.0.2.77/25, 198.51.100.7, 2001:db8::/33, "
	    "\"::1\" } for any reject\n"
	    "match from src 0.0.0.0/0 for any reject\n");
	const struct table *t = cfg->rules[0].conds[0].table;

	ATF_CHECK(netaddr(t, "192.0.2.0"));
	ATF_CHECK(netaddr(t, "192.0.2.127"));
	ATF_CHECK(!netaddr(t, "192.0.2.128"));
	ATF_CHECK(netaddr(t, "198.51.100.7"));
	ATF_CHECK(!netaddr(t, "198.51.100.8"));
	ATF_CHECK(netaddr(t, "::ffff:198.51.100.7"));
	ATF_CHECK(netaddr(t, "2001:db8:7fff::1"));
	ATF_CHECK(!netaddr(t, "2001:db8:8000::1"));
	ATF_CHECK(netaddr(t, "::1"));
	t = cfg->rules[1].conds[0].table;
	ATF_CHECK(netaddr(t, "203.0.113.1"));
	ATF_CHECK(!netaddr(t, "2001:db8::1"));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(a_hundred_thousand_entries_are_found);
ATF_TC_BODY(a_hundred_thousand_entries_are_found, tc)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;
	struct buf b;
	struct span value;
	char key[32];
	unsigned i;

	buf_init(&b, CFG_FILE_MAX);
	for (i = 0; i < 100000; i++)
		buf_addf(&b, "user%u: value %u\n", (i * 7919) % 100000, i);
	ATF_REQUIRE_EQ(0, b.err);
	cfg_errors_init(&errs);
	ATF_REQUIRE_EQ(0,
	    cfg_source_from_text(
		span_str("table t file:/t\n"), "h.example", &src));
	ATF_REQUIRE_EQ(0, cfg_source_add_file(src, "/t", buf_span(&b)));
	ATF_REQUIRE_EQ(0, config_parse(src, &cfg, &errs));
	cfg_source_free(src);
	ATF_CHECK_EQ(100000, table_count(cfg->tables[0]));
	for (i = 0; i < 100000; i += 97) {
		snprintf(key, sizeof(key), "USER%u", i);
		ATF_REQUIRE_EQ(
		    0, table_lookup(cfg->tables[0], span_str(key), &value));
		ATF_REQUIRE(value.len > 6 && memcmp(value.p, "value ", 6) == 0);
	}
	ATF_CHECK_EQ(-E_NOENT,
	    table_lookup(cfg->tables[0], span_str("user100000"), &value));
	config_free(cfg);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(of_two_entries_with_one_key_the_last_holds);
ATF_TC_BODY(of_two_entries_with_one_key_the_last_holds, tc)
{
	struct config *cfg = parse("table t { a = b, A = c }\n");
	struct span value;

	ATF_REQUIRE_EQ(0,
	    table_lookup(
		config_table(cfg, span_str("t")), span_str("a"), &value));
	ATF_CHECK(span_eq(value, span_str("c")));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(a_rule_without_from_and_for_is_local);
ATF_TC_BODY(a_rule_without_from_and_for_is_local, tc)
{
	struct config *cfg = parse("match tag x reject\n");

	ATF_REQUIRE_EQ(3, cfg->rules[0].nconds);
	ATF_CHECK_EQ(COND_FROM_LOCAL, cfg->rules[0].conds[0].kind);
	ATF_CHECK_EQ(COND_FOR_LOCAL, cfg->rules[0].conds[1].kind);
	ATF_CHECK(domain(cfg->local_domains, "host.example.org"));
	ATF_CHECK(domain(cfg->local_domains, "localhost"));
	ATF_CHECK(netaddr(cfg->local_sources, "127.1.2.3"));
	ATF_CHECK(netaddr(cfg->local_sources, "::1"));
	ATF_CHECK(!netaddr(cfg->local_sources, "192.0.2.1"));
	config_free(cfg);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_star_stands_for_names_below_a_domain);
	ATF_TP_ADD_TC(tp, mailboxes_match_by_address_domain_or_user);
	ATF_TP_ADD_TC(tp, the_null_sender_matches_its_own_entry_alone);
	ATF_TP_ADD_TC(tp, addresses_match_by_network);
	ATF_TP_ADD_TC(tp, a_hundred_thousand_entries_are_found);
	ATF_TP_ADD_TC(tp, of_two_entries_with_one_key_the_last_holds);
	ATF_TP_ADD_TC(tp, a_rule_without_from_and_for_is_local);
	return atf_no_error();
}
