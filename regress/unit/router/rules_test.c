/* SPDX-License-Identifier: ISC
 *
 * Which rule decides.  Class: (a) two readings of one address.
 */
#include "regress/unit/router/setup.h"
#include "smtpd/router/rules.h"

#define NO_RULE -1

/* Who sends what to whom, and the line of the rule that must decide. */
struct question {
	const char *source;
	const char *tag;
	const char *helo;
	const char *from;
	const char *rcpt;
	int line;
};

static void
ask(const struct config *cfg, const struct question *questions, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct question *t = &questions[i];
		struct mail_address from = setup_address(t->from);
		struct mail_address rcpt = setup_address(t->rcpt);
		struct source source = setup_source(t->source);
		struct rule_query q = {
			.source = &source,
			.tag = t->tag,
			.helo = span_str(t->helo),
			.sender = &from,
			.rcpt = &rcpt,
		};
		bool open;
		const struct rule *rule = rules_match(cfg, &q, &open);

		ATF_CHECK_EQ_MSG(t->line,
		    rule == NULL ? NO_RULE : (int)rule->line,
		    "%s from <%s> for <%s>: rule %d, not %d", t->source,
		    t->from, t->rcpt, rule == NULL ? NO_RULE : (int)rule->line,
		    t->line);
	}
}

#define ASK(cfg, ...)                                                          \
	do {                                                                   \
		static const struct question asked[] = { __VA_ARGS__ };        \
		ask((cfg), asked, sizeof(asked) / sizeof(asked[0]));           \
	} while (0)

ATF_TC_WITHOUT_HEAD(first_rule_that_holds_decides);
ATF_TC_BODY(first_rule_that_holds_decides, tc)
{
	struct config *cfg = setup_config(
	    "action a mbox\n"
	    "match from any for rcpt-to \"no@example.org\" reject\n"
	    "match from any for domain \"example.org\" action a\n"
	    "match from local for any action a\n");

	ASK(cfg, { "192.0.2.1", NULL, "c", "x@y.z", "no@example.org", 2 },
	    { "192.0.2.1", NULL, "c", "x@y.z", "NO@Example.ORG", 2 },
	    { "192.0.2.1", NULL, "c", "x@y.z", "no+detail@example.org", 2 },
	    { "192.0.2.1", NULL, "c", "x@y.z", "yes@example.org", 3 },
	    { "192.0.2.1", NULL, "c", "x@y.z", "yes@sub.example.org", NO_RULE },
	    { "192.0.2.1", NULL, "c", "x@y.z", "yes@elsewhere.org", NO_RULE },
	    { "127.0.0.1", NULL, "c", "x@y.z", "yes@elsewhere.org", 4 },
	    { "::1", NULL, "c", "", "yes@elsewhere.org", 4 },
	    { "socket", NULL, "c", "x@y.z", "yes@elsewhere.org", 4 },
	    { "ours", NULL, "", "", "yes@elsewhere.org", 4 });
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(implied_conditions_mean_local);
ATF_TC_BODY(implied_conditions_mean_local, tc)
{
	struct config *cfg = setup_config("action a mbox\n"
					  "match action a\n");

	ASK(cfg, { "127.0.0.1", NULL, "c", "", "bob@" SETUP_HOST, 2 },
	    { "127.0.0.1", NULL, "c", "", "bob@localhost", 2 },
	    { "192.0.2.1", NULL, "c", "", "bob@" SETUP_HOST, NO_RULE },
	    { "127.0.0.1", NULL, "c", "", "bob@example.com", NO_RULE });
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(source_conditions);
ATF_TC_BODY(source_conditions, tc)
{
	struct config *cfg = setup_config(
	    "action a mbox\n"
	    "match from socket for any action a\n"
	    "match from src { 192.0.2.0/24, 2001:db8::/32 } for any action a\n"
	    "match from mail-from \"boss@example.com\" for any action a\n");

	ASK(cfg, { "socket", NULL, "", "", "b@c.d", 2 },
	    { "ours", NULL, "", "", "b@c.d", NO_RULE },
	    { "127.0.0.1", NULL, "", "", "b@c.d", NO_RULE },
	    { "192.0.2.255", NULL, "", "", "b@c.d", 3 },
	    { "192.0.3.0", NULL, "", "", "b@c.d", NO_RULE },
	    { "::ffff:192.0.2.9", NULL, "", "", "b@c.d", 3 },
	    { "2001:db8::1", NULL, "", "", "b@c.d", 3 },
	    { "2001:db9::1", NULL, "", "", "b@c.d", NO_RULE },
	    { "192.0.3.0", NULL, "", "boss@example.com", "b@c.d", 4 });
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(names_of_clients);
ATF_TC_BODY(names_of_clients, tc)
{
	static const struct {
		enum name_status status;
		const char *name;
		const char *rcpt;
		int line;
		bool open;
	} asked[] = {
		{ NAME_FOUND, "bad.example", "b@c.d", 2, false },
		{ NAME_FOUND, "x.dyn.example", "b@c.d", 2, false },
		{ NAME_FOUND, "DYN.example", "b@c.d", 5, false },
		{ NAME_FOUND, "good.example", "b@c.d", 5, false },
		{ NAME_FOUND, "good.example", "no@c.d", 5, false },
		{ NAME_NONE, "", "b@c.d", NO_RULE, false },
		{ NAME_NONE, "", "no@c.d", 3, false },
		{ NAME_NONE, "", "all@c.d", 4, false },
		/* another condition has decided already */
		{ NAME_ASKED, "", "all@c.d", 4, false },
		{ NAME_FAILED, "", "all@c.d", 4, false },
		{ NAME_ASKED, "", "no@c.d", 2, true },
		{ NAME_FAILED, "", "b@c.d", 2, true },
	};
	struct config *cfg = setup_config(
	    "action a mbox\n"
	    "match from rdns { bad.example, \"*.dyn.example\" } ! for rcpt-to "
	    "all@c.d reject\n"
	    "match ! from rdns for rcpt-to no@c.d action a\n"
	    "match from any for rcpt-to all@c.d action a\n"
	    "match from rdns for any action a\n");
	struct source source = setup_source("192.0.2.1");
	struct mail_address null = { 0 };
	size_t i;

	ATF_CHECK(rules_ask_names(cfg));
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct mail_address rcpt = setup_address(asked[i].rcpt);
		struct rule_query q = {
			.source = &source,
			.name_status = asked[i].status,
			.name = span_str(asked[i].name),
			.sender = &null,
			.rcpt = &rcpt,
		};
		bool open = !asked[i].open;
		const struct rule *rule = rules_match(cfg, &q, &open);

		ATF_CHECK_EQ_MSG(asked[i].line,
		    rule == NULL ? NO_RULE : (int)rule->line,
		    "%zu: rule %d, not %d", i,
		    rule == NULL ? NO_RULE : (int)rule->line, asked[i].line);
		ATF_CHECK_EQ_MSG(asked[i].open, open, "%zu", i);
	}
	config_free(cfg);
	cfg = setup_config("action a mbox\nmatch for any action a\n");
	ATF_CHECK(!rules_ask_names(cfg));
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(session_conditions_and_negations);
ATF_TC_BODY(session_conditions_and_negations, tc)
{
	struct config *cfg = setup_config(
	    "action a mbox\n"
	    "match tag \"in\" helo \"good.example\" from any for any action a\n"
	    "match from any for any ! mail-from \"@ok.example\" reject\n"
	    "match ! from local for any action a\n");

	ASK(cfg, { "192.0.2.1", "in", "good.example", "", "b@c.d", 2 },
	    { "192.0.2.1", "out", "good.example", "", "b@c.d", 3 },
	    { "192.0.2.1", NULL, "good.example", "", "b@c.d", 3 },
	    { "192.0.2.1", "in", "", "", "b@c.d", 3 },
	    { "192.0.2.1", "in", "bad.example", "x@ok.example", "b@c.d", 4 },
	    { "127.0.0.1", "in", "x", "x@ok.example", "b@c.d", NO_RULE });
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(null_sender_is_no_empty_match);
ATF_TC_BODY(null_sender_is_no_empty_match, tc)
{
	struct config *cfg = setup_config(
	    "action a mbox\n"
	    "match from any mail-from \"<>\" for any reject\n"
	    "match from any mail-from \"@example.com\" for any action a\n");

	ASK(cfg, { "192.0.2.1", NULL, "", "", "b@c.d", 2 },
	    { "192.0.2.1", NULL, "", "x@example.com", "b@c.d", 3 },
	    { "192.0.2.1", NULL, "", "x@example.net", "b@c.d", NO_RULE });
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(own_domains_are_those_that_rules_name);
ATF_TC_BODY(own_domains_are_those_that_rules_name, tc)
{
	struct config *cfg =
	    setup_config("action a mbox\n"
			 "match from any for domain \"example.org\" action a\n"
			 "match from any for domain \"spam.example\" reject\n"
			 "match from any ! for domain \"not.example\" reject\n"
			 "match from local for any action a\n");
	struct mail_address ours = setup_address("a@example.org");
	struct mail_address reject = setup_address("a@spam.example");
	struct mail_address negated = setup_address("a@not.example");
	struct mail_address any = setup_address("a@any.example");

	ATF_CHECK(rules_domain_is_ours(cfg, &ours));
	ATF_CHECK(!rules_domain_is_ours(cfg, &reject));
	ATF_CHECK(!rules_domain_is_ours(cfg, &negated));
	ATF_CHECK(!rules_domain_is_ours(cfg, &any));
	config_free(cfg);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, first_rule_that_holds_decides);
	ATF_TP_ADD_TC(tp, implied_conditions_mean_local);
	ATF_TP_ADD_TC(tp, source_conditions);
	ATF_TP_ADD_TC(tp, names_of_clients);
	ATF_TP_ADD_TC(tp, session_conditions_and_negations);
	ATF_TP_ADD_TC(tp, null_sender_is_no_empty_match);
	ATF_TP_ADD_TC(tp, own_domains_are_those_that_rules_name);
	return atf_no_error();
}
