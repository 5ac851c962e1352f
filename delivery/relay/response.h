/* SPDX-License-Identifier: ISC
 *
 * Replies of a server (RFC 5321 4.2), read by length: lines and their text in
 * bounds, whatever octets they are of.
 */
#ifndef RELAY_RESPONSE_H
#define RELAY_RESPONSE_H

#include "privsep/base/buf.h"

#define RESPONSE_LINE_MAX   2048 /* octets; RFC 5321 4.5.3.1.5 has 512 */
#define RESPONSE_LINES_MAX  100
#define RESPONSE_OCTETS_MAX (16 * 1024) /* of text in all lines */
#define RESPONSE_TEXT_MAX   400         /* octets that are kept for reports */
#define RESPONSE_STATUS_MAX 12          /* "5.123.123" and NUL */

struct response_line {
	unsigned code;    /* 200 .. 599 */
	bool last;        /* no hyphen after the code */
	struct span text; /* what follows code and blank; borrowed */
};

enum response_status {
	RESPONSE_MORE, /* the line is not complete */
	RESPONSE_LINE, /* here it is */
	RESPONSE_BAD   /* that is no reply */
};

/* Read one line off the front of in.  *used octets are to be dropped. */
enum response_status response_read(
    struct span in, struct response_line *out, size_t *used);

/* A reply as it gathers. */
struct response {
	unsigned code; /* 0: nothing yet */
	unsigned lines;
	size_t octets;                    /* of text, in all of them */
	char text[RESPONSE_TEXT_MAX + 1]; /* "550 5.1.1 no such user": one line
					  of printable ASCII */
	char status[RESPONSE_STATUS_MAX]; /* RFC 2034, "" if it has none */
};

/* Start; add a line.  False when the lines do not make one reply. */
void response_begin(struct response *);
bool response_add(struct response *, const struct response_line *);

/* The enhanced status (RFC 3463) at the start of the text, if it is one and of
 * the class of the code: its octets, else 0. */
size_t response_enhanced(struct span text, unsigned code);

#endif
