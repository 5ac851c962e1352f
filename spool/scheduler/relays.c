/* SPDX-License-Identifier: ISC
 *
 * The relay processes, and which of them a destination has: always the same
 * one, as long as there are the same, so that it knows the hosts and holds the
 * connections.
 */
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

bool
relays_serve(const struct dest *dest)
{
	const struct action *a =
	    config_action(role_config(), queue_action(dest));

	return a != NULL && a->kind == ACTION_RELAY;
}

void
relays_up(struct scheduler *s, struct chan *ch)
{
	size_t i = s->nrelays;

	if (i == RELAYS_MAX)
		return;
	/* the newest first: the others are on their way out after a reload */
	while (i > 0 && chan_instance(s->relays[i - 1]) < chan_instance(ch)) {
		s->relays[i] = s->relays[i - 1];
		i--;
	}
	s->relays[i] = ch;
	s->nrelays++;
}

void
relays_down(struct scheduler *s, const struct chan *ch)
{
	size_t i, n = 0;

	for (i = 0; i < s->nrelays; i++) {
		if (s->relays[i] != ch)
			s->relays[n++] = s->relays[i];
	}
	s->nrelays = n;
}

/* FNV-1a: nothing is to be hidden from who chooses names. */
static uint32_t
relays_hash(struct span s, uint32_t hash)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		hash = (hash ^ s.p[i]) * 16777619U;
	return hash;
}

struct chan *
relays_for(const struct scheduler *s, const struct dest *dest)
{
	size_t n = (size_t)role_config()->set.relay_workers;
	uint32_t hash;

	if (n > s->nrelays)
		n = s->nrelays;
	if (n == 0)
		return NULL;
	hash = relays_hash(queue_action(dest), 2166136261U);
	return s->relays[relays_hash(queue_user(dest), hash) % n];
}
