/* SPDX-License-Identifier: ISC
 *
 * The resolver's program.  See resolver.h.
 */
#include "privsep/resolver/resolver.h"

int
main(void)
{
	return role_main(&resolver_ops);
}
