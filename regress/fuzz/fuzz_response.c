/* SPDX-License-Identifier: ISC
 *
 * Any octets as what a server says: no line is longer than it may be, what is
 * kept of it is one line of printable ASCII, and how the octets are cut into
 * pieces changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/ehlo.h"
#include "delivery/relay/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
response_check(const struct response *r)
{
	size_t i;

	require(r->code >= 200 && r->code <= 599);
	require(strlen(r->text) <= RESPONSE_TEXT_MAX);
	for (i = 0; r->text[i] != '\0'; i++)
		require(r->text[i] >= ' ' && r->text[i] < 0x7f);
	require(r->status[0] == '\0' ||
	    (unsigned)(r->status[0] - '0') == r->code / 100);
}

/* The octets that are replies, when all is there at once, or each line has
 * just come. */
static size_t
run(struct span in, bool trickle)
{
	struct response_line line;
	struct response r;
	struct ehlo ehlo = { 0 };
	size_t used, n, total = 0;
	enum response_status status;

	response_begin(&r);
	for (;;) {
		n = trickle ? 0 : in.len;
		do {
			status = response_read(
			    (struct span){ in.p, n }, &line, &used);
		} while (status == RESPONSE_MORE && n++ < in.len);
		if (status != RESPONSE_LINE || !response_add(&r, &line))
			return total;
		require(used <= RESPONSE_LINE_MAX && used <= in.len);
		response_check(&r);
		ehlo_line(&ehlo, line.text);
		if (line.last)
			response_begin(&r);
		in.p += used;
		in.len -= used;
		total += used;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = { data, len };

	require(run(in, false) == run(in, true));
	return 0;
}
