/* SPDX-License-Identifier: ISC
 *
 * The way down: first who brings work in, then who does it, then who keeps
 * it.  Each stage waits for its processes, and kills what does not end.
 */
#include "privsep/base/log.h"
#include "privsep/confine/roles.h"
#include "privsep/master/master.h"

static const unsigned stop_order[] = {
	R_SESSION | R_CONTROL,
	R_DELIVERY | R_MAILER | R_RELAY,
	R_SCHEDULER | R_ROUTER | R_AUTH | R_KEYS | R_RESOLVER,
	R_SPOOL,
};

#define STOP_STAGES (sizeof(stop_order) / sizeof(stop_order[0]))

static void
stop_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if ((stop_order[master.stop_stage - 1] & R(c->role)) != 0)
			child_kill(c);
	}
}

/* Processes of this stage that are still there. */
static unsigned
stop_left(void)
{
	struct child *c;
	unsigned n = 0;

	LIST_FOREACH(c, &master.children, entry) {
		if ((stop_order[master.stop_stage - 1] & R(c->role)) != 0)
			n++;
	}
	return n;
}

static void
stop_stage(void)
{
	struct timeval tv = {
		.tv_sec = (time_t)master.config->set.process_stop_timeout_s
	};
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if ((stop_order[master.stop_stage - 1] & R(c->role)) != 0)
			child_stop(c);
	}
	evtimer_add(master.stop_timer, &tv);
}

void
stop_child_gone(void)
{
	if (master.stop_stage == 0)
		return;
	while (stop_left() == 0) {
		if (master.stop_stage == STOP_STAGES) {
			loop_end(0);
			return;
		}
		master.stop_stage++;
		stop_stage();
	}
}

void
stop_begin(void)
{
	if (master.stop_stage != 0)
		return;
	master.stop_timer = evtimer_new(loop_base(), stop_timeout, NULL);
	if (master.stop_timer == NULL)
		fatal("stopping", "out of memory");
	LOG(EV_STOP, KU("started", master.last_instance));
	sockets_close();
	master.stop_stage = 1;
	stop_stage();
	stop_child_gone();
}
