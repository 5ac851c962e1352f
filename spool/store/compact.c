/* SPDX-License-Identifier: ISC
 *
 * Giving space back: the oldest segment becomes free when nothing in it is
 * live, and live messages are moved out of it when the log is much larger
 * than what lives in it.  Segments are freed strictly from the oldest on,
 * each durably before the next: that is why an outcome can never disappear
 * before the message that it is about (see STATES).
 */
#include <fcntl.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define MOVE_OCTETS (4u << 20)  /* moved in one step at most, */
#define MOVE_COUNT  1000        /* and messages */
#define MOVE_HEAD   (64u << 20) /* over what all envelopes can have */
#define FILL_OCTETS (1u << 20)  /* zeroed in one step */
#define TICK_BUSY   5           /* ms */
#define TICK_IDLE   1000

/* So many free segments are kept. */
static uint32_t
free_max(const struct store *s)
{
	uint32_t n = SEG_FREE_OCTETS / s->set.segment_size;

	if (n < SEG_FREE_TARGET)
		return SEG_FREE_TARGET;
	return n < SEG_FREE_MAX ? n : SEG_FREE_MAX;
}

static int
seg_remove(struct store *s, struct seg *seg)
{
	char name[SEG_NAME_SIZE];
	int error;

	seg_name(seg, name);
	seg_close(s, seg);
	error = io_unlink(s->log_fd, name);
	if (error != 0 && error != -E_NOENT)
		return error;
	s->stats.syncs++;
	return io_sync_dir(s->log_fd);
}

static int
seg_recycle(struct store *s, struct seg *seg)
{
	struct seg_head was = seg->head;
	char name[SEG_NAME_SIZE];
	int fd, error;

	seg_name(seg, name);
	seg_close(s, seg);
	if ((fd = io_open(s->log_fd, name, O_RDWR)) < 0)
		return fd;
	seg->head.generation++;
	seg->head.seq = 0;
	error = seg_head_write(s, seg, fd);
	close(fd);
	if (error != 0)
		seg->head = was;
	return error;
}

/* Make the oldest segment free, or remove its file. */
static int
seg_retire(struct store *s, struct seg *seg)
{
	bool keep = !seg->bad && seg->head.size == s->set.segment_size &&
	    s->free_len < free_max(s);
	int error;

	if (keep && seg_recycle(s, seg) != 0) {
		s->stats.sync_failures++;
		seg->bad = true;
		keep = false;
	}
	if (!keep && (error = seg_remove(s, seg)) != 0)
		return error;
	TAILQ_REMOVE(&s->log, seg, entry);
	s->stats.recycled++;
	if (keep) {
		TAILQ_INSERT_TAIL(&s->free, seg, entry);
		s->free_len++;
	} else
		seg_free(s, seg);
	return 0;
}

void
seg_reclaim(struct store *s)
{
	struct seg *seg;

	while (!s->frozen && (seg = TAILQ_FIRST(&s->log)) != NULL &&
	    seg != s->current && LIST_EMPTY(&seg->msgs)) {
		if (seg_retire(s, seg) != 0)
			return;
	}
}

/* The log may be twice as large as what lives in it, and two segments. */
static bool
compact_wanted(const struct store *s)
{
	const struct seg *seg, *oldest = TAILQ_FIRST(&s->log);
	uint64_t size = 0;

	if (s->frozen || oldest == NULL || oldest == s->current)
		return false;
	TAILQ_FOREACH(seg, &s->log, entry)
		size += seg->head.size;
	return size >
	    2 * s->stats.live_bytes + 2 * (uint64_t)s->set.segment_size;
}

/* The present state of the envelopes of m in place of those in the body, and
 * the content if it is there. */
static int
move_encode(struct store *s, struct imsg *m, struct item *item)
{
	struct store_message msg = { 0 };
	uint32_t i;
	int error;

	if ((error = store_read(s, m->msgid, &msg)) != 0)
		return error;
	rec_message_begin(&item->head, &msg.meta);
	for (i = 0; i < msg.env_len; i++)
		rec_envelope_put(&item->head, &msg.env[i]);
	if ((error = item->head.err) == 0)
		rec_message_finish(
		    &item->head, msg.env_len, msg.content_len, msg.big);
	if (error == 0)
		error = buf_add(&item->content, msg.content.p, msg.content.len);
	store_message_clear(&msg);
	return error;
}

static int
move_queue(struct store *s, struct imsg *m, size_t *octets)
{
	struct item *item;
	int error;

	item = item_new(ITEM_MOVE, m, MOVE_HEAD);
	if (item == NULL)
		return -E_NOMEM;
	buf_init(&item->content, m->len);
	if ((error = move_encode(s, m, item)) != 0) {
		item_free(s, item);
		return error;
	}
	*octets += item->head.len + item->content.len;
	item_queue(s, item);
	return 0;
}

/* Keep in corrupt/ what is left of a message whose record cannot be read any
 * more, durably before the segment may go, and forget the message. */
static int
move_quarantine(struct store *s, struct imsg *m)
{
	char name[BIG_NAME_SIZE];
	int error;

	error =
	    quarantine(s, m->seg, m->off, (uint32_t)rec_size(m->len), m->msgid);
	if (error == 0 && m->big) {
		big_name(m->msgid, false, name);
		error = quarantine_file(s, s->big_fd, name);
		if (error == -E_NOENT)
			error = 0; /* lost before, or there already */
	}
	if (error != 0)
		return error;
	if ((error = io_sync_dir(s->corrupt_fd)) != 0 ||
	    (m->big && (error = io_sync_dir(s->big_fd)) != 0)) {
		/* a second sync would prove nothing */
		s->stats.sync_failures++;
		s->frozen = true;
		return error;
	}
	s->stats.envelopes -= m->open;
	imsg_free(s, m);
	return 0;
}

/*
 * What cannot be moved now stays, and the rest goes; as long as it stays nothing
 * that came after it can be freed either.  A message whose record cannot be
 * read any more must not stop the oldest segment from going for ever; its
 * octets are kept in corrupt/ first.
 */
static void
move_step(struct store *s)
{
	struct seg *oldest = TAILQ_FIRST(&s->log);
	struct imsg *m, *next;
	uint32_t count = 0;
	size_t octets = 0;
	int error;

	LIST_FOREACH_SAFE(m, &oldest->msgs, of_seg, next) {
		if (octets >= MOVE_OCTETS || count >= MOVE_COUNT)
			break;
		count++;
		if ((error = move_queue(s, m, &octets)) == 0)
			continue;
		if (error == -E_NOMEM)
			break;
		if (error != -E_CORRUPT)
			continue;
		if (move_quarantine(s, m) != 0)
			break;
	}
	if (s->queue_len > 0)
		store_commit(s);
}

static void
free_trim(struct store *s)
{
	struct seg *seg;

	while (s->free_len > free_max(s)) {
		seg = TAILQ_LAST(&s->free, seg_list);
		if (seg_remove(s, seg) != 0)
			return;
		TAILQ_REMOVE(&s->free, seg, entry);
		s->free_len--;
		seg_free(s, seg);
	}
}

/* One segment ahead is worth the disk's reserve, the second is not. */
static bool
fill_wanted(const struct store *s)
{
	return s->free_len == 0 ||
	    (s->free_len < SEG_FREE_TARGET && room_for(s, s->set.segment_size));
}

bool
store_due(const struct store *s)
{
	return s->free_len < SEG_FREE_TARGET;
}

/* Move and free what can be.  True when that had an effect. */
static bool
compact_step(struct store *s)
{
	uint64_t done = s->stats.moved + s->stats.recycled;
	uint64_t messages = s->stats.messages;

	move_step(s);
	seg_reclaim(s);
	return s->stats.moved + s->stats.recycled != done ||
	    s->stats.messages != messages;
}

uint32_t
store_tick(struct store *s, uint64_t now_ms)
{
	bool busy = false;

	room_check(s, now_ms);
	/* what a failed commit left behind is tried again in a new file */
	if (s->failing && (s->current != NULL || seg_switch(s, true) == 0))
		store_commit(s);
	seg_reclaim(s);
	/* moves are a batch of their own: they carry durable states only */
	if (compact_wanted(s) && store_commit(s) == 0)
		busy = compact_step(s);
	free_trim(s);
	if (fill_wanted(s) && seg_fill(s, FILL_OCTETS) == 0 && fill_wanted(s))
		return TICK_BUSY;
	/* what cannot be moved now is not tried again at once */
	return busy && !s->failing && compact_wanted(s) ? TICK_BUSY : TICK_IDLE;
}
