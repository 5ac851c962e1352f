/* SPDX-License-Identifier: ISC
 *
 * Every string of a few tokens, so that nothing in the grammar is left to the
 * choice of examples: the address parser against a slow recogniser that was
 * written from RFC 5321 4.1.2 alone, and the end-of-data machine against the
 * definition of rule L2.  Classes: (a) two parsers disagree, (f) lengths.
 */
#include <atf-c.h>
#include <stdbool.h>
#include <string.h>

#include "smtpd/mail/address.h"
#include "smtpd/mail/eod.h"

#define TEXT_MAX 31 /* octets: a set of places in a text is 32 bits */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* An alphabet; one of its letters may be several octets. */
struct alphabet {
	const struct span *letters;
	size_t n;
};

#define LETTER(s)                                                              \
	{                                                                      \
		(const unsigned char *)(s), sizeof(s) - 1                      \
	}

/* Call fn with prefix, each string of n letters, and suffix. */
static void
each_of_length(const struct alphabet *ab, size_t n, const char *prefix,
    const char *suffix, void (*fn)(struct span, unsigned), unsigned flags)
{
	size_t odometer[TEXT_MAX] = { 0 };
	unsigned char text[TEXT_MAX];
	size_t i, len;

	for (;;) {
		len = strlen(prefix);
		memcpy(text, prefix, len);
		for (i = 0; i < n; i++) {
			const struct span *l = &ab->letters[odometer[i]];

			memcpy(text + len, l->p, l->len);
			len += l->len;
		}
		memcpy(text + len, suffix, strlen(suffix));
		fn((struct span){ text, len + strlen(suffix) }, flags);
		for (i = 0; i < n && ++odometer[i] == ab->n; i++)
			odometer[i] = 0;
		if (i == n)
			return;
	}
}

static void
each(const struct alphabet *ab, size_t max, const char *prefix,
    const char *suffix, void (*fn)(struct span, unsigned), unsigned flags)
{
	for (size_t n = 0; n <= max; n++)
		each_of_length(ab, n, prefix, suffix, fn, flags);
}

/*
 * The recogniser: each rule maps the set of places where it may begin (bit i:
 * before octet i) to the set of places where it may end, and tries everything.
 */
static struct span text;
static bool utf8;

static uint32_t
one(uint32_t at, bool (*is)(unsigned char))
{
	uint32_t to = 0;

	for (size_t i = 0; i < text.len; i++) {
		if ((at >> i & 1) != 0 && is(text.p[i]))
			to |= UINT32_C(2) << i;
	}
	return to;
}

static uint32_t
octet(uint32_t at, unsigned char c)
{
	uint32_t to = 0;

	for (size_t i = 0; i < text.len; i++) {
		if ((at >> i & 1) != 0 && text.p[i] == c)
			to |= UINT32_C(2) << i;
	}
	return to;
}

/* RFC 6531 3.3: the one character of the alphabets beyond ASCII. */
static uint32_t
wide(uint32_t at)
{
	return utf8 ? octet(octet(at, 0xc3), 0xa9) : 0;
}

static bool
is_atext(unsigned char c)
{
	return c == 'a' || c == '1' || c == '-';
}

static bool
is_let_dig(unsigned char c)
{
	return c == 'a' || c == '1';
}

static bool
is_qtext(unsigned char c)
{
	return c == 32 || c == 33 || (c >= 35 && c <= 91) ||
	    (c >= 93 && c <= 126);
}

static bool
is_printable(unsigned char c)
{
	return c >= 32 && c <= 126;
}

static uint32_t
atom(uint32_t at)
{
	uint32_t to = 0, more;

	for (; (more = (one(at, is_atext) | wide(at)) & ~to) != 0; at = more)
		to |= more;
	return to;
}

static uint32_t
dot_string(uint32_t at)
{
	uint32_t to = atom(at), more = to;

	while ((more = atom(octet(more, '.')) & ~to) != 0)
		to |= more;
	return to;
}

static uint32_t
quoted_string(uint32_t at)
{
	uint32_t in = octet(at, '"'), more = in;

	while ((more = (one(more, is_qtext) | wide(more) |
			   one(octet(more, '\\'), is_printable)) &
		       ~in) != 0)
		in |= more;
	return octet(in, '"');
}

/* sub-domain = Let-dig [Ldh-str] */
static uint32_t
sub_domain(uint32_t at)
{
	uint32_t in = one(at, is_let_dig) | wide(at), to = in, more = in;

	while ((more = (one(more, is_atext) | wide(more)) & ~in) != 0) {
		in |= more;
		/* what a hyphen is the last of ends no label */
		to |= more;
	}
	return to & ~octet(UINT32_MAX, '-');
}

static uint32_t
domain(uint32_t at)
{
	uint32_t to = sub_domain(at), more = to;

	while ((more = sub_domain(octet(more, '.')) & ~to) != 0)
		to |= more;
	return to;
}

/* Of digits the alphabets have 1 alone: no Snum is over 255. */
static uint32_t
address_literal(uint32_t at)
{
	at = octet(at, '[');
	for (unsigned part = 0; part < 4; part++) {
		uint32_t one_digit, two;

		if (part > 0)
			at = octet(at, '.');
		one_digit = octet(at, '1');
		two = octet(one_digit, '1');
		at = one_digit | two | octet(two, '1');
	}
	return octet(at, ']');
}

static uint32_t
mailbox(uint32_t at, unsigned flags)
{
	uint32_t local = dot_string(at) | quoted_string(at);
	uint32_t host = octet(local, '@');
	uint32_t to = domain(host) | address_literal(host);

	if ((flags & ADDRESS_BARE) != 0)
		to |= local & ~octet(octet(at, '"'), '"');
	return to;
}

static uint32_t
path(unsigned flags)
{
	uint32_t begin = octet(1, '<'), to = 0;
	uint32_t route = domain(octet(begin, '@')), more = route;

	while ((more = domain(octet(octet(more, ','), '@')) & ~route) != 0)
		route |= more;
	if ((flags & ADDRESS_NULL) != 0)
		to |= begin;
	to |= mailbox(begin | octet(route, ':'), flags);
	return octet(to, '>');
}

/* What the text is, for a message that says where it went wrong. */
static const char *
shown(void)
{
	static char out[3 * TEXT_MAX + 1];
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		out[n++] = hex[text.p[i] >> 4];
		out[n++] = hex[text.p[i] & 15];
		out[n++] = ' ';
	}
	out[n] = '\0';
	return out;
}

static struct buf wire;
static size_t accepted;

static void
accepted_check(const struct mail_address *a, size_t used, unsigned flags)
{
	struct span head = { text.p, used - 1 };
	struct mail_address again;
	const unsigned char *at;

	if (a->domain_len > 0) {
		at = memrchr(head.p, '@', head.len);
		ATF_REQUIRE(at != NULL);
		head.len -= (size_t)(at + 1 - head.p);
		ATF_REQUIRE_MSG(span_eq(address_domain(a),
				    (struct span){ at + 1, head.len }),
		    "domain of %s", shown());
	}
	buf_reset(&wire);
	ATF_REQUIRE_EQ(0, address_format(a, &wire));
	ATF_REQUIRE_MSG(address_parse(buf_span(&wire), flags, &again) == 0 &&
		memcmp(a, &again, sizeof(again)) == 0,
	    "not the same once written: %s", shown());
	ATF_REQUIRE_MSG(address_make(address_local(a), address_domain(a), flags,
			    &again) == 0 &&
		memcmp(a, &again, sizeof(again)) == 0,
	    "not the same once made: %s", shown());
}

static void
path_check(struct span in, unsigned flags)
{
	struct mail_address a;
	size_t used = 0;
	uint32_t want;

	text = in;
	utf8 = (flags & ADDRESS_UTF8) != 0;
	want = path(flags);
	if (address_parse_path(in, flags, &a, &used) != 0) {
		ATF_REQUIRE_MSG(want == 0, "refused: %s", shown());
		return;
	}
	ATF_REQUIRE_MSG(want == UINT32_C(1) << used, "accepted %zu octets: %s",
	    used, shown());
	accepted_check(&a, used, flags);
	accepted++;
}

static void
paths(const struct span *letters, size_t n, size_t max, const char *prefix,
    unsigned flags)
{
	const struct alphabet ab = { letters, n };

	accepted = 0;
	buf_init(&wire, 4 * TEXT_MAX);
	each(&ab, max, prefix, ">", path_check, flags);
	buf_clear(&wire);
	/* else nothing was compared but refusals */
	ATF_CHECK(accepted > 0);
}

ATF_TC_WITHOUT_HEAD(paths_of_all_that_has_a_meaning);
ATF_TC_BODY(paths_of_all_that_has_a_meaning, tc)
{
	static const struct span letters[] = { LETTER("<"), LETTER(">"),
		LETTER("@"), LETTER("."), LETTER("a"), LETTER("-"),
		LETTER("\""), LETTER("\\"), LETTER("["), LETTER("]"),
		LETTER(":"), LETTER(","), LETTER(" "), LETTER("\x80"),
		LETTER("\0") };

	paths(letters, COUNT(letters), 5, "<", 0);
	paths(letters, COUNT(letters), 6, "<", ADDRESS_NULL | ADDRESS_BARE);
}

ATF_TC_WITHOUT_HEAD(local_parts);
ATF_TC_BODY(local_parts, tc)
{
	static const struct span letters[] = { LETTER("@"), LETTER("."),
		LETTER("a"), LETTER("\""), LETTER("\\"), LETTER(">") };

	paths(letters, COUNT(letters), 8, "<", 0);
	paths(letters, COUNT(letters), 7, "<", ADDRESS_BARE);
}

ATF_TC_WITHOUT_HEAD(source_routes);
ATF_TC_BODY(source_routes, tc)
{
	static const struct span letters[] = { LETTER("@"), LETTER("a"),
		LETTER(","), LETTER(":"), LETTER("-"), LETTER(".") };

	paths(letters, COUNT(letters), 7, "<@a", 0);
}

ATF_TC_WITHOUT_HEAD(domains_and_literals);
ATF_TC_BODY(domains_and_literals, tc)
{
	static const struct span letters[] = { LETTER("["), LETTER("]"),
		LETTER("1"), LETTER("."), LETTER("-") };

	paths(letters, COUNT(letters), 8, "<a@", 0);
	paths(letters, COUNT(letters), 7, "<a@[1", 0);
}

ATF_TC_WITHOUT_HEAD(utf8_paths);
ATF_TC_BODY(utf8_paths, tc)
{
	static const struct span letters[] = { LETTER("@"), LETTER("."),
		LETTER("a"), LETTER("\""), LETTER("\\"), LETTER("\xc3\xa9"),
		LETTER("\xff"), LETTER("\xc3"), LETTER("-") };

	paths(letters, COUNT(letters), 6, "<", ADDRESS_UTF8 | ADDRESS_BARE);
	paths(letters, COUNT(letters), 5, "<", 0);
}

/* What rule L2 says of a stream: where it ends (0: not yet), what is wrong
 * with it up to there, and its content if nothing is. */
struct truth {
	size_t end;
	unsigned faults;
	struct buf content;
};

static void
truth_of(struct span in, struct truth *t)
{
	const unsigned char *crlf;

	buf_reset(&t->content);
	t->faults = 0;
	t->end = 0;
	if (in.len >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		t->end = 3;
	else if ((crlf = memmem(in.p, in.len, "\r\n.\r\n", 5)) != NULL)
		t->end = (size_t)(crlf - in.p) + 5;
	if (t->end != 0)
		in.len = t->end;
	for (size_t i = 0; i < in.len; i++) {
		bool start = i == 0 ||
		    (i >= 2 && in.p[i - 2] == '\r' && in.p[i - 1] == '\n');

		if (in.p[i] == '\0')
			t->faults |= EOD_NUL;
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
			t->faults |= EOD_BARE_LF;
		if (in.p[i] == '\r' && i + 1 < in.len && in.p[i + 1] != '\n')
			t->faults |= EOD_BARE_CR;
		if (in.p[i] != '\r' && !(start && in.p[i] == '.') &&
		    !(t->end != 0 && i + 3 >= t->end))
			buf_add(&t->content, in.p + i, 1);
	}
}

static struct truth truth;
static struct buf content;
static size_t ended;

/* The stream in two pieces. */
static void
eod_check_split(struct span in, size_t split)
{
	const struct span pieces[] = { { in.p, split },
		{ in.p + split, in.len - split } };
	enum eod_status status = EOD_MORE;
	size_t used, total = 0;
	struct eod e;

	eod_init(&e, 0, 0);
	buf_reset(&content);
	for (size_t i = 0; i < 2 && status == EOD_MORE; i++) {
		status = eod_feed(&e, pieces[i], &used, &content);
		total += used;
	}
	ATF_REQUIRE_MSG((status == EOD_END) == (truth.end != 0) &&
		total == (truth.end != 0 ? truth.end : in.len),
	    "end of %s split at %zu", shown(), split);
	ATF_REQUIRE_MSG(e.faults == truth.faults, "faults of %s split at %zu",
	    shown(), split);
	if (truth.end != 0 && truth.faults == 0)
		ATF_REQUIRE_MSG(
		    span_eq(buf_span(&content), buf_span(&truth.content)),
		    "content of %s split at %zu", shown(), split);
}

static void
eod_check(struct span in, unsigned flags)
{
	text = in;
	truth_of(in, &truth);
	ended += truth.end != 0 && truth.faults == 0;
	for (size_t split = 0; split <= in.len; split++)
		eod_check_split(in, split);
}

ATF_TC_WITHOUT_HEAD(ends_of_data);
ATF_TC_BODY(ends_of_data, tc)
{
	static const struct span letters[] = { LETTER("\r"), LETTER("\n"),
		LETTER("."), LETTER("a"), LETTER("\0") };
	const struct alphabet ab = { letters, COUNT(letters) };

	buf_init(&truth.content, TEXT_MAX);
	buf_init(&content, TEXT_MAX);
	each(&ab, 9, "", "", eod_check, 0);
	/* further, with more of what makes lines */
	each(&(struct alphabet){ letters, 3 }, 11, "a\r", "", eod_check, 0);
	buf_clear(&truth.content);
	buf_clear(&content);
	ATF_CHECK(ended > 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, paths_of_all_that_has_a_meaning);
	ATF_TP_ADD_TC(tp, local_parts);
	ATF_TP_ADD_TC(tp, source_routes);
	ATF_TP_ADD_TC(tp, domains_and_literals);
	ATF_TP_ADD_TC(tp, utf8_paths);
	ATF_TP_ADD_TC(tp, ends_of_data);
	return atf_no_error();
}
