/* SPDX-License-Identifier: ISC
 *
 * Command lines: only CRLF ends one, nothing but HT and text is in one, and
 * one that is too long is read to its end and never looked into.  Pure
 * functions.
 */
#ifndef MAIL_LINE_H
#define MAIL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "privsep/base/buf.h"

/* Octets, CRLF included. */
#define LINE_COMMAND_MAX 512   /* RFC 5321 4.5.3.1.4 */
#define LINE_PATH_MAX    2048  /* MAIL, RCPT: what extensions add has room */
#define LINE_AUTH_MAX    12288 /* RFC 4954 4 */

enum line_status {
	LINE_MORE,    /* no whole line yet */
	LINE_OK,      /* a line */
	LINE_BAD,     /* a bare CR, a bare LF, NUL or another CTL but HT */
	LINE_TOO_LONG /* over the limit */
};

/* All zero to begin with. */
struct line_reader {
	size_t seen;   /* octets at the front that were looked at */
	bool draining; /* the rest of a refused line is being dropped */
	bool drain_cr; /* ... and its last octet was a CR */
};

/* Find the next line in in, the octets that came and were not used yet;
 * path_max is the limit for MAIL and RCPT in octets with CRLF.  *used octets
 * are to be dropped from the front before the next call, and those kept stand
 * there again.  LINE_OK gives the line without CRLF, borrowed from in.
 * LINE_BAD and LINE_TOO_LONG come once for a line, as soon as it is seen; the
 * rest of it, to its CRLF, is dropped by the calls that follow.  Input is
 * hostile. */
enum line_status line_next(struct line_reader *, struct span in,
    size_t path_max, size_t *used, struct span *line);

#endif
