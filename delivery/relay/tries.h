/* SPDX-License-Identifier: ISC
 *
 * Which addresses of a route a connection tries next: hosts by preference,
 * those that failed lately last, each address once.
 */
#ifndef RELAY_TRIES_H
#define RELAY_TRIES_H

#include "delivery/relay/race.h"
#include "delivery/relay/route.h"

#define TRIES_MAX 24 /* addresses for one connection */

struct tries {
	struct target *target; /* ours */
	size_t n;
	size_t at; /* the one whose addresses are tried */
	bool last; /* those that failed lately have their turn */
	bool full; /* one was left out, having too many connections */
	size_t made;
	bool tried[ROUTE_TARGETS_MAX][ROUTE_ADDRESSES_MAX];
	uint64_t family;             /* 4 or 6 alone; 0: both */
	uint64_t host_connections;   /* to one address; 0: any number */
	uint64_t source_connections; /* from one of ours; the same */
	bool bound;                  /* source addresses are chosen already */
	bool no4, no6;               /* and there is none of that family */
};

/* Begin, with a copy of the targets.  0 or -E_NOMEM. */
int tries_init(struct tries *, const struct target *, size_t n,
    const struct limit_values *);
void tries_clear(struct tries *);

/* The addresses to try next, in order, all of target *of.  How many; 0 when
 * none is left.  Those that are tried are told to tries_made(), or they come
 * again. */
size_t tries_next(
    struct tries *, union ip out[RACE_MAX], const struct target **of);
void tries_made(struct tries *, const union ip *);

#endif
