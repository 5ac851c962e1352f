/* SPDX-License-Identifier: ISC
 *
 * A message as the spool hands it to delivery or to a relay (DELIVER,
 * DELIVER_FD): read and checked in one place for both.
 */
#ifndef PARCEL_PARCEL_H
#define PARCEL_PARCEL_H

#include "privsep/base/buf.h"
#include "privsep/ipc/msg.h"
#include "privsep/ipc/terms.h"

#define PARCEL_ADDRESS_MAX   1024 /* octets of an address in a message */
#define PARCEL_NAME_MAX      256  /* of an action or a user */
#define PARCEL_TEXT_MAX      512  /* of a status text */
#define PARCEL_ENVELOPES_MAX 1024 /* more do not fit in a frame */

/* A message as the spool gave it, shared by whatever is done with it. */
struct parcel {
	unsigned refs;
	uint64_t msgid;
	uint64_t created_s;
	uint64_t size; /* octets of content, lines ending in LF */
	uint8_t flags; /* TX_* */
	uint8_t ret;
	struct buf sender;
	struct buf envid;
	struct buf content; /* empty when fd is not -1 */
	int fd;
};

/* One envelope of it, fields borrowed from the message being read. */
struct envelope {
	uint32_t index;
	uint8_t flags; /* DELIVER_* */
	enum env_outcome outcome;
	struct span status;
	struct span text;
	struct span via;
	struct span rcpt;
	struct span orcpt;
	uint8_t notify;
	struct span action;
	struct span user;
};

/* All that one message of the spool's says. */
struct assignment {
	enum deliver_purpose purpose;
	struct parcel *parcel; /* with one reference, which is the reader's */
	const struct envelope *envs; /* until the next parcel_read() */
	size_t n;                    /* at least 1 */
};

/* Read it.  0 with *out given (parcel_release); -E_NOMEM with *out given as
 * far as there was memory, so that its envelopes can be deferred, if there
 * are any in it; -E_PEER, with nothing given, for a message out of shape. */
int parcel_read(struct msg *, struct assignment *out);

/* Another reference to it; returns it. */
struct parcel *parcel_keep(struct parcel *);

/* Let go of a reference; NULL is fine. */
void parcel_release(struct parcel *);

#endif
