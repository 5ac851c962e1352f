/* SPDX-License-Identifier: ISC
 *
 * The name of a client's address, as far as the resolver has confirmed it: the
 * address has the name, and the name has the address.  Clients at one address
 * share what is known of it, and it is remembered for a while after they have
 * gone.
 */
#ifndef ROUTER_NAMES_H
#define ROUTER_NAMES_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "smtpd/router/source.h"

#define NAMES_IDLE_MAX 4096 /* addresses remembered without a client there */
#define NAMES_ASKED_MAX                                                        \
	2048               /* that are asked for at the same time; from half */
#define NAMES_ASKED_NET 64 /* of them on so many of one network */
#define NAMES_TTL_MIN_S 10 /* a name holds at least so long, */
#define NAMES_TTL_MAX_S 3600 /* and at most, whatever the DNS says */
#define NAMES_NONE_S    60   /* that there is none holds so long */
#define NAMES_FAILED_S  10   /* it is not asked for again before that */

enum name_status {
	NAME_NONE, /* there is none, or none that can be trusted */
	NAME_FOUND,
	NAME_ASKED, /* it is not known yet */
	NAME_FAILED /* it cannot be found out now */
};

struct name;

/* Who wants to know the name of an address; embedded in the owner's object. */
struct name_ref {
	LIST_ENTRY(name_ref) entry;
	struct name *name; /* NULL: of what has no name */
	/* What was NAME_ASKED is so no more.  It may leave, and others too. */
	void (*settled)(struct name_ref *);
};

RB_HEAD(name_tree, name);
TAILQ_HEAD(name_list, name);

struct names {
	struct name_tree sources;
	struct name_list asked; /* in the order in which they were asked */
	struct name_list idle;  /* those of no client, the oldest first */
	size_t nasked;
	size_t nidle;
	uint64_t last_request;
	/* Ask the resolver; 0 or -E_*.  Replaced in tests. */
	int (*ask)(uint64_t request, const struct source *);
	uint64_t (*now_ms)(void); /* clock_ms(); replaced in tests */
};

/* Know nothing; ask with that function. */
void names_init(
    struct names *, int (*ask)(uint64_t request, const struct source *));

/* Want the name of that source, and ask for it if it is not known; ref, which
 * is zeroed but for settled, is borrowed until names_leave().  Loopback and
 * what is no address have no name; nor has a source that there is no memory
 * for.  Does not call settled. */
void names_enter(struct names *, struct name_ref *, const struct source *);

/* Want it no more; also for one that never did. */
void names_leave(struct names *, struct name_ref *);

/* What is known.  *text is the name with NAME_FOUND, borrowed until
 * names_leave(), and empty otherwise. */
enum name_status name_status(const struct name_ref *, struct span *text);

/* When it was asked for, by clock_ms(); with NAME_ASKED. */
uint64_t name_asked_ms(const struct name_ref *);

/* Ask again for what could not be found out, if that is some time ago.
 * Whether the answer is still to come. */
bool names_retry(struct names *, struct name_ref *);

/* The resolver has answered that request: NAME_FOUND with a name, which must
 * be a domain or counts for none, and the seconds that it holds; NAME_NONE or
 * NAME_FAILED.  0, or -E_NOENT when no such answer is waited for. */
int names_answer(struct names *, uint64_t request, enum name_status,
    struct span text, uint32_t ttl_s);

/* What was asked for before that time (clock_ms()) has failed. */
void names_expire(struct names *, uint64_t before_ms);

/* When the oldest question was asked; 0 without one. */
uint64_t names_oldest_ms(const struct names *);

#endif
