/* SPDX-License-Identifier: ISC
 *
 * The control process.
 */
#include "privsep/control/control.h"

int
main(void)
{
	return role_main(&control_ops);
}
