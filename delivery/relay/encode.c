/* SPDX-License-Identifier: ISC
 *
 * Content as it goes over the wire.  See encode.h.
 */
#include "delivery/relay/encode.h"

#include <string.h>

static void
encode_lines(struct encode *e, struct span s, struct buf *out)
{
	const unsigned char *end;
	size_t len;

	while (s.len > 0) {
		if (!e->middle && s.p[0] == '.')
			buf_add(out, ".", 1);
		end = memchr(s.p, '\n', s.len);
		len = end == NULL ? s.len : (size_t)(end - s.p);
		buf_add(out, s.p, len);
		e->middle = end == NULL;
		if (end == NULL)
			break;
		buf_add(out, "\r\n", 2);
		s.p += len + 1;
		s.len -= len + 1;
	}
}

/* Whether it may not go out: some would take it for the end of a line, and
 * what follows for our next command. */
static bool
encode_is_stray(unsigned char c)
{
	return c == '\r' || c == '\0';
}

/* How many octets there are before the first that is left out. */
static size_t
encode_clean(struct span s)
{
	size_t n = 0;

	if (memchr(s.p, '\r', s.len) == NULL &&
	    memchr(s.p, '\0', s.len) == NULL)
		return s.len;
	while (n < s.len && !encode_is_stray(s.p[n]))
		n++;
	return n;
}

int
encode_add(struct encode *e, struct span s, struct buf *out)
{
	struct span run;

	while (s.len > 0) {
		run = (struct span){ s.p, encode_clean(s) };
		encode_lines(e, run, out);
		s.p += run.len;
		s.len -= run.len;
		while (s.len > 0 && encode_is_stray(s.p[0])) {
			s.p++;
			s.len--;
		}
	}
	return out->err;
}

int
encode_end(struct encode *e, struct buf *out)
{
	if (e->middle)
		buf_add(out, "\r\n", 2);
	e->middle = false;
	return buf_add(out, ".\r\n", 3);
}
