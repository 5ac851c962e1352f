/* SPDX-License-Identifier: ISC
 *
 * Whether a recipient can be reached: see lookup.h.  A lookup that is cleared
 * while answers are under way leaves every list that it waits on.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "smtpd/router/router.h"

#define POSTMASTER "postmaster"

struct lookup_wait {
	struct user_wait wait; /* first: done() gets this one */
	struct lookup *lookup;
	enum user_answer answer;
};

void
lookup_init(struct lookup *l, struct client *c, const struct mail_address *path,
    const struct mail_address *sender, struct span helo, lookup_done_fn *done)
{
	l->path = *path;
	l->client = c;
	l->done = done;
	l->q = (struct rule_query){
		.source = &c->source,
		.tag = c->tag == 0 ? NULL : router.tags[c->tag - 1],
		.helo = helo,
		.sender = sender,
		.rcpt = &l->path,
	};
}

enum reply
lookup_complete(struct mail_address *a)
{
	struct mail_address full;

	if (a->domain_len > 0)
		return RP_NONE;
	if (address_make(address_local(a), span_str(role_config()->hostname),
		ADDRESS_UTF8, &full) != 0)
		return RP_BAD_RCPT;
	*a = full;
	return RP_NONE;
}

enum reply
lookup_told(const struct lookup *l, enum reply reply, bool utf8)
{
	if (!l->ex.moved)
		return reply;
	if (address_is_utf8(&l->ex.moved_to) && !utf8)
		return reply == RP_MOVED ? RP_USER_UNKNOWN : reply;
	return reply == RP_RCPT_OK ? RP_FORWARDED : reply;
}

enum user_answer
lookup_user(const struct lookup *l, size_t leaf)
{
	return l->waits == NULL ? USER__MAX : l->waits[leaf].answer;
}

/* The client stays, but nothing of what was found. */
static void
lookup_rewind(struct lookup *l)
{
	size_t i;

	for (i = 0; l->waits != NULL && i < l->ex.nleaves; i++)
		users_cancel(&l->waits[i].wait);
	if (l->client != NULL)
		l->client->peer->waiting -= (uint32_t)l->outstanding;
	l->outstanding = 0;
	l->at_terminal = false;
	free(l->waits);
	l->waits = NULL;
	expand_clear(&l->ex);
}

void
lookup_clear(struct lookup *l)
{
	lookup_rewind(l);
	l->as_root = false;
}

enum reply
lookup_refuse(struct lookup *l, enum reply reply, const char *why,
    const struct mail_address *at)
{
	l->ex.why = why;
	l->ex.at = *at;
	return reply;
}

/* Whether another look is due, under the aliases of root (RFC 5321 4.5.1). */
static bool
lookup_is_lost_postmaster(const struct lookup *l)
{
	const struct expand_leaf *leaf = &l->ex.leaves[0];

	return l->ex.nleaves == 1 && l->waits[0].answer == USER_NO &&
	    !l->as_root && !leaf->aliased &&
	    span_eq((struct span){ leaf->user, leaf->user_len },
		span_str(POSTMASTER));
}

/* Every mailbox has its answer. */
static enum reply
lookup_judge(struct lookup *l)
{
	const struct expand_leaf *leaf;
	size_t i;

	for (i = 0; i < l->ex.nleaves; i++) {
		leaf = &l->ex.leaves[i];
		switch (l->waits[i].answer) {
		case USER_YES:
			continue;
		case USER_NO:
			if (leaf->aliased)
				return lookup_refuse(l, RP_SYSTEM,
				    "target of an alias is unknown",
				    &leaf->dest);
			return lookup_refuse(
			    l, RP_USER_UNKNOWN, "unknown user", &leaf->dest);
		case USER_TRY_LATER:
		case USER__MAX:
			return lookup_refuse(l, RP_TRY_LATER,
			    "user cannot be looked up now", &leaf->dest);
		}
	}
	return RP_RCPT_OK;
}

/* Whom a terminal would be of. */
static struct span
lookup_terminal_user(const struct expand_leaf *leaf)
{
	if (leaf->action->user != NULL)
		return span_str(leaf->action->user);
	return (struct span){ leaf->user, leaf->user_len };
}

/* Every terminal has its answer. */
static enum reply
lookup_judge_terminals(struct lookup *l)
{
	size_t i;

	for (i = 0; i < l->ex.nleaves; i++) {
		if (l->waits[i].answer != USER_YES)
			return lookup_refuse(l, RP_USER_AWAY,
			    "no terminal that takes messages",
			    &l->ex.leaves[i].dest);
	}
	return RP_RCPT_OK;
}

static void lookup_ask_users(struct lookup *);

/* All that was asked is answered.  True with *reply when that is the end. */
static bool
lookup_finish(struct lookup *l, enum reply *reply)
{
	if (l->at_terminal) {
		*reply = lookup_judge_terminals(l);
		return true;
	}
	if (lookup_is_lost_postmaster(l)) {
		lookup_rewind(l);
		l->as_root = true;
		return lookup_start(l, reply);
	}
	*reply = lookup_judge(l);
	if (*reply != RP_RCPT_OK || !l->terminal)
		return true;
	l->at_terminal = true;
	lookup_ask_users(l);
	return l->outstanding == 0 && lookup_finish(l, reply);
}

static void
lookup_user_done(struct user_wait *wait, enum user_answer answer)
{
	struct lookup_wait *w = (struct lookup_wait *)wait;
	struct lookup *l = w->lookup;
	enum reply reply;

	w->answer = answer;
	l->client->peer->waiting--;
	if (--l->outstanding == 0 && lookup_finish(l, &reply))
		l->done(l, reply);
}

/* Ask about the user of one leaf; true with the answer in w when it is known
 * already. */
static bool
lookup_ask_user(const struct lookup *l, const struct expand_leaf *leaf,
    struct lookup_wait *w)
{
	const struct settings *set = &role_config()->set;
	struct span user = { leaf->user, leaf->user_len }, value;
	struct users *users =
	    l->at_terminal ? &router.terminals : &router.users;

	/* who is there, the next host knows; it has no terminal */
	if (leaf->action->kind == ACTION_RELAY) {
		w->answer = l->at_terminal ? USER_NO : USER_YES;
		return true;
	}
	if (l->at_terminal)
		user = lookup_terminal_user(leaf);
	else if (leaf->action->userbase != NULL) {
		w->answer =
		    table_lookup(leaf->action->userbase, user, &value) == 0
		    ? USER_YES
		    : USER_NO;
		return true;
	}
	/* the quota of one process: an expansion, and a question of many more
	 */
	if (l->client->peer->waiting >=
	    set->expand_max_results + USERS_CACHE_MAX) {
		w->answer = USER_TRY_LATER;
		return true;
	}
	return users_ask(users, user, &w->wait, &w->answer);
}

static void
lookup_ask_users(struct lookup *l)
{
	size_t i;

	for (i = 0; i < l->ex.nleaves; i++) {
		l->waits[i].lookup = l;
		l->waits[i].wait.done = lookup_user_done;
		if (!lookup_ask_user(l, &l->ex.leaves[i], &l->waits[i])) {
			l->outstanding++;
			l->client->peer->waiting++;
		}
	}
}

bool
lookup_start(struct lookup *l, enum reply *reply)
{
	lookup_rewind(l);
	l->q.name_status = name_status(&l->client->name, &l->q.name);
	*reply = expand_run(role_config(), &l->q, l->as_root, &l->ex);
	/* the client begins anew when its name is there */
	if (*reply == RP_DNS_TRY_LATER)
		return !resolver_names_retry(&l->client->name);
	if (*reply != RP_RCPT_OK)
		return true;
	l->waits = chk_calloc(l->ex.nleaves, sizeof(*l->waits));
	if (l->waits == NULL) {
		*reply =
		    lookup_refuse(l, RP_TRY_LATER, "out of memory", &l->path);
		return true;
	}
	lookup_ask_users(l);
	return l->outstanding == 0 && lookup_finish(l, reply);
}
