/* SPDX-License-Identifier: ISC
 *
 * Giving a message to the process that the scheduler names, with the
 * envelopes that it names and no others: in the frame while it fits, else as
 * a descriptor that can only be read.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/via.h"
#include "spool/writer/writer.h"

#define SERVE_HEAD_MAX    32768 /* octets of envelopes in one frame */
#define SERVE_FRAME_SPARE 64
#define SERVE_TEXT_MAX    1300

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* An assignment on its way through. */
struct serve {
	uint64_t id;
	uint32_t instance;
	enum deliver_purpose purpose;
	struct chan *to;
	struct store_message m;
	int fd; /* of the content, -1 while it is only in m */
};

/* One envelope of QUEUE_ASSIGN. */
struct serve_entry {
	uint32_t index;
	uint8_t flags;
	uint8_t outcome;
	struct span status;
	struct span text;
	struct span via;
};

static bool
serve_entry_read(struct rd *r, struct serve_entry *e)
{
	e->index = rd_u32(r);
	e->flags = rd_u8(r);
	e->outcome = rd_u8(r);
	e->status = rd_span(r, SERVE_TEXT_MAX);
	e->text = rd_span(r, SERVE_TEXT_MAX);
	e->via = rd_span(r, VIA_MAX);
	return !r->bad && e->outcome < OUT__MAX &&
	    (e->flags & ~DELIVER__ALL) == 0;
}

/* A sealed memfd with the content, from its start.  -1 with errno. */
static int
serve_memfd(struct span content)
{
	int fd = memfd_create(
	    "message", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	while (content.len > 0) {
		ssize_t n = write(fd, content.p, content.len);

		if (n <= 0)
			break;
		content.p += n;
		content.len -= (size_t)n;
	}
	if (content.len > 0 || lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
		0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
serve_put_envelope(
    struct buf *b, const struct serve_entry *e, const struct store_envelope *s)
{
	struct last_reply kept = { 0 };

	/* a report that the scheduler has no reply for, since it has started
	 * after it, has that of the disk */
	if (e->outcome != OUT_DELIVERED && e->text.len + e->via.len == 0)
		kept = reply_unpack(s->now.status);
	buf_put_u32(b, e->index);
	buf_put_u8(b, e->flags);
	buf_put_u8(b, e->outcome);
	buf_put_span(b, e->status);
	buf_put_span(b, e->text.len > 0 ? e->text : kept.text);
	buf_put_span(b, e->via.len > 0 ? e->via : kept.via);
	buf_put_span(b, s->rcpt);
	buf_put_span(b, s->orcpt);
	buf_put_u8(b, s->notify);
	buf_put_span(b, s->action);
	buf_put_span(b, s->user);
}

static void
serve_put_head(const struct serve *s, enum msg_type type, uint16_t n,
    struct span envelopes)
{
	struct chan *ch = s->to;
	const struct store_meta *meta = &s->m.meta;

	msg_begin(ch, type, s->id);
	msg_put_u8(ch, (uint8_t)s->purpose);
	msg_put_u64(ch, meta->created_s);
	msg_put_span(ch, meta->sender);
	msg_put_u8(ch, meta->flags);
	msg_put_u8(ch, meta->ret);
	msg_put_span(ch, meta->envid);
	msg_put_u64(ch, s->m.content_len);
	msg_put_u16(ch, n);
	msg_put_octets(ch, envelopes);
}

/* Send some envelopes with the content. */
static int
serve_send(struct serve *s, uint16_t n, struct span envelopes)
{
	if (s->fd < 0) {
		serve_put_head(s, DELIVER, n, envelopes);
		if (msg_room(s->to) >= s->m.content.len + SERVE_FRAME_SPARE) {
			msg_put_span(s->to, s->m.content);
			return msg_send(s->to);
		}
		s->fd = serve_memfd(s->m.content);
		if (s->fd < 0)
			return err_from_errno(errno);
	}
	/* duplicates share one offset: whoever reads asks for positions */
	serve_put_head(s, DELIVER_FD, n, envelopes);
	msg_put_fd(s->to, s->fd);
	return msg_send(s->to);
}

static void
serve_unreadable(struct chan *scheduler, const struct serve *s, bool never,
    uint16_t n, struct span indexes)
{
	msg_begin(scheduler, QUEUE_UNREADABLE, s->id);
	msg_put_u8(scheduler, never);
	msg_put_u32(scheduler, s->instance);
	msg_put_u16(scheduler, n);
	msg_put_octets(scheduler, indexes);
	msg_send(scheduler);
}

/* Gather envelopes into frames and send these.  What cannot be sent is told
 * to the scheduler.  -E_PEER for a bad assignment. */
static int
serve_envelopes(
    struct serve *s, struct chan *scheduler, struct rd *r, int error)
{
	struct buf frame, indexes;
	struct serve_entry e;
	unsigned n = rd_u16(r);
	uint16_t held = 0;
	bool never;

	buf_init(&frame, MSG_FRAME_MAX);
	buf_init(&indexes, MSG_FRAME_MAX);
	for (; n > 0 && serve_entry_read(r, &e); n--) {
		buf_put_u32(&indexes, e.index);
		held++;
		if (error == 0 && e.index >= s->m.env_len)
			error = -E_NOENT;
		if (error == 0)
			serve_put_envelope(&frame, &e, &s->m.env[e.index]);
		if (n > 1 && frame.len < SERVE_HEAD_MAX)
			continue;
		if (error == 0)
			error = serve_send(s, held, buf_span(&frame));
		never = error == -E_NOENT || error == -E_CORRUPT;
		if (error != 0)
			serve_unreadable(
			    scheduler, s, never, held, buf_span(&indexes));
		buf_reset(&frame);
		buf_reset(&indexes);
		held = 0;
	}
	buf_clear(&frame);
	buf_clear(&indexes);
	return rd_done(r) && n == 0
	    ? 0
	    : chan_violation(scheduler, "bad assignment");
}

static int
serve_load(struct serve *s)
{
	struct writer *w = writer_self();
	int error;

	if (s->to == NULL || w->store == NULL)
		return -E_UNAVAIL;
	if ((error = store_read(w->store, s->id, &s->m)) != 0)
		return error;
	if (s->m.big && (s->fd = store_big(w->store, s->id)) < 0)
		return s->fd;
	return 0;
}

int
serve_assign(struct chan *ch, struct msg *m)
{
	struct serve s = { .id = m->id, .fd = -1 };
	unsigned role = rd_u8(&m->body);
	unsigned purpose;
	int error;

	s.instance = rd_u32(&m->body);
	purpose = rd_u8(&m->body);
	/* sending on is the relays' work, and nothing else is */
	if (m->body.bad || purpose >= PURPOSE__MAX ||
	    role != (purpose == PURPOSE_RELAY ? ROLE_RELAY : ROLE_DELIVERY))
		return chan_violation(ch, "bad assignment");
	s.purpose = (enum deliver_purpose)purpose;
	s.to = role_peer_instance((enum role)role, s.instance);
	error = serve_load(&s);
	error = serve_envelopes(&s, ch, &m->body, error);
	store_message_clear(&s.m);
	if (s.fd >= 0)
		close(s.fd);
	return error;
}
