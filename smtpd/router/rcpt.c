/* SPDX-License-Identifier: ISC
 *
 * One RCPT from the question to its answer:
 *
 *	rcpt_ask	queued; a transaction works on one at a time, so that
 *			answers come in the order of the questions
 *	rcpt_start	it is looked up (lookup.h)
 *	rcpt_judge	what was found becomes envelopes, or a refusal
 *
 * A recipient that is freed meanwhile leaves every list that it waits on.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

struct rcpt {
	STAILQ_ENTRY(rcpt) entry;
	struct lookup lookup;
	uint8_t notify;
	bool started;
	size_t orcpt_len;
	unsigned char orcpt[];
};

static void
rcpt_free(struct rcpt *r)
{
	lookup_clear(&r->lookup);
	free(r);
}

void
rcpt_queue_clear(struct rcpt_queue *q)
{
	struct rcpt *r;

	while ((r = STAILQ_FIRST(q)) != NULL) {
		STAILQ_REMOVE_HEAD(q, entry);
		rcpt_free(r);
	}
}

static void
rcpt_log(const struct rcpt *r, enum reply reply)
{
	const struct transaction *tx = r->lookup.client->tx;
	const struct expand *ex = &r->lookup.ex;
	bool ok = reply_code((uint16_t)reply) / 100 == 2;
	char peer[SOURCE_TEXT_MAX];
	struct buf from, rcpt, at;
	struct span name;

	if (ok && log_level() < LOG_DEBUG)
		return;
	source_text(&r->lookup.client->source, peer);
	name_status(&r->lookup.client->name, &name);
	buf_init(&from, ADDRESS_PATH_MAX);
	buf_init(&rcpt, ADDRESS_PATH_MAX);
	buf_init(&at, ADDRESS_PATH_MAX);
	address_format(&tx->sender, &from);
	address_format(&r->lookup.path, &rcpt);
	address_format(ok ? &r->lookup.path : &ex->at, &at);
	LOG(ok ? EV_RCPT_ACCEPT : EV_RCPT_REJECT, KI("message", tx->id),
	    KS("peer", peer), KB("rdns", name), KB("from", buf_span(&from)),
	    KB("rcpt", buf_span(&rcpt)),
	    KU("code", reply_code((uint16_t)reply)),
	    KU("line", ex->rule == NULL ? 0 : ex->rule->line),
	    KS("action",
		ex->rule == NULL || ex->rule->action == NULL
		    ? ""
		    : ex->rule->action->name),
	    KS("why", ex->why == NULL ? "" : ex->why), KB("at", buf_span(&at)));
	buf_clear(&from);
	buf_clear(&rcpt);
	buf_clear(&at);
}

/* The answer; r stays at the head of its queue. */
static void
rcpt_answer(struct rcpt *r, enum reply reply)
{
	const struct client *c = r->lookup.client;
	struct chan *ch = c->peer->ch;
	struct buf path;

	reply =
	    lookup_told(&r->lookup, reply, (c->tx->flags & TX_SMTPUTF8) != 0);
	rcpt_log(r, reply);
	buf_init(&path, ADDRESS_PATH_MAX);
	if (reply_code((uint16_t)reply) / 100 == 2) {
		c->tx->nrcpts++;
		router.stats.rcpts_accepted++;
	} else
		router.stats.rcpts_rejected++;
	if ((reply_flags((uint16_t)reply) & REPLY_PATHS) != 0)
		address_format_path(&r->lookup.ex.moved_to, &path);
	msg_begin(ch, TX_RCPT_ANSWER, c->sid);
	msg_put_u16(ch, (uint16_t)reply);
	msg_put_u64(ch, reply_code((uint16_t)reply) / 100 == 2 ? c->tx->id : 0);
	msg_put_span(ch, buf_span(&path));
	msg_send(ch);
	buf_clear(&path);
}

/* Two spellings of one mailbox are one, whatever their case. */
static void
rcpt_fold(struct buf *b)
{
	size_t i;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] >= 'A' && b->data[i] <= 'Z')
			b->data[i] = (unsigned char)(b->data[i] - 'A' + 'a');
	}
}

/* Whether the mailbox is found by the address in the envelope, which then is
 * that after expansion: where the action delivers as one account for all, or
 * sends the mail on, and for one who has moved.  Elsewhere the envelope
 * travels with the path that the client gave. */
static bool
rcpt_by_address(const struct rcpt *r, const struct expand_leaf *leaf)
{
	return leaf->action->user != NULL ||
	    leaf->action->kind == ACTION_RELAY || r->lookup.ex.moved;
}

/* The envelope of one mailbox. */
static int
rcpt_envelope(struct rcpt *r, const struct expand_leaf *leaf)
{
	struct buf path, final;
	struct envelope_parts p = {
		.notify = r->notify,
		.orcpt = { r->orcpt, r->orcpt_len },
		.action = span_str(leaf->action->name),
		.user = { leaf->user, leaf->user_len },
	};
	int error;

	buf_init(&path, ADDRESS_PATH_MAX);
	buf_init(&final, ADDRESS_PATH_MAX);
	address_format(&leaf->dest, &final);
	rcpt_fold(&final);
	if (leaf->action->user != NULL)
		p.user = span_str(leaf->action->user);
	if (rcpt_by_address(r, leaf))
		address_format(&leaf->dest, &path);
	else
		address_format(&r->lookup.path, &path);
	p.path = buf_span(&path);
	p.final = buf_span(&final);
	error = path.err != 0 ? path.err : final.err;
	if (error == 0)
		error = transaction_add(r->lookup.client->tx, &p);
	buf_clear(&path);
	buf_clear(&final);
	return error;
}

/* It can be reached, or why not: the reply, with its envelopes if it is
 * RP_RCPT_OK. */
static enum reply
rcpt_judge(struct rcpt *r, enum reply found)
{
	const struct settings *set = &role_config()->set;
	struct lookup *l = &r->lookup;
	struct transaction *tx = l->client->tx;
	uint32_t before = tx->nenvelopes;
	size_t i;
	int error = 0;

	if (found != RP_RCPT_OK)
		return found;
	for (i = 0; i < l->ex.nleaves && error == 0; i++)
		error = rcpt_envelope(r, &l->ex.leaves[i]);
	if (error != 0) {
		transaction_truncate(tx, before);
		return lookup_refuse(
		    l, RP_TRY_LATER, err_text(error), &l->path);
	}
	/* what the aliases of many recipients add up to is bounded too */
	if (tx->nenvelopes >
	    set->smtp_limit_max_rcpt + set->expand_max_results) {
		transaction_truncate(tx, before);
		return lookup_refuse(
		    l, RP_TOO_MANY_RCPT, "too many envelopes", &l->path);
	}
	return RP_RCPT_OK;
}

/* Begin the work on the head of the queue.  True when it is done with. */
static bool
rcpt_start(struct rcpt *r)
{
	struct lookup *l = &r->lookup;
	enum reply reply;

	r->started = true;
	if (l->client->tx->nrcpts >= role_config()->set.smtp_limit_max_rcpt)
		reply = lookup_refuse(
		    l, RP_TOO_MANY_RCPT, "too many recipients", &l->path);
	else if (!lookup_start(l, &reply))
		return false;
	rcpt_answer(r, rcpt_judge(r, reply));
	return true;
}

/* The head of the queue has its answer. */
static void
rcpt_next(struct transaction *tx)
{
	struct rcpt *r = STAILQ_FIRST(&tx->rcpts);

	STAILQ_REMOVE_HEAD(&tx->rcpts, entry);
	tx->nqueued--;
	rcpt_free(r);
}

/* Work on the queue until one has to wait.  With the last one done, a DATA
 * that came meanwhile has its turn, which may free the client. */
static void
rcpt_run(struct client *c)
{
	struct transaction *tx = c->tx;
	struct rcpt *r;

	while ((r = STAILQ_FIRST(&tx->rcpts)) != NULL) {
		if (!rcpt_start(r))
			return;
		rcpt_next(tx);
	}
	if (tx->data_wanted)
		data_ask(c);
}

static void
rcpt_found(struct lookup *l, enum reply reply)
{
	struct client *c = l->client;
	struct rcpt *r = STAILQ_FIRST(&c->tx->rcpts);

	rcpt_answer(r, rcpt_judge(r, reply));
	rcpt_next(c->tx);
	rcpt_run(c);
}

int
rcpt_ask(struct client *c, const struct mail_address *path, uint8_t notify,
    struct span orcpt)
{
	struct transaction *tx = c->tx;
	struct rcpt *r;

	if (tx->nqueued >= ROUTER_RCPT_QUEUE)
		return -E_BUSY;
	if ((r = chk_calloc(1, sizeof(*r) + orcpt.len)) == NULL)
		return -E_NOMEM;
	lookup_init(&r->lookup, c, path, &tx->sender,
	    (struct span){ tx->helo, tx->helo_len }, rcpt_found);
	r->lookup.terminal = (tx->flags & TX_MODE) == TX_SEND;
	r->notify = notify;
	r->orcpt_len = orcpt.len;
	if (orcpt.len > 0)
		memcpy(r->orcpt, orcpt.p, orcpt.len);
	STAILQ_INSERT_TAIL(&tx->rcpts, r, entry);
	if (++tx->nqueued == 1)
		rcpt_run(c);
	return 0;
}

void
rcpt_restart(struct client *c)
{
	struct rcpt *r;

	if (c->tx == NULL || (r = STAILQ_FIRST(&c->tx->rcpts)) == NULL ||
	    !r->started)
		return;
	lookup_clear(&r->lookup);
	rcpt_run(c);
}
