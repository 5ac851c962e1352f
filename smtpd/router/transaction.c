/* SPDX-License-Identifier: ISC
 *
 * A transaction between MAIL and DATA: made whole, freed whole, so that
 * nothing of one is left in the next (RFC 5321 4.1.1.5).
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "smtpd/router/router.h"

#define ENVELOPE_TEXT_MAX 2400 /* what SPOOL_ENVELOPE can carry, and less */

static int
span_cmp(struct span a, struct span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

static int
envelope_cmp(struct envelope *a, struct envelope *b)
{
	int d;

	if ((d = span_cmp(a->final, b->final)) != 0 ||
	    (d = span_cmp(a->action, b->action)) != 0 ||
	    (d = span_cmp(a->user, b->user)) != 0 ||
	    (d = span_cmp(a->orcpt, b->orcpt)) != 0)
		return d;
	return a->notify - b->notify;
}

RB_GENERATE_INTERNAL(envelope_tree, envelope, by_final, envelope_cmp,
    __attribute__((__unused__)) static)

struct transaction *
transaction_new(void)
{
	struct transaction *tx;

	if ((tx = chk_calloc(1, sizeof(*tx))) == NULL)
		return NULL;
	while (tx->id == 0)
		arc4random_buf(&tx->id, sizeof(tx->id));
	tx->created_s = clock_wall(NULL);
	TAILQ_INIT(&tx->envelopes);
	RB_INIT(&tx->finals);
	STAILQ_INIT(&tx->rcpts);
	router.stats.transactions++;
	return tx;
}

void
transaction_free(struct transaction *tx)
{
	if (tx == NULL)
		return;
	rcpt_queue_clear(&tx->rcpts);
	data_forget(tx);
	transaction_truncate(tx, 0);
	free(tx);
	router.stats.transactions--;
}

static struct span
text_put(struct envelope *e, size_t *at, struct span s)
{
	struct span copy = { e->text + *at, s.len };

	if (s.len > 0)
		memcpy(e->text + *at, s.p, s.len);
	*at += s.len;
	return copy;
}

int
transaction_add(struct transaction *tx, const struct envelope_parts *p)
{
	size_t len = p->path.len + p->orcpt.len + p->action.len + p->user.len;
	size_t at = 0;
	struct envelope want = { .notify = p->notify,
		.final = p->final,
		.orcpt = p->orcpt,
		.action = p->action,
		.user = p->user };
	struct envelope *e;

	if (len > ENVELOPE_TEXT_MAX || p->final.len > ENVELOPE_TEXT_MAX)
		return -E_TOOLONG;
	if (RB_FIND(envelope_tree, &tx->finals, &want) != NULL)
		return 0;
	len += sizeof(*e) + p->final.len;
	if (router.tx_octets + len > ROUTER_TX_OCTETS_MAX ||
	    (e = chk_calloc(1, len)) == NULL)
		return -E_NOMEM;
	e->size = len;
	e->notify = p->notify;
	e->path = text_put(e, &at, p->path);
	e->final = text_put(e, &at, p->final);
	e->orcpt = text_put(e, &at, p->orcpt);
	e->action = text_put(e, &at, p->action);
	e->user = text_put(e, &at, p->user);
	TAILQ_INSERT_TAIL(&tx->envelopes, e, entry);
	RB_INSERT(envelope_tree, &tx->finals, e);
	tx->nenvelopes++;
	router.tx_octets += len;
	return 0;
}

void
transaction_truncate(struct transaction *tx, uint32_t n)
{
	struct envelope *e;

	while (tx->nenvelopes > n) {
		e = TAILQ_LAST(&tx->envelopes, envelope_list);
		TAILQ_REMOVE(&tx->envelopes, e, entry);
		RB_REMOVE(envelope_tree, &tx->finals, e);
		tx->nenvelopes--;
		router.tx_octets -= e->size;
		free(e);
	}
}
