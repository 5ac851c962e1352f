/* SPDX-License-Identifier: ISC
 *
 * Delivery status notifications (RFC 3461, 3462, 3464; 6533 for addresses
 * beyond ASCII): a pure function from what happened to the text of the message.
 */
#ifndef DSN_DSN_H
#define DSN_DSN_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "privsep/base/buf.h"

enum dsn_kind {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_DELIVERED,
	DSN_RELAYED, /* to a host that does not report itself */
	DSN_ORPHANED /* failed, with no sender: the postmaster is told */
};

/* One recipient that is reported on. */
struct dsn_recipient {
	struct span rcpt;
	struct span orcpt;  /* "type;address" of ORCPT, decoded, or empty */
	struct span status; /* enhanced status code "5.1.1" */
	struct span text;   /* what the last attempt said */
	struct span via;    /* the next host that said it, as in via.h */
	time_t expires;     /* until when it is tried, for DSN_DELAYED */
};

/* What the notification says.  Borrows everything. */
struct dsn {
	enum dsn_kind kind;
	uint64_t msgid;    /* of the message that is reported on */
	uint64_t reportid; /* of the notification, for its Message-ID */
	time_t created;    /* when the message came */
	time_t now;
	struct span hostname;
	struct span to;    /* whom it is sent to */
	struct span envid; /* decoded ENVID, or empty */
	bool full;         /* RET=FULL: return the content, not its header */
	bool bare;         /* return nothing of it */
	bool utf8;         /* the message is SMTPUTF8 */
	size_t return_max; /* octets of it that are returned */
	const struct dsn_recipient *rcpts;
	size_t nrcpts;
	struct span content; /* the message, lines ending in LF */
};

#define DSN_MAX (64 * 1024 * 1024) /* octets of a notification */

/* Append the notification, header and body, lines ending in LF.  0 or the
 * buffer's error. */
int dsn_compose(const struct dsn *, struct buf *);

#endif
