/* SPDX-License-Identifier: ISC
 *
 * The router's handlers; see process.c.
 */
#include "regress/fuzz/process.h"
#include "smtpd/router/router.h"

static void
start(void)
{
	if (router_ops.start != NULL)
		router_ops.start();
}

const struct fuzz_process fuzz_process = {
	.ops = &router_ops,
	.start = start,
};
