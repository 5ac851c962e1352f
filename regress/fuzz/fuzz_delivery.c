/* SPDX-License-Identifier: ISC
 *
 * The handlers of the delivery process; see process.c.
 */
#include "delivery/local/delivery.h"
#include "regress/fuzz/process.h"

const struct fuzz_process fuzz_process = {
	.ops = &delivery_ops,
	.start = post_start,
};
