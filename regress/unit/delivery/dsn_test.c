/* SPDX-License-Identifier: ISC
 *
 * The text of delivery status notifications.  Classes: (c) forged fields and
 * parts, (f) lengths.
 */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/dsn/dsn.h"

static struct dsn_recipient one;

/* A report on one recipient; the cases change what they are about. */
static struct dsn
sample(void)
{
	one = (struct dsn_recipient){
		.rcpt = span_str("jones@example.org"),
		.orcpt = span_str("rfc822;old+2Bone@example.com"),
		.status = span_str("5.1.1"),
		.text = span_str("no such user"),
		.expires = 1000345600,
	};
	return (struct dsn){
		.kind = DSN_FAILED,
		.msgid = 0x1122334455667788,
		.reportid = 0x99aabbccddeeff00,
		.created = 1000000000,
		.now = 1000000100,
		.hostname = span_str("mx.example.org"),
		.to = span_str("smith@example.net"),
		.return_max = 50 * 1024,
		.rcpts = &one,
		.nrcpts = 1,
		.content = span_str("Subject: s\nX-Last: l\n\nbody\n"),
	};
}

static char *
composed(const struct dsn *d)
{
	struct buf out;
	char *text;

	buf_init(&out, DSN_MAX);
	ATF_REQUIRE_EQ(0, dsn_compose(d, &out));
	text = strndup((char *)out.data, out.len);
	ATF_REQUIRE_EQ(out.len, strlen(text));
	buf_clear(&out);
	return text;
}

/* How many lines begin so. */
static int
lines(const char *text, const char *with)
{
	int n = 0;

	for (; text != NULL && *text != '\0'; text = strchr(text, '\n')) {
		if (*text == '\n')
			text++;
		if (strncmp(text, with, strlen(with)) == 0)
			n++;
	}
	return n;
}

ATF_TC_WITHOUT_HEAD(every_kind_names_its_action);
ATF_TC_BODY(every_kind_names_its_action, tc)
{
	struct dsn d = sample();
	char *text;

	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Action: failed\n"));
	ATF_CHECK_EQ(0, lines(text, "Will-Retry-Until: "));
	free(text);
	d.kind = DSN_DELAYED;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Action: delayed\n"));
	ATF_CHECK_EQ(1, lines(text, "Will-Retry-Until: "));
	free(text);
	d.kind = DSN_DELIVERED;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Action: delivered\n"));
	free(text);
	d.kind = DSN_RELAYED;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Action: relayed\n"));
	free(text);
}

/* RFC 3464 2.3.5, 2.3.6: only a host that was spoken with is named, and only
 * its own words are called a reply. */
ATF_TC_WITHOUT_HEAD(whose_words_they_are);
ATF_TC_BODY(whose_words_they_are, tc)
{
	struct dsn d = sample();
	char *text;

	text = composed(&d);
	ATF_CHECK_EQ(0, lines(text, "Remote-MTA:"));
	ATF_CHECK_EQ(1, lines(text, "Diagnostic-Code: X-Bulkhead; no such"));
	free(text);
	one.via = span_str("mx.gmail.com 192.0.2.1 TLSv1.3");
	one.text = span_str("connection refused");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Remote-MTA: dns; mx.gmail.com\n"));
	ATF_CHECK_EQ(1, lines(text, "Diagnostic-Code: X-Bulkhead; connection"));
	ATF_CHECK(strstr(text, " said:") == NULL);
	free(text);
	one.text = span_str("550 5.1.1 no such user");
	text = composed(&d);
	ATF_CHECK_EQ(
	    1, lines(text, "Diagnostic-Code: smtp; 550 5.1.1 no such user\n"));
	ATF_CHECK_EQ(1, lines(text, "      mx.gmail.com [192.0.2.1] said:\n"));
	ATF_CHECK_EQ(1, lines(text, "      550 5.1.1 no such user (5.1.1)\n"));
	free(text);
}

/* RFC 3464 2.1.2: what is no name of the DNS is an address literal. */
ATF_TC_WITHOUT_HEAD(a_host_without_a_name_is_an_address_literal);
ATF_TC_BODY(a_host_without_a_name_is_an_address_literal, tc)
{
	static const char *const cases[][2] = {
		{ "127.0.0.1 127.0.0.1 -", "[127.0.0.1]" },
		{ "[127.0.0.1] 127.0.0.1 -", "[127.0.0.1]" },
		{ "2001:db8::9 2001:db8::9 -", "[IPv6:2001:db8::9]" },
		{ "[2001:db8::9] 2001:db8::9 -", "[IPv6:2001:db8::9]" },
		{ "[IPv6:2001:db8::9] - -", "[IPv6:2001:db8::9]" },
		{ "127.0.0.1.example 192.0.2.1 -", "127.0.0.1.example" },
	};
	struct dsn d = sample();
	char line[100], *text;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		one.via = span_str(cases[i][0]);
		snprintf(
		    line, sizeof(line), "Remote-MTA: dns; %s\n", cases[i][1]);
		text = composed(&d);
		ATF_CHECK_EQ_MSG(1, lines(text, line), "%s", line);
		free(text);
	}
}

/* RFC 2045 6.4: what has the eighth bit says so where it stands. */
ATF_TC_WITHOUT_HEAD(eighth_bit_is_declared);
ATF_TC_BODY(eighth_bit_is_declared, tc)
{
	struct dsn d = sample();
	char *text;

	d.full = true;
	text = composed(&d);
	ATF_CHECK_EQ(0, lines(text, "Content-Transfer-Encoding:"));
	free(text);
	d.content = span_str("Subject: s\n\nb\xc3\xb6"
			     "dy\n");
	text = composed(&d);
	/* the whole and the part that is returned */
	ATF_CHECK_EQ(2, lines(text, "Content-Transfer-Encoding: 8bit\n"));
	free(text);
}

ATF_TC_WITHOUT_HEAD(header_only_unless_full_is_asked_for);
ATF_TC_BODY(header_only_unless_full_is_asked_for, tc)
{
	struct dsn d = sample();
	char *text;

	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Content-Type: text/rfc822-headers\n"));
	ATF_CHECK_EQ(1, lines(text, "X-Last: l\n"));
	ATF_CHECK_EQ(0, lines(text, "body\n"));
	free(text);
	d.full = true;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Content-Type: message/rfc822\n"));
	ATF_CHECK_EQ(1, lines(text, "body\n"));
	free(text);
}

/* RFC 3461 4.3: RET is of no account for them. */
ATF_TC_WITHOUT_HEAD(header_only_where_nothing_failed);
ATF_TC_BODY(header_only_where_nothing_failed, tc)
{
	static const enum dsn_kind kinds[] = { DSN_DELAYED, DSN_DELIVERED,
		DSN_RELAYED };
	struct dsn d = sample();
	char *text;
	size_t i;

	d.full = true;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		d.kind = kinds[i];
		text = composed(&d);
		ATF_CHECK_EQ(
		    1, lines(text, "Content-Type: text/rfc822-headers\n"));
		ATF_CHECK_EQ(1, lines(text, "X-Last: l\n"));
		ATF_CHECK_EQ(0, lines(text, "body\n"));
		free(text);
	}
	d.kind = DSN_ORPHANED;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "body\n"));
	free(text);
}

/* RFC 3462 1: the third part need not be there. */
ATF_TC_WITHOUT_HEAD(a_bare_report_has_two_parts);
ATF_TC_BODY(a_bare_report_has_two_parts, tc)
{
	struct dsn d = sample();
	char *text;

	d.full = d.bare = true;
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Action: failed\n"));
	ATF_CHECK_EQ(0, lines(text, "X-Last:"));
	/* its own, and those of the parts */
	ATF_CHECK_EQ(3, lines(text, "Content-Type: "));
	ATF_CHECK_EQ(3, lines(text, "--99aabbccddeeff00-1122334455667788"));
	ATF_CHECK_EQ(1, lines(text, "--99aabbccddeeff00-1122334455667788--\n"));
	free(text);
}

ATF_TC_WITHOUT_HEAD(what_is_returned_is_cut_at_the_end_of_a_line);
ATF_TC_BODY(what_is_returned_is_cut_at_the_end_of_a_line, tc)
{
	struct dsn d = sample();
	char *text;

	d.full = true;
	d.return_max = strlen("Subject: s\nX-La");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Subject: s\n"));
	ATF_CHECK_EQ(0, lines(text, "X-La"));
	ATF_CHECK_EQ(0, lines(text, "Content-Type: message/rfc822\n"));
	free(text);
}

ATF_TC_WITHOUT_HEAD(text_from_outside_begins_no_line);
ATF_TC_BODY(text_from_outside_begins_no_line, tc)
{
	struct dsn d = sample();
	char *text;

	one.text = span_str("no\nStatus: 2.0.0\r\n\n--boundary");
	one.status = span_str("5.1.1\nAction: delivered");
	one.via = span_str("mx\nAction:delivered 192.0.2.1\nStatus:2.0.0 -");
	one.orcpt = span_str("rfc822;x\nFinal-Recipient: rfc822;y");
	d.envid = span_str("e\nReporting-MTA: dns;evil");
	d.content = span_str("Subject: s\n\tStatus: 2.0.0\n\nbody\n");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Status: "));
	ATF_CHECK_EQ(1, lines(text, "Action: "));
	ATF_CHECK_EQ(1, lines(text, "Final-Recipient: "));
	ATF_CHECK_EQ(1, lines(text, "Reporting-MTA: "));
	ATF_CHECK_EQ(0, lines(text, "--boundary"));
	free(text);
}

/* RFC 3464 2.2.1, 2.3.1: the sender compares them with what it gave. */
ATF_TC_WITHOUT_HEAD(what_the_sender_gave_comes_back_as_it_was);
ATF_TC_BODY(what_the_sender_gave_comes_back_as_it_was, tc)
{
	struct dsn d = sample();
	char *text;

	d.envid = span_str("QQ\"3\\14");
	one.orcpt = span_str("rfc822;\"john doe\"@old.example");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Original-Envelope-Id: QQ\"3\\14\n"));
	ATF_CHECK_EQ(1,
	    lines(
		text, "Original-Recipient: rfc822;\"john doe\"@old.example\n"));
	free(text);
	one.orcpt = span_str("utf-8;j\xc3\xb6rg@old.example");
	text = composed(&d);
	ATF_CHECK_EQ(1,
	    lines(text, "Original-Recipient: utf-8;j\\x{F6}rg@old.example\n"));
	free(text);
	d.utf8 = true;
	text = composed(&d);
	ATF_CHECK_EQ(1,
	    lines(text, "Original-Recipient: utf-8;j\xc3\xb6rg@old.example\n"));
	free(text);
}

ATF_TC_WITHOUT_HEAD(utf8_messages_have_the_types_of_rfc6533);
ATF_TC_BODY(utf8_messages_have_the_types_of_rfc6533, tc)
{
	struct dsn d = sample();
	char *text;

	d.utf8 = true;
	one.rcpt = span_str("j\xc3\xb6nes@example.org");
	text = composed(&d);
	ATF_CHECK_EQ(
	    1, lines(text, "Content-Type: message/global-delivery-status\n"));
	ATF_CHECK_EQ(1, lines(text, "Content-Type: message/global-headers\n"));
	ATF_CHECK_EQ(
	    1, lines(text, "Final-Recipient: utf-8;j\xc3\xb6nes@example.org"));
	free(text);
}

ATF_TC_WITHOUT_HEAD(an_address_beyond_ascii_in_an_ascii_report_is_ascii);
ATF_TC_BODY(an_address_beyond_ascii_in_an_ascii_report_is_ascii, tc)
{
	struct dsn d = sample();
	const char *p;
	char *text;

	one.rcpt = span_str("j\xc3\xb6nes@example.org");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Content-Type: message/delivery-status\n"));
	ATF_CHECK_EQ(
	    1, lines(text, "Final-Recipient: utf-8;j\\x{F6}nes@example.org\n"));
	for (p = text; *p != '\0'; p++)
		ATF_CHECK((unsigned char)*p < 0x80);
	free(text);
}

ATF_TC_WITHOUT_HEAD(content_without_header_or_body);
ATF_TC_BODY(content_without_header_or_body, tc)
{
	struct dsn d = sample();
	char *text;

	d.content = span_str("");
	text = composed(&d);
	ATF_CHECK_EQ(1, lines(text, "Content-Type: text/rfc822-headers\n"));
	free(text);
	d.content = span_str("\nonly a body\n");
	text = composed(&d);
	ATF_CHECK_EQ(0, lines(text, "only a body"));
	free(text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_kind_names_its_action);
	ATF_TP_ADD_TC(tp, whose_words_they_are);
	ATF_TP_ADD_TC(tp, a_host_without_a_name_is_an_address_literal);
	ATF_TP_ADD_TC(tp, eighth_bit_is_declared);
	ATF_TP_ADD_TC(tp, header_only_unless_full_is_asked_for);
	ATF_TP_ADD_TC(tp, header_only_where_nothing_failed);
	ATF_TP_ADD_TC(tp, a_bare_report_has_two_parts);
	ATF_TP_ADD_TC(tp, what_is_returned_is_cut_at_the_end_of_a_line);
	ATF_TP_ADD_TC(tp, text_from_outside_begins_no_line);
	ATF_TP_ADD_TC(tp, what_the_sender_gave_comes_back_as_it_was);
	ATF_TP_ADD_TC(tp, utf8_messages_have_the_types_of_rfc6533);
	ATF_TP_ADD_TC(tp, an_address_beyond_ascii_in_an_ascii_report_is_ascii);
	ATF_TP_ADD_TC(tp, content_without_header_or_body);
	return atf_no_error();
}
