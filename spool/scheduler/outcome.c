/* SPDX-License-Identifier: ISC
 *
 * What the delivery process and the relays report, held against the table of steps.def, and
 * what happens when it or the spool is lost.
 */
#include <stdlib.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/via.h"
#include "spool/scheduler/retry.h"
#include "spool/scheduler/scheduler.h"
#include "spool/scheduler/step.h"

#define DOUBT_WAIT_S     5
#define NOTE_WAITING_MAX 100 /* octets of text kept of a temporary failure */
#define REPORT_LATER_S   60

static uint64_t
outcome_ttl_s(const struct envelope *e)
{
	const struct config *cfg = role_config();
	const struct action *a = config_action(cfg, queue_action(e->dest));

	return a != NULL ? a->ttl_s : cfg->set.queue_ttl_s;
}

static void
outcome_log(enum log_ev ev, const struct envelope *e, const struct report *r)
{
	const struct message *m = e->msg;
	uint32_t now_s = scheduler_now_s();

	LOG(ev, KI("message", m->id), KU("envelope", e->index),
	    KB("from", queue_sender(m)), KB("rcpt", queue_rcpt(e)),
	    KB("action", queue_action(e->dest)),
	    KB("user", queue_user(e->dest)),
	    KU("delay", now_s > m->created_s ? now_s - m->created_s : 0),
	    KU("attempts", e->attempts), KB("status", r->status),
	    KB("text", r->text));
}

static void
outcome_failed(struct scheduler *s, struct envelope *e, const struct report *r,
    bool expired)
{
	struct fate *fate;

	s->counters[expired ? SC_EXPIRED : SC_FAILED]++;
	if (expired)
		e->flags |= ENVF_EXPIRED;
	outcome_log(expired ? EV_EXPIRED : EV_FAILED, e, r);
	queue_note_set(&s->queue, e, r->status, r->text, NOTE_TEXT_MAX, r->via);
	queue_fate_refused(&s->queue, e);
	if ((fate = queue_fate(e->dest)) != NULL)
		fate->failed++;
	envelope_fail(s, e, scheduler_now_s() + 1);
}

/* What else is ready for a destination that takes nothing goes back to wait,
 * without having been tried; its time may be over all the same. */
static void
dest_back_off(struct scheduler *s, struct dest *dest, const struct report *r)
{
	uint32_t now_s = scheduler_now_s();
	struct envelope_list list = TAILQ_HEAD_INITIALIZER(list);
	struct envelope *e;

	dispatch_withdraw_all(&s->dispatch, dest, &list);
	while ((e = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, e, ready);
		if (retry_expired(now_s, e->msg->created_s, outcome_ttl_s(e))) {
			outcome_failed(s, e, r, true);
			continue;
		}
		queue_note_set(
		    &s->queue, e, r->status, r->text, NOTE_WAITING_MAX, r->via);
		envelope_wait(s, e, dest->hold_s);
	}
}

/* The destination as a whole cannot be reached or takes nothing.  What was
 * under way beside the first that says so finds it known already. */
static void
dest_failed(struct scheduler *s, struct dest *dest, const struct report *r)
{
	const struct settings *set = &role_config()->set;
	uint32_t now_s = scheduler_now_s();

	if (dest->hold_s > now_s)
		return;
	dest->failures++;
	dest->hold_s = now_s +
	    retry_wait_s(&set->queue_retry_s, set->queue_retry_jitter,
		dest->failures, arc4random());
	dispatch_shrink(&s->dispatch, dest);
	dest_back_off(s, dest, r);
}

static void
dest_took(struct scheduler *s, struct dest *dest)
{
	struct fate *fate = queue_fate(dest);

	if (dest->lane != LANE_RELAY)
		return;
	dest->failures = 0;
	dest->hold_s = 0;
	if (fate != NULL)
		fate->delivered++;
	dispatch_grow(&s->dispatch, dest);
}

static void
outcome_deferred(
    struct scheduler *s, struct envelope *e, const struct report *r)
{
	const struct settings *set = &role_config()->set;
	uint32_t now_s = scheduler_now_s(), wait_s;
	uint64_t ttl_s = outcome_ttl_s(e);

	if (retry_expired(now_s, e->msg->created_s, ttl_s)) {
		outcome_failed(s, e, r, true);
		return;
	}
	s->counters[SC_DEFERRED]++;
	/* it was tried and nothing died of it */
	e->crashes = 0;
	queue_note_set(
	    &s->queue, e, r->status, r->text, NOTE_WAITING_MAX, r->via);
	queue_fate_refused(&s->queue, e);
	outcome_log(EV_DEFERRED, e, r);
	wait_s = retry_wait_s(&set->queue_retry_s, set->queue_retry_jitter,
	    e->attempts, arc4random());
	if (r->scope == SCOPE_DESTINATION && e->dest->lane == LANE_RELAY) {
		dest_failed(s, e->dest, r);
		/* another is the next probe: it may be this message alone that
		 * the host breaks off at */
		wait_s = e->dest->hold_s - now_s + 1;
	}
	envelope_wait(
	    s, e, retry_next_s(now_s, wait_s, e->msg->created_s, ttl_s));
	if (e->state != SE_WAITING)
		return;
	envelope_record(s, e);
	if (e->msg->sender_len > 0 &&
	    now_s >= retry_warning_s(&set->bounce_warn_interval_s,
			 e->msg->warned, e->msg->created_s))
		assign_delay(s, e->msg);
}

/* The envelope has come back; do what the table says. */
static void
outcome_do(struct scheduler *s, struct envelope *e, enum sched_step step,
    const struct report *r)
{
	uint32_t now_s = scheduler_now_s();

	if (e->state == SE_FLYING) {
		e->tried_s = now_s;
		if (e->attempts < UINT16_MAX)
			e->attempts++;
	}
	if ((e->flags & ENVF_TAKEN) != 0 &&
	    (step == STEP_DEFERRED || step == STEP_FAILED ||
		step == STEP_EXPIRED)) {
		/* what another attempt came to is of no account */
		envelope_wait(s, e, now_s);
		return;
	}
	switch (step) {
	case STEP_DELIVERED:
		s->counters[SC_DELIVERED]++;
		outcome_log(EV_DELIVERED, e, r);
		dest_took(s, e->dest);
		queue_note_set(
		    &s->queue, e, r->status, r->text, NOTE_WAITING_MAX, r->via);
		envelope_finish(s, e, ENV_DELIVERED);
		break;
	case STEP_RELAYED:
		s->counters[SC_DELIVERED]++;
		outcome_log(EV_DELIVERED, e, r);
		dest_took(s, e->dest);
		queue_note_set(
		    &s->queue, e, r->status, r->text, NOTE_TEXT_MAX, r->via);
		envelope_relayed(s, e);
		break;
	case STEP_DEFERRED:
		outcome_deferred(s, e, r);
		break;
	case STEP_FAILED:
	case STEP_EXPIRED:
		outcome_failed(s, e, r, step == STEP_EXPIRED);
		break;
	case STEP_CRASHED:
		envelope_crash(s, e, true);
		break;
	case STEP_REPORTED:
		s->counters[SC_REPORTED]++;
		envelope_finish(s, e,
		    (e->flags & ENVF_RELAYED) != 0 ? ENV_DELIVERED
						   : ENV_FAILED);
		break;
	case STEP_REPORT_LATER:
		envelope_fail(s, e, now_s + REPORT_LATER_S);
		break;
	case STEP_WARNED:
		s->counters[SC_WARNED]++;
		e->msg->warned = (uint8_t)retry_warnings(
		    &role_config()->set.bounce_warn_interval_s, now_s,
		    e->msg->created_s);
		envelope_wait(s, e, e->next_s);
		break;
	case STEP_WARN_LATER:
		envelope_wait(s, e, e->next_s);
		break;
	case STEP_NONE:
		break;
	}
}

/* Whether the process at ch has the envelope in hand. */
static bool
outcome_is_with(const struct envelope *e, const struct chan *ch)
{
	if (chan_role(ch) != ROLE_RELAY)
		return (e->flags & ENVF_RELAYING) == 0;
	return (e->flags & ENVF_RELAYING) != 0 &&
	    e->dest->instance == chan_instance(ch);
}

int
outcome_message(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct report r;
	struct message *m;
	struct envelope *e;
	enum sched_step step = STEP_NONE;
	unsigned outcome, scope;

	r.index = rd_u32(&msg->body);
	outcome = rd_u8(&msg->body);
	scope = rd_u8(&msg->body);
	r.status = rd_span(&msg->body, 64);
	r.text = rd_span(&msg->body, 1300);
	r.via = rd_span(&msg->body, VIA_MAX);
	if (!rd_done(&msg->body) || outcome >= OUT__MAX ||
	    scope >= SCOPE__MAX || !span_is_text(r.status) ||
	    !span_is_text(r.text) || !span_is_text(r.via))
		return chan_violation(ch, "bad outcome");
	r.outcome = (enum env_outcome)outcome;
	r.scope = (enum out_scope)scope;
	m = queue_message(&s->queue, msg->id);
	e = m == NULL ? NULL : queue_envelope(m, r.index);
	if (e != NULL && outcome_is_with(e, ch))
		step = step_find((enum sched_state)e->state, r.outcome);
	if (step == STEP_NONE && chan_role(ch) == ROLE_RELAY)
		return strays_outcome(s, ch, e, msg->id, &r);
	if (step == STEP_NONE) {
		/* given up, or not ours, and done all the same */
		if (s->strays)
			return 0;
		return chan_violation(ch, "outcome of what it does not have");
	}
	dispatch_landed(&s->dispatch, e);
	relays_release(s, e->dest);
	outcome_do(s, e, step, &r);
	/* what else of it failed has waited for this one */
	if (m->flying == 0)
		assign_failure(s, m);
	return 0;
}

static void
outcome_durable(struct scheduler *s, uint64_t msgid, uint32_t index)
{
	struct message *m = queue_message(&s->queue, msgid);
	struct envelope *e = m == NULL ? NULL : queue_envelope(m, index);

	/* it may be gone: confirmed twice around a loss of the spool */
	if (e == NULL || e->unrecorded == 0)
		return;
	if (--e->unrecorded > 0)
		return;
	if (e->state == SE_RECORDING)
		queue_envelope_free(&s->queue, e);
	else if (e->state == SE_FAILED && (e->flags & ENVF_RELAYED) != 0 &&
	    e->crashes == 0)
		/* its report has waited for that, and for nothing else */
		envelope_fail(s, e, scheduler_now_s() + 1);
}

int
outcome_recorded(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct rd *r = &msg->body;
	unsigned n = rd_u16(r);
	uint64_t msgid;
	uint32_t index;

	for (; n > 0 && !r->bad; n--) {
		msgid = rd_u64(r);
		index = rd_u32(r);
		if (!r->bad)
			outcome_durable(s, msgid, index);
	}
	return rd_done(r) ? 0 : chan_violation(ch, "bad record");
}

/* Do fn to every envelope.  fn frees none. */
static void
outcome_each(
    struct scheduler *s, void (*fn)(struct scheduler *, struct envelope *))
{
	struct message *m = queue_message_from(&s->queue, 0);
	uint32_t i;

	for (; m != NULL; m = queue_message_next(m)) {
		for (i = 0; i < m->nenv; i++)
			fn(s, m->env[i]);
	}
}

static void
outcome_cut(struct scheduler *s, struct envelope *e)
{
	bool alone = dispatch_flies_alone(&s->dispatch, e);

	if (!dispatch_is_flying(e) || (e->flags & ENVF_RELAYING) != 0)
		return;
	dispatch_landed(&s->dispatch, e);
	envelope_crash(s, e, alone);
}

void
outcome_delivery_lost(struct scheduler *s)
{
	outcome_each(s, outcome_cut);
}

/* All that the lost relay had; that of no relay which is there. */
static void
outcome_cut_relayed(struct scheduler *s, struct envelope *e)
{
	bool alone = dispatch_flies_alone(&s->dispatch, e);

	if ((e->flags & ENVF_RELAYING) == 0 ||
	    role_peer_instance(ROLE_RELAY, e->dest->instance) != NULL)
		return;
	dispatch_landed(&s->dispatch, e);
	relays_release(s, e->dest);
	envelope_crash(s, e, alone);
}

void
outcome_relay_lost(struct scheduler *s)
{
	outcome_each(s, outcome_cut_relayed);
}

/* The delivery process may have it, or its assignment is lost. */
static void
outcome_doubt(struct scheduler *s, struct envelope *e)
{
	uint64_t wait_s = 2 * role_config()->set.delivery_timeout_s;

	if (!dispatch_is_flying(e))
		return;
	/* a mailbox tells whether it has a message in doubt, so that trying
	 * again soon is safe; a report would be sent twice */
	if (e->state == SE_FLYING)
		wait_s = DOUBT_WAIT_S;
	/* the next host does not, and a relay that lives reports */
	if ((e->flags & ENVF_RELAYING) != 0)
		wait_s = 2 * role_config()->set.relay_timeout_data_end_s;
	queue_envelope_state(&s->queue, e, (enum sched_state)e->state,
	    scheduler_now_s() + (uint32_t)wait_s);
	s->strays = true;
}

void
outcome_spool_lost(struct scheduler *s)
{
	outcome_each(s, outcome_doubt);
	strays_spool_lost(s);
}

static void
outcome_again(struct scheduler *s, struct envelope *e)
{
	if (e->unrecorded == 0)
		return;
	e->unrecorded = 0;
	envelope_record(s, e);
}

void
outcome_spool_back(struct scheduler *s)
{
	outcome_each(s, outcome_again);
}
