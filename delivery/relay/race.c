/* SPDX-License-Identifier: ISC
 *
 * Happy Eyeballs (RFC 8305 5).  See race.h.
 */
#include "delivery/relay/race.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/ipc/loop.h"

#define RACE_HEAD_START_MS 250 /* RFC 8305 8: Connection Attempt Delay */

struct runner {
	struct race *race;
	size_t i; /* of the address */
	int fd;   /* -1: not running */
	struct event *event;
};

struct race {
	struct race_params p;
	race_lost_fn *lost;
	race_done_fn *done;
	void *arg;
	struct event *start; /* the next one's */
	struct runner runner[RACE_MAX];
	size_t next; /* not started yet */
	size_t running;
};

void
race_interleave(union ip *ip, size_t n, int first)
{
	union ip one[RACE_MAX], other[RACE_MAX];
	size_t i, ones = 0, others = 0, k = 0;

	if (n > RACE_MAX)
		n = RACE_MAX;
	for (i = 0; i < n; i++) {
		if (ip[i].sa.sa_family == first)
			one[ones++] = ip[i];
		else
			other[others++] = ip[i];
	}
	for (i = 0; k < n; i++) {
		if (i < ones)
			ip[k++] = one[i];
		if (i < others)
			ip[k++] = other[i];
	}
}

static struct timeval
race_tv(uint64_t ms)
{
	return (struct timeval){ (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };
}

static void
runner_stop(struct runner *run, bool close_fd)
{
	if (run->fd < 0)
		return;
	event_free(run->event);
	if (close_fd)
		close(run->fd);
	run->fd = -1;
	run->race->running--;
}

void
race_cancel(struct race *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->next; i++)
		runner_stop(&r->runner[i], true);
	event_free(r->start);
	free(r);
}

static void
race_end(struct race *r, int fd, size_t i)
{
	race_done_fn *done = r->done;
	union ip ip = r->p.ip[i];
	void *arg = r->arg;

	race_cancel(r);
	done(arg, fd, &ip);
}

/* That address is out; the next one need not wait for its turn. */
static void
race_lost(struct race *r, size_t i, const char *why)
{
	struct timeval now = { 0, 0 };

	runner_stop(&r->runner[i], true);
	if (r->lost != NULL)
		r->lost(r->arg, &r->p.ip[i], why);
	if (r->next < r->p.n)
		evtimer_add(r->start, &now);
	else if (r->running == 0)
		race_end(r, -1, i);
}

static void
runner_event(evutil_socket_t fd, short what, void *arg)
{
	struct runner *run = arg;
	struct race *r = run->race;
	size_t i = run->i;
	socklen_t len = sizeof(int);
	int error = ETIMEDOUT;

	if ((what & EV_TIMEOUT) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		race_lost(r, i, strerror(error));
		return;
	}
	runner_stop(run, false);
	race_end(r, fd, i);
}

static int
runner_socket(const union ip *ip, const union ip *src)
{
	int one = 1, fd;

	fd = socket(
	    ip->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if ((src->sa.sa_family != AF_UNSPEC &&
		bind(fd, &src->sa, ip_len(src)) != 0) ||
	    (connect(fd, &ip->sa, ip_len(ip)) != 0 && errno != EINPROGRESS)) {
		one = errno;
		close(fd);
		errno = one;
		return -1;
	}
	return fd;
}

static void
race_next(evutil_socket_t none, short what, void *arg)
{
	struct race *r = arg;
	struct timeval timeout = race_tv(r->p.timeout_ms);
	struct timeval head_start = race_tv(RACE_HEAD_START_MS);
	size_t i = r->next++;
	struct runner *run = &r->runner[i];
	const union ip *ip = &r->p.ip[i];

	*run = (struct runner){ .race = r, .i = i };
	run->fd = runner_socket(
	    ip, ip->sa.sa_family == AF_INET6 ? &r->p.src6 : &r->p.src4);
	if (run->fd < 0) {
		race_lost(r, i, strerror(errno));
		return;
	}
	r->running++;
	run->event =
	    event_new(loop_base(), run->fd, EV_WRITE, runner_event, run);
	if (run->event == NULL || event_add(run->event, &timeout) != 0) {
		close(run->fd);
		run->fd = -1;
		r->running--;
		race_lost(r, i, strerror(ENOMEM));
		return;
	}
	if (r->next < r->p.n)
		evtimer_add(r->start, &head_start);
}

struct race *
race_start(const struct race_params *p, race_lost_fn *lost, race_done_fn *done,
    void *arg)
{
	struct timeval now = { 0, 0 };
	struct race *r;

	if ((r = chk_calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->p = *p;
	r->lost = lost;
	r->done = done;
	r->arg = arg;
	r->start = evtimer_new(loop_base(), race_next, r);
	if (r->start == NULL || evtimer_add(r->start, &now) != 0) {
		if (r->start != NULL)
			event_free(r->start);
		free(r);
		return NULL;
	}
	return r;
}
