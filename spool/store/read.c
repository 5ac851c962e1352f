/* SPDX-License-Identifier: ISC
 *
 * Reading back: a message with the present state of its envelopes, its
 * content, all messages in turn.  Every record is checked again when it is
 * read, and parsed, never cast.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define WALK_TRIES 4  /* more, to read one message in a walk */
#define WALK_WAITS 30 /* for all messages of a walk together */

int
rec_read(struct store *s, struct seg *seg, uint32_t off, size_t octets,
    struct buf *raw, struct rec_head *h, struct span *body)
{
	int fd, error;

	if ((fd = seg_reader(s, seg)) < 0)
		return fd;
	if ((error = buf_reserve(raw, octets)) != 0)
		return error;
	if ((error = io_read(fd, raw->data, octets, off)) != 0)
		return error;
	raw->len = octets;
	return rec_get(buf_span(raw), seg->head.tag, seg->head.seq, h, body);
}

/* The record of a message, whole. */
static int
imsg_read(struct store *s, struct imsg *m, struct buf *raw,
    struct rec_message *rec, struct span *body)
{
	struct rec_head h;
	int error;

	buf_init(raw, REC_HEAD + (size_t)m->len);
	error = rec_read(s, m->seg, m->off, raw->max, raw, &h, body);
	if (error == 0 && (h.msgid != m->msgid || h.type == REC_OUTCOME))
		error = -E_CORRUPT;
	if (error == 0)
		error = rec_message_get(m->msgid, *body, rec);
	if (error == 0 && rec->env_len != m->env_len)
		error = -E_CORRUPT;
	if (error == 0)
		return 0;
	LOG(EV_SPOOL_CORRUPT, KI("message", m->msgid),
	    KU("segment", m->seg->head.seq), KU("offset", m->off),
	    KS("error", err_text(error)));
	buf_clear(raw);
	return error;
}

static struct seg *
seg_by_low_seq(struct store *s, uint32_t low)
{
	struct seg *seg;

	TAILQ_FOREACH(seg, &s->log, entry) {
		if ((uint32_t)seg->head.seq == low)
			return seg;
	}
	return NULL;
}

/* Append the status text of the last outcome to texts and return its length;
 * none where the outcome cannot be read, since it is there for people only. */
static size_t
text_read(
    struct store *s, const struct imsg *m, uint32_t idx, struct buf *texts)
{
	struct seg *seg = seg_by_low_seq(s, m->env[idx].text_seq);
	uint32_t off = m->env[idx].text_off, got;
	struct store_outcome o;
	struct rec_head h;
	struct span body;
	struct buf raw;
	size_t before = texts->len, octets = REC_OUT_MAX;

	if (seg == NULL)
		return 0;
	if (octets > seg->head.size - off)
		octets = seg->head.size - off;
	buf_init(&raw, REC_OUT_MAX);
	if (rec_read(s, seg, off, octets, &raw, &h, &body) == 0 &&
	    h.type == REC_OUTCOME && h.msgid == m->msgid &&
	    rec_outcome_get(body, &got, &o) == 0 && got == idx)
		buf_add(texts, o.status.p, o.status.len);
	buf_clear(&raw);
	return texts->len - before;
}

/* The envelopes as recorded, under their state as the index has it. */
static int
message_envelopes(struct store *s, const struct imsg *m,
    struct rec_message *rec, bool with_texts, struct store_message *out)
{
	const struct ienv *now;
	struct store_envelope *e;
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < m->env_len; i++) {
		now = &m->env[i];
		e = &out->env[i];
		if (rec_envelope_get(&rec->envelopes, e) != 0)
			return -E_CORRUPT;
		e->now.state = (enum store_state)now->state;
		e->now.attempts = now->attempts;
		e->now.flags = now->flags;
		e->now.next_s = now->next_s;
		if (now->text_off == 0)
			continue;
		e->now.status = (struct span){ NULL, 0 };
		if (with_texts)
			e->now.status.len = text_read(s, m, i, &out->texts);
	}
	/* the buffer has stopped growing: now its octets have an address */
	for (i = 0; i < m->env_len; i++) {
		if (m->env[i].text_off == 0)
			continue;
		out->env[i].now.status.p =
		    out->texts.data == NULL ? NULL : out->texts.data + at;
		at += out->env[i].now.status.len;
	}
	return rd_done(&rec->envelopes) ? 0 : -E_CORRUPT;
}

static int
message_read(
    struct store *s, struct imsg *m, bool with_texts, struct store_message *out)
{
	struct store_message msg = { 0 };
	struct rec_message rec;
	struct span body;
	int error;

	if ((error = imsg_read(s, m, &msg.record, &rec, &body)) != 0)
		return error;
	msg.meta = rec.meta;
	msg.content_len = rec.content_len;
	msg.big = rec.big;
	if (!rec.big)
		msg.content = (struct span){ body.p + rec.content_off,
			body.len - rec.content_off };
	msg.env_len = rec.env_len;
	buf_init(&msg.texts, (size_t)rec.env_len * STORE_STATUS_MAX);
	msg.env = chk_calloc(msg.env_len, sizeof(*msg.env));
	if (msg.env == NULL)
		error = -E_NOMEM;
	else
		error = message_envelopes(s, m, &rec, with_texts, &msg);
	if (error != 0) {
		store_message_clear(&msg);
		return error;
	}
	*out = msg;
	return 0;
}

int
store_read(struct store *s, uint64_t msgid, struct store_message *out)
{
	struct imsg *m = imsg_live(s, msgid);

	return m == NULL ? -E_NOENT : message_read(s, m, true, out);
}

void
store_message_clear(struct store_message *m)
{
	free(m->env);
	buf_clear(&m->record);
	buf_clear(&m->texts);
	*m = (struct store_message){ 0 };
}

int
store_big(struct store *s, uint64_t msgid)
{
	struct imsg *m = imsg_live(s, msgid);
	char name[BIG_NAME_SIZE];
	uint64_t size;
	int fd, error;

	if (m == NULL || !m->big)
		return -E_NOENT;
	big_name(msgid, false, name);
	if ((fd = io_open(s->big_fd, name, O_RDONLY)) < 0)
		return fd;
	if ((error = io_size(fd, &size)) == 0 && size != m->content_len)
		error = -E_CORRUPT;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* An error that may be over when the caller has waited; but one bad region
 * must not keep all that is behind it from being told. */
static bool
walk_again(struct store_cursor *c, int error)
{
	if (error == -E_NOMEM)
		return true;
	if (error == 0 || error == -E_NOENT || error == -E_CORRUPT ||
	    c->tries >= WALK_TRIES || c->waits >= WALK_WAITS)
		return false;
	c->tries++;
	c->waits++;
	return true;
}

void
store_walk_start(const struct store *s, struct store_cursor *c)
{
	*c = (struct store_cursor){ .limit = s->next_serial };
}

int
store_walk_next(
    struct store *s, struct store_cursor *c, struct store_message *out)
{
	struct imsg key, *m;
	int error;

	while (!c->end) {
		key.msgid = c->next_id;
		m = RB_NFIND(imsg_tree, &s->msgs, &key);
		if (m == NULL)
			break;
		error = -E_NOENT;
		if (m->seg != NULL && m->open > 0 && m->serial < c->limit)
			error = message_read(s, m, false, out);
		if (walk_again(c, error))
			return error;
		c->tries = 0;
		c->next_id = m->msgid + 1;
		c->end = m->msgid == UINT64_MAX;
		if (error == 0)
			return 0;
	}
	c->end = true;
	return -E_NOENT;
}
