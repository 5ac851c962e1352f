/* SPDX-License-Identifier: ISC
 *
 * The relay's program.  See relay.h.
 */
#include "delivery/relay/relay.h"
#include "privsep/ipc/role.h"

int
main(void)
{
	return role_main(&relay_ops);
}
