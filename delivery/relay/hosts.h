/* SPDX-License-Identifier: ISC
 *
 * What is remembered of hosts and their addresses, and of our own ones: which
 * family worked, what went wrong last, how many connections there are and may
 * be.  A table of bounded size; what was not used for longest is forgotten.
 */
#ifndef RELAY_HOSTS_H
#define RELAY_HOSTS_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "delivery/relay/ip.h"
#include "delivery/relay/pace.h"

#define HOSTS_MAX     10000
#define HOST_KEY_MAX  264
#define HOST_TEXT_MAX 200

struct host {
	RB_ENTRY(host) node;
	TAILQ_ENTRY(host) used;
	char key[HOST_KEY_MAX];   /* a name, or an address with its port */
	int family;               /* of a name: the one that worked, else 0 */
	uint32_t connections;     /* that are open or being made */
	bool limited;             /* its limits are known: */
	uint64_t max;             /* connections; 0: any number */
	struct rate rate;         /* of messages */
	union ip source;          /* see host_reached() */
	uint32_t failures;        /* in a row */
	uint64_t down_until_ms;   /* others are tried before it until then */
	uint64_t plain_until_ms;  /* TLS that need not be is not tried */
	uint64_t messages;        /* that it took */
	uint64_t seen_s;          /* when it worked last; 0: never */
	uint64_t failed_s;        /* when it did not */
	char text[HOST_TEXT_MAX]; /* why not */
};

/* What is known of a name or an address; NULL without memory.  Borrowed until
 * the next call, unless it has connections. */
struct host *host_get(const char *key);
struct host *host_get_ip(const union ip *);

/* The same, but NULL when nothing is known. */
struct host *host_find(const char *key);
struct host *host_find_ip(const union ip *);

/* Limits of hosts and of our addresses are those of that configuration, which
 * is borrowed; there are none before this. */
void host_limits(const struct config *);

/* The host of that name, if there is a limit for it; else NULL. */
struct host *host_get_mx(const char *name);

/* Our own address; and NULL when nothing is known of it. */
struct host *host_get_source(const union ip *);
struct host *host_find_source(const union ip *);

/* The kernel has reached the host at that address from this one of ours; and
 * from where it will: from where it did before, or else from where it reached
 * the last other host over that family.  AF_UNSPEC: not known. */
void host_reached(const union ip *, const union ip *source);
const union ip *host_reached_from(const union ip *);

/* Whether it has as many connections as it, or anybody for the one who asks
 * (0: any number), may have; NULL has not. */
bool host_is_full(const struct host *, uint64_t max);

/* It did not work, for that reason: it is put back behind others for a while
 * that doubles with each time. */
void host_failed(struct host *, const char *why);

/* It worked. */
void host_worked(struct host *);

/* A TLS handshake with it failed; and whether that was so lately that mail
 * that may go without TLS goes without. */
void host_no_tls(struct host *);
bool host_is_plain(const struct host *);

/* Whether others are to be tried before it. */
bool host_is_down(const struct host *);

/* All of them in the order of their keys: NULL for the first; NULL after the
 * last. */
struct host *host_next(struct host *);

/* How many there are. */
size_t host_count(void);

#endif
