/* SPDX-License-Identifier: ISC
 *
 * What smtpctl asks of the router: the counters, one row each, and what would
 * become of a recipient.
 */
#include "privsep/ipc/ctl.h"
#include "smtpd/router/router.h"

static void
stats_answer(struct chan *ch, uint64_t request)
{
	struct ctl_answer a;

	ctl_answer_begin(&a, ch, request);
#define STAT(field, name, meaning) ctl_counter(&a, name, router.stats.field);
#include "smtpd/router/stats.def"
#undef STAT
	ctl_answer_end(&a, CTL_OK, "");
}

int
router_ctl_ask(struct chan *ch, struct msg *m)
{
	struct ctl_request req;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "bad ctl-ask");
	if (req.verb == CTL_SHOW_STATS)
		stats_answer(ch, m->id);
	else if (req.verb == CTL_EXPLAIN)
		explain_ask(ch, m->id, &req);
	else
		ctl_reply(ch, m->id, CTL_USAGE, "not for the router");
	return 0;
}

int
router_ctl_cancel(struct chan *ch, struct msg *m)
{
	explain_cancel(m->id);
	return 0;
}
