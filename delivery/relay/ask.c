/* SPDX-License-Identifier: ISC
 *
 * Questions to the resolver.  See ask.h.
 */
#include "delivery/relay/ask.h"

#include <sys/queue.h>

#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/ipc/role.h"

#define ASK_NAME_MAX 255 /* octets of a name (RFC 1035 2.3.4) */
#define ASK_WHY_MAX  512

struct ask {
	TAILQ_ENTRY(ask) entry;
	uint64_t id;
	uint32_t instance; /* of the resolver that it went to */
	enum dns_kind kind;
	ask_fn *fn; /* NULL: forgotten */
	void *arg;
};

static struct {
	TAILQ_HEAD(, ask) open;
	size_t n;
	uint64_t last_id;
} asks = { .open = TAILQ_HEAD_INITIALIZER(asks.open) };

static void
ask_free(struct ask *a)
{
	TAILQ_REMOVE(&asks.open, a, entry);
	asks.n--;
	free(a);
}

static struct ask *
ask_find(uint64_t id)
{
	struct ask *a;

	TAILQ_FOREACH(a, &asks.open, entry) {
		if (a->id == id)
			break;
	}
	return a;
}

uint64_t
ask_dns(enum dns_kind kind, struct span name, ask_fn *fn, void *arg)
{
	struct chan *ch = role_peer(ROLE_RESOLVER);
	struct ask *a;

	if (ch == NULL || name.len > ASK_NAME_MAX ||
	    (a = chk_calloc(1, sizeof(*a))) == NULL)
		return 0;
	msg_begin(ch, DNS_ASK, ++asks.last_id);
	msg_put_u8(ch, (uint8_t)kind);
	msg_put_span(ch, name);
	if (msg_send(ch) != 0) {
		free(a);
		return 0;
	}
	*a = (struct ask){
		.id = asks.last_id,
		.instance = chan_instance(ch),
		.kind = kind,
		.fn = fn,
		.arg = arg,
	};
	TAILQ_INSERT_TAIL(&asks.open, a, entry);
	asks.n++;
	return a->id;
}

void
ask_forget(uint64_t id)
{
	struct ask *a = id == 0 ? NULL : ask_find(id);

	if (a != NULL)
		a->fn = NULL;
}

/* What can be asked for, logged and reported as it is.  The resolver gives
 * nothing else; the empty name is the root. */
static bool
ask_is_host(struct span name)
{
	size_t i;

	for (i = 0; i < name.len; i++) {
		unsigned char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void
ask_read_record(struct rd *r, enum dns_kind kind, struct dns_record *out)
{
	size_t octets = kind == DNS_A ? 4 : 16;

	if (kind == DNS_MX) {
		out->preference = rd_u16(r);
		out->data = rd_span(r, ASK_NAME_MAX);
		r->bad = r->bad || !ask_is_host(out->data);
		return;
	}
	out->preference = 0;
	out->data = rd_span(r, octets);
	if (out->data.len != octets)
		r->bad = true;
}

/* Whether it is in shape; records beyond what is looked at are checked all the
 * same. */
static bool
ask_read(struct rd *r, enum dns_kind kind, struct dns_answer *out)
{
	struct dns_record record;
	unsigned status = rd_u8(r), security = rd_u8(r);
	size_t i, n;

	out->ttl_s = rd_u32(r);
	out->name = rd_span(r, ASK_NAME_MAX);
	out->why = rd_span(r, ASK_WHY_MAX);
	n = rd_u16(r);
	if (status >= DNS_STATUS__MAX || security >= DNS_SECURITY__MAX ||
	    (status == DNS_OK) != (n > 0) || !span_is_text(out->why))
		return false;
	out->status = (enum dns_status)status;
	out->security = (enum dns_security)security;
	for (i = 0; i < n && !r->bad; i++) {
		ask_read_record(r, kind, &record);
		if (i < ASK_RECORDS_MAX)
			out->record[out->n++] = record;
	}
	return rd_done(r);
}

/* The last that is heard of it. */
static void
ask_done(struct ask *a, const struct dns_answer *answer)
{
	ask_fn *fn = a->fn;
	void *arg = a->arg;

	ask_free(a);
	if (fn != NULL)
		fn(arg, answer);
}

int
ask_answered(struct chan *ch, struct msg *m)
{
	static struct dns_answer answer;
	struct ask *a = ask_find(m->id);

	if (a == NULL)
		return chan_violation(ch, "an answer to no question");
	answer.n = 0;
	if (!ask_read(&m->body, a->kind, &answer))
		return chan_violation(ch, "answer out of shape");
	ask_done(a, &answer);
	return 0;
}

static struct ask *
ask_first_of(uint32_t instance)
{
	struct ask *a;

	TAILQ_FOREACH(a, &asks.open, entry) {
		if (a->instance == instance)
			break;
	}
	return a;
}

void
ask_lost(uint32_t instance)
{
	static const struct dns_answer none = {
		.status = DNS_TRY_LATER,
		.why = { (const unsigned char *)"the resolver has ended", 22 },
	};
	struct ask *a;

	/* whoever hears it may ask anew, but not that one */
	while ((a = ask_first_of(instance)) != NULL)
		ask_done(a, &none);
}

size_t
ask_open(void)
{
	return asks.n;
}
