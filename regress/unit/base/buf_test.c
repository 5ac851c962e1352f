/* SPDX-License-Identifier: ISC
 *
 * Buffers and the bounded reader.  Classes: (c) forged records, (f) lengths.
 */
#include <atf-c.h>
#include <string.h>

#include "privsep/base/buf.h"
#include "privsep/base/err.h"

ATF_TC_WITHOUT_HEAD(buf_refuses_more_than_its_maximum);
ATF_TC_BODY(buf_refuses_more_than_its_maximum, tc)
{
	struct buf b;

	buf_init(&b, 4);
	ATF_CHECK_EQ(0, buf_add(&b, "abcd", 4));
	ATF_CHECK_EQ(-E_TOOLONG, buf_add(&b, "e", 1));
	ATF_CHECK_EQ(4, b.len);
	/* the error sticks: a series is checked once at its end */
	ATF_CHECK_EQ(-E_TOOLONG, buf_add(&b, "", 0));
	buf_reset(&b);
	ATF_CHECK_EQ(0, buf_add(&b, "x", 1));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(buf_addf_fills_to_the_last_octet);
ATF_TC_BODY(buf_addf_fills_to_the_last_octet, tc)
{
	struct buf b;
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buf_init(&b, 4096);
	ATF_CHECK_EQ(0, buf_addf(&b, "%s|%d", text, 42));
	ATF_CHECK_EQ(sizeof(text) - 1 + 3, b.len);
	ATF_CHECK_EQ(0, memcmp(b.data + b.len - 3, "|42", 3));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(buf_addf_does_not_forget_an_earlier_failure);
ATF_TC_BODY(buf_addf_does_not_forget_an_earlier_failure, tc)
{
	struct buf b;

	buf_init(&b, 8);
	ATF_CHECK_EQ(-E_TOOLONG, buf_add(&b, "more than eight", 15));
	ATF_CHECK_EQ(-E_TOOLONG, buf_addf(&b, "x"));
	ATF_CHECK_EQ(0, b.len);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(reader_gives_back_what_was_put);
ATF_TC_BODY(reader_gives_back_what_was_put, tc)
{
	struct buf b;
	struct rd r;
	struct span s;

	buf_init(&b, 4096);
	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0xfedc);
	buf_put_u32(&b, 0xfedcba98);
	buf_put_u64(&b, 0xfedcba9876543210);
	buf_put_span(&b, span_str("hello"));
	r = rd_init(buf_span(&b));
	ATF_CHECK_EQ(0xfe, rd_u8(&r));
	ATF_CHECK_EQ(0xfedc, rd_u16(&r));
	ATF_CHECK_EQ(0xfedcba98, rd_u32(&r));
	ATF_CHECK_EQ(0xfedcba9876543210, rd_u64(&r));
	s = rd_span(&r, 5);
	ATF_CHECK(span_eq(s, span_str("hello")));
	ATF_CHECK(rd_done(&r));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(reader_turns_bad_at_every_truncation);
ATF_TC_BODY(reader_turns_bad_at_every_truncation, tc)
{
	struct buf b;
	size_t n;

	buf_init(&b, 64);
	buf_put_u32(&b, 7);
	buf_put_span(&b, span_str("hello"));
	for (n = 0; n < b.len; n++) {
		struct rd r = rd_init((struct span){ b.data, n });

		rd_u32(&r);
		rd_span(&r, 100);
		ATF_CHECK(!rd_done(&r));
		ATF_CHECK(r.bad);
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(reader_refuses_a_span_over_its_limit);
ATF_TC_BODY(reader_refuses_a_span_over_its_limit, tc)
{
	unsigned char huge[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	unsigned char whole[] = { 0, 0, 0, 2, 'x', 'y' };
	struct rd r = rd_init((struct span){ huge, sizeof(huge) });

	ATF_CHECK_EQ(0, rd_span(&r, 4).len);
	ATF_CHECK(r.bad);
	ATF_CHECK(!rd_done(&r));
	/* also one that is there */
	r = rd_init((struct span){ whole, sizeof(whole) });
	ATF_CHECK_EQ(0, rd_span(&r, 1).len);
	ATF_CHECK(r.bad);
	r = rd_init((struct span){ whole, sizeof(whole) });
	ATF_CHECK_EQ(2, rd_span(&r, 2).len);
	ATF_CHECK(rd_done(&r));
}

/* Every octet, alone and among others. */
ATF_TC_WITHOUT_HEAD(text_has_no_controls);
ATF_TC_BODY(text_has_no_controls, tc)
{
	unsigned char text[3] = "aba";
	unsigned c;

	ATF_CHECK(span_is_text((struct span){ NULL, 0 }));
	for (c = 0; c < 256; c++) {
		bool control = c < 32 || c == 127;

		text[2] = (unsigned char)c;
		ATF_CHECK_EQ(!control, span_is_text((struct span){ text, 3 }));
		ATF_CHECK_EQ(
		    !control, span_is_text((struct span){ text + 2, 1 }));
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, text_has_no_controls);
	ATF_TP_ADD_TC(tp, buf_refuses_more_than_its_maximum);
	ATF_TP_ADD_TC(tp, buf_addf_fills_to_the_last_octet);
	ATF_TP_ADD_TC(tp, buf_addf_does_not_forget_an_earlier_failure);
	ATF_TP_ADD_TC(tp, reader_gives_back_what_was_put);
	ATF_TP_ADD_TC(tp, reader_turns_bad_at_every_truncation);
	ATF_TP_ADD_TC(tp, reader_refuses_a_span_over_its_limit);
	return atf_no_error();
}
