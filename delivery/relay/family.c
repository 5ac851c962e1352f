/* SPDX-License-Identifier: ISC
 *
 * What is refused over one family is tried over the other.
 *
 * Many hosts refuse a client by its address: the IPv6 one has no name, or its
 * network a bad reputation, while the IPv4 one is welcome.  RFC 8305 tries the
 * other family when a connection fails; here that goes on to MAIL, RCPT, DATA
 * and the end of the message.  (A greeting or EHLO that is refused makes the
 * connection go on to the next address, whatever its family.)
 *
 * Only a reply that may speak of our address counts, and only once for each
 * job: what is refused over both families has the second refusal as its
 * outcome, and what cannot be tried over the other has the first.  A job that
 * was turned keeps to its family, so that nothing goes back and forth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/link.h"
#include "delivery/relay/response.h"
#include "privsep/base/chk.h"
#include "privsep/base/log.h"

/* The first refusal, kept. */
struct refusal {
	enum env_outcome outcome;
	int other; /* the family to try */
	char status[16];
	char text[RESPONSE_TEXT_MAX + 1];
	char host[ROUTE_NAME_MAX + 1];
	char address[IP_TEXT_MAX];
	char tls[64];
};

/* RFC 3463 3.8: X.7 is security and policy.  Without a status the reason is
 * not told; one of another kind speaks of a mailbox, a size, a content. */
static bool
family_may_matter(const struct verdict *v)
{
	if (v->scope != SCOPE_ENVELOPE || v->status.len < 5 ||
	    (v->outcome != OUT_DEFERRED && v->outcome != OUT_FAILED))
		return false;
	return memcmp(v->status.p + 1, ".7.", 3) == 0 ||
	    (memcmp(v->status.p + 1, ".0.0", 4) == 0 && v->status.len == 5);
}

/* The other family, if it may be used and the host has an address of it; else
 * 0. */
static int
family_other(const struct link *l)
{
	int other = l->ip.sa.sa_family == AF_INET6 ? AF_INET : AF_INET6;
	size_t i;

	if (l->tries.family != 0 ||
	    (other == AF_INET6 ? l->tries.no6 : l->tries.no4))
		return 0;
	for (i = 0; i < l->target->n; i++) {
		if (l->target->ip[i].sa.sa_family == other)
			return other;
	}
	return 0;
}

static void
family_copy(char *to, size_t size, struct span s)
{
	snprintf(to, size, "%.*s", (int)s.len, (const char *)s.p);
}

static struct refusal *
family_keep(const struct verdict *v, int other)
{
	struct refusal *r = chk_calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->outcome = v->outcome;
	r->other = other;
	family_copy(r->status, sizeof(r->status), v->status);
	family_copy(r->text, sizeof(r->text), v->text);
	family_copy(r->host, sizeof(r->host), v->via.host);
	family_copy(r->address, sizeof(r->address), v->via.address);
	family_copy(r->tls, sizeof(r->tls), v->via.tls);
	return r;
}

bool
family_put_off(struct link *l, size_t i, const struct verdict *v)
{
	struct job *j = l->job;
	int other;

	if (j->family != 0 || !family_may_matter(v) ||
	    (other = family_other(l)) == 0)
		return false;
	if (j->refusal == NULL) {
		if ((j->refusal = family_keep(v, other)) == NULL)
			return false;
		LOG(EV_RELAY_HOST, KB("host", v->via.host),
		    KB("address", v->via.address), KB("why", v->text));
	}
	j->rcpt[i].turned = j->rcpt[i].done = true;
	/* it would be refused the next one, too */
	l->max_sent = l->sent;
	return true;
}

bool
family_turn(struct job *j)
{
	size_t i, n = 0;

	for (i = 0; i < j->n; i++) {
		if (j->rcpt[i].turned)
			j->rcpt[n++] = j->rcpt[i];
	}
	if (n == 0)
		return false;
	for (i = 0; i < n; i++)
		j->rcpt[i].turned = j->rcpt[i].done = false;
	j->n = n;
	j->again = false;
	j->family = j->refusal->other;
	return true;
}

void
family_settle(struct job *j, const struct verdict *v)
{
	const struct refusal *r = j->refusal;
	struct verdict first;

	if (r == NULL) {
		job_settle_all(j, v);
		return;
	}
	first = (struct verdict){
		.outcome = r->outcome,
		.scope = SCOPE_ENVELOPE,
		.status = span_str(r->status),
		.text = span_str(r->text),
		.via = { span_str(r->host), span_str(r->address),
		    span_str(r->tls) },
	};
	job_settle_all(j, &first);
}

void
family_worked(const struct link *l)
{
	struct host *named;

	if (l->job->family == 0)
		return;
	if ((named = host_get(l->target->name)) != NULL)
		named->family = l->ip.sa.sa_family;
}

void
family_clear(struct job *j)
{
	free(j->refusal);
	j->refusal = NULL;
}
