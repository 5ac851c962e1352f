/* SPDX-License-Identifier: ISC
 *
 * Finding the hosts of a destination: those that the action names, or those
 * that MX records give (RFC 5321 5.1, RFC 7505), and their addresses.
 */
#include "delivery/relay/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/ask.h"
#include "delivery/relay/mx.h"
#include "delivery/relay/self.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/config/relay.h"
#include "privsep/ipc/role.h"

#define ROUTE_TTL_MIN_S 5
#define ROUTE_HOLDS_S   300 /* at most, whatever the records say */
#define ROUTE_ASKS_MAX  (2 * ROUTE_TARGETS_MAX)

/* Where the hosts come from, which decides what their absence means. */
enum route_kind {
	ROUTE_BY_CONFIG,  /* the action names it */
	ROUTE_BY_MX,      /* MX records */
	ROUTE_BY_ADDRESS, /* no MX records: the domain itself, or a literal */
};

/* A question about a host's addresses. */
struct route_ask {
	struct route *route;
	size_t target;
	uint64_t id;
};

struct route {
	const struct action *action;
	char domain[ROUTE_NAME_MAX + 1];
	route_fn *done;
	void *arg;
	enum route_state state;
	enum route_kind kind;
	bool secure;
	uint64_t until_ms;
	uint64_t mx_id;
	struct route_ask ask[ROUTE_ASKS_MAX];
	unsigned open; /* questions without an answer */
	struct target *target;
	size_t n;
	char *label;
	enum env_outcome outcome;
	const char *status;
	char text[ROUTE_TEXT_MAX];
	char why[ROUTE_TEXT_MAX / 2]; /* a question was not answered */
};

struct route *
route_new(
    const struct action *action, struct span domain, route_fn *done, void *arg)
{
	struct route *r;

	if (domain.len > ROUTE_NAME_MAX ||
	    (r = chk_calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->action = action;
	memcpy(r->domain, domain.p, domain.len);
	r->done = done;
	r->arg = arg;
	return r;
}

static void
route_forget(struct route *r)
{
	size_t i;

	ask_forget(r->mx_id);
	r->mx_id = 0;
	for (i = 0; i < ROUTE_ASKS_MAX; i++) {
		ask_forget(r->ask[i].id);
		r->ask[i].id = 0;
	}
	r->open = 0;
	free(r->target);
	r->target = NULL;
	r->n = 0;
	free(r->label);
	r->label = NULL;
	r->why[0] = '\0';
}

void
route_free(struct route *r)
{
	if (r == NULL)
		return;
	route_forget(r);
	free(r);
}

static void __attribute__((format(printf, 4, 5))) route_fail(struct route *r,
    enum env_outcome outcome, const char *status, const char *fmt, ...)
{
	va_list ap;

	r->state = ROUTE_FAILED;
	r->outcome = outcome;
	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

static void
route_hold(struct route *r, uint32_t ttl_s)
{
	uint64_t until_ms;

	/* an answer that holds no longer than it took is used all the same */
	if (ttl_s < ROUTE_TTL_MIN_S)
		ttl_s = ROUTE_TTL_MIN_S;
	until_ms = clock_ms() + (uint64_t)ttl_s * 1000;

	if (until_ms < r->until_ms)
		r->until_ms = until_ms;
}

static bool
route_is_self(const struct target *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (self_has(&t->ip[i]))
			return true;
	}
	return strcasecmp(t->name, role_config()->hostname) == 0;
}

/* The name under which the action says that we are in the records. */
static bool
route_is_backup(const struct route *r, const struct target *t)
{
	const char *name = r->action->relay->backup_mx;

	return name != NULL && strcasecmp(t->name, name) == 0;
}

/* Leave out ourselves and whoever is no better. */
static void
route_drop_self(struct route *r)
{
	size_t i, keep = mx_before_self(r->target, r->n, route_is_self);

	for (i = 0; i < keep; i++) {
		if (route_is_backup(r, &r->target[i]))
			break;
	}
	if (i < keep) {
		keep = i;
		while (keep > 0 &&
		    r->target[keep - 1].preference == r->target[i].preference)
			keep--;
	}
	r->n = keep;
}

/* Leave out the addresses that no name should have. */
static void
route_drop_near(struct target *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		if (ip_is_far(&t->ip[i]))
			t->ip[n++] = t->ip[i];
	}
	t->n = n;
}

/* Keep the hosts that have addresses; whether one may have them later. */
static bool
route_drop_empty(struct route *r)
{
	bool temporary = false;
	size_t i, n = 0;

	for (i = 0; i < r->n; i++) {
		temporary = temporary || r->target[i].temporary;
		if (r->target[i].n > 0 && n++ != i)
			r->target[n - 1] = r->target[i];
	}
	r->n = n;
	return temporary;
}

/* All that was asked is answered. */
static void
route_conclude(struct route *r)
{
	const char *of = r->kind == ROUTE_BY_MX ? r->domain : r->target->name;
	bool temporary;
	size_t i;

	if (r->kind != ROUTE_BY_CONFIG) {
		for (i = 0; i < r->n; i++)
			route_drop_near(&r->target[i]);
		route_drop_self(r);
		if (r->n == 0) {
			route_fail(r, OUT_FAILED, "5.4.6",
			    "mail for %s would come back to this host",
			    r->domain);
			return;
		}
	}
	temporary = route_drop_empty(r);
	if (r->n > 0)
		r->state = ROUTE_READY;
	else if (temporary)
		route_fail(r, OUT_DEFERRED, "4.4.3",
		    "looking up the addresses of %s: %s", of, r->why);
	else if (r->kind == ROUTE_BY_CONFIG)
		/* who runs this host will want to set it right */
		route_fail(r, OUT_DEFERRED, "4.4.4",
		    "%s, to which action %s sends, has no address", of,
		    r->action->name);
	else if (r->kind == ROUTE_BY_MX)
		route_fail(r, OUT_FAILED, "5.4.4",
		    "no host that takes mail for %s has an address of use",
		    r->domain);
	else
		route_fail(r, OUT_FAILED, "5.1.2",
		    "%s takes no mail: it has no address of use", of);
}

static void
route_end(struct route *r)
{
	route_conclude(r);
	r->done(r->arg);
}

static void
route_note(struct route *r, const struct dns_answer *a)
{
	struct span why = a->why;

	if (a->status == DNS_BOGUS && why.len == 0)
		why = span_str("its signatures do not hold");
	if (why.len == 0)
		why = span_str("no answer");
	snprintf(
	    r->why, sizeof(r->why), "%.*s", (int)why.len, (const char *)why.p);
}

static void
route_address(void *arg, const struct dns_answer *a)
{
	struct route_ask *ask = arg;
	struct route *r = ask->route;
	struct target *t = &r->target[ask->target];
	size_t i;

	ask->id = 0;
	if (a->status == DNS_TRY_LATER || a->status == DNS_BOGUS) {
		t->temporary = true;
		route_note(r, a);
	}
	if (a->status == DNS_OK)
		t->secure = t->secure && a->security == DNS_SECURE;
	for (i = 0; i < a->n && t->n < ROUTE_ADDRESSES_MAX; i++) {
		if (ip_from_octets(a->record[i].data, t->port, &t->ip[t->n]) ==
		    0)
			t->n++;
	}
	route_hold(r, a->ttl_s);
	if (--r->open == 0)
		route_end(r);
}

static void
route_ask_address(struct route *r, size_t target, enum dns_kind kind)
{
	struct target *t = &r->target[target];
	struct route_ask *ask = &r->ask[2 * target + (kind == DNS_A ? 0 : 1)];

	ask->route = r;
	ask->target = target;
	ask->id = ask_dns(kind, span_str(t->name), route_address, ask);
	if (ask->id != 0) {
		r->open++;
		return;
	}
	t->temporary = true;
	strlcpy(r->why, "there is no resolver", sizeof(r->why));
}

/* Ask for the addresses of the hosts that have none yet.  Whether there is
 * something to wait for. */
static bool
route_ask_addresses(struct route *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->target[i].n > 0)
			continue;
		route_ask_address(r, i, DNS_AAAA);
		route_ask_address(r, i, DNS_A);
	}
	return r->open > 0;
}

/* Lay open the records, in order. */
static int
route_take_mx(struct route *r, const struct dns_answer *a)
{
	static struct target scratch[ASK_RECORDS_MAX];
	size_t i, n = 0;

	for (i = 0; i < a->n; i++) {
		const struct dns_record *rec = &a->record[i];
		struct target *t = &scratch[n];

		/* the root is no host */
		if (rec->data.len == 0 || rec->data.len > ROUTE_NAME_MAX)
			continue;
		*t = (struct target){
			.preference = rec->preference,
			.proto = RELAY_SMTP,
			.tls = relay_host_tls(r->action->relay, NULL),
			.port = ROUTE_SMTP_PORT,
			.secure = r->secure,
		};
		memcpy(t->name, rec->data.p, rec->data.len);
		n++;
	}
	mx_order(scratch, n);
	if ((r->target = chk_calloc(n + 1, sizeof(*r->target))) == NULL)
		return -E_NOMEM;
	memcpy(r->target, scratch, n * sizeof(*scratch));
	r->n = n;
	/* by name; by address when those are known */
	route_drop_self(r);
	if (r->n > ROUTE_TARGETS_MAX)
		r->n = ROUTE_TARGETS_MAX;
	return 0;
}

/* The domain is its own host: no MX records, a literal, or the action's. */
static int
route_take_one(struct route *r, const char *name, enum relay_proto proto,
    enum relay_tls tls, uint16_t port)
{
	struct target *t;

	if ((r->target = t = chk_calloc(1, sizeof(*t))) == NULL)
		return -E_NOMEM;
	strlcpy(t->name, name, sizeof(t->name));
	t->proto = proto;
	t->tls = tls;
	t->port = port;
	t->secure = r->secure;
	if (ip_from_text(span_str(name), port, &t->ip[0]) == 0 ||
	    ip_from_literal(span_str(name), port, &t->ip[0]) == 0)
		t->n = 1;
	r->n = 1;
	return 0;
}

static int
route_take_domain(struct route *r)
{
	r->kind = ROUTE_BY_ADDRESS;
	return route_take_one(r, r->domain, RELAY_SMTP,
	    relay_host_tls(r->action->relay, NULL), ROUTE_SMTP_PORT);
}

static void
route_mx(void *arg, const struct dns_answer *a)
{
	struct route *r = arg;
	int error = 0;

	r->mx_id = 0;
	r->secure = a->security == DNS_SECURE;
	route_hold(r, a->ttl_s);
	if (a->status == DNS_TRY_LATER || a->status == DNS_BOGUS) {
		route_note(r, a);
		route_fail(r, OUT_DEFERRED, "4.4.3",
		    "looking up who takes mail for %s: %s", r->domain, r->why);
	} else if (a->status == DNS_NO_NAME)
		route_fail(
		    r, OUT_FAILED, "5.1.2", "there is no domain %s", r->domain);
	else if (a->status == DNS_NO_DATA)
		error = route_take_domain(r);
	else if (a->n == 1 && a->record[0].data.len == 0)
		/* RFC 7505 4.2 */
		route_fail(
		    r, OUT_FAILED, "5.1.10", "%s takes no mail", r->domain);
	else
		error = route_take_mx(r, a);
	if (error != 0)
		route_fail(r, OUT_DEFERRED, "4.3.0", "%s", err_text(error));
	if (r->state == ROUTE_FAILED)
		r->done(r->arg);
	else if (!route_ask_addresses(r))
		route_end(r);
}

/* Where the configuration says to send to, if it does.  0, -E_NOENT,
 * -E_NOMEM. */
static int
route_take_configured(struct route *r)
{
	const struct relay *relay = r->action->relay;
	struct relay_host found = { 0 };
	const struct relay_host *host = &found;
	int error = relay_domain_host(relay, span_str(r->domain), &found);

	if (error == -E_NOENT && relay->host != NULL) {
		host = relay->host;
		error = 0;
	}
	if (error != 0)
		return error;
	r->kind = ROUTE_BY_CONFIG;
	if (host->label != NULL && (r->label = strdup(host->label)) == NULL)
		error = -E_NOMEM;
	if (error == 0)
		error = route_take_one(r, host->name, host->proto,
		    relay_host_tls(relay, host), host->port);
	if (error == 0)
		r->target->named = true;
	relay_host_clear(&found);
	return error;
}

void
route_find(struct route *r)
{
	union ip ip;
	int error;

	route_forget(r);
	r->state = ROUTE_ASKING;
	r->kind = ROUTE_BY_MX;
	r->secure = false;
	r->until_ms = clock_ms() + ROUTE_HOLDS_S * 1000;
	error = route_take_configured(r);
	if (error == -E_NOENT &&
	    ip_from_literal(span_str(r->domain), ROUTE_SMTP_PORT, &ip) == 0)
		error = route_take_domain(r);
	if (error == 0) {
		if (!route_ask_addresses(r))
			route_conclude(r);
		return;
	}
	if (error == -E_NOENT) {
		r->mx_id = ask_dns(DNS_MX, span_str(r->domain), route_mx, r);
		if (r->mx_id == 0)
			route_fail(r, OUT_DEFERRED, "4.4.3",
			    "looking up who takes mail for %s: there is no "
			    "resolver",
			    r->domain);
		return;
	}
	route_fail(r, OUT_DEFERRED, "4.3.0", "%s", err_text(error));
}

enum route_state
route_state(const struct route *r)
{
	return r->state;
}

bool
route_stale(const struct route *r)
{
	return r->state == ROUTE_NEW || r->state == ROUTE_FAILED ||
	    (r->state == ROUTE_READY && clock_ms() >= r->until_ms);
}

void
route_expire(struct route *r)
{
	r->until_ms = 0;
}

const struct target *
route_targets(const struct route *r, size_t *n)
{
	*n = r->state == ROUTE_READY ? r->n : 0;
	return r->target;
}

const char *
route_label(const struct route *r)
{
	return r->label;
}

enum env_outcome
route_failure(const struct route *r, const char **status, const char **text)
{
	*status = r->status;
	*text = r->text;
	return r->outcome;
}
