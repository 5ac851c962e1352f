/* SPDX-License-Identifier: ISC
 *
 * What the resolver knows: the names of clients.  It is to answer each
 * question within its time-out; one that does not is taken to have failed.
 */
#include <event2/event.h>

#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

#define GRACE_MS     5000 /* beyond the resolver's own time-out */
#define DNS_NAME_MAX 255
#define DNS_WHY_MAX  512
#define INET_OCTETS  4
#define INET6_OCTETS 16

static uint64_t
patience_ms(void)
{
	return role_config()->set.resolver_timeout_s * 1000 + GRACE_MS;
}

/* Look after the questions when the oldest one has had its time. */
static void
timer_arm(void)
{
	uint64_t oldest_ms = names_oldest_ms(&router.names);
	uint64_t due_ms = oldest_ms + patience_ms(), now_ms = clock_ms();
	struct timeval tv = { .tv_sec = 1 };

	if (oldest_ms == 0 || evtimer_pending(router.names_timer, NULL))
		return;
	if (due_ms > now_ms)
		tv.tv_sec += (time_t)((due_ms - now_ms) / 1000);
	evtimer_add(router.names_timer, &tv);
}

static void
timer_due(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_ms = clock_ms(), patience = patience_ms();

	if (now_ms > patience)
		names_expire(&router.names, now_ms - patience);
	timer_arm();
}

static int
ask(uint64_t request, const struct source *source)
{
	struct chan *ch = role_peer(ROLE_RESOLVER);
	struct span address = { source->addr,
		source->kind == SOURCE_INET ? INET_OCTETS : INET6_OCTETS };

	if (ch == NULL || chan_full(ch))
		return -E_UNAVAIL;
	router.stats.names++;
	msg_begin(ch, DNS_ASK, request);
	msg_put_u8(ch, DNS_CLIENT);
	msg_put_span(ch, address);
	return msg_send(ch);
}

void
resolver_init(void)
{
	names_init(&router.names, ask);
	router.names_timer = evtimer_new(loop_base(), timer_due, NULL);
	if (router.names_timer == NULL)
		fatal("preparing to ask the resolver", "out of memory");
}

void
resolver_names_enter(struct name_ref *ref, const struct source *source)
{
	names_enter(&router.names, ref, source);
	timer_arm();
}

bool
resolver_names_retry(struct name_ref *ref)
{
	bool asked = names_retry(&router.names, ref);

	timer_arm();
	return asked;
}

static const enum name_status statuses[DNS_STATUS__MAX] = {
	[DNS_OK] = NAME_FOUND,
	[DNS_NO_NAME] = NAME_NONE,
	[DNS_NO_DATA] = NAME_NONE,
	[DNS_TRY_LATER] = NAME_FAILED,
	[DNS_BOGUS] = NAME_FAILED,
};

int
resolver_answered(struct chan *ch, struct msg *m)
{
	unsigned status = rd_u8(&m->body), security = rd_u8(&m->body);
	uint32_t ttl_s = rd_u32(&m->body);
	struct span name = { 0 };
	size_t n;

	rd_span(&m->body, DNS_NAME_MAX);
	rd_span(&m->body, DNS_WHY_MAX);
	n = rd_u16(&m->body);
	if (n == 1)
		name = rd_span(&m->body, DNS_NAME_MAX);
	if (!rd_done(&m->body) || status >= DNS_STATUS__MAX ||
	    security >= DNS_SECURITY__MAX || n != (status == DNS_OK))
		return chan_violation(ch, "answer out of shape");
	if (m->id == 0 || m->id > router.names.last_request)
		return chan_violation(ch, "answer to no question");
	/* one that came too late is not waited for any more */
	names_answer(&router.names, m->id, statuses[status], name, ttl_s);
	return 0;
}

void
resolver_lost(void)
{
	names_expire(&router.names, UINT64_MAX);
}
