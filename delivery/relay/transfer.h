/* SPDX-License-Identifier: ISC
 *
 * Octets as text in ASCII: the two encodings of RFC 2045 6.7 and 6.8, of
 * content that comes in pieces.  Lines end in LF on both sides.
 */
#ifndef RELAY_TRANSFER_H
#define RELAY_TRANSFER_H

#include "privsep/base/buf.h"

#define TRANSFER_LINE_MAX 76 /* RFC 2045 6.7 (5), 6.8: octets of a line */

struct transfer {
	bool base64;
	size_t len; /* of line */
	unsigned char line[TRANSFER_LINE_MAX];
	unsigned char blank; /* the last octet, if it may end its line */
	bool newline;        /* base64: the last octet was LF */
};

/* Begin, in base64 or else in quoted-printable.  In the latter ends of lines
 * stay what they are, and no line of it is one that ends a message or a part
 * of one, or that others change on its way. */
void transfer_begin(struct transfer *, bool base64);

/* Append a piece.  0 or the buffer's error. */
int transfer_add(struct transfer *, struct span piece, struct buf *out);

/* Append the rest.  The LF that the content ends with, if it does, belongs to
 * it only with newline; in base64 it ends the output in any case.  0 or the
 * buffer's error. */
int transfer_end(struct transfer *, bool newline, struct buf *out);

/* Whether quoted-printable has more than this octet for it, wherever it
 * stands. */
bool transfer_is_coded(unsigned char c);

#endif
