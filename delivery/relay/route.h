/* SPDX-License-Identifier: ISC
 *
 * Where mail for a destination goes: the hosts in the order in which they are
 * tried, each with its addresses (RFC 5321 5.1).
 */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "delivery/relay/ip.h"
#include "privsep/config/config.h"
#include "privsep/ipc/terms.h"

#define ROUTE_SMTP_PORT     25
#define ROUTE_NAME_MAX      255 /* octets of a host's name (RFC 1035 2.3.4) */
#define ROUTE_TARGETS_MAX   16  /* hosts of a route; further ones are left */
#define ROUTE_ADDRESSES_MAX 16  /* of a host */
#define ROUTE_TEXT_MAX      400

/* One host. */
struct target {
	char name[ROUTE_NAME_MAX + 1];
	uint16_t preference;
	enum relay_proto proto;
	enum relay_tls tls;
	uint16_t port;
	bool named;  /* by the configuration, which knows what it does */
	bool secure; /* its name and addresses come from secure answers */
	union ip ip[ROUTE_ADDRESSES_MAX];
	size_t n;
	bool temporary; /* no address is known now, but may be later */
};

enum route_state {
	ROUTE_NEW,
	ROUTE_ASKING, /* the resolver */
	ROUTE_READY,
	ROUTE_FAILED, /* temporarily or for good: as outcome and text say */
};

struct route;
typedef void route_fn(void *arg);

/* A route of that action for that domain (lower case; "" where the action
 * names a host), which is borrowed as long as the route lives.  NULL without
 * memory. */
struct route *route_new(
    const struct action *, struct span domain, route_fn *done, void *arg);
void route_free(struct route *);

/* Find it, or find it anew; done() follows unless the state is ROUTE_READY or
 * ROUTE_FAILED on return. */
void route_find(struct route *);

enum route_state route_state(const struct route *);

/* Whether it was found so long ago that the answers hold no more; that they do
 * not from now on. */
bool route_stale(const struct route *);
void route_expire(struct route *);

/* The hosts, best first, until the next route_find(). */
const struct target *route_targets(const struct route *, size_t *n);

/* The label of the host that the action names, for its auth table; NULL
 * without. */
const char *route_label(const struct route *);

/* Why it failed: OUT_FAILED or OUT_DEFERRED, a status and a text, borrowed. */
enum env_outcome route_failure(
    const struct route *, const char **status, const char **text);

#endif
