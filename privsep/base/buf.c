/* SPDX-License-Identifier: ISC
 *
 * Spans, growable buffers with a hard maximum, and the bounded reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/buf.h"
#include "privsep/base/chk.h"
#include "privsep/base/err.h"

#define BUF_MIN 128 /* first allocation, octets */

struct span
span_str(const char *s)
{
	return (struct span){ (const unsigned char *)s, strlen(s) };
}

bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static unsigned char
ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

bool
span_caseeq(struct span a, struct span b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

bool
span_is_text(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

char *
span_dup(struct span s)
{
	size_t size;
	char *copy;

	if (s.len > 0 && memchr(s.p, '\0', s.len) != NULL)
		return NULL;
	if (!chk_add(s.len, 1, &size) || (copy = malloc(size)) == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return copy;
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

static int
buf_grow(struct buf *b, size_t len)
{
	size_t need, cap;
	unsigned char *data;

	if (!chk_add(b->len, len, &need) || need > b->max)
		return b->err = -E_TOOLONG;
	cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	while (cap < need) {
		if (!chk_mul(cap, 2, &cap))
			cap = need;
	}
	if (cap > b->max)
		cap = b->max;
	if ((data = chk_realloc(b->data, cap, 1)) == NULL)
		return b->err = -E_NOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int
buf_reserve(struct buf *b, size_t len)
{
	if (b->err != 0)
		return b->err;
	/* cap is never above max, and len not above cap */
	return len <= b->cap - b->len ? 0 : buf_grow(b, len);
}

int
buf_add(struct buf *b, const void *p, size_t len)
{
	if (buf_reserve(b, len) != 0)
		return b->err;
	if (len > 0)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	return 0;
}

int
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (b->err != 0)
		return b->err;
	/* vsnprintf wants room for its NUL, which does not count as content:
	 * too little of it here is no failure yet */
	if (buf_reserve(b, 64) == -E_NOMEM)
		return b->err;
	b->err = 0;
	va_copy(again, ap);
	n = vsnprintf((char *)(b->data == NULL ? NULL : b->data + b->len),
	    b->cap - b->len, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len &&
	    buf_reserve(b, (size_t)n + 1) == 0)
		n = vsnprintf(
		    (char *)b->data + b->len, b->cap - b->len, fmt, again);
	va_end(again);
	if (n < 0)
		b->err = -E_NOMEM;
	if (b->err == 0)
		b->len += (size_t)n;
	return b->err;
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int error;

	if (b->err != 0)
		return b->err;
	va_start(ap, fmt);
	error = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return error;
}

static int
buf_put(struct buf *b, uint64_t v, size_t octets)
{
	unsigned char enc[8];
	size_t i;

	for (i = 0; i < octets; i++)
		enc[i] = (unsigned char)(v >> (8 * (octets - 1 - i)));
	return buf_add(b, enc, octets);
}

int
buf_put_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, v, 1);
}

int
buf_put_u16(struct buf *b, uint16_t v)
{
	return buf_put(b, v, 2);
}

int
buf_put_u32(struct buf *b, uint32_t v)
{
	return buf_put(b, v, 4);
}

int
buf_put_u64(struct buf *b, uint64_t v)
{
	return buf_put(b, v, 8);
}

int
buf_put_span(struct buf *b, struct span s)
{
	if (s.len > UINT32_MAX)
		return b->err = -E_TOOLONG;
	buf_put_u32(b, (uint32_t)s.len);
	return buf_add(b, s.p, s.len);
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->data, b->len };
}

struct rd
rd_init(struct span s)
{
	static const unsigned char none[1];

	if (s.len == 0)
		return (struct rd){ none, none, false };
	return (struct rd){ s.p, s.p + s.len, false };
}

struct span
rd_octets(struct rd *r, size_t n)
{
	struct span s = { r->p, n };

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return (struct span){ r->end, 0 };
	}
	r->p += n;
	return s;
}

static uint64_t
rd_uint(struct rd *r, size_t octets)
{
	struct span s = rd_octets(r, octets);
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.len; i++)
		v = v << 8 | s.p[i];
	return v;
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)rd_uint(r, 1);
}

uint16_t
rd_u16(struct rd *r)
{
	return (uint16_t)rd_uint(r, 2);
}

uint32_t
rd_u32(struct rd *r)
{
	return (uint32_t)rd_uint(r, 4);
}

uint64_t
rd_u64(struct rd *r)
{
	return rd_uint(r, 8);
}

struct span
rd_span(struct rd *r, size_t max)
{
	uint32_t len = rd_u32(r);

	if (len > max) {
		r->bad = true;
		return (struct span){ r->end, 0 };
	}
	return rd_octets(r, len);
}

size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

bool
rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}
