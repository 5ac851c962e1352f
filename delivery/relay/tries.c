/* SPDX-License-Identifier: ISC
 *
 * The addresses of a route, one host after another.  See tries.h.
 */
#include "delivery/relay/tries.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/relay/hosts.h"
#include "privsep/base/chk.h"
#include "privsep/base/err.h"

int
tries_init(struct tries *t, const struct target *target, size_t n,
    const struct limit_values *limits)
{
	memset(t, 0, sizeof(*t));
	if (n > ROUTE_TARGETS_MAX)
		n = ROUTE_TARGETS_MAX;
	if ((t->target = chk_calloc(n, sizeof(*target))) == NULL)
		return -E_NOMEM;
	memcpy(t->target, target, n * sizeof(*target));
	t->n = n;
	t->family = limits->family;
	t->host_connections = limits->host_connections;
	t->source_connections = limits->source_connections;
	return 0;
}

void
tries_clear(struct tries *t)
{
	free(t->target);
	t->target = NULL;
	t->n = 0;
}

static bool
tries_family(const struct tries *t, const union ip *ip)
{
	if (ip->sa.sa_family == AF_INET6)
		return t->family != 4 && !t->no6;
	return t->family != 6 && !t->no4;
}

/* Whether it, the host that it is of, or where it is reached from has all the
 * connections that it may have. */
static bool
tries_is_full(const struct tries *t, const union ip *ip)
{
	if (host_is_full(host_get_mx(t->target[t->at].name), 0) ||
	    host_is_full(host_find_ip(ip), t->host_connections))
		return true;
	return !t->bound &&
	    host_is_full(
		host_find_source(host_reached_from(ip)), t->source_connections);
}

/* Whether address i of the target has its turn now. */
static bool
tries_may(struct tries *t, size_t i)
{
	const union ip *ip = &t->target[t->at].ip[i];

	if (t->tried[t->at][i] || !tries_family(t, ip) ||
	    (!t->last && host_is_down(host_find_ip(ip))))
		return false;
	if (!tries_is_full(t, ip))
		return true;
	t->full = true;
	return false;
}

size_t
tries_next(struct tries *t, union ip out[RACE_MAX], const struct target **of)
{
	const struct host *h;
	size_t i, n = 0;

	for (;;) {
		if (t->at == t->n && !t->last) {
			t->at = 0;
			t->last = true;
		}
		if (t->at == t->n)
			return 0;
		*of = &t->target[t->at];
		for (i = 0; i < (*of)->n && n < RACE_MAX; i++) {
			if (t->made == TRIES_MAX || !tries_may(t, i))
				continue;
			out[n++] = (*of)->ip[i];
		}
		if (n > 0)
			break;
		t->at++;
	}
	h = host_find((*of)->name);
	race_interleave(
	    out, n, h != NULL && h->family != 0 ? h->family : AF_INET6);
	return n;
}

void
tries_made(struct tries *t, const union ip *ip)
{
	const struct target *of = &t->target[t->at];
	size_t i;

	for (i = 0; i < of->n; i++) {
		if (!t->tried[t->at][i] && ip_equal(&of->ip[i], ip)) {
			t->tried[t->at][i] = true;
			t->made++;
		}
	}
}
