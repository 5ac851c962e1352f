/* SPDX-License-Identifier: ISC
 *
 * Which relay gets what: all mail in flight to one destination is with one of
 * them, which can then use its connections again and knows how the host fares.
 */
#include "privsep/ipc/role.h"
#include "spool/scheduler/scheduler.h"

static struct relay_peer *
relay_find(struct scheduler *s, uint32_t instance)
{
	size_t i;

	for (i = 0; i < s->nrelays; i++) {
		if (chan_instance(s->relays[i].ch) == instance)
			return &s->relays[i];
	}
	return NULL;
}

void
relays_add(struct scheduler *s, struct chan *ch)
{
	if (s->nrelays < RELAYS_MAX)
		s->relays[s->nrelays++] = (struct relay_peer){ .ch = ch };
}

void
relays_remove(struct scheduler *s, const struct chan *ch)
{
	struct relay_peer *p = relay_find(s, chan_instance(ch));

	if (p != NULL)
		*p = s->relays[--s->nrelays];
}

int
relays_leave(struct scheduler *s, struct chan *ch, struct msg *m)
{
	struct relay_peer *p = relay_find(s, chan_instance(ch));

	if (p != NULL)
		p->leaving = true;
	return 0;
}

bool
relays_any(const struct scheduler *s)
{
	size_t i;

	for (i = 0; i < s->nrelays; i++) {
		if (!s->relays[i].leaving)
			return true;
	}
	return false;
}

struct chan *
relays_for(struct scheduler *s, struct dest *dest)
{
	struct relay_peer *p, *best = NULL;
	size_t i;

	/* what it has in hand must come back before another gets any */
	if (dest->instance != 0) {
		p = relay_find(s, dest->instance);
		return p == NULL || p->leaving ? NULL : p->ch;
	}
	for (i = 0; i < s->nrelays; i++) {
		p = &s->relays[i];
		if (!p->leaving &&
		    (best == NULL || p->destinations < best->destinations))
			best = p;
	}
	if (best == NULL)
		return NULL;
	best->destinations++;
	dest->instance = chan_instance(best->ch);
	return best->ch;
}

void
relays_release(struct scheduler *s, struct dest *dest)
{
	struct relay_peer *p;

	if (dest->flying > 0 || dest->instance == 0)
		return;
	if ((p = relay_find(s, dest->instance)) != NULL && p->destinations > 0)
		p->destinations--;
	dest->instance = 0;
}
