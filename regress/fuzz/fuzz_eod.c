/* SPDX-License-Identifier: ISC
 *
 * Any octets after 354: how they are cut into pieces changes nothing, good
 * content is what a slow and plain reading of RFC 5321 4.5.2 gives, and the
 * end is the first CRLF.CRLF.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/mail/eod.h"

#define FUZZ_MAX (1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* Feed in in pieces of step octets; returns what was used. */
static size_t
run(struct eod *e, struct span in, size_t step, struct buf *out)
{
	enum eod_status status = EOD_MORE;
	size_t done = 0, used, n;

	eod_init(e, EOD_LINE_MAX, 0);
	buf_reset(out);
	while (status == EOD_MORE && done < in.len) {
		n = in.len - done < step ? in.len - done : step;
		status =
		    eod_feed(e, (struct span){ in.p + done, n }, &used, out);
		require(used == n || (status == EOD_END && used <= n));
		done += used;
	}
	return done;
}

/* Where the end of data is, in octets, or 0. */
static size_t
plain_end(struct span in)
{
	const unsigned char *p;

	if (in.len >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		return 3;
	p = memmem(in.p, in.len, "\r\n.\r\n", 5);
	return p == NULL ? 0 : (size_t)(p - in.p) + 5;
}

/* Put dots and CRLF back and the final line on. */
static void
stuff(struct span content, struct buf *wire)
{
	bool line = true;

	buf_reset(wire);
	for (size_t i = 0; i < content.len; i++) {
		if (line && content.p[i] == '.')
			buf_add_str(wire, ".");
		line = content.p[i] == '\n';
		if (line)
			buf_add_str(wire, "\r");
		buf_add(wire, content.p + i, 1);
	}
	buf_add_str(wire, ".\r\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 4096 };
	struct span in = { data, len };
	struct buf whole, again;
	struct eod e, f;
	size_t used, end;

	if (len == 0 || len > FUZZ_MAX)
		return 0;
	buf_init(&whole, 2 * FUZZ_MAX);
	buf_init(&again, 2 * FUZZ_MAX + 3);
	used = run(&e, in, len, &whole);
	end = plain_end(in);
	require(end == 0 ? e.state != EOD_S_END && used == len
			 : e.state == EOD_S_END && used == end);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		require(run(&f, in, steps[i], &again) == used);
		require(f.state == e.state && f.faults == e.faults &&
		    f.size == e.size);
		require(e.faults != 0 ||
		    span_eq(buf_span(&whole), buf_span(&again)));
	}
	if (e.faults == 0 && end != 0) {
		require(memchr(whole.data, '\r', whole.len) == NULL);
		stuff(buf_span(&whole), &again);
		used = run(&f, buf_span(&again), again.len, &whole);
		require(used == again.len && f.size == e.size);
	}
	buf_clear(&whole);
	buf_clear(&again);
	return 0;
}
