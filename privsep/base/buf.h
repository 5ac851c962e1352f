/* SPDX-License-Identifier: ISC
 *
 * Octets with their length: struct span borrows them, struct buf owns and
 * grows them up to a hard maximum, struct rd reads them with every bound
 * checked.  These three are the only way that data from outside is held.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed octets.  Never NUL-terminated; p may be NULL when len is 0. */
struct span {
	const unsigned char *p;
	size_t len;
};

/* The span of a C string literal or of a NUL-terminated string of ours. */
struct span span_str(const char *s);

/* Equal octets, or equal but for ASCII case. */
bool span_eq(struct span a, struct span b);
bool span_caseeq(struct span a, struct span b);

/* No control characters, which could begin a line, a record or an order to a
 * terminal somewhere. */
bool span_is_text(struct span s);

/* A NUL-terminated copy.  Gives it (free()); NULL without memory or when the
 * octets contain a NUL. */
char *span_dup(struct span s);

/*
 * A growable buffer.  data[0..len) is its content.  An addition that fails
 * (no memory, over the maximum) sets err, changes nothing, and makes every
 * later addition fail too, so that a series is checked once, at its end.
 */
struct buf {
	unsigned char *data;
	size_t len;
	size_t cap;
	size_t max;
	int err; /* 0, -E_NOMEM or -E_TOOLONG */
};

/* An empty buffer of at most max octets; allocates nothing yet. */
void buf_init(struct buf *, size_t max);

/* Free the memory and leave an empty buffer with the same maximum. */
void buf_clear(struct buf *);

/* Empty it but keep the memory; clears err. */
void buf_reset(struct buf *);

/* Append.  All return 0 or the sticky error.  Integers go in network order.
 * buf_put_span writes a 32-bit length, then the octets (see rd_span). */
int buf_add(struct buf *, const void *, size_t len);
int buf_add_str(struct buf *, const char *);
int buf_addf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *, const char *fmt, va_list);
int buf_put_u8(struct buf *, uint8_t);
int buf_put_u16(struct buf *, uint16_t);
int buf_put_u32(struct buf *, uint32_t);
int buf_put_u64(struct buf *, uint64_t);
int buf_put_span(struct buf *, struct span);

/* Make room for len more octets; then data[len..len+n) may be written to and
 * len raised by the caller.  0 or the sticky error. */
int buf_reserve(struct buf *, size_t len);

/* Drop the first n octets (n <= len), moving the rest to the front. */
void buf_drop(struct buf *, size_t n);

/* What is in it, borrowed until the next change. */
struct span buf_span(const struct buf *);

/*
 * A bounded reader.  A read past the end gives zero (or an empty span) and
 * sets bad, which stays set: read all fields, then ask rd_done.
 */
struct rd {
	const unsigned char *p;
	const unsigned char *end;
	bool bad;
};

/* Read from the octets of s, which it borrows. */
struct rd rd_init(struct span s);
uint8_t rd_u8(struct rd *);
uint16_t rd_u16(struct rd *);
uint32_t rd_u32(struct rd *);
uint64_t rd_u64(struct rd *);

/* The next n octets, borrowed. */
struct span rd_octets(struct rd *, size_t n);

/* A 32-bit length, at most max, and its octets, borrowed. */
struct span rd_span(struct rd *, size_t max);

/* How much is left. */
size_t rd_left(const struct rd *);

/* True when every read was in bounds and nothing is left over. */
bool rd_done(const struct rd *);

#endif
