/* SPDX-License-Identifier: ISC
 *
 * Connecting to a host that has several addresses: one after another, each
 * with a head start over the next, and the first that answers has won (RFC
 * 8305).
 */
#ifndef RELAY_RACE_H
#define RELAY_RACE_H

#include <stddef.h>

#include "delivery/relay/ip.h"

#define RACE_MAX 16 /* addresses */

struct race_params {
	union ip ip[RACE_MAX]; /* in the order in which they are tried */
	size_t n;              /* at least 1 */
	union ip src4;         /* AF_UNSPEC: as the kernel chooses */
	union ip src6;
	uint64_t timeout_ms; /* for each address */
};

struct race;

/* One address is out: why, as text.  May be NULL.  */
typedef void race_lost_fn(void *arg, const union ip *, const char *why);
/* It is over: fd, which is given, to that address; or -1 when every address
 * was lost.  The race is gone. */
typedef void race_done_fn(void *arg, int fd, const union ip *);

/* Put addresses into the order of RFC 8305 4: families take turns, beginning
 * with first (AF_INET6 or AF_INET); each family keeps its own order. */
void race_interleave(union ip *, size_t n, int first);

/* Start.  done() is called later, never from here.  NULL without memory. */
struct race *race_start(const struct race_params *, race_lost_fn *lost,
    race_done_fn *done, void *arg);

/* Give it up; NULL is fine. */
void race_cancel(struct race *);

#endif
