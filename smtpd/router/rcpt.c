/* SPDX-License-Identifier: ISC
 *
 * One RCPT from the question to its answer:
 *
 *	rcpt_ask	queued; a transaction works on one at a time, so that
 *			answers come in the order of the questions
 *	rcpt_start	rules and aliases make it mailboxes, and for each the
 *			master is asked whether there is such a user
 *	rcpt_judge	all answers are there: envelopes, or a refusal
 *
 * A recipient that is freed meanwhile leaves every list that it waits on.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

#define POSTMASTER "postmaster"

struct rcpt_wait {
	struct user_wait wait; /* first: done() gets this one */
	struct rcpt *rcpt;
	enum user_answer answer;
};

struct rcpt {
	STAILQ_ENTRY(rcpt) entry;
	struct client *client;
	struct mail_address path;
	uint8_t notify;
	bool as_root; /* a postmaster who is nobody: look for root */
	bool started;
	struct expand ex;
	struct rcpt_wait *waits; /* one for each leaf */
	size_t outstanding;      /* of them without an answer */
	size_t orcpt_len;
	unsigned char orcpt[];
};

static bool rcpt_start(struct rcpt *);

/* Forget the work that was done; stop waiting. */
static void
rcpt_rewind(struct rcpt *r)
{
	size_t i;

	for (i = 0; r->waits != NULL && i < r->ex.nleaves; i++)
		users_cancel(&r->waits[i].wait);
	r->client->peer->waiting -= (uint32_t)r->outstanding;
	r->outstanding = 0;
	free(r->waits);
	r->waits = NULL;
	expand_clear(&r->ex);
}

static void
rcpt_free(struct rcpt *r)
{
	rcpt_rewind(r);
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
	const struct transaction *tx = r->client->tx;
	bool ok = reply == RP_RCPT_OK;
	char peer[SOURCE_TEXT_MAX];
	struct buf from, rcpt, at;

	if (ok && log_level() < LOG_DEBUG)
		return;
	source_text(&r->client->source, peer);
	buf_init(&from, ADDRESS_PATH_MAX);
	buf_init(&rcpt, ADDRESS_PATH_MAX);
	buf_init(&at, ADDRESS_PATH_MAX);
	address_format(&tx->sender, &from);
	address_format(&r->path, &rcpt);
	address_format(ok ? &r->path : &r->ex.at, &at);
	LOG(ok ? EV_RCPT_ACCEPT : EV_RCPT_REJECT, KI("message", tx->id),
	    KS("peer", peer), KB("from", buf_span(&from)),
	    KB("rcpt", buf_span(&rcpt)),
	    KU("code", reply_code((uint16_t)reply)),
	    KU("line", r->ex.rule == NULL ? 0 : r->ex.rule->line),
	    KS("action",
		r->ex.rule == NULL || r->ex.rule->action == NULL
		    ? ""
		    : r->ex.rule->action->name),
	    KS("why", r->ex.why == NULL ? "" : r->ex.why),
	    KB("at", buf_span(&at)));
	buf_clear(&from);
	buf_clear(&rcpt);
	buf_clear(&at);
}

/* The answer; r stays at the head of its queue. */
static void
rcpt_answer(struct rcpt *r, enum reply reply)
{
	struct chan *ch = r->client->peer->ch;

	rcpt_log(r, reply);
	if (reply == RP_RCPT_OK) {
		r->client->tx->nrcpts++;
		router.stats.rcpts_accepted++;
	} else
		router.stats.rcpts_rejected++;
	msg_begin(ch, TX_RCPT_ANSWER, r->client->sid);
	msg_put_u16(ch, (uint16_t)reply);
	msg_put_span(ch, (struct span){ NULL, 0 });
	msg_send(ch);
}

static enum reply
rcpt_refuse(struct rcpt *r, enum reply reply, const char *why,
    const struct mail_address *at)
{
	r->ex.why = why;
	r->ex.at = *at;
	return reply;
}

/* Whether another look is due, under the aliases of root (RFC 5321 4.5.1). */
static bool
rcpt_is_lost_postmaster(const struct rcpt *r, const struct expand_leaf *leaf)
{
	return !r->as_root && !leaf->aliased &&
	    span_eq((struct span){ leaf->user, leaf->user_len },
		span_str(POSTMASTER));
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

/* The envelope of one mailbox.  It travels with the path that the client
 * gave; but where the action delivers as one account for all, the mailbox is
 * found by the address, so it is then the address after expansion. */
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
	if (leaf->action->user != NULL) {
		p.user = span_str(leaf->action->user);
		address_format(&leaf->dest, &path);
	} else
		address_format(&r->path, &path);
	p.path = buf_span(&path);
	p.final = buf_span(&final);
	error = path.err != 0 ? path.err : final.err;
	if (error == 0)
		error = transaction_add(r->client->tx, &p);
	buf_clear(&path);
	buf_clear(&final);
	return error;
}

static enum reply
rcpt_add_envelopes(struct rcpt *r)
{
	const struct settings *set = &role_config()->set;
	struct transaction *tx = r->client->tx;
	uint32_t before = tx->nenvelopes;
	size_t i;
	int error = 0;

	for (i = 0; i < r->ex.nleaves && error == 0; i++)
		error = rcpt_envelope(r, &r->ex.leaves[i]);
	if (error != 0) {
		transaction_truncate(tx, before);
		return rcpt_refuse(r, RP_TRY_LATER, err_text(error), &r->path);
	}
	/* what the aliases of many recipients add up to is bounded too */
	if (tx->nenvelopes >
	    set->smtp_limit_max_rcpt + set->expand_max_results) {
		transaction_truncate(tx, before);
		return rcpt_refuse(
		    r, RP_TOO_MANY_RCPT, "too many envelopes", &r->path);
	}
	return RP_RCPT_OK;
}

/* Every mailbox has its answer. */
static enum reply
rcpt_judge(struct rcpt *r)
{
	const struct expand_leaf *leaf;
	size_t i;

	for (i = 0; i < r->ex.nleaves; i++) {
		leaf = &r->ex.leaves[i];
		switch (r->waits[i].answer) {
		case USER_YES:
			continue;
		case USER_NO:
			if (leaf->aliased)
				return rcpt_refuse(r, RP_SYSTEM,
				    "target of an alias is unknown",
				    &leaf->dest);
			return rcpt_refuse(
			    r, RP_USER_UNKNOWN, "unknown user", &leaf->dest);
		case USER_TRY_LATER:
		case USER__MAX:
			return rcpt_refuse(r, RP_TRY_LATER,
			    "user cannot be looked up now", &leaf->dest);
		}
	}
	return rcpt_add_envelopes(r);
}

/* All that was asked is answered.  True when r is done with. */
static bool
rcpt_finish(struct rcpt *r)
{
	if (r->ex.nleaves == 1 && r->waits[0].answer == USER_NO &&
	    rcpt_is_lost_postmaster(r, &r->ex.leaves[0])) {
		rcpt_rewind(r);
		r->as_root = true;
		return rcpt_start(r);
	}
	rcpt_answer(r, rcpt_judge(r));
	return true;
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
		STAILQ_REMOVE_HEAD(&tx->rcpts, entry);
		tx->nqueued--;
		rcpt_free(r);
	}
	if (tx->data_wanted)
		spool_ask(c);
}

static void
rcpt_user_done(struct user_wait *wait, enum user_answer answer)
{
	struct rcpt_wait *w = (struct rcpt_wait *)wait;
	struct rcpt *r = w->rcpt;
	struct client *c = r->client;

	w->answer = answer;
	c->peer->waiting--;
	if (--r->outstanding > 0 || !rcpt_finish(r))
		return;
	STAILQ_REMOVE_HEAD(&c->tx->rcpts, entry);
	c->tx->nqueued--;
	rcpt_free(r);
	rcpt_run(c);
}

/* Ask about the user of one leaf; true with the answer in w when it is known
 * already. */
static bool
rcpt_ask_user(
    const struct rcpt *r, const struct expand_leaf *leaf, struct rcpt_wait *w)
{
	const struct settings *set = &role_config()->set;
	struct span user = { leaf->user, leaf->user_len }, value;

	if (leaf->action->userbase != NULL) {
		w->answer =
		    table_lookup(leaf->action->userbase, user, &value) == 0
		    ? USER_YES
		    : USER_NO;
		return true;
	}
	/* the quota of one process: an expansion, and a RCPT of many more */
	if (r->client->peer->waiting >=
	    set->expand_max_results + USERS_CACHE_MAX) {
		w->answer = USER_TRY_LATER;
		return true;
	}
	return users_ask(&router.users, user, &w->wait, &w->answer);
}

static void
rcpt_ask_users(struct rcpt *r)
{
	size_t i;

	for (i = 0; i < r->ex.nleaves; i++) {
		r->waits[i].rcpt = r;
		r->waits[i].wait.done = rcpt_user_done;
		if (!rcpt_ask_user(r, &r->ex.leaves[i], &r->waits[i])) {
			r->outstanding++;
			r->client->peer->waiting++;
		}
	}
}

/* Begin the work on the head of the queue.  True when it is done with. */
static bool
rcpt_start(struct rcpt *r)
{
	const struct config *cfg = role_config();
	const struct client *c = r->client;
	const struct rule_query q = {
		.source = &c->source,
		.tag = c->tag == 0 ? NULL : router.tags[c->tag - 1],
		.helo = { c->tx->helo, c->tx->helo_len },
		.sender = &c->tx->sender,
		.rcpt = &r->path,
	};
	enum reply reply;

	r->started = true;
	if (c->tx->nrcpts >= cfg->set.smtp_limit_max_rcpt)
		reply = rcpt_refuse(
		    r, RP_TOO_MANY_RCPT, "too many recipients", &r->path);
	else
		reply = expand_run(cfg, &q, r->as_root, &r->ex);
	if (reply == RP_RCPT_OK) {
		r->waits = chk_calloc(r->ex.nleaves, sizeof(*r->waits));
		if (r->waits == NULL)
			reply = rcpt_refuse(
			    r, RP_TRY_LATER, "out of memory", &r->path);
	}
	if (reply != RP_RCPT_OK) {
		rcpt_answer(r, reply);
		return true;
	}
	rcpt_ask_users(r);
	return r->outstanding == 0 && rcpt_finish(r);
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
	r->client = c;
	r->path = *path;
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
	rcpt_rewind(r);
	r->as_root = false;
	rcpt_run(c);
}
