/* SPDX-License-Identifier: ISC
 *
 * The counters, one row each.
 */
#include "privsep/ipc/ctl.h"
#include "smtpd/router/router.h"

void
stats_answer(struct chan *ch, uint64_t request)
{
	struct ctl_answer a;

	ctl_answer_begin(&a, ch, request);
#define STAT(field, name, meaning) ctl_counter(&a, name, router.stats.field);
#include "smtpd/router/stats.def"
#undef STAT
	ctl_answer_end(&a, CTL_OK, "");
}
