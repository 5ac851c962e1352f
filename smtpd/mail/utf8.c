/* SPDX-License-Identifier: ISC
 *
 * Strict UTF-8 by the table of well-formed sequences (RFC 3629 4).
 */
#include "smtpd/mail/utf8.h"

/* What the first octet says: its range, how long the sequence is, and the
 * range of the second octet, which is what keeps overlong forms, surrogates
 * and points above U+10FFFF out. */
static const struct {
	unsigned char first_lo, first_hi;
	unsigned char len;
	unsigned char second_lo, second_hi;
} utf8_forms[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

#define UTF8_FORMS (sizeof(utf8_forms) / sizeof(utf8_forms[0]))

size_t
utf8_decode(struct span s, uint32_t *point)
{
	uint32_t value;
	size_t form, len, i;

	if (s.len == 0)
		return 0;
	if (s.p[0] < 0x80) {
		*point = s.p[0];
		return 1;
	}
	for (form = 0; form < UTF8_FORMS; form++) {
		if (s.p[0] >= utf8_forms[form].first_lo &&
		    s.p[0] <= utf8_forms[form].first_hi)
			break;
	}
	if (form == UTF8_FORMS || s.len < (len = utf8_forms[form].len))
		return 0;
	if (s.p[1] < utf8_forms[form].second_lo ||
	    s.p[1] > utf8_forms[form].second_hi)
		return 0;
	value = s.p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s.p[i] & 0x3fu);
	}
	*point = value;
	return len;
}

size_t
utf8_encode(uint32_t point, unsigned char out[UTF8_MAX])
{
	size_t len, i;

	if (point < 0x80) {
		out[0] = (unsigned char)point;
		return 1;
	}
	if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (i = len - 1; i > 0; i--) {
		out[i] = (unsigned char)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	out[0] = (unsigned char)((0xf00u >> len & 0xff) | point);
	return len;
}

bool
utf8_valid(struct span s)
{
	uint32_t point;
	size_t n;

	while (s.len > 0) {
		if ((n = utf8_decode(s, &point)) == 0)
			return false;
		s.p += n;
		s.len -= n;
	}
	return true;
}

bool
utf8_is_ascii(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] >= 0x80)
			return false;
	}
	return true;
}
