/* SPDX-License-Identifier: ISC
 *
 * Any octets as a message: the scan in pieces and the walk over the whole see
 * the same header; the fields and the body put together are the message; each
 * value as an address list ends, and gives addresses that can be written.
 */
#include <stdint.h>
#include <stdlib.h>

#include "smtpd/mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
list_check(struct span value)
{
	struct mail_address a, again;
	struct header_list l;
	struct buf wire;
	size_t n = 0;

	buf_init(&wire, 2 * ADDRESS_PATH_MAX);
	header_list_init(&l, value);
	while (header_list_next(&l, ADDRESS_UTF8 | ADDRESS_BARE, &a) == 1) {
		require(++n <= value.len);
		buf_reset(&wire);
		require(address_format(&a, &wire) == 0);
		require(address_parse(buf_span(&wire),
			    ADDRESS_UTF8 | ADDRESS_BARE, &again) == 0);
		require(address_eq(&a, &again));
	}
	buf_clear(&wire);
}

static void
scan(struct header_scan *h, struct span in, size_t step)
{
	size_t n;

	header_scan_init(h);
	for (; in.len > 0; in.p += n, in.len -= n) {
		n = in.len < step ? in.len : step;
		header_scan_feed(h, (struct span){ in.p, n });
	}
	header_scan_verdict(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span rest = { data, len };
	size_t fields = 0, received = 0, octets = 0;
	struct header_field field;
	struct header_scan h;
	struct buf text;

	if (len == 0)
		return 0;
	buf_init(&text, len);
	while (header_next(&rest, &field)) {
		require(field.whole.p == data + octets);
		octets += field.whole.len;
		fields++;
		received += header_is(&field, "Received");
		buf_reset(&text);
		require(header_unfold(field.value, &text) == 0);
		list_check(field.value);
	}
	require(octets + rest.len == len ||
	    (octets + 1 + rest.len == len && data[octets] == '\n'));
	for (size_t step = 1; step <= len; step = step * 2 + 1) {
		scan(&h, (struct span){ data, len }, step);
		require(h.fields == fields && h.received == received &&
		    h.octets == octets);
	}
	list_check((struct span){ data, len });
	buf_clear(&text);
	return 0;
}
