/* SPDX-License-Identifier: ISC
 *
 * The resolver process: its confinement, its messages, its counters.
 */
#include "privsep/resolver/resolver.h"

#include <stdio.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "privsep/ipc/ctl.h"

#define RESOLVER_LEAVE_S 3

uint64_t resolver_counters[NC__MAX];

static struct event *leaving;

static int
resolver_confine(const struct confine_params *given, const char **step)
{
	struct confine_params p = *given;

	context_complain();
	p.ports = context_ports();
	return confine_enter(&p, step);
}

static int
resolver_ask(struct chan *ch, struct msg *m)
{
	static const char *const words[NC__MAX] = {
#define COUNTER(name, word) [name] = word,
#include "privsep/resolver/stats.def"
#undef COUNTER
	};
	struct ctl_request req;
	struct ctl_answer a;
	char name[64];
	size_t i;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "request out of shape");
	ctl_answer_begin(&a, ch, m->id);
	if (req.verb != CTL_SHOW_STATS) {
		ctl_answer_end(&a, CTL_USAGE, "not for the resolver");
		return 0;
	}
	for (i = 0; i < NC__MAX; i++) {
		snprintf(name, sizeof(name), "resolver.%s", words[i]);
		ctl_counter(&a, name, resolver_counters[i]);
	}
	ctl_counter(&a, "resolver.waiting", ask_count());
	ctl_answer_end(&a, CTL_OK, "");
	return 0;
}

/* Answers are whole when they are sent. */
static int
resolver_cancel(struct chan *ch, struct msg *m)
{
	return 0;
}

/* --- the end --------------------------------------------------------------- */

static void
resolver_leave(evutil_socket_t fd, short what, void *arg)
{
	if (ask_count() == 0)
		role_exit(0);
}

/* Another has our place.  Who asks may not know it yet, and what was asked is
 * answered. */
static int
resolver_retire(struct chan *ch, struct msg *m)
{
	struct timeval every = { .tv_sec = RESOLVER_LEAVE_S };

	event_add(leaving, &every);
	return 0;
}

static int
resolver_prepare(const struct role_hello *hello)
{
	leaving = event_new(loop_base(), -1, EV_PERSIST, resolver_leave, NULL);
	if (leaving == NULL)
		return -E_NOMEM;
	return context_prepare(role_config());
}

static const struct msg_handler handlers[] = {
	{ DNS_ASK, ask_begin },
	{ M_RETIRE, resolver_retire },
	{ CTL_ASK, resolver_ask },
	{ CTL_CANCEL, resolver_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops resolver_ops = {
	.role = ROLE_RESOLVER,
	.prepare = resolver_prepare,
	.confine = resolver_confine,
	.handlers = handlers,
};
