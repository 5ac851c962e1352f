/* SPDX-License-Identifier: ISC
 *
 * DATA: the envelopes go to the spool as soon as the name of the client is
 * known, for it is written into the message; or without it after a short
 * while, which is all that a slow name server can cost.
 */
#include <event2/event.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

#define NAME_WAIT_MS 2000

static struct {
	TAILQ_HEAD(, transaction) list; /* that wait, the longest first */
	struct event *timer;
} waits = { .list = TAILQ_HEAD_INITIALIZER(waits.list) };

static void
timer_arm(void)
{
	const struct transaction *first = TAILQ_FIRST(&waits.list);
	uint64_t now_ms = clock_ms(), ms;
	struct timeval tv;

	if (first == NULL || evtimer_pending(waits.timer, NULL))
		return;
	ms = first->until_ms > now_ms ? first->until_ms - now_ms : 0;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	evtimer_add(waits.timer, &tv);
}

void
data_forget(struct transaction *tx)
{
	if (tx->waits == NULL)
		return;
	TAILQ_REMOVE(&waits.list, tx, by_time);
	tx->waits = NULL;
}

void
data_go(struct client *c)
{
	static const struct timeval at_once;
	struct transaction *tx = c->tx;

	if (tx == NULL || tx->waits == NULL)
		return;
	/* not in this turn of the loop, at the end of which the session gets
	 * the name: it must have that before it hears from the spool */
	tx->until_ms = 0;
	TAILQ_REMOVE(&waits.list, tx, by_time);
	TAILQ_INSERT_HEAD(&waits.list, tx, by_time);
	evtimer_add(waits.timer, &at_once);
}

static void
timer_due(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_ms = clock_ms();
	struct transaction *tx;
	struct client *c;

	while (
	    (tx = TAILQ_FIRST(&waits.list)) != NULL && tx->until_ms <= now_ms) {
		c = tx->waits;
		data_forget(tx);
		spool_ask(c);
	}
	timer_arm();
}

void
data_init(void)
{
	waits.timer = evtimer_new(loop_base(), timer_due, NULL);
	if (waits.timer == NULL)
		fatal("preparing to wait for names", "out of memory");
}

void
data_ask(struct client *c)
{
	struct span name;

	c->tx->data_wanted = true;
	if (name_status(&c->name, &name) != NAME_ASKED) {
		spool_ask(c);
		return;
	}
	c->tx->waits = c;
	c->tx->until_ms = clock_ms() + NAME_WAIT_MS;
	TAILQ_INSERT_TAIL(&waits.list, c->tx, by_time);
	timer_arm();
}
