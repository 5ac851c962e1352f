/* SPDX-License-Identifier: ISC
 *
 * The counters, one row each.
 */
#include "privsep/ipc/ctl.h"
#include "smtpd/router/router.h"

static void
stats_row(struct ctl_answer *a, const char *name, uint64_t value)
{
	ctl_row_begin(a);
	ctl_field_text(a, "counter", span_str(name));
	ctl_field_uint(a, "value", value);
	ctl_row_end(a);
}

void
stats_answer(struct chan *ch, uint64_t request)
{
	struct ctl_answer a;

	ctl_answer_begin(&a, ch, request);
#define STAT(field, name, meaning) stats_row(&a, name, router.stats.field);
#include "smtpd/router/stats.def"
#undef STAT
	ctl_answer_end(&a, CTL_OK, "");
}
