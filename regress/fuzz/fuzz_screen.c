/* SPDX-License-Identifier: ISC
 *
 * Any octets as a message on a terminal, the sender before the first NUL:
 * what is shown is printable, short, and whole sequences of UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/local/screen.h"
#include "smtpd/mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
screen_check(struct span s, bool utf8)
{
	unsigned columns = 0, lines = 0;
	uint32_t point;
	size_t n;

	while (s.len > 0) {
		if (s.len >= 2 && s.p[0] == '\r' && s.p[1] == '\n') {
			require(++lines <= SCREEN_LINES + 1);
			columns = 0;
			n = 2;
		} else {
			require((n = utf8_decode(s, &point)) > 0);
			require(point >= 0x20 && point != 0x7f);
			require(point < 0x7f || (utf8 && point > 0x9f));
			require(++columns <= SCREEN_COLUMNS);
		}
		s.p += n;
		s.len -= n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *nul = len == 0 ? NULL : memchr(data, '\0', len);
	size_t n = nul == NULL ? 0 : (size_t)(nul - data);
	struct span sender = { data, n };
	struct span content = { data + n, len - n };
	struct buf out;
	int utf8;

	for (utf8 = 0; utf8 < 2; utf8++) {
		buf_init(&out, SCREEN_MAX);
		require(screen_format(sender, content, utf8, &out) == 0);
		screen_check(buf_span(&out), utf8);
		buf_clear(&out);
	}
	return 0;
}
