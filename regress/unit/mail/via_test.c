/* SPDX-License-Identifier: ISC
 *
 * Who an outcome comes from.  Classes: (c) forged records.
 */
#include <atf-c.h>

#include "smtpd/mail/via.h"

static void
check_part(const char *want, struct span got)
{
	ATF_CHECK_MSG(span_eq(span_str(want), got), "wanted '%s', got '%.*s'",
	    want, (int)got.len, (const char *)got.p);
}

static void
check(const char *text, const char *host, const char *address, const char *tls)
{
	struct via v = via_parse(span_str(text));

	check_part(host, v.host);
	check_part(address, v.address);
	check_part(tls, v.tls);
}

ATF_TC_WITHOUT_HEAD(three_parts_go_in_and_come_out);
ATF_TC_BODY(three_parts_go_in_and_come_out, tc)
{
	struct via v = { .host = span_str("mx.example.org"),
		.address = span_str("192.0.2.1") };
	struct buf out;

	buf_init(&out, VIA_MAX);
	via_format(&v, &out);
	check_part("mx.example.org 192.0.2.1 -", buf_span(&out));
	check("mx.example.org 192.0.2.1 -", "mx.example.org", "192.0.2.1", "");
	buf_clear(&out);
}

ATF_TC_WITHOUT_HEAD(what_would_forge_a_part_is_left_out);
ATF_TC_BODY(what_would_forge_a_part_is_left_out, tc)
{
	struct via v = { .host = span_str("a b"),
		.address = span_str("a\nb"),
		.tls = span_str("TLSv1.3") };
	struct buf out;

	buf_init(&out, VIA_MAX);
	via_format(&v, &out);
	check_part("- - TLSv1.3", buf_span(&out));
	buf_clear(&out);
}

ATF_TC_WITHOUT_HEAD(nothing_is_nothing);
ATF_TC_BODY(nothing_is_nothing, tc)
{
	struct via v = { .host = { NULL, 0 } };
	struct buf out;

	buf_init(&out, VIA_MAX);
	via_format(&v, &out);
	ATF_CHECK_EQ(0, out.len);
	buf_clear(&out);
	check("", "", "", "");
	check("host", "host", "", "");
	check("host ", "host", "", "");
	check("  tls more", "", "", "tls");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, three_parts_go_in_and_come_out);
	ATF_TP_ADD_TC(tp, what_would_forge_a_part_is_left_out);
	ATF_TP_ADD_TC(tp, nothing_is_nothing);
	return atf_no_error();
}
