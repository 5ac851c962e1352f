/* SPDX-License-Identifier: ISC
 *
 * What relay actions and limits answer to the process that sends, and that
 * its part of the configuration says the same and nothing else.
 */
#include <atf-c.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/config/relay.h"

/* Parse what src has and free it. */
static struct config *
parse_source(struct cfg_source *src)
{
	struct config *cfg = NULL;
	struct cfg_errors errs;

	cfg_errors_init(&errs);
	ATF_REQUIRE_EQ(0, config_parse(src, &cfg, &errs));
	cfg_source_free(src);
	cfg_errors_clear(&errs);
	return cfg;
}

static struct config *
parse(const char *text)
{
	struct cfg_source *src;

	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(text), "host.example.org", &src));
	ATF_REQUIRE_EQ(0,
	    cfg_source_add_file(src, "/etc/bulkhead/secrets",
		span_str("me\talice:pass: word\n[::1]\t:x:y\n")));
	ATF_REQUIRE_EQ(0,
	    cfg_source_add_file(src, "/etc/bulkhead/people",
		span_str("root: hidden@example.org\n")));
	return parse_source(src);
}

static const struct relay *
relay(const struct config *cfg, const char *name)
{
	const struct action *a = config_action(cfg, span_str(name));

	ATF_REQUIRE(a != NULL && a->kind == ACTION_RELAY);
	return a->relay;
}

/* The host is read, and is printed as this. */
static void
host_is(const char *text, const char *printed)
{
	struct relay_host host;
	const char *why;
	struct buf out;
	size_t at;

	buf_init(&out, 512);
	ATF_REQUIRE_EQ_MSG(0,
	    relay_host_parse(span_str(text), &host, &why, &at), "%s: %s", text,
	    why);
	relay_host_format(&host, &out);
	ATF_CHECK_MSG(span_eq(buf_span(&out), span_str(printed)),
	    "%s: got %.*s", text, (int)out.len, (const char *)out.data);
	relay_host_clear(&host);
	buf_clear(&out);
}

static void
host_refused(const char *text, size_t where)
{
	struct relay_host host = { .port = 7 };
	const char *why;
	size_t at;

	ATF_CHECK_EQ_MSG(-E_SYNTAX,
	    relay_host_parse(span_str(text), &host, &why, &at), "%s", text);
	ATF_CHECK_EQ_MSG(where, at, "%s: at %zu", text, at);
	ATF_CHECK_EQ(7, host.port);
}

ATF_TC_WITHOUT_HEAD(urls_have_ports_labels_and_brackets);
ATF_TC_BODY(urls_have_ports_labels_and_brackets, tc)
{
	host_is("mx.example.org", "smtp://mx.example.org:25");
	host_is("mx.example.org:587", "smtp://mx.example.org:587");
	host_is("me@mx.example.org", "smtp://me@mx.example.org:25");
	host_is("smtps://me@mx.example.org", "smtps://me@mx.example.org:465");
	host_is("smtp+tls://mx.example.org:26", "smtp+tls://mx.example.org:26");
	host_is("smtp+notls://192.0.2.1", "smtp+notls://192.0.2.1:25");
	host_is("lmtp://[2001:db8::1]", "lmtp://[2001:db8::1]:24");
	host_is("[192.0.2.1]:65535", "smtp://192.0.2.1:65535");
}

ATF_TC_WITHOUT_HEAD(broken_urls_are_refused_at_their_place);
ATF_TC_BODY(broken_urls_are_refused_at_their_place, tc)
{
	host_refused("", 0);
	host_refused("smtp://", 7);
	host_refused("http://mx", 0);
	host_refused("SMTP://mx", 0);
	host_refused("smtp://@mx", 7);
	host_refused("smtp://a:b@mx", 7);
	host_refused("smtp://a@", 9);
	host_refused("smtp://a@b@mx", 9);
	host_refused("smtp://mx:", 9);
	host_refused("smtp://mx:0", 9);
	host_refused("smtp://mx:65536", 9);
	host_refused("smtp://mx:000025", 9);
	host_refused("smtp://mx:2 5", 9);
	host_refused("smtp://mx/", 7);
	host_refused("smtp://[::1", 7);
	host_refused("smtp://[::1]x", 12);
	host_refused("smtp://[mx]", 7);
	host_refused("::1", 0);
	host_refused("smtp://m\xc3\xbcx", 7);
	host_refused("smtp://-mx", 7);
}

ATF_TC_WITHOUT_HEAD(no_verify_loosens_what_a_url_asks_and_nothing_else);
ATF_TC_BODY(no_verify_loosens_what_a_url_asks_and_nothing_else, tc)
{
	static const struct {
		const char *url, *option;
		enum relay_tls want;
	} cases[] = {
		{ "smtp://mx", "", RELAY_TLS_MAY },
		{ "smtp://mx", "tls", RELAY_TLS_VERIFY },
		{ "smtp://mx", "tls no-verify", RELAY_TLS_MUST },
		{ "smtp+tls://mx", "", RELAY_TLS_VERIFY },
		{ "smtps://mx", "tls", RELAY_TLS_VERIFY },
		{ "smtps://mx", "tls no-verify", RELAY_TLS_MUST },
		{ "smtp+notls://mx", "", RELAY_TLS_NEVER },
	};
	struct config *cfg;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "action a relay host %s %s\n",
		    cases[i].url, cases[i].option);
		cfg = parse(text);
		ATF_CHECK_EQ_MSG(cases[i].want,
		    relay_host_tls(relay(cfg, "a"), relay(cfg, "a")->host),
		    "%s", text);
		config_free(cfg);
	}
	cfg = parse("action a relay tls\n");
	ATF_CHECK_EQ(RELAY_TLS_VERIFY, relay_host_tls(relay(cfg, "a"), NULL));
	config_free(cfg);
}

static const char everything[] =
    "hostname mail.example.org\n"
    "table secrets file:secrets\n"
    "table people file:people\n"
    "table hosts { example.org = mx.a.example, "
    "\"*.example.org\" = lmtp://b.example, other = smtps://me@c.example }\n"
    "table names { 192.0.2.1 = one.example, \"2001:DB8:0::1\" = six.example }\n"
    "table unused { secret-word }\n"
    "listen on 127.0.0.1 port 2525 hostname other.example.org\n"
    "action here maildir alias <people>\n"
    "action out relay domain <hosts> auth <secrets> "
    "src { 192.0.2.1, \"2001:db8::1\" } helo-src <names> helo plain.example\n"
    "action bare relay\n"
    "limit for domain example.org connections 2 rate 7/1m\n"
    "limit for domain { \"*.org\" } connections 3 mails 4\n"
    "limit for mx \"*.mx.example\" connections 6\n"
    "limit for mx { hub.mx.example } connections 7 rate 8/1s\n"
    "limit for src 192.0.2.0/24 rate 5/1m\n"
    "limit rcpts 9 family inet6\n"
    "match for local action here\n"
    "match for any action out\n";

static void
domain_goes_to(const struct config *cfg, const char *domain, const char *name)
{
	struct relay_host host;
	int error;

	error = relay_domain_host(relay(cfg, "out"), span_str(domain), &host);
	if (name == NULL) {
		ATF_CHECK_EQ_MSG(-E_NOENT, error, "%s", domain);
		return;
	}
	ATF_REQUIRE_EQ_MSG(0, error, "%s", domain);
	ATF_CHECK_STREQ(name, host.name);
	relay_host_clear(&host);
}

static void
helo_is(const struct config *cfg, const char *action, const char *address,
    const char *name)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&in4;
	struct span got;

	if (inet_pton(AF_INET, address, &in4.sin_addr) != 1) {
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, address, &in6.sin6_addr));
		sa = (const struct sockaddr *)&in6;
	}
	got = relay_helo(cfg, relay(cfg, action), sa);
	ATF_CHECK_MSG(span_eq(got, span_str(name)), "%s: got %.*s", address,
	    (int)got.len, (const char *)got.p);
}

static void
limits_are_of_hosts_and_sources(const struct config *cfg)
{
	struct sockaddr_in src = { .sin_family = AF_INET };
	struct limit_values l;

	config_limits_mx(cfg, span_str("hub.mx.example"), &l);
	ATF_CHECK(l.connections == 6 && l.rate == 8 && l.rate_s == 1);
	config_limits_mx(cfg, span_str("other.mx.example"), &l);
	ATF_CHECK(l.connections == 6 && l.rate == 0);
	config_limits_mx(cfg, span_str("example.org"), &l);
	ATF_CHECK(l.connections == 0 && l.rate == 0);
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, "192.0.2.7", &src.sin_addr));
	config_limits_src(cfg, (struct sockaddr *)&src, &l);
	ATF_CHECK(l.connections == 0 && l.rate == 5 && l.rate_s == 60);
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, "198.51.100.7", &src.sin_addr));
	config_limits_src(cfg, (struct sockaddr *)&src, &l);
	ATF_CHECK_EQ(0, l.rate);
	config_limits(cfg, span_str("hub.mx.example"), &l);
	ATF_CHECK(l.connections == 20 && l.rate == 0);
}

/* All that the sending process asks of the configuration above. */
static void
answers_hold(const struct config *cfg)
{
	struct sockaddr_storage ss;
	struct limit_values l;
	struct span user, password, none = { 0 };
	socklen_t len;

	domain_goes_to(cfg, "example.org", "mx.a.example");
	domain_goes_to(cfg, "deep.sub.example.org", "b.example");
	domain_goes_to(cfg, "other", "c.example");
	domain_goes_to(cfg, "elsewhere.example", NULL);
	domain_goes_to(cfg, "", NULL);
	ATF_REQUIRE_EQ(0,
	    relay_credentials(
		relay(cfg, "out"), span_str("me"), &user, &password));
	ATF_CHECK(span_eq(user, span_str("alice")));
	ATF_CHECK(span_eq(password, span_str("pass: word")));
	ATF_CHECK_EQ(-E_NOENT,
	    relay_credentials(
		relay(cfg, "out"), span_str("you"), &user, &password));
	ATF_CHECK_EQ(-E_NOENT,
	    relay_credentials(
		relay(cfg, "bare"), span_str("me"), &user, &password));
	ATF_REQUIRE_EQ(0, relay_source(relay(cfg, "out"), 0, &ss, &len));
	ATF_CHECK_EQ(AF_INET, ss.ss_family);
	ATF_CHECK_EQ(sizeof(struct sockaddr_in), len);
	ATF_REQUIRE_EQ(0, relay_source(relay(cfg, "out"), 1, &ss, &len));
	ATF_CHECK_EQ(AF_INET6, ss.ss_family);
	ATF_CHECK_EQ(-E_NOENT, relay_source(relay(cfg, "out"), 2, &ss, &len));
	ATF_CHECK_EQ(-E_NOENT, relay_source(relay(cfg, "bare"), 0, &ss, &len));
	helo_is(cfg, "out", "192.0.2.1", "one.example");
	helo_is(cfg, "out", "2001:db8::1", "six.example");
	helo_is(cfg, "out", "192.0.2.2", "plain.example");
	helo_is(cfg, "bare", "192.0.2.1", "mail.example.org");
	config_limits(cfg, span_str("example.org"), &l);
	ATF_CHECK(l.connections == 2 && l.rate == 7 && l.rate_s == 60);
	ATF_CHECK(l.mails == 4 && l.rcpts == 9 && l.family == 6);
	ATF_CHECK_EQ(20, l.host_connections);
	ATF_CHECK_EQ(200, l.source_connections);
	config_limits(cfg, none, &l);
	ATF_CHECK(l.connections == 20 && l.rate == 0 && l.mails == 1000);
	ATF_CHECK(l.rcpts == 9 && l.family == 6);
	limits_are_of_hosts_and_sources(cfg);
}

ATF_TC_WITHOUT_HEAD(tables_and_limits_answer_for_domains);
ATF_TC_BODY(tables_and_limits_answer_for_domains, tc)
{
	struct config *cfg = parse(everything);

	answers_hold(cfg);
	config_free(cfg);
}

ATF_TC_WITHOUT_HEAD(the_slice_of_the_relay_says_the_same_and_no_more);
ATF_TC_BODY(the_slice_of_the_relay_says_the_same_and_no_more, tc)
{
	static const char *const hidden[] = { "hidden", "unused", "secret-word",
		"maildir", "people", "match" };
	struct config *cfg = parse(everything), *part;
	struct cfg_source *src;
	unsigned char raw[16384];
	ssize_t n;
	size_t i;
	int fd;

	ATF_REQUIRE_EQ(0, config_slice_to_memfd(cfg, CFG_SLICE_RELAY, &fd));
	ATF_REQUIRE((n = pread(fd, raw, sizeof(raw), 0)) > 0);
	ATF_REQUIRE((size_t)n < sizeof(raw));
	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		ATF_CHECK_MSG(memmem(raw, (size_t)n, hidden[i],
				  strlen(hidden[i])) == NULL,
		    "has %s", hidden[i]);
	ATF_REQUIRE_EQ(0, cfg_source_from_fd(fd, &src));
	close(fd);
	part = parse_source(src);
	answers_hold(part);
	ATF_CHECK_EQ(2, part->nactions);
	ATF_CHECK_EQ(0, part->nrules);
	ATF_CHECK_STREQ("mail.example.org", part->hostname);
	ATF_CHECK_EQ(2525, part->listeners[0].port);
	ATF_CHECK_STREQ("other.example.org", part->listeners[0].hostname);
	config_free(part);
	config_free(cfg);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, urls_have_ports_labels_and_brackets);
	ATF_TP_ADD_TC(tp, broken_urls_are_refused_at_their_place);
	ATF_TP_ADD_TC(tp, no_verify_loosens_what_a_url_asks_and_nothing_else);
	ATF_TP_ADD_TC(tp, tables_and_limits_answer_for_domains);
	ATF_TP_ADD_TC(tp, the_slice_of_the_relay_says_the_same_and_no_more);
	return atf_no_error();
}
