/* SPDX-License-Identifier: ISC
 *
 * The last reply as it lies in the store.  Class: (c) forged records.
 */
#include <atf-c.h>

#include "spool/writer/writer.h"

static void
pack(const struct last_reply *r, struct buf *b)
{
	buf_init(b, 4096);
	reply_pack(r, b);
	ATF_REQUIRE_EQ(0, b->err);
}

ATF_TC_WITHOUT_HEAD(reply_comes_back_as_it_was);
ATF_TC_BODY(reply_comes_back_as_it_was, tc)
{
	static const struct {
		uint64_t tried_s;
		const char *via, *text;
	} cases[] = {
		{ 1700000000, "mx.example.org 192.0.2.1 TLSv1.3",
		    "450 4.2.1 come back later" },
		{ 1700000000, "", "the mailbox is locked" },
		{ 1700000000, "", "" },
		{ 0, "mx.example.org - -", "" },
		{ 0, "", "a text alone" },
		{ 0, "", "" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct last_reply was = { cases[i].tried_s,
			span_str(cases[i].via), span_str(cases[i].text) };
		struct last_reply is;
		struct buf b;

		pack(&was, &b);
		is = reply_unpack(buf_span(&b));
		ATF_CHECK_EQ(was.tried_s, is.tried_s);
		ATF_CHECK(span_eq(was.via, is.via));
		ATF_CHECK(span_eq(was.text, is.text));
		buf_clear(&b);
	}
}

ATF_TC_WITHOUT_HEAD(text_of_an_older_spool_is_the_text);
ATF_TC_BODY(text_of_an_older_spool_is_the_text, tc)
{
	struct last_reply r = reply_unpack(span_str("mailbox is full"));

	ATF_CHECK(span_eq(r.text, span_str("mailbox is full")));
	ATF_CHECK_EQ(0, r.via.len);
	ATF_CHECK_EQ(0, r.tried_s);
}

/* Cut anywhere it is some reply, and never more than there is. */
ATF_TC_WITHOUT_HEAD(reply_that_was_cut_is_some_reply);
ATF_TC_BODY(reply_that_was_cut_is_some_reply, tc)
{
	struct last_reply was = { 1, span_str("mx 192.0.2.1 -"),
		span_str("450 no") };
	struct last_reply r;
	struct span cut;
	struct buf b;
	size_t n;

	pack(&was, &b);
	for (n = 0; n < b.len; n++) {
		cut = (struct span){ b.data, n };
		r = reply_unpack(cut);
		ATF_CHECK(r.via.len + r.text.len <= n);
	}
	/* a via that claims more than there is */
	b.data[5] = 0xff;
	r = reply_unpack(buf_span(&b));
	ATF_CHECK_EQ(b.len, r.text.len);
	buf_clear(&b);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, reply_comes_back_as_it_was);
	ATF_TP_ADD_TC(tp, text_of_an_older_spool_is_the_text);
	ATF_TP_ADD_TC(tp, reply_that_was_cut_is_some_reply);
	return atf_no_error();
}
