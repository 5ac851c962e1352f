/* SPDX-License-Identifier: ISC
 *
 * Messages from the spool, handed to mailers or to a
 * report.
 */
#include "delivery/local/delivery.h"
#include "privsep/base/err.h"

/* What a purpose asks to report on. */
static const enum dsn_kind purpose_reports[] = {
	[PURPOSE_FAILURE] = DSN_FAILED,
	[PURPOSE_DELAY] = DSN_DELAYED,
	[PURPOSE_RELAYED] = DSN_RELAYED,
};

/* Hand everything on.  Each envelope has its outcome sooner or later. */
static void
deliver_dispatch(enum deliver_purpose purpose, struct parcel *p,
    const struct envelope *envs, size_t n)
{
	size_t i;

	delivery_stats.messages++;
	if (purpose != PURPOSE_MAILBOX) {
		report_begin(purpose_reports[purpose], p, envs, n);
		return;
	}
	for (i = 0; i < n; i++)
		post_add(p, &envs[i]);
}

int
deliver_message(struct chan *ch, struct msg *m)
{
	struct assignment a;
	size_t i;
	int error = parcel_read(m, &a);

	if (error == -E_PEER || (error == 0 && a.purpose == PURPOSE_RELAY)) {
		parcel_release(a.parcel);
		return chan_violation(ch, "message out of shape");
	}
	if (error != 0)
		for (i = 0; i < a.n; i++)
			delivery_outcome(m->id, a.envs[i].index, OUT_DEFERRED,
			    span_str("4.3.0"), span_str(err_text(error)));
	else
		deliver_dispatch(a.purpose, a.parcel, a.envs, a.n);
	parcel_release(a.parcel);
	return 0;
}
