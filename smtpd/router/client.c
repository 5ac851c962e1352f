/* SPDX-License-Identifier: ISC
 *
 * Peers and their clients: what each process may speak of is in its own
 * tree, so no id reaches into another's sessions.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "smtpd/router/router.h"

static int
client_cmp(struct client *a, struct client *b)
{
	return a->sid < b->sid ? -1 : a->sid > b->sid;
}

RB_GENERATE(client_tree, client, entry, client_cmp)

struct peer *
peer_of(struct chan *ch)
{
	struct peer *p = chan_data(ch);

	if (p != NULL || (p = chk_calloc(1, sizeof(*p))) == NULL)
		return p;
	p->ch = ch;
	RB_INIT(&p->clients);
	LIST_INSERT_HEAD(&router.peers, p, entry);
	chan_set_data(ch, p);
	return p;
}

void
peer_free(struct chan *ch)
{
	struct peer *p = chan_data(ch);
	struct client *c;

	if (p == NULL)
		return;
	while ((c = RB_ROOT(&p->clients)) != NULL)
		client_free(c);
	LIST_REMOVE(p, entry);
	chan_set_data(ch, NULL);
	free(p);
}

void
client_tell_name(const struct client *c)
{
	struct span name;

	if (name_status(&c->name, &name) != NAME_FOUND)
		return;
	msg_begin(c->peer->ch, SESSION_NAME, c->sid);
	msg_put_span(c->peer->ch, name);
	msg_send(c->peer->ch);
}

/* The name of its address is known, or will not be: what waited for that goes
 * on. */
static void
client_named(struct name_ref *ref)
{
	struct client *c = (struct client *)ref;

	client_tell_name(c);
	who_restart(c);
	rcpt_restart(c);
	data_go(c);
}

struct client *
client_new(struct peer *p, uint64_t sid, const struct source *source)
{
	struct client *c;

	if ((c = chk_calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->sid = sid;
	c->peer = p;
	c->source = *source;
	c->no_tx = RP_NEED_MAIL;
	c->listener = LISTENER_GONE;
	c->name.settled = client_named;
	RB_INSERT(client_tree, &p->clients, c);
	p->nclients++;
	if (source->kind == SOURCE_OURS)
		router.reports++;
	else
		router.stats.sessions++;
	resolver_names_enter(&c->name, source);
	return c;
}

struct client *
client_find(struct peer *p, uint64_t sid)
{
	struct client want = { .sid = sid };

	return RB_FIND(client_tree, &p->clients, &want);
}

void
client_free(struct client *c)
{
	transaction_free(c->tx);
	who_free(c);
	etrn_free(c);
	names_leave(&router.names, &c->name);
	RB_REMOVE(client_tree, &c->peer->clients, c);
	c->peer->nclients--;
	if (c->source.kind == SOURCE_OURS)
		router.reports--;
	else {
		router.stats.sessions--;
		limits_leave(&router.limits, &c->source);
	}
	if (c->listener < router.nlisteners)
		router.listeners[c->listener]--;
	free(c);
}

void
client_reset(struct client *c)
{
	if (c->source.kind == SOURCE_OURS) {
		client_free(c);
		return;
	}
	transaction_free(c->tx);
	c->tx = NULL;
	c->no_tx = RP_NEED_MAIL;
}
