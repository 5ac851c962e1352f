/* SPDX-License-Identifier: ISC
 *
 * Envelopes in hand: one is at a post, waiting for its mailer or with it,
 * until it is known what has become of it.
 */
#include <stdlib.h>

#include "delivery/local/post_int.h"
#include "privsep/base/chk.h"

static size_t items_in_hand;

size_t
item_count(void)
{
	return items_in_hand;
}

void
item_free(struct item *it)
{
	buf_clear(&it->rcpt);
	buf_clear(&it->orcpt);
	parcel_release(it->parcel);
	free(it);
	items_in_hand--;
}

void
item_join(struct post *p, struct item_queue *q, struct item *it)
{
	TAILQ_INSERT_TAIL(q, it, entry);
	it->post = p;
	p->items++;
}

void
item_leave(struct item_queue *q, struct item *it)
{
	TAILQ_REMOVE(q, it, entry);
	it->post->items--;
	it->post = NULL;
}

void
item_finish(struct item_queue *q, struct item *it, enum env_outcome outcome,
    struct span status, struct span text)
{
	delivery_outcome(it->parcel->msgid, it->index, outcome, status, text);
	item_leave(q, it);
	item_free(it);
}

void
item_delivered(
    struct item_queue *q, struct item *it, struct span status, struct span text)
{
	struct envelope e = {
		.index = it->index,
		.outcome = OUT_DELIVERED,
		.status = status,
		.text = text,
		.rcpt = buf_span(&it->rcpt),
		.orcpt = buf_span(&it->orcpt),
		.notify = it->notify,
	};

	if (it->parcel->sender.len == 0 ||
	    !report_wanted(DSN_DELIVERED, it->notify)) {
		item_finish(q, it, OUT_DELIVERED, status, text);
		return;
	}
	item_leave(q, it);
	report_begin(DSN_DELIVERED, it->parcel, &e, 1);
	item_free(it);
}

bool
item_queue_has(const struct item_queue *q, uint64_t msgid, uint32_t index)
{
	const struct item *it;

	TAILQ_FOREACH(it, q, entry) {
		if (it->parcel->msgid == msgid && it->index == index)
			return true;
	}
	return false;
}

struct item *
item_new(struct parcel *parcel, const struct envelope *e)
{
	struct item *it = chk_calloc(1, sizeof(*it));

	if (it == NULL)
		return NULL;
	it->parcel = parcel_keep(parcel);
	it->index = e->index;
	it->flags = e->flags;
	it->mode = parcel->flags & TX_MODE;
	buf_init(&it->rcpt, PARCEL_ADDRESS_MAX);
	buf_add(&it->rcpt, e->rcpt.p, e->rcpt.len);
	it->notify = e->notify;
	buf_init(&it->orcpt, PARCEL_ADDRESS_MAX);
	buf_add(&it->orcpt, e->orcpt.p, e->orcpt.len);
	items_in_hand++;
	return it;
}
