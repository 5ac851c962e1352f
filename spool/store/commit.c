/* SPDX-License-Identifier: ISC
 *
 * The batch: what is queued is written with one pwritev and one fdatasync
 * and counts only after that.  After a failure the segment is closed at the
 * end of its last good batch: the header of the next one says so, durably,
 * before anyone is answered, so that nothing of the failed batch comes back.
 * A failed sync is not repeated; what must not be lost is written elsewhere.
 */
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define COMMIT_FAILURES 2 /* in one call, before it gives up */

/* What a batch is made of. */
struct batch {
	struct item *end; /* the first item that is not in it, or NULL */
	size_t items;
	uint32_t octets; /* without the padding after the last record */
};

struct item *
item_new(enum item_kind kind, struct imsg *m, size_t head_max)
{
	struct item *item;

	if ((item = chk_calloc(1, sizeof(*item))) == NULL)
		return NULL;
	item->kind = kind;
	item->msg = m;
	item->big_fd = -1;
	buf_init(&item->head, head_max);
	return item;
}

static void
item_clear(struct store *s, struct item *item)
{
	if (item->kind == ITEM_MESSAGE)
		s->memory -= item->content.len;
	buf_clear(&item->head);
	buf_clear(&item->content);
	if (item->big_fd >= 0)
		close(item->big_fd);
	item->big_fd = -1;
}

void
item_free(struct store *s, struct item *item)
{
	if (item == NULL)
		return;
	item_clear(s, item);
	free(item);
}

void
item_queue(struct store *s, struct item *item)
{
	TAILQ_INSERT_TAIL(&s->queue, item, entry);
	s->queue_len++;
}

static void
item_dequeue(struct store *s, struct item *item)
{
	TAILQ_REMOVE(&s->queue, item, entry);
	s->queue_len--;
}

/* Put a message's fate on the list; the item lives on as that. */
static void
item_answer(struct store *s, struct item *item, int status)
{
	item_clear(s, item);
	item->msg = NULL;
	item->status = status;
	TAILQ_INSERT_TAIL(&s->done, item, entry);
}

void
item_fail(struct store *s, struct item *item, int error)
{
	bool tmp = item->big_fd >= 0;

	item_dequeue(s, item);
	if (item->kind == ITEM_MOVE) {
		item_free(s, item);
		return;
	}
	if (item->msg->big)
		big_unlink(s, item->msg->msgid, tmp);
	item->msgid = item->msg->msgid;
	imsg_free(s, item->msg);
	s->stats.failed++;
	item_answer(s, item, error);
}

/* Fail what a failed commit may drop, from the front up to end. */
static void
queue_fail(struct store *s, const struct item *end, int error)
{
	struct item *item, *next;

	for (item = TAILQ_FIRST(&s->queue); item != NULL && item != end;
	     item = next) {
		next = TAILQ_NEXT(item, entry);
		if (item->kind != ITEM_OUTCOME)
			item_fail(s, item, error);
	}
}

static bool
queue_has_messages(const struct store *s)
{
	const struct item *item;

	TAILQ_FOREACH(item, &s->queue, entry) {
		if (item->kind == ITEM_MESSAGE)
			return true;
	}
	return false;
}

/* Moves may use the reserve, messages may not. */
static void
queue_fail_messages(struct store *s, int error)
{
	struct item *item, *next;

	TAILQ_FOREACH_SAFE(item, &s->queue, entry, next) {
		if (item->kind == ITEM_MESSAGE)
			item_fail(s, item, error);
	}
}

static size_t
item_size(const struct item *item)
{
	return rec_size(item->head.len - REC_HEAD + item->content.len);
}

static struct batch
batch_choose(const struct store *s)
{
	struct batch b = { NULL, 0, 0 };
	struct item *item;
	size_t room = 0;

	if (s->current != NULL)
		room = seg_end(s->current) - s->current->off;
	TAILQ_FOREACH(item, &s->queue, entry) {
		if (item_size(item) > room - b.octets)
			break;
		b.octets += (uint32_t)item_size(item);
		b.items++;
	}
	b.end = item;
	return b;
}

static int
batch_reserve_iov(struct store *s, size_t items)
{
	struct iovec *iov;
	size_t n = 3 * items + 1;

	if (n <= s->iov_cap)
		return 0;
	if ((iov = chk_realloc(s->iov, n, sizeof(*iov))) == NULL)
		return -E_NOMEM;
	s->iov = iov;
	s->iov_cap = n;
	return 0;
}

static void
iov_add(struct store *s, size_t *n, const unsigned char *p, size_t len)
{
	if (len == 0)
		return;
	s->iov[*n].iov_base = (void *)(uintptr_t)p;
	s->iov[*n].iov_len = len;
	(*n)++;
}

/* Finish the header of each record and line them up.  Returns the number of
 * pieces. */
static size_t
batch_encode(struct store *s, const struct batch *b)
{
	static const unsigned char zeros[REC_SECTOR];
	struct seg *seg = s->current;
	struct rec_head h = { .tag = seg->head.tag, .batch = s->next_batch };
	struct item *item;
	uint32_t pos = 0;
	size_t n = 0, size, body;

	for (item = TAILQ_FIRST(&s->queue); item != b->end;
	     item = TAILQ_NEXT(item, entry)) {
		struct span a = { item->head.data + REC_HEAD,
			item->head.len - REC_HEAD };

		size = item_size(item);
		body = a.len + item->content.len;
		item->off = seg->off + pos;
		pos += (uint32_t)size;
		h.msgid = item->msg->msgid;
		h.len = (uint32_t)body;
		h.left = b->octets - pos;
		h.type = item->kind == ITEM_MESSAGE ? REC_MESSAGE
		    : item->kind == ITEM_MOVE       ? REC_CHECKPOINT
						    : REC_OUTCOME;
		rec_head_put(item->head.data, &h, seg->head.seq, a,
		    buf_span(&item->content));
		iov_add(s, &n, item->head.data, item->head.len);
		iov_add(s, &n, item->content.data, item->content.len);
		iov_add(s, &n, zeros, size - REC_HEAD - body);
	}
	iov_add(
	    s, &n, zeros, (REC_SECTOR - b->octets % REC_SECTOR) % REC_SECTOR);
	return n;
}

static int
batch_write(struct store *s, const struct batch *b)
{
	struct seg *seg = s->current;
	uint32_t octets =
	    (b->octets + REC_SECTOR - 1) / REC_SECTOR * REC_SECTOR;
	int error;

	if ((error = batch_reserve_iov(s, b->items)) != 0)
		return error;
	error = io_writev(seg->fd, s->iov, batch_encode(s, b), seg->off);
	s->next_batch++;
	s->stats.syncs++;
	if (error == 0)
		error = io_sync_data(seg->fd);
	if (error != 0)
		return error;
	seg->off += octets;
	s->stats.batches++;
	s->stats.bytes += octets;
	return 0;
}

static void
item_settle_outcome(struct store *s, struct item *item)
{
	struct ienv *e = &item->msg->env[item->idx];

	e->text_seq = (uint32_t)s->current->head.seq;
	e->text_off = item->off;
	s->stats.outcomes++;
	if (item->kills) {
		if (item->msg->big)
			big_unlink(s, item->msg->msgid, false);
		imsg_free(s, item->msg);
	}
	item_free(s, item);
}

/* The record is durable: let it count. */
static void
item_settle(struct store *s, struct item *item)
{
	struct imsg *m = item->msg;
	uint32_t i, len;

	item_dequeue(s, item);
	if (item->kind == ITEM_OUTCOME) {
		item_settle_outcome(s, item);
		return;
	}
	len = (uint32_t)(item->head.len - REC_HEAD + item->content.len);
	imsg_place(s, m, s->current, item->off, len);
	if (item->kind == ITEM_MOVE) {
		/* the status texts went along in the record */
		for (i = 0; i < m->env_len; i++)
			m->env[i].text_off = 0;
		s->stats.moved++;
		item_free(s, item);
		return;
	}
	m->serial = s->next_serial++;
	s->stats.envelopes += m->open;
	s->stats.committed++;
	item->msgid = m->msgid;
	item_answer(s, item, 0);
}

/* Not trusted again: close the segment where the last good batch ended. */
static void
batch_failed(struct store *s, const struct batch *b, int error)
{
	char name[SEG_NAME_SIZE];

	s->stats.sync_failures++;
	seg_name(s->current, name);
	LOG(EV_SPOOL_SYNC_FAILED, KS("file", name),
	    KU("offset", s->current->off), KU("records", b->items),
	    KS("error", err_text(error)));
	s->current->bad = true;
	seg_end_current(s);
	(void)seg_switch(s, true);
	queue_fail(s, b->end, error);
}

/* A message is written only while the reserve for outcomes is whole. */
static bool
commit_may_take(struct store *s)
{
	if (s->free_len == 0)
		seg_reclaim(s);
	return s->free_len > 0 ||
	    (room_for(s, s->set.segment_size) && seg_fill(s, UINT64_MAX) == 0 &&
		s->free_len > 0);
}

/* Get a segment that takes the first item.  One that moves a message of an
 * earlier, larger size of segments, or of very many texts, may need a segment
 * of its own; if that cannot be had, the message stays where it is. */
static int
commit_switch(struct store *s)
{
	struct item *first = TAILQ_FIRST(&s->queue);
	size_t size = item_size(first);
	int error = -E_TOOLONG;

	if (size <= seg_record_max(s)) {
		error = seg_switch(s, first->kind != ITEM_MESSAGE);
		if (error != 0 && first->kind == ITEM_MESSAGE)
			queue_fail_messages(s, error);
		return error;
	}
	if (first->kind == ITEM_MOVE)
		error = seg_switch_own(s, size);
	if (error != 0 && first->kind != ITEM_OUTCOME)
		item_fail(s, first, error);
	return error;
}

/* Write one batch, or get a segment for it. */
static int
commit_step(struct store *s)
{
	struct item *first;
	struct batch b;
	int error;

	if (queue_has_messages(s) && !commit_may_take(s)) {
		queue_fail_messages(s, -E_NOSPACE);
		return -E_NOSPACE;
	}
	b = batch_choose(s);
	if (b.items == 0)
		return commit_switch(s);
	if ((error = batch_write(s, &b)) != 0) {
		batch_failed(s, &b, error);
		return error;
	}
	while ((first = TAILQ_FIRST(&s->queue)) != b.end)
		item_settle(s, first);
	return 0;
}

int
store_commit(struct store *s)
{
	int error, result = 0, failures = 0;

	big_settle(s, &result);
	while (!TAILQ_EMPTY(&s->queue) && failures < COMMIT_FAILURES) {
		if ((error = commit_step(s)) == 0)
			continue;
		failures++;
		if (result == 0)
			result = error;
	}
	/* no file takes it: nobody is left waiting for an answer */
	if (failures >= COMMIT_FAILURES)
		queue_fail(s, NULL, result);
	s->failing = !TAILQ_EMPTY(&s->queue) || s->current == NULL;
	return result;
}

size_t
store_pending(const struct store *s)
{
	return s->queue_len;
}

bool
store_done_next(struct store *s, struct store_done *out)
{
	struct item *item = TAILQ_FIRST(&s->done);

	if (item == NULL)
		return false;
	TAILQ_REMOVE(&s->done, item, entry);
	*out = (struct store_done){ item->msgid, item->cookie, item->status };
	item_free(s, item);
	return true;
}
