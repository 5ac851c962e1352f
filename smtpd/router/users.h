/* SPDX-License-Identifier: ISC
 *
 * Is there such a system user?  The master knows; its answers are kept for a
 * few seconds, so that a message to many costs it little and a dictionary
 * attack does not fall on root.
 */
#ifndef ROUTER_USERS_H
#define ROUTER_USERS_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stdint.h>

#include "privsep/base/buf.h"
#include "privsep/ipc/terms.h"

#define USERS_NAME_MAX  64   /* octets of a name */
#define USERS_CACHE_MAX 4096 /* names that are remembered or asked for */
#define USERS_CACHE_MS  10000

struct user_entry;

/* Someone who waits for an answer; embedded in the owner's object, and on no
 * list while on is NULL. */
struct user_wait {
	TAILQ_ENTRY(user_wait) entry;
	struct user_entry *on;
	void (*done)(struct user_wait *, enum user_answer);
};

RB_HEAD(user_tree, user_entry);
TAILQ_HEAD(user_list, user_entry);

struct users {
	struct user_tree names;
	struct user_list pending; /* in the order in which they were asked */
	struct user_list known;   /* least recently used first */
	size_t count;
	uint64_t last_request;
	/* Ask the master; 0 or -E_*.  Replaced in tests. */
	int (*ask)(uint64_t request, struct span name);
};

/* Remember nothing; ask with that function. */
void users_init(struct users *, int (*ask)(uint64_t, struct span));

/* Ask about a name, hostile.  True with *answer when that is known at once;
 * otherwise w->done is called later, unless users_cancel() comes first. */
bool users_ask(struct users *, struct span name, struct user_wait *w,
    enum user_answer *answer);

/* Wait no longer; also for one that does not wait. */
void users_cancel(struct user_wait *);

/* The master has answered.  0, or -E_NOENT when nothing of that request was
 * asked. */
int users_answer(struct users *, uint64_t request, enum user_answer);

/* Forget every answer; questions that are open stay so. */
void users_flush(struct users *);

#endif
