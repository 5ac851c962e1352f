/* SPDX-License-Identifier: ISC
 *
 * The one loop of a process.  See loop.h.
 */
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/loop.h"

static struct {
	struct event_base *base;
	void (*at_turn)(void);
	bool ended;
	int status;
} loop;

int
loop_init(void)
{
	struct event_config *cfg;

	if ((cfg = event_config_new()) == NULL)
		return -E_NOMEM;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	loop.base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return loop.base == NULL ? -E_NOMEM : 0;
}

struct event_base *
loop_base(void)
{
	return loop.base;
}

void
loop_at_turn(void (*fn)(void))
{
	loop.at_turn = fn;
}

int
loop_run(void)
{
	bool more = chan_flush_all(); /* what was queued before */

	while (!loop.ended) {
		int flags = EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0);

		if (event_base_loop(loop.base, flags) < 0)
			fatal("running the event loop", "it failed");
		if (loop.at_turn != NULL)
			loop.at_turn();
		more = chan_flush_all();
	}
	return loop.status;
}

void
loop_end(int status)
{
	loop.ended = true;
	loop.status = status;
}
