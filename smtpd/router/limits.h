/* SPDX-License-Identifier: ISC
 *
 * How many sessions there are in all, from one address, and from one
 * network; and whether one more may come.
 */
#ifndef ROUTER_LIMITS_H
#define ROUTER_LIMITS_H

#include <sys/tree.h>

#include <stdint.h>

#include "smtpd/mail/replies.h"
#include "smtpd/router/source.h"

struct settings;
struct limit;

RB_HEAD(limit_tree, limit);

struct limits {
	struct limit_tree sources;
	struct limit_tree networks;
	uint32_t total;
};

void limits_init(struct limits *);

/* Count a session from there.  RP_GREETING; or RP_TOO_MANY_CONN or
 * RP_OVERLOADED, and then nothing is counted. */
enum reply limits_enter(
    struct limits *, const struct source *, const struct settings *);

/* The session that limits_enter() counted is over. */
void limits_leave(struct limits *, const struct source *);

#endif
