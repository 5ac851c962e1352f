/* SPDX-License-Identifier: ISC
 *
 * What the client reads and writes: replies, announcements, content.
 * Classes: hostile servers, (a), (f).
 */
#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "delivery/relay/ehlo.h"
#include "delivery/relay/encode.h"
#include "delivery/relay/response.h"

static struct span
octets(const char *s, size_t len)
{
	return (struct span){ (const unsigned char *)s, len };
}

/* Read a whole reply; false where that is none. */
static bool
response(const char *text, size_t len, struct response *out)
{
	struct span in = octets(text, len);
	struct response_line line;
	size_t used;

	response_begin(out);
	do {
		if (response_read(in, &line, &used) != RESPONSE_LINE ||
		    !response_add(out, &line))
			return false;
		in.p += used;
		in.len -= used;
	} while (!line.last);
	return in.len == 0;
}

#define RESPONSE(s, out) response((s), sizeof(s) - 1, (out))

ATF_TC_WITHOUT_HEAD(replies_are_read);
ATF_TC_BODY(replies_are_read, tc)
{
	struct response r;

	ATF_REQUIRE(RESPONSE("250 ok\r\n", &r));
	ATF_CHECK_EQ(250, r.code);
	ATF_CHECK_STREQ("250 ok", r.text);
	ATF_CHECK_STREQ("", r.status);
	ATF_REQUIRE(RESPONSE("550 5.1.1 no such user\r\n", &r));
	ATF_CHECK_STREQ("5.1.1", r.status);
	ATF_CHECK_STREQ("550 5.1.1 no such user", r.text);
	/* several lines, the status in each */
	ATF_REQUIRE(RESPONSE("550-5.7.1 go\r\n550 5.7.1 away\r\n", &r));
	ATF_CHECK_STREQ("550 5.7.1 go away", r.text);
	/* a code alone, and lines that end in LF */
	ATF_REQUIRE(RESPONSE("250\r\n", &r));
	ATF_CHECK_STREQ("250", r.text);
	ATF_REQUIRE(RESPONSE("250-a\n250 b\n", &r));
	ATF_CHECK_STREQ("250 a b", r.text);
	/* what does not belong into a log or a report */
	ATF_REQUIRE(RESPONSE("250 a\tb\x1b[2J\xff\r\n", &r));
	ATF_CHECK_STREQ("250 a b [2J ", r.text);
}

ATF_TC_WITHOUT_HEAD(what_is_no_reply_is_refused);
ATF_TC_BODY(what_is_no_reply_is_refused, tc)
{
	static const char *const bad[] = { "\r\n", "25\r\n", "abc def\r\n",
		"1.0 x\r\n", "150 x\r\n", "650 x\r\n", "250x\r\n",
		"250-a\r\n251 b\r\n", "HTTP/1.1 400 Bad Request\r\n",
		" 250 ok\r\n", "260 x\r\n", "250 a\rb\r\n", "250 a\r\r\n" };
	static char long_line[RESPONSE_LINE_MAX + 10];
	static char many[10 * (RESPONSE_LINES_MAX + 10)];
	struct response r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(
		    !response(bad[i], strlen(bad[i]), &r), "%s", bad[i]);
	ATF_CHECK(!RESPONSE("250 a\0b\r\n", &r));
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "250 ", 4);
	ATF_CHECK(!response(long_line, sizeof(long_line), &r));
	for (i = 0; i < RESPONSE_LINES_MAX + 1; i++)
		memcpy(many + 7 * i, "250-x\r\n", 7);
	ATF_CHECK(!response(many, 7 * i, &r));
}

/* Lines of so many octets, and whether they are one reply. */
static bool
response_of(size_t lines, size_t len)
{
	static char text[64 * 1024];
	struct response r;
	size_t i;

	ATF_REQUIRE(lines * len <= sizeof(text));
	memset(text, 'x', sizeof(text));
	for (i = 0; i < lines; i++) {
		memcpy(text + i * len, i + 1 < lines ? "250-" : "250 ", 4);
		memcpy(text + (i + 1) * len - 2, "\r\n", 2);
	}
	return response(text, lines * len, &r) &&
	    strlen(r.text) <= RESPONSE_TEXT_MAX;
}

ATF_TC_WITHOUT_HEAD(replies_have_bounds);
ATF_TC_BODY(replies_have_bounds, tc)
{
	ATF_CHECK(response_of(1, RESPONSE_LINE_MAX));
	ATF_CHECK(!response_of(1, RESPONSE_LINE_MAX + 1));
	ATF_CHECK(response_of(RESPONSE_LINES_MAX, 80));
	ATF_CHECK(!response_of(RESPONSE_LINES_MAX + 1, 80));
	ATF_CHECK(response_of(8, RESPONSE_LINE_MAX));
	ATF_CHECK(!response_of(9, RESPONSE_LINE_MAX));
}

ATF_TC_WITHOUT_HEAD(what_is_not_there_yet_is_waited_for);
ATF_TC_BODY(what_is_not_there_yet_is_waited_for, tc)
{
	static const char text[] = "250-first\r\n";
	struct response_line line;
	size_t i, used;

	for (i = 0; i < sizeof(text) - 1; i++)
		ATF_CHECK_EQ_MSG(
		    i < sizeof(text) - 2 ? RESPONSE_MORE : RESPONSE_LINE,
		    response_read(octets(text, i + (i == sizeof(text) - 2)),
			&line, &used),
		    "%zu", i);
}

ATF_TC_WITHOUT_HEAD(enhanced_statuses_are_of_the_class_of_the_code);
ATF_TC_BODY(enhanced_statuses_are_of_the_class_of_the_code, tc)
{
	static const struct {
		const char *text;
		unsigned code;
		size_t len;
	} cases[] = {
		{ "5.7.2", 550, 5 },
		{ "5.7.", 550, 0 },
		{ "5.7", 550, 0 },
		{ "5", 550, 0 },
		{ "", 550, 0 },
		{ "4.7.2 x", 550, 0 },
		{ "2.0.0 ok", 250, 5 },
		{ "5.123.123 x", 500, 9 },
		{ "5.1234.1 x", 500, 0 },
		{ "5.1.1234 x", 500, 0 },
		{ "5.1.1x", 500, 0 },
		{ "5.a.1", 500, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ATF_CHECK_EQ_MSG(cases[i].len,
		    response_enhanced(span_str(cases[i].text), cases[i].code),
		    "%s", cases[i].text);
}

ATF_TC_WITHOUT_HEAD(announcements_are_taken_in);
ATF_TC_BODY(announcements_are_taken_in, tc)
{
	struct ehlo e = { 0 };

	ehlo_line(&e, span_str("SIZE 1000000"));
	ehlo_line(&e, span_str("pipelining"));
	ehlo_line(&e, span_str("8BITMIME"));
	ehlo_line(&e, span_str("DSN"));
	ehlo_line(&e, span_str("SMTPUTF8"));
	ehlo_line(&e, span_str("STARTTLS"));
	ehlo_line(
	    &e, span_str("LIMITS RCPTMAX=20 MAILMAX=5 X=1 RCPTDOMAINMAX"));
	ATF_CHECK_EQ(EXT_SIZE | EXT_8BITMIME | EXT_DSN | EXT_SMTPUTF8, e.ext);
	ATF_CHECK(e.pipelining && e.starttls);
	ATF_CHECK_EQ(1000000, e.size);
	ATF_CHECK_EQ(20, e.rcpt_max);
	ATF_CHECK_EQ(5, e.mail_max);
}

ATF_TC_WITHOUT_HEAD(odd_announcements_say_nothing);
ATF_TC_BODY(odd_announcements_say_nothing, tc)
{
	static const char *const odd[] = { "", " ", "SIZEX", "XDSN", "DSNX",
		"PIPELINING-NOT", "LIMITS", "LIMITS =", "LIMITS RCPTMAX",
		"LIMITS RCPTMAX=", "LIMITS RCPTMAX=-1", "LIMITS RCPTMAX=1x",
		"LIMITS RCPTMAX=99999999999999999999999" };
	struct ehlo e = { 0 };
	size_t i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		ehlo_line(&e, span_str(odd[i]));
	ATF_CHECK_EQ(0, e.ext);
	ATF_CHECK(!e.pipelining && !e.starttls);
	ATF_CHECK_EQ(0, e.rcpt_max);
	ehlo_line(&e, span_str("SIZE"));
	ehlo_line(&e, span_str("SIZE x"));
	ATF_CHECK_EQ(0, e.size);
}

/* The content in pieces of that many octets, as it goes over the wire. */
static void
encoded_octets(struct span s, size_t step, const char *wire)
{
	struct encode e = { 0 };
	struct buf out;
	size_t n;

	buf_init(&out, 4096);
	for (; s.len > 0; s.p += n, s.len -= n) {
		n = s.len < step ? s.len : step;
		encode_add(&e, (struct span){ s.p, n }, &out);
	}
	encode_end(&e, &out);
	ATF_CHECK_MSG(span_eq(buf_span(&out), span_str(wire)), "%.*s",
	    (int)out.len, (const char *)out.data);
	buf_clear(&out);
}

static void
encoded(const char *content, size_t step, const char *wire)
{
	encoded_octets(span_str(content), step, wire);
}

ATF_TC_WITHOUT_HEAD(content_is_stuffed_whatever_its_pieces);
ATF_TC_BODY(content_is_stuffed_whatever_its_pieces, tc)
{
	size_t step;

	for (step = 1; step < 20; step++) {
		encoded("", step, ".\r\n");
		encoded("a\n", step, "a\r\n.\r\n");
		encoded("a", step, "a\r\n.\r\n");
		encoded(".\n", step, "..\r\n.\r\n");
		encoded("..\n.a\n", step, "...\r\n..a\r\n.\r\n");
		encoded("a.\n\n.\n", step, "a.\r\n\r\n..\r\n.\r\n");
		encoded("a.b", step, "a.b\r\n.\r\n");
	}
}

ATF_TC_WITHOUT_HEAD(no_end_of_a_line_goes_out_that_is_not_ours);
ATF_TC_BODY(no_end_of_a_line_goes_out_that_is_not_ours, tc)
{
	size_t step;

	for (step = 1; step < 20; step++) {
		encoded("\r", step, ".\r\n");
		encoded("a\r.\r\nb\n", step, "a.\r\nb\r\n.\r\n");
		encoded("a\n\r.\nb\n", step, "a\r\n..\r\nb\r\n.\r\n");
		encoded("a\n.\r\nb\n", step, "a\r\n..\r\nb\r\n.\r\n");
		encoded_octets(
		    octets("a\n\0.\0\nb", 7), step, "a\r\n..\r\nb\r\n.\r\n");
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, replies_are_read);
	ATF_TP_ADD_TC(tp, what_is_no_reply_is_refused);
	ATF_TP_ADD_TC(tp, replies_have_bounds);
	ATF_TP_ADD_TC(tp, what_is_not_there_yet_is_waited_for);
	ATF_TP_ADD_TC(tp, enhanced_statuses_are_of_the_class_of_the_code);
	ATF_TP_ADD_TC(tp, announcements_are_taken_in);
	ATF_TP_ADD_TC(tp, odd_announcements_say_nothing);
	ATF_TP_ADD_TC(tp, content_is_stuffed_whatever_its_pieces);
	ATF_TP_ADD_TC(tp, no_end_of_a_line_goes_out_that_is_not_ours);
	return atf_no_error();
}
