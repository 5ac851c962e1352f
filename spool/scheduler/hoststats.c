/* SPDX-License-Identifier: ISC
 *
 * Destinations on other hosts as an administrator sees them: how each fares,
 * and the order to leave one alone, which holds for mail to come, too, until
 * it is taken back or the scheduler ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/log.h"
#include "spool/scheduler/scheduler.h"

#define PAUSES_MAX 256

/* A route; a domain by whatever action when that is empty. */
struct pause {
	char action[256];
	char domain[256];
};

static bool
pause_means(const struct pause *p, const struct dest *dest)
{
	return dest->lane == LANE_RELAY &&
	    span_caseeq(queue_user(dest), span_str(p->domain)) &&
	    (p->action[0] == '\0' ||
		span_eq(queue_action(dest), span_str(p->action)));
}

void
hoststats_met(struct scheduler *s, struct dest *dest)
{
	bool paused = false;
	size_t i;

	for (i = 0; i < s->npauses && !paused; i++)
		paused = pause_means(&s->pauses[i], dest);
	if (paused != dest->paused)
		dispatch_pause(&s->dispatch, dest, paused);
}

static void
pause_all(struct scheduler *s)
{
	struct dest *dest;

	for (dest = queue_dest_first(&s->queue); dest != NULL;
	     dest = queue_dest_next(dest))
		hoststats_met(s, dest);
}

static bool
pause_read(const struct ctl_request *req, struct pause *p)
{
	struct span domain = req->args[req->nargs - 1];

	*p = (struct pause){ .action = "" };
	if (domain.len >= sizeof(p->domain) ||
	    (req->nargs == 2 && req->args[0].len >= sizeof(p->action)))
		return false;
	memcpy(p->domain, domain.p, domain.len);
	if (req->nargs == 2)
		memcpy(p->action, req->args[0].p, req->args[0].len);
	return true;
}

static struct pause *
pause_find(struct scheduler *s, const struct pause *want)
{
	size_t i;

	for (i = 0; i < s->npauses; i++) {
		if (span_caseeq(span_str(s->pauses[i].domain),
			span_str(want->domain)) &&
		    strcmp(s->pauses[i].action, want->action) == 0)
			return &s->pauses[i];
	}
	return NULL;
}

static bool
pause_add(struct scheduler *s, const struct pause *p)
{
	struct pause *grown;

	if (pause_find(s, p) != NULL)
		return true;
	if (s->npauses == PAUSES_MAX)
		return false;
	grown = chk_realloc(s->pauses, s->npauses + 1, sizeof(*grown));
	if (grown == NULL)
		return false;
	s->pauses = grown;
	s->pauses[s->npauses++] = *p;
	return true;
}

/* False when there is none. */
static bool
pause_drop(struct scheduler *s, const struct pause *p)
{
	struct pause *old = pause_find(s, p);

	if (old == NULL)
		return false;
	*old = s->pauses[--s->npauses];
	return true;
}

void
hoststats_order(struct scheduler *s, struct chan *ch, uint64_t request,
    const struct ctl_request *req)
{
	bool route =
	    req->verb == CTL_PAUSE_ROUTE || req->verb == CTL_RESUME_ROUTE;
	bool pause =
	    req->verb == CTL_PAUSE_ROUTE || req->verb == CTL_PAUSE_DOMAIN;
	struct pause p;

	if (req->nargs != (route ? 2U : 1U) || !pause_read(req, &p)) {
		ctl_reply(ch, request, CTL_USAGE,
		    route ? "ACTION DOMAIN is needed" : "DOMAIN is needed");
		return;
	}
	if (!pause && !pause_drop(s, &p)) {
		ctl_reply(ch, request, CTL_NO_SUCH, "that is not paused");
		return;
	}
	if (pause && !pause_add(s, &p)) {
		ctl_reply(ch, request, CTL_FAILED, "too much is paused");
		return;
	}
	pause_all(s);
	LOG(EV_ORDER, KS("order", ctl_verbs[req->verb].words),
	    KS("action", p.action), KS("domain", p.domain));
	ctl_reply(ch, request, CTL_OK, "");
}

static const char *
dest_state(const struct dest *dest)
{
	if (dest->paused)
		return "paused";
	if (dest->hold_s > scheduler_now_s())
		return "waiting";
	return dest->flying > 0 ? "sending" : "idle";
}

void
hoststats_show(struct scheduler *s, struct chan *ch, uint64_t request)
{
	static const struct fate none;
	const struct fate *fate;
	struct ctl_answer a;
	struct dest *dest;

	ctl_answer_begin(&a, ch, request);
	for (dest = queue_dest_first(&s->queue); dest != NULL;
	     dest = queue_dest_next(dest)) {
		if (dest->lane != LANE_RELAY)
			continue;
		fate = dest->fate != NULL ? dest->fate : &none;
		ctl_row_begin(&a);
		ctl_field_text(&a, "action", queue_action(dest));
		ctl_field_text(&a, "domain", queue_user(dest));
		ctl_field_text(&a, "state", span_str(dest_state(dest)));
		ctl_field_uint(&a, "queued", dest->envelopes);
		ctl_field_uint(&a, "in-flight", dest->flying);
		ctl_field_uint(&a, "window", dest->window);
		ctl_field_time(&a, "next", dest->hold_s);
		ctl_field_uint(&a, "failures", dest->failures);
		ctl_field_uint(&a, "sent", fate->delivered);
		ctl_field_uint(&a, "failed", fate->failed);
		ctl_field_text(&a, "error", note_text(fate->note));
		ctl_row_end(&a);
	}
	ctl_answer_end(&a, CTL_OK, "");
}
