/* SPDX-License-Identifier: ISC
 *
 * What is remembered of hosts and their addresses: which family worked, what
 * went wrong last, how many connections there are.  A table of bounded size;
 * what was not used for longest is forgotten.
 */
#ifndef RELAY_HOSTS_H
#define RELAY_HOSTS_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "delivery/relay/ip.h"

#define HOSTS_MAX     10000
#define HOST_KEY_MAX  264
#define HOST_TEXT_MAX 200

struct host {
	RB_ENTRY(host) node;
	TAILQ_ENTRY(host) used;
	char key[HOST_KEY_MAX];   /* a name, or an address with its port */
	int family;               /* of a name: the one that worked, else 0 */
	uint32_t connections;     /* that are open or being made */
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
