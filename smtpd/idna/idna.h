/* SPDX-License-Identifier: ISC
 *
 * Names beyond ASCII as the DNS has them (RFC 5890, RFC 6531 3.2).
 */
#ifndef IDNA_IDNA_H
#define IDNA_IDNA_H

#include <stddef.h>

#include "privsep/base/buf.h"

/* The domain of an address, a name or a literal in brackets, in lower case and
 * in A-labels, into out, which holds max octets; its length in *len.  0, or
 * -E_SYNTAX for what can be no name in the DNS, -E_TOOLONG, -E_NOMEM. */
int idna_domain(
    struct span domain, unsigned char *out, size_t max, size_t *len);

#endif
