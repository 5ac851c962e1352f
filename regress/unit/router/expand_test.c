/* SPDX-License-Identifier: ISC
 *
 * Aliases: what they expand to, and that no graph of them loops, doubles or
 * is accepted in part.  Classes: (b) data that reaches an interpreter,
 * (f) growth without a bound.
 */
#include "regress/unit/router/setup.h"
#include "smtpd/router/expand.h"

#define RULES "match from any for domain \"example.org\" action a\n"

/* Expand rcpt under these aliases; the reply, and the leaves as text
 * "user user ..." in the order found. */
static enum reply
run(const struct config *cfg, const char *rcpt, bool as_root, char *text,
    size_t size)
{
	struct mail_address to = setup_address(rcpt), from = { 0 };
	struct source source = setup_source("192.0.2.1");
	struct rule_query q = {
		.source = &source,
		.sender = &from,
		.rcpt = &to,
	};
	struct expand ex;
	enum reply reply = expand_run(cfg, &q, as_root, &ex);
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < ex.nleaves && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%.*s",
		    i == 0 ? "" : " ", (int)ex.leaves[i].user_len,
		    (const char *)ex.leaves[i].user);
	if (reply != RP_RCPT_OK)
		ATF_CHECK(ex.why != NULL);
	expand_clear(&ex);
	return reply;
}

static void
check(
    const char *aliases, const char *rcpt, enum reply reply, const char *users)
{
	char text[8192], got[4096];
	struct config *cfg;
	enum reply r;

	snprintf(text, sizeof(text),
	    "table t { %s }\naction a maildir alias <t>\n" RULES, aliases);
	cfg = setup_config(text);
	r = run(cfg, rcpt, false, got, sizeof(got));
	ATF_CHECK_EQ_MSG(reply, r, "%s: %s", rcpt, reply_name((uint16_t)r));
	if (reply == RP_RCPT_OK)
		ATF_CHECK_STREQ(users, got);
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(name_without_alias_is_a_user);
ATF_TC_BODY(name_without_alias_is_a_user, tc)
{
	check("x = y", "bob@example.org", RP_RCPT_OK, "bob");
	check("x = y", "BOB@example.org", RP_RCPT_OK, "bob");
	check("x = y", "bob+lists@example.org", RP_RCPT_OK, "bob");
	check("x = y", "+lists@example.org", RP_RCPT_OK, "+lists");
}

ATF_TC_WITHOUT_HEAD(alias_is_found_without_case_or_detail);
ATF_TC_BODY(alias_is_found_without_case_or_detail, tc)
{
	check(
	    "sales = \"ann, bob\"", "Sales@example.org", RP_RCPT_OK, "ann bob");
	check("sales = \"ann, bob\"", "sales+eu@example.org", RP_RCPT_OK,
	    "ann bob");
	check("sales = ann, \"sales+eu\" = bob", "sales+eu@example.org",
	    RP_RCPT_OK, "bob");
}

ATF_TC_WITHOUT_HEAD(target_that_comes_twice_is_one_mailbox);
ATF_TC_BODY(target_that_comes_twice_is_one_mailbox, tc)
{
	check("a = \"b, c\", b = \"d, e\", c = \"e, d, D\"", "a@example.org",
	    RP_RCPT_OK, "d e");
}

ATF_TC_WITHOUT_HEAD(name_in_its_own_alias_is_its_mailbox);
ATF_TC_BODY(name_in_its_own_alias_is_its_mailbox, tc)
{
	check("a = \"a, b\"", "a@example.org", RP_RCPT_OK, "a b");
	check("a = \"a, a, A\"", "a@example.org", RP_RCPT_OK, "a");
	check("a = \"a@example.org, b\"", "a@example.org", RP_RCPT_OK, "a b");
}

ATF_TC_WITHOUT_HEAD(loop_is_temporary_and_not_partial);
ATF_TC_BODY(loop_is_temporary_and_not_partial, tc)
{
	check("a = b, b = a", "a@example.org", RP_SYSTEM, "");
	check("a = \"c, b\", b = a", "a@example.org", RP_SYSTEM, "");
	/* one that another branch has been through already */
	check("a = \"b, c\", b = \"c, d\", c = b", "a@example.org", RP_SYSTEM,
	    "");
	check("a = b@example.org, b = A@EXAMPLE.org", "a@example.org",
	    RP_SYSTEM, "");
	ATF_CHECK_EQ(451, reply_code(RP_SYSTEM));
}

ATF_TC_WITHOUT_HEAD(doubling_at_every_level_costs_its_names);
ATF_TC_BODY(doubling_at_every_level_costs_its_names, tc)
{
	char aliases[4096];
	size_t len = 0;
	int i;

	for (i = 0; i < 18; i++)
		len += (size_t)snprintf(aliases + len, sizeof(aliases) - len,
		    "%sa%d = \"a%d, b%d\", b%d = \"a%d, b%d\"",
		    i == 0 ? "" : ", ", i, i + 1, i + 1, i, i + 1, i + 1);
	check(aliases, "a0@example.org", RP_RCPT_OK, "a18 b18");
}

/* dan has moved to another user, eve to another domain that goes by a rule of
 * its own, liz to one that none holds for. */
#define MOVED                                                                  \
	"table m { dan = d, eve = e@other.example, liz = l@x.example,"         \
	" pat = pat }\n"                                                       \
	"table t { all = \"ann, eve\", d = ann }\n"

static void
check_moved(
    const char *how, const char *rcpt, enum reply reply, const char *users)
{
	char text[1024], got[256];
	struct config *cfg;
	enum reply r;

	snprintf(text, sizeof(text),
	    MOVED "action a maildir alias <t> moved <m> %s\n"
		  "action o maildir\n" RULES
		  "match from any for domain other.example action o\n",
	    how);
	cfg = setup_config(text);
	r = run(cfg, rcpt, false, got, sizeof(got));
	ATF_CHECK_EQ_MSG(reply, r, "%s: %s", rcpt, reply_name((uint16_t)r));
	if (reply == RP_RCPT_OK)
		ATF_CHECK_STREQ(users, got);
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(who_has_moved_is_refused);
ATF_TC_BODY(who_has_moved_is_refused, tc)
{
	check_moved("", "eve@example.org", RP_MOVED, "");
	check_moved("", "Eve+x@example.org", RP_MOVED, "");
	check_moved("", "liz@example.org", RP_MOVED, "");
	check_moved("", "ann@example.org", RP_RCPT_OK, "ann");
	/* the sender knows nothing of eve */
	check_moved("", "all@example.org", RP_SYSTEM, "");
}

ATF_TC_WITHOUT_HEAD(who_has_moved_is_followed_by_the_rules);
ATF_TC_BODY(who_has_moved_is_followed_by_the_rules, tc)
{
	check_moved("forward", "eve@example.org", RP_RCPT_OK, "e");
	check_moved("forward", "dan@example.org", RP_RCPT_OK, "ann");
	check_moved("forward", "all@example.org", RP_RCPT_OK, "ann e");
	check_moved("forward", "liz@example.org", RP_SYSTEM, "");
	/* to itself: the mailbox of that name */
	check_moved("forward", "pat@example.org", RP_RCPT_OK, "pat");
}

ATF_TC_WITHOUT_HEAD(depth_is_bounded);
ATF_TC_BODY(depth_is_bounded, tc)
{
	char aliases[4096];
	size_t len = 0;
	int i;

	for (i = 0; i < 21; i++)
		len += (size_t)snprintf(aliases + len, sizeof(aliases) - len,
		    "%sa%d = a%d", i == 0 ? "" : ", ", i, i + 1);
	check(aliases, "a1@example.org", RP_RCPT_OK, "a21");
	check(aliases, "a0@example.org", RP_SYSTEM, "");
}

ATF_TC_WITHOUT_HEAD(results_are_bounded);
ATF_TC_BODY(results_are_bounded, tc)
{
	struct config *cfg =
	    setup_config("expand max-results 3\n"
			 "table t { a = \"b, c, d\", e = \"b, c, d, f\" }\n"
			 "action a maildir alias <t>\n" RULES);
	char got[64];

	ATF_CHECK_EQ(
	    RP_RCPT_OK, run(cfg, "a@example.org", false, got, sizeof(got)));
	ATF_CHECK_EQ(
	    RP_SYSTEM, run(cfg, "e@example.org", false, got, sizeof(got)));
	config_free(cfg);
}

/* The same, at any price, of a table that would be refused for aliases: one of
 * users that are not asked for their ids may hold anything. */
static void
check_refused(const char *aliases)
{
	char text[8192], got[4096];
	struct config *cfg;

	snprintf(text, sizeof(text),
	    "table t { %s }\naction a maildir user root userbase <t>\n" RULES,
	    aliases);
	cfg = setup_config(text);
	cfg->actions[0].alias = cfg->actions[0].userbase;
	cfg->actions[0].userbase = NULL;
	ATF_CHECK_EQ_MSG(RP_SYSTEM,
	    run(cfg, "a@example.org", false, got, sizeof(got)), "%s", aliases);
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(programs_files_and_includes_are_refused);
ATF_TC_BODY(programs_files_and_includes_are_refused, tc)
{
	check_refused("a = \"|/bin/sh\"");
	check_refused("a = \"b, /etc/passwd\"");
	check_refused("a = \"b,:include:/etc/passwd\"");
	check_refused("a = \"b, not an address\"");
	check_refused("a = \" , ,\"");
}

ATF_TC_WITHOUT_HEAD(address_target_goes_by_the_rules_as_ours);
ATF_TC_BODY(address_target_goes_by_the_rules_as_ours, tc)
{
	struct config *cfg = setup_config(
	    "table t { a = b@inside.example, c = d@far.example }\n"
	    "action a maildir alias <t>\n"
	    "action i mbox\n" RULES
	    "match from local for domain inside.example action i\n");
	char got[64];

	ATF_CHECK_EQ(
	    RP_RCPT_OK, run(cfg, "a@example.org", false, got, sizeof(got)));
	ATF_CHECK_STREQ("b", got);
	/* what its own client may not reach directly */
	ATF_CHECK_EQ(RP_RELAY_DENIED,
	    run(cfg, "b@elsewhere.example", false, got, sizeof(got)));
	ATF_CHECK_EQ(
	    RP_REJECTED, run(cfg, "b@inside.example", false, got, sizeof(got)));
	/* nowhere to send it to: an error of the table, not the client's */
	ATF_CHECK_EQ(
	    RP_SYSTEM, run(cfg, "c@example.org", false, got, sizeof(got)));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(lost_postmaster_is_root_if_root_is_somebody);
ATF_TC_BODY(lost_postmaster_is_root_if_root_is_somebody, tc)
{
	struct config *cfg = setup_config("table t { root = ann }\n"
					  "action a maildir alias <t>\n" RULES);
	char got[64];

	ATF_CHECK_EQ(RP_RCPT_OK,
	    run(cfg, "postmaster@example.org", false, got, sizeof(got)));
	ATF_CHECK_STREQ("postmaster", got);
	ATF_CHECK_EQ(RP_RCPT_OK,
	    run(cfg, "postmaster@example.org", true, got, sizeof(got)));
	ATF_CHECK_STREQ("ann", got);
	config_free(cfg);
	cfg = setup_config("action a maildir\n" RULES);
	ATF_CHECK_EQ(RP_USER_UNKNOWN,
	    run(cfg, "postmaster@example.org", true, got, sizeof(got)));
	config_free(cfg);
}

/* The leaf of an action that sends is its destination. */
static void
check_sent(const char *action, const char *rcpt, enum reply reply,
    const char *destination)
{
	char text[1024], got[4096];
	struct config *cfg;

	snprintf(text, sizeof(text),
	    "table d { example.net = \"smtp://mx.example.net\" }\n"
	    "action far relay %s\nmatch from any for any action far\n",
	    action);
	cfg = setup_config(text);
	ATF_CHECK_EQ(reply, run(cfg, rcpt, false, got, sizeof(got)));
	if (reply == RP_RCPT_OK)
		ATF_CHECK_STREQ(destination, got);
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(what_is_sent_on_has_a_destination);
ATF_TC_BODY(what_is_sent_on_has_a_destination, tc)
{
	check_sent("", "Jones@GMAIL.com", RP_RCPT_OK, "gmail.com");
	check_sent("", "jones@[192.0.2.1]", RP_RCPT_OK, "[192.0.2.1]");
	check_sent(
	    "host smtp://mx.example.org", "jones@gmail.com", RP_RCPT_OK, "");
	check_sent("host smtp://mx.example.org domain <d>", "jones@gmail.com",
	    RP_RCPT_OK, "gmail.com");
}

ATF_TC_WITHOUT_HEAD(names_beyond_ascii_become_a_labels);
ATF_TC_BODY(names_beyond_ascii_become_a_labels, tc)
{
	check_sent("",
	    "jones@b\xc3\xbc"
	    "cher.example",
	    RP_RCPT_OK, "xn--bcher-kva.example");
	check_sent("",
	    "jones@B\xc3\x9c"
	    "CHER.example",
	    RP_RCPT_OK, "xn--bcher-kva.example");
	/* a name cannot begin with an accent */
	check_sent("",
	    "jones@\xcc\x81"
	    "b.example",
	    RP_BAD_RCPT, NULL);
}

ATF_TC_WITHOUT_HEAD(aliases_lead_to_other_hosts);
ATF_TC_BODY(aliases_lead_to_other_hosts, tc)
{
	struct config *cfg =
	    setup_config("table t { ann = \"ben, eve@Example.NET\" }\n"
			 "action a maildir alias <t>\naction far relay\n" RULES
			 "match for any action far\n");
	char got[4096];

	ATF_CHECK_EQ(
	    RP_RCPT_OK, run(cfg, "ann@example.org", false, got, sizeof(got)));
	ATF_CHECK_STREQ("ben example.net", got);
	/* the same client may not send there itself */
	ATF_CHECK_EQ(RP_RELAY_DENIED,
	    run(cfg, "eve@example.net", false, got, sizeof(got)));
	config_free(cfg);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, name_without_alias_is_a_user);
	ATF_TP_ADD_TC(tp, what_is_sent_on_has_a_destination);
	ATF_TP_ADD_TC(tp, names_beyond_ascii_become_a_labels);
	ATF_TP_ADD_TC(tp, aliases_lead_to_other_hosts);
	ATF_TP_ADD_TC(tp, alias_is_found_without_case_or_detail);
	ATF_TP_ADD_TC(tp, target_that_comes_twice_is_one_mailbox);
	ATF_TP_ADD_TC(tp, name_in_its_own_alias_is_its_mailbox);
	ATF_TP_ADD_TC(tp, loop_is_temporary_and_not_partial);
	ATF_TP_ADD_TC(tp, doubling_at_every_level_costs_its_names);
	ATF_TP_ADD_TC(tp, who_has_moved_is_refused);
	ATF_TP_ADD_TC(tp, who_has_moved_is_followed_by_the_rules);
	ATF_TP_ADD_TC(tp, depth_is_bounded);
	ATF_TP_ADD_TC(tp, results_are_bounded);
	ATF_TP_ADD_TC(tp, programs_files_and_includes_are_refused);
	ATF_TP_ADD_TC(tp, address_target_goes_by_the_rules_as_ours);
	ATF_TP_ADD_TC(tp, lost_postmaster_is_root_if_root_is_somebody);
	return atf_no_error();
}
