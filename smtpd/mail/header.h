/* SPDX-License-Identifier: ISC
 *
 * The header of a message in canonical form (lines end in LF): where it ends,
 * how much is in it, its fields, and the addresses in a field (RFC 5322).
 * Fields are found, never changed.  Pure functions without recursion.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/replies.h"

#define HEADER_OCTETS_MAX   (256 * 1024) /* octets of a header, LF as one */
#define HEADER_FIELDS_MAX   1000         /* fields in it */
#define HEADER_RECEIVED_MAX 50           /* RFC 5321 6.3: Received fields */
#define HEADER_COMMENT_MAX  100          /* depth of nested comments */
#define HEADER_NAME_KEPT    16           /* octets of a name looked at */

/* Counts over a header that comes in pieces.  Read octets, fields, received
 * and done; the rest is its own. */
struct header_scan {
	size_t octets; /* of the header, without the blank line */
	size_t fields;
	size_t received;
	bool done; /* the header has ended */
	uint8_t state;
	uint8_t name_len;
	size_t name_octets;
	unsigned char name[HEADER_NAME_KEPT];
};

/* Begin a message. */
void header_scan_init(struct header_scan *);

/* Look at the next piece of the message.  Costs nothing once done is set. */
void header_scan_feed(struct header_scan *, struct span in);

/* The reply that the counts call for: RP_LOOP, RP_HEADER_TOO_BIG, RP_NONE. */
enum reply header_scan_verdict(const struct header_scan *);

/* One field.  whole is all of it with its last LF, value what stands after
 * the colon with its folding, without the last LF. */
struct header_field {
	struct span name;
	struct span value;
	struct span whole;
};

/* Take the first field off *rest, the message or what is left of it.  False
 * at the end of the header: *rest is then the body, without the blank line
 * if there is one.  Borrows from *rest. */
bool header_next(struct span *rest, struct header_field *out);

/* The first field of that name (ASCII case does not matter).  False when
 * there is none. */
bool header_find(
    struct span message, const char *name, struct header_field *out);

/* A field's name is this one. */
bool header_is(const struct header_field *, const char *name);

/* Append a value unfolded: without LF, without white space at both ends.  0
 * or the buffer's error. */
int header_unfold(struct span value, struct buf *out);

/* The octets of the comment at the front of s, which begins with its bracket;
 * comments nest, to a depth (RFC 5322 3.2.2).  0 when it does not end. */
size_t header_comment(struct span s);

/* An address list being read (RFC 5322 3.4: display names, comments, groups,
 * routes). */
struct header_list {
	struct span rest;
	bool in_group;
	bool failed;
};

/* Begin on the value of a field, which it borrows. */
void header_list_init(struct header_list *, struct span value);

/* The next mailbox: 1 and *out, 0 at the end, -E_SYNTAX or -E_TOOLONG, after
 * which the rest of the list is not read.  flags as for address_parse.
 * Input is hostile. */
int header_list_next(
    struct header_list *, unsigned flags, struct mail_address *out);

#endif
