/* SPDX-License-Identifier: ISC
 *
 * Channels, the receiving half and their life.  A peer is never trusted: a
 * frame that the table does not allow, or a handler that says -E_PEER, ends
 * the channel and nothing more.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/chan_int.h"
#include "privsep/ipc/loop.h"

#define CHAN_READ_TURNS  8 /* calls before others have their turn */
#define CHAN_READ_FRAMES 8 /* frames of one call */
#define CHAN_REST_TURNS  4096
#define CHAN_DRAIN_MS    3000 /* for the last words of a process */
#define CHAN_BLOCKING_MS 20000

/* Room for one more than allowed, so that an excess is seen. */
union chan_control {
	struct cmsghdr align;
	unsigned char octets[CMSG_SPACE(sizeof(int) * (MSG_FDS_MAX + 1))];
};

/* The frames of one call. */
struct chan_frames {
	struct mmsghdr hdr[CHAN_READ_FRAMES];
	struct iovec iov[CHAN_READ_FRAMES];
	union chan_control control[CHAN_READ_FRAMES];
};

static void chan_readable(evutil_socket_t, short, void *);
static void chan_writable(evutil_socket_t, short, void *);

struct chan *
chan_new(int fd, enum role self, enum role peer, uint32_t instance,
    const struct chan_ops *ops)
{
	struct chan *ch;

	if ((ch = chk_calloc(1, sizeof(*ch))) == NULL) {
		close(fd);
		return NULL;
	}
	ch->fd = fd;
	ch->self = self;
	ch->peer = peer;
	ch->instance = instance;
	ch->ops = ops;
	TAILQ_INIT(&ch->queue);
	if (evutil_make_socket_nonblocking(fd) == 0) {
		ch->ev_read = event_new(
		    loop_base(), fd, EV_READ | EV_PERSIST, chan_readable, ch);
		ch->ev_write =
		    event_new(loop_base(), fd, EV_WRITE, chan_writable, ch);
	}
	if (ch->ev_read == NULL || ch->ev_write == NULL ||
	    event_add(ch->ev_read, NULL) != 0) {
		chan_free(ch);
		return NULL;
	}
	return ch;
}

static void
chan_release(struct chan *ch)
{
	if (ch->ev_read != NULL)
		event_free(ch->ev_read);
	if (ch->ev_write != NULL)
		event_free(ch->ev_write);
	chan_forget_dirty(ch);
	chan_queue_clear(ch);
	if (ch->fd >= 0)
		close(ch->fd);
	ch->ev_read = ch->ev_write = NULL;
	ch->fd = -1;
	ch->closed = true;
	if (ch->busy == 0)
		free(ch);
}

void
chan_free(struct chan *ch)
{
	if (ch != NULL)
		chan_release(ch);
}

void
chan_fail(struct chan *ch, bool violation)
{
	if (ch->closed)
		return;
	ch->closed = true;
	ch->busy++;
	if (ch->ops->down != NULL)
		ch->ops->down(ch, violation);
	ch->busy--;
	chan_release(ch);
}

/* Collect the descriptors of a frame.  Returns how many came, MSG_FDS_MAX + 1
 * for too many; all that do not fit in fds are closed. */
static unsigned
chan_take_fds(struct msghdr *mh, int fds[MSG_FDS_MAX])
{
	struct cmsghdr *c;
	unsigned n = 0;

	for (c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		size_t len, off;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		len = c->cmsg_len - CMSG_LEN(0);
		for (off = 0; off + sizeof(int) <= len; off += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + off, sizeof(fd));
			if (n < MSG_FDS_MAX)
				fds[n] = fd;
			else
				close(fd);
			n++;
		}
	}
	if ((mh->msg_flags & MSG_CTRUNC) != 0)
		n = MSG_FDS_MAX + 1;
	return n;
}

static void
chan_close_fds(int fds[MSG_FDS_MAX], unsigned n)
{
	unsigned i;

	for (i = 0; i < n && i < MSG_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* Up to max frames that are there, into buf, MSG_FRAME_MAX octets for each.
 * Their number, or -1 with errno; at the end of the channel they are empty. */
static int
chan_recv(int fd, unsigned char *buf, unsigned max, struct chan_frames *in)
{
	unsigned i;

	for (i = 0; i < max; i++) {
		in->iov[i].iov_base = buf + i * (size_t)MSG_FRAME_MAX;
		in->iov[i].iov_len = MSG_FRAME_MAX;
		in->hdr[i] =
		    (struct mmsghdr){ .msg_hdr = {
					  .msg_iov = &in->iov[i],
					  .msg_iovlen = 1,
					  .msg_control = &in->control[i],
					  .msg_controllen =
					      sizeof(in->control[i]),
				      } };
	}
	return recvmmsg(fd, in->hdr, max, MSG_CMSG_CLOEXEC, NULL);
}

/* The i-th of them: its octets, and its descriptors into m.  The number of
 * these, MSG_FDS_MAX + 1 for what no message may have. */
static unsigned
chan_frame(
    struct chan_frames *in, unsigned i, struct span *octets, struct msg *m)
{
	struct msghdr *mh = &in->hdr[i].msg_hdr;
	unsigned nfds;

	*m = (struct msg){ .fds = { -1, -1, -1 } };
	nfds = chan_take_fds(mh, m->fds);
	*octets = (struct span){ in->iov[i].iov_base, in->hdr[i].msg_len };
	return (mh->msg_flags & MSG_TRUNC) != 0 ? MSG_FDS_MAX + 1 : nfds;
}

static msg_fn *
chan_handler(const struct chan *ch, enum msg_type type)
{
	const struct msg_handler *h;

	for (h = ch->ops->handlers; h->type != MSG_NONE; h++) {
		if (h->type == type)
			return h->fn;
	}
	return NULL;
}

/* Check a frame and hand it on.  0 or -E_PEER. */
static int
chan_dispatch(struct chan *ch, struct span frame, struct msg *m, unsigned nfds)
{
	msg_fn *fn;

	if (msg_decode(frame, ch->peer, ch->self, nfds, m) != 0 ||
	    (fn = chan_handler(ch, m->type)) == NULL)
		return chan_violation(ch, "message out of the table");
	m->nfds = nfds;
	return fn(ch, m) == -E_PEER ? -E_PEER : 0;
}

/* Handle what one call has brought, and close the descriptors of all of it.
 * 0, or why the channel ends. */
static int
chan_take(struct chan *ch, struct chan_frames *in, unsigned n)
{
	unsigned i, nfds;
	int error = 0;

	for (i = 0; i < n; i++) {
		struct span octets;
		struct msg m;

		nfds = chan_frame(in, i, &octets, &m);
		/* an empty frame cannot be: the header is 12 octets */
		if (error == 0 && octets.len == 0)
			error = -E_UNAVAIL;
		if (error == 0 && !ch->closed)
			error = chan_dispatch(ch, octets, &m, nfds);
		chan_close_fds(m.fds, nfds);
	}
	return error;
}

/* Read and handle what is there, in so many calls at most, each of up to max
 * frames, for which buf has the room. */
static void
chan_read(struct chan *ch, unsigned char *buf, unsigned max, unsigned turns)
{
	struct chan_frames in;
	unsigned turn;
	int n = (int)max, error = 0;

	ch->busy++;
	for (turn = 0; turn < turns && !ch->closed; turn++) {
		/* fewer than asked for: those were all */
		if (n >= 0 && n < (int)max)
			break;
		n = chan_recv(ch->fd, buf, max, &in);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		/* it ended with our words unread; its own are still here */
		if (n < 0 && errno == ECONNRESET)
			continue;
		error = n < 0 ? -E_UNAVAIL : chan_take(ch, &in, (unsigned)n);
		if (error != 0)
			break;
	}
	ch->busy--;
	if (error != 0 && !ch->closed)
		chan_fail(ch, error == -E_PEER);
	else if (ch->closed && ch->busy == 0)
		free(ch);
}

static void
chan_readable(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char buf[CHAN_READ_FRAMES * MSG_FRAME_MAX];

	chan_read(arg, buf, CHAN_READ_FRAMES, CHAN_READ_TURNS);
}

void
chan_catch_up(struct chan *ch)
{
	/* the other one's frames are still in that of chan_readable() */
	static unsigned char buf[MSG_FRAME_MAX];

	if (ch->busy == 0)
		chan_read(ch, buf, 1, CHAN_REST_TURNS);
}

void
chan_read_rest(struct chan *ch)
{
	unsigned turn;

	ch->busy++;
	for (turn = 0; turn < CHAN_REST_TURNS && !ch->closed; turn++)
		chan_readable(ch->fd, EV_READ, ch);
	ch->busy--;
	if (ch->closed && ch->busy == 0)
		free(ch);
}

static void
chan_writable(evutil_socket_t fd, short what, void *arg)
{
	chan_flush(arg);
}

int
chan_violation(const struct chan *ch, const char *why)
{
	LOG(EV_PEER_VIOLATION, KS("peer", roles[ch->peer].name),
	    KU("instance", ch->instance), KS("why", why));
	return -E_PEER;
}

enum role
chan_role(const struct chan *ch)
{
	return ch->peer;
}

uint32_t
chan_instance(const struct chan *ch)
{
	return ch->instance;
}

int
chan_fd(const struct chan *ch)
{
	return ch->fd;
}

void
chan_set_data(struct chan *ch, void *data)
{
	ch->data = data;
}

void *
chan_data(const struct chan *ch)
{
	return ch->data;
}

/* Wait until fd is ready for what.  False at the deadline. */
static bool
chan_wait(int fd, short what, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	uint64_t now = clock_ms();

	return now < deadline && poll(&p, 1, (int)(deadline - now)) > 0;
}

int
chan_read_blocking(
    int fd, enum role self, enum role peer, unsigned char *buf, struct msg *out)
{
	uint64_t deadline = clock_ms() + CHAN_BLOCKING_MS;
	struct chan_frames in;
	struct span octets;
	unsigned nfds;
	int n;

	do {
		if (!chan_wait(fd, POLLIN, deadline))
			return -E_PEER;
		n = chan_recv(fd, buf, 1, &in);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n <= 0)
		return -E_PEER;
	nfds = chan_frame(&in, 0, &octets, out);
	if (msg_decode(octets, peer, self, nfds, out) != 0) {
		chan_close_fds(out->fds, nfds);
		return -E_PEER;
	}
	out->nfds = nfds;
	return 0;
}

void
chan_drain(struct chan *ch)
{
	uint64_t deadline = clock_ms() + CHAN_DRAIN_MS;

	ch->busy++;
	chan_flush(ch);
	while (!ch->closed && !TAILQ_EMPTY(&ch->queue) &&
	    chan_wait(ch->fd, POLLOUT, deadline))
		chan_flush(ch);
	ch->busy--;
	if (ch->closed && ch->busy == 0)
		free(ch);
}
