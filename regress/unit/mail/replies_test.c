/* SPDX-License-Identifier: ISC
 *
 * The table of replies and their form (RFC 5321 4.2).  Classes: (c) newline
 * forges a reply.
 */
#include <atf-c.h>
#include <string.h>

#include "smtpd/mail/replies.h"

static void
line_check(struct buf *b, const char *want)
{
	ATF_CHECK_MSG(span_eq(buf_span(b), span_str(want)), "got %.*s",
	    (int)b->len, (const char *)b->data);
	buf_reset(b);
}

ATF_TC_WITHOUT_HEAD(enhanced_status_agrees_with_the_code);
ATF_TC_BODY(enhanced_status_agrees_with_the_code, tc)
{
	const char *enhanced;
	unsigned code;
	uint16_t id;

	for (id = RP_NONE + 1; id < RP__MAX; id++) {
		code = reply_code(id);
		enhanced = reply_enhanced(id);
		ATF_CHECK(code >= 200 && code <= 599);
		ATF_CHECK(code / 10 % 10 <= 5);
		if (enhanced[0] == '\0') /* RFC 2034 4 */
			ATF_CHECK_MSG(code / 100 == 3 || id == RP_GREETING ||
				id == RP_HELO,
			    "%s", reply_name(id));
		else
			ATF_CHECK_MSG(
			    (unsigned)(enhanced[0] - '0') == code / 100, "%s",
			    reply_name(id));
		if (code == 421 || code == 221)
			ATF_CHECK(reply_flags(id) & REPLY_CLOSES);
		ATF_CHECK_EQ(
		    0, code < 400 ? reply_flags(id) & REPLY_COUNTS : 0u);
	}
}

ATF_TC_WITHOUT_HEAD(every_reply_is_one_line_within_the_limit);
ATF_TC_BODY(every_reply_is_one_line_within_the_limit, tc)
{
	unsigned char junk[600];
	struct span extra = { junk, sizeof(junk) };
	struct buf b;
	uint16_t id;
	size_t i;

	buf_init(&b, 2048);
	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)i;
	for (id = RP_NONE + 1; id < RP__MAX; id++) {
		buf_reset(&b);
		ATF_REQUIRE_EQ(0, reply_format(&b, id, &extra));
		ATF_REQUIRE(b.len <= REPLY_LINE_MAX);
		ATF_REQUIRE(memcmp(b.data + b.len - 2, "\r\n", 2) == 0);
		for (i = 0; i < b.len - 2; i++)
			ATF_REQUIRE(b.data[i] >= ' ' && b.data[i] <= '~');
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(reply_has_code_status_extra_and_text);
ATF_TC_BODY(reply_has_code_status_extra_and_text, tc)
{
	struct span extra = span_str("mx.example");
	struct buf b;

	buf_init(&b, 2048);
	reply_format(&b, RP_GREETING, &extra);
	line_check(&b, "220 mx.example ESMTP Bulkhead\r\n");
	reply_format(&b, RP_MAIL_OK, NULL);
	line_check(&b, "250 2.1.0 sender ok\r\n");
	reply_format_text(&b, RP_REJECTED, span_str("go\r\n250 away"));
	line_check(&b, "550 5.7.1 go??250 away\r\n");
	reply_line(&b, 250, false, span_str("SIZE 100"));
	reply_line(&b, 250, true, span_str("PIPELINING"));
	line_check(&b, "250-SIZE 100\r\n250 PIPELINING\r\n");
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(number_out_of_the_table_is_a_local_error);
ATF_TC_BODY(number_out_of_the_table_is_a_local_error, tc)
{
	static const uint16_t bad[] = { RP_NONE, RP__MAX, 0xffff };

	for (size_t i = 0; i < 3; i++) {
		ATF_CHECK(!reply_valid(bad[i]));
		ATF_CHECK_EQ(451, reply_code(bad[i]));
		ATF_CHECK_STREQ("RP_SYSTEM", reply_name(bad[i]));
	}
	ATF_CHECK(reply_valid(RP_PARAM_UNKNOWN));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, enhanced_status_agrees_with_the_code);
	ATF_TP_ADD_TC(tp, every_reply_is_one_line_within_the_limit);
	ATF_TP_ADD_TC(tp, reply_has_code_status_extra_and_text);
	ATF_TP_ADD_TC(tp, number_out_of_the_table_is_a_local_error);
	return atf_no_error();
}
