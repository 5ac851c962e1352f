/* SPDX-License-Identifier: ISC
 *
 * Replies of a server.  See response.h.
 */
#include "delivery/relay/response.h"

#include <stdio.h>
#include <string.h>

static bool
response_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

enum response_status
response_read(struct span in, struct response_line *out, size_t *used)
{
	size_t look = in.len < RESPONSE_LINE_MAX ? in.len : RESPONSE_LINE_MAX;
	const unsigned char *end;
	size_t len;

	*used = 0;
	if (look == 0 || (end = memchr(in.p, '\n', look)) == NULL)
		return in.len >= RESPONSE_LINE_MAX ? RESPONSE_BAD
						   : RESPONSE_MORE;
	len = (size_t)(end - in.p);
	*used = len + 1;
	if (len > 0 && in.p[len - 1] == '\r')
		len--;
	if (memchr(in.p, '\r', len) != NULL || memchr(in.p, '\0', len) != NULL)
		return RESPONSE_BAD;
	/* RFC 5321 4.2: digits are 2 to 5, 0 to 5, any; some send a code
	 * alone */
	if (len < 3 || in.p[0] < '2' || in.p[0] > '5' || in.p[1] < '0' ||
	    in.p[1] > '5' || !response_is_digit(in.p[2]) ||
	    (len > 3 && in.p[3] != ' ' && in.p[3] != '-'))
		return RESPONSE_BAD;
	out->code = (in.p[0] - '0') * 100U + (in.p[1] - '0') * 10U +
	    (in.p[2] - '0') * 1U;
	out->last = len == 3 || in.p[3] == ' ';
	out->text = len > 4 ? (struct span){ in.p + 4, len - 4 }
			    : (struct span){ NULL, 0 };
	return RESPONSE_LINE;
}

/* One to three digits at i; where they end, or 0. */
static size_t
response_number(struct span s, size_t i)
{
	size_t from = i;

	while (i < s.len && i < from + 3 && response_is_digit(s.p[i]))
		i++;
	return i == from ? 0 : i;
}

size_t
response_enhanced(struct span s, unsigned code)
{
	size_t i;

	if (s.len < 5 || s.p[0] != '0' + code / 100 || s.p[1] != '.')
		return 0;
	if ((i = response_number(s, 2)) == 0 || i >= s.len || s.p[i] != '.')
		return 0;
	if ((i = response_number(s, i + 1)) == 0)
		return 0;
	return i == s.len || s.p[i] == ' ' ? i : 0;
}

void
response_begin(struct response *r)
{
	r->code = 0;
	r->lines = 0;
	r->octets = 0;
	r->text[0] = '\0';
	r->status[0] = '\0';
}

/* Append what is printable; everything else is a blank. */
static void
response_append(struct response *r, struct span s)
{
	size_t at = strlen(r->text), i;

	if (s.len > 0 && at < RESPONSE_TEXT_MAX)
		r->text[at++] = ' ';
	for (i = 0; i < s.len && at < RESPONSE_TEXT_MAX; i++)
		r->text[at++] =
		    s.p[i] > ' ' && s.p[i] < 0x7f ? (char)s.p[i] : ' ';
	r->text[at] = '\0';
}

bool
response_add(struct response *r, const struct response_line *line)
{
	struct span text = line->text;
	size_t n = response_enhanced(text, line->code);

	if (r->code != 0 && r->code != line->code)
		return false;
	r->octets += text.len;
	if (++r->lines > RESPONSE_LINES_MAX || r->octets > RESPONSE_OCTETS_MAX)
		return false;
	if (r->code == 0) {
		r->code = line->code;
		snprintf(r->text, sizeof(r->text), "%03u", line->code);
		/* the longest has 9 octets */
		snprintf(r->status, sizeof(r->status), "%.*s", (int)n,
		    n > 0 ? (const char *)text.p : "");
	} else if (n > 0) {
		/* RFC 2034 4: it stands in every line */
		text.p += n;
		text.len -= n;
		while (text.len > 0 && text.p[0] == ' ') {
			text.p++;
			text.len--;
		}
	}
	response_append(r, text);
	return true;
}
