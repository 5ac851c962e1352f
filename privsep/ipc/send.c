/* SPDX-License-Identifier: ISC
 *
 * Channels, the sending half: building a message, the queue, and the flush
 * at the end of the loop's turn, which sends what has gathered in one call.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/chan_int.h"

#define SEND_FULL  (1024 * 1024)      /* octets: the owner should stop */
#define SEND_ROOM  (256 * 1024)       /* octets: the owner may go on */
#define SEND_MAX   (64 * 1024 * 1024) /* octets: the peer is stuck */
#define SEND_BATCH 32                 /* frames in one call */

#define LOG_FRAME  8192 /* octets of a frame of log lines */
#define LOG_HEAD   5    /* before each of them: level, length */

TAILQ_HEAD(chan_list, chan);

/* The message under construction: one at a time in a process, since a
 * message is built and sent without anything in between. */
static struct {
	struct buf body;
	struct chan *ch;
	enum msg_type type;
	int fds[MSG_FDS_MAX];
	unsigned nfds;
	struct chan_list dirty;
	struct frame *spare; /* for log lines, of which some tell that there is
				no memory */
	bool ready;
} sender;

/* A frame for so many octets; NULL without memory. */
static struct frame *
frame_new(size_t room)
{
	struct frame *f;
	size_t size;

	if (!chk_add(sizeof(*f), room, &size) || (f = malloc(size)) == NULL)
		return NULL;
	*f = (struct frame){ .room = room };
	return f;
}

static struct frame *
log_frame_new(void)
{
	struct frame *f = frame_new(LOG_FRAME);

	if (f != NULL)
		f->log = true;
	return f;
}

static void
send_setup(void)
{
	if (sender.ready)
		return;
	buf_init(&sender.body, MSG_FRAME_MAX);
	TAILQ_INIT(&sender.dirty);
	sender.spare = log_frame_new();
	sender.ready = true;
}

static void
send_drop_fds(void)
{
	while (sender.nfds > 0)
		close(sender.fds[--sender.nfds]);
}

void
msg_begin(struct chan *ch, enum msg_type type, uint64_t id)
{
	send_setup();
	send_drop_fds();
	buf_reset(&sender.body);
	sender.ch = ch;
	sender.type = type;
	buf_put_u16(&sender.body, (uint16_t)type);
	buf_put_u16(&sender.body, 0);
	buf_put_u64(&sender.body, id);
}

void
msg_put_u8(struct chan *ch, uint8_t v)
{
	buf_put_u8(&sender.body, v);
}

void
msg_put_u16(struct chan *ch, uint16_t v)
{
	buf_put_u16(&sender.body, v);
}

void
msg_put_u32(struct chan *ch, uint32_t v)
{
	buf_put_u32(&sender.body, v);
}

void
msg_put_u64(struct chan *ch, uint64_t v)
{
	buf_put_u64(&sender.body, v);
}

void
msg_put_span(struct chan *ch, struct span s)
{
	buf_put_span(&sender.body, s);
}

void
msg_put_octets(struct chan *ch, struct span s)
{
	buf_add(&sender.body, s.p, s.len);
}

void
msg_put_fd(struct chan *ch, int fd)
{
	int copy;

	if (sender.nfds == MSG_FDS_MAX ||
	    (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
		sender.body.err = -E_IO;
		return;
	}
	sender.fds[sender.nfds++] = copy;
}

size_t
msg_room(const struct chan *ch)
{
	return MSG_FRAME_MAX - sender.body.len;
}

/* Our own messages pass the same table as the peer's: what it would refuse
 * is a defect of the sender and shows here. */
static int
send_check(const struct chan *ch)
{
	const struct msg_spec *spec = msg_spec(sender.type);
	size_t len = sender.body.len - MSG_HEADER_LEN;

	if (sender.body.err != 0)
		return sender.body.err;
	if (spec == NULL || len < spec->min || len > spec->max ||
	    sender.nfds != spec->fds || (spec->from & R(ch->self)) == 0 ||
	    (spec->to & R(ch->peer)) == 0)
		return -E_TOOLONG;
	if (ch->closed || ch->queued > SEND_MAX)
		return -E_BUSY;
	return 0;
}

static void
send_queue(struct chan *ch, struct frame *f)
{
	TAILQ_INSERT_TAIL(&ch->queue, f, entry);
	chan_mark_dirty(ch);
}

/* Add octets that the frame has room for. */
static void
send_add(struct chan *ch, struct frame *f, const void *p, size_t len)
{
	memcpy(f->data + f->len, p, len);
	f->len += len;
	ch->queued += len;
	if (ch->queued > SEND_FULL)
		ch->full = true;
}

/* A message was not sent: whoever waits for it will not get it. */
static int
send_refuse(int error)
{
	const struct msg_spec *spec = msg_spec(sender.type);

	send_drop_fds();
	LOG(EV_WARN, KS("doing", "sending a message"),
	    KS("type", spec == NULL ? "none" : spec->name),
	    KS("why", err_text(error)));
	return error;
}

int
msg_send(struct chan *ch)
{
	struct frame *f;
	int error;

	if ((error = send_check(ch)) != 0)
		return send_refuse(error);
	if ((f = frame_new(sender.body.len)) == NULL)
		return send_refuse(-E_NOMEM);
	send_queue(ch, f);
	send_add(ch, f, sender.body.data, sender.body.len);
	f->nfds = sender.nfds;
	memcpy(f->fds, sender.fds, sizeof(f->fds));
	sender.nfds = 0;
	return 0;
}

/* The last frame of the queue if it has room for a log line of that length, or
 * a new one. */
static struct frame *
send_log_frame(struct chan *ch, size_t line)
{
	static const unsigned char head[MSG_HEADER_LEN] = { M_LOG >> 8,
		M_LOG & 0xff };
	struct frame *f = TAILQ_LAST(&ch->queue, frame_queue);

	if (f != NULL && f->log && f->room - f->len >= LOG_HEAD + line)
		return f;
	f = sender.spare;
	if (f == NULL && (f = log_frame_new()) == NULL)
		return NULL;
	sender.spare = NULL;
	f->len = 0;
	send_queue(ch, f);
	send_add(ch, f, head, sizeof(head));
	return f;
}

void
msg_send_log(struct chan *ch, int level, struct span line)
{
	unsigned char head[LOG_HEAD] = { (unsigned char)level,
		(unsigned char)(line.len >> 24),
		(unsigned char)(line.len >> 16), (unsigned char)(line.len >> 8),
		(unsigned char)line.len };
	struct frame *f;

	/* not in the one buffer that messages are built in: a line may be
	 * written while that is done */
	if (line.len > LOG_LINE_MAX || ch->closed || ch->queued > SEND_MAX ||
	    (f = send_log_frame(ch, line.len)) == NULL)
		return;
	send_add(ch, f, head, sizeof(head));
	send_add(ch, f, line.p, line.len);
}

bool
chan_full(const struct chan *ch)
{
	return ch->full;
}

void
chan_mark_dirty(struct chan *ch)
{
	send_setup();
	if (ch->is_dirty)
		return;
	ch->is_dirty = true;
	TAILQ_INSERT_TAIL(&sender.dirty, ch, dirty);
}

void
chan_forget_dirty(struct chan *ch)
{
	if (!ch->is_dirty)
		return;
	ch->is_dirty = false;
	TAILQ_REMOVE(&sender.dirty, ch, dirty);
}

static void
frame_free(struct frame *f)
{
	unsigned i;

	for (i = 0; i < f->nfds; i++)
		close(f->fds[i]);
	if (f->log && sender.spare == NULL)
		sender.spare = f;
	else
		free(f);
}

void
chan_queue_clear(struct chan *ch)
{
	struct frame *f;

	while ((f = TAILQ_FIRST(&ch->queue)) != NULL) {
		TAILQ_REMOVE(&ch->queue, f, entry);
		frame_free(f);
	}
	ch->queued = 0;
}

union send_control {
	struct cmsghdr align;
	unsigned char octets[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
};

static void
send_header(struct frame *f, struct mmsghdr *mm, struct iovec *iov,
    union send_control *control)
{
	struct cmsghdr *c;

	*iov = (struct iovec){ f->data, f->len };
	*mm = (struct mmsghdr){ .msg_hdr = {
				    .msg_iov = iov,
				    .msg_iovlen = 1,
				} };
	if (f->nfds == 0)
		return;
	memset(control, 0, sizeof(*control));
	mm->msg_hdr.msg_control = control;
	mm->msg_hdr.msg_controllen = CMSG_SPACE(sizeof(int) * f->nfds);
	c = CMSG_FIRSTHDR(&mm->msg_hdr);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * f->nfds);
	memcpy(CMSG_DATA(c), f->fds, sizeof(int) * f->nfds);
}

/* Send up to SEND_BATCH frames.  How many went, or -1 with errno. */
static int
send_batch(struct chan *ch)
{
	struct mmsghdr mm[SEND_BATCH];
	struct iovec iov[SEND_BATCH];
	union send_control control[SEND_BATCH];
	struct frame *f;
	unsigned n = 0;
	int sent, i;

	TAILQ_FOREACH(f, &ch->queue, entry) {
		if (n == SEND_BATCH)
			break;
		send_header(f, &mm[n], &iov[n], &control[n]);
		n++;
	}
	if ((sent = sendmmsg(ch->fd, mm, n, MSG_NOSIGNAL)) < 0)
		return -1;
	for (i = 0; i < sent; i++) {
		f = TAILQ_FIRST(&ch->queue);
		TAILQ_REMOVE(&ch->queue, f, entry);
		ch->queued -= f->len;
		frame_free(f);
	}
	return sent;
}

void
chan_flush(struct chan *ch)
{
	chan_forget_dirty(ch);
	while (!ch->closed && !TAILQ_EMPTY(&ch->queue)) {
		if (send_batch(ch) >= 0 || errno == EINTR)
			continue;
		/* too many descriptors in flight passes by like a full peer */
		if (errno == EAGAIN || errno == ENOBUFS ||
		    errno == ETOOMANYREFS) {
			event_add(ch->ev_write, NULL);
			break;
		}
		/* a peer that has ended: what it said before is read first,
		 * up to the end of the channel */
		if (errno == EPIPE || errno == ECONNRESET) {
			chan_queue_clear(ch);
			break;
		}
		chan_fail(ch, false);
		return;
	}
	if (ch->full && ch->queued < SEND_ROOM) {
		ch->full = false;
		if (ch->ops->drained != NULL)
			ch->ops->drained(ch);
	}
}

bool
chan_flush_all(void)
{
	struct chan *ch, *last;

	send_setup();
	last = TAILQ_LAST(&sender.dirty, chan_list);
	while ((ch = TAILQ_FIRST(&sender.dirty)) != NULL) {
		bool end = ch == last;

		chan_flush(ch);
		if (end)
			break;
	}
	return !TAILQ_EMPTY(&sender.dirty);
}
