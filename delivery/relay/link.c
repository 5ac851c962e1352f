/* SPDX-License-Identifier: ISC
 *
 * The life of a connection:
 *
 *	CONNECTING -> GREETING -> BUSY <-> IDLE -> end
 *	     ^___________|  the host was no good: the next address
 *
 * A job that it has when it ends gets its outcome, or goes back to its
 * destination if the other side cannot have it.
 */
#include "delivery/relay/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/relay/self.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/relay.h"
#include "privsep/ipc/loop.h"
#include "privsep/ipc/role.h"

#define LINKS_MAX 6000 /* in all: each has one descriptor, or two */

static struct {
	struct link_list all;
	size_t n;
} links = { .all = TAILQ_HEAD_INITIALIZER(links.all) };

static void link_race(struct link *);
static void link_start_race(struct link *, struct race_params *);

size_t
link_count(void)
{
	return links.n;
}

/* --- the end --------------------------------------------------------------- */

static void
link_free(struct link *l)
{
	struct dest *d = l->dest;

	if (l->state == LINK_IDLE)
		pool_remove(l);
	if (d != NULL) {
		d->links--;
		if (l->state == LINK_CONNECTING || l->state == LINK_GREETING)
			d->opening--;
	}
	race_cancel(l->race);
	if (l->client != NULL)
		client_free(l->client);
	/* one that found no room has made none */
	if (l->host != NULL || l->source != NULL || l->named != NULL)
		relay_connection_gone();
	count_clear(l);
	TAILQ_REMOVE(&links.all, l, entry);
	links.n--;
	tries_clear(&l->tries);
	event_free(l->timer);
	free(l->label);
	free(l);
}

void
link_end(struct link *l)
{
	struct dest *d = l->dest;

	link_free(l);
	if (d != NULL)
		dest_link_ended(d);
}

static void
link_timer(evutil_socket_t fd, short what, void *arg)
{
	link_end(arg);
}

void
link_close_idle(void)
{
	struct link *l;

	while ((l = pool_any()) != NULL)
		link_end(l);
}

/* --- connecting ------------------------------------------------------------ */

/* The address did not do; remember why, for the host and for a report. */
static void
link_note(
    struct link *l, const union ip *ip, const char *status, const char *text)
{
	struct host *h = host_get_ip(ip);

	if (h != NULL)
		host_failed(h, text);
	ip_text(ip, l->via_address);
	strlcpy(l->via_host, l->target->name, sizeof(l->via_host));
	strlcpy(l->status, status, sizeof(l->status));
	snprintf(l->text, sizeof(l->text), "%s [%s]: %s", l->via_host,
	    l->via_address, text);
	relay_counters[RC_CONNECT_FAILED]++;
	LOG(EV_RELAY_HOST, KS("host", l->via_host),
	    KS("address", l->via_address), KS("why", text));
}

static void
link_lost(void *arg, const union ip *ip, const char *why)
{
	struct link *l = arg;

	tries_made(&l->tries, ip);
	/* RFC 3463 3.5: 4.4.1 is no answer from host */
	link_note(l, ip, "4.4.1", why);
}

/* No address is left.  Where one was only full, that is no failure. */
static void
link_give_up(struct link *l)
{
	struct dest *d = l->dest;
	char status[sizeof(l->status)], text[sizeof(l->text)];
	char host[sizeof(l->via_host)], address[sizeof(l->via_address)];
	struct verdict v = { OUT_DEFERRED, SCOPE_DESTINATION, { NULL, 0 },
		{ NULL, 0 }, { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } } };
	bool full = l->tries.full;
	int family = l->family;

	strlcpy(status, l->status, sizeof(status));
	strlcpy(text, l->text, sizeof(text));
	strlcpy(host, l->via_host, sizeof(host));
	strlcpy(address, l->via_address, sizeof(address));
	link_free(l);
	if (full) {
		dest_link_full(d);
		return;
	}
	if (family != 0) {
		dest_family_failed(d, family);
		return;
	}
	v.status = span_str(status);
	v.text = span_str(text);
	v.via.host = span_str(host);
	v.via.address = span_str(address);
	dest_link_failed(d, &v);
}

/* --- speaking -------------------------------------------------------------- */

/* The other side will take a job. */
static void
link_ready(void *arg)
{
	struct link *l = arg;
	struct dest *d = l->dest;
	bool first = l->state == LINK_GREETING;
	uint64_t max = client_mail_max(l->client);

	if (max > 0 && max < l->max_sent)
		l->max_sent = max;
	if (first) {
		d->opening--;
		l->since_s = clock_wall(NULL);
		if (l->host != NULL)
			host_worked(l->host);
	}
	l->state = LINK_BUSY;
	if (l->sent >= l->max_sent) {
		link_end(l);
		return;
	}
	dest_link_ready(d, l);
	/* it is worth more of them now */
	if (first)
		dest_advance(d);
}

/* Whether the other side wants less of us (RFC 5321 3.8, RFC 3463 3.8). */
static bool
link_asks_less(const struct verdict *v)
{
	static const char shutting[] = "421", policy[] = "4.7.";

	return (v->text.len >= 3 && memcmp(v->text.p, shutting, 3) == 0) ||
	    (v->status.len >= 4 && memcmp(v->status.p, policy, 4) == 0);
}

/* A recipient has its outcome. */
static void
link_settled(void *arg, size_t i, const struct verdict *v)
{
	struct link *l = arg;

	if (family_put_off(l, i, v))
		return;
	job_settle(l->job, i, v);
	if (v->outcome == OUT_DELIVERED || v->outcome == OUT_RELAYED)
		family_worked(l);
	if (v->outcome != OUT_DEFERRED)
		l->good = true;
	else if (link_asks_less(v))
		pace_slow(&l->dest->pace, clock_ms());
}

/* The job is over. */
static void
link_sent(void *arg, bool taken)
{
	struct link *l = arg;
	struct job *j = l->job;

	l->job = NULL;
	if (!taken) {
		dest_job_back(l->dest, j);
		return;
	}
	if (l->good)
		pace_good(&l->dest->pace);
	if (l->good && l->host != NULL)
		l->host->messages++;
	if (family_turn(j))
		dest_job_turned(l->dest, j);
	else
		dest_job_done(l->dest, j);
}

/* The handshake failed where TLS need not be: the same address once more,
 * without. */
static void
link_again_plain(struct link *l, const char *why)
{
	struct race_params p = { .ip = { l->ip }, .n = 1 };
	char address[IP_TEXT_MAX];

	ip_text(&l->ip, address);
	LOG(EV_RELAY_HOST, KS("host", l->target->name), KS("address", address),
	    KS("why", why));
	host_no_tls(l->host);
	l->state = LINK_CONNECTING;
	link_start_race(l, &p);
}

/* The greeting, EHLO, TLS or AUTH went wrong: another host may do better.  Or
 * the connection has ended while it was used or kept. */
static void
link_failed(void *arg, const struct verdict *v)
{
	struct link *l = arg;
	char text[ROUTE_TEXT_MAX], status[sizeof(l->status)];
	bool plain;

	if (l->state != LINK_GREETING) {
		link_end(l);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)v->text.len,
	    (const char *)v->text.p);
	snprintf(status, sizeof(status), "%.*s", (int)v->status.len,
	    (const char *)v->status.p);
	plain = l->host != NULL && client_plain_next(l->client);
	client_free(l->client);
	l->client = NULL;
	if (plain) {
		link_again_plain(l, text);
		return;
	}
	link_note(l, &l->ip, status, text);
	link_race(l);
}

/* Our name towards the other side, by the address that we have there. */
static struct span
link_helo(const struct link *l, int fd)
{
	const struct relay *relay = l->action->relay;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (relay->helo_src != NULL)
		getsockname(fd, (struct sockaddr *)&ss, &len);
	return relay_helo(role_config(), relay, (struct sockaddr *)&ss);
}

static void
link_greet(struct link *l, int fd)
{
	static const struct client_ops ops = {
		.ready = link_ready,
		.settled = link_settled,
		.sent = link_sent,
		.failed = link_failed,
	};
	struct client_params p = {
		.proto = l->target->proto,
		.tls = l->target->tls,
		.host = l->target->name,
		.ip = &l->ip,
		.helo = link_helo(l, fd),
		.refuse_8bit = l->action->relay->refuse_8bit,
	};

	if (p.tls == RELAY_TLS_MAY && host_is_plain(l->host))
		p.tls = RELAY_TLS_NEVER;
	if (l->label != NULL)
		relay_credentials(
		    l->action->relay, span_str(l->label), &p.user, &p.password);
	l->state = LINK_GREETING;
	l->client = client_new(fd, &p, &ops, l);
	if (l->client == NULL) {
		link_note(l, &l->ip, "4.3.0", err_text(-E_NOMEM));
		link_race(l);
	}
}

/* End a kept connection, so that there is room for another. */
static bool
link_make_room(const struct dest *d, const struct target *t, size_t n)
{
	struct link *old = pool_oldest(t, n, d->limits.source_connections);

	if (old == NULL)
		return false;
	link_end(old);
	return true;
}

/* The name leads to this host, by an address that was not known to be its own
 * when the route was found. */
static void
link_loops(struct link *l)
{
	struct dest *d = l->dest;

	link_free(l);
	route_expire(d->route);
	dest_link_full(d);
}

static void
link_connected(void *arg, int fd, const union ip *ip)
{
	struct link *l = arg;
	struct host *named = NULL;

	l->race = NULL;
	if (fd < 0) {
		link_race(l);
		return;
	}
	if (!l->target->named && self_met(fd, ip)) {
		close(fd);
		link_loops(l);
		return;
	}
	relay_counters[RC_CONNECTED]++;
	tries_made(&l->tries, ip);
	l->ip = *ip;
	if (!count_connected(l, fd) &&
	    (!link_make_room(l->dest, l->target, 1) ||
		!count_connected(l, fd))) {
		close(fd);
		l->tries.full = true;
		link_race(l);
		return;
	}
	/* where there is a choice, the next one begins with what works */
	if (l->target->n > 1)
		named = host_get(l->target->name);
	if (named != NULL)
		named->family = ip->sa.sa_family;
	link_greet(l, fd);
}

/* Race to these addresses of the target. */
static void
link_start_race(struct link *l, struct race_params *p)
{
	p->src4 = l->src4;
	p->src6 = l->src6;
	p->timeout_ms = role_config()->set.relay_timeout_connect_s * 1000;
	count_connecting(l, &p->ip[0]);
	l->race = race_start(p, link_lost, link_connected, l);
	if (l->race == NULL) {
		strlcpy(l->status, "4.3.0", sizeof(l->status));
		strlcpy(l->text, err_text(-E_NOMEM), sizeof(l->text));
		link_give_up(l);
	}
}

/* Try the next host.  Ends the link when there is none. */
static void
link_race(struct link *l)
{
	struct race_params p;

	l->state = LINK_CONNECTING;
	p.n = tries_next(&l->tries, p.ip, &l->target);
	if (p.n == 0)
		link_give_up(l);
	else
		link_start_race(l, &p);
}

/* --- for destinations ------------------------------------------------------ */

static struct link *
link_new(struct dest *d, const struct target *t, size_t n)
{
	struct link *l = chk_calloc(1, sizeof(*l));
	const char *label = route_label(d->route);

	if (l == NULL)
		return NULL;
	l->action = d->action;
	l->max_sent = d->limits.mails;
	l->timer = evtimer_new(loop_base(), link_timer, l);
	if (l->timer == NULL || tries_init(&l->tries, t, n, &d->limits) != 0 ||
	    (label != NULL && (l->label = strdup(label)) == NULL)) {
		tries_clear(&l->tries);
		if (l->timer != NULL)
			event_free(l->timer);
		free(l);
		return NULL;
	}
	strlcpy(l->status, "4.4.1", sizeof(l->status));
	strlcpy(l->text, "no address of it can be reached from here",
	    sizeof(l->text));
	TAILQ_INSERT_TAIL(&links.all, l, entry);
	links.n++;
	return l;
}

static void
link_adopt(struct link *l, struct dest *d)
{
	l->dest = d;
	d->links++;
}

/* The first race.  0, or -E_BUSY with the link gone. */
static int
link_begin(struct link *l, const struct target *t, size_t n)
{
	struct race_params p;

	p.n = tries_next(&l->tries, p.ip, &l->target);
	if (p.n == 0 && l->tries.full && link_make_room(l->dest, t, n)) {
		l->tries.at = 0;
		l->tries.full = l->tries.last = false;
		p.n = tries_next(&l->tries, p.ip, &l->target);
	}
	if (p.n > 0)
		link_start_race(l, &p);
	else if (!l->tries.full)
		link_give_up(l);
	else {
		link_free(l);
		return -E_BUSY;
	}
	return 0;
}

int
link_open(struct dest *d, int family)
{
	const struct target *t;
	struct link *l;
	size_t n;

	t = route_targets(d->route, &n);
	l = pool_take(d->action, route_label(d->route), t, n, family);
	if (l != NULL) {
		relay_counters[RC_REUSED]++;
		link_adopt(l, d);
		link_ready(l);
		return 0;
	}
	if (links.n >= LINKS_MAX && !link_make_room(d, t, n))
		return -E_BUSY;
	if ((l = link_new(d, t, n)) == NULL)
		return -E_NOMEM;
	link_adopt(l, d);
	l->family = family;
	if (family != 0)
		l->tries.family = family == AF_INET6 ? 6 : 4;
	l->state = LINK_CONNECTING;
	d->opening++;
	if (!count_choose_source(l) &&
	    (!link_make_room(d, t, n) || !count_choose_source(l))) {
		link_free(l);
		return -E_BUSY;
	}
	return link_begin(l, t, n);
}

int
link_family(const struct link *l)
{
	return l->ip.sa.sa_family;
}

void
link_send(struct link *l, struct job *j)
{
	count_message(l);
	l->job = j;
	l->good = false;
	l->sent++;
	client_send(l->client, j);
}

void
link_rest(struct link *l)
{
	struct dest *d = l->dest;

	if (relay_leaving()) {
		link_end(l);
		return;
	}
	d->links--;
	l->dest = NULL;
	l->state = LINK_IDLE;
	pool_put(l);
	/* others may wait for just this one */
	relay_connection_gone();
}

void
link_show(struct ctl_answer *a)
{
	static const char *const words[LINK__MAX] = {
		[LINK_CONNECTING] = "connecting",
		[LINK_GREETING] = "greeting",
		[LINK_BUSY] = "busy",
		[LINK_IDLE] = "idle",
	};
	char address[IP_TEXT_MAX];
	const struct link *l;

	TAILQ_FOREACH(l, &links.all, entry) {
		ip_text_port(&l->ip, address);
		ctl_row_begin(a);
		ctl_field_text(a, "state", span_str(words[l->state]));
		ctl_field_text(a, "action", span_str(l->action->name));
		ctl_field_text(a, "domain",
		    l->dest != NULL ? span_str(l->dest->user)
				    : (struct span){ NULL, 0 });
		ctl_field_text(a, "host", span_str(l->target->name));
		ctl_field_text(a, "address", span_str(address));
		ctl_field_uint(a, "messages", l->sent);
		ctl_field_time(a, "since", l->since_s);
		ctl_row_end(a);
	}
}
