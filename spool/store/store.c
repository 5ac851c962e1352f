/* SPDX-License-Identifier: ISC
 *
 * Opening and closing the queue, its settings, its figures.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define SEGMENT_MIN (64u << 10)
#define SEGMENT_MAX (1u << 30)

static const struct {
	const char *name;
	bool final;
} states[STORE__MAX] = {
#define STATE(name, text, final) [name] = { text, final },
#include "spool/store/states.def"
#undef STATE
};

const char *
store_state_name(enum store_state state)
{
	return state < STORE__MAX ? states[state].name : "?";
}

bool
store_state_final(enum store_state state)
{
	return state < STORE__MAX && states[state].final;
}

void
store_settings_default(struct store_settings *set)
{
	*set = (struct store_settings){
		.segment_size = 8u << 20,
		.inline_max = 256u << 10,
		.memory_max = 64u << 20,
		.reserve_bytes = 64u << 20,
		.reserve_inodes = 1000,
	};
}

static int
store_dirs(struct store *s)
{
	int error;

	if ((s->log_fd = io_dir(s->dir_fd, "log")) < 0)
		return s->log_fd;
	/* what a process that died had named or removed may be in memory only */
	if ((error = io_sync_dir(s->log_fd)) != 0)
		return error;
	if ((s->big_fd = io_dir(s->dir_fd, "big")) < 0)
		return s->big_fd;
	if ((s->corrupt_fd = io_dir(s->dir_fd, "corrupt")) < 0)
		return s->corrupt_fd;
	return io_sync_dir(s->dir_fd);
}

static struct store *
store_new(int dir_fd, const struct store_settings *set)
{
	struct store *s;

	if ((s = chk_calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->set = *set;
	if (s->set.inline_max > set->segment_size / 4)
		s->set.inline_max = set->segment_size / 4;
	s->dir_fd = dir_fd;
	s->log_fd = s->big_fd = s->corrupt_fd = -1;
	s->next_seq = s->next_batch = s->next_number = 1;
	RB_INIT(&s->msgs);
	TAILQ_INIT(&s->log);
	TAILQ_INIT(&s->free);
	TAILQ_INIT(&s->readers);
	TAILQ_INIT(&s->queue);
	TAILQ_INIT(&s->done);
	LIST_INIT(&s->open);
	return s;
}

/* A place for mail and one for outcomes; without them the queue is still
 * of use, for what is in it. */
static void
store_make_ready(struct store *s)
{
	int error = 0;

	if (s->current == NULL)
		error = seg_switch(s, true);
	while (error == 0 && s->free_len == 0)
		error = seg_fill(s, UINT64_MAX);
	if (error != 0)
		LOG(EV_SPOOL_IO, KS("doing", "make a segment"),
		    KS("error", err_text(error)));
	s->failing = s->current == NULL;
	room_check(s, 0);
	s->room_known = false;
}

int
store_open(int dir_fd, const struct store_settings *set, struct store **out)
{
	struct store *s;
	int error;

	if (set->segment_size < SEGMENT_MIN ||
	    set->segment_size > SEGMENT_MAX || set->segment_size % 4096 != 0) {
		close(dir_fd);
		return -E_SYNTAX;
	}
	if ((s = store_new(dir_fd, set)) == NULL) {
		close(dir_fd);
		return -E_NOMEM;
	}
	if ((error = store_dirs(s)) != 0 || (error = store_recover(s)) != 0) {
		store_close(s);
		return error;
	}
	store_make_ready(s);
	LOG(EV_SPOOL_OPEN, KU("messages", s->stats.messages),
	    KU("envelopes", s->stats.envelopes),
	    KU("quarantined", s->stats.quarantined));
	*out = s;
	return 0;
}

static void
store_drop_queue(struct store *s, struct item_list *list)
{
	struct item *item;

	while ((item = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, item, entry);
		if (item->kind == ITEM_MESSAGE && item->msg != NULL &&
		    item->msg->seg == NULL && item->msg->big)
			big_unlink(s, item->msg->msgid, item->big_fd >= 0);
		item_free(s, item);
	}
}

static void
store_drop_segs(struct store *s, struct seg_list *list)
{
	struct seg *seg;

	while ((seg = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, seg, entry);
		seg_free(s, seg);
	}
}

void
store_close(struct store *s)
{
	struct imsg *m;

	if (s == NULL)
		return;
	while (!LIST_EMPTY(&s->open))
		store_tx_abort(LIST_FIRST(&s->open));
	store_drop_queue(s, &s->queue);
	store_drop_queue(s, &s->done);
	while ((m = RB_ROOT(&s->msgs)) != NULL)
		imsg_free(s, m);
	store_drop_segs(s, &s->log);
	store_drop_segs(s, &s->free);
	seg_free(s, s->filling);
	free(s->iov);
	if (s->log_fd >= 0)
		close(s->log_fd);
	if (s->big_fd >= 0)
		close(s->big_fd);
	if (s->corrupt_fd >= 0)
		close(s->corrupt_fd);
	close(s->dir_fd);
	free(s);
}

void
store_stats(const struct store *s, struct store_stats *out)
{
	const struct seg *seg;

	*out = s->stats;
	TAILQ_FOREACH(seg, &s->log, entry)
		out->segments++;
	out->free = s->free_len;
}
