/* SPDX-License-Identifier: ISC
 *
 * The address parser.  Classes: (a) two parsers disagree, (b) data reaches an
 * interpreter, (c) newline forges a record, (f) lengths.
 */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/utf8.h"

#define ALL_FLAGS                                                              \
	(ADDRESS_NULL | ADDRESS_POSTMASTER | ADDRESS_BARE | ADDRESS_UTF8)

/* Parse, format, parse: the same address; and its parts make it again. */
static void
round_trip(const struct mail_address *a, unsigned flags)
{
	struct mail_address again;
	struct buf wire;

	buf_init(&wire, 1024);
	ATF_REQUIRE_EQ(0, address_format(a, &wire));
	ATF_REQUIRE(wire.len <= ADDRESS_MAX);
	for (size_t i = 0; i < wire.len; i++)
		ATF_REQUIRE(wire.data[i] >= ' ' && wire.data[i] != 0x7f);
	ATF_REQUIRE_EQ(0, address_parse(buf_span(&wire), flags, &again));
	ATF_REQUIRE(memcmp(a, &again, sizeof(again)) == 0);
	ATF_REQUIRE_EQ(0,
	    address_make(address_local(a), address_domain(a), flags, &again));
	ATF_REQUIRE(address_eq(a, &again));
	buf_clear(&wire);
}

static const struct {
	const char *in;
	unsigned flags;
	int error;
	const char *local;
	const char *domain;
	const char *rest;
} paths[] = {
	{ "<a@b>", 0, 0, "a", "b", "" },
	{ "<a@b> SIZE=1", 0, 0, "a", "b", " SIZE=1" },
	{ "<a@b>c", 0, 0, "a", "b", "c" },
	{ "<>", ADDRESS_NULL, 0, "", "", "" },
	{ "<>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<> BODY=7BIT", ADDRESS_NULL, 0, "", "", " BODY=7BIT" },
	{ "<PostMaster>", ADDRESS_POSTMASTER, 0, "PostMaster", "", "" },
	{ "<postmaster>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<root>", ADDRESS_POSTMASTER, -E_SYNTAX, NULL, NULL, NULL },
	{ "<root>", ADDRESS_BARE, 0, "root", "", "" },
	{ "<\"\">", ADDRESS_BARE, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"\"@b>", 0, 0, "", "b", "" },
	{ "<\"a b\"@c>", 0, 0, "a b", "c", "" },
	{ "<\"a\\b\"@c>", 0, 0, "ab", "c", "" },
	{ "<\"a>b@c\"@d>", 0, 0, "a>b@c", "d", "" },
	{ "<\"\\\"\\\\\"@d>", 0, 0, "\"\\", "d", "" },
	{ "<@r:a@b>", 0, 0, "a", "b", "" },
	{ "<@r.x,@s:a@b>", 0, 0, "a", "b", "" },
	{ "<@r,s:a@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@r a@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@:a@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@r,:a@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@r:>", ADDRESS_NULL, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@[1.2.3.4]:a@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "a@b", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ " <a@b>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<a@b", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "< a@b>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<a@b >", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<a@>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<@b>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	/* attacks of old (SECURITY 1.1, 1.2) */
	{ "<;touch /tmp/pwn;>", ADDRESS_NULL, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"`touch pwn`\"@x>", 0, 0, "`touch pwn`", "x", "" },
	{ "<${run{/bin/touch${substr{0}{1}{$spool_directory}}tmp/x}}@local>", 0,
	    0, "${run{/bin/touch${substr{0}{1}{$spool_directory}}tmp/x}}",
	    "local", "" },
	{ "<%n%s@local>", 0, 0, "%n%s", "local", "" },
	{ "<$(id)@local>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"x'/**/UNION/**/SELECT/**/1--\"@a>", 0, 0,
	    "x'/**/UNION/**/SELECT/**/1--", "a", "" },
	{ "<\"a\\", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"a\\\"@b>", 0, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"a\r\nb\"@c>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
	{ "<\"a\\\nb\"@c>", ALL_FLAGS, -E_SYNTAX, NULL, NULL, NULL },
};

ATF_TC_WITHOUT_HEAD(path_is_parsed_by_the_table);
ATF_TC_BODY(path_is_parsed_by_the_table, tc)
{
	struct mail_address a;
	size_t used;
	int error;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		used = 0;
		error = address_parse_path(
		    span_str(paths[i].in), paths[i].flags, &a, &used);
		ATF_CHECK_EQ_MSG(
		    paths[i].error, error, "%s: %d", paths[i].in, error);
		if (error != 0 || paths[i].error != 0)
			continue;
		ATF_CHECK_MSG(
		    span_eq(address_local(&a), span_str(paths[i].local)) &&
			span_eq(address_domain(&a), span_str(paths[i].domain)),
		    "%s", paths[i].in);
		ATF_CHECK_STREQ(paths[i].rest, paths[i].in + used);
		round_trip(&a, paths[i].flags);
	}
}

static const struct {
	const char *in;
	int error;
} mailboxes[] = {
	{ "user+tag@example.com", 0 },
	{ "!#$%&'*+-/=?^_`{|}~@example.com", 0 },
	{ "a.b.c@x-y.z9", 0 },
	{ "a@1.2.3.4", 0 },
	{ "a@[1.2.3.4]", 0 },
	{ "a@[IPv6:::1]", 0 },
	{ "a@[ipv6:2001:db8::1]", 0 },
	{ "a@[IPv6:::ffff:1.2.3.4]", 0 },
	{ "\" \"@b", 0 },
	{ "", -E_SYNTAX },
	{ "a", -E_SYNTAX },
	{ ".a@b", -E_SYNTAX },
	{ "a.@b", -E_SYNTAX },
	{ "a..b@c", -E_SYNTAX },
	{ "a b@c", -E_SYNTAX },
	{ "a@b@c", -E_SYNTAX },
	{ "a(x)@b", -E_SYNTAX },
	{ "a@b(x)", -E_SYNTAX },
	{ "a@b.", -E_SYNTAX },
	{ "a@.b", -E_SYNTAX },
	{ "a@b..c", -E_SYNTAX },
	{ "a@-b", -E_SYNTAX },
	{ "a@b-", -E_SYNTAX },
	{ "a@b-.c", -E_SYNTAX },
	{ "a@b_c", -E_SYNTAX },
	{ "\"a\"b@c", -E_SYNTAX },
	{ "a\"b\"@c", -E_SYNTAX },
	{ "\"a\".b@c", -E_SYNTAX },
	{ "a@[1.2.3]", -E_SYNTAX },
	{ "a@[1.2.3.4.5]", -E_SYNTAX },
	{ "a@[1.2.3.256]", -E_SYNTAX },
	{ "a@[1.2.3.4", -E_SYNTAX },
	{ "a@1.2.3.4]", -E_SYNTAX },
	{ "a@[1.2.3.4]x", -E_SYNTAX },
	{ "a@[]", -E_SYNTAX },
	{ "a@[IPv6:]", -E_SYNTAX },
	{ "a@[IPv6:1.2.3.4]", -E_SYNTAX },
	{ "a@[::1]", -E_SYNTAX },
	{ "a@[IPv6:::1%x]", -E_SYNTAX },
	{ "a@[X400:foo]", -E_SYNTAX },
	{ "<a@b>", -E_SYNTAX },
	{ "-a@b", 0 },
};

ATF_TC_WITHOUT_HEAD(mailbox_is_parsed_by_the_table);
ATF_TC_BODY(mailbox_is_parsed_by_the_table, tc)
{
	struct mail_address a;

	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		int error = address_parse(span_str(mailboxes[i].in), 0, &a);

		ATF_CHECK_EQ_MSG(mailboxes[i].error, error, "%s: %d",
		    mailboxes[i].in, error);
		if (error == 0)
			round_trip(&a, 0);
	}
}

ATF_TC_WITHOUT_HEAD(no_control_character_passes_anywhere);
ATF_TC_BODY(no_control_character_passes_anywhere, tc)
{
	static const char forms[][12] = { "<a?b@c.d>", "<\"a?b\"@cd>",
		"<\"a\\?\"@c.d>", "<ab@c?d.ef>", "<ab@c.d?>", "<ab@cd>?",
		"<@r?:a@b.c>" };
	struct mail_address a;
	unsigned char text[12];
	size_t used;
	int error;

	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		size_t len = strlen(forms[f]);

		/* with a letter there it is a path */
		memcpy(text, forms[f], len);
		*(unsigned char *)memchr(text, '?', len) = 'x';
		ATF_CHECK_EQ_MSG(0,
		    address_parse_path(
			(struct span){ text, len }, ALL_FLAGS, &a, &used),
		    "%s", forms[f]);
		for (unsigned c = 0; c < 256; c++) {
			if (c >= ' ' && c != 0x7f && c < 0x80)
				continue;
			memcpy(text, forms[f], len);
			*(unsigned char *)memchr(text, '?', len) =
			    (unsigned char)c;
			error = address_parse_path(
			    (struct span){ text, len }, ALL_FLAGS, &a, &used);
			ATF_CHECK_MSG(error == -E_SYNTAX || used < len,
			    "%s with %02x", forms[f], c);
		}
	}
}

/* local@domain of these lengths; domain is labels of up to 63. */
static int
sized(size_t local, size_t domain, bool quoted)
{
	static unsigned char text[1024];
	struct mail_address a;
	size_t n, i;

	memset(text, 'a', sizeof(text));
	if (quoted)
		text[0] = text[local - 1] = '"';
	text[local] = '@';
	n = local + 1 + domain;
	for (i = local + 1 + 63; i < n; i += 64)
		text[i] = '.';
	return address_parse((struct span){ text, n }, 0, &a);
}

ATF_TC_WITHOUT_HEAD(length_limits_hold_to_the_octet);
ATF_TC_BODY(length_limits_hold_to_the_octet, tc)
{
	ATF_CHECK_EQ(0, sized(64, 63, false));
	ATF_CHECK_EQ(-E_TOOLONG, sized(65, 63, false));
	ATF_CHECK_EQ(0, sized(64, 63, true));
	ATF_CHECK_EQ(-E_TOOLONG, sized(65, 63, true));
	ATF_CHECK_EQ(0, sized(64, 189, false)); /* 254 */
	ATF_CHECK_EQ(-E_TOOLONG, sized(64, 190, false));
	ATF_CHECK_EQ(0, sized(1, 252, false));
	ATF_CHECK_EQ(-E_TOOLONG, sized(1, 253, false));
	ATF_CHECK_EQ(-E_TOOLONG, sized(1, 300, false));
}

ATF_TC_WITHOUT_HEAD(label_has_at_most_63_octets);
ATF_TC_BODY(label_has_at_most_63_octets, tc)
{
	unsigned char text[66];

	memset(text, 'x', sizeof(text));
	ATF_CHECK_EQ(0, domain_parse((struct span){ text, 63 }, 0));
	ATF_CHECK_EQ(-E_TOOLONG, domain_parse((struct span){ text, 64 }, 0));
}

ATF_TC_WITHOUT_HEAD(made_address_is_held_to_its_wire_length);
ATF_TC_BODY(made_address_is_held_to_its_wire_length, tc)
{
	unsigned char text[70];
	struct mail_address a;

	memset(text, '"', sizeof(text));
	ATF_CHECK_EQ(0,
	    address_make((struct span){ text, 31 }, span_str("x"), 0,
		&a)); /* 2 * 31 + 2 = 64 */
	ATF_CHECK_EQ(31, a.local_len);
	ATF_CHECK_EQ(-E_TOOLONG,
	    address_make((struct span){ text, 32 }, span_str("x"), 0, &a));
	ATF_CHECK_EQ(-E_TOOLONG,
	    address_make((struct span){ text, 65 }, span_str("x"), 0, &a));
	ATF_CHECK_EQ(-E_SYNTAX,
	    address_make(span_str("a\nb"), span_str("x"), ALL_FLAGS, &a));
	ATF_CHECK_EQ(-E_SYNTAX,
	    address_make(span_str("a"), span_str("x>"), ALL_FLAGS, &a));
	ATF_CHECK_EQ(0,
	    address_make((struct span){ NULL, 0 }, (struct span){ NULL, 0 },
		ADDRESS_NULL, &a));
	ATF_CHECK(address_is_null(&a));
}

ATF_TC_WITHOUT_HEAD(utf8_needs_its_flag_and_must_be_whole);
ATF_TC_BODY(utf8_needs_its_flag_and_must_be_whole, tc)
{
	static const char *const good[] = { "\xc3\xa9@x", "a@\xc3\xa9.x",
		"\"\xe2\x82\xac \"@x", "\xf0\x9f\x98\x80@\xe4\xbe\x8b.jp" };
	struct mail_address a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct span in = span_str(good[i]);

		ATF_CHECK_EQ(-E_SYNTAX, address_parse(in, 0, &a));
		ATF_CHECK_EQ(0, address_parse(in, ADDRESS_UTF8, &a));
		ATF_CHECK(address_is_utf8(&a));
		round_trip(&a, ADDRESS_UTF8);
		for (size_t n = 0; n < in.len; n++) {
			int error = address_parse(
			    (struct span){ in.p, n }, ADDRESS_UTF8, &a);

			/* never a torn sequence inside */
			ATF_CHECK(error != 0 ||
			    (utf8_valid(address_local(&a)) &&
				utf8_valid(address_domain(&a))));
		}
	}
}

ATF_TC_WITHOUT_HEAD(utf8_that_hides_something_is_refused);
ATF_TC_BODY(utf8_that_hides_something_is_refused, tc)
{
	static const char *const bad[] = { "\xc0\x80@x", "\xed\xa0\x80@x",
		"\xf4\x90\x80\x80@x", "\xff@x", "\xc2\x85@x", "\xe2\x80\xa8@x",
		"\"\xe2\x80\xa9\"@x", "\"\\\xc3\xa9\"@x", "a@x\xe3\x80\x82y",
		"a@x\xef\xbc\x8ey", "a@x\xc2\xa0y", "a@-\xc3\xa9",
		"a@\xc3\xa9-.x", "a@\xe2\x80\xaex", "a@x\xef\xbd\xa1y" };
	struct mail_address a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(-E_SYNTAX,
		    address_parse(span_str(bad[i]), ADDRESS_UTF8, &a),
		    "row %zu", i);
}

ATF_TC_WITHOUT_HEAD(format_quotes_only_what_needs_it);
ATF_TC_BODY(format_quotes_only_what_needs_it, tc)
{
	static const char *const rows[][2] = { { "\"a\"@b", "a@b" },
		{ "\"a.b\"@c", "a.b@c" }, { "\".a\"@b", "\".a\"@b" },
		{ "\"a..b\"@c", "\"a..b\"@c" }, { "\"\\a \"@b", "\"a \"@b" },
		{ "\"\"@b", "\"\"@b" }, { "\"a\\\\\"@b", "\"a\\\\\"@b" } };
	struct mail_address a;
	struct buf b;

	buf_init(&b, 1024);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		ATF_CHECK_EQ(0, address_parse(span_str(rows[i][0]), 0, &a));
		ATF_CHECK_EQ(0, address_format(&a, &b));
		ATF_CHECK_MSG(span_eq(buf_span(&b), span_str(rows[i][1])), "%s",
		    rows[i][0]);
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(domains_compare_without_case_and_local_parts_with_it);
ATF_TC_BODY(domains_compare_without_case_and_local_parts_with_it, tc)
{
	struct mail_address a, b;

	address_parse(span_str("a@Example.COM"), 0, &a);
	address_parse(span_str("\"a\"@eXample.com"), 0, &b);
	ATF_CHECK(address_eq(&a, &b));
	address_parse(span_str("A@example.com"), 0, &b);
	ATF_CHECK(!address_eq(&a, &b));
	address_parse(span_str("a"), ADDRESS_BARE, &b);
	ATF_CHECK(!address_eq(&a, &b));
}

ATF_TC_WITHOUT_HEAD(helo_takes_a_domain_or_a_literal);
ATF_TC_BODY(helo_takes_a_domain_or_a_literal, tc)
{
	static const char *const good[] = { "a", "mx.example.com",
		"[127.0.0.1]", "[IPv6:::1]", "xn--bcher-kva.example" };
	static const char *const bad[] = { "", "[IPv6:::1%x]", "[127.0.0.1.5]",
		"[127.0.0.1", "a b", "a..b", "a\nb", "\xc3\xa9", "a/b", "<x>",
		"[]", "[", "a:25" };
	unsigned char big[2000];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ATF_CHECK_EQ_MSG(
		    0, helo_parse(span_str(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(
		    -E_SYNTAX, helo_parse(span_str(bad[i])), "%s", bad[i]);
	memset(big, '1', sizeof(big));
	ATF_CHECK(helo_parse((struct span){ big, sizeof(big) }) != 0);
	big[0] = '[';
	big[sizeof(big) - 1] = ']';
	ATF_CHECK(helo_parse((struct span){ big, sizeof(big) }) != 0);
}

ATF_TC_WITHOUT_HEAD(error_leaves_the_result_alone);
ATF_TC_BODY(error_leaves_the_result_alone, tc)
{
	struct mail_address a = { .local_len = 3 }, before = a;
	size_t used = 77;

	ATF_CHECK(address_parse_path(span_str("<ab@c.>"), 0, &a, &used) != 0);
	ATF_CHECK(address_parse(span_str("ab@c d"), 0, &a) != 0);
	ATF_CHECK_EQ(77, used);
	ATF_CHECK(memcmp(&a, &before, sizeof(a)) == 0);
}

/* Vectors of the isemail project, read where they are.  A small reader of
 * just the XML that is in them. */
#define ISEMAIL "address/isemail/test/tests.xml"

static char *
vectors_read(const char *name)
{
	const char *dir = getenv("BULKHEAD_SRC");
	char path[1024], *text;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/../shared/vectors/%s",
	    dir != NULL ? dir : ".", name);
	if ((f = fopen(path, "r")) == NULL)
		return NULL;
	text = calloc(1, 1 << 20);
	n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	ATF_REQUIRE(n > 0);
	return text;
}

/* The text of an element within s, or NULL; cuts it out of s. */
static char *
xml_text(char *s, const char *open, const char *close)
{
	char *start = strstr(s, open), *end;

	if (start == NULL)
		return NULL;
	start += strlen(open);
	if ((end = strstr(start, close)) == NULL)
		return NULL;
	*end = '\0';
	return start;
}

/* Undo entities; U+2400 and up stand for the control characters. */
static size_t
xml_decode(const char *s, unsigned char *out)
{
	static const struct {
		const char *name;
		unsigned char c;
	} names[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };
	size_t n = 0, i;
	uint32_t point;
	char *end;

	while (*s != '\0') {
		for (i = 0; i < 5; i++) {
			if (strncmp(s, names[i].name, strlen(names[i].name)) ==
			    0)
				break;
		}
		if (i < 5) {
			out[n++] = names[i].c;
			s += strlen(names[i].name);
		} else if (strncmp(s, "&#x", 3) == 0) {
			point = (uint32_t)strtoul(s + 3, &end, 16);
			if (point >= 0x2400 && point < 0x2480)
				point -= 0x2400;
			n += utf8_encode(point, out + n);
			s = end + 1;
		} else {
			out[n++] = (unsigned char)*s++;
		}
	}
	return n;
}

ATF_TC(isemail_vectors_agree);
ATF_TC_HEAD(isemail_vectors_agree, tc)
{
	atf_tc_set_md_var(tc, "descr", "RFC 5321 verdicts of isemail");
}
ATF_TC_BODY(isemail_vectors_agree, tc)
{
	char *text = vectors_read(ISEMAIL), *next, *block, *category, *s;
	unsigned char in[4096];
	struct mail_address a;
	size_t len, tests = 0;
	bool want;
	int error;

	if (text == NULL)
		atf_tc_skip("the vectors are not here");
	for (block = strstr(text, "<test id="); block != NULL; block = next) {
		next = strstr(block + 1, "<test id=");
		if (next != NULL)
			next[-1] = '\0';
		category = strstr(block, "<category>");
		s = xml_text(block, "<address>", "</address>");
		len = s == NULL ? 0 : xml_decode(s, in);
		/* one group as "::" is not in RFC 5321's grammar, but RFC
		 * 4291 2.2 has it and inet_pton(3) takes it: so do we */
		if (strstr(category, "IPV6DEPRECATED") != NULL)
			continue;
		want = strncmp(category, "<category>ISEMAIL_VALID", 23) == 0 ||
		    strncmp(category, "<category>ISEMAIL_RFC5321", 25) == 0 ||
		    strncmp(category, "<category>ISEMAIL_DNSWARN", 25) == 0;
		error = address_parse((struct span){ in, len }, 0, &a);
		ATF_CHECK_MSG(want == (error == 0), "%.*s: %d, %.40s", (int)len,
		    (const char *)in, error, category + 10);
		tests++;
	}
	ATF_CHECK(tests > 100);
	free(text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, path_is_parsed_by_the_table);
	ATF_TP_ADD_TC(tp, mailbox_is_parsed_by_the_table);
	ATF_TP_ADD_TC(tp, no_control_character_passes_anywhere);
	ATF_TP_ADD_TC(tp, length_limits_hold_to_the_octet);
	ATF_TP_ADD_TC(tp, label_has_at_most_63_octets);
	ATF_TP_ADD_TC(tp, made_address_is_held_to_its_wire_length);
	ATF_TP_ADD_TC(tp, utf8_needs_its_flag_and_must_be_whole);
	ATF_TP_ADD_TC(tp, utf8_that_hides_something_is_refused);
	ATF_TP_ADD_TC(tp, format_quotes_only_what_needs_it);
	ATF_TP_ADD_TC(tp, domains_compare_without_case_and_local_parts_with_it);
	ATF_TP_ADD_TC(tp, helo_takes_a_domain_or_a_literal);
	ATF_TP_ADD_TC(tp, error_leaves_the_result_alone);
	ATF_TP_ADD_TC(tp, isemail_vectors_agree);
	return atf_no_error();
}
