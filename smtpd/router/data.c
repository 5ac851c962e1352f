/* SPDX-License-Identifier: ISC
 *
 * DATA: the envelopes go to the spool as soon as the name of the client is
 * known, for it is written into the message; or without it a short while
 * after it was asked for.  That is all that a slow name server can cost, for
 * all the messages of a client together.
 */
#include <event2/event.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

#define NAME_WAIT_MS 2000

static struct {
	TAILQ_HEAD(data_list, transaction) list; /* the first is due first */
	struct event *timer;
} waits = { .list = TAILQ_HEAD_INITIALIZER(waits.list) };

static void
timer_arm(void)
{
	const struct transaction *first = TAILQ_FIRST(&waits.list);
	uint64_t now_ms = clock_ms(), ms;
	struct timeval tv;

	if (first == NULL)
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

static void
data_wait(struct client *c, uint64_t until_ms)
{
	struct transaction *tx = c->tx, *before;

	tx->waits = c;
	tx->until_ms = until_ms;
	TAILQ_FOREACH_REVERSE(before, &waits.list, data_list, by_time)
	{
		if (before->until_ms <= until_ms)
			break;
	}
	if (before == NULL)
		TAILQ_INSERT_HEAD(&waits.list, tx, by_time);
	else
		TAILQ_INSERT_AFTER(&waits.list, before, tx, by_time);
	timer_arm();
}

void
data_go(struct client *c)
{
	if (c->tx == NULL || c->tx->waits == NULL)
		return;
	/* not in this turn of the loop, at the end of which the session gets
	 * the name: it must have that before it hears from the spool */
	data_forget(c->tx);
	data_wait(c, 0);
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
	if (name_status(&c->name, &name) != NAME_ASKED ||
	    name_asked_ms(&c->name) + NAME_WAIT_MS <= clock_ms())
		spool_ask(c);
	else
		data_wait(c, name_asked_ms(&c->name) + NAME_WAIT_MS);
}
