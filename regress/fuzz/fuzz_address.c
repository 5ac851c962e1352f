/* SPDX-License-Identifier: ISC
 *
 * Any octets as a path: what parses holds no control character, keeps its
 * limits, and is the same address after it was written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/mail/address.h"
#include "smtpd/mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
part_check(struct span part)
{
	require(utf8_valid(part));
	for (size_t i = 0; i < part.len; i++)
		require(part.p[i] >= ' ' && part.p[i] != 0x7f);
}

static void
address_check(const struct mail_address *a, unsigned flags)
{
	struct mail_address again;
	struct buf wire;

	part_check(address_local(a));
	part_check(address_domain(a));
	buf_init(&wire, 2 * ADDRESS_PATH_MAX);
	require(address_format(a, &wire) == 0 && wire.len <= ADDRESS_MAX);
	require(address_parse(buf_span(&wire), flags, &again) == 0);
	require(memcmp(a, &again, sizeof(again)) == 0);
	require(address_make(
		    address_local(a), address_domain(a), flags, &again) == 0);
	require(memcmp(a, &again, sizeof(again)) == 0);
	buf_clear(&wire);
}

/* The first octet chooses the flags. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mail_address a;
	struct span in;
	unsigned flags;
	size_t used;

	if (len == 0)
		return 0;
	flags = data[0] & 0xfu;
	in = (struct span){ data + 1, len - 1 };
	if (address_parse_path(in, flags, &a, &used) == 0) {
		require(used >= 2 && used <= in.len && in.p[used - 1] == '>');
		address_check(&a, flags);
	}
	if (address_parse(in, flags, &a) == 0)
		address_check(&a, flags);
	helo_parse(in);
	return 0;
}
