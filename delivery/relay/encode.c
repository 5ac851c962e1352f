/* SPDX-License-Identifier: ISC
 *
 * Content as it goes over the wire.  See encode.h.
 */
#include "delivery/relay/encode.h"

#include <string.h>

int
encode_add(struct encode *e, struct span s, struct buf *out)
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
