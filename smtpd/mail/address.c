/* SPDX-License-Identifier: ISC
 *
 * Paths and mailboxes.  One parser serves the session, the tables, the
 * configuration and the command line, so that what checks an address and
 * what acts on it never disagree.  It reads by pointer and end, knows no
 * in-band end mark, and refuses control characters in every position.
 * RFC 5321 4.1.2; RFC 6531 3.3.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/utf8.h"

/* What is left to read. */
struct cursor {
	const unsigned char *p;
	const unsigned char *end;
};

static bool
cursor_at(const struct cursor *c, unsigned char want)
{
	return c->p < c->end && *c->p == want;
}

static struct span
cursor_rest(const struct cursor *c)
{
	return (struct span){ c->p, (size_t)(c->end - c->p) };
}

/* RFC 5322 3.2.3 */
static bool
atext(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c > ' ' && c < 0x7f && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* The length of the UTF8-non-ascii (RFC 6531 3.3) at the start of s, 0 when
 * there is none or it acts as a control: C1, line and paragraph separator. */
static size_t
utf8_text(struct span s, unsigned flags)
{
	uint32_t point;
	size_t n;

	if ((flags & ADDRESS_UTF8) == 0 || (n = utf8_decode(s, &point)) < 2)
		return 0;
	if (point < 0xa0 || point == 0x2028 || point == 0x2029)
		return 0;
	return n;
}

static int
local_add(struct mail_address *a, const unsigned char *p, size_t n)
{
	if (n > sizeof(a->local) - a->local_len)
		return -E_TOOLONG;
	memcpy(a->local + a->local_len, p, n);
	a->local_len = (uint8_t)(a->local_len + n);
	return 0;
}

/* Dot-string: atoms joined by single dots. */
static int
dot_string_parse(struct cursor *c, unsigned flags, struct mail_address *a)
{
	bool in_atom = false;
	size_t n;
	int error;

	for (; c->p < c->end; c->p += n) {
		n = 1;
		if (*c->p == '.') {
			if (!in_atom)
				return -E_SYNTAX;
			in_atom = false;
		} else if (atext(*c->p)) {
			in_atom = true;
		} else if ((n = utf8_text(cursor_rest(c), flags)) > 0) {
			in_atom = true;
		} else {
			break;
		}
		if ((error = local_add(a, c->p, n)) != 0)
			return error;
	}
	return in_atom ? 0 : -E_SYNTAX;
}

/* Quoted-string, kept without its quotes and backslashes.  A backslash goes
 * with a printable ASCII octet only. */
static int
quoted_string_parse(struct cursor *c, unsigned flags, struct mail_address *a)
{
	size_t n;
	int error;

	for (c->p++; c->p < c->end; c->p += n) {
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		n = 1;
		if (*c->p == '\\') {
			if (++c->p == c->end || *c->p < ' ' || *c->p > '~')
				return -E_SYNTAX;
		} else if (*c->p < ' ' || *c->p > '~') {
			if ((n = utf8_text(cursor_rest(c), flags)) == 0)
				return -E_SYNTAX;
		}
		if ((error = local_add(a, c->p, n)) != 0)
			return error;
	}
	return -E_SYNTAX;
}

static int
local_parse(struct cursor *c, unsigned flags, struct mail_address *a)
{
	const unsigned char *start = c->p;
	int error;

	if (cursor_at(c, '"'))
		error = quoted_string_parse(c, flags, a);
	else
		error = dot_string_parse(c, flags, a);
	if (error == 0 && c->p - start > ADDRESS_LOCAL_MAX)
		error = -E_TOOLONG;
	return error;
}

/* A domain or, where literal is set, an address literal. */
static int
domain_take(struct cursor *c, unsigned flags, bool literal, struct span *out)
{
	const unsigned char *start = c->p, *close;

	if (literal && cursor_at(c, '[')) {
		close = memchr(c->p, ']', (size_t)(c->end - c->p));
		if (close == NULL)
			return -E_SYNTAX;
		c->p = close + 1;
		*out = (struct span){ start, (size_t)(c->p - start) };
		return literal_parse(*out);
	}
	/* domain_parse judges what is in it; here only where it ends */
	while (c->p < c->end && strchr(">,:@\"[] ", *c->p) == NULL)
		c->p++;
	*out = (struct span){ start, (size_t)(c->p - start) };
	return domain_parse(*out, flags);
}

/* Whether the local part just read may stand without a domain. */
static int
bare_check(const struct mail_address *a, unsigned flags)
{
	if (a->local_len == 0)
		return -E_SYNTAX;
	if ((flags & ADDRESS_BARE) != 0)
		return 0;
	if ((flags & ADDRESS_POSTMASTER) != 0 &&
	    span_caseeq(address_local(a), span_str("postmaster")))
		return 0; /* RFC 5321 4.5.1 */
	return -E_SYNTAX;
}

/* Mailbox, or a local part alone if flags allow. */
static int
mailbox_parse(struct cursor *c, unsigned flags, struct mail_address *a)
{
	const unsigned char *start = c->p;
	struct span domain;
	int error;

	if ((error = local_parse(c, flags, a)) != 0)
		return error;
	if (!cursor_at(c, '@'))
		return bare_check(a, flags);
	c->p++;
	if ((error = domain_take(c, flags, true, &domain)) != 0)
		return error;
	if (c->p - start > ADDRESS_MAX)
		return -E_TOOLONG;
	memcpy(a->domain, domain.p, domain.len);
	a->domain_len = (uint8_t)domain.len;
	return 0;
}

/* A-d-l and its colon: checked, then dropped (RFC 5321 appendix C). */
static int
route_skip(struct cursor *c, unsigned flags)
{
	struct span domain;
	int error;

	for (;;) {
		if (!cursor_at(c, '@'))
			return -E_SYNTAX;
		c->p++;
		if ((error = domain_take(c, flags, false, &domain)) != 0)
			return error;
		if (!cursor_at(c, ','))
			break;
		c->p++;
	}
	if (!cursor_at(c, ':'))
		return -E_SYNTAX;
	c->p++;
	return 0;
}

int
address_parse_path(
    struct span in, unsigned flags, struct mail_address *out, size_t *used)
{
	struct mail_address a = { 0 };
	struct cursor c;
	int error;

	if (in.len == 0 || in.p[0] != '<')
		return -E_SYNTAX;
	c = (struct cursor){ in.p + 1, in.p + in.len };
	if (!cursor_at(&c, '>') || (flags & ADDRESS_NULL) == 0) {
		if (cursor_at(&c, '@') && (error = route_skip(&c, flags)) != 0)
			return error;
		if ((error = mailbox_parse(&c, flags, &a)) != 0)
			return error;
	}
	if (!cursor_at(&c, '>'))
		return -E_SYNTAX;
	c.p++;
	*out = a;
	*used = (size_t)(c.p - in.p);
	return 0;
}

int
address_parse(struct span in, unsigned flags, struct mail_address *out)
{
	struct mail_address a = { 0 };
	struct cursor c;
	int error;

	if (in.len == 0 && (flags & ADDRESS_NULL) == 0)
		return -E_SYNTAX;
	if (in.len > 0) {
		c = (struct cursor){ in.p, in.p + in.len };
		if ((error = mailbox_parse(&c, flags, &a)) != 0)
			return error;
		if (c.p != c.end)
			return -E_SYNTAX;
	}
	*out = a;
	return 0;
}

/* Whether a local part is a Dot-string and so needs no quotes.  Octets above
 * 127 count as atext: they were checked when the address was made. */
static bool
local_is_dot_string(struct span local)
{
	bool in_atom = false;
	size_t i;

	for (i = 0; i < local.len; i++) {
		if (local.p[i] == '.') {
			if (!in_atom)
				return false;
			in_atom = false;
		} else if (local.p[i] >= 0x80 || atext(local.p[i])) {
			in_atom = true;
		} else {
			return false;
		}
	}
	return in_atom;
}

/* Write the local part as it goes over the wire; out holds twice the longest
 * local part and the quotes.  Returns its length. */
static size_t
local_write(struct span local, unsigned char out[2 * ADDRESS_LOCAL_MAX + 2])
{
	size_t i, n = 0;

	if (local_is_dot_string(local)) {
		memcpy(out, local.p, local.len);
		return local.len;
	}
	out[n++] = '"';
	for (i = 0; i < local.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = local.p[i];
	}
	out[n++] = '"';
	return n;
}

int
address_make(struct span local, struct span domain, unsigned flags,
    struct mail_address *out)
{
	unsigned char wire[2 * ADDRESS_LOCAL_MAX + 2 + 1 + ADDRESS_DOMAIN_MAX];
	size_t n = 0;

	if (local.len > ADDRESS_LOCAL_MAX || domain.len > ADDRESS_DOMAIN_MAX)
		return -E_TOOLONG;
	if (local.len > 0 || domain.len > 0)
		n = local_write(local, wire);
	if (domain.len > 0) {
		wire[n++] = '@';
		memcpy(wire + n, domain.p, domain.len);
		n += domain.len;
	}
	return address_parse((struct span){ wire, n }, flags, out);
}

int
address_format(const struct mail_address *a, struct buf *out)
{
	unsigned char wire[2 * ADDRESS_LOCAL_MAX + 2];
	size_t n;

	if (address_is_null(a))
		return out->err;
	n = local_write(address_local(a), wire);
	buf_add(out, wire, n);
	if (a->domain_len > 0) {
		buf_add(out, "@", 1);
		buf_add(out, a->domain, a->domain_len);
	}
	return out->err;
}

int
address_format_path(const struct mail_address *a, struct buf *out)
{
	buf_add_str(out, "<");
	address_format(a, out);
	return buf_add_str(out, ">");
}

bool
address_eq(const struct mail_address *a, const struct mail_address *b)
{
	return span_eq(address_local(a), address_local(b)) &&
	    span_caseeq(address_domain(a), address_domain(b));
}

bool
address_is_null(const struct mail_address *a)
{
	return a->local_len == 0 && a->domain_len == 0;
}

bool
address_is_utf8(const struct mail_address *a)
{
	return !utf8_is_ascii(address_local(a)) ||
	    !utf8_is_ascii(address_domain(a));
}

struct span
address_local(const struct mail_address *a)
{
	return (struct span){ a->local, a->local_len };
}

struct span
address_domain(const struct mail_address *a)
{
	return (struct span){ a->domain, a->domain_len };
}
