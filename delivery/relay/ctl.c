/* SPDX-License-Identifier: ISC
 *
 * What smtpctl asks of a relay: connections, hosts, destinations, counters,
 * and the way that mail for a domain would go.
 */
#include <stdio.h>
#include <stdlib.h>

#include "delivery/relay/ask.h"
#include "delivery/relay/relay.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"

#define CTL_LOOKUPS_MAX 16 /* show route that wait for an answer */

/* A `show route' that waits for the resolver. */
struct lookup {
	LIST_ENTRY(lookup) entry;
	struct route *route;
	uint64_t request;
};

static struct {
	LIST_HEAD(, lookup) list;
	size_t n;
} lookups = { .list = LIST_HEAD_INITIALIZER(lookups.list) };

static void
ctl_stat(struct ctl_answer *a, const char *word, uint64_t value)
{
	char name[64];

	snprintf(name, sizeof(name), "relay.%s", word);
	ctl_counter(a, name, value);
}

static void
ctl_stats(struct ctl_answer *a)
{
	static const char *const words[RC__MAX] = {
#define COUNTER(name, word) [name] = word,
#include "delivery/relay/stats.def"
#undef COUNTER
	};
	size_t i;

	for (i = 0; i < RC__MAX; i++)
		ctl_stat(a, words[i], relay_counters[i]);
	ctl_stat(a, "in-hand", job_count());
	ctl_stat(a, "connections", link_count());
	ctl_stat(a, "hosts", host_count());
	ctl_stat(a, "questions", ask_open());
}

static const char *
ctl_family(int family)
{
	if (family == AF_INET6)
		return "IPv6";
	return family == AF_INET ? "IPv4" : "";
}

static void
ctl_hosts(struct ctl_answer *a)
{
	struct host *h = NULL;

	while ((h = host_next(h)) != NULL) {
		ctl_row_begin(a);
		ctl_field_text(a, "host", span_str(h->key));
		ctl_field_text(
		    a, "status", span_str(host_is_down(h) ? "down" : "up"));
		ctl_field_text(a, "family", span_str(ctl_family(h->family)));
		ctl_field_uint(a, "connections", h->connections);
		ctl_field_uint(a, "messages", h->messages);
		ctl_field_uint(a, "failures", h->failures);
		ctl_field_time(a, "worked", h->seen_s);
		ctl_field_time(a, "failed", h->failed_s);
		ctl_field_text(a, "error", span_str(h->text));
		ctl_row_end(a);
	}
}

static const char *
ctl_route_state(const struct route *r)
{
	static const char *const words[] = {
		[ROUTE_NEW] = "new",
		[ROUTE_ASKING] = "asking",
		[ROUTE_READY] = "ready",
		[ROUTE_FAILED] = "failed",
	};

	return words[route_state(r)];
}

static void
ctl_routes(struct ctl_answer *a)
{
	struct dest *d = NULL;
	const struct target *t;
	size_t n;

	while ((d = dest_next(d)) != NULL) {
		t = route_targets(d->route, &n);
		ctl_row_begin(a);
		ctl_field_text(a, "action", span_str(d->action->name));
		ctl_field_text(a, "domain", span_str(d->user));
		ctl_field_text(a, "route", span_str(ctl_route_state(d->route)));
		ctl_field_text(
		    a, "host", n > 0 ? span_str(t->name) : span_str(""));
		ctl_field_uint(a, "hosts", n);
		ctl_field_uint(a, "waiting", d->queued);
		ctl_field_uint(a, "connections", d->links);
		ctl_field_uint(a, "allowed", d->pace.allowed);
		ctl_field_uint(a, "limit", d->pace.max);
		ctl_row_end(a);
	}
}

static const char *
ctl_tls(enum relay_tls tls)
{
	switch (tls) {
	case RELAY_TLS_NEVER:
		return "never";
	case RELAY_TLS_MUST:
		return "must";
	case RELAY_TLS_VERIFY:
		return "verify";
	case RELAY_TLS_MAY:
	default:
		return "may";
	}
}

static const char *
ctl_proto(enum relay_proto proto)
{
	if (proto == RELAY_LMTP)
		return "lmtp";
	return proto == RELAY_SMTPS ? "smtps" : "smtp";
}

static void
ctl_target(struct ctl_answer *a, const struct target *t, const union ip *ip)
{
	char address[IP_TEXT_MAX];
	const struct host *h = host_find_ip(ip);

	ip_text_port(ip, address);
	ctl_row_begin(a);
	ctl_field_uint(a, "preference", t->preference);
	ctl_field_text(a, "host", span_str(t->name));
	ctl_field_text(a, "address", span_str(address));
	ctl_field_text(a, "protocol", span_str(ctl_proto(t->proto)));
	ctl_field_text(a, "tls", span_str(ctl_tls(t->tls)));
	ctl_field_text(
	    a, "dnssec", span_str(t->secure ? "secure" : "insecure"));
	ctl_field_text(a, "status", span_str(host_is_down(h) ? "down" : "up"));
	ctl_row_end(a);
}

/* The end of a `show route'. */
static void
ctl_route_answer(struct chan *ch, uint64_t request, const struct route *r)
{
	const struct target *t;
	const char *status, *text;
	struct ctl_answer a;
	enum env_outcome outcome;
	size_t i, k, n;
	char why[ROUTE_TEXT_MAX + 32];

	t = route_targets(r, &n);
	ctl_answer_begin(&a, ch, request);
	for (i = 0; i < n; i++) {
		for (k = 0; k < t[i].n; k++)
			ctl_target(&a, &t[i], &t[i].ip[k]);
	}
	if (route_state(r) == ROUTE_READY) {
		ctl_answer_end(&a, CTL_OK, "");
		return;
	}
	outcome = route_failure(r, &status, &text);
	snprintf(why, sizeof(why), "%s, %s %s",
	    outcome == OUT_FAILED ? "for good" : "for now", status, text);
	ctl_answer_end(&a, CTL_FAILED, why);
}

static void
ctl_lookup_free(struct lookup *l)
{
	LIST_REMOVE(l, entry);
	lookups.n--;
	route_free(l->route);
	free(l);
}

static void
ctl_lookup_done(void *arg)
{
	struct chan *ch = role_peer(ROLE_CONTROL);
	struct lookup *l = arg;

	if (ch != NULL)
		ctl_route_answer(ch, l->request, l->route);
	ctl_lookup_free(l);
}

/* Find the way of an action and a domain as a message would. */
static void
ctl_route(struct chan *ch, uint64_t request, const struct ctl_request *req)
{
	const struct action *action = NULL;
	unsigned char domain[ROUTE_NAME_MAX];
	struct span s = { NULL, 0 };
	struct lookup *l;
	size_t i;

	if (req->nargs > 0)
		action = config_action(role_config(), req->args[0]);
	if (req->nargs > 1)
		s = req->args[1];
	if (req->nargs < 1 || req->nargs > 2 || s.len > sizeof(domain)) {
		ctl_reply(ch, request, CTL_USAGE,
		    "an action and a domain are needed");
		return;
	}
	if (action == NULL || action->relay == NULL) {
		ctl_reply(ch, request, CTL_NO_SUCH, "no such relay action");
		return;
	}
	for (i = 0; i < s.len; i++) {
		bool upper = s.p[i] >= 'A' && s.p[i] <= 'Z';

		domain[i] = upper ? (unsigned char)(s.p[i] + 0x20) : s.p[i];
	}
	if (lookups.n >= CTL_LOOKUPS_MAX ||
	    (l = chk_calloc(1, sizeof(*l))) == NULL) {
		ctl_reply(ch, request, CTL_FAILED, "too much at once");
		return;
	}
	LIST_INSERT_HEAD(&lookups.list, l, entry);
	lookups.n++;
	l->request = request;
	l->route = route_new(
	    action, (struct span){ domain, s.len }, ctl_lookup_done, l);
	if (l->route == NULL) {
		ctl_reply(ch, request, CTL_FAILED, "out of memory");
		ctl_lookup_free(l);
		return;
	}
	route_find(l->route);
	if (route_state(l->route) != ROUTE_ASKING)
		ctl_lookup_done(l);
}

int
relay_ask(struct chan *ch, struct msg *m)
{
	struct ctl_request req;
	struct ctl_answer a;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "request out of shape");
	if (req.verb == CTL_SHOW_ROUTE) {
		ctl_route(ch, m->id, &req);
		return 0;
	}
	ctl_answer_begin(&a, ch, m->id);
	switch ((unsigned)req.verb) {
	case CTL_SHOW_STATS:
		ctl_stats(&a);
		break;
	case CTL_SHOW_RELAYS:
		link_show(&a);
		break;
	case CTL_SHOW_HOSTS:
		ctl_hosts(&a);
		break;
	case CTL_SHOW_ROUTES:
		ctl_routes(&a);
		break;
	default:
		ctl_answer_end(&a, CTL_USAGE, "not for a relay");
		return 0;
	}
	ctl_answer_end(&a, CTL_OK, "");
	return 0;
}

int
relay_cancel(struct chan *ch, struct msg *m)
{
	struct lookup *l, *next;

	LIST_FOREACH_SAFE(l, &lookups.list, entry, next) {
		if (l->request == m->id)
			ctl_lookup_free(l);
	}
	return 0;
}
