/* SPDX-License-Identifier: ISC
 *
 * Any octets as parameters of MAIL and of RCPT: what parses holds no control
 * character and is the same after it was written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/mail/parameters.h"
#include "smtpd/mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
text_check(struct span s)
{
	require(utf8_valid(s));
	for (size_t i = 0; i < s.len; i++)
		require(s.p[i] >= ' ' && s.p[i] != 0x7f);
}

static void
mail_check(struct span in, unsigned ext, struct buf *wire)
{
	struct mail_params p, again;

	if (mail_params_parse(in, ext, &p) != RP_NONE)
		return;
	text_check((struct span){ p.envid, p.envid_len });
	require(mail_params_format(&p, ext, wire) == 0);
	require(mail_params_parse(buf_span(wire), ext, &again) == RP_NONE);
	require(memcmp(&p, &again, sizeof(p)) == 0);
}

static void
rcpt_check(struct span in, unsigned ext, struct buf *wire)
{
	struct rcpt_params p, again;

	if (rcpt_params_parse(in, ext, &p) != RP_NONE)
		return;
	text_check((struct span){ p.orcpt, p.orcpt_len });
	require(rcpt_params_format(&p, ext, wire) == 0);
	require(rcpt_params_parse(buf_span(wire), ext, &again) == RP_NONE);
	require(memcmp(&p, &again, sizeof(p)) == 0);
}

/* The first octet chooses the extensions. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in;
	struct buf wire;

	if (len == 0)
		return 0;
	in = (struct span){ data + 1, len - 1 };
	buf_init(&wire, 4096);
	mail_check(in, data[0] & 0x1fu, &wire);
	buf_reset(&wire);
	rcpt_check(in, data[0] & 0x1fu, &wire);
	buf_clear(&wire);
	return 0;
}
