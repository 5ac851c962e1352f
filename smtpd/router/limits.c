/* SPDX-License-Identifier: ISC
 *
 * Counts of sessions.  A count that falls to zero is freed, so memory is
 * bounded by the sessions that are open; trees, since a client chooses its
 * address and could choose one that collides in a hash.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/config/config.h"
#include "smtpd/router/limits.h"

struct limit {
	RB_ENTRY(limit) entry;
	struct source key;
	uint32_t count;
};

static int
limit_cmp(struct limit *a, struct limit *b)
{
	return source_cmp(&a->key, &b->key);
}

RB_GENERATE_INTERNAL(
    limit_tree, limit, entry, limit_cmp, __attribute__((__unused__)) static)

void
limits_init(struct limits *l)
{
	RB_INIT(&l->sources);
	RB_INIT(&l->networks);
	l->total = 0;
}

static struct limit *
limit_find(struct limit_tree *tree, const struct source *key)
{
	struct limit want = { .key = *key };

	return RB_FIND(limit_tree, tree, &want);
}

/* One more, up to max. */
static enum reply
limit_add(struct limit_tree *tree, const struct source *key, uint64_t max)
{
	struct limit *l = limit_find(tree, key);

	if (l == NULL) {
		if ((l = chk_calloc(1, sizeof(*l))) == NULL)
			return RP_OVERLOADED;
		l->key = *key;
		RB_INSERT(limit_tree, tree, l);
	}
	if (l->count >= max)
		return RP_TOO_MANY_CONN;
	l->count++;
	return RP_GREETING;
}

static void
limit_drop(struct limit_tree *tree, const struct source *key)
{
	struct limit *l = limit_find(tree, key);

	if (l == NULL || --l->count > 0)
		return;
	RB_REMOVE(limit_tree, tree, l);
	free(l);
}

enum reply
limits_enter(
    struct limits *l, const struct source *source, const struct settings *set)
{
	struct source net;
	enum reply reply;

	if (l->total >= set->smtp_limit_max_sessions)
		return RP_OVERLOADED;
	if (!source_is_loopback(source)) {
		net = source_network(source);
		reply = limit_add(&l->sources, source,
		    set->smtp_limit_max_sessions_per_source);
		if (reply != RP_GREETING)
			return reply;
		reply = limit_add(&l->networks, &net,
		    set->smtp_limit_max_sessions_per_network);
		if (reply != RP_GREETING) {
			limit_drop(&l->sources, source);
			return reply;
		}
	}
	l->total++;
	return RP_GREETING;
}

void
limits_leave(struct limits *l, const struct source *source)
{
	struct source net;

	l->total--;
	if (source_is_loopback(source))
		return;
	net = source_network(source);
	limit_drop(&l->sources, source);
	limit_drop(&l->networks, &net);
}
