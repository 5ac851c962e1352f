/* SPDX-License-Identifier: ISC
 *
 * The name servers of the system.  The resolver reads which they are before it
 * is confined, so that another takes its place where they have changed: the
 * network may come, or be another one, long after we were started.
 */
#include <sys/stat.h>

#include "privsep/base/log.h"
#include "privsep/master/master.h"

#define NAMES_LOOK_S 5

static struct {
	struct stat seen; /* all 0: there is no file */
	struct event *timer;
} names;

static void
names_see(struct stat *out)
{
	*out = (struct stat){ 0 };
	if (stat(CFG_RESOLV_CONF, out) != 0)
		*out = (struct stat){ 0 };
}

static bool
names_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
names_look(evutil_socket_t fd, short what, void *arg)
{
	const struct name_service *used = &master.config->names;
	struct stat now;

	names_see(&now);
	if (names_same(&now, &names.seen))
		return;
	if (used->nforward > 0 || used->recursive) {
		names.seen = now;
		return;
	}
	LOG(EV_RELOAD, KS("file", CFG_RESOLV_CONF));
	names_renew();
}

void
names_watch(void)
{
	struct timeval every = { .tv_sec = NAMES_LOOK_S };

	names_see(&names.seen);
	names.timer = event_new(loop_base(), -1, EV_PERSIST, names_look, NULL);
	if (names.timer == NULL || event_add(names.timer, &every) != 0)
		fatal("starting", "out of memory");
}

void
names_renew(void)
{
	names_see(&names.seen);
	pool_renew(ROLE_RESOLVER);
}
