/* SPDX-License-Identifier: ISC
 *
 * Clients of the control socket.  Each is a channel like any other: what it
 * sends is checked against the table, and a client that breaks it is closed.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/control/control.h"
#include "privsep/ipc/role.h"

static struct {
	TAILQ_HEAD(, client) list;
	size_t count[2]; /* of others, of root */
	uint32_t last_number;
	int fd;
	struct event *accept;
	struct event *pause; /* after the limit of descriptors */
} clients = { .fd = -1 };

static void client_down(struct chan *, bool);

static const struct msg_handler client_handlers[] = {
	{ CTL_REQUEST, request_begin },
	{ MSG_NONE, NULL },
};

static const struct chan_ops client_ops = {
	.handlers = client_handlers,
	.down = client_down,
};

struct client *
client_find(uint32_t number)
{
	struct client *c;

	TAILQ_FOREACH(c, &clients.list, entry) {
		if (c->number == number)
			return c;
	}
	return NULL;
}

static void
client_free(struct client *c)
{
	request_client_gone(c);
	TAILQ_REMOVE(&clients.list, c, entry);
	clients.count[c->allowed]--;
	event_free(c->timer);
	free(c);
}

static void
client_down(struct chan *ch, bool violation)
{
	struct client *c = chan_data(ch);

	if (c != NULL)
		client_free(c);
}

void
client_close(struct client *c)
{
	struct chan *ch = c->chan;

	chan_set_data(ch, NULL);
	client_free(c);
	chan_free(ch);
}

static void
client_arm(struct client *c)
{
	struct timeval tv = {
		.tv_sec = (time_t)role_config()->set.control_timeout_s
	};

	if (c->requests == 0)
		evtimer_add(c->timer, &tv);
	else
		evtimer_del(c->timer);
}

void
client_count(struct client *c, int by)
{
	c->requests = (unsigned)((int)c->requests + by);
	client_arm(c);
}

static void
client_timeout(evutil_socket_t fd, short what, void *arg)
{
	client_close(arg);
}

/* Only root gives orders and looks into other people's mail. */
static bool
client_is_root(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    cred.uid == 0;
}

static void
client_new(int fd)
{
	struct client *c;
	bool allowed = client_is_root(fd);

	/* others cannot keep root out */
	if (clients.count[allowed] >= role_config()->set.control_max_clients ||
	    (c = chk_calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	c->number = ++clients.last_number;
	c->allowed = allowed;
	c->timer = evtimer_new(loop_base(), client_timeout, c);
	c->chan =
	    chan_new(fd, ROLE_CONTROL, ROLE_CLIENT, c->number, &client_ops);
	if (c->timer == NULL || c->chan == NULL) {
		if (c->timer != NULL)
			event_free(c->timer);
		chan_free(c->chan);
		free(c);
		return;
	}
	chan_set_data(c->chan, c);
	TAILQ_INSERT_TAIL(&clients.list, c, entry);
	clients.count[allowed]++;
	client_arm(c);
}

static void
client_resume(evutil_socket_t fd, short what, void *arg)
{
	event_add(clients.accept, NULL);
}

static void
client_accept(evutil_socket_t listener, short what, void *arg)
{
	struct timeval second = { .tv_sec = 1 };
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		client_new(fd);
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		/* do not spin on what cannot be accepted now */
		event_del(clients.accept);
		evtimer_add(clients.pause, &second);
	}
}

void
client_listen(int fd, uint32_t listener)
{
	if (clients.fd >= 0) {
		close(fd);
		return;
	}
	TAILQ_INIT(&clients.list);
	clients.fd = fd;
	clients.accept = event_new(
	    loop_base(), fd, EV_READ | EV_PERSIST, client_accept, NULL);
	clients.pause = evtimer_new(loop_base(), client_resume, NULL);
	if (clients.accept == NULL || clients.pause == NULL ||
	    event_add(clients.accept, NULL) != 0)
		fatal("listening", "out of memory");
}
