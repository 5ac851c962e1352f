/* SPDX-License-Identifier: ISC
 *
 * The scheduler's handlers; see process.c.
 */
#include "regress/fuzz/process.h"
#include "spool/scheduler/scheduler.h"

const struct fuzz_process fuzz_process = { .ops = &scheduler_ops };
