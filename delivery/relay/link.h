/* SPDX-License-Identifier: ISC
 *
 * A connection to a host, between the destination that it works for and the
 * client that speaks SMTP over it.
 */
#ifndef RELAY_LINK_H
#define RELAY_LINK_H

#include "delivery/relay/client.h"
#include "delivery/relay/relay.h"
#include "delivery/relay/tries.h"

enum link_state {
	LINK_CONNECTING, /* a race is on */
	LINK_GREETING,   /* connected: greeting, EHLO, TLS, AUTH */
	LINK_BUSY,       /* a job is being sent */
	LINK_IDLE,       /* ready for another; kept for a while */
	LINK__MAX
};

struct link {
	TAILQ_ENTRY(link) entry;
	TAILQ_ENTRY(link) idle_entry; /* in LINK_IDLE */
	enum link_state state;
	struct dest *dest; /* NULL in LINK_IDLE */
	const struct action *action;
	char *label; /* of the credentials, NULL without */
	struct tries tries;
	struct race *race;
	const struct target *target; /* of tries */
	union ip ip;
	int family;            /* it is opened for that alone; 0: any */
	union ip src4, src6;   /* AF_UNSPEC: as the kernel chooses */
	struct host *host;     /* of ip; counted there */
	struct host *source;   /* of the source address; counted there */
	struct host *named;    /* of the target, if limited; counted there */
	struct client *client; /* from LINK_GREETING on */
	struct job *job;       /* in LINK_BUSY */
	bool good;             /* somebody of the job was taken or refused */
	uint64_t sent;         /* messages over it */
	uint64_t max_sent;
	uint64_t since_s;
	struct event *timer; /* how long it is kept */
	char status[8];      /* why the last address did not do */
	char text[ROUTE_TEXT_MAX];
	char via_host[ROUTE_NAME_MAX + 1];
	char via_address[IP_TEXT_MAX];
};
TAILQ_HEAD(link_list, link);

/* --- pool.c: connections that are kept --- */

/* Keep it; it is closed when its time is over. */
void pool_put(struct link *);

/* One that goes to the best host of these that is not down, for that action;
 * out of the pool; over that family alone, or 0.  NULL when there is none. */
struct link *pool_take(const struct action *, const char *label,
    const struct target *, size_t n, int family);

/* Out of the pool, for whatever reason. */
void pool_remove(struct link *);

/* The one that is longest unused of those whose end makes room for another to
 * one of the targets, from an address of ours that may have source_max: one to
 * the same place, or else from a source that is full.  NULL when there is
 * none. */
struct link *pool_oldest(const struct target *, size_t n, uint64_t source_max);

/* Any of them; NULL when there is none. */
struct link *pool_any(void);

/* --- count.c: what connections count for --- */

/* Choose the least used of our addresses for each family.  False when there
 * are some, but all have as many connections as they may. */
bool count_choose_source(struct link *);

/* It is on its way to that address; it is connected, and false: from an address
 * of ours that has too many. */
void count_connecting(struct link *, const union ip *);
bool count_connected(struct link *, int fd);

/* It counts for nothing any more. */
void count_clear(struct link *);

/* A message goes over it. */
void count_message(struct link *);

/* --- family.c --- */

/* Whether what was said of recipient i may be said over that family alone, and
 * the host has another: then it is no outcome yet. */
bool family_put_off(struct link *, size_t i, const struct verdict *);

/* The host took what it had refused over the other family. */
void family_worked(const struct link *);

/* --- link.c --- */

/* The time for which it is kept is over, or the other side has ended it. */
void link_end(struct link *);

#endif
