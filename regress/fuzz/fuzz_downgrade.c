/* SPDX-License-Identifier: ISC
 *
 * Any octets as a message for a host without 8BITMIME: the verdict and the
 * output do not depend on the pieces that it comes in, the output is 7-bit and
 * no larger than was said, and there is nothing to do any more for another
 * such host.  The same octets as the body of a part: encoded, they can be
 * decoded, and no line of it is too long or means something.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "delivery/relay/downgrade.h"
#include "delivery/relay/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static struct downgrade *
look(struct span in, size_t step)
{
	struct downgrade *d = downgrade_new();
	size_t i, n;

	require(d != NULL);
	for (i = 0; i < in.len; i += n) {
		n = in.len - i < step ? in.len - i : step;
		require(downgrade_look(d, (struct span){ in.p + i, n }) == 0);
	}
	require(downgrade_seen(d) == 0);
	return d;
}

static void
convert(struct downgrade *d, struct span in, size_t step, struct buf *out)
{
	size_t i, n;

	buf_reset(out);
	downgrade_begin(d);
	for (i = 0; i < in.len; i += n) {
		n = in.len - i < step ? in.len - i : step;
		require(
		    downgrade_add(d, (struct span){ in.p + i, n }, out) == 0);
	}
	require(downgrade_end(d, out) == 0);
}

static void
converted_check(struct downgrade *d, const struct buf *out)
{
	struct downgrade *again;
	size_t i, wire = out->len;

	for (i = 0; i < out->len; i++) {
		require(out->data[i] < 0x80 && out->data[i] != '\0' &&
		    out->data[i] != '\r');
		wire += out->data[i] == '\n';
	}
	require(downgrade_size(d) >= wire);
	again = look(buf_span(out), out->len);
	require(downgrade_verdict(again) == DOWNGRADE_NEEDLESS);
	downgrade_free(again);
}

static void
message_check(struct span in)
{
	struct downgrade *whole = look(in, in.len), *cut;
	struct buf a, b;
	size_t step;

	buf_init(&a, 8 * in.len + 4096);
	buf_init(&b, 8 * in.len + 4096);
	for (step = 1; step < in.len; step = step * 3 + 1) {
		cut = look(in, step);
		require(downgrade_verdict(cut) == downgrade_verdict(whole));
		require(downgrade_size(cut) == downgrade_size(whole));
		if (downgrade_verdict(whole) == DOWNGRADE_POSSIBLE) {
			convert(whole, in, in.len, &a);
			convert(cut, in, step, &b);
			require(span_eq(buf_span(&a), buf_span(&b)));
			converted_check(whole, &a);
		}
		downgrade_free(cut);
	}
	downgrade_free(whole);
	buf_clear(&a);
	buf_clear(&b);
}

/* --- encoding -------------------------------------------------------------- */

static unsigned
digit(unsigned char c)
{
	return c <= '9' ? c - (unsigned)'0' : c - (unsigned)'A' + 10;
}

static void
decode_quoted_printable(struct span s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] != '=')
			buf_put_u8(out, s.p[i]);
		else if (s.p[++i] != '\n') {
			buf_put_u8(out,
			    (uint8_t)(digit(s.p[i]) << 4 | digit(s.p[i + 1])));
			i++;
		}
	}
}

/* To the octets, with CRLF as LF. */
static void
decode_base64(struct span s, struct buf *out)
{
	unsigned char octets[TRANSFER_LINE_MAX];
	size_t i, k, n;

	for (i = 0; i < s.len; i += n + 1) {
		for (n = 0; s.p[i + n] != '\n'; n++)
			continue;
		require(n <= TRANSFER_LINE_MAX && n % 4 == 0);
		require(EVP_DecodeBlock(octets, s.p + i, (int)n) ==
		    (int)(n / 4 * 3));
		for (k = 0; k < n / 4 * 3; k++) {
			if (k + 2 < n / 4 * 3 || s.p[i + n - 1] != '=' ||
			    (k + 2 == n / 4 * 3 && s.p[i + n - 2] != '='))
				buf_put_u8(out, octets[k]);
		}
	}
	for (i = k = 0; i < out->len; i++) {
		if (out->data[i] != '\r' || i + 1 == out->len ||
		    out->data[i + 1] != '\n')
			out->data[k++] = out->data[i];
	}
	out->len = k;
}

static void
lines_check(struct span s)
{
	const unsigned char *lf;
	size_t n;

	for (; s.len > 0; s.p += n, s.len -= n) {
		lf = memchr(s.p, '\n', s.len);
		n = lf == NULL ? s.len : (size_t)(lf - s.p);
		require(n <= TRANSFER_LINE_MAX);
		require(n == 0 || (s.p[n - 1] != ' ' && s.p[n - 1] != '\t'));
		require(n == 0 || s.p[0] != '.');
		require(n < 2 || memcmp(s.p, "--", 2) != 0);
		require(n < 5 || memcmp(s.p, "From ", 5) != 0);
		n += lf != NULL;
	}
}

static void
transfer_check(struct span in, bool base64)
{
	struct buf text, back;
	struct transfer t;

	buf_init(&text, 8 * in.len + 4096);
	buf_init(&back, 8 * in.len + 4096);
	transfer_begin(&t, base64);
	transfer_add(&t, in, &text);
	require(transfer_end(&t, true, &text) == 0);
	lines_check(buf_span(&text));
	if (base64)
		decode_base64(buf_span(&text), &back);
	else
		decode_quoted_printable(buf_span(&text), &back);
	require(span_eq(in, buf_span(&back)));
	buf_clear(&text);
	buf_clear(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = { data, len };

	if (len == 0)
		return 0;
	message_check(in);
	transfer_check(in, false);
	/* there CRLF and LF are one */
	if (memchr(data, '\r', len) == NULL)
		transfer_check(in, true);
	return 0;
}
