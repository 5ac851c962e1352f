/* SPDX-License-Identifier: ISC
 *
 * spool: the process.  Its root directory is the queue.  Trouble with the
 * disk never ends it: mail is refused for as long as it lasts.
 */
#include <errno.h>
#include <fcntl.h>

#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "spool/writer/writer.h"

#define OPEN_AGAIN_MS 5000
#define PAGE          4096

static struct writer self;

struct writer *
writer_self(void)
{
	return &self;
}

static void
writer_tick_after(uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(self.tick, &tv);
}

static int
writer_open(void)
{
	const struct settings *set = &role_config()->set;
	struct store_settings s;
	int fd;

	store_settings_default(&s);
	s.segment_size = (uint32_t)(set->queue_segment_size -
	    set->queue_segment_size % PAGE);
	s.inline_max = (uint32_t)set->queue_big_message;
	s.memory_max = set->queue_memory;
	s.reserve_bytes = set->queue_reserve_space;
	s.reserve_inodes = set->queue_reserve_inodes;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	return store_open(fd, &s, &self.store);
}

/* Open the queue if it is not, or keep it in order. */
static void
writer_tick(evutil_socket_t fd, short what, void *arg)
{
	bool was_open = self.store != NULL;
	int error = was_open ? 0 : writer_open();

	if (error != 0) {
		self.store = NULL;
		LOG(EV_SPOOL_IO, KS("doing", "opening the queue"),
		    KS("why", err_text(error)));
		writer_tick_after(OPEN_AGAIN_MS);
		return;
	}
	if (!was_open)
		walk_begin();
	writer_tick_after(store_tick(self.store, clock_ms()));
	self.hurried = store_due(self.store);
	commit_answer();
}

void
writer_hurry(void)
{
	if (self.hurried || !store_due(self.store))
		return;
	self.hurried = true;
	writer_tick_after(0);
}

static void
writer_start(void)
{
	writer_tick(-1, 0, NULL);
}

static int
writer_prepare(const struct role_hello *hello)
{
	RB_INIT(&self.txs);
	TAILQ_INIT(&self.jobs);
	self.tick = evtimer_new(loop_base(), writer_tick, NULL);
	self.sync = evtimer_new(loop_base(), commit_timer, NULL);
	self.walker = evtimer_new(loop_base(), walk_timer, NULL);
	if (self.tick == NULL || self.sync == NULL || self.walker == NULL)
		return -E_NOMEM;
	loop_at_turn(commit_turn);
	return 0;
}

static void
writer_peer_up(struct chan *ch, uint64_t request)
{
	if (chan_role(ch) == ROLE_SCHEDULER)
		walk_begin();
}

static void
writer_finish(void)
{
	if (self.store != NULL)
		commit_now();
	role_exit(0);
}

static void
writer_peer_down(struct chan *ch)
{
	switch ((unsigned)chan_role(ch)) {
	case ROLE_SCHEDULER:
		self.walking = false;
		commit_forget();
		if (self.stopping)
			writer_finish();
		break;
	case ROLE_CONTROL:
		ctl_lost();
		break;
	default:
		tx_peer_lost(ch);
		break;
	}
}

static void
writer_peer_drained(struct chan *ch)
{
	if (chan_role(ch) == ROLE_SCHEDULER)
		walk_drained();
	else if (chan_role(ch) == ROLE_CONTROL)
		ctl_run();
}

/* The scheduler is told to stop before us: what it said last is read up to
 * the end of its channel. */
static void
writer_stop(void)
{
	self.stopping = true;
	if (role_peer(ROLE_SCHEDULER) == NULL)
		writer_finish();
}

static const struct msg_handler handlers[] = {
	{ SPOOL_CONTENT, tx_content },
	{ SPOOL_OPEN, tx_open },
	{ SPOOL_ENVELOPE, tx_envelope },
	{ SPOOL_COMMIT, tx_commit },
	{ SPOOL_ABORT, tx_abort },
	{ QUEUE_OUTCOME, commit_outcome },
	{ QUEUE_ASSIGN, serve_assign },
	{ CTL_ASK, ctl_ask },
	{ CTL_CANCEL, ctl_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops writer_ops = {
	.role = ROLE_SPOOL,
	.prepare = writer_prepare,
	.start = writer_start,
	.peer_up = writer_peer_up,
	.peer_down = writer_peer_down,
	.peer_drained = writer_peer_drained,
	.handlers = handlers,
	.stop = writer_stop,
};
