/* SPDX-License-Identifier: ISC
 *
 * What connections and the messages over them count for, beside their
 * destination: the host by its name, its address, and our address that it is
 * reached from.
 */
#include "delivery/relay/link.h"

#include <string.h>

#include "privsep/config/relay.h"

bool
count_choose_source(struct link *l)
{
	const struct relay *relay = l->action->relay;
	uint32_t least4 = UINT32_MAX, least6 = UINT32_MAX;
	struct sockaddr_storage ss;
	struct host *h;
	socklen_t len;
	union ip ip;
	size_t i;

	if (relay->src == NULL)
		return true;
	for (i = 0; relay_source(relay, i, &ss, &len) == 0; i++) {
		if (!ip_from_sockaddr((struct sockaddr *)&ss, &ip) ||
		    (h = host_get_source(&ip)) == NULL ||
		    host_is_full(h, l->tries.source_connections))
			continue;
		if (ip.sa.sa_family == AF_INET && h->connections < least4) {
			least4 = h->connections;
			l->src4 = ip;
		}
		if (ip.sa.sa_family == AF_INET6 && h->connections < least6) {
			least6 = h->connections;
			l->src6 = ip;
		}
	}
	l->tries.bound = true;
	l->tries.no4 = least4 == UINT32_MAX;
	l->tries.no6 = least6 == UINT32_MAX;
	return !l->tries.no4 || !l->tries.no6;
}

static void
count_out(struct host **h)
{
	if (*h != NULL)
		(*h)->connections--;
	*h = NULL;
}

static void
count_in(struct host **counted, struct host *h)
{
	count_out(counted);
	/* from here on it is not forgotten */
	if ((*counted = h) != NULL)
		h->connections++;
}

void
count_clear(struct link *l)
{
	count_out(&l->host);
	count_out(&l->source);
	count_out(&l->named);
}

static void
count_all(struct link *l, const union ip *ip, const union ip *source)
{
	count_clear(l);
	count_in(&l->host, host_get_ip(ip));
	count_in(&l->named, host_get_mx(l->target->name));
	if (source->sa.sa_family != AF_UNSPEC)
		count_in(&l->source, host_get_source(source));
}

void
count_connecting(struct link *l, const union ip *ip)
{
	if (!l->tries.bound)
		count_all(l, ip, host_reached_from(ip));
	else
		count_all(
		    l, ip, ip->sa.sa_family == AF_INET6 ? &l->src6 : &l->src4);
}

bool
count_connected(struct link *l, int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	union ip source = { .sa = { .sa_family = AF_UNSPEC } };

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		ip_from_sockaddr((struct sockaddr *)&ss, &source);
	count_clear(l);
	if (!l->tries.bound) {
		host_reached(&l->ip, &source);
		if (host_is_full(
			host_find_source(&source), l->tries.source_connections))
			return false;
	}
	count_all(l, &l->ip, &source);
	return true;
}

uint64_t
count_wait_ms(const struct link *l, uint64_t now_ms)
{
	struct host *const of[] = { l->named, l->source };
	uint64_t wait_ms = 0, one_ms;
	size_t i;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		one_ms = of[i] != NULL ? rate_wait_ms(&of[i]->rate, now_ms) : 0;
		if (one_ms > wait_ms)
			wait_ms = one_ms;
	}
	return wait_ms;
}

void
count_message(struct link *l)
{
	if (l->named != NULL)
		rate_count(&l->named->rate);
	if (l->source != NULL)
		rate_count(&l->source->rate);
}
