/* SPDX-License-Identifier: ISC
 *
 * The delivery process.
 */
#include "delivery/local/delivery.h"

int
main(void)
{
	return role_main(&delivery_ops);
}
