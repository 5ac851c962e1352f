/* SPDX-License-Identifier: ISC
 *
 * Content as it goes over the wire: lines end in CRLF, and one that begins
 * with a dot gets another (RFC 5321 4.5.2).  CR and NUL, which the content of a
 * message may not have (RFC 5321 2.3.8), are left out: no end of a line goes
 * out that is not ours.
 */
#ifndef RELAY_ENCODE_H
#define RELAY_ENCODE_H

#include "privsep/base/buf.h"

struct encode {
	bool middle; /* the last piece did not end with its line */
};

/* Append a piece of content, lines ending in LF.  0 or the buffer's error. */
int encode_add(struct encode *, struct span piece, struct buf *out);

/* Append the end of data, and of the last line if that is not ended. */
int encode_end(struct encode *, struct buf *out);

#endif
