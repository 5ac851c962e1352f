/* SPDX-License-Identifier: ISC
 *
 * The relay's handlers, and the hosts that it connects to: whatever address
 * that is, the other end is here.  See process.c.
 *
 * A frame of the sender that stands for clients is what a host says: after an
 * octet that chooses among the connections, its words; none is its end.  What
 * the relay says to a host without TLS has no end of a line but CRLF, however
 * its peers have put it.  Classes: (a), (c), (e), (f).
 */
#include <sys/socket.h>

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/relay/relay.h"
#include "privsep/base/err.h"
#include "regress/fuzz/process.h"

#define HOSTS_KEPT 8
#define TURNS      6    /* of the loop: what one thing leads to */
#define PLAIN_PORT 2525 /* of the host that is never spoken TLS with */
#define TLS_PIECE  4096

static struct host_end {
	int fd;
	bool plain;
	unsigned char last; /* octet that it was told */
} ends[HOSTS_KEPT];
static size_t nends;

static void
end_close(size_t i)
{
	close(ends[i].fd);
	ends[i] = ends[--nends];
}

/* In the C library's stead. */
int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	int pair[2];

	fuzz_require(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) == 0 &&
	    dup3(pair[0], fd, O_CLOEXEC) == fd);
	close(pair[0]);
	if (nends == HOSTS_KEPT)
		end_close(0);
	ends[nends++] = (struct host_end){
		.fd = pair[1],
		.plain = sa->sa_family == AF_INET &&
		    in->sin_port == htons(PLAIN_PORT),
		.last = '\n',
	};
	return 0;
}

/* One octet on a line of commands or content. */
static void
end_hears(struct host_end *h, unsigned char c)
{
	fuzz_require(c != '\0' && (c == '\n') == (h->last == '\r'));
	h->last = c;
}

/* Take what was said to it. */
static void
end_listen(struct host_end *h)
{
	unsigned char piece[TLS_PIECE];
	ssize_t n, i;

	while ((n = recv(h->fd, piece, sizeof(piece), 0)) > 0) {
		for (i = 0; h->plain && i < n; i++)
			end_hears(h, piece[i]);
	}
}

static void
turns(void)
{
	size_t i;
	int n;

	for (n = 0; n < TURNS; n++) {
		event_base_loop(loop_base(), EVLOOP_NONBLOCK);
		for (i = 0; i < nends; i++)
			end_listen(&ends[i]);
	}
}

static void
say(struct span words)
{
	size_t i;

	turns();
	if (words.len == 0 || nends == 0)
		return;
	i = words.p[0] % nends;
	if (words.len == 1)
		end_close(i);
	else
		(void)send(
		    ends[i].fd, words.p + 1, words.len - 1, MSG_NOSIGNAL);
	turns();
}

/* Nothing is under way any more. */
static void
begin(void)
{
	while (nends > 0)
		end_close(0);
	turns();
	link_close_idle();
}

static struct role_ops ops;
static struct msg_handler handlers[16];

/* All but the order to end. */
static void __attribute__((constructor)) choose(void)
{
	const struct msg_handler *h;
	size_t n = 0;

	for (h = relay_ops.handlers; h->type != MSG_NONE; h++) {
		if (h->type != M_RETIRE)
			handlers[n++] = *h;
	}
	ops = relay_ops;
	ops.handlers = handlers;
}

static void
start(void)
{
	relay_ops.start();
}

const struct fuzz_process fuzz_process = {
	.ops = &ops,
	.config = "hostname relay.example\n"
		  "relay limit connections 3\n"
		  "action \"a\" relay host smtp+notls://192.0.2.1:2525\n"
		  "action \"b\" relay\n"
		  "action \"c\" relay host lmtp://192.0.2.2:24\n"
		  "match from any for any action \"b\"\n",
	.start = start,
	.begin = begin,
	.client = say,
};
