/* SPDX-License-Identifier: ISC
 *
 * What relay actions and limits say, looked up.  See relay.h and
 * config_limits.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/relay.h"
#include "privsep/config/table_int.h"

int
relay_domain_host(
    const struct relay *relay, struct span domain, struct relay_host *out)
{
	struct span value;
	const char *why;
	size_t at;
	int error;

	if (relay->domains == NULL || domain.len == 0 ||
	    table_lookup_domain(relay->domains, domain, &value) != 0)
		return -E_NOENT;
	error = relay_host_parse(value, out, &why, &at);
	return error == -E_NOMEM ? error : error != 0 ? -E_NOENT : 0;
}

int
relay_credentials(const struct relay *relay, struct span label,
    struct span *user, struct span *password)
{
	const unsigned char *colon;
	struct span value;

	if (relay->auth == NULL ||
	    table_lookup(relay->auth, label, &value) != 0)
		return -E_NOENT;
	if (value.len == 0 || (colon = memchr(value.p, ':', value.len)) == NULL)
		return -E_NOENT;
	*user = (struct span){ value.p, (size_t)(colon - value.p) };
	*password = (struct span){ colon + 1,
		value.len - (size_t)(colon + 1 - value.p) };
	return 0;
}

/* A key that is one address. */
static int
relay_key_address(struct span key, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct table_net net;
	bool v6;

	if (table_net_parse(key, &net, &v6) != 0 || net.bits != (v6 ? 128 : 32))
		return -E_NOENT;
	memset(out, 0, sizeof(*out));
	if (v6) {
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, net.addr, sizeof(in6->sin6_addr));
		*len = sizeof(*in6);
	} else {
		in4->sin_family = AF_INET;
		memcpy(&in4->sin_addr, net.addr, sizeof(in4->sin_addr));
		*len = sizeof(*in4);
	}
	return 0;
}

int
relay_source(const struct relay *relay, size_t i, struct sockaddr_storage *out,
    socklen_t *len)
{
	struct span key, value;

	if (relay->src == NULL || i >= table_count(relay->src))
		return -E_NOENT;
	table_entry(relay->src, i, &key, &value);
	return relay_key_address(key, out, len);
}

static bool
relay_same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

struct span
relay_helo(const struct config *cfg, const struct relay *relay,
    const struct sockaddr *src)
{
	struct sockaddr_storage ss;
	struct span key, value;
	socklen_t len;
	size_t i, n = 0;

	if (relay->helo_src != NULL)
		n = table_count(relay->helo_src);
	/* one address can be written in many ways: keys are no help */
	for (i = 0; i < n; i++) {
		table_entry(relay->helo_src, i, &key, &value);
		if (relay_key_address(key, &ss, &len) == 0 &&
		    relay_same_address((struct sockaddr *)&ss, src))
			return value;
	}
	return span_str(relay->helo != NULL ? relay->helo : cfg->hostname);
}

/* What is not said yet. */
static void
limits_fill(struct limit_values *to, const struct limit_values *from)
{
	uint64_t *const field[] = { &to->connections, &to->host_connections,
		&to->source_connections, &to->mails, &to->rcpts, &to->family };
	const uint64_t value[] = { from->connections, from->host_connections,
		from->source_connections, from->mails, from->rcpts,
		from->family };
	size_t i;

	for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
		if (*field[i] == 0)
			*field[i] = value[i];
	}
	if (to->rate == 0) {
		to->rate = from->rate;
		to->rate_s = from->rate_s;
	}
}

void
config_limits(
    const struct config *cfg, struct span domain, struct limit_values *out)
{
	const struct limit_values rest = {
		.connections = cfg->set.relay_limit_connections,
		.host_connections = cfg->set.relay_limit_host_connections,
		.source_connections = cfg->set.relay_limit_source_connections,
		.mails = cfg->set.relay_limit_mails,
		.rcpts = cfg->set.relay_limit_rcpts,
	};
	const struct limit_rule *l;
	size_t i;

	*out = (struct limit_values){ 0 };
	for (i = 0; i < cfg->nlimits; i++) {
		l = &cfg->limits[i];
		if (l->kind == LIMIT_DOMAIN &&
		    (l->whom == NULL || table_match_domain(l->whom, domain)))
			limits_fill(out, &l->set);
	}
	limits_fill(out, &rest);
}

void
config_limits_mx(
    const struct config *cfg, struct span host, struct limit_values *out)
{
	const struct limit_rule *l;
	size_t i;

	*out = (struct limit_values){ 0 };
	for (i = 0; i < cfg->nlimits; i++) {
		l = &cfg->limits[i];
		if (l->kind == LIMIT_MX && table_match_domain(l->whom, host))
			limits_fill(out, &l->set);
	}
}

void
config_limits_src(const struct config *cfg, const struct sockaddr *src,
    struct limit_values *out)
{
	const struct limit_rule *l;
	size_t i;

	*out = (struct limit_values){ 0 };
	for (i = 0; i < cfg->nlimits; i++) {
		l = &cfg->limits[i];
		if (l->kind == LIMIT_SRC && table_match_netaddr(l->whom, src))
			limits_fill(out, &l->set);
	}
}
