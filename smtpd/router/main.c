/* SPDX-License-Identifier: ISC
 *
 * The router's process.
 */
#include "smtpd/router/router.h"

int
main(void)
{
	return role_main(&router_ops);
}
