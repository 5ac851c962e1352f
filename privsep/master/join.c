/* SPDX-License-Identifier: ISC
 *
 * Joining processes: a socketpair for every two that the table of roles lets
 * speak with each other, and the listening sockets for those that accept.
 */
#include <sys/socket.h>

#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/master/master.h"

#define JOIN_SNDBUF (1024 * 1024) /* octets in flight before EAGAIN */

static void
join_tell(struct child *to, const struct child *about, int fd)
{
	msg_begin(to->chan, M_PEER, about->instance);
	msg_put_u8(to->chan, (uint8_t)about->role);
	msg_put_u64(to->chan, about->request);
	msg_put_fd(to->chan, fd);
	msg_send(to->chan);
}

static void
join_pair(struct child *a, struct child *b)
{
	int pair[2], size = JOIN_SNDBUF;

	if (a->chan == NULL || b->chan == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) != 0) {
		LOG(EV_WARN, KS("doing", "joining two processes"),
		    KS("why", "out of descriptors"));
		child_kill(a);
		return;
	}
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	join_tell(a, b, pair[0]);
	join_tell(b, a, pair[1]);
	close(pair[0]);
	close(pair[1]);
	/* who hears of the newcomer by a third process, which the newcomer
	 * speaks to, finds it in what we have sent: see role_peer_named() */
	chan_flush(b->chan);
}

void
join_listeners(struct child *c)
{
	struct socket *s;

	if (!master.serving || c->chan == NULL || c->spent)
		return;
	if (c->role == ROLE_CONTROL) {
		msg_begin(c->chan, M_LISTEN, 0);
		msg_put_fd(c->chan, master.control_fd);
		msg_send(c->chan);
		return;
	}
	if (c->role != ROLE_SESSION)
		return;
	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (s->connection != c->connection)
			continue;
		msg_begin(c->chan, M_LISTEN, s->listener);
		msg_put_fd(c->chan, s->fd);
		msg_send(c->chan);
	}
	if (master.smtp_paused) {
		msg_begin(c->chan, M_PAUSE, 0);
		msg_put_u8(c->chan, 1);
		msg_send(c->chan);
	}
}

/* All roles are there for the first time: open the doors. */
static void
join_open(void)
{
	struct child *c;

	master.serving = true;
	sockets_listen();
	LIST_FOREACH(c, &master.children, entry) {
		if (c->state == CHILD_RUNNING)
			join_listeners(c);
	}
	main_ready();
	LOG(EV_START, KS("version", BULKHEAD_VERSION),
	    KS("config", master.config_path));
}

void
join_child(struct child *c)
{
	struct child *other;

	msg_begin(c->chan, M_START, 0);
	msg_send(c->chan);
	LIST_FOREACH(other, &master.children, entry) {
		if (other != c && other->state == CHILD_RUNNING &&
		    (roles[c->role].peers & R(other->role)) != 0)
			join_pair(c, other);
	}
	c->joined = true;
	if (roles[c->role].start == START_ONE)
		pool_renewed(c);
	if (master.serving)
		join_listeners(c);
	else if (child_all_ready())
		join_open();
}
