/* SPDX-License-Identifier: ISC
 *
 * DNS_ASK to DNS_ANSWER.  Every question is answered once: by what was found,
 * or when its time is over, after which what comes is dropped.  The name of a
 * client is one that its address has and that has its address; a name by the
 * first alone is whatever the client's network likes to say.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/log.h"
#include "privsep/resolver/resolver.h"

#define ASK_NAME_MAX     255
#define ASK_WHY_MAX      200
#define LABEL_MAX        63
#define ALIVE_FACTOR     4  /* of max-inflight: silent servers are patient */
#define CLIENT_NAMES_MAX 4  /* of an address that are looked at */
#define NOTHING_TTL_S    60 /* that something is not there; RFC 2308 */

/* A question of another process.  It lives until everything that libunbound
 * was asked for it has come back. */
struct ask {
	TAILQ_ENTRY(ask) entry; /* while it is not answered */
	bool answered;
	uint64_t id;
	enum role role;
	uint32_t instance;
	enum dns_kind kind;
	struct event *timer;
	struct dnsmsg_name name; /* but not of DNS_CLIENT, which has: */
	unsigned char address[16];
	size_t address_len;
	struct dnsmsg_name names[CLIENT_NAMES_MAX];
	size_t nnames;
	size_t at;                 /* of names: the one that is confirmed now */
	enum dns_status otherwise; /* when none of them is */
	enum dns_security security;
	uint32_t ttl_s;
};
TAILQ_HEAD(ask_list, ask);

static struct {
	struct ask_list open;
	size_t n;
	/* of each role, those too that were answered before the DNS was: what
	 * clients make one ask does not use up another's share */
	size_t alive[ROLE__MAX];
} asks = { .open = TAILQ_HEAD_INITIALIZER(asks.open) };

static void client_next(struct ask *);

size_t
ask_count(void)
{
	return asks.n;
}

static void
ask_free(struct ask *a)
{
	asks.alive[a->role]--;
	event_free(a->timer);
	free(a);
}

/* --- answers --------------------------------------------------------------- */

static void
answer_begin(struct chan *ch, uint64_t id, enum dns_status status,
    enum dns_security security, uint32_t ttl_s, struct span name,
    const char *why)
{
	struct span text = span_str(why);

	if (text.len > ASK_WHY_MAX)
		text.len = ASK_WHY_MAX;
	/* whoever asks takes nothing else */
	if (!span_is_text(text))
		text = span_str("for no reason that can be told");
	msg_begin(ch, DNS_ANSWER, id);
	msg_put_u8(ch, (uint8_t)status);
	msg_put_u8(ch, (uint8_t)security);
	msg_put_u32(ch, ttl_s);
	msg_put_span(ch, name);
	msg_put_span(ch, text);
}

static void
answer_none(
    struct chan *ch, uint64_t id, enum dns_status status, const char *why)
{
	answer_begin(ch, id, status, DNS_INSECURE, 0, span_str(""), why);
	msg_put_u16(ch, 0);
	msg_send(ch);
}

static void
answer_count(enum dns_status status)
{
	static const enum resolver_counter counters[DNS_STATUS__MAX] = {
		[DNS_OK] = NC_FOUND,
		[DNS_NO_NAME] = NC_NO_NAME,
		[DNS_NO_DATA] = NC_NO_DATA,
		[DNS_TRY_LATER] = NC_FAILED,
		[DNS_BOGUS] = NC_BOGUS,
	};

	resolver_counters[counters[status]]++;
}

static struct span
name_span(const struct dnsmsg_name *name)
{
	return (struct span){ name->text, name->len };
}

/* The end of the question, as far as the other process is concerned.  Gives
 * the channel to answer over, or NULL if there is nobody any more. */
static struct chan *
ask_end(struct ask *a, enum dns_status status)
{
	a->answered = true;
	TAILQ_REMOVE(&asks.open, a, entry);
	asks.n--;
	evtimer_del(a->timer);
	answer_count(status);
	return role_peer_instance(a->role, a->instance);
}

/* That a client's address has no name, or a wrong one, is no news. */
static void
ask_log(const struct ask *a, enum dns_status status, const char *why)
{
	static const char *const types[DNS_KIND__MAX] = {
		[DNS_MX] = "MX",
		[DNS_A] = "A",
		[DNS_AAAA] = "AAAA",
	};

	if (a->kind == DNS_CLIENT)
		return;
	LOG(EV_LOOKUP_FAILED, KB("name", name_span(&a->name)),
	    KS("type", types[a->kind]),
	    KS("dnssec", status == DNS_BOGUS ? "bogus" : ""), KS("why", why));
}

static void
ask_refuse(struct ask *a, enum dns_status status, const char *why)
{
	struct chan *ch = ask_end(a, status);

	ask_log(a, status, why);
	if (ch != NULL)
		answer_none(ch, a->id, status, why);
}

static void
ask_timeout(evutil_socket_t fd, short what, void *arg)
{
	resolver_counters[NC_TIMED_OUT]++;
	ask_refuse(arg, DNS_TRY_LATER, "no answer in time");
}

static void
answer_record(
    struct chan *ch, enum dns_kind kind, const struct dnsmsg_record *r)
{
	if (kind == DNS_MX) {
		msg_put_u16(ch, r->preference);
		msg_put_span(ch, name_span(&r->name));
	} else {
		msg_put_span(ch, (struct span){ r->octets, r->len });
	}
}

static void
ask_found(void *arg, const struct context_answer *got)
{
	struct ask *a = arg;
	const struct dnsmsg *msg = got->msg;
	struct chan *ch;
	size_t i, n;

	if (a->answered) {
		ask_free(a);
		return;
	}
	if (msg == NULL) {
		ask_refuse(a, got->status, got->why);
		ask_free(a);
		return;
	}
	if ((ch = ask_end(a, got->status)) != NULL) {
		n = got->status == DNS_OK ? msg->n : 0;
		answer_begin(ch, a->id, got->status, got->security,
		    n > 0 ? msg->ttl_s : NOTHING_TTL_S, name_span(&msg->owner),
		    "");
		msg_put_u16(ch, (uint16_t)n);
		for (i = 0; i < n; i++)
			answer_record(ch, a->kind, &msg->record[i]);
		msg_send(ch);
	}
	ask_free(a);
}

/* --- the name of a client -------------------------------------------------- */

/* 1.2.0.192.in-addr.arpa, or the nibbles of ip6.arpa (RFC 1035 3.5, 3596 2.5). */
static void
client_reverse(const struct ask *a, char *out, size_t size)
{
	size_t i, len = 0;

	if (a->address_len == 4) {
		snprintf(out, size, "%u.%u.%u.%u.in-addr.arpa", a->address[3],
		    a->address[2], a->address[1], a->address[0]);
		return;
	}
	for (i = 16; i-- > 0;)
		len += (size_t)snprintf(out + len, size - len, "%x.%x.",
		    a->address[i] & 0x0f, a->address[i] >> 4);
	snprintf(out + len, size - len, "ip6.arpa");
}

static void
client_named(struct ask *a)
{
	struct chan *ch = ask_end(a, DNS_OK);

	if (ch != NULL) {
		answer_begin(
		    ch, a->id, DNS_OK, a->security, a->ttl_s, span_str(""), "");
		msg_put_u16(ch, 1);
		msg_put_span(ch, name_span(&a->names[a->at]));
		msg_send(ch);
	}
	ask_free(a);
}

/* The addresses of one of its names. */
static void
client_confirmed(void *arg, const struct context_answer *got)
{
	struct ask *a = arg;
	size_t i, n = 0;

	if (a->answered) {
		ask_free(a);
		return;
	}
	/* a further name may be good whatever is wrong with this one */
	if (got->msg == NULL)
		a->otherwise = got->status;
	else if (got->status == DNS_OK)
		n = got->msg->n;
	for (i = 0; i < n; i++) {
		const struct dnsmsg_record *r = &got->msg->record[i];

		if (r->len != a->address_len ||
		    memcmp(r->octets, a->address, r->len) != 0)
			continue;
		if (got->security == DNS_INSECURE)
			a->security = DNS_INSECURE;
		if (got->msg->ttl_s < a->ttl_s)
			a->ttl_s = got->msg->ttl_s;
		client_named(a);
		return;
	}
	a->at++;
	client_next(a);
}

static void
client_next(struct ask *a)
{
	if (a->at == a->nnames) {
		ask_refuse(a, a->otherwise,
		    a->otherwise == DNS_NO_DATA
			? "no name of it has its address"
			: "not all its names can be looked up");
		ask_free(a);
		return;
	}
	context_ask(name_span(&a->names[a->at]),
	    a->address_len == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, client_confirmed,
	    a);
}

/* The names of its address. */
static void
client_reversed(void *arg, const struct context_answer *got)
{
	struct ask *a = arg;

	if (a->answered || got->status != DNS_OK) {
		if (!a->answered)
			ask_refuse(a, got->status,
			    got->why != NULL ? got->why : "it has no name");
		ask_free(a);
		return;
	}
	a->security = got->security;
	a->otherwise = DNS_NO_DATA;
	a->ttl_s = got->msg->ttl_s;
	for (; a->nnames < CLIENT_NAMES_MAX && a->nnames < got->msg->n;
	     a->nnames++)
		a->names[a->nnames] = got->msg->record[a->nnames].name;
	client_next(a);
}

/* --- questions ------------------------------------------------------------- */

/* Labels of letters, digits, hyphens and underscores (RFC 1035 2.3.4). */
static bool
ask_name_is_clean(struct span name)
{
	size_t i, label = 0;

	for (i = 0; i < name.len; i++) {
		unsigned char c = name.p[i];

		if (c == '.' && label > 0) {
			label = 0;
			continue;
		}
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

static void
ask_go(struct ask *a, struct span name)
{
	static const enum dns_type types[DNS_KIND__MAX] = {
		[DNS_MX] = DNS_TYPE_MX,
		[DNS_A] = DNS_TYPE_A,
		[DNS_AAAA] = DNS_TYPE_AAAA,
	};
	char reverse[80];

	if (a->kind != DNS_CLIENT) {
		a->name.len = (uint8_t)name.len;
		memcpy(a->name.text, name.p, name.len);
		context_ask(name, types[a->kind], ask_found, a);
		return;
	}
	memcpy(a->address, name.p, name.len);
	a->address_len = name.len;
	client_reverse(a, reverse, sizeof(reverse));
	context_ask(span_str(reverse), DNS_TYPE_PTR, client_reversed, a);
}

static size_t
ask_count_of(const struct chan *ch)
{
	struct ask *a;
	size_t n = 0;

	if (asks.n < role_config()->set.resolver_max_inflight)
		return 0;
	TAILQ_FOREACH(a, &asks.open, entry)
		n += a->role == chan_role(ch) &&
		    a->instance == chan_instance(ch);
	return n;
}

static struct ask *
ask_new(struct chan *ch, uint64_t id, enum dns_kind kind)
{
	struct timeval tv = {
		.tv_sec = (time_t)role_config()->set.resolver_timeout_s
	};
	struct ask *a = chk_calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	if ((a->timer = evtimer_new(loop_base(), ask_timeout, a)) == NULL) {
		free(a);
		return NULL;
	}
	a->id = id;
	a->kind = kind;
	a->role = chan_role(ch);
	a->instance = chan_instance(ch);
	evtimer_add(a->timer, &tv);
	TAILQ_INSERT_TAIL(&asks.open, a, entry);
	asks.n++;
	asks.alive[a->role]++;
	return a;
}

int
ask_begin(struct chan *ch, struct msg *m)
{
	unsigned kind = rd_u8(&m->body);
	struct span name = rd_span(&m->body, ASK_NAME_MAX);
	uint64_t max = role_config()->set.resolver_max_inflight;
	struct ask *a = NULL;

	if (!rd_done(&m->body) || kind >= DNS_KIND__MAX ||
	    (kind == DNS_CLIENT && name.len != 4 && name.len != 16))
		return chan_violation(ch, "question out of shape");
	resolver_counters[NC_ASKED]++;
	if (kind != DNS_CLIENT && !ask_name_is_clean(name)) {
		answer_none(ch, m->id, DNS_NO_NAME, "that is no name");
		return 0;
	}
	if (ask_count_of(ch) < max &&
	    asks.alive[chan_role(ch)] < ALIVE_FACTOR * max)
		a = ask_new(ch, m->id, (enum dns_kind)kind);
	if (a == NULL) {
		resolver_counters[NC_REFUSED]++;
		answer_none(ch, m->id, DNS_TRY_LATER, "too many questions");
		return 0;
	}
	ask_go(a, name);
	return 0;
}
