/* SPDX-License-Identifier: ISC
 *
 * A message with 8-bit octets as one without (RFC 6152 3): its parts that have
 * any are encoded (RFC 2045 6), everything else stays as it is, to the octet.
 * It is read twice, in pieces: once to see what is in it and whether it can be
 * done at all, then to do it.  Memory is bounded: a header, a line, an octet
 * for each part.  Content is hostile.
 */
#ifndef RELAY_DOWNGRADE_H
#define RELAY_DOWNGRADE_H

#include <stdint.h>

#include "privsep/base/buf.h"

#define DOWNGRADE_DEPTH_MAX 32   /* of parts within parts */
#define DOWNGRADE_PARTS_MAX 4096 /* in all */

enum downgrade_verdict {
	DOWNGRADE_NEEDLESS, /* no 8-bit octet is in it */
	DOWNGRADE_POSSIBLE,
	/* There are 8-bit octets where they cannot be encoded: */
	DOWNGRADE_HEADER,    /* in a header */
	DOWNGRADE_SIGNED,    /* in what is signed (RFC 1847) */
	DOWNGRADE_ENCODED,   /* in what says that it is encoded already */
	DOWNGRADE_TYPE,      /* in a message/ that may not be (RFC 2046 5.2) */
	DOWNGRADE_ASIDE,     /* in a multipart, but in no part of it */
	DOWNGRADE_STRUCTURE, /* where the parts are cannot be said for sure */
	DOWNGRADE__MAX
};

struct downgrade;

/* NULL without memory. */
struct downgrade *downgrade_new(void);
void downgrade_free(struct downgrade *); /* NULL is fine */

/* Look at the next piece of the content, lines ending in LF.  0 or
 * -E_NOMEM. */
int downgrade_look(struct downgrade *, struct span piece);

/* All of it was looked at.  0 or -E_NOMEM. */
int downgrade_seen(struct downgrade *);

/* What was seen: whether it can be converted; why not, in words; whether all
 * headers in it are ASCII; whether it has a DKIM-Signature, which will not hold
 * any more; and how large it becomes at most, CRLF as 2 octets. */
enum downgrade_verdict downgrade_verdict(const struct downgrade *);
const char *downgrade_text(enum downgrade_verdict);
bool downgrade_ascii_headers(const struct downgrade *);
bool downgrade_has_dkim(const struct downgrade *);
uint64_t downgrade_size(const struct downgrade *);

/* Begin, or begin anew, to convert what DOWNGRADE_POSSIBLE was said of; then
 * the same pieces, or others of the same content; then their end.  Appends to
 * out.  0, the buffer's error, or -E_CORRUPT when it is not the same content
 * any more. */
void downgrade_begin(struct downgrade *);
int downgrade_add(struct downgrade *, struct span piece, struct buf *out);
int downgrade_end(struct downgrade *, struct buf *out);

#endif
