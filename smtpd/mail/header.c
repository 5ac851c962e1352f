/* SPDX-License-Identifier: ISC
 *
 * Where the header ends and which fields it has, once for content in pieces
 * and once for content in memory; both follow the same rule: the header is
 * the run of lines at the top that are fields or go on with one, and ends
 * with the blank line or before the first line that is neither.  RFC 5322 2.2.
 */
#include <string.h>

#include "smtpd/mail/header.h"

enum scan_state {
	SCAN_LINE,  /* at the start of a line */
	SCAN_NAME,  /* in a field's name */
	SCAN_SPACE, /* white space between name and colon (RFC 5322 4.5) */
	SCAN_VALUE
};

static bool
wsp(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322 2.2: printable ASCII but the colon */
static bool
ftext(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

void
header_scan_init(struct header_scan *h)
{
	*h = (struct header_scan){ .state = SCAN_LINE };
}

/* An octet of a name: kept, as far as it may matter. */
static void
scan_name(struct header_scan *h, unsigned char c)
{
	if (h->name_len < sizeof(h->name))
		h->name[h->name_len++] = c;
	h->name_octets++;
}

static void
scan_field(struct header_scan *h)
{
	h->state = SCAN_VALUE;
	h->fields++;
	h->octets += h->name_octets + 1;
	if (span_caseeq(
		(struct span){ h->name, h->name_len }, span_str("Received")))
		h->received++;
}

static void
scan_line_start(struct header_scan *h, unsigned char c)
{
	if (wsp(c) && h->fields > 0) {
		h->state = SCAN_VALUE;
		h->octets++;
	} else if (ftext(c)) {
		h->state = SCAN_NAME;
		h->name_len = 0;
		h->name_octets = 0;
		scan_name(h, c);
	} else {
		h->done = true;
	}
}

static void
scan_octet(struct header_scan *h, unsigned char c)
{
	if (h->state == SCAN_LINE)
		scan_line_start(h, c);
	else if (c == ':')
		scan_field(h);
	else if (h->state == SCAN_NAME && ftext(c))
		scan_name(h, c);
	else if (wsp(c)) {
		h->state = SCAN_SPACE;
		h->name_octets++;
	} else
		h->done = true;
}

void
header_scan_feed(struct header_scan *h, struct span in)
{
	const unsigned char *end;
	size_t n;

	while (in.len > 0 && !h->done) {
		n = 1;
		if (h->state == SCAN_VALUE) {
			end = memchr(in.p, '\n', in.len);
			n = end == NULL ? in.len : (size_t)(end - in.p) + 1;
			h->octets += n;
			if (end != NULL)
				h->state = SCAN_LINE;
		} else {
			scan_octet(h, in.p[0]);
		}
		in.p += n;
		in.len -= n;
	}
}

enum reply
header_scan_verdict(const struct header_scan *h)
{
	if (h->received > HEADER_RECEIVED_MAX)
		return RP_LOOP;
	if (h->octets > HEADER_OCTETS_MAX || h->fields > HEADER_FIELDS_MAX)
		return RP_HEADER_TOO_BIG;
	return RP_NONE;
}

/* The length of the name of the field at the start of s and where its colon
 * is; false when that line is not a field. */
static bool
field_name(struct span s, size_t *name_len, size_t *colon)
{
	size_t i, len;

	for (len = 0; len < s.len && ftext(s.p[len]); len++)
		continue;
	for (i = len; i < s.len && wsp(s.p[i]); i++)
		continue;
	if (len == 0 || i == s.len || s.p[i] != ':')
		return false;
	*name_len = len;
	*colon = i;
	return true;
}

bool
header_next(struct span *rest, struct header_field *out)
{
	struct span s = *rest;
	const unsigned char *lf;
	size_t name_len, colon, end;

	if (!field_name(s, &name_len, &colon)) {
		if (s.len > 0 && s.p[0] == '\n') {
			rest->p++;
			rest->len--;
		}
		return false;
	}
	for (end = colon + 1; end < s.len;) {
		lf = memchr(s.p + end, '\n', s.len - end);
		end = lf == NULL ? s.len : (size_t)(lf - s.p) + 1;
		if (end == s.len || !wsp(s.p[end]))
			break;
	}
	out->name = (struct span){ s.p, name_len };
	out->whole = (struct span){ s.p, end };
	out->value = (struct span){ s.p + colon + 1, end - colon - 1 };
	if (out->value.len > 0 && s.p[end - 1] == '\n')
		out->value.len--;
	rest->p += end;
	rest->len -= end;
	return true;
}

bool
header_is(const struct header_field *field, const char *name)
{
	return span_caseeq(field->name, span_str(name));
}

bool
header_find(struct span message, const char *name, struct header_field *out)
{
	struct header_field field;

	while (header_next(&message, &field)) {
		if (header_is(&field, name)) {
			*out = field;
			return true;
		}
	}
	return false;
}

int
header_unfold(struct span value, struct buf *out)
{
	const unsigned char *lf;
	size_t n;

	while (value.len > 0 && (wsp(value.p[0]) || value.p[0] == '\n')) {
		value.p++;
		value.len--;
	}
	while (value.len > 0 &&
	    (wsp(value.p[value.len - 1]) || value.p[value.len - 1] == '\n'))
		value.len--;
	while (value.len > 0) {
		lf = memchr(value.p, '\n', value.len);
		n = lf == NULL ? value.len : (size_t)(lf - value.p);
		buf_add(out, value.p, n);
		n += lf != NULL;
		value.p += n;
		value.len -= n;
	}
	return out->err;
}

size_t
header_comment(struct span s)
{
	size_t i, depth = 0;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\\') {
			i++;
		} else if (s.p[i] == '(') {
			if (++depth > HEADER_COMMENT_MAX)
				return 0;
		} else if (s.p[i] == ')' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}
