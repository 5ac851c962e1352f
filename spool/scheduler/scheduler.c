/* SPDX-License-Identifier: ISC
 *
 * scheduler: the process.  It has memory, a clock and its channels, and no
 * state that the spool cannot give it again.
 */
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

#define DUE_STEP    2000 /* envelopes before others have their turn */
#define TIMER_MAX_S 60   /* so that a clock that is set is noticed */
#define HOLD_MS     3000 /* for a queue that is being loaded */

static struct scheduler self;

uint32_t
scheduler_now_s(void)
{
	return (uint32_t)clock_wall(NULL);
}

static int
on_add(struct chan *ch, struct msg *m)
{
	return load_add(&self, ch, m);
}

static int
on_loaded(struct chan *ch, struct msg *m)
{
	return load_end(&self, ch, m);
}

static int
on_recorded(struct chan *ch, struct msg *m)
{
	return outcome_recorded(&self, ch, m);
}

static int
on_unreadable(struct chan *ch, struct msg *m)
{
	return assign_unreadable(&self, ch, m);
}

static int
on_outcome(struct chan *ch, struct msg *m)
{
	return outcome_message(&self, ch, m);
}

static int
on_ask(struct chan *ch, struct msg *m)
{
	return ctl_ask(&self, ch, m);
}

static int
on_cancel(struct chan *ch, struct msg *m)
{
	return ctl_cancel(&self, ch, m);
}

static int
on_flush(struct chan *ch, struct msg *m)
{
	return flush_ask(&self, ch, m);
}

static int
on_leave(struct chan *ch, struct msg *m)
{
	return relays_leave(&self, ch, m);
}

enum lane
scheduler_lane(const struct config *cfg, struct span action)
{
	const struct action *a = config_action(cfg, action);

	return a != NULL && a->kind == ACTION_RELAY ? LANE_RELAY : LANE_LOCAL;
}

static void
scheduler_limits(const struct config *cfg)
{
	struct dest *dest;

	for (dest = queue_dest_first(&self.queue); dest != NULL;
	     dest = queue_dest_next(dest))
		dispatch_move(&self.dispatch, dest,
		    scheduler_lane(cfg, queue_action(dest)));
	dispatch_limits(&self.dispatch, &self.queue, LANE_LOCAL,
	    cfg->set.delivery_max_inflight, cfg->set.delivery_window);
	dispatch_limits(&self.dispatch, &self.queue, LANE_RELAY,
	    cfg->set.relay_max_inflight, cfg->set.relay_window);
}

/* The time of some envelopes has come.  True when there are more. */
static bool
scheduler_due(void)
{
	uint32_t now_s = scheduler_now_s();
	struct heap_item *it;
	unsigned n;

	for (n = 0; n < DUE_STEP; n++) {
		it = heap_top(&self.queue.due);
		if (it == NULL || it->due_s > now_s)
			return false;
		envelope_due(&self, queue_envelope_due(it), now_s);
	}
	return true;
}

/* The queue is to be loaded.  Until it is, and for some seconds at most, that
 * goes before deliveries: what has waited longest is not known before. */
static void
scheduler_load(void)
{
	self.loading = true;
	self.hold_until_ms = clock_ms() + HOLD_MS;
}

static bool
scheduler_holds(void)
{
	return self.loading && clock_ms() < self.hold_until_ms;
}

static void
scheduler_timer(bool more)
{
	struct heap_item *it = heap_top(&self.queue.due);
	struct timeval tv = { .tv_sec = TIMER_MAX_S };
	uint32_t now_s = scheduler_now_s();

	if (more || (it != NULL && it->due_s <= now_s))
		tv.tv_sec = 0;
	else if (it != NULL && it->due_s - now_s < TIMER_MAX_S)
		tv.tv_sec = (time_t)(it->due_s - now_s);
	if (self.relays_from_s > now_s &&
	    (time_t)(self.relays_from_s - now_s) < tv.tv_sec)
		tv.tv_sec = (time_t)(self.relays_from_s - now_s);
	/* the end of the hold */
	if (self.loading && tv.tv_sec > 1)
		tv.tv_sec = 1;
	evtimer_add(self.timer, &tv);
}

/* The timer only ends the wait of the loop: the work is done at its turn. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
}

static void
scheduler_turn(void)
{
	/* orders first: what they make due is assigned in this turn, since
	 * nothing else may come to cause another */
	bool more = ctl_run(&self);

	if (flush_run(&self))
		more = true;
	if (scheduler_due())
		more = true;
	if (!scheduler_holds())
		assign_run(&self);
	scheduler_timer(more);
}

static int
scheduler_prepare(const struct role_hello *hello)
{
	queue_init(&self.queue);
	dispatch_init(&self.dispatch);
	TAILQ_INIT(&self.jobs);
	TAILQ_INIT(&self.flushes);
	scheduler_load();
	self.timer = evtimer_new(loop_base(), on_timer, NULL);
	if (self.timer == NULL)
		return -E_NOMEM;
	scheduler_limits(role_config());
	loop_at_turn(scheduler_turn);
	return 0;
}

static void
scheduler_peer_up(struct chan *ch, uint64_t request)
{
	if (chan_role(ch) == ROLE_RELAY) {
		relays_add(&self, ch);
		strays_relay(&self, ch);
	}
	if (chan_role(ch) == ROLE_DELIVERY) {
		/* one that was there before us knows what another scheduler
		 * assigned */
		self.strays = !self.met;
		self.met = true;
	}
	if (chan_role(ch) != ROLE_SPOOL)
		return;
	scheduler_load();
	self.queue.round++;
	outcome_spool_back(&self);
}

static void
scheduler_peer_down(struct chan *ch)
{
	if (chan_role(ch) == ROLE_DELIVERY)
		outcome_delivery_lost(&self);
	else if (chan_role(ch) == ROLE_RELAY) {
		relays_remove(&self, ch);
		outcome_relay_lost(&self);
	} else if (chan_role(ch) == ROLE_SPOOL)
		outcome_spool_lost(&self);
	else if (chan_role(ch) == ROLE_CONTROL)
		ctl_lost(&self);
	else if (chan_role(ch) == ROLE_ROUTER)
		flush_lost(&self);
}

/* Go on with what waited for room, at the next turn. */
static void
scheduler_peer_drained(struct chan *ch)
{
	scheduler_timer(true);
}

static const struct msg_handler handlers[] = {
	{ QUEUE_ADD, on_add },
	{ QUEUE_LOADED, on_loaded },
	{ QUEUE_RECORDED, on_recorded },
	{ QUEUE_UNREADABLE, on_unreadable },
	{ OUTCOME, on_outcome },
	{ QUEUE_LEAVE, on_leave },
	{ QUEUE_FLUSH, on_flush },
	{ CTL_ASK, on_ask },
	{ CTL_CANCEL, on_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops scheduler_ops = {
	.role = ROLE_SCHEDULER,
	.prepare = scheduler_prepare,
	.peer_up = scheduler_peer_up,
	.peer_down = scheduler_peer_down,
	.peer_drained = scheduler_peer_drained,
	.handlers = handlers,
	.config = scheduler_limits,
};
