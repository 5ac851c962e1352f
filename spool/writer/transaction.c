/* SPDX-License-Identifier: ISC
 *
 * Transactions: the router says what comes, from whom and for whom; the
 * process that it names sends the content, and nobody else can.  No answer
 * here says that a message is queued: commit.c does.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/writer/writer.h"

#define TX_NEWS_MAX   (16U << 20) /* octets of envelopes of one message */
#define TX_SIZE_SLACK 65536       /* trace fields over the limit of content */

_Static_assert(TX_8BITMIME == STORE_8BITMIME && TX_SMTPUTF8 == STORE_SMTPUTF8 &&
	TX_MODE == STORE_MODE,
    "flags of a transaction are kept as they come");

static int
tx_cmp(struct transaction *a, struct transaction *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE_INTERNAL(
    tx_tree, transaction, entry, tx_cmp, static __attribute__((unused)))

struct transaction *
tx_find(uint64_t id)
{
	struct transaction key = { .id = id };

	return RB_FIND(tx_tree, &writer_self()->txs, &key);
}

static void
tx_free(struct transaction *t)
{
	RB_REMOVE(tx_tree, &writer_self()->txs, t);
	writer_self()->tx_envelopes -= t->expected;
	store_tx_abort(t->stx);
	buf_clear(&t->sender);
	buf_clear(&t->news);
	free(t);
}

enum reply
tx_reply(int error)
{
	return error == -E_NOSPACE ? RP_NO_SPACE : RP_TRY_LATER;
}

static void
tx_answer(enum role role, uint32_t instance, enum msg_type type, uint64_t id,
    uint64_t session, enum reply reply)
{
	struct chan *ch = role_peer_instance(role, instance);

	if (ch == NULL)
		return;
	msg_begin(ch, type, id);
	msg_put_u64(ch, session);
	msg_put_u16(ch, (uint16_t)reply);
	msg_send(ch);
}

void
tx_end(struct transaction *t, enum reply reply)
{
	if (reply != RP_QUEUED) {
		writer_self()->tx_refused++;
		LOG(EV_SPOOL_REFUSED, KI("message", t->id),
		    KS("reply", reply_name((uint16_t)reply)));
	}
	tx_answer(
	    t->role, t->instance, SPOOL_COMMITTED, t->id, t->session, reply);
	tx_free(t);
}

/* What a new transaction is to be refused with; RP_NONE if it is not. */
static enum reply
tx_refusal(uint64_t id, uint32_t envelopes)
{
	struct writer *w = writer_self();
	struct store_stats stats;
	int error;

	if (w->store == NULL)
		return RP_TRY_LATER;
	if ((error = store_room(w->store)) != 0)
		return tx_reply(error);
	if (envelopes > STORE_ENVELOPES_MAX)
		return RP_TOO_MANY_RCPT;
	store_stats(w->store, &stats);
	if (stats.envelopes + w->tx_envelopes + envelopes >
	    role_config()->set.queue_max_envelopes)
		return RP_TRY_LATER;
	return RP_NONE;
}

static int
tx_new(const struct transaction *proto, const struct store_meta *meta,
    struct transaction **out)
{
	struct writer *w = writer_self();
	struct transaction *t;
	int error;

	if ((t = chk_calloc(1, sizeof(*t))) == NULL)
		return -E_NOMEM;
	*t = *proto;
	buf_init(&t->sender, STORE_PATH_MAX);
	buf_init(&t->news, TX_NEWS_MAX);
	error = buf_add(&t->sender, meta->sender.p, meta->sender.len);
	if (error == 0)
		error = store_tx_open(w->store, meta, meta->msgid, &t->stx);
	if (error != 0) {
		buf_clear(&t->sender);
		free(t);
		return error;
	}
	RB_INSERT(tx_tree, &w->txs, t);
	w->tx_envelopes += t->expected;
	*out = t;
	return 0;
}

/* The fields of an envelope, the last of their message.  0 or -E_PEER. */
static int
tx_envelope_read(struct rd *r, struct store_envelope *e)
{
	e->rcpt = rd_span(r, STORE_PATH_MAX);
	e->orcpt = rd_span(r, STORE_PATH_MAX);
	e->notify = rd_u8(r);
	e->action = rd_span(r, STORE_NAME_MAX);
	e->user = rd_span(r, STORE_NAME_MAX);
	return rd_done(r) ? 0 : -E_PEER;
}

/* The fields of SPOOL_OPEN.  0 or -E_PEER. */
static int
tx_open_read(struct msg *m, struct transaction *t, struct store_meta *meta,
    struct store_envelope *first)
{
	struct rd *r = &m->body;
	unsigned role;

	role = rd_u8(r);
	t->instance = rd_u32(r);
	t->session = rd_u64(r);
	t->expected = rd_u32(r);
	meta->sender = rd_span(r, STORE_PATH_MAX);
	meta->flags = rd_u8(r);
	meta->ret = rd_u8(r);
	meta->envid = rd_span(r, STORE_NAME_MAX);
	meta->peer = rd_span(r, STORE_NAME_MAX);
	meta->helo = rd_span(r, STORE_NAME_MAX);
	meta->created_s = rd_u64(r);
	if (tx_envelope_read(r, first) != 0 || t->expected == 0 ||
	    (meta->flags & ~TX__ALL) != 0 ||
	    (role != ROLE_SESSION && role != ROLE_DELIVERY))
		return -E_PEER;
	t->id = meta->msgid = m->id;
	t->role = (enum role)role;
	t->created_s = meta->created_s;
	t->state = TX_ENVELOPES;
	return 0;
}

/* Add an envelope; with the last one its sender may begin. */
static void
tx_add(struct transaction *t, struct store_envelope *e)
{
	uint32_t index = store_tx_envelopes(t->stx);
	enum reply grant = RP_DATA_GO;
	int error;

	e->now.state = STORE_QUEUED;
	e->now.next_s = t->created_s;
	walk_news_put(&t->news, index, e);
	if ((error = t->news.err) == 0)
		error = store_tx_envelope(t->stx, e);
	/* so many of such a length do not fit later either */
	if (error != 0)
		grant = error == -E_TOOLONG ? RP_TOO_MANY_RCPT : RP_TRY_LATER;
	else if (index + 1 < t->expected)
		return;
	t->state = TX_CONTENT;
	tx_answer(t->role, t->instance, SPOOL_GRANT, t->id, t->session, grant);
	if (grant != RP_DATA_GO)
		tx_free(t);
}

int
tx_open(struct chan *ch, struct msg *m)
{
	struct transaction proto = { 0 }, *t;
	struct store_meta meta = { 0 };
	struct store_envelope first = { 0 };
	enum reply refusal;

	if (tx_open_read(m, &proto, &meta, &first) != 0 ||
	    tx_find(m->id) != NULL)
		return chan_violation(ch, "bad transaction");
	/* its client may have died meanwhile; envelopes that still come find
	 * no transaction and are dropped, here as after a refusal */
	if (role_peer_named(proto.role, proto.instance) == NULL)
		return 0;
	refusal = tx_refusal(proto.id, proto.expected);
	if (refusal == RP_NONE && tx_new(&proto, &meta, &t) != 0)
		refusal = RP_TRY_LATER;
	if (refusal == RP_NONE) {
		tx_add(t, &first);
		return 0;
	}
	writer_self()->tx_refused++;
	LOG(EV_SPOOL_REFUSED, KI("message", proto.id),
	    KS("reply", reply_name((uint16_t)refusal)));
	tx_answer(proto.role, proto.instance, SPOOL_GRANT, proto.id,
	    proto.session, refusal);
	return 0;
}

int
tx_envelope(struct chan *ch, struct msg *m)
{
	struct transaction *t = tx_find(m->id);
	struct store_envelope e = { 0 };

	if (tx_envelope_read(&m->body, &e) != 0)
		return chan_violation(ch, "bad envelope");
	if (t == NULL)
		return 0;
	if (t->state != TX_ENVELOPES)
		return chan_violation(ch, "more envelopes than announced");
	tx_add(t, &e);
	return 0;
}

/* From now on only the answer to the commit is left to do. */
static void
tx_break(struct transaction *t, enum reply reply)
{
	store_tx_abort(t->stx);
	t->stx = NULL;
	t->state = TX_BROKEN;
	t->reply = reply;
}

/* The sender's own transaction, in a state in which it has the word. */
static struct transaction *
tx_own(struct chan *ch, uint64_t id)
{
	struct transaction *t = tx_find(id);

	if (t == NULL || t->role != chan_role(ch) ||
	    t->instance != chan_instance(ch) ||
	    (t->state != TX_CONTENT && t->state != TX_BROKEN))
		return NULL;
	return t;
}

/* Take what the message has left: content. */
static void
tx_take(struct transaction *t, struct rd *r)
{
	struct span octets = rd_octets(r, rd_left(r));
	int error;

	t->size += octets.len;
	if (t->state == TX_BROKEN || octets.len == 0)
		return;
	if (t->size > role_config()->set.smtp_max_message_size + TX_SIZE_SLACK)
		tx_break(t, RP_TOO_BIG);
	else if ((error = store_tx_write(t->stx, octets)) != 0)
		tx_break(t, tx_reply(error));
}

int
tx_content(struct chan *ch, struct msg *m)
{
	struct transaction *t = tx_own(ch, m->id);

	if (t == NULL)
		return chan_violation(ch, "content of no transaction of its");
	tx_take(t, &m->body);
	return 0;
}

int
tx_commit(struct chan *ch, struct msg *m)
{
	struct writer *w = writer_self();
	struct transaction *t = tx_own(ch, m->id);
	uint64_t size = rd_u64(&m->body);
	struct store_tx *stx;
	int error;

	if (t == NULL)
		return chan_violation(ch, "commit of no transaction of its");
	tx_take(t, &m->body);
	if (size != t->size)
		return chan_violation(ch, "commit of what it did not send");
	if (t->state == TX_BROKEN) {
		tx_end(t, t->reply);
		return 0;
	}
	stx = t->stx;
	t->stx = NULL;
	if ((error = store_tx_commit(stx)) != 0) {
		tx_end(t, tx_reply(error));
		return 0;
	}
	t->state = TX_COMMITTING;
	w->committing++;
	return 0;
}

int
tx_abort(struct chan *ch, struct msg *m)
{
	struct transaction *t = tx_find(m->id);

	/* it may be refused already, or not be told of yet; and what is in
	 * the batch stays there */
	if (t == NULL || t->state == TX_COMMITTING)
		return 0;
	if (t->role != chan_role(ch) || t->instance != chan_instance(ch))
		return chan_violation(ch, "abort of a transaction not its own");
	tx_free(t);
	return 0;
}

bool
tx_dies_with(const struct transaction *t, enum role peer, uint32_t instance)
{
	if (t->state == TX_COMMITTING)
		return false;
	if (peer == ROLE_ROUTER)
		return t->state == TX_ENVELOPES;
	return t->role == peer && t->instance == instance;
}

void
tx_peer_lost(const struct chan *ch)
{
	struct tx_tree *txs = &writer_self()->txs;
	struct transaction *t, *next;

	for (t = RB_MIN(tx_tree, txs); t != NULL; t = next) {
		bool told = t->role != chan_role(ch);

		next = RB_NEXT(tx_tree, txs, t);
		if (!tx_dies_with(t, chan_role(ch), chan_instance(ch)))
			continue;
		if (told)
			tx_answer(t->role, t->instance, SPOOL_GRANT, t->id,
			    t->session, RP_TRY_LATER);
		tx_free(t);
	}
}
