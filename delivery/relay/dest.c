/* SPDX-License-Identifier: ISC
 *
 * Destinations: which jobs wait for which hosts, and how many connections
 * serve them.  Each has its own queue, so that one that is slow or dead holds
 * up no other.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/relay.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/ipc/loop.h"
#include "privsep/ipc/role.h"

#define DESTS_MAX     4096 /* kept, if they have no work */
#define DEST_RETRY_MS 1000 /* when we lacked what a connection takes */
#define DEST_FEED_MAX 16   /* that look for room at once */

RB_HEAD(dest_tree, dest);
TAILQ_HEAD(dest_list, dest);

static struct {
	struct dest_tree tree;
	struct dest_list used;    /* longest ago first */
	struct dest_list starved; /* have no connection and found no room */
	struct dest_list hungry;  /* have one and found none for another */
	size_t n;
	size_t sending; /* jobs */
} dests = {
	.tree = RB_INITIALIZER(&dests.tree),
	.used = TAILQ_HEAD_INITIALIZER(dests.used),
	.starved = TAILQ_HEAD_INITIALIZER(dests.starved),
	.hungry = TAILQ_HEAD_INITIALIZER(dests.hungry),
};

static int
dest_cmp(const struct dest *a, const struct dest *b)
{
	int n = strcmp(a->action->name, b->action->name);

	return n != 0 ? n : strcmp(a->user, b->user);
}

RB_GENERATE_INTERNAL(
    dest_tree, dest, node, dest_cmp, static __attribute__((unused)))

struct dest *
dest_next(struct dest *d)
{
	return d == NULL ? RB_MIN(dest_tree, &dests.tree)
			 : RB_NEXT(dest_tree, &dests.tree, d);
}

static void
dest_free(struct dest *d)
{
	RB_REMOVE(dest_tree, &dests.tree, d);
	TAILQ_REMOVE(&dests.used, d, used);
	dests.n--;
	event_free(d->timer);
	route_free(d->route);
	free(d);
}

/* Make room: forget the one that had no work for longest. */
static void
dest_forget_one(void)
{
	struct dest *d;

	TAILQ_FOREACH(d, &dests.used, used) {
		if (d->queued == 0 && d->links == 0 && d->waits == NULL &&
		    TAILQ_EMPTY(&d->sending)) {
			dest_free(d);
			return;
		}
	}
}

/* It waits for room no longer. */
static void
dest_sate(struct dest *d)
{
	if (d->waits != NULL)
		TAILQ_REMOVE(d->waits, d, waits_entry);
	d->waits = NULL;
}

static void
dest_timer(evutil_socket_t fd, short what, void *arg)
{
	dest_sate(arg);
	dest_advance(arg);
}

static void
dest_wait(struct dest *d, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	if (!evtimer_pending(d->timer, NULL))
		evtimer_add(d->timer, &tv);
}

static void dest_routed(void *);

/* What limits of a destination go by. */
static struct span
dest_domain(const struct dest *d)
{
	const struct relay_host *host = d->action->relay->host;

	return span_str(
	    d->user[0] == '\0' && host != NULL ? host->name : d->user);
}

static struct dest *
dest_new(const struct action *action, struct span user)
{
	struct dest *d = chk_calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->action = action;
	memcpy(d->user, user.p, user.len);
	d->route = route_new(action, user, dest_routed, d);
	d->timer = evtimer_new(loop_base(), dest_timer, d);
	if (d->route == NULL || d->timer == NULL) {
		route_free(d->route);
		if (d->timer != NULL)
			event_free(d->timer);
		free(d);
		return NULL;
	}
	config_limits(role_config(), dest_domain(d), &d->limits);
	pace_init(&d->pace, &d->limits);
	TAILQ_INIT(&d->queue);
	TAILQ_INIT(&d->sending);
	RB_INSERT(dest_tree, &dests.tree, d);
	TAILQ_INSERT_TAIL(&dests.used, d, used);
	dests.n++;
	return d;
}

struct dest *
dest_get(struct span action, struct span user)
{
	static struct dest want;
	struct dest *d;

	want.action = config_action(role_config(), action);
	if (want.action == NULL || want.action->relay == NULL ||
	    user.len >= sizeof(want.user) ||
	    (user.len > 0 && memchr(user.p, '\0', user.len) != NULL))
		return NULL;
	memset(want.user, 0, sizeof(want.user));
	if (user.len > 0)
		memcpy(want.user, user.p, user.len);
	if ((d = RB_FIND(dest_tree, &dests.tree, &want)) == NULL) {
		if (dests.n >= DESTS_MAX)
			dest_forget_one();
		return dest_new(want.action, user);
	}
	TAILQ_REMOVE(&dests.used, d, used);
	TAILQ_INSERT_TAIL(&dests.used, d, used);
	return d;
}

static bool
dest_list_has(const struct job_list *list, uint64_t msgid, uint32_t index)
{
	const struct job *j;
	size_t i;

	TAILQ_FOREACH(j, list, entry) {
		if (j->parcel->msgid != msgid)
			continue;
		for (i = 0; i < j->n; i++) {
			if (j->rcpt[i].index == index &&
			    (!j->rcpt[i].done || j->rcpt[i].turned))
				return true;
		}
	}
	return false;
}

bool
dest_has(const struct dest *d, uint64_t msgid, uint32_t index)
{
	return dest_list_has(&d->queue, msgid, index) ||
	    dest_list_has(&d->sending, msgid, index);
}

/* Nothing that waits for it gets through. */
static void
dest_fail(struct dest *d, const struct verdict *v)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&d->queue)) != NULL) {
		TAILQ_REMOVE(&d->queue, j, entry);
		d->queued--;
		family_settle(j, v);
		job_free(j);
	}
}

static void
dest_fail_route(struct dest *d)
{
	struct verdict v = { .scope = SCOPE_DESTINATION };
	const char *status, *text;

	v.outcome = route_failure(d->route, &status, &text);
	/* that there is no such domain says nothing of the next message */
	if (v.outcome == OUT_FAILED)
		v.scope = SCOPE_ENVELOPE;
	v.status = span_str(status);
	v.text = span_str(text);
	dest_fail(d, &v);
}

/* It goes on when a connection has ended and its turn has come, and at the
 * latest after a while: what it lacks may not be what that one had. */
static void
dest_starve(struct dest *d)
{
	dest_wait(d, DEST_RETRY_MS);
	dest_sate(d);
	d->waits = d->links == 0 ? &dests.starved : &dests.hungry;
	TAILQ_INSERT_TAIL(d->waits, d, waits_entry);
}

/* It need not wait for room any more, whether there is some or not. */
static void
dest_feed(struct dest *d)
{
	dest_sate(d);
	evtimer_del(d->timer);
	dest_advance(d);
}

void
dest_feed_waiting(void)
{
	struct dest *d;
	unsigned n;

	/* who finds nothing again goes to the end, so that all have a turn;
	 * the first connection of one goes before the second of another */
	for (n = 0; n < DEST_FEED_MAX; n++) {
		if ((d = TAILQ_FIRST(&dests.starved)) == NULL &&
		    (d = TAILQ_FIRST(&dests.hungry)) == NULL)
			break;
		dest_feed(d);
	}
}

/* Connections for what waits.  Until one stands, there is but one attempt: a
 * host that is dead is not knocked at by many. */
static void
dest_open_links(struct dest *d)
{
	int error = 0;

	while (error == 0 && d->queued > d->opening &&
	    pace_may_add(&d->pace, d->links) &&
	    !evtimer_pending(d->timer, NULL) &&
	    (d->links == 0 || d->links > d->opening))
		error = link_open(d, TAILQ_FIRST(&d->queue)->family);
	if (error == -E_BUSY)
		dest_starve(d);
	else if (error != 0)
		dest_wait(d, DEST_RETRY_MS);
}

void
dest_advance(struct dest *d)
{
	/* it waits for another connection and has lost those it had */
	if (d->waits == &dests.hungry && d->links == 0 && d->queued > 0) {
		dest_sate(d);
		evtimer_del(d->timer);
	}
	/* not while the rate of messages keeps it waiting */
	if (d->queued == 0 || relay_stopping() ||
	    route_state(d->route) == ROUTE_ASKING ||
	    evtimer_pending(d->timer, NULL))
		return;
	if (route_stale(d->route)) {
		relay_counters[RC_LOOKUPS]++;
		route_find(d->route);
	}
	switch (route_state(d->route)) {
	case ROUTE_READY:
		dest_open_links(d);
		break;
	case ROUTE_FAILED:
		dest_fail_route(d);
		break;
	case ROUTE_NEW:
	case ROUTE_ASKING:
	default:
		break;
	}
}

static void
dest_routed(void *arg)
{
	struct dest *d = arg;

	if (route_state(d->route) == ROUTE_FAILED)
		dest_fail_route(d);
	else
		dest_advance(d);
}

void
dest_add(struct dest *d, struct job *j)
{
	j->dest = d;
	TAILQ_INSERT_TAIL(&d->queue, j, entry);
	d->queued++;
	dest_advance(d);
}

static void
dest_fail_job(struct job *j)
{
	struct verdict v = { .outcome = OUT_DEFERRED,
		.scope = SCOPE_DESTINATION,
		.status = span_str("4.4.2"),
		.text = span_str("the connection was closed twice before the "
				 "message was begun") };

	family_settle(j, &v);
	job_free(j);
}

void
dest_job_done(struct dest *d, struct job *j)
{
	TAILQ_REMOVE(&d->sending, j, entry);
	dests.sending--;
	job_free(j);
}

size_t
dest_sending(void)
{
	return dests.sending;
}

void
dest_job_back(struct dest *d, struct job *j)
{
	TAILQ_REMOVE(&d->sending, j, entry);
	dests.sending--;
	if (j->again) {
		/* not forever */
		dest_fail_job(j);
		return;
	}
	j->again = true;
	TAILQ_INSERT_HEAD(&d->queue, j, entry);
	d->queued++;
}

void
dest_job_turned(struct dest *d, struct job *j)
{
	TAILQ_REMOVE(&d->sending, j, entry);
	dests.sending--;
	TAILQ_INSERT_HEAD(&d->queue, j, entry);
	d->queued++;
}

/* The first job that may go over that family. */
static struct job *
dest_job_over(struct dest *d, int family)
{
	struct job *j;

	TAILQ_FOREACH(j, &d->queue, entry) {
		if (j->family == 0 || j->family == family)
			break;
	}
	return j;
}

void
dest_link_ready(struct dest *d, struct link *l)
{
	struct job *j = dest_job_over(d, link_family(l));
	uint64_t wait_ms = 0, now_ms = clock_ms();

	if (relay_stopping())
		j = NULL;
	if (j != NULL && (wait_ms = rate_wait_ms(&d->pace.rate, now_ms)) == 0)
		wait_ms = count_wait_ms(l, now_ms);
	if (j == NULL || wait_ms > 0) {
		link_rest(l);
		if (wait_ms > 0)
			dest_wait(d, wait_ms);
		else
			/* what is left wants another family */
			dest_advance(d);
		return;
	}
	TAILQ_REMOVE(&d->queue, j, entry);
	d->queued--;
	TAILQ_INSERT_TAIL(&d->sending, j, entry);
	dests.sending++;
	rate_count(&d->pace.rate);
	link_send(l, j);
}

void
dest_link_failed(struct dest *d, const struct verdict *v)
{
	pace_slow(&d->pace, clock_ms());
	if (d->links == 0)
		dest_fail(d, v);
}

void
dest_family_failed(struct dest *d, int family)
{
	struct job *j, *next;

	TAILQ_FOREACH_SAFE(j, &d->queue, entry, next) {
		if (j->family != family)
			continue;
		TAILQ_REMOVE(&d->queue, j, entry);
		d->queued--;
		family_settle(j, NULL);
		job_free(j);
	}
	dest_advance(d);
}

void
dest_link_full(struct dest *d)
{
	if (d->queued > 0)
		dest_starve(d);
}

void
dest_link_ended(struct dest *d)
{
	dest_advance(d);
}
