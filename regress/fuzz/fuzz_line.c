/* SPDX-License-Identifier: ISC
 *
 * Any octets as commands: how they are cut into pieces changes nothing, the
 * lines are those of a slow and plain reading of rule L1, and none holds CR,
 * LF, NUL or another control but HT.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/mail/line.h"

#define FUZZ_MAX  (1 << 15)
#define FUZZ_PATH 700 /* octets: a limit that inputs reach, not the others' */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* Write down one thing that came. */
static void
note(struct buf *out, enum line_status status, struct span line)
{
	buf_put_u8(out, (uint8_t)status);
	if (status == LINE_OK)
		buf_put_span(out, line);
}

static void
line_check(struct span line)
{
	for (size_t i = 0; i < line.len; i++) {
		require(line.p[i] == '\t' || line.p[i] >= ' ');
		require(line.p[i] != 0x7f);
	}
}

/* As a session does it: what is not used waits for the next piece. */
static void
run(struct span stream, size_t step, struct buf *pending, struct buf *out)
{
	struct line_reader r = { 0 };
	enum line_status status;
	struct span line;
	size_t n, used;

	buf_reset(pending);
	buf_reset(out);
	for (; stream.len > 0; stream.p += n, stream.len -= n) {
		n = stream.len < step ? stream.len : step;
		buf_add(pending, stream.p, n);
		do {
			status = line_next(
			    &r, buf_span(pending), FUZZ_PATH, &used, &line);
			require(used <= pending->len);
			if (status == LINE_OK)
				line_check(line);
			if (status != LINE_MORE)
				note(out, status, line);
			buf_drop(pending, used);
		} while (status != LINE_MORE);
		require(pending->len < LINE_AUTH_MAX + 1);
	}
}

static size_t
plain_max(struct span in)
{
	static const struct {
		const char *verb;
		size_t max;
	} verbs[] = {
		{ "MAIL", FUZZ_PATH },
		{ "RCPT", FUZZ_PATH },
		{ "AUTH", LINE_AUTH_MAX },
	};
	struct span verb = { in.p, 4 };

	for (size_t i = 0; in.len >= 4 && i < 3; i++) {
		if (span_caseeq(verb, span_str(verbs[i].verb)))
			return verbs[i].max;
	}
	return LINE_COMMAND_MAX;
}

/* The first fault of a line that goes on to the end of in, or to its CRLF. */
static enum line_status
plain_judge(struct span in, size_t max)
{
	for (size_t i = 0; i < in.len; i++) {
		if (i >= max)
			return LINE_TOO_LONG;
		if (in.p[i] == '\r') {
			if (i + 1 == in.len)
				continue; /* its LF may be yet to come */
			if (i + 1 >= max)
				return LINE_TOO_LONG;
			return in.p[i + 1] == '\n' ? LINE_OK : LINE_BAD;
		}
		if ((in.p[i] < ' ' && in.p[i] != '\t') || in.p[i] == 0x7f)
			return LINE_BAD;
	}
	return LINE_MORE;
}

/* All of in at once: cut at every CRLF, then look at each. */
static void
plain(struct span in, struct buf *out)
{
	while (in.len > 0) {
		const unsigned char *crlf = memmem(in.p, in.len, "\r\n", 2);
		size_t n = crlf == NULL ? in.len : (size_t)(crlf - in.p) + 2;
		struct span whole = { in.p, n };
		enum line_status status = plain_judge(whole, plain_max(in));

		if (status != LINE_MORE)
			note(out, status, (struct span){ in.p, n - 2 });
		in.p += n;
		in.len -= n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t steps[] = { 1, 2, 3, 7, 511, FUZZ_MAX };
	struct span in = { data, len };
	struct buf want, got, pending;

	if (len > FUZZ_MAX)
		return 0;
	buf_init(&want, 8 * FUZZ_MAX);
	buf_init(&got, 8 * FUZZ_MAX);
	buf_init(&pending, 2 * FUZZ_MAX);
	plain(in, &want);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		run(in, steps[i], &pending, &got);
		require(got.err == 0 && pending.err == 0);
		require(span_eq(buf_span(&want), buf_span(&got)));
	}
	buf_clear(&want);
	buf_clear(&got);
	buf_clear(&pending);
	return 0;
}
