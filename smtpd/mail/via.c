/* SPDX-License-Identifier: ISC
 *
 * Who an outcome comes from.  See via.h.
 */
#include <string.h>

#include "smtpd/mail/via.h"

static void
via_put(struct buf *out, struct span part)
{
	size_t i;

	for (i = 0; i < part.len; i++) {
		if (part.p[i] <= ' ' || part.p[i] == 0x7f)
			part.len = 0;
	}
	if (part.len == 0)
		buf_add_str(out, "-");
	else
		buf_add(out, part.p, part.len);
}

void
via_format(const struct via *v, struct buf *out)
{
	if (v->host.len + v->address.len + v->tls.len == 0)
		return;
	via_put(out, v->host);
	buf_add_str(out, " ");
	via_put(out, v->address);
	buf_add_str(out, " ");
	via_put(out, v->tls);
}

/* The part up to the next blank, which is taken off the text. */
static struct span
via_take(struct span *text)
{
	struct span part = *text;
	const unsigned char *end =
	    part.len == 0 ? NULL : memchr(part.p, ' ', part.len);

	if (end != NULL)
		part.len = (size_t)(end - part.p);
	text->p += part.len + (end != NULL);
	text->len -= part.len + (end != NULL);
	if (span_eq(part, span_str("-")))
		part.len = 0;
	return part;
}

struct via
via_parse(struct span text)
{
	struct via v;

	v.host = via_take(&text);
	v.address = via_take(&text);
	v.tls = via_take(&text);
	return v;
}
