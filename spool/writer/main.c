/* SPDX-License-Identifier: ISC
 *
 * The spool's process.
 */
#include "spool/writer/writer.h"

int
main(void)
{
	return role_main(&writer_ops);
}
