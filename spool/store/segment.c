/* SPDX-License-Identifier: ISC
 *
 * The life of a segment's file: zeroed under a name of its own, free, used,
 * ended, free again.  Each change is one header that is written and synced
 * before anything relies on it; see STATES.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define SEG_ZEROS       4096
#define SEG_ZERO_VEC    64
#define SEG_SYNC_STEP   (4u << 20) /* zeros written between two syncs */
#define SEG_TRIES       3          /* files to try before giving up */
/* Open for reading.  Ids are random, and so is the order in which messages are
 * read: with the usual size this does for a queue of 2 GiB. */
#define SEG_READERS_MAX 256

static void
seg_new_name(const struct seg *seg, char out[SEG_NAME_SIZE])
{
	snprintf(out, SEG_NAME_SIZE, "%08" PRIx32 ".new", seg->number);
}

void
seg_name(const struct seg *seg, char out[SEG_NAME_SIZE])
{
	snprintf(out, SEG_NAME_SIZE, "%08" PRIx32, seg->number);
}

uint32_t
seg_end(const struct seg *seg)
{
	return seg->head.size - REC_SECTOR; /* the second header */
}

int
seg_reader(struct store *s, struct seg *seg)
{
	char name[SEG_NAME_SIZE];

	if (seg->fd >= 0)
		return seg->fd;
	if (s->readers_len >= SEG_READERS_MAX)
		seg_close(s, TAILQ_FIRST(&s->readers));
	seg_name(seg, name);
	seg->fd = io_open(s->log_fd, name, O_RDONLY);
	if (seg->fd >= 0) {
		seg->reader = true;
		TAILQ_INSERT_TAIL(&s->readers, seg, readers_entry);
		s->readers_len++;
	}
	return seg->fd;
}

void
seg_close(struct store *s, struct seg *seg)
{
	if (seg->reader) {
		TAILQ_REMOVE(&s->readers, seg, readers_entry);
		s->readers_len--;
	}
	seg->reader = false;
	if (seg->fd >= 0)
		close(seg->fd);
	seg->fd = -1;
}

void
seg_free(struct store *s, struct seg *seg)
{
	if (seg == NULL)
		return;
	seg_close(s, seg);
	free(seg);
}

int
seg_head_write(struct store *s, struct seg *seg, int fd)
{
	unsigned char sector[REC_SECTOR];
	int error;

	seg_head_put(sector, &seg->head);
	if ((error = io_write(fd, sector, sizeof(sector), 0)) != 0)
		return error;
	error = io_write(fd, sector, sizeof(sector), seg_end(seg));
	if (error != 0)
		return error;
	s->stats.syncs++;
	return io_sync_data(fd);
}

static int
seg_zero(int fd, uint64_t off, size_t len)
{
	static const unsigned char zeros[SEG_ZEROS];
	struct iovec iov[SEG_ZERO_VEC];
	size_t i, n;

	n = len / SEG_ZEROS;
	for (i = 0; i < n; i++) {
		iov[i].iov_base = (void *)(uintptr_t)zeros;
		iov[i].iov_len = sizeof(zeros);
	}
	return io_writev(fd, iov, n, off);
}

/* Begin a file of that size; it is nothing yet. */
static int
seg_begin(struct store *s, uint32_t size, struct seg **out)
{
	struct seg *seg;
	char name[SEG_NAME_SIZE];

	if ((seg = chk_calloc(1, sizeof(*seg))) == NULL)
		return -E_NOMEM;
	LIST_INIT(&seg->msgs);
	seg->number = s->next_number;
	seg->head.size = size;
	seg_new_name(seg, name);
	seg->fd = io_open(s->log_fd, name, O_RDWR | O_CREAT | O_EXCL);
	if (seg->fd < 0) {
		int error = seg->fd;

		free(seg);
		return error;
	}
	s->next_number++;
	*out = seg;
	return 0;
}

static void
seg_give_up(struct store *s, struct seg *seg)
{
	char name[SEG_NAME_SIZE];

	seg_new_name(seg, name);
	io_unlink(s->log_fd, name);
	seg_free(s, seg);
}

/* All zero: give it its header and its name. */
static int
seg_finish(struct store *s, struct seg *seg)
{
	char from[SEG_NAME_SIZE], to[SEG_NAME_SIZE];
	int error;

	seg_new_name(seg, from);
	seg_name(seg, to);
	seg->head.generation = 1;
	if ((error = seg_head_write(s, seg, seg->fd)) != 0)
		return error;
	if ((error = io_rename(s->log_fd, from, s->log_fd, to)) != 0)
		return error;
	s->stats.syncs++;
	if ((error = io_sync_dir(s->log_fd)) != 0) {
		io_unlink(s->log_fd, to);
		return error;
	}
	seg_close(s, seg);
	return 0;
}

static int
seg_fill_more(struct store *s, struct seg *seg, uint64_t octets)
{
	size_t step;
	int error;

	while (octets > 0 && seg->filled < seg->head.size) {
		step = SEG_ZEROS * SEG_ZERO_VEC;
		if (step > seg->head.size - seg->filled)
			step = seg->head.size - seg->filled;
		if ((error = seg_zero(seg->fd, seg->filled, step)) != 0)
			return error;
		/* the disk is at it while the next step is made */
		io_begin(seg->fd, seg->filled, step);
		seg->filled += (uint32_t)step;
		octets -= octets < step ? octets : step;
		if (seg->filled % SEG_SYNC_STEP != 0)
			continue;
		s->stats.syncs++;
		if ((error = io_sync_data(seg->fd)) != 0)
			return error;
	}
	return 0;
}

int
seg_fill(struct store *s, uint64_t octets)
{
	struct seg *seg;
	int error;

	if (s->filling == NULL &&
	    (error = seg_begin(s, s->set.segment_size, &s->filling)) != 0)
		return error;
	seg = s->filling;
	error = seg_fill_more(s, seg, octets);
	if (error == 0 && seg->filled < seg->head.size)
		return 0;
	s->filling = NULL;
	if (error != 0 || (error = seg_finish(s, seg)) != 0) {
		seg_give_up(s, seg);
		return error;
	}
	TAILQ_INSERT_TAIL(&s->free, seg, entry);
	s->free_len++;
	return 0;
}

/* One with that much room for records, which the usual size is too small for.
 * What it takes of the reserve is given back when the move that it is for is
 * done, so it may have half of it; the rest is there for outcomes. */
static int
seg_make_own(struct store *s, size_t octets, struct seg **out)
{
	size_t size = SEG_DATA_OFF + octets + REC_SECTOR;
	struct seg *seg;
	int error;

	size = (size + SEG_ZEROS - 1) / SEG_ZEROS * SEG_ZEROS;
	if (size > UINT32_MAX)
		return -E_TOOLONG;
	if (!room_for_own(s, size))
		return -E_NOSPACE;
	if ((error = seg_begin(s, (uint32_t)size, &seg)) != 0)
		return error;
	if ((error = seg_fill_more(s, seg, UINT64_MAX)) != 0 ||
	    (error = seg_finish(s, seg)) != 0) {
		seg_give_up(s, seg);
		return error;
	}
	*out = seg;
	return 0;
}

/* A free segment, made now if need be; the reserve only for those who may. */
static int
seg_take(struct store *s, bool reserve, struct seg **out)
{
	uint32_t need = reserve ? 1 : SEG_FREE_TARGET;
	int error;

	if (s->free_len < need)
		seg_reclaim(s);
	while (s->free_len < need) {
		if (!reserve && !room_for(s, s->set.segment_size))
			return -E_NOSPACE;
		if ((error = seg_fill(s, UINT64_MAX)) != 0)
			return error;
	}
	*out = TAILQ_FIRST(&s->free);
	TAILQ_REMOVE(&s->free, *out, entry);
	s->free_len--;
	return 0;
}

static int
seg_use(struct store *s, struct seg *seg)
{
	char name[SEG_NAME_SIZE];
	uint64_t tag;

	do {
		arc4random_buf(&tag, sizeof(tag));
	} while (tag == 0);
	seg->head.generation++;
	seg->head.seq = s->next_seq++;
	seg->head.tag = tag;
	seg->head.batch = s->next_batch;
	seg->head.prev_seq = s->prev_seq;
	seg->head.prev_cut = s->prev_cut;
	seg->head.prev_torn = s->prev_torn;
	seg->off = SEG_DATA_OFF;
	seg_name(seg, name);
	if ((seg->fd = io_open(s->log_fd, name, O_RDWR)) < 0)
		return seg->fd;
	return seg_head_write(s, seg, seg->fd);
}

void
seg_end_current(struct store *s)
{
	struct seg *seg = s->current;

	if (seg == NULL)
		return;
	s->prev_seq = seg->head.seq;
	s->prev_cut = seg->off;
	s->prev_torn = 0;
	seg_close(s, seg);
	s->current = NULL;
}

/* Go on in seg, or remove it. */
static int
seg_switch_to(struct store *s, struct seg *seg)
{
	char name[SEG_NAME_SIZE];
	int error;

	seg_end_current(s);
	if ((error = seg_use(s, seg)) == 0) {
		TAILQ_INSERT_TAIL(&s->log, seg, entry);
		s->current = seg;
		return 0;
	}
	/* no record is in it, so it may go without ceremony */
	s->stats.sync_failures++;
	seg_name(seg, name);
	LOG(EV_SPOOL_SYNC_FAILED, KS("file", name),
	    KS("error", err_text(error)));
	io_unlink(s->log_fd, name);
	seg_free(s, seg);
	return error;
}

int
seg_switch(struct store *s, bool reserve)
{
	struct seg *seg;
	int error = 0, tries;

	for (tries = 0; tries < SEG_TRIES; tries++) {
		if ((error = seg_take(s, reserve, &seg)) != 0 ||
		    (error = seg_switch_to(s, seg)) == 0)
			return error;
	}
	return error;
}

int
seg_switch_own(struct store *s, size_t octets)
{
	struct seg *seg;
	int error;

	if ((error = seg_make_own(s, octets, &seg)) != 0)
		return error;
	return seg_switch_to(s, seg);
}

size_t
seg_record_max(const struct store *s)
{
	return s->set.segment_size - REC_SECTOR - SEG_DATA_OFF;
}
