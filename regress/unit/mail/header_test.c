/* SPDX-License-Identifier: ISC
 *
 * Headers and their address lists.  Classes: (a) two parsers disagree, (f)
 * lengths.
 */
#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/header.h"

static const struct {
	const char *text;
	size_t fields, received, octets;
	const char *body;
} headers[] = {
	{ "", 0, 0, 0, "" },
	{ "\nbody", 0, 0, 0, "body" },
	{ "A: b\n", 1, 0, 5, "" },
	{ "A: b\n\nbody\n", 1, 0, 5, "body\n" },
	{ "A: b\n c\n\td\nB:\n\n", 2, 0, 14, "" },
	{ "Received: x\nRECEIVED : y\nReceivedX: z\n\n", 3, 2, 38, "" },
	{ "A: b\nno field\nC: d\n", 1, 0, 5, "no field\nC: d\n" },
	{ "A: b\nnofield\n\n", 1, 0, 5, "nofield\n\n" },
	{ "From x Mon\nA: b\n", 0, 0, 0, "From x Mon\nA: b\n" },
	{ " a: b\n", 0, 0, 0, " a: b\n" },
	{ ": b\n", 0, 0, 0, ": b\n" },
	{ "A: b\nRec\xff: x\n", 1, 0, 5, "Rec\xff: x\n" },
};

ATF_TC_WITHOUT_HEAD(scan_and_iteration_agree_at_every_split);
ATF_TC_BODY(scan_and_iteration_agree_at_every_split, tc)
{
	struct header_field field;
	struct header_scan h;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct span all = span_str(headers[i].text), rest = all;
		size_t fields = 0, received = 0, octets = 0;

		while (header_next(&rest, &field)) {
			fields++;
			received += header_is(&field, "received");
			octets += field.whole.len;
		}
		ATF_CHECK_EQ_MSG(headers[i].fields, fields, "row %zu", i);
		ATF_CHECK_EQ_MSG(headers[i].received, received, "row %zu", i);
		ATF_CHECK_EQ_MSG(headers[i].octets, octets, "row %zu", i);
		ATF_CHECK_MSG(span_eq(rest, span_str(headers[i].body)),
		    "row %zu: %.*s", i, (int)rest.len, rest.p);
		for (size_t cut = 0; cut <= all.len; cut++) {
			header_scan_init(&h);
			header_scan_feed(&h, (struct span){ all.p, cut });
			header_scan_feed(
			    &h, (struct span){ all.p + cut, all.len - cut });
			ATF_CHECK_EQ_MSG(fields, h.fields, "row %zu", i);
			ATF_CHECK_EQ_MSG(received, h.received, "row %zu", i);
			ATF_CHECK_EQ_MSG(octets, h.octets, "row %zu", i);
		}
	}
}

ATF_TC_WITHOUT_HEAD(verdict_comes_with_one_over_each_limit);
ATF_TC_BODY(verdict_comes_with_one_over_each_limit, tc)
{
	struct header_scan h;
	char *big = malloc(HEADER_OCTETS_MAX);

	header_scan_init(&h);
	for (int i = 0; i < HEADER_RECEIVED_MAX; i++)
		header_scan_feed(&h, span_str("Received: a\n"));
	ATF_CHECK_EQ(RP_NONE, header_scan_verdict(&h));
	header_scan_feed(&h, span_str("Received:"));
	ATF_CHECK_EQ(RP_LOOP, header_scan_verdict(&h));
	header_scan_init(&h);
	for (int i = 0; i < HEADER_FIELDS_MAX; i++)
		header_scan_feed(&h, span_str("A:\n"));
	ATF_CHECK_EQ(RP_NONE, header_scan_verdict(&h));
	header_scan_feed(&h, span_str("A:\n"));
	ATF_CHECK_EQ(RP_HEADER_TOO_BIG, header_scan_verdict(&h));
	header_scan_init(&h);
	memset(big, 'a', HEADER_OCTETS_MAX);
	header_scan_feed(&h, span_str("A:"));
	header_scan_feed(
	    &h, (struct span){ (unsigned char *)big, HEADER_OCTETS_MAX - 2 });
	ATF_CHECK_EQ(RP_NONE, header_scan_verdict(&h));
	header_scan_feed(&h, span_str("\n"));
	ATF_CHECK_EQ(RP_HEADER_TOO_BIG, header_scan_verdict(&h));
	free(big);
}

ATF_TC_WITHOUT_HEAD(field_is_found_and_unfolded);
ATF_TC_BODY(field_is_found_and_unfolded, tc)
{
	struct span message = span_str("To: a\nSUBJECT:  one\n two\n\tthree "
				       "\nSubject: no\n\nsubject: b\n");
	struct header_field field;
	struct buf b;

	buf_init(&b, 100);
	ATF_REQUIRE(header_find(message, "Subject", &field));
	ATF_CHECK_EQ(0, header_unfold(field.value, &b));
	ATF_CHECK(span_eq(buf_span(&b), span_str("one two\tthree")));
	ATF_CHECK(!header_find(message, "Cc", &field));
	buf_clear(&b);
}

static const struct {
	const char *in;
	const char *want; /* addresses, each with ';', then '!' for an error */
} lists[] = {
	{ "", "" },
	{ " \n ", "" },
	{ " a@b", "a@b;" },
	{ "a@b, c@d", "a@b;c@d;" },
	{ "a@b,,\n c@d,", "a@b;c@d;" },
	{ "A B <a@b>", "a@b;" },
	{ "\"A, B\" <a@b>, c@d", "a@b;c@d;" },
	{ "John Q. Public <a@b>", "a@b;" },
	{ "\xc3\xa9 <a@b>", "a@b;" },
	{ "a@b (c (d) \\) e), (x) c@d (y)", "a@b;c@d;" },
	{ "a @ b . c", "a@b.c;" },
	{ "<a@b> (x)", "a@b;" },
	{ "< a @ b >", "a@b;" },
	{ "<@r, @s: a@b>", "a@b;" },
	{ "G: a@b, X <c@d>;, e@f", "a@b;c@d;e@f;" },
	{ "undisclosed-recipients:;", "" },
	{ "\"a b\"@c", "\"a b\"@c;" },
	{ "\"a\n b\"@c", "\"a b\"@c;" },
	{ "a@[1.2.3.4]", "a@[1.2.3.4];" },
	{ "root", "root;" },
	{ "a b", "!" },
	{ "a@b c@d", "!" },
	{ "a@b; c@d", "!" },
	{ "a@b, <c@d", "a@b;!" },
	{ "<>", "!" },
	{ "<a@b> x", "!" },
	{ "<a@b><c@d>", "!" },
	{ "<<a@b>>", "!" },
	{ "a@b (x", "!" },
	{ "a@b )", "!" },
	{ "\"a", "!" },
	{ "\"a\\", "!" },
	{ "G: H: a@b;;", "!" },
	{ "G: a@b, ", "a@b;!" },
	{ "a\x01@b", "!" },
	{ "\xff\xfe@b", "!" },
};

static void
list_read(struct span in, struct buf *out)
{
	struct mail_address a;
	struct header_list l;
	int result;

	header_list_init(&l, in);
	while ((result = header_list_next(&l, ADDRESS_BARE, &a)) == 1) {
		address_format(&a, out);
		buf_add_str(out, ";");
	}
	if (result != 0) {
		buf_add_str(out, "!");
		ATF_CHECK(header_list_next(&l, 0, &a) < 0);
	}
}

ATF_TC_WITHOUT_HEAD(list_is_read_by_the_table);
ATF_TC_BODY(list_is_read_by_the_table, tc)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buf_reset(&b);
		list_read(span_str(lists[i].in), &b);
		ATF_CHECK_MSG(span_eq(buf_span(&b), span_str(lists[i].want)),
		    "%s: %.*s", lists[i].in, (int)b.len, (const char *)b.data);
	}
	buf_clear(&b);
}

static void
repeat_check(const char *unit, size_t times, const char *want)
{
	size_t len = strlen(unit);
	unsigned char *text = malloc(len * times);
	struct buf b;

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, unit, len);
	buf_init(&b, 1 << 20);
	list_read((struct span){ text, len * times }, &b);
	if (want != NULL)
		ATF_CHECK(span_eq(buf_span(&b), span_str(want)));
	buf_clear(&b);
	free(text);
}

ATF_TC_WITHOUT_HEAD(hostile_lists_end_in_an_error);
ATF_TC_BODY(hostile_lists_end_in_an_error, tc)
{
	repeat_check("<><><>", 10000, "!");
	repeat_check("<", 10000, "!");
	repeat_check("(", 2000, "!");
	repeat_check("a", 100000, "!");
	repeat_check("\xff", 10000, "!");
	repeat_check(",", 100000, "");
	repeat_check("a:", 10000, "!");
	repeat_check("a@b,", 1000, NULL);
	repeat_check("\\", 10000, "!");
}

ATF_TC_WITHOUT_HEAD(comments_nest_to_their_depth_and_no_deeper);
ATF_TC_BODY(comments_nest_to_their_depth_and_no_deeper, tc)
{
	for (int depth = HEADER_COMMENT_MAX; depth <= HEADER_COMMENT_MAX + 1;
	     depth++) {
		struct buf in, out;

		buf_init(&in, 1000);
		buf_init(&out, 1000);
		for (int i = 0; i < depth; i++)
			buf_add_str(&in, "(");
		for (int i = 0; i < depth; i++)
			buf_add_str(&in, ")");
		buf_add_str(&in, " a@b");
		list_read(buf_span(&in), &out);
		ATF_CHECK(span_eq(buf_span(&out),
		    span_str(depth > HEADER_COMMENT_MAX ? "!" : "a@b;")));
		buf_clear(&in);
		buf_clear(&out);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, scan_and_iteration_agree_at_every_split);
	ATF_TP_ADD_TC(tp, verdict_comes_with_one_over_each_limit);
	ATF_TP_ADD_TC(tp, field_is_found_and_unfolded);
	ATF_TP_ADD_TC(tp, list_is_read_by_the_table);
	ATF_TP_ADD_TC(tp, hostile_lists_end_in_an_error);
	ATF_TP_ADD_TC(tp, comments_nest_to_their_depth_and_no_deeper);
	return atf_no_error();
}
