/* SPDX-License-Identifier: ISC
 *
 * How hard a destination is pressed: how many connections at once, how many
 * messages in a time.  It slows down by itself when the other side asks for
 * that, and speeds up again with success.  A rate alone is what hosts and our
 * own addresses have.
 */
#ifndef RELAY_PACE_H
#define RELAY_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "privsep/config/config.h"

/* So many messages in a time. */
struct rate {
	uint64_t max; /* in that time; 0: any number */
	uint64_t period_ms;
	uint64_t sent; /* since began_ms */
	uint64_t began_ms;
};

struct pace {
	uint64_t max;     /* connections that the configuration allows */
	uint64_t allowed; /* connections that go well now, 1 .. max */
	uint64_t good;    /* messages taken since allowed changed */
	uint64_t slow_ms; /* when it was slowed down last; 0: never */
	struct rate rate;
};

/* Begin with what the configuration says. */
void rate_init(struct rate *, const struct limit_values *);

/* Milliseconds until a message may be sent; 0: now. */
uint64_t rate_wait_ms(struct rate *, uint64_t now_ms);

/* One is sent. */
void rate_count(struct rate *);

/* Begin with what the configuration says. */
void pace_init(struct pace *, const struct limit_values *);

/* The other side took a message. */
void pace_good(struct pace *);

/* It asked for less (421, 4.7.x), or could not be reached. */
void pace_slow(struct pace *, uint64_t now_ms);

/* Whether a connection may be added to so many. */
bool pace_may_add(const struct pace *, uint64_t connections);

#endif
