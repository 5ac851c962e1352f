/* SPDX-License-Identifier: ISC
 *
 * Trace fields (RFC 5321 4.4).  Classes: (c) newline forges a header.
 */
#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/trace.h"

static void
utc(void)
{
	ATF_REQUIRE_EQ(0, setenv("TZ", "UTC0", 1));
	tzset();
}

static struct mail_address
mailbox(const char *text)
{
	struct mail_address a;

	ATF_REQUIRE_EQ(
	    0, address_parse(span_str(text), ADDRESS_NULL | ADDRESS_UTF8, &a));
	return a;
}

static struct trace_received
received(void)
{
	return (struct trace_received){
		.helo = span_str("client.example"),
		.name = span_str("rdns.example"),
		.addr = span_str("192.0.2.1"),
		.by = span_str("mx.example.org"),
		.esmtp = true,
		.msgid = 0x0123456789abcdef,
		.date = 1136210645,
	};
}

static void
text_check(struct buf *b, const char *want)
{
	ATF_CHECK_MSG(span_eq(buf_span(b), span_str(want)), "got %.*s",
	    (int)b->len, (const char *)b->data);
	buf_reset(b);
}

ATF_TC_WITHOUT_HEAD(received_names_client_host_protocol_and_id);
ATF_TC_BODY(received_names_client_host_protocol_and_id, tc)
{
	struct trace_received r = received();
	struct mail_address rcpt = mailbox("\"a b\"@example.org");
	struct buf b;

	utc();
	buf_init(&b, TRACE_MAX);
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	text_check(&b,
	    "Received: from client.example (rdns.example [192.0.2.1]) by "
	    "mx.example.org\n"
	    "\twith ESMTP id 0123456789abcdef; Mon, 2 Jan 2006 14:04:05 "
	    "+0000\n");
	r.rcpt = &rcpt;
	r.name = (struct span){ 0 };
	r.addr = span_str("2001:db8:0::1");
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	text_check(&b,
	    "Received: from client.example (unknown [IPv6:2001:db8::1]) by "
	    "mx.example.org\n"
	    "\twith ESMTP id 0123456789abcdef for <\"a b\"@example.org>;\n"
	    "\tMon, 2 Jan 2006 14:04:05 +0000\n");
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(received_of_a_local_user_names_the_user);
ATF_TC_BODY(received_of_a_local_user_names_the_user, tc)
{
	struct trace_received r = received();
	struct buf b;

	utc();
	r.addr = r.helo = (struct span){ 0 };
	r.uid = 1000;
	buf_init(&b, TRACE_MAX);
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	text_check(&b,
	    "Received: from localhost (uid 1000) by mx.example.org with ESMTP "
	    "id\n\t0123456789abcdef; Mon, 2 Jan 2006 14:04:05 +0000\n");
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(hostile_value_is_not_written);
ATF_TC_BODY(hostile_value_is_not_written, tc)
{
	static const char *const bad[] = { "a.b\r\nX: y", "a\nX: y", "a)(b",
		"a b", "\xff", "\x1b[2J", "a;b", "%s%n" };
	struct trace_received r;
	struct buf b;

	utc();
	buf_init(&b, TRACE_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = received();
		r.helo = r.name = r.addr = span_str(bad[i]);
		ATF_CHECK_EQ(0, trace_received(&r, &b));
		text_check(&b,
		    "Received: from unknown (unknown [unknown]) by "
		    "mx.example.org with ESMTP id\n"
		    "\t0123456789abcdef; Mon, 2 Jan 2006 14:04:05 +0000\n");
		r.by = span_str(bad[i]);
		ATF_CHECK_EQ(-E_SYNTAX, trace_received(&r, &b));
		ATF_CHECK_EQ(-E_SYNTAX, trace_message_id(1, r.by, &b));
		ATF_CHECK_EQ(0, b.len);
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(scoped_address_is_written_without_its_scope);
ATF_TC_BODY(scoped_address_is_written_without_its_scope, tc)
{
	struct trace_received r = received();
	struct buf b;

	utc();
	buf_init(&b, TRACE_MAX);
	r.addr = span_str("fe80::1%eth0");
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	ATF_CHECK(memmem(b.data, b.len, "[IPv6:fe80::1])", 15) != NULL);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(utf8_recipient_shows_only_in_a_utf8_message);
ATF_TC_BODY(utf8_recipient_shows_only_in_a_utf8_message, tc)
{
	struct trace_received r = received();
	struct mail_address rcpt = mailbox("\xc3\xa9@example.org");
	struct buf b;

	utc();
	r.rcpt = &rcpt;
	buf_init(&b, TRACE_MAX);
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	ATF_CHECK(memchr(b.data, 0xc3, b.len) == NULL);
	r.utf8 = true;
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	ATF_CHECK(memchr(b.data, 0xc3, b.len) != NULL);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(lines_are_folded_where_words_allow);
ATF_TC_BODY(lines_are_folded_where_words_allow, tc)
{
	struct trace_received r = received();
	unsigned char host[70];
	struct buf b;

	utc();
	memset(host, 'h', sizeof(host));
	host[30] = '.';
	r.helo = r.name = r.by = (struct span){ host, 65 };
	buf_init(&b, TRACE_MAX);
	ATF_CHECK_EQ(0, trace_received(&r, &b));
	for (size_t i = 0, start = 0; i < b.len; i++) {
		if (b.data[i] != '\n')
			continue;
		ATF_CHECK(i - start <= 78);
		ATF_CHECK(i + 1 == b.len || b.data[i + 1] == '\t');
		start = i + 1;
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(protocol_follows_the_session);
ATF_TC_BODY(protocol_follows_the_session, tc)
{
	ATF_CHECK_STREQ("SMTP", trace_protocol(false, false, false, false));
	ATF_CHECK_STREQ("ESMTP", trace_protocol(true, false, false, false));
	ATF_CHECK_STREQ("ESMTPS", trace_protocol(true, true, false, false));
	ATF_CHECK_STREQ("ESMTPA", trace_protocol(true, false, true, false));
	ATF_CHECK_STREQ("ESMTPSA", trace_protocol(true, true, true, false));
	ATF_CHECK_STREQ("UTF8SMTP", trace_protocol(true, false, false, true));
	ATF_CHECK_STREQ("UTF8SMTPSA", trace_protocol(true, true, true, true));
}

ATF_TC_WITHOUT_HEAD(other_fields_have_their_form);
ATF_TC_BODY(other_fields_have_their_form, tc)
{
	struct mail_address sender = mailbox("\"a b\"@c.d"), none = mailbox("");
	struct buf b;

	utc();
	buf_init(&b, TRACE_MAX);
	ATF_CHECK_EQ(0, trace_return_path(&sender, &b));
	text_check(&b, "Return-Path: <\"a b\"@c.d>\n");
	ATF_CHECK_EQ(0, trace_return_path(&none, &b));
	text_check(&b, "Return-Path: <>\n");
	ATF_CHECK_EQ(0, trace_delivered_to(&sender, &b));
	text_check(&b, "Delivered-To: \"a b\"@c.d\n");
	ATF_CHECK_EQ(0, trace_message_id(0xabc, span_str("h.example"), &b));
	text_check(&b, "Message-ID: <0000000000000abc@h.example>\n");
	ATF_CHECK_EQ(0, trace_date(0, &b));
	text_check(&b, "Date: Thu, 1 Jan 1970 00:00:00 +0000\n");
	buf_clear(&b);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, received_names_client_host_protocol_and_id);
	ATF_TP_ADD_TC(tp, received_of_a_local_user_names_the_user);
	ATF_TP_ADD_TC(tp, hostile_value_is_not_written);
	ATF_TP_ADD_TC(tp, scoped_address_is_written_without_its_scope);
	ATF_TP_ADD_TC(tp, utf8_recipient_shows_only_in_a_utf8_message);
	ATF_TP_ADD_TC(tp, lines_are_folded_where_words_allow);
	ATF_TP_ADD_TC(tp, protocol_follows_the_session);
	ATF_TP_ADD_TC(tp, other_fields_have_their_form);
	return atf_no_error();
}
