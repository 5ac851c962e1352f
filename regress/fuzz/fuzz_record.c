/* SPDX-License-Identifier: ISC
 *
 * Records, their bodies and segment headers from any octets.  The first octet
 * chooses the decoder.  Class (f): lengths.
 */
#include <stdlib.h>

#include "privsep/base/err.h"
#include "spool/store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_message(struct span in)
{
	struct rec_message m;
	struct store_envelope e;
	uint32_t i;

	if (rec_message_get(1, in, &m) != 0)
		return;
	for (i = 0; i < m.env_len; i++) {
		if (rec_envelope_get(&m.envelopes, &e) != 0)
			return;
		if (e.rcpt.len > STORE_PATH_MAX || e.now.state >= STORE__MAX)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data + 1, size - 1 }, body;
	struct store_outcome o;
	struct rec_head rec;
	struct seg_head seg;
	uint32_t idx;

	if (size < 9)
		return 0;
	switch (data[0] % 4) {
	case 0:
		if (rec_get(in, 0, 1, &rec, &body) == 0 &&
		    (body.p < in.p || body.p + body.len > in.p + in.len))
			abort();
		break;
	case 1:
		fuzz_message(in);
		break;
	case 2:
		if (rec_outcome_get(in, &idx, &o) == 0 &&
		    o.status.len > STORE_STATUS_MAX)
			abort();
		break;
	default:
		(void)seg_head_get(in, &seg);
	}
	return 0;
}
