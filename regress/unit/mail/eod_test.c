/* SPDX-License-Identifier: ISC
 *
 * The end of data: rules L2, L3, L5.  Classes: (a) two parsers disagree, (c)
 * newline forges a record.
 */
#include <atf-c.h>
#include <stdbool.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/eod.h"

/* What follows a stray octet or an X that is no end of data. */
#define SMUGGLED                                                               \
	"MAIL FROM:<s@x>\r\nRCPT TO:<v@local>\r\nDATA\r\nsmuggled\r\n.\r\n"

struct outcome {
	enum eod_status status;
	unsigned faults;
	uint64_t size;
	size_t used;
	struct buf out;
};

/* Feed in up to its end; pieces end at cut and then every step octets. */
static void
run(struct span in, size_t cut, size_t step, size_t line_max, uint64_t size_max,
    struct outcome *o)
{
	struct eod e;
	size_t n, used;

	eod_init(&e, line_max, size_max);
	buf_reset(&o->out);
	o->used = 0;
	o->status = EOD_MORE;
	n = cut;
	while (o->status == EOD_MORE && o->used < in.len) {
		if (n > in.len - o->used)
			n = in.len - o->used;
		o->status = eod_feed(
		    &e, (struct span){ in.p + o->used, n }, &used, &o->out);
		if (o->status == EOD_MORE)
			ATF_REQUIRE_EQ(n, used);
		o->used += used;
		n = step;
	}
	o->faults = e.faults;
	o->size = e.size;
}

/* Whole, cut in two at every octet, octet by octet: always the same. */
static void
run_all(struct span in, size_t line_max, uint64_t size_max, struct outcome *o)
{
	struct outcome again;
	size_t cut;

	buf_init(&o->out, 1 << 20);
	buf_init(&again.out, 1 << 20);
	run(in, in.len, in.len, line_max, size_max, o);
	for (cut = 0; cut <= in.len; cut++) {
		run(in, cut, cut == 0 ? 1 : in.len, line_max, size_max, &again);
		ATF_CHECK_EQ(o->status, again.status);
		ATF_CHECK_EQ(o->faults, again.faults);
		ATF_CHECK_EQ(o->size, again.size);
		ATF_CHECK_EQ(o->used, again.used);
		if (o->faults == 0)
			ATF_CHECK(
			    span_eq(buf_span(&o->out), buf_span(&again.out)));
	}
	buf_clear(&again.out);
}

static const struct {
	const char *x;
	size_t len;
	unsigned faults;
	bool ends; /* X itself has the end of data */
} matrix[] = {
#define X(text, faults, ends)                                                  \
	{                                                                      \
		text, sizeof(text) - 1, faults, ends                           \
	}
	X("\n.\n", EOD_BARE_LF, false),
	X("\n.\r\n", EOD_BARE_LF, false),
	X("\r.\r", EOD_BARE_CR, false),
	X("\r\n.\n", EOD_BARE_LF, false),
	X("\r\n.\r", EOD_BARE_CR, false),
	X("\r.\r\n", EOD_BARE_CR, false),
	X("\n.\r", EOD_BARE_LF | EOD_BARE_CR, false),
	X("\r\r\n.\r\n", EOD_BARE_CR, true),
	X("\r\n.\r\r\n", EOD_BARE_CR, false),
	X("\r\n.\0\r\n", EOD_NUL, false),
	X("\r\n\0.\r\n", EOD_NUL, false),
	X("\r\n.\0junk\r\n", EOD_NUL, false),
	X("\r\n. \r\n", 0, false),
	X("\r\n.\t\r\n", 0, false),
	X("\r\n..\r\n", 0, false),
	X("\xe2\x80\xa8.\xe2\x80\xa8", 0, false),
	X("\x85.\x85", 0, false),
	X("\r\n.\r\n", 0, true),
	X("\n\r\n.\r\n", EOD_BARE_LF, true),
#undef X
};

ATF_TC_WITHOUT_HEAD(nothing_but_crlf_dot_crlf_ends_the_message);
ATF_TC_BODY(nothing_but_crlf_dot_crlf_ends_the_message, tc)
{
	unsigned char text[256];
	struct outcome o;
	size_t len;

	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		text[0] = 'a';
		memcpy(text + 1, matrix[i].x, matrix[i].len);
		len = 1 + matrix[i].len;
		memcpy(text + len, SMUGGLED, sizeof(SMUGGLED) - 1);
		run_all((struct span){ text, len + sizeof(SMUGGLED) - 1 }, 998,
		    0, &o);
		ATF_CHECK_EQ(EOD_END, o.status);
		ATF_CHECK_EQ_MSG(
		    matrix[i].faults, o.faults, "row %zu: %x", i, o.faults);
		ATF_CHECK_EQ_MSG(
		    matrix[i].ends ? len : len + sizeof(SMUGGLED) - 1, o.used,
		    "row %zu: %zu", i, o.used);
		buf_clear(&o.out);
	}
}

static void
content_check(const char *wire, const char *want, uint64_t size)
{
	struct outcome o;

	run_all(span_str(wire), 998, 0, &o);
	ATF_CHECK_EQ(EOD_END, o.status);
	ATF_CHECK_EQ(0, o.faults);
	ATF_CHECK_EQ(size, o.size);
	ATF_CHECK_MSG(span_eq(buf_span(&o.out), span_str(want)), "%s: %.*s",
	    wire, (int)o.out.len, (const char *)o.out.data);
	buf_clear(&o.out);
}

ATF_TC_WITHOUT_HEAD(content_is_unstuffed_and_its_lines_end_in_lf);
ATF_TC_BODY(content_is_unstuffed_and_its_lines_end_in_lf, tc)
{
	content_check(".\r\n", "", 0);
	content_check("a\r\n.\r\n", "a\n", 3);
	content_check("\r\n.\r\n", "\n", 2);
	content_check("..\r\n.\r\n", ".\n", 3);
	content_check("...\r\n.\r\n", "..\n", 4);
	content_check(".a\r\n.\r\n", "a\n", 3);
	content_check("a.\r\n.\r\n", "a.\n", 4);
	content_check("a\r\n. \r\n.\t\r\n.\r\n", "a\n \n\t\n", 9);
	content_check("S: x\r\n\r\nb\r\n..\r\n\r\n.\r\n", "S: x\n\nb\n.\n\n",
	    6 + 2 + 3 + 3 + 2);
	content_check("\xff\x80\r\n.\r\nRSET\r\n", "\xff\x80\n", 4);
}

ATF_TC_WITHOUT_HEAD(line_over_the_limit_is_refused_whatever_its_end);
ATF_TC_BODY(line_over_the_limit_is_refused_whatever_its_end, tc)
{
	char text[64];
	struct outcome o;

	for (size_t n = 18; n <= 22; n++) {
		memset(text, 'a', n);
		memcpy(text + n, "\r\n.\r\n", 6);
		run_all(span_str(text), 20, 0, &o);
		ATF_CHECK_EQ(EOD_END, o.status);
		ATF_CHECK_EQ(n > 20 ? EOD_LINE : 0u, o.faults);
		ATF_CHECK_EQ(n > 20 ? RP_LINE_TOO_LONG : RP_NONE,
		    eod_verdict(&(struct eod){ .faults = o.faults }));
		buf_clear(&o.out);
	}
	/* a dot after just so many octets starts no line */
	memset(text, 'a', 20);
	memcpy(text + 20, ".\r\nb\r\n.\r\n", 10);
	run_all(span_str(text), 20, 0, &o);
	ATF_CHECK_EQ(29, o.used);
	ATF_CHECK_EQ(EOD_LINE, o.faults);
	buf_clear(&o.out);
}

ATF_TC_WITHOUT_HEAD(size_over_the_limit_is_seen_at_the_octet);
ATF_TC_BODY(size_over_the_limit_is_seen_at_the_octet, tc)
{
	struct outcome o;

	run_all(span_str("abc\r\n..\r\n.\r\n"), 0, 8, &o);
	ATF_CHECK_EQ(8, o.size);
	ATF_CHECK_EQ(0, o.faults);
	buf_clear(&o.out);
	run_all(span_str("abc\r\n..\r\n.\r\n"), 0, 7, &o);
	ATF_CHECK_EQ(EOD_SIZE, o.faults);
	ATF_CHECK_EQ(EOD_END, o.status);
	buf_clear(&o.out);
}

ATF_TC_WITHOUT_HEAD(bad_octets_outrank_the_limits);
ATF_TC_BODY(bad_octets_outrank_the_limits, tc)
{
	struct eod e = { .faults = EOD_SIZE | EOD_LINE | EOD_NUL };

	ATF_CHECK_EQ(RP_BAD_CONTENT, eod_verdict(&e));
	e.faults = EOD_SIZE | EOD_LINE;
	ATF_CHECK_EQ(RP_TOO_BIG, eod_verdict(&e));
}

ATF_TC_WITHOUT_HEAD(full_buffer_shows_and_the_end_is_still_found);
ATF_TC_BODY(full_buffer_shows_and_the_end_is_still_found, tc)
{
	struct outcome o;

	buf_init(&o.out, 4);
	run(span_str("abcdefgh\r\n.\r\nQUIT"), 99, 99, 998, 0, &o);
	ATF_CHECK_EQ(EOD_END, o.status);
	ATF_CHECK_EQ(13, o.used);
	ATF_CHECK_EQ(-E_TOOLONG, o.out.err);
	buf_clear(&o.out);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nothing_but_crlf_dot_crlf_ends_the_message);
	ATF_TP_ADD_TC(tp, content_is_unstuffed_and_its_lines_end_in_lf);
	ATF_TP_ADD_TC(tp, line_over_the_limit_is_refused_whatever_its_end);
	ATF_TP_ADD_TC(tp, size_over_the_limit_is_seen_at_the_octet);
	ATF_TP_ADD_TC(tp, bad_octets_outrank_the_limits);
	ATF_TP_ADD_TC(tp, full_buffer_shows_and_the_end_is_still_found);
	return atf_no_error();
}
