/* SPDX-License-Identifier: ISC
 *
 * What post.c shares with item.c: posts, and the envelopes in hand there.
 */
#ifndef LOCAL_POST_INT_H
#define LOCAL_POST_INT_H

#include <event2/event.h>

#include "delivery/local/delivery.h"

enum post_state {
	POST_WAITING,  /* for a place among the mailers */
	POST_STARTING, /* the master has been asked */
	POST_OPEN
};

/* An envelope in hand. */
struct item {
	TAILQ_ENTRY(item) entry;
	struct post *post; /* where it is in hand */
	struct parcel *parcel;
	uint32_t index;
	uint8_t flags;
	uint64_t sent_ms;
	uint8_t notify;
	uint8_t mode; /* of TX_MODE */
	struct buf rcpt;
	struct buf orcpt;
};
TAILQ_HEAD(item_queue, item);

struct post {
	TAILQ_ENTRY(post) entry;
	enum post_state state;
	bool terminal; /* its mailer writes to the user's terminal */
	bool settling; /* something is made of an outcome: not to be freed */
	bool outdated; /* its mailer is of a configuration that was */
	char user[PARCEL_NAME_MAX + 1];
	char action[PARCEL_NAME_MAX + 1];
	uint64_t request;
	struct chan *chan;      /* POST_OPEN */
	struct item_queue todo; /* not sent yet */
	struct item_queue sent;
	size_t items; /* in both */
	struct event *idle;
};

/* An envelope of the parcel, which it keeps.  NULL without memory. */
struct item *item_new(struct parcel *, const struct envelope *);
void item_free(struct item *);

/* Put it at the end of a queue of the post, and take it off again. */
void item_join(struct post *, struct item_queue *, struct item *);
void item_leave(struct item_queue *, struct item *);

/* It leaves with this outcome, and is freed. */
void item_finish(struct item_queue *, struct item *, enum env_outcome,
    struct span status, struct span text);

/* It is in the mailbox, or was on the screen: tell the sender, if that was
 * wanted, and free it. */
void item_delivered(
    struct item_queue *, struct item *, struct span status, struct span text);

bool item_queue_has(const struct item_queue *, uint64_t msgid, uint32_t index);

#endif
