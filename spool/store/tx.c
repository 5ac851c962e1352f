/* SPDX-License-Identifier: ISC
 *
 * Open transactions: a message while it is gathered, in memory or in a file
 * of its own; and the queueing of outcomes.  Nothing is durable here.
 */
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "spool/store/store_int.h"

#define TX_BEGIN_EACH (256 * 1024) /* octets, for the disk to begin with */

int
store_tx_open(struct store *s, const struct store_meta *meta, uint64_t cookie,
    struct store_tx **out)
{
	struct store_tx *tx;
	int error;

	if (imsg_find(s, meta->msgid) != NULL)
		return -E_EXIST;
	if ((tx = chk_calloc(1, sizeof(*tx))) == NULL)
		return -E_NOMEM;
	tx->store = s;
	tx->msgid = meta->msgid;
	tx->cookie = cookie;
	tx->big_fd = -1;
	buf_init(&tx->head, seg_record_max(s));
	buf_init(&tx->content, s->set.inline_max);
	if ((error = rec_message_begin(&tx->head, meta)) != 0) {
		buf_clear(&tx->head);
		free(tx);
		return error;
	}
	LIST_INSERT_HEAD(&s->open, tx, entry);
	*out = tx;
	return 0;
}

static int
tx_env_reserve(struct store_tx *tx)
{
	struct ienv *env;
	uint32_t cap;

	if (tx->env_len == STORE_ENVELOPES_MAX)
		return -E_TOOLONG;
	if (tx->env_len < tx->env_cap)
		return 0;
	cap = tx->env_cap == 0 ? 4 : 2 * tx->env_cap;
	if ((env = chk_realloc(tx->env, cap, sizeof(*env))) == NULL)
		return -E_NOMEM;
	tx->env = env;
	tx->env_cap = cap;
	return 0;
}

int
store_tx_envelope(struct store_tx *tx, const struct store_envelope *e)
{
	size_t before = tx->head.len;
	int error;

	if ((error = tx_env_reserve(tx)) != 0)
		return error;
	if ((error = rec_envelope_put(&tx->head, e)) != 0) {
		tx->head.len = before;
		tx->head.err = 0;
		return error;
	}
	tx->env[tx->env_len] = (struct ienv){ 0 };
	ienv_set(&tx->env[tx->env_len], &e->now);
	tx->env_len++;
	return 0;
}

uint32_t
store_tx_envelopes(const struct store_tx *tx)
{
	return tx->env_len;
}

/* A file of a message's own is written while the rest of it comes, and not all
 * of it while everybody waits for the sync. */
static void
tx_begin_writing(struct store_tx *tx, uint64_t at_least)
{
	if (tx->big_fd < 0 || tx->size - tx->begun < at_least)
		return;
	io_begin(tx->big_fd, tx->begun, tx->size - tx->begun);
	tx->begun = tx->size;
}

/* Move the content so far to a file of its own. */
static int
tx_spill(struct store_tx *tx)
{
	int error;

	tx->big_fd = big_create(tx->store, tx->msgid);
	if (tx->big_fd < 0) {
		error = tx->big_fd;
		tx->big_fd = -1;
		return error;
	}
	error = io_write(tx->big_fd, tx->content.data, tx->content.len, 0);
	tx->store->memory -= tx->content.len;
	buf_clear(&tx->content);
	return error;
}

static int
tx_add(struct store_tx *tx, struct span s)
{
	struct store *st = tx->store;
	int error;

	if (tx->big_fd < 0 &&
	    (s.len > st->set.inline_max - tx->content.len ||
		st->memory + s.len > st->set.memory_max) &&
	    (error = tx_spill(tx)) != 0)
		return error;
	if (tx->big_fd >= 0)
		return io_write(tx->big_fd, s.p, s.len, tx->size);
	if ((error = buf_add(&tx->content, s.p, s.len)) == 0)
		st->memory += s.len;
	return error;
}

int
store_tx_write(struct store_tx *tx, struct span s)
{
	if (tx->error == 0 && s.len > 0 && (tx->error = tx_add(tx, s)) == 0) {
		tx->size += s.len;
		tx_begin_writing(tx, TX_BEGIN_EACH);
	}
	return tx->error;
}

uint64_t
store_tx_size(const struct store_tx *tx)
{
	return tx->size;
}

/* The entry of the index that the message will have. */
static struct imsg *
tx_imsg(const struct store_tx *tx)
{
	struct imsg *m;
	uint32_t i;

	if ((m = imsg_new(tx->msgid, tx->env_len)) == NULL)
		return NULL;
	m->content_len = tx->size;
	m->big = tx->big_fd >= 0;
	for (i = 0; i < tx->env_len; i++) {
		m->env[i] = tx->env[i];
		if (!store_state_final((enum store_state)m->env[i].state))
			m->open++;
	}
	return m;
}

/* With the content a record is at most 3/8 of a segment, so that segments
 * cannot be left half empty for want of a place.  Only what so many envelopes
 * take that they alone are more than an eighth comes above that; their content
 * goes to a file, however short it is. */
static int
tx_fit(struct store_tx *tx)
{
	uint64_t max = tx->store->set.segment_size / 8 * 3;

	if (tx->big_fd >= 0 || tx->content.len == 0 ||
	    tx->head.len + tx->content.len <= max)
		return 0;
	return tx_spill(tx);
}

static int
tx_queue(struct store_tx *tx)
{
	struct store *s = tx->store;
	struct item *item;
	struct imsg *m;

	if (tx->error == 0)
		tx->error = tx_fit(tx);
	if (tx->error != 0)
		return tx->error;
	if ((m = tx_imsg(tx)) == NULL)
		return -E_NOMEM;
	item = item_new(ITEM_MESSAGE, m, 0);
	if (item == NULL || m->open == 0 || imsg_insert(s, m) != 0) {
		int error = item == NULL ? -E_NOMEM
		    : m->open == 0       ? -E_SYNTAX
					 : -E_EXIST;

		free(item);
		free(m);
		return error;
	}
	tx_begin_writing(tx, 1);
	item->cookie = tx->cookie;
	rec_message_finish(&tx->head, tx->env_len, tx->size, m->big);
	item->head = tx->head;
	item->content = tx->content;
	item->big_fd = tx->big_fd;
	item_queue(s, item);
	/* the item owns these now */
	buf_init(&tx->head, 0);
	buf_init(&tx->content, 0);
	tx->big_fd = -1;
	return 0;
}

int
store_tx_commit(struct store_tx *tx)
{
	int error = tx_queue(tx);

	store_tx_abort(tx);
	return error;
}

void
store_tx_abort(struct store_tx *tx)
{
	struct store *s;

	if (tx == NULL)
		return;
	s = tx->store;
	LIST_REMOVE(tx, entry);
	s->memory -= tx->content.len;
	if (tx->big_fd >= 0) {
		close(tx->big_fd);
		big_unlink(s, tx->msgid, true);
	}
	buf_clear(&tx->head);
	buf_clear(&tx->content);
	free(tx->env);
	free(tx);
}

int
store_outcome(struct store *s, uint64_t msgid, uint32_t idx,
    const struct store_outcome *o)
{
	struct imsg *m = imsg_find(s, msgid);
	struct item *item;
	int error;

	if (m == NULL || m->seg == NULL || idx >= m->env_len)
		return -E_NOENT;
	if (store_state_final((enum store_state)m->env[idx].state))
		return -E_DENIED;
	if ((item = item_new(ITEM_OUTCOME, m, REC_OUT_MAX)) == NULL)
		return -E_NOMEM;
	if ((error = rec_outcome_put(&item->head, idx, o)) != 0) {
		item_free(s, item);
		return error;
	}
	item->idx = idx;
	ienv_set(&m->env[idx], o);
	if (store_state_final(o->state)) {
		s->stats.envelopes--;
		item->kills = --m->open == 0;
	}
	item_queue(s, item);
	return 0;
}
