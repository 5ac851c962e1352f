/* SPDX-License-Identifier: ISC
 *
 * The order of the hosts that MX records give (RFC 5321 5.1), and which of
 * them are not for us to try.
 */
#ifndef RELAY_MX_H
#define RELAY_MX_H

#include "delivery/relay/route.h"

/* Sort by preference; equal ones in random order. */
void mx_order(struct target *, size_t n);

/* Of hosts in order, how many stand before the first that self() says is
 * ourselves: mail to it, or to one that is no better, would loop.  n when none
 * is. */
size_t mx_before_self(
    const struct target *, size_t n, bool (*self)(const struct target *));

#endif
