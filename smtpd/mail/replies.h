/* SPDX-License-Identifier: ISC
 *
 * Every reply that the receiver can give stands once, in replies.def, with
 * its code (RFC 5321 4.2), its enhanced status (RFC 3463) and its text.
 * Between processes a reply travels as its number, never as text.
 */
#ifndef MAIL_REPLIES_H
#define MAIL_REPLIES_H

#include <stdbool.h>
#include <stdint.h>

#include "privsep/base/buf.h"

#define REPLY_LINE_MAX 512 /* RFC 5321 4.5.3.1.5, CRLF included */

enum reply {
	RP_NONE,
#define REPLY(name, code, enhanced, flags, text) name,
#include "smtpd/mail/replies.def"
#undef REPLY
	RP__MAX
};

/* What a reply means to the session besides its text. */
enum reply_flag {
	REPLY_CLOSES = 1 << 0, /* the connection ends after it */
	REPLY_COUNTS = 1 << 1, /* it counts as an error of the client */
	REPLY_PATHS = 1 << 2   /* it names paths; see reply_format_path() */
};

/* The number names a reply. */
bool reply_valid(uint16_t id);

/* Code, 200 to 599; enhanced status, "" where there is none (RFC 2034 4);
 * text; flags of enum reply_flag; name as in replies.def.  Of RP_NONE and of
 * a number that is not valid: what RP_SYSTEM has. */
unsigned reply_code(uint16_t id);
const char *reply_enhanced(uint16_t id);
const char *reply_text(uint16_t id);
unsigned reply_flags(uint16_t id);
const char *reply_name(uint16_t id);

/* Append the reply as one line with CRLF.  extra, if not NULL, stands before
 * the text (our host name, a message id); octets in it that are not printable
 * ASCII become '?', and the line is cut at REPLY_LINE_MAX.  0 or the buffer's
 * error. */
int reply_format(struct buf *, uint16_t id, const struct span *extra);

/* Append the reply with the text given instead of its own, treated as extra
 * above: for texts that the configuration sets. */
int reply_format_text(struct buf *, uint16_t id, struct span text);

/* Append one line of a reply that names a path, which stands after the text:
 * the last line, or one of several.  The path is one that address.h has
 * parsed; UTF-8 in it stays (RFC 6531 3.7.4.2).  0 or the buffer's error. */
int reply_format_path(struct buf *, uint16_t id, bool last, struct span path);

/* Append one line of a reply of several lines: code, '-' or for the last one
 * a space, text treated as extra above, CRLF. */
int reply_line(struct buf *, unsigned code, bool last, struct span text);

#endif
