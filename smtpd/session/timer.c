/* SPDX-License-Identifier: ISC
 *
 * Time-outs (RFC 5321 4.5.3.2) of many sessions: a wheel of seconds and one
 * event that turns it.  A session is looked at at its deadline or after a few
 * turns, whichever is sooner; what it does meanwhile only moves its
 * active_ms, and costs nothing here.
 */
#include <event2/event.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/ipc/loop.h"
#include "smtpd/session/session.h"

#define WHEEL_SLOTS 16 /* seconds; also the longest time between two looks */

TAILQ_HEAD(timer_list, session);

static struct {
	struct timer_list slots[WHEEL_SLOTS];
	uint64_t now_s; /* the slot that was served last */
	size_t count;
	struct event *tick;
	void (*on_tick)(void);
} wheel;

static uint64_t
timer_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Nearly all sessions that this process has a share of are in use. */
static bool
timer_stress(const struct settings *set)
{
	uint64_t share = set->smtp_limit_max_sessions / set->smtp_workers;

	return session_count() * 100 >= share * set->smtp_limit_stress;
}

/* The client waits for us, not we for it. */
static bool
timer_waited_for(const struct session *s)
{
	return (state_flags(s->state) & ST_ASKED) != 0 ||
	    (s->state == SESS_DATA && !session_listens(s));
}

/* Seconds that the client has for its next step. */
static uint64_t
timer_step(const struct session *s, const struct settings *set)
{
	uint64_t step = 0;

	switch (s->writing ? TIMER_WRITE : state_timer(s->state)) {
	case TIMER_COMMAND:
		step = set->smtp_timeout_command_s;
		break;
	case TIMER_DATA:
		step = set->smtp_timeout_data_block_s;
		break;
	case TIMER_WRITE:
		return set->smtp_timeout_write_s;
	case TIMER_GREETING:
		return set->smtp_greeting_delay_s;
	case TIMER_LINGER:
		return set->smtp_timeout_linger_s;
	}
	/* only who is slow to speak gets less time */
	if (!timer_waited_for(s) && timer_stress(set))
		step = timer_min(step, set->smtp_timeout_stress_s);
	return step;
}

/* When the step must be done, clock_ms(). */
static uint64_t
timer_deadline(const struct session *s)
{
	const struct settings *set = session_settings();
	uint64_t due = s->active_ms + timer_step(s, set) * 1000;

	if (s->state == SESS_DATA)
		due = timer_min(due,
		    s->tx->begun_ms + set->smtp_timeout_data_total_s * 1000);
	else if ((state_flags(s->state) & ST_COMMAND) != 0)
		due = timer_min(
		    due, s->opened_ms + set->smtp_timeout_session_s * 1000);
	return due;
}

/* The client sends its message, but in drops. */
static bool
timer_too_slow(const struct session *s, uint64_t now)
{
	const struct settings *set = session_settings();
	uint64_t ms;

	if (s->state != SESS_DATA || timer_waited_for(s))
		return false;
	ms = now - s->tx->begun_ms;
	ms -= timer_min(ms, s->tx->held_ms);
	return ms > set->smtp_timeout_rate_grace_s * 1000 &&
	    s->tx->received / (ms / 1000 + 1) < set->smtp_limit_min_rate;
}

static void
timer_place(struct session *s, uint64_t due_ms)
{
	uint64_t due_s = due_ms / 1000 + 1;

	/* the slot being served is not added to, so that serving it ends */
	if (due_s <= wheel.now_s)
		due_s = wheel.now_s + 1;
	s->wake_s = timer_min(due_s, wheel.now_s + WHEEL_SLOTS - 1);
	TAILQ_INSERT_TAIL(&wheel.slots[s->wake_s % WHEEL_SLOTS], s, timer);
}

static void
timer_unplace(struct session *s)
{
	TAILQ_REMOVE(&wheel.slots[s->wake_s % WHEEL_SLOTS], s, timer);
}

/* The session's time is over. */
static void
timer_expire(struct session *s, bool slow)
{
	enum reply reply = state_timeout_reply(s->state);

	if (s->state == SESS_DELAY)
		hello_greet(s);
	else if (reply == RP_NONE || s->writing)
		session_drop(s, state_name(s->state));
	else
		reply_send(s, slow ? RP_TOO_SLOW : reply, NULL);
	session_settle(s);
}

static void
timer_serve(uint64_t second)
{
	struct timer_list *slot = &wheel.slots[second % WHEEL_SLOTS];
	uint64_t now = clock_ms();
	struct session *s;

	while ((s = TAILQ_FIRST(slot)) != NULL) {
		uint64_t due = timer_deadline(s);
		bool slow = timer_too_slow(s, now);

		timer_unplace(s);
		timer_place(s, slow || due < now ? now : due);
		if (slow || due <= now)
			timer_expire(s, slow);
	}
}

static void
timer_turn(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_s = clock_ms() / 1000;

	/* a process that was stopped for long need not serve a slot twice */
	if (now_s > wheel.now_s + WHEEL_SLOTS)
		wheel.now_s = now_s - WHEEL_SLOTS;
	while (wheel.now_s < now_s)
		timer_serve(++wheel.now_s);
	if (wheel.on_tick != NULL)
		wheel.on_tick();
	if (wheel.count == 0)
		event_del(wheel.tick);
}

/* Make the wheel turn. */
static void
timer_start(void)
{
	const struct timeval second = { .tv_sec = 1 };
	size_t i;

	if (wheel.tick == NULL) {
		for (i = 0; i < WHEEL_SLOTS; i++)
			TAILQ_INIT(&wheel.slots[i]);
		wheel.tick =
		    event_new(loop_base(), -1, EV_PERSIST, timer_turn, NULL);
		if (wheel.tick == NULL)
			fatal("making a timer", "out of memory");
	}
	if (event_pending(wheel.tick, EV_TIMEOUT, NULL) != 0)
		return;
	wheel.now_s = clock_ms() / 1000;
	event_add(wheel.tick, &second);
}

void
timer_add(struct session *s)
{
	timer_start();
	wheel.count++;
	timer_place(s, timer_deadline(s));
}

void
timer_remove(struct session *s)
{
	timer_unplace(s);
	wheel.count--;
}

void
timer_update(struct session *s)
{
	uint64_t due = timer_deadline(s);

	if (due / 1000 + 1 >= s->wake_s)
		return;
	timer_unplace(s);
	timer_place(s, due);
}

void
timer_on_tick(void (*fn)(void))
{
	wheel.on_tick = fn;
	timer_start();
}
