/* SPDX-License-Identifier: ISC
 *
 * How many processes there are: one of each role, sessions and relays as
 * configured, and when one that died is started again.
 */
#include <stdlib.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/master/master.h"

#define POOL_LONG_LIFE_MS 60000 /* who lived so long is restarted at once */
#define POOL_FIRST_MS     50

/* Processes of that role, and sessions of one isolation, that take work or
 * soon will. */
static uint64_t
pool_count(enum role role, bool connection)
{
	struct child *c;
	uint64_t n = 0;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role == role && c->connection == connection &&
		    !c->spent && c->state != CHILD_STOPPING)
			n++;
	}
	return n;
}

static bool
pool_wants(bool connection)
{
	struct socket *s;

	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (s->connection == connection)
			return true;
	}
	return false;
}

static uint64_t
pool_sessions(void)
{
	struct child *c;
	uint64_t n = 0;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role == ROLE_SESSION)
			n++;
	}
	return n;
}

static void
pool_set_restart(struct restart *r, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	if (evtimer_add(r->timer, &tv) != 0)
		fatal("restarting a process", "out of memory");
}

/* How long to wait: the first death costs nothing, then it doubles, with some
 * jitter so that an attacker cannot count on it. */
static uint64_t
pool_delay_ms(const struct restart *r)
{
	uint64_t ms = master.config->set.process_restart_delay_s * 1000;
	uint64_t max = master.config->set.process_restart_max_delay_s * 1000;
	unsigned i;

	if (r->deaths <= 1)
		return POOL_FIRST_MS;
	for (i = 2; i < r->deaths && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	return ms - arc4random_uniform((uint32_t)(ms / 8 + 1));
}

static void pool_restart(evutil_socket_t, short, void *);

/* Start what is missing of that role after a while.  When some die together
 * that is one reason to wait longer, not many: who can end a few sessions must
 * not keep all others out for a minute. */
static void
pool_start_later(enum role role)
{
	struct restart *r = &master.restarts[role];

	if (r->timer != NULL)
		return;
	r->deaths++;
	r->timer = evtimer_new(loop_base(), pool_restart, r);
	if (r->timer == NULL)
		fatal("restarting a process", "out of memory");
	pool_set_restart(r, pool_delay_ms(r));
}

/* Start one more of that role.  False when that cannot be done now. */
static bool
pool_start(enum role role, bool connection)
{
	if (child_start(role, connection, NULL) != NULL)
		return true;
	if (!master.serving)
		fatal("starting", "a process cannot be started");
	pool_start_later(role);
	return false;
}

static void
pool_fill_sessions(bool connection, uint64_t wanted)
{
	uint64_t have = pool_count(ROLE_SESSION, connection);

	if (!pool_wants(connection))
		return;
	for (; have < wanted; have++) {
		if (pool_sessions() >=
		    master.config->set.smtp_limit_max_sessions)
			return;
		if (!pool_start(ROLE_SESSION, connection))
			return;
	}
}

static void
pool_fill_relays(uint64_t wanted)
{
	uint64_t have = pool_count(ROLE_RELAY, false);

	for (; have < wanted; have++) {
		if (!pool_start(ROLE_RELAY, false))
			return;
	}
}

/* Whether processes of that role may be started now. */
static bool
pool_open(enum role role)
{
	return master.stop_stage == 0 && master.restarts[role].timer == NULL;
}

void
pool_fill(void)
{
	if (pool_open(ROLE_SESSION)) {
		pool_fill_sessions(false, master.config->set.smtp_workers);
		pool_fill_sessions(true, master.config->set.smtp_spares);
	}
	if (pool_open(ROLE_RELAY))
		pool_fill_relays(master.config->set.relay_workers);
}

void
pool_retire(void)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (roles[c->role].start != START_POOL || c->spent)
			continue;
		c->spent = true;
		if (c->state == CHILD_RUNNING && c->chan != NULL) {
			msg_begin(c->chan, M_RETIRE, 0);
			msg_send(c->chan);
		} else
			child_kill(c);
	}
}

static size_t
pool_mailers(void)
{
	struct child *c;
	size_t n = 0;

	LIST_FOREACH(c, &master.children, entry)
		n += c->role == ROLE_MAILER;
	return n;
}

/* Delivery is gone.  A mailer that went on beside the next one would write
 * what that takes to be lost, or be taken for the answer to a request of the
 * other's. */
static void
pool_end_mailers(void)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role == ROLE_MAILER)
			child_kill(c);
	}
}

/* Whether one of that role has not gone yet that another takes the place of. */
static bool
pool_renewing(enum role role)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role == role && c->spent)
			return true;
	}
	return false;
}

void
pool_renew(enum role role)
{
	struct child *c, *next;

	/* who reloads as fast as he can gets no more than two of them */
	if (pool_renewing(role)) {
		master.restarts[role].renew = true;
		return;
	}
	/* one that is about to be started again will know all that is new */
	if (!master.serving || !pool_open(role) ||
	    (next = child_start(role, false, NULL)) == NULL)
		return;
	LIST_FOREACH(c, &master.children, entry) {
		if (c->role != role || c == next)
			continue;
		c->spent = true;
		if (c->state == CHILD_STARTING)
			child_kill(c);
	}
}

void
pool_renewed(const struct child *next)
{
	/* what it was asked it may answer */
	uint64_t limit_s = master.config->set.resolver_timeout_s +
	    master.config->set.process_stop_timeout_s;
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role != next->role || c == next || !c->spent ||
		    c->state != CHILD_RUNNING || c->chan == NULL)
			continue;
		msg_begin(c->chan, M_RETIRE, 0);
		msg_send(c->chan);
		child_end_within(c, limit_s);
	}
}

static void
pool_restart(evutil_socket_t fd, short what, void *arg)
{
	struct restart *r = arg;
	enum role role = (enum role)(r - master.restarts);

	if (role == ROLE_DELIVERY && pool_mailers() > 0) {
		pool_set_restart(r, POOL_FIRST_MS);
		return;
	}
	event_free(r->timer);
	r->timer = NULL;
	if (master.stop_stage != 0)
		return;
	LOG(EV_ROLE_RESTART, KS("role", roles[role].name),
	    KU("deaths", r->deaths));
	if (roles[role].start == START_POOL)
		pool_fill();
	else
		pool_start(role, false);
}

void
pool_child_gone(const struct child *c)
{
	struct restart *r = &master.restarts[c->role];

	if (roles[c->role].start == START_DEMAND)
		return;
	if (!master.serving)
		fatal("starting", "a process ended before it was ready");
	if (c->spent && roles[c->role].start == START_POOL) {
		pool_fill();
		return;
	}
	if (c->spent) {
		if (r->renew) {
			r->renew = false;
			pool_renew(c->role);
		}
		return;
	}
	if (clock_ms() - c->started_ms > POOL_LONG_LIFE_MS)
		r->deaths = 0;
	r->total++;
	if (c->role == ROLE_DELIVERY && r->timer == NULL)
		pool_end_mailers();
	pool_start_later(c->role);
}
