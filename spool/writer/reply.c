/* SPDX-License-Identifier: ISC
 *
 * The last reply as the store keeps it.  For the store it is one text; here it
 * is when an attempt was made, who answered, and what.
 *
 *	u8 REPLY_FORM, u32 seconds, span via, the text
 *
 * A text that does not begin with that octet is a text alone, as of an
 * envelope that was never tried, or of a spool that is older than this form.
 */
#include "smtpd/mail/via.h"
#include "spool/writer/writer.h"

#define REPLY_FORM 0x01 /* texts of replies have no control characters */

void
reply_pack(const struct last_reply *r, struct buf *out)
{
	if (r->tried_s != 0 || r->via.len > 0) {
		buf_put_u8(out, REPLY_FORM);
		buf_put_u32(out,
		    r->tried_s > UINT32_MAX ? UINT32_MAX
					    : (uint32_t)r->tried_s);
		buf_put_span(out, r->via);
	}
	buf_add(out, r->text.p, r->text.len);
}

struct last_reply
reply_unpack(struct span kept)
{
	struct rd r = rd_init(kept);
	struct last_reply out;

	if (rd_u8(&r) == REPLY_FORM) {
		out.tried_s = rd_u32(&r);
		out.via = rd_span(&r, VIA_MAX);
		out.text = rd_octets(&r, rd_left(&r));
		if (!r.bad)
			return out;
	}
	return (struct last_reply){ .text = kept };
}
