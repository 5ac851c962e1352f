/* SPDX-License-Identifier: ISC
 *
 * Listening sockets: when connections are taken, how many, and when this
 * process has done its work.  A worker takes many and retires after a number
 * of them; a process of `isolation connection' takes exactly one.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/session/session.h"

#define LISTENERS_MAX 256
#define ACCEPT_TURN   32   /* connections before others have their turn */
#define STOP_MS       5000 /* for messages that are being received */

struct accepter {
	int fd;
	unsigned index;
	struct event *ev;
};

static struct {
	struct accepter all[LISTENERS_MAX];
	size_t n;
	bool single; /* isolation connection */
	bool armed;
	bool paused;
	bool ended;   /* no more connections, ever */
	bool backoff; /* out of descriptors: wait for the next second */
	uint64_t taken;
	uint64_t stop_ms; /* when to exit at last; 0: not stopping */
} door;

static void
accept_close(void)
{
	size_t i;

	for (i = 0; i < door.n; i++) {
		event_free(door.all[i].ev);
		close(door.all[i].fd);
	}
	door.n = 0;
	door.ended = true;
}

void
accept_update(void)
{
	bool want = !door.paused && !door.ended && !door.backoff &&
	    role_peer(ROLE_ROUTER) != NULL && role_peer(ROLE_SPOOL) != NULL;
	size_t i;

	if (want == door.armed)
		return;
	door.armed = want;
	for (i = 0; i < door.n; i++) {
		if (want)
			event_add(door.all[i].ev, NULL);
		else
			event_del(door.all[i].ev);
	}
}

/* Nothing is left to do here. */
static void
accept_done(void)
{
	if (door.ended && session_count() == 0)
		role_exit(0);
}

static void
accept_tick(void)
{
	door.backoff = false;
	accept_update();
	if (door.stop_ms != 0 && clock_ms() >= door.stop_ms)
		role_exit(0);
}

/* A connection was taken: it may have been the last. */
static void
accept_taken(void)
{
	door.taken++;
	if (!door.single &&
	    door.taken < session_settings()->smtp_worker_connections)
		return;
	accept_close();
	msg_begin(role_master(), door.single ? M_TAKEN : M_RETIRED, 0);
	msg_send(role_master());
	accept_done();
}

static void
accept_failed(void)
{
	if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
		return;
	/* the connection stays in the kernel's queue: without a pause the
	 * loop would spin on it */
	LOG(EV_ACCEPT_FAILED, KS("why", strerror(errno)),
	    KU("sessions", session_count()));
	door.backoff = true;
	accept_update();
	timer_on_tick(accept_tick);
}

static void
accept_ready(evutil_socket_t fd, short what, void *arg)
{
	const struct accepter *a = arg;
	unsigned index = a->index;
	unsigned turn;
	int client;

	for (turn = 0; turn < ACCEPT_TURN && !door.ended; turn++) {
		client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0) {
			accept_failed();
			return;
		}
		if (!session_open(client, index)) {
			errno = ENOMEM;
			accept_failed();
			return;
		}
		accept_taken();
	}
}

void
accept_listen(int fd, uint32_t listener)
{
	const struct config *cfg = role_config();
	struct accepter *a = &door.all[door.n];
	const int on = 1;

	if (door.ended || door.n == LISTENERS_MAX ||
	    listener >= cfg->nlisteners) {
		close(fd);
		return;
	}
	/* inherited by what is accepted; a local socket does not know it */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	a->fd = fd;
	a->index = listener;
	a->ev =
	    event_new(loop_base(), fd, EV_READ | EV_PERSIST, accept_ready, a);
	if (a->ev == NULL || evutil_make_socket_nonblocking(fd) != 0)
		fatal("taking a listening socket", "out of memory");
	door.single =
	    cfg->listeners[listener].isolation == ISOLATION_CONNECTION;
	door.n++;
	if (door.armed)
		event_add(a->ev, NULL);
	session_on_end(accept_done);
	accept_update();
}

void
accept_pause(bool pause)
{
	door.paused = pause;
	accept_update();
}

void
accept_retire(void)
{
	accept_close();
	accept_done();
}

static void
accept_end_session(struct session *s)
{
	session_end(s, RP_UNAVAILABLE);
}

void
accept_stop(void)
{
	accept_close();
	door.stop_ms = clock_ms() + STOP_MS;
	timer_on_tick(accept_tick);
	session_each(accept_end_session);
	accept_done();
}
