/* SPDX-License-Identifier: ISC
 *
 * ETRN (RFC 1985): who may have the queue looked through for a domain, and how
 * often.  The scheduler does it; what comes of it goes by the rules and to the
 * hosts that it always would, so a client gains nothing but time.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

struct etrn {
	LIST_ENTRY(etrn) entry;
	uint64_t request;
	struct client *client;
	size_t len;
	unsigned char node[];
};

bool
etrn_serves(const struct source *source, const struct listener *l)
{
	struct sockaddr_storage ss;

	if (l->etrn == NULL)
		return false;
	return source_is_local(source, role_config()) ||
	    (l->etrn_from != NULL && source_to_sockaddr(source, &ss) &&
		table_match_netaddr(l->etrn_from, (struct sockaddr *)&ss));
}

static void
etrn_answer(
    const struct client *c, struct span node, enum reply reply, uint32_t n)
{
	char peer[SOURCE_TEXT_MAX];
	struct span name;

	source_text(&c->source, peer);
	name_status(&c->name, &name);
	LOG(EV_ETRN, KS("peer", peer), KB("rdns", name), KB("node", node),
	    KU("code", reply_code((uint16_t)reply)),
	    KS("reply", reply_name((uint16_t)reply)), KU("messages", n));
	msg_begin(c->peer->ch, ETRN_ANSWER, c->sid);
	msg_put_u16(c->peer->ch, (uint16_t)reply);
	msg_put_u32(c->peer->ch, n);
	msg_send(c->peer->ch);
}

/* The table of the client's listener has the domain; with the option '@' (RFC
 * 1985 5.1) it must have all that is below it, too. */
static enum reply
etrn_judge(const struct client *c, struct span node)
{
	const struct config *cfg = role_config();
	char below[ETRN_NODE_MAX + 2] = "*.";
	const struct table *t;

	/* after a reload the client must come again */
	if (c->listener == LISTENER_GONE)
		return RP_ETRN_FAILED;
	t = cfg->listeners[c->listener].etrn;
	if (node.p[0] != '@')
		return table_match_domain(t, node) ? RP_NONE : RP_ETRN_DENIED;
	node.p++;
	node.len--;
	memcpy(below + 2, node.p, node.len);
	return table_match_domain(t, node) &&
		table_match_domain(
		    t, (struct span){ (unsigned char *)below, node.len + 2 })
	    ? RP_NONE
	    : RP_ETRN_DENIED;
}

/* Note that it is asked for; false when it was a short while ago, or when too
 * many others were. */
static bool
etrn_note(struct span node)
{
	struct etrn_recent *r = &router.etrn_recent;
	uint64_t now_ms = clock_ms();
	size_t i, room = ETRN_RECENT;

	for (i = 0; i < ETRN_RECENT; i++) {
		if (r->until_ms[i] <= now_ms)
			room = i;
		else if (span_caseeq(node, span_str(r->node[i])))
			return false;
	}
	if (room == ETRN_RECENT)
		return false;
	memcpy(r->node[room], node.p, node.len);
	r->node[room][node.len] = '\0';
	r->until_ms[room] = now_ms + ETRN_PAUSE_S * 1000;
	return true;
}

/* It comes to nothing: who asked may come again at once. */
static void
etrn_forget(struct span node)
{
	struct etrn_recent *r = &router.etrn_recent;
	size_t i;

	for (i = 0; i < ETRN_RECENT; i++) {
		if (span_caseeq(node, span_str(r->node[i])))
			r->until_ms[i] = 0;
	}
}

/* Pass it on; RP_NONE, or why not. */
static enum reply
etrn_start(struct client *c, struct span node)
{
	struct chan *ch = role_peer(ROLE_SCHEDULER);
	struct etrn *e;

	if (ch == NULL || (e = chk_calloc(1, sizeof(*e) + node.len)) == NULL)
		return RP_ETRN_FAILED;
	e->request = ++router.etrn_last;
	msg_begin(ch, QUEUE_FLUSH, e->request);
	msg_put_span(ch, node);
	if (msg_send(ch) != 0) {
		free(e);
		return RP_ETRN_FAILED;
	}
	e->client = c;
	e->len = node.len;
	memcpy(e->node, node.p, node.len);
	c->etrn = e;
	LIST_INSERT_HEAD(&router.etrns, e, entry);
	router.stats.etrns++;
	return RP_NONE;
}

bool
etrn_ask(struct client *c, struct span node)
{
	bool all = node.len > 0 && node.p[0] == '@';
	enum reply reply;

	if (domain_parse((struct span){ node.p + all, node.len - all }, 0) != 0)
		return false;
	reply = etrn_judge(c, node);
	if (reply == RP_NONE && !etrn_note(node))
		reply = RP_ETRN_TOO_SOON;
	if (reply == RP_NONE && (reply = etrn_start(c, node)) != RP_NONE)
		etrn_forget(node);
	if (reply != RP_NONE)
		etrn_answer(c, node, reply, 0);
	return true;
}

void
etrn_free(struct client *c)
{
	if (c->etrn == NULL)
		return;
	LIST_REMOVE(c->etrn, entry);
	free(c->etrn);
	c->etrn = NULL;
}

static void
etrn_done(struct etrn *e, enum reply reply, uint32_t n)
{
	etrn_answer(e->client, (struct span){ e->node, e->len }, reply, n);
	etrn_free(e->client);
}

int
etrn_flushed(struct chan *ch, struct msg *m)
{
	uint32_t n = rd_u32(&m->body);
	struct etrn *e;

	if (!rd_done(&m->body) || m->id == 0 || m->id > router.etrn_last)
		return chan_violation(ch, "answer to no question");
	LIST_FOREACH(e, &router.etrns, entry) {
		if (e->request == m->id) {
			etrn_done(e, n > 0 ? RP_ETRN_STARTED : RP_ETRN_NONE, n);
			break;
		}
	}
	return 0;
}

void
etrn_lost(void)
{
	struct etrn *e;

	while ((e = LIST_FIRST(&router.etrns)) != NULL) {
		etrn_forget((struct span){ e->node, e->len });
		etrn_done(e, RP_ETRN_FAILED, 0);
	}
}
