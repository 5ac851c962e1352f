/* SPDX-License-Identifier: ISC
 *
 * The scheduler's process.
 */
#include "spool/scheduler/scheduler.h"

int
main(void)
{
	return role_main(&scheduler_ops);
}
