/* SPDX-License-Identifier: ISC
 *
 * The mailer's program.  See mailer.h.
 */
#include "delivery/local/mailer.h"

int
main(void)
{
	return role_main(&mailer_ops);
}
