/* SPDX-License-Identifier: ISC
 *
 * Which hosts are this one, so that mail is not sent in a circle (RFC 5321
 * 5.1).
 */
#ifndef RELAY_SELF_H
#define RELAY_SELF_H

#include "delivery/relay/ip.h"

/* Learn the addresses of this host; before confinement. */
void self_learn(void);

/* Whether the address is this host's. */
bool self_has(const union ip *);

/* Whether a connection to that address has ended here: then it is one that
 * this host has got since, and self_has() knows it from now on. */
bool self_met(int fd, const union ip *);

#endif
