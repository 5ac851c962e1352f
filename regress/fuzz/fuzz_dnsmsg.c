/* SPDX-License-Identifier: ISC
 *
 * Any octets as the answer of the DNS: what is read keeps its bounds, and
 * the names of hosts hold what those may hold.
 */
#include <stdint.h>
#include <stdlib.h>

#include "privsep/resolver/dnsmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
name_check(const struct dnsmsg_name *name)
{
	for (size_t i = 0; i < name->len; i++) {
		unsigned char c = name->text[i];

		require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || c == '.');
	}
}

/* The first octet chooses the type. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum dns_type types[] = { DNS_TYPE_A, DNS_TYPE_AAAA,
		DNS_TYPE_MX, DNS_TYPE_PTR };
	static struct dnsmsg m;
	struct span packet;

	if (len == 0)
		return 0;
	packet = (struct span){ data + 1, len - 1 };
	if (dnsmsg_read(
		packet, span_str("a.example"), types[data[0] % 4], &m) != 0)
		return 0;
	require(m.n <= DNSMSG_RECORDS_MAX);
	for (size_t i = 0; i < m.n; i++) {
		require(m.record[i].len <= sizeof(m.record[i].octets));
		name_check(&m.record[i].name);
	}
	return 0;
}
