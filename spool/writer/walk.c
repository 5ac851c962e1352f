/* SPDX-License-Identifier: ISC
 *
 * Telling the scheduler what there is: each message when it has become
 * durable, and everything that is on disk when a scheduler comes up.  The
 * walk visits what was durable when it began, so each message is told once.
 */
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "spool/writer/writer.h"

#define WALK_STEP     256   /* messages before others have their turn */
#define WALK_NEWS_MAX 60000 /* octets of envelopes in one frame */
#define WALK_BUF_MAX  (32U << 20)
#define WALK_AGAIN_MS 1000 /* when memory was short, or a read failed */

void
walk_news_put(struct buf *b, uint32_t index, const struct store_envelope *e)
{
	buf_put_u32(b, index);
	buf_put_u8(b, (uint8_t)state_from_store(&e->now));
	buf_put_u64(b, e->now.next_s);
	buf_put_u16(b, e->now.attempts);
	buf_put_u8(b, state_crashes(&e->now));
	buf_put_span(b, e->rcpt);
	buf_put_span(b, e->action);
	buf_put_span(b, e->user);
}

size_t
walk_news_cut(struct span news, size_t max, uint16_t *n)
{
	struct rd r = rd_init(news);
	size_t len = 0;

	*n = 0;
	while (rd_left(&r) > 0 && *n < UINT16_MAX) {
		rd_octets(&r, 16);
		rd_span(&r, STORE_PATH_MAX);
		rd_span(&r, STORE_NAME_MAX);
		rd_span(&r, STORE_NAME_MAX);
		if (r.bad || (*n > 0 && news.len - rd_left(&r) > max))
			break;
		len = news.len - rd_left(&r);
		++*n;
	}
	return len;
}

int
walk_tell(struct chan *ch, uint64_t id, uint64_t created_s, uint64_t size,
    bool from_disk, struct span sender, struct span news)
{
	int error;

	while (news.len > 0) {
		uint16_t n;
		size_t cut =
		    walk_news_cut(news, WALK_NEWS_MAX - STORE_PATH_MAX, &n);

		if (n == 0)
			break;
		msg_begin(ch, QUEUE_ADD, id);
		msg_put_u64(ch, created_s);
		msg_put_u64(ch, size);
		msg_put_u8(ch, from_disk);
		msg_put_span(ch, sender);
		msg_put_u16(ch, n);
		msg_put_octets(ch, (struct span){ news.p, cut });
		if ((error = msg_send(ch)) != 0)
			return error;
		news.p += cut;
		news.len -= cut;
	}
	return 0;
}

static int
walk_message(struct chan *ch, const struct store_message *m)
{
	struct buf news;
	uint32_t i;
	int error;

	buf_init(&news, WALK_BUF_MAX);
	for (i = 0; i < m->env_len; i++) {
		if (!store_state_final(m->env[i].now.state))
			walk_news_put(&news, i, &m->env[i]);
	}
	error = news.err;
	if (error == 0)
		error = walk_tell(ch, m->meta.msgid, m->meta.created_s,
		    m->content_len, true, m->meta.sender, buf_span(&news));
	buf_clear(&news);
	return error;
}

static void
walk_after(unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000 };

	evtimer_add(writer_self()->walker, &tv);
}

void
walk_begin(void)
{
	struct writer *w = writer_self();

	if (w->store == NULL || role_peer(ROLE_SCHEDULER) == NULL)
		return;
	store_walk_start(w->store, &w->cursor);
	w->walking = true;
	walk_after(0);
}

static void
walk_step(void)
{
	struct writer *w = writer_self();
	struct chan *ch = role_peer(ROLE_SCHEDULER);
	struct store_message m = { 0 };
	unsigned n;
	int error = 0;

	if (ch == NULL)
		w->walking = false;
	for (n = 0; w->walking && n < WALK_STEP && !chan_full(ch); n++) {
		error = store_walk_next(w->store, &w->cursor, &m);
		if (error != 0)
			break;
		error = walk_message(ch, &m);
		store_message_clear(&m);
		if (error != 0) {
			/* it is told again, from the beginning */
			walk_begin();
			break;
		}
	}
	if (error == -E_NOENT) {
		w->walking = false;
		msg_begin(ch, QUEUE_LOADED, 0);
		msg_send(ch);
	}
	if (w->walking && !chan_full(ch))
		walk_after(error == 0 ? 0 : WALK_AGAIN_MS);
}

void
walk_drained(void)
{
	/* while a failure is waited out, that there is room changes nothing */
	if (!evtimer_pending(writer_self()->walker, NULL))
		walk_step();
}

void
walk_timer(evutil_socket_t fd, short what, void *arg)
{
	walk_step();
}
