/* SPDX-License-Identifier: ISC
 *
 * What the spool has: told one by one as messages come, and all of it after a
 * start of either process.  What is known keeps its state here, which is the
 * newer one; what the spool does not name at a loading is gone.
 */
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/retry.h"
#include "spool/scheduler/scheduler.h"

#define LOAD_PATH_MAX 1024
#define LOAD_NAME_MAX 256

/* False when it is not what a spool would say. */
static bool
load_read(struct rd *r, struct envelope_news *news)
{
	unsigned state;

	news->index = rd_u32(r);
	state = rd_u8(r);
	news->next_s = rd_u64(r);
	news->attempts = rd_u16(r);
	news->crashes = rd_u8(r);
	news->rcpt = rd_span(r, LOAD_PATH_MAX);
	news->action = rd_span(r, LOAD_NAME_MAX);
	news->user = rd_span(r, LOAD_NAME_MAX);
	if (r->bad || state >= ENV__MAX || ENV_IS_FINAL((enum env_state)state))
		return false;
	news->state = (enum env_state)state;
	news->lane = scheduler_lane(role_config(), news->action);
	return true;
}

static void
load_envelope(struct scheduler *s, struct message *m,
    const struct envelope_news *news, bool from_disk)
{
	struct envelope *e = queue_envelope(m, news->index);

	if (e != NULL)
		return;
	if ((e = queue_envelope_add(&s->queue, m, news)) == NULL) {
		/* it is safe on disk, and is loaded after a restart */
		LOG(EV_WARN, KS("doing", "taking an envelope into the queue"),
		    KS("why", "out of memory"), KI("message", m->id));
		return;
	}
	if (e->dest->envelopes == 1)
		hoststats_met(s, e->dest);
	/* whether it was in hand when this process died is not known */
	if (from_disk)
		e->flags |= ENVF_IN_DOUBT;
	if (e->state == SE_WAITING)
		envelope_wait(s, e, e->next_s);
	else if (e->state == SE_FAILED)
		envelope_fail(s, e, scheduler_now_s() + 1);
	strays_met(s, e);
}

int
load_add(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct rd *r = &msg->body;
	uint64_t created_s = rd_u64(r);
	uint64_t size = rd_u64(r);
	bool from_disk = rd_u8(r) != 0;
	struct span sender = rd_span(r, LOAD_PATH_MAX);
	unsigned i, n = rd_u16(r);
	struct message *m;

	if (r->bad || n == 0)
		return chan_violation(ch, "bad message for the queue");
	m = queue_message_add(&s->queue, msg->id, created_s, size, sender);
	if (m == NULL)
		return 0;
	m->round = s->queue.round;
	/* which warnings were given is not known: not those again that were
	 * due already */
	if (from_disk && m->nenv == 0)
		m->warned = (uint8_t)retry_warnings(
		    &role_config()->set.bounce_warn_interval_s,
		    scheduler_now_s(), m->created_s);
	for (i = 0; i < n; i++) {
		struct envelope_news news;

		if (!load_read(r, &news))
			break;
		load_envelope(s, m, &news, from_disk);
	}
	if (m->nenv == 0)
		queue_message_drop(&s->queue, m);
	if (!rd_done(r))
		return chan_violation(ch, "bad envelope for the queue");
	return 0;
}

/* Drop a message that the spool does not have, unless delivery has it. */
static void
load_drop(struct scheduler *s, struct message *m)
{
	uint32_t i;

	if (m->flying > 0)
		return;
	for (i = 0; i < m->nenv; i++) {
		if (m->env[i]->state == SE_READY)
			dispatch_withdraw(&s->dispatch, m->env[i]);
	}
	queue_message_drop(&s->queue, m);
}

int
load_end(struct scheduler *s, struct chan *ch, struct msg *msg)
{
	struct message *m = queue_message_from(&s->queue, 0);
	struct message *next;

	if (!s->loading)
		return 0;
	s->loading = false;
	s->nstrays = 0;
	for (; m != NULL; m = next) {
		next = queue_message_next(m);
		if (m->round != s->queue.round)
			load_drop(s, m);
	}
	LOG(EV_QUEUE_LOADED, KU("envelopes", s->queue.envelopes));
	return 0;
}
