/* SPDX-License-Identifier: ISC
 *
 * What the two files of downgrade.h share.
 */
#ifndef RELAY_DOWNGRADE_INT_H
#define RELAY_DOWNGRADE_INT_H

#include "delivery/relay/downgrade.h"
#include "delivery/relay/transfer.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/mime.h"

enum downgrade_state {
	DG_HEADER,   /* of the innermost level */
	DG_BODY,     /* ... which has no parts */
	DG_PREAMBLE, /* ... or has, before the first of them */
	DG_EPILOGUE, /* ... after the last */
	DG_LOST
};

enum level_kind {
	LEVEL_LEAF,
	LEVEL_OPAQUE, /* a leaf that has to stay as it is */
	LEVEL_MULTIPART,
	LEVEL_MESSAGE /* has a message as its only part */
};

/* A part that is open, within the one before it. */
struct level {
	enum level_kind kind;
	size_t part;                  /* its number */
	bool message;                 /* a whole one: has MIME-Version */
	bool digest;                  /* RFC 2046 5.1.5: messages are in it */
	bool is_signed;               /* or within what is */
	bool base64;                  /* a leaf's, if it is to be encoded */
	bool closed;                  /* the last delimiter was there */
	enum downgrade_verdict fault; /* why LEVEL_OPAQUE */
	enum mime_encoding encoding;
	size_t boundary_len;
	unsigned char boundary[MIME_BOUNDARY_MAX];
};

/* What becomes of a part: an octet of the plan. */
enum plan {
	PLAN_KEEP,
	PLAN_7BIT,
	PLAN_QUOTED_PRINTABLE,
	PLAN_BASE64,
	PLAN_ACTION = 0x0f,
	PLAN_CHANGED = 0x80 /* it, or a part of it */
};

struct downgrade {
	bool converting;
	struct buf *out;
	enum downgrade_state state;
	struct level levels[DOWNGRADE_DEPTH_MAX];
	size_t depth;
	size_t parts; /* begun */
	struct buf plan;
	struct buf header; /* of the part, as far as it was read */
	struct buf line;   /* what is held of one */
	bool middle;       /* of a line that is text */
	int error;
	struct transfer transfer;
	/* What was seen. */
	enum downgrade_verdict fault; /* the first; else DOWNGRADE_NEEDLESS */
	bool eight;
	bool header_eight;
	bool dkim;
	uint64_t octets;
	uint64_t lines;
	uint64_t extra; /* octets that encoding adds */
	/* ... of the leaf */
	bool strange; /* octets that are not 7bit (RFC 2045 2.7) */
	bool long_lines;
	size_t line_len;
	uint64_t leaf_octets;
	uint64_t leaf_coded;
	uint64_t leaf_lines;
	unsigned char last; /* octet */
};

/* --- downgrade.c --- */

/* It cannot be done, for that reason, unless there was another before. */
void downgrade_fault(struct downgrade *, enum downgrade_verdict);

/* Nothing that follows is understood. */
void downgrade_lose(struct downgrade *);

/* --- downgrade_part.c --- */

/* A part begins, in the innermost level; a whole message is one. */
void part_push(struct downgrade *, bool message);

/* Its header, which is in d->header, has ended; with a blank line; with a body
 * that follows. */
void part_header_end(struct downgrade *, bool blank, bool body);

/* Text of its body, at most a line; a line that is no text. */
void part_text(struct downgrade *, struct span);
void part_copy(struct downgrade *, struct span);

/* The body of a leaf has ended, with the content or before a delimiter, to
 * which its last LF belongs. */
void part_body_end(struct downgrade *, bool at_end);

/* Whatever it is, it is content. */
void part_count(struct downgrade *, struct span);

#endif
