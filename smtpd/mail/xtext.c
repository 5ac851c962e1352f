/* SPDX-License-Identifier: ISC
 *
 * Encoded text of ENVID and ORCPT.  A control character never comes out of a
 * decoder, so that none can reach a header or a stored record from here.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/utf8.h"
#include "smtpd/mail/xtext.h"

/* Hexadecimal digits are upper case in both encodings. */
static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* xchar of RFC 3461 4, which is QCHAR of RFC 6533 3 and the backslash. */
static bool
xchar(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

static bool
qchar(unsigned char c)
{
	return xchar(c) && c != '\\';
}

/* Take the next octet of xtext off *in; -1 if that is not one. */
static int
xtext_octet(struct span *in)
{
	unsigned char c = in->p[0];
	int high, low, octet = c;
	size_t n = 1;

	if (c == '+') {
		if (in->len < 3 || (high = hex_digit(in->p[1])) < 0 ||
		    (low = hex_digit(in->p[2])) < 0)
			return -1;
		octet = high << 4 | low;
		n = 3;
	} else if (!xchar(c)) {
		return -1;
	}
	in->p += n;
	in->len -= n;
	return octet >= ' ' && octet <= '~' ? octet : -1;
}

int
xtext_decode(struct span in, unsigned char *out, size_t max, size_t *len)
{
	size_t n = 0;
	int octet;

	while (in.len > 0) {
		if ((octet = xtext_octet(&in)) < 0)
			return -E_SYNTAX;
		if (n == max)
			return -E_TOOLONG;
		out[n++] = (unsigned char)octet;
	}
	*len = n;
	return 0;
}

int
xtext_encode(struct span s, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s.len; i++) {
		const char code[] = { '+', digits[s.p[i] >> 4],
			digits[s.p[i] & 0xf] };

		if (xchar(s.p[i]))
			buf_add(out, s.p + i, 1);
		else
			buf_add(out, code, sizeof(code));
	}
	return out->err;
}

/* Decode \x{HEX} at the start of s; returns its length or 0. */
static size_t
embedded_decode(struct span s, uint32_t *point)
{
	uint32_t value = 0;
	size_t i;

	if (s.len < 5 || memcmp(s.p, "\\x{", 3) != 0 || s.p[3] == '0')
		return 0;
	for (i = 3; i < s.len && i < 3 + 6 && hex_digit(s.p[i]) >= 0; i++)
		value = value << 4 | (uint32_t)hex_digit(s.p[i]);
	if (i == 3 || i == s.len || s.p[i] != '}')
		return 0;
	*point = value;
	return i + 1;
}

/* The next character, raw or embedded; returns the length read or 0. */
static size_t
utf8_addr_point(struct span s, bool raw, uint32_t *point)
{
	if (s.p[0] == '\\')
		return embedded_decode(s, point);
	if (s.p[0] >= 0x80)
		return raw ? utf8_decode(s, point) : 0;
	*point = s.p[0];
	return qchar(s.p[0]) ? 1 : 0;
}

int
utf8_addr_decode(
    struct span in, bool raw, unsigned char *out, size_t max, size_t *len)
{
	unsigned char octets[UTF8_MAX];
	uint32_t point;
	size_t used, width, n = 0;

	while (in.len > 0) {
		if ((used = utf8_addr_point(in, raw, &point)) == 0)
			return -E_SYNTAX;
		if (point < ' ' || (point >= 0x7f && point < 0xa0) ||
		    point == 0x2028 || point == 0x2029)
			return -E_SYNTAX;
		if ((width = utf8_encode(point, octets)) == 0)
			return -E_SYNTAX;
		if (width > max - n)
			return -E_TOOLONG;
		memcpy(out + n, octets, width);
		n += width;
		in.p += used;
		in.len -= used;
	}
	*len = n;
	return 0;
}

int
utf8_addr_encode(struct span s, bool raw, struct buf *out)
{
	uint32_t point;
	size_t used;

	while (s.len > 0 && (used = utf8_decode(s, &point)) > 0) {
		if (point < 0x80 ? qchar((unsigned char)point) : raw)
			buf_add(out, s.p, used);
		else
			buf_addf(out, "\\x{%X}", (unsigned)point);
		s.p += used;
		s.len -= used;
	}
	return out->err;
}
