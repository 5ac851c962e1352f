/* SPDX-License-Identifier: ISC
 *
 * What is remembered of hosts.  See hosts.h.
 */
#include "delivery/relay/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"

#define HOST_DOWN_FIRST_S 30
#define HOST_DOWN_MAX_S   600
#define HOST_PLAIN_S      3600

RB_HEAD(host_tree, host);
TAILQ_HEAD(host_list, host);

static struct {
	struct host_tree tree;
	struct host_list used; /* longest ago first */
	size_t n;
	const struct config *limits; /* NULL: none */
	union ip source4, source6;   /* see host_reached() */
} hosts = {
	.tree = RB_INITIALIZER(&hosts.tree),
	.used = TAILQ_HEAD_INITIALIZER(hosts.used),
};

static int
host_cmp(const struct host *a, const struct host *b)
{
	return strcmp(a->key, b->key);
}

RB_GENERATE_INTERNAL(
    host_tree, host, node, host_cmp, static __attribute__((unused)))

struct host *
host_find(const char *key)
{
	struct host want = { .connections = 0 };

	strlcpy(want.key, key, sizeof(want.key));
	return RB_FIND(host_tree, &hosts.tree, &want);
}

static void
host_forget_one(void)
{
	struct host *h;

	TAILQ_FOREACH(h, &hosts.used, used) {
		if (h->connections == 0)
			break;
	}
	if (h == NULL)
		return;
	RB_REMOVE(host_tree, &hosts.tree, h);
	TAILQ_REMOVE(&hosts.used, h, used);
	hosts.n--;
	free(h);
}

struct host *
host_get(const char *key)
{
	struct host *h = host_find(key);

	if (h != NULL) {
		TAILQ_REMOVE(&hosts.used, h, used);
		TAILQ_INSERT_TAIL(&hosts.used, h, used);
		return h;
	}
	if (hosts.n >= HOSTS_MAX)
		host_forget_one();
	if ((h = chk_calloc(1, sizeof(*h))) == NULL)
		return NULL;
	strlcpy(h->key, key, sizeof(h->key));
	RB_INSERT(host_tree, &hosts.tree, h);
	TAILQ_INSERT_TAIL(&hosts.used, h, used);
	hosts.n++;
	return h;
}

struct host *
host_get_ip(const union ip *ip)
{
	char text[IP_TEXT_MAX];

	ip_text_port(ip, text);
	return host_get(text);
}

struct host *
host_find_ip(const union ip *ip)
{
	char text[IP_TEXT_MAX];

	ip_text_port(ip, text);
	return host_find(text);
}

void
host_limits(const struct config *cfg)
{
	hosts.limits = cfg;
}

static void
host_limit(struct host *h, const struct limit_values *limits)
{
	if (h == NULL || h->limited)
		return;
	h->limited = true;
	h->max = limits->connections;
	rate_init(&h->rate, limits);
}

struct host *
host_get_mx(const char *name)
{
	struct limit_values limits = { 0 };
	struct host *h;

	if (hosts.limits != NULL)
		config_limits_mx(hosts.limits, span_str(name), &limits);
	if (limits.connections == 0 && limits.rate == 0)
		return NULL;
	h = host_get(name);
	host_limit(h, &limits);
	return h;
}

static void
host_source_key(const union ip *ip, char key[HOST_KEY_MAX])
{
	char text[IP_TEXT_MAX];

	ip_text(ip, text);
	snprintf(key, HOST_KEY_MAX, "from %s", text);
}

struct host *
host_get_source(const union ip *ip)
{
	struct limit_values limits = { 0 };
	char key[HOST_KEY_MAX];
	struct host *h;

	host_source_key(ip, key);
	h = host_get(key);
	if (hosts.limits != NULL)
		config_limits_src(hosts.limits, &ip->sa, &limits);
	host_limit(h, &limits);
	return h;
}

struct host *
host_find_source(const union ip *ip)
{
	char key[HOST_KEY_MAX];

	if (ip->sa.sa_family == AF_UNSPEC)
		return NULL;
	host_source_key(ip, key);
	return host_find(key);
}

void
host_reached(const union ip *ip, const union ip *source)
{
	struct host *h = host_get_ip(ip);

	if (h != NULL)
		h->source = *source;
	if (ip->sa.sa_family == AF_INET6)
		hosts.source6 = *source;
	else
		hosts.source4 = *source;
}

const union ip *
host_reached_from(const union ip *ip)
{
	const struct host *h = host_find_ip(ip);

	if (h != NULL && h->source.sa.sa_family != AF_UNSPEC)
		return &h->source;
	return ip->sa.sa_family == AF_INET6 ? &hosts.source6 : &hosts.source4;
}

bool
host_is_full(const struct host *h, uint64_t max)
{
	if (h == NULL)
		return false;
	return (max > 0 && h->connections >= max) ||
	    (h->max > 0 && h->connections >= h->max);
}

void
host_failed(struct host *h, const char *why)
{
	uint64_t s = HOST_DOWN_FIRST_S;
	uint32_t i;

	for (i = 0; i < h->failures && s < HOST_DOWN_MAX_S; i++)
		s *= 2;
	if (s > HOST_DOWN_MAX_S)
		s = HOST_DOWN_MAX_S;
	h->failures++;
	h->down_until_ms = clock_ms() + s * 1000;
	h->failed_s = clock_wall(NULL);
	strlcpy(h->text, why, sizeof(h->text));
}

void
host_worked(struct host *h)
{
	h->failures = 0;
	h->down_until_ms = 0;
	h->seen_s = clock_wall(NULL);
}

void
host_no_tls(struct host *h)
{
	h->plain_until_ms = clock_ms() + HOST_PLAIN_S * 1000;
}

bool
host_is_plain(const struct host *h)
{
	return h != NULL && h->plain_until_ms > clock_ms();
}

bool
host_is_down(const struct host *h)
{
	return h != NULL && h->down_until_ms > clock_ms();
}

struct host *
host_next(struct host *h)
{
	return h == NULL ? RB_MIN(host_tree, &hosts.tree)
			 : RB_NEXT(host_tree, &hosts.tree, h);
}

size_t
host_count(void)
{
	return hosts.n;
}
