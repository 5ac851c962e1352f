/* SPDX-License-Identifier: ISC
 *
 * 8-bit messages as 7-bit ones: what becomes of each, and that it does not
 * depend on how the content is cut.  Classes: (a), (f).
 */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/downgrade.h"
#include "delivery/relay/transfer.h"

#define OUT_MAX (16 * 1024 * 1024)

static struct span
piece(struct span s, size_t from, size_t to)
{
	return (struct span){ s.p + from, to - from };
}

/* Look at it, in two pieces or octet by octet. */
static struct downgrade *
look(struct span in, size_t cut)
{
	struct downgrade *d = downgrade_new();
	size_t i;

	ATF_REQUIRE(d != NULL);
	if (cut > in.len) {
		for (i = 0; i < in.len; i++)
			ATF_REQUIRE_EQ(
			    0, downgrade_look(d, piece(in, i, i + 1)));
	} else {
		ATF_REQUIRE_EQ(0, downgrade_look(d, piece(in, 0, cut)));
		ATF_REQUIRE_EQ(0, downgrade_look(d, piece(in, cut, in.len)));
	}
	ATF_REQUIRE_EQ(0, downgrade_seen(d));
	return d;
}

/* Convert it, cut in the same way. */
static void
convert(struct downgrade *d, struct span in, size_t cut, struct buf *out)
{
	size_t i;

	downgrade_begin(d);
	if (cut > in.len) {
		for (i = 0; i < in.len; i++)
			ATF_REQUIRE_EQ(
			    0, downgrade_add(d, piece(in, i, i + 1), out));
	} else {
		ATF_REQUIRE_EQ(0, downgrade_add(d, piece(in, 0, cut), out));
		ATF_REQUIRE_EQ(
		    0, downgrade_add(d, piece(in, cut, in.len), out));
	}
	ATF_REQUIRE_EQ(0, downgrade_end(d, out));
}

static void
check_text(struct span want, struct span got)
{
	if (!span_eq(want, got))
		atf_tc_fail_nonfatal("wanted:\n%.*s\ngot:\n%.*s\n",
		    (int)want.len, (const char *)want.p, (int)got.len,
		    (const char *)got.p);
}

/* Whatever way it is cut, this comes of it; twice, as for two transactions. */
static void
becomes(struct span in, struct span want)
{
	struct downgrade *d;
	struct buf out;
	size_t cut, again;

	buf_init(&out, OUT_MAX);
	for (cut = 0; cut <= in.len + 1; cut++) {
		d = look(in, cut);
		ATF_REQUIRE_EQ(DOWNGRADE_POSSIBLE, downgrade_verdict(d));
		for (again = 0; again < 2; again++) {
			buf_reset(&out);
			convert(d, in, cut, &out);
			check_text(want, buf_span(&out));
		}
		ATF_CHECK(downgrade_size(d) >= out.len);
		downgrade_free(d);
	}
	buf_clear(&out);
}

/* Whatever way it is cut, it cannot be converted, or need not be. */
static void
stays(struct span in, enum downgrade_verdict want)
{
	struct downgrade *d;
	size_t cut;

	for (cut = 0; cut <= in.len + 1; cut++) {
		d = look(in, cut);
		if (downgrade_verdict(d) != want)
			atf_tc_fail("%s, not %s, of:\n%.*s",
			    downgrade_text(downgrade_verdict(d)),
			    downgrade_text(want), (int)in.len,
			    (const char *)in.p);
		downgrade_free(d);
	}
}

#define TEXT(s)           ((struct span){ (const unsigned char *)(s), sizeof(s) - 1 })
#define BECOMES(in, want) becomes(TEXT(in), TEXT(want))
#define STAYS(in, want)   stays(TEXT(in), want)
#define MIME              "MIME-Version: 1.0\n"
#define TYPE(t)           "Content-Type: " t "\n"
#define ENCODING(e)       "Content-Transfer-Encoding: " e "\n"
#define QP                ENCODING("quoted-printable")
#define MULTIPART(t, b)   TYPE("multipart/" t "; boundary=" b)

ATF_TC_WITHOUT_HEAD(text_becomes_quoted_printable);
ATF_TC_BODY(text_becomes_quoted_printable, tc)
{
	BECOMES("From: a\n" MIME TYPE("text/plain; charset=utf-8")
		    ENCODING("8bit") "Subject: x\n\nGr\xc3\xbc\xc3\x9f=e\n",
	    "From: a\n" MIME TYPE(
		"text/plain; charset=utf-8") "Subject: x\n" QP
					     "\nGr=C3=BC=C3=9F=3De\n");
	/* 8-bit octets under another name are no less */
	BECOMES(MIME TYPE("text/html") ENCODING("7bit") "\n\xe9\n",
	    MIME TYPE("text/html") QP "\n=E9\n");
	BECOMES(MIME TYPE("text/html") "\n\xe9\n",
	    MIME TYPE("text/html") QP "\n=E9\n");
	/* the fields as they may be written, too */
	BECOMES("mime-version: 1.0\ncontent-TYPE:\n (a(b)\\)c) TEXT/plain\n"
		"Content-transfer-encoding : 8BIT (x)\n\n\xe9\n",
	    "mime-version: 1.0\ncontent-TYPE:\n (a(b)\\)c) TEXT/plain\n" QP
	    "\n=E9\n");
	BECOMES(MIME TYPE("text") "\n\xe9\n", MIME TYPE("text") QP "\n=E9\n");
}

ATF_TC_WITHOUT_HEAD(what_is_no_text_becomes_base64);
ATF_TC_BODY(what_is_no_text_becomes_base64, tc)
{
	BECOMES(MIME TYPE("image/x") ENCODING("8bit") "\n\xff\nb\n",
	    MIME TYPE("image/x") ENCODING("base64") "\n/w0KYg0K\n");
	BECOMES(MIME TYPE("text/plain") ENCODING("binary") "\n\xff\nb\n",
	    MIME TYPE("text/plain") ENCODING("base64") "\n/w0KYg0K\n");
	/* before a delimiter the last LF is none of its content */
	BECOMES(MIME MULTIPART("mixed", "b") "\n--b\n" TYPE(
		    "image/x") "\n\xff\nb\n--b--\n",
	    MIME MULTIPART("mixed", "b") "\n--b\n" TYPE("image/x")
		ENCODING("base64") "\n/w0KYg==\n--b--\n");
}

/* RFC 1428 3 */
ATF_TC_WITHOUT_HEAD(messages_without_mime_get_it);
ATF_TC_BODY(messages_without_mime_get_it, tc)
{
	BECOMES("Subject: x\n\n\xe9\n",
	    "Subject: x\n" MIME TYPE("text/plain; charset=unknown-8bit") QP
	    "\n=E9\n");
	BECOMES("Subject: x\n" TYPE("text/plain; charset=utf-8") "\n\xc3\xa9\n",
	    "Subject: x\n" TYPE("text/plain; charset=utf-8") MIME QP
	    "\n=C3=A9\n");
	BECOMES(MIME "\n\xe9\n",
	    MIME TYPE("text/plain; charset=unknown-8bit") QP "\n=E9\n");
	/* a header that does not end as it should; none at all */
	BECOMES("Subject: x\nno field \xe9\n",
	    "Subject: x\n" MIME TYPE("text/plain; charset=unknown-8bit") QP
	    "\nno field =E9\n");
	BECOMES("\xe9\n",
	    MIME TYPE("text/plain; charset=unknown-8bit") QP "\n=E9\n");
	BECOMES(
	    "\n\xe9", MIME TYPE("text/plain; charset=unknown-8bit") QP "\n=E9");
}

ATF_TC_WITHOUT_HEAD(parts_keep_their_structure);
ATF_TC_BODY(parts_keep_their_structure, tc)
{
	/* only what has to change does: not the part that is 7-bit, and not
	 * one that is encoded */
	BECOMES(
	    MIME MULTIPART("mixed", "\"a b\"") ENCODING(
		"8bit") "\npre\n"
			"--a b\n" TYPE("text/plain") ENCODING(
			    "8bit") "\n\xe9 \n"
				    "--a b \t\n" TYPE(
					"text/plain") "\n=E9 --a b\n"
						      "--a b\n" TYPE("text/"
								     "plain")
							  ENCODING(
							      "8bit") "\n7-"
								      "bit\n"
								      "--a "
								      "b"
								      "\n" TYPE(
									  "x/y")
									  ENCODING(
									      "base"
									      "64") "\nAAAA\n"
										    "--a b\n\n\xe9\n--a b--\npost\n",
	    MIME MULTIPART("mixed", "\"a b\"")
		ENCODING("7bit") "\npre\n"
				 "--a b\n" TYPE("text/plain") QP
	    "\n=E9=20\n"
	    "--a b \t\n" TYPE(
		"text/plain") "\n=E9 --a b\n"
			      "--a b\n" TYPE("text/plain") ENCODING(
				  "7bit") "\n7-bit\n"
					  "--a b\n" TYPE("x/y") ENCODING(
					      "base64") "\nAAAA\n"
							"--a b\n" TYPE(
							    "text/plain; "
							    "charset=unknown-"
							    "8bit") QP
	    "\n=E9\n--a b--\npost\n");
	/* one within the other, whose boundary is the beginning of its own */
	BECOMES(MIME MULTIPART("mixed", "=_1") "\n--=_1\n" MULTIPART(
		    "alternative", "\"=_12\"") "\n--=_12\n\n\xe9\n"
					       "--=_12--\n--=_1\n\nz\n--=_1--",
	    MIME MULTIPART("mixed", "=_1") "\n--=_1\n" MULTIPART("alternative",
		"\"=_12\"") "\n--=_12\n" TYPE("text/plain; "
					      "charset=unknown-8bit") QP
	    "\n=E9\n"
	    "--=_12--\n--=_1\n\nz\n--=_1--");
	/* parts without a body, and delimiters right after a header */
	BECOMES(MIME MULTIPART("mixed", "b") "--b\nA: b\n--b\n--b\n\n--b\n\n"
					     "\xe9\n--b--\n",
	    MIME MULTIPART("mixed", "b") "\n--b\nA: b\n--b\n--b\n\n--b\n" TYPE(
		"text/plain; charset=unknown-8bit") QP "\n=E9\n--b--\n");
	/* after the last one there are no more */
	BECOMES(MIME MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--b--\n--b\nx\n",
	    MIME MULTIPART("mixed", "b") "\n--b\n" TYPE(
		"text/plain; charset=unknown-8bit") QP
	    "\n=E9\n--b--\n--b\nx\n");
}

ATF_TC_WITHOUT_HEAD(messages_within_are_converted_too);
ATF_TC_BODY(messages_within_are_converted_too, tc)
{
	BECOMES(MIME TYPE("message/rfc822")
		    ENCODING("8bit") "\nSubject: in\n\n\xe9\n",
	    MIME TYPE("message/rfc822")
		ENCODING("7bit") "\nSubject: in\n" MIME TYPE(
		    "text/plain; charset=unknown-8bit") QP "\n=E9\n");
	/* RFC 2046 5.1.5 */
	BECOMES(MIME MULTIPART("digest", "b") "\n--b\n\nSubject: in\n" TYPE(
		    "text/plain") "\n\xe9\n--b\n\nSubject: 7\n\nx\n--b--\n",
	    MIME MULTIPART("digest", "b") "\n--b\n\nSubject: in\n" TYPE(
		"text/plain") MIME QP "\n=E9\n--b\n\nSubject: 7\n\nx\n--b--\n");
	BECOMES(MIME MULTIPART("mixed", "b") "\n--b\n" TYPE(
		    "message/rfc822") "\n--b\n\n\xe9\n--b--\n",
	    MIME MULTIPART("mixed", "b") "\n--b\n" TYPE(
		"message/rfc822") "\n--b\n" TYPE("text/plain; "
						 "charset=unknown-8bit") QP
	    "\n=E9\n--b--\n");
	/* RFC 6532 3.7: these may be encoded, headers and all */
	BECOMES(MIME TYPE("message/global") "\nSubject: \xc3\xa9\n\nx\n",
	    MIME TYPE("message/global") QP "\nSubject: =C3=A9\n\nx\n");
}

ATF_TC_WITHOUT_HEAD(what_is_signed_is_left_alone);
ATF_TC_BODY(what_is_signed_is_left_alone, tc)
{
	STAYS(MIME MULTIPART("signed", "b") "\n--b\n\n\xe9\n--b\n\ns\n--b--\n",
	    DOWNGRADE_SIGNED);
	STAYS(MIME MULTIPART("mixed", "a") "\n--a\n" MULTIPART(
		  "signed", "b") "\n--b\n" MULTIPART("mixed",
		  "c") "\n--c\n" TYPE("image/x") "\n\xe9\n--c--\n--b\n\ns\n--b-"
						 "-\n--a--\n",
	    DOWNGRADE_SIGNED);
	/* beside it there may be what is not */
	BECOMES(MIME MULTIPART("mixed", "a") "\n--a\n" MULTIPART("signed", "b")
		    ENCODING("8bit") "\n--b\n" ENCODING(
			"8bit") "\nx\n--b\n\ns\n"
				"--b--\n--a\n\n\xe9\n--a--\n",
	    MIME MULTIPART("mixed", "a") "\n--a\n" MULTIPART("signed", "b")
		ENCODING("8bit") "\n--b\n" ENCODING(
		    "8bit") "\nx\n--b\n\ns\n"
			    "--b--\n--a\n" TYPE(
				"text/plain; charset=unknown-8bit") QP
	    "\n=E9\n--a--\n");
}

ATF_TC_WITHOUT_HEAD(what_cannot_be_encoded_is_refused);
ATF_TC_BODY(what_cannot_be_encoded_is_refused, tc)
{
	STAYS("Subject: \xe9\n\nx\n", DOWNGRADE_HEADER);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\nA: \xe9\n\nx\n--b--\n",
	    DOWNGRADE_HEADER);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\nA: \xe9\n--b--\n",
	    DOWNGRADE_HEADER);
	STAYS(MIME TYPE("message/rfc822") "\nSubject: \xe9", DOWNGRADE_HEADER);
	STAYS(MIME ENCODING("quoted-printable") "\n\xe9\n", DOWNGRADE_ENCODED);
	STAYS(MIME ENCODING("base64") "\n\xe9\n", DOWNGRADE_ENCODED);
	STAYS(MIME ENCODING("x-mine") "\n\xe9\n", DOWNGRADE_ENCODED);
	STAYS(MIME ENCODING("8bit; x") "\n\xe9\n", DOWNGRADE_ENCODED);
	STAYS(MIME MULTIPART("mixed", "b")
		  ENCODING("base64") "\n--b\n\n\xe9\n--b--\n",
	    DOWNGRADE_ENCODED);
	STAYS(MIME TYPE("message/delivery-status") "\n\xe9\n", DOWNGRADE_TYPE);
	STAYS(MIME TYPE("message/partial; id=x") "\n\xe9\n", DOWNGRADE_TYPE);
	STAYS(MIME MULTIPART("mixed", "b") "\n\xe9\n--b\n\nx\n--b--\n",
	    DOWNGRADE_ASIDE);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n\nx\n--b--\n\xe9\n",
	    DOWNGRADE_ASIDE);
}

ATF_TC_WITHOUT_HEAD(what_can_be_read_in_two_ways_is_refused);
ATF_TC_BODY(what_can_be_read_in_two_ways_is_refused, tc)
{
	static const char *const types[] = { "multipart/mixed",
		"multipart/mixed; boundary=\"\"",
		"multipart/mixed; boundary=\"b",
		"multipart/mixed; boundary=b x",
		"multipart/mixed; boundary=\"b \"",
		"multipart/mixed boundary=b",
		"multipart/mixed; boundary=b; boundary=c",
		"multipart/mixed; boundary*=b", "multipart/mixed; boundary*0=b",
		"multipart/mixed; boundary=b (",
		"multipart/mixed; =x; boundary=b",
		"(multipart/mixed; boundary=b", "multipart/mixed; boundary=b,c",
		"multipart; boundary",
		"multipart/mixed; boundary="
		"12345678901234567890123456789012345"
		"678901234567890123456789012345678901",
		"" };
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(text, sizeof(text), "%s%s%s%s%s", MIME,
		    "Content-Type: ", types[i], "\n\n--b\n\n\xe9\n--b--\n", "");
		stays(span_str(text), DOWNGRADE_STRUCTURE);
	}
	STAYS(MIME TYPE("text/plain")
		  MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--b--\n",
	    DOWNGRADE_STRUCTURE);
	STAYS(MIME ENCODING("8bit") ENCODING("7bit") "\n\xe9\n",
	    DOWNGRADE_STRUCTURE);
	/* an end that is not there */
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n\n\xe9\n",
	    DOWNGRADE_STRUCTURE);
	STAYS(MIME MULTIPART("mixed", "b") "\n\n", DOWNGRADE_NEEDLESS);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n" MULTIPART(
		  "mixed", "c") "\n--c\n\n\xe9\n--b--\n",
	    DOWNGRADE_STRUCTURE);
	/* what some take for a delimiter, and some do not; two at once */
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--bc\n\nx\n--b--\n",
	    DOWNGRADE_STRUCTURE);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--b--x\n--b--\n",
	    DOWNGRADE_STRUCTURE);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n" MULTIPART(
		  "mixed", "b") "\n--b\n\n\xe9\n--b--\n--b--\n",
	    DOWNGRADE_STRUCTURE);
	STAYS(MIME MULTIPART("mixed", "b") "\n--b\n" MULTIPART(
		  "mixed", "b--") "\n--b--\n\n\xe9\n--b----\n--b--\n",
	    DOWNGRADE_STRUCTURE);
}

/* Append n octets. */
static void
repeat(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		buf_put_u8(b, (uint8_t)c);
}

ATF_TC_WITHOUT_HEAD(everything_has_a_bound);
ATF_TC_BODY(everything_has_a_bound, tc)
{
	struct downgrade *d;
	struct buf in;
	size_t i, n;

	buf_init(&in, OUT_MAX);
	/* depth: the innermost message counts */
	for (n = DOWNGRADE_DEPTH_MAX - 1; n <= DOWNGRADE_DEPTH_MAX; n++) {
		buf_reset(&in);
		for (i = 0; i < n; i++)
			buf_add_str(&in, TYPE("message/rfc822") "\n");
		buf_add_str(&in, "\n\xe9\n");
		d = look(buf_span(&in), in.len);
		ATF_CHECK_EQ(n < DOWNGRADE_DEPTH_MAX ? DOWNGRADE_POSSIBLE
						     : DOWNGRADE_STRUCTURE,
		    downgrade_verdict(d));
		downgrade_free(d);
	}
	/* parts: the message is one */
	for (n = DOWNGRADE_PARTS_MAX - 1; n <= DOWNGRADE_PARTS_MAX; n++) {
		buf_reset(&in);
		buf_add_str(&in, MULTIPART("mixed", "b") "\n");
		for (i = 0; i < n; i++)
			buf_add_str(&in, "--b\n\n\xe9\n");
		buf_add_str(&in, "--b--\n");
		d = look(buf_span(&in), in.len);
		ATF_CHECK_EQ(n < DOWNGRADE_PARTS_MAX ? DOWNGRADE_POSSIBLE
						     : DOWNGRADE_STRUCTURE,
		    downgrade_verdict(d));
		downgrade_free(d);
	}
	/* a header, in one line or in many */
	buf_reset(&in);
	buf_add_str(&in, "Subject: ");
	repeat(&in, 'x', 300 * 1024);
	buf_add_str(&in, "\n\n\xe9\n");
	stays(piece(buf_span(&in), 0, 0), DOWNGRADE_NEEDLESS);
	d = look(buf_span(&in), 100);
	ATF_CHECK_EQ(DOWNGRADE_STRUCTURE, downgrade_verdict(d));
	downgrade_free(d);
	buf_reset(&in);
	for (i = 0; i < 50 * 1024; i++)
		buf_add_str(&in, "A: bcd\n");
	buf_add_str(&in, "\n\xe9\n");
	d = look(buf_span(&in), 100);
	ATF_CHECK_EQ(DOWNGRADE_STRUCTURE, downgrade_verdict(d));
	downgrade_free(d);
	/* a delimiter with too many blanks behind it to be told */
	buf_reset(&in);
	buf_add_str(&in, MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--b");
	repeat(&in, ' ', 2000);
	buf_add_str(&in, "\n--b--\n");
	stays(buf_span(&in), DOWNGRADE_STRUCTURE);
	/* and a long line that is none */
	buf_reset(&in);
	buf_add_str(&in, MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--");
	repeat(&in, 'x', 2000);
	buf_add_str(&in, "\n--b--\n");
	stays(buf_span(&in), DOWNGRADE_POSSIBLE);
	buf_clear(&in);
}

/* Encode, in two pieces. */
static void
encode(struct span in, bool base64, size_t cut, struct buf *out)
{
	struct transfer t;

	buf_reset(out);
	transfer_begin(&t, base64);
	transfer_add(&t, piece(in, 0, cut), out);
	transfer_add(&t, piece(in, cut, in.len), out);
	ATF_REQUIRE_EQ(0, transfer_end(&t, true, out));
}

ATF_TC_WITHOUT_HEAD(quoted_printable_survives_the_way);
ATF_TC_BODY(quoted_printable_survives_the_way, tc)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "a b\tc\n", "a b\tc\n" },
		{ "a \nb\t\n \n\n", "a=20\nb=09\n=20\n\n" },
		{ "a ", "a=20" },
		{ ".\n..\na.\n", "=2E\n=2E.\na.\n" },
		{ "From me\nFrom\nFromage\n>From\n From x\n",
		    "From=20me\nFrom\nFromage\n>From\n From x\n" },
		{ "--b\n-- \n-a--\n", "-=2Db\n-=2D=20\n-a--\n" },
		{ "=\x7f\x1f\x01\r\n", "=3D=7F=1F=01=0D\n" },
	};
	struct span in;
	struct buf out;
	size_t i, cut;

	buf_init(&out, OUT_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		in = span_str(rows[i].in);
		for (cut = 0; cut <= in.len; cut++) {
			encode(in, false, cut, &out);
			check_text(span_str(rows[i].out), buf_span(&out));
		}
	}
	buf_clear(&out);
}

ATF_TC_WITHOUT_HEAD(lines_are_short_and_safe_wherever_they_break);
ATF_TC_BODY(lines_are_short_and_safe_wherever_they_break, tc)
{
	static const char *const tails[] = { ".x", "--b", "From x", "\xe9", " ",
		" x", "  ", "=" };
	const unsigned char *p, *lf;
	struct buf in, out;
	size_t i, n, base64;

	buf_init(&in, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (n = 0; n < 2000; n++) {
		buf_reset(&in);
		repeat(&in, 'x', n % 250);
		for (i = 0; i < 100; i++)
			buf_add_str(&in, tails[n / 250]);
		base64 = n % 2;
		encode(buf_span(&in), base64, in.len / 2, &out);
		for (p = out.data; p < out.data + out.len; p = lf + 1) {
			lf = memchr(p, '\n', (size_t)(out.data + out.len - p));
			lf = lf != NULL ? lf : out.data + out.len;
			ATF_REQUIRE(lf - p <= 76);
			ATF_REQUIRE(lf > p && lf[-1] != ' ' && p[0] != '.');
			ATF_REQUIRE(memcmp(p, "--", 2) != 0);
			ATF_REQUIRE(lf - p < 5 || memcmp(p, "From ", 5) != 0);
		}
	}
	buf_clear(&in);
	buf_clear(&out);
}

ATF_TC_WITHOUT_HEAD(long_lines_go_with_the_rest);
ATF_TC_BODY(long_lines_go_with_the_rest, tc)
{
	struct downgrade *d;
	struct buf in, out;

	buf_init(&in, OUT_MAX);
	buf_init(&out, OUT_MAX);
	buf_add_str(&in, MULTIPART("mixed", "b") "\n--b\n\n\xe9\n--b\n\n");
	repeat(&in, 'x', 998);
	buf_add_str(&in, "\n--b\n\n");
	repeat(&in, 'x', 999);
	buf_add_str(&in, "\n--b--\n");
	d = look(buf_span(&in), 10);
	ATF_REQUIRE_EQ(DOWNGRADE_POSSIBLE, downgrade_verdict(d));
	convert(d, buf_span(&in), 10, &out);
	buf_put_u8(&out, '\0');
	ATF_CHECK(strstr((char *)out.data, "\n--b\n\nxxxx") != NULL);
	ATF_CHECK(strstr((char *)out.data,
		      "\n--b\nContent-Type: text/plain; "
		      "charset=unknown-8bit\n" QP "\nxxxx") != NULL);
	downgrade_free(d);
	buf_clear(&in);
	buf_clear(&out);
}

ATF_TC_WITHOUT_HEAD(what_was_seen_is_told);
ATF_TC_BODY(what_was_seen_is_told, tc)
{
	struct downgrade *d;

	d = look(TEXT("DKIM-Signature: x\nSubject: y\n\n\xe9\n"), 5);
	ATF_CHECK(downgrade_has_dkim(d));
	ATF_CHECK(downgrade_ascii_headers(d));
	downgrade_free(d);
	/* one of a message within is that one's own */
	d = look(
	    TEXT(TYPE("message/rfc822") "\nDKIM-Signature: x\n\n\xe9\n"), 5);
	ATF_CHECK(!downgrade_has_dkim(d));
	downgrade_free(d);
	d = look(
	    TEXT(MULTIPART("mixed", "b") "\n--b\nA: \xe9\n\nx\n--b--\n"), 5);
	ATF_CHECK(!downgrade_ascii_headers(d));
	downgrade_free(d);
}

ATF_TC_WITHOUT_HEAD(content_that_has_changed_does_not_go);
ATF_TC_BODY(content_that_has_changed_does_not_go, tc)
{
	struct downgrade *d = look(TEXT("A: b\n\n\xe9\n"), 3);
	struct buf out;

	buf_init(&out, OUT_MAX);
	downgrade_begin(d);
	downgrade_add(d, TEXT("A: \xe9\n\nx\n"), &out);
	ATF_CHECK(downgrade_end(d, &out) != 0);
	downgrade_free(d);
	buf_clear(&out);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, text_becomes_quoted_printable);
	ATF_TP_ADD_TC(tp, what_is_no_text_becomes_base64);
	ATF_TP_ADD_TC(tp, messages_without_mime_get_it);
	ATF_TP_ADD_TC(tp, parts_keep_their_structure);
	ATF_TP_ADD_TC(tp, messages_within_are_converted_too);
	ATF_TP_ADD_TC(tp, what_is_signed_is_left_alone);
	ATF_TP_ADD_TC(tp, what_cannot_be_encoded_is_refused);
	ATF_TP_ADD_TC(tp, what_can_be_read_in_two_ways_is_refused);
	ATF_TP_ADD_TC(tp, everything_has_a_bound);
	ATF_TP_ADD_TC(tp, quoted_printable_survives_the_way);
	ATF_TP_ADD_TC(tp, lines_are_short_and_safe_wherever_they_break);
	ATF_TP_ADD_TC(tp, long_lines_go_with_the_rest);
	ATF_TP_ADD_TC(tp, what_was_seen_is_told);
	ATF_TP_ADD_TC(tp, content_that_has_changed_does_not_go);
	return atf_no_error();
}
