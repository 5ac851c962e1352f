/* SPDX-License-Identifier: ISC
 *
 * The end of data, and nothing else, ends a message: exactly CRLF "." CRLF,
 * or "." CRLF at the very start (RFC 5321 4.1.1.4, 4.5.2).  A bare CR, a bare
 * LF or a NUL makes the content bad and is never repaired.  Pure functions.
 */
#ifndef MAIL_EOD_H
#define MAIL_EOD_H

#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/replies.h"

#define EOD_LINE_MAX 998 /* RFC 5322 2.1.1, CRLF not counted */

enum eod_status {
	EOD_MORE, /* all was read, the end has not come */
	EOD_END   /* the end was read; what follows is not content */
};

/* What is wrong with the content; bits, they stay set. */
enum eod_fault {
	EOD_BARE_CR = 1 << 0,
	EOD_BARE_LF = 1 << 1,
	EOD_NUL = 1 << 2,
	EOD_LINE = 1 << 3, /* a line longer than line_max */
	EOD_SIZE = 1 << 4  /* more octets than size_max */
};

enum eod_state {
	EOD_S_LINE,   /* at the start of a line */
	EOD_S_DOT,    /* a dot at the start of a line */
	EOD_S_DOT_CR, /* and a CR after it */
	EOD_S_TEXT,   /* within a line */
	EOD_S_CR,     /* a CR within a line */
	EOD_S_END
};

/* Read faults and size; the rest is the machine's own. */
struct eod {
	enum eod_state state;
	unsigned faults;   /* enum eod_fault */
	uint64_t size;     /* octets so far as RFC 1870 counts them: CRLF is
			      2, without stuffed dots and the final line */
	uint64_t size_max; /* octets; 0: no limit */
	size_t line_len;   /* octets of the line so far */
	size_t line_max;   /* octets without CRLF; 0: no limit */
};

/* Begin a message. */
void eod_init(struct eod *, size_t line_max, uint64_t size_max);

/* Read on.  Appends content to out in canonical form (lines end in LF, dots
 * unstuffed), at most in.len octets, and nothing any more once a fault is
 * set; *used is how much of in was read, all of it unless the end came.
 * Octets may come in any pieces.  out's error is for the caller to see; the
 * machine goes on regardless.  Input is hostile. */
enum eod_status eod_feed(
    struct eod *, struct span in, size_t *used, struct buf *out);

/* The reply that the faults call for: RP_NONE when there are none. */
enum reply eod_verdict(const struct eod *);

#endif
