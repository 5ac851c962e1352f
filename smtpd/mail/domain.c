/* SPDX-License-Identifier: ISC
 *
 * Domains, address literals and the argument of EHLO: the right-hand side of
 * the address parser.  Decides by syntax alone and asks no name service.
 * RFC 5321 2.3.5, 4.1.2, 4.1.3; RFC 6531 3.3; RFC 5890 2.3.2.1.
 */
#include <arpa/inet.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/utf8.h"

#define LABEL_MAX   63 /* RFC 1035 2.3.4, octets */
#define U_LABEL_MAX 59 /* RFC 5890 2.3.2.1: points, "xn--" takes four */

/* Code points that no U-label has (RFC 5892) and that something else may
 * take for a dot, a space or an end of line. */
static const struct {
	uint32_t lo, hi;
} domain_refused[] = {
	{ 0x0080, 0x00a0 },    /* C1 controls, no-break space */
	{ 0x2000, 0x200b },    /* spaces */
	{ 0x200e, 0x206f },    /* directions, separators, invisible marks */
	{ 0x3000, 0x3002 },    /* ideographic space, comma, full stop */
	{ 0xe000, 0xf8ff },    /* private use */
	{ 0xfe00, 0xfe0f },    /* variation selectors */
	{ 0xfeff, 0xfeff },    /* byte order mark */
	{ 0xff00, 0xffff },    /* full-width and half-width forms, specials */
	{ 0xe0000, 0x10ffff }, /* tags, selectors, private use */
};

static bool
domain_point_ok(uint32_t point)
{
	size_t i;

	for (i = 0; i < sizeof(domain_refused) / sizeof(domain_refused[0]);
	     i++) {
		if (point >= domain_refused[i].lo &&
		    point <= domain_refused[i].hi)
			return false;
	}
	return true;
}

static bool
ldh(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-';
}

/* One label: LDH, or with ADDRESS_UTF8 also what U-labels are made of. */
static int
label_check(struct span label, unsigned flags)
{
	size_t i, n, points = 0;
	uint32_t point;
	bool ascii = true;

	if (label.len == 0 || label.p[0] == '-' ||
	    label.p[label.len - 1] == '-')
		return -E_SYNTAX;
	for (i = 0; i < label.len; i += n, points++) {
		n = 1;
		if (label.p[i] < 0x80) {
			if (!ldh(label.p[i]))
				return -E_SYNTAX;
			continue;
		}
		n = utf8_decode(
		    (struct span){ label.p + i, label.len - i }, &point);
		if ((flags & ADDRESS_UTF8) == 0 || n == 0 ||
		    !domain_point_ok(point))
			return -E_SYNTAX;
		ascii = false;
	}
	return points > (ascii ? LABEL_MAX : U_LABEL_MAX) ? -E_TOOLONG : 0;
}

int
domain_parse(struct span in, unsigned flags)
{
	const unsigned char *dot;
	size_t len;
	int error;

	if (in.len > ADDRESS_DOMAIN_MAX)
		return -E_TOOLONG;
	for (;;) {
		dot = in.len > 0 ? memchr(in.p, '.', in.len) : NULL;
		len = dot == NULL ? in.len : (size_t)(dot - in.p);
		error = label_check((struct span){ in.p, len }, flags);
		if (error != 0 || dot == NULL)
			return error;
		in.p += len + 1;
		in.len -= len + 1;
	}
}

int
literal_parse(struct span in)
{
	static const char tag[] = "IPv6:";
	struct in6_addr addr;
	char text[INET6_ADDRSTRLEN];
	int family = AF_INET;

	if (in.len < 2 || in.p[0] != '[' || in.p[in.len - 1] != ']')
		return -E_SYNTAX;
	in.p++;
	in.len -= 2;
	if (in.len > sizeof(tag) - 1 &&
	    span_caseeq(
		(struct span){ in.p, sizeof(tag) - 1 }, span_str(tag))) {
		family = AF_INET6;
		in.p += sizeof(tag) - 1;
		in.len -= sizeof(tag) - 1;
	}
	if (in.len >= sizeof(text) || memchr(in.p, '\0', in.len) != NULL)
		return -E_SYNTAX;
	memcpy(text, in.p, in.len);
	text[in.len] = '\0';
	return inet_pton(family, text, &addr) == 1 ? 0 : -E_SYNTAX;
}

int
helo_parse(struct span in)
{
	if (in.len > 0 && in.p[0] == '[')
		return literal_parse(in);
	return domain_parse(in, 0);
}
