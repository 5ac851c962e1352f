/* SPDX-License-Identifier: ISC
 *
 * Connections that are kept for further messages to the same place: the same
 * address and port, and the same ways to get there (protocol, TLS,
 * credentials, source address and EHLO name, which the action and the host
 * stand for).
 */
#include <string.h>

#include "delivery/relay/link.h"
#include "privsep/ipc/role.h"

static struct link_list pool = TAILQ_HEAD_INITIALIZER(pool); /* last used
								 first */

void
pool_put(struct link *l)
{
	struct timeval tv = {
		.tv_sec = (time_t)role_config()->set.relay_timeout_idle_s
	};

	TAILQ_INSERT_HEAD(&pool, l, idle_entry);
	evtimer_add(l->timer, &tv);
}

void
pool_remove(struct link *l)
{
	TAILQ_REMOVE(&pool, l, idle_entry);
	evtimer_del(l->timer);
}

static bool
pool_label_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether what is to be said to the target can be said over it. */
static bool
pool_fits(const struct link *l, const struct action *action, const char *label,
    const struct target *t)
{
	size_t i;

	if (l->action != action || l->target->proto != t->proto ||
	    l->target->tls != t->tls || !pool_label_same(l->label, label))
		return false;
	/* a certificate was for that name alone */
	if (t->tls == RELAY_TLS_VERIFY &&
	    strcasecmp(l->target->name, t->name) != 0)
		return false;
	for (i = 0; i < t->n; i++) {
		if (ip_equal(&l->ip, &t->ip[i]))
			return true;
	}
	return false;
}

/* Whether the host is worth a new connection. */
static bool
pool_is_up(const struct target *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!host_is_down(host_find_ip(&t->ip[i])))
			return true;
	}
	return false;
}

struct link *
pool_take(const struct action *action, const char *label,
    const struct target *t, size_t n, int family)
{
	struct link *l;
	size_t i;

	for (i = 0; i < n; i++) {
		TAILQ_FOREACH(l, &pool, idle_entry) {
			if ((family == 0 || l->ip.sa.sa_family == family) &&
			    pool_fits(l, action, label, &t[i])) {
				pool_remove(l);
				return l;
			}
		}
		/* a better host goes before a connection that is there, but
		 * not before one to its equal */
		if (i + 1 < n && t[i + 1].preference != t[i].preference &&
		    pool_is_up(&t[i]))
			break;
	}
	return NULL;
}

/* Whether it goes to the host, by its name or one of its addresses. */
static bool
pool_goes_to(const struct link *l, const struct target *t)
{
	size_t i;

	if (strcasecmp(l->target->name, t->name) == 0)
		return true;
	for (i = 0; i < t->n; i++) {
		if (ip_equal(&l->ip, &t->ip[i]))
			return true;
	}
	return false;
}

struct link *
pool_oldest(const struct target *t, size_t n, uint64_t source_max)
{
	struct link *l;
	size_t i;

	for (i = 0; i < n; i++) {
		TAILQ_FOREACH_REVERSE(l, &pool, link_list, idle_entry)
		{
			if (pool_goes_to(l, &t[i]))
				return l;
		}
	}
	TAILQ_FOREACH_REVERSE(l, &pool, link_list, idle_entry)
	{
		if (host_is_full(l->source, source_max))
			break;
	}
	return l;
}

struct link *
pool_any(void)
{
	return TAILQ_FIRST(&pool);
}
