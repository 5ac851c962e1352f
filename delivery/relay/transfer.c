/* SPDX-License-Identifier: ISC
 *
 * Quoted-printable and base64.  See transfer.h.
 */
#include "delivery/relay/transfer.h"

#include <string.h>

#include <openssl/evp.h>

#define QP_LINE     (TRANSFER_LINE_MAX - 1)     /* "=" may follow */
#define BASE64_LINE (TRANSFER_LINE_MAX / 4 * 3) /* octets that fill a line */

void
transfer_begin(struct transfer *t, bool base64)
{
	*t = (struct transfer){ .base64 = base64 };
}

bool
transfer_is_coded(unsigned char c)
{
	return (c < ' ' && c != '\t' && c != '\n') || c == '=' || c > 0x7e;
}

/* --- quoted-printable ------------------------------------------------------ */

static void
qp_line(struct transfer *t, const char *end, struct buf *out)
{
	buf_add(out, t->line, t->len);
	buf_add_str(out, end);
	t->len = 0;
}

/* Whether it would, where it stands, be read for something else: a dot at the
 * start (RFC 5321 4.5.2), "--" (RFC 2046 5.1.1), "From " of an mbox. */
static bool
qp_exposed(const struct transfer *t, unsigned char c)
{
	switch (c) {
	case '.':
		return t->len == 0;
	case '-':
		return t->len == 1 && t->line[0] == '-';
	case ' ':
		return t->len == 4 && memcmp(t->line, "From", 4) == 0;
	default:
		return false;
	}
}

static void
qp_put(struct transfer *t, unsigned char c, bool coded, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	if (t->len + (coded ? 3 : 1) > QP_LINE)
		qp_line(t, "=\n", out);
	if (!coded && !qp_exposed(t, c)) {
		t->line[t->len++] = c;
		return;
	}
	t->line[t->len++] = '=';
	t->line[t->len++] = (unsigned char)hex[c >> 4];
	t->line[t->len++] = (unsigned char)hex[c & 0xf];
}

/* The blank that was held; at the end of a line it is written as a code, since
 * others take it off (RFC 2045 6.7 (3)). */
static void
qp_put_blank(struct transfer *t, bool coded, struct buf *out)
{
	if (t->blank != '\0')
		qp_put(t, t->blank, coded, out);
	t->blank = '\0';
}

static void
qp_add(struct transfer *t, unsigned char c, struct buf *out)
{
	qp_put_blank(t, c == '\n', out);
	if (c == '\n')
		qp_line(t, "\n", out);
	else if (c == ' ' || c == '\t')
		t->blank = c;
	else
		qp_put(t, c, transfer_is_coded(c), out);
}

/* --- base64 ---------------------------------------------------------------- */

static void
base64_line(struct transfer *t, struct buf *out)
{
	unsigned char text[TRANSFER_LINE_MAX + 1];
	int n = EVP_EncodeBlock(text, t->line, (int)t->len);

	if (n > 0)
		buf_add(out, text, (size_t)n);
	buf_add(out, "\n", 1);
	t->len = 0;
}

static void
base64_put(struct transfer *t, unsigned char c, struct buf *out)
{
	t->line[t->len++] = c;
	if (t->len == BASE64_LINE)
		base64_line(t, out);
}

/* An end of a line is CRLF (RFC 2045 6.8), once it is known to be one. */
static void
base64_put_newline(struct transfer *t, struct buf *out)
{
	if (t->newline) {
		base64_put(t, '\r', out);
		base64_put(t, '\n', out);
	}
	t->newline = false;
}

static void
base64_add(struct transfer *t, unsigned char c, struct buf *out)
{
	base64_put_newline(t, out);
	if (c == '\n')
		t->newline = true;
	else
		base64_put(t, c, out);
}

/* --- for both -------------------------------------------------------------- */

int
transfer_add(struct transfer *t, struct span piece, struct buf *out)
{
	size_t i;

	for (i = 0; i < piece.len; i++) {
		if (t->base64)
			base64_add(t, piece.p[i], out);
		else
			qp_add(t, piece.p[i], out);
	}
	return out->err;
}

int
transfer_end(struct transfer *t, bool newline, struct buf *out)
{
	if (!t->base64) {
		qp_put_blank(t, true, out);
		qp_line(t, "", out);
		return out->err;
	}
	if (newline)
		base64_put_newline(t, out);
	t->newline = false;
	if (t->len > 0)
		base64_line(t, out);
	return out->err;
}
