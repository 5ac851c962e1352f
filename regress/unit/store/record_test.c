/* SPDX-License-Identifier: ISC
 *
 * Records and headers as octets.  Classes: (c) forged records, (f) lengths.
 */
#include <atf-c.h>
#include <string.h>

#include "privsep/base/err.h"
#include "spool/store/crc32c.h"
#include "spool/store/record.h"

#define TAG UINT64_C(0x1122334455667788)
#define SEQ 42

static void
sample(struct buf *b, struct span content)
{
	struct store_meta meta = { .msgid = 9,
		.created_s = 77,
		.sender = span_str("a\n\0b"),
		.envid = span_str("QQ314159") };
	struct store_envelope e = { .rcpt = span_str("x@y"),
		.orcpt = span_str("rfc822;x@y"),
		.now = { .state = STORE_DEFERRED,
		    .attempts = 3,
		    .next_s = 99,
		    .status = span_str("4.0.0\nforged: yes") } };
	struct rec_head h = {
		.tag = TAG, .batch = 5, .msgid = 9, .type = REC_MESSAGE
	};

	buf_init(b, 1 << 16);
	rec_message_begin(b, &meta);
	rec_envelope_put(b, &e);
	rec_envelope_put(b, &e);
	rec_message_finish(b, 2, content.len, false);
	h.len = (uint32_t)(b->len - REC_HEAD + content.len);
	rec_head_put(b->data, &h, SEQ,
	    (struct span){ b->data + REC_HEAD, b->len - REC_HEAD }, content);
	buf_add(b, content.p, content.len);
	ATF_REQUIRE_EQ(0, b->err);
}

ATF_TC_WITHOUT_HEAD(crc_is_castagnoli_with_and_without_the_instruction);
ATF_TC_BODY(crc_is_castagnoli_with_and_without_the_instruction, tc)
{
	unsigned char octets[300];
	size_t i, len;

	ATF_CHECK_EQ(0xe3069283, crc32c(0, "123456789", 9));
	ATF_CHECK_EQ(0xe3069283, crc32c_table(0, "123456789", 9));
	ATF_CHECK_EQ(0xe3069283, crc32c(crc32c(0, "1234", 4), "56789", 5));
	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)(i * 37);
	for (len = 0; len + 3 < sizeof(octets); len++)
		ATF_CHECK_EQ(crc32c_table(7, octets + 3, len),
		    crc32c(7, octets + 3, len));
}

ATF_TC_WITHOUT_HEAD(message_comes_back_as_it_went_in);
ATF_TC_BODY(message_comes_back_as_it_went_in, tc)
{
	struct rec_message m;
	struct store_envelope e;
	struct rec_head h;
	struct span body;
	struct buf b;

	sample(&b, span_str("Subject: x\r\n\r\nbody"));
	ATF_REQUIRE_EQ(0, rec_get(buf_span(&b), TAG, SEQ, &h, &body));
	ATF_CHECK_EQ(REC_MESSAGE, h.type);
	ATF_CHECK_EQ(5, h.batch);
	ATF_REQUIRE_EQ(0, rec_message_get(h.msgid, body, &m));
	ATF_CHECK_EQ(77, m.meta.created_s);
	ATF_CHECK(span_eq(m.meta.envid, span_str("QQ314159")));
	ATF_CHECK_EQ(2, m.env_len);
	ATF_REQUIRE_EQ(0, rec_envelope_get(&m.envelopes, &e));
	ATF_REQUIRE_EQ(0, rec_envelope_get(&m.envelopes, &e));
	ATF_CHECK(rd_done(&m.envelopes));
	ATF_CHECK(span_eq(e.rcpt, span_str("x@y")));
	ATF_CHECK_EQ(STORE_DEFERRED, e.now.state);
	ATF_CHECK(span_eq(e.now.status, span_str("4.0.0\nforged: yes")));
	ATF_CHECK_EQ(18, body.len - m.content_off);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(every_flipped_bit_is_found);
ATF_TC_BODY(every_flipped_bit_is_found, tc)
{
	struct rec_head h;
	struct span body;
	struct buf b;
	size_t i;

	sample(&b, span_str("content"));
	for (i = 0; i < 8 * b.len; i++) {
		b.data[i / 8] ^= (unsigned char)(1 << i % 8);
		ATF_CHECK(rec_get(buf_span(&b), TAG, SEQ, &h, &body) != 0);
		b.data[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	for (i = 0; i < b.len; i++)
		ATF_CHECK(rec_get((struct span){ b.data, i }, TAG, SEQ, &h,
			      &body) != 0);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(record_of_another_life_of_the_segment_is_not_valid);
ATF_TC_BODY(record_of_another_life_of_the_segment_is_not_valid, tc)
{
	struct rec_head h;
	struct span body;
	struct buf b;

	sample(&b, span_str("content"));
	ATF_CHECK_EQ(0, rec_get(buf_span(&b), TAG, SEQ, &h, &body));
	ATF_CHECK(rec_get(buf_span(&b), TAG, SEQ + 1, &h, &body) != 0);
	ATF_CHECK(rec_get(buf_span(&b), TAG + 1, SEQ, &h, &body) != 0);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(truncated_and_lying_bodies_are_refused);
ATF_TC_BODY(truncated_and_lying_bodies_are_refused, tc)
{
	struct rec_message m;
	struct store_outcome o = { .state = STORE_HELD };
	struct span body;
	struct buf b;
	uint32_t idx;
	size_t i;

	sample(&b, span_str("content"));
	body = (struct span){ b.data + REC_HEAD, b.len - REC_HEAD };
	ATF_REQUIRE_EQ(0, rec_message_get(9, body, &m));
	for (i = 0; i < body.len; i++)
		ATF_CHECK_EQ(-E_CORRUPT,
		    rec_message_get(9, (struct span){ body.p, i }, &m));
	/* no envelopes, and more of them than there may be */
	memset(b.data + REC_HEAD + 4, 0, 4);
	ATF_CHECK_EQ(-E_CORRUPT, rec_message_get(9, body, &m));
	memset(b.data + REC_HEAD + 4, 0xff, 4);
	ATF_CHECK_EQ(-E_CORRUPT, rec_message_get(9, body, &m));
	buf_reset(&b);
	rec_outcome_put(&b, 4, &o);
	body = (struct span){ b.data + REC_HEAD, b.len - REC_HEAD };
	ATF_CHECK_EQ(0, rec_outcome_get(body, &idx, &o));
	ATF_CHECK_EQ(4, idx);
	b.data[REC_HEAD + 4] = STORE__MAX;
	ATF_CHECK_EQ(-E_CORRUPT, rec_outcome_get(body, &idx, &o));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(strings_over_their_limit_are_refused);
ATF_TC_BODY(strings_over_their_limit_are_refused, tc)
{
	static unsigned char octets[STORE_PATH_MAX + 1];
	struct store_envelope e = { .rcpt = { octets, sizeof(octets) } };
	struct buf b;

	buf_init(&b, 1 << 16);
	ATF_CHECK_EQ(-E_TOOLONG, rec_envelope_put(&b, &e));
	buf_reset(&b);
	e.rcpt.len--;
	ATF_CHECK_EQ(0, rec_envelope_put(&b, &e));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(segment_header_survives_and_shows_each_flipped_bit);
ATF_TC_BODY(segment_header_survives_and_shows_each_flipped_bit, tc)
{
	struct seg_head h = { 1, 2, 3, 4, 5, 512, 7, 65536 }, got;
	unsigned char sector[REC_SECTOR];
	struct span s = { sector, sizeof(sector) };
	size_t i;

	seg_head_put(sector, &h);
	ATF_REQUIRE_EQ(0, seg_head_get(s, &got));
	ATF_CHECK_EQ(2, got.seq);
	ATF_CHECK_EQ(512, got.prev_cut);
	ATF_CHECK_EQ(65536, got.size);
	for (i = 0; i < 8 * 76; i++) {
		sector[i / 8] ^= (unsigned char)(1 << i % 8);
		ATF_CHECK_EQ(-E_CORRUPT, seg_head_get(s, &got));
		sector[i / 8] ^= (unsigned char)(1 << i % 8);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, crc_is_castagnoli_with_and_without_the_instruction);
	ATF_TP_ADD_TC(tp, message_comes_back_as_it_went_in);
	ATF_TP_ADD_TC(tp, every_flipped_bit_is_found);
	ATF_TP_ADD_TC(tp, record_of_another_life_of_the_segment_is_not_valid);
	ATF_TP_ADD_TC(tp, truncated_and_lying_bodies_are_refused);
	ATF_TP_ADD_TC(tp, strings_over_their_limit_are_refused);
	ATF_TP_ADD_TC(tp, segment_header_survives_and_shows_each_flipped_bit);
	return atf_no_error();
}
