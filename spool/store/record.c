/* SPDX-License-Identifier: ISC
 *
 * Records and segment headers as octets.  Pure: no files, no allocation but
 * for the buffers handed in.  All integers are in network order.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "spool/store/crc32c.h"
#include "spool/store/record.h"

#define REC_CRC_OFF     (REC_HEAD - 4) /* the CRC ends the header */
#define SEG_MAGIC       UINT64_C(0x42484b5345473031) /* "BHKSEG01" */
#define SEG_LEN         76 /* octets in use, with CRC */

/* Fields of a message's body that are filled in at its end. */
#define MSG_META_LEN    (REC_HEAD + 0)
#define MSG_ENV_LEN     (REC_HEAD + 4)
#define MSG_CONTENT_LEN (REC_HEAD + 8)
#define MSG_BIG         (REC_HEAD + 16)

static void
put_uint(unsigned char *out, uint64_t v, size_t octets)
{
	size_t i;

	for (i = 0; i < octets; i++)
		out[i] = (unsigned char)(v >> (8 * (octets - 1 - i)));
}

size_t
rec_size(size_t body_len)
{
	return (REC_HEAD + body_len + REC_ALIGN - 1) / REC_ALIGN * REC_ALIGN;
}

/* The segment's number comes first, so that a record which was copied from
 * another segment, or is left from an earlier life of it, is not valid. */
static uint32_t
rec_crc(const unsigned char *head, uint64_t seq, struct span a, struct span b)
{
	unsigned char seed[8];
	uint32_t crc;

	put_uint(seed, seq, sizeof(seed));
	crc = crc32c(0, seed, sizeof(seed));
	crc = crc32c(crc, head, REC_CRC_OFF);
	crc = crc32c(crc, a.p, a.len);
	return crc32c(crc, b.p, b.len);
}

void
rec_head_put(unsigned char out[REC_HEAD], const struct rec_head *h,
    uint64_t seq, struct span a, struct span b)
{
	put_uint(out, h->tag, 8);
	put_uint(out + 8, h->batch, 8);
	put_uint(out + 16, h->msgid, 8);
	put_uint(out + 24, h->len, 4);
	put_uint(out + 28, h->left, 4);
	put_uint(out + 32, (uint64_t)h->type, 4);
	put_uint(out + REC_CRC_OFF, rec_crc(out, seq, a, b), 4);
}

int
rec_get(struct span in, uint64_t tag, uint64_t seq, struct rec_head *h,
    struct span *body)
{
	struct rd r = rd_init(in);
	struct span none = { NULL, 0 };
	uint32_t type, crc;

	h->tag = rd_u64(&r);
	if (r.bad || h->tag != tag)
		return -E_CORRUPT;
	h->batch = rd_u64(&r);
	h->msgid = rd_u64(&r);
	h->len = rd_u32(&r);
	h->left = rd_u32(&r);
	type = rd_u32(&r);
	crc = rd_u32(&r);
	*body = rd_octets(&r, h->len);
	if (r.bad || type < REC_MESSAGE || type >= REC__MAX)
		return -E_CORRUPT;
	h->type = (enum rec_type)type;
	if (crc != rec_crc(in.p, seq, *body, none))
		return -E_CORRUPT;
	return 0;
}

static int
put_limited(struct buf *b, struct span s, size_t max)
{
	if (s.len > max)
		return b->err = -E_TOOLONG;
	return buf_put_span(b, s);
}

int
rec_message_begin(struct buf *b, const struct store_meta *m)
{
	static const unsigned char later[MSG_BIG + 1];

	buf_add(b, later, sizeof(later));
	buf_put_u64(b, m->created_s);
	buf_put_u8(b, m->flags);
	buf_put_u8(b, m->ret);
	buf_put_u64(b, m->wire_size);
	put_limited(b, m->sender, STORE_PATH_MAX);
	put_limited(b, m->envid, STORE_NAME_MAX);
	put_limited(b, m->helo, STORE_NAME_MAX);
	put_limited(b, m->peer, STORE_NAME_MAX);
	return b->err;
}

static void
outcome_put(struct buf *b, const struct store_outcome *o)
{
	struct span status = o->status;

	if (status.len > STORE_STATUS_MAX)
		status.len = STORE_STATUS_MAX;
	buf_put_u8(b, (uint8_t)o->state);
	buf_put_u16(b, o->attempts);
	buf_put_u8(b, o->flags);
	buf_put_u32(
	    b, o->next_s > UINT32_MAX ? UINT32_MAX : (uint32_t)o->next_s);
	buf_put_span(b, status);
}

int
rec_envelope_put(struct buf *b, const struct store_envelope *e)
{
	put_limited(b, e->rcpt, STORE_PATH_MAX);
	put_limited(b, e->orig, STORE_PATH_MAX);
	put_limited(b, e->orcpt, STORE_PATH_MAX);
	put_limited(b, e->action, STORE_NAME_MAX);
	put_limited(b, e->user, STORE_NAME_MAX);
	buf_put_u8(b, e->notify);
	outcome_put(b, &e->now);
	return b->err;
}

void
rec_message_finish(
    struct buf *b, uint32_t env_len, uint64_t content_len, bool big)
{
	put_uint(b->data + MSG_META_LEN, b->len - REC_HEAD, 4);
	put_uint(b->data + MSG_ENV_LEN, env_len, 4);
	put_uint(b->data + MSG_CONTENT_LEN, content_len, 8);
	b->data[MSG_BIG] = big ? 1 : 0;
}

int
rec_message_get(uint64_t msgid, struct span body, struct rec_message *m)
{
	struct rd r = rd_init(body);
	uint8_t big;

	m->content_off = rd_u32(&r);
	if (m->content_off > body.len)
		return -E_CORRUPT;
	r = rd_init((struct span){ body.p, m->content_off });
	rd_u32(&r);
	m->env_len = rd_u32(&r);
	m->content_len = rd_u64(&r);
	big = rd_u8(&r);
	m->big = big != 0;
	m->meta.msgid = msgid;
	m->meta.created_s = rd_u64(&r);
	m->meta.flags = rd_u8(&r);
	m->meta.ret = rd_u8(&r);
	m->meta.wire_size = rd_u64(&r);
	m->meta.sender = rd_span(&r, STORE_PATH_MAX);
	m->meta.envid = rd_span(&r, STORE_NAME_MAX);
	m->meta.helo = rd_span(&r, STORE_NAME_MAX);
	m->meta.peer = rd_span(&r, STORE_NAME_MAX);
	m->envelopes = r;
	if (r.bad || big > 1 || m->env_len == 0 ||
	    m->env_len > STORE_ENVELOPES_MAX)
		return -E_CORRUPT;
	if (body.len - m->content_off != (m->big ? 0 : m->content_len))
		return -E_CORRUPT;
	return 0;
}

static void
outcome_get(struct rd *r, struct store_outcome *o)
{
	uint8_t state = rd_u8(r);

	if (state >= STORE__MAX) {
		r->bad = true;
		state = STORE_QUEUED;
	}
	o->state = (enum store_state)state;
	o->attempts = rd_u16(r);
	o->flags = rd_u8(r);
	o->next_s = rd_u32(r);
	o->status = rd_span(r, STORE_STATUS_MAX);
}

int
rec_envelope_get(struct rd *r, struct store_envelope *e)
{
	e->rcpt = rd_span(r, STORE_PATH_MAX);
	e->orig = rd_span(r, STORE_PATH_MAX);
	e->orcpt = rd_span(r, STORE_PATH_MAX);
	e->action = rd_span(r, STORE_NAME_MAX);
	e->user = rd_span(r, STORE_NAME_MAX);
	e->notify = rd_u8(r);
	outcome_get(r, &e->now);
	return r->bad ? -E_CORRUPT : 0;
}

int
rec_outcome_put(struct buf *b, uint32_t idx, const struct store_outcome *o)
{
	static const unsigned char later[REC_HEAD];

	buf_add(b, later, sizeof(later));
	buf_put_u32(b, idx);
	outcome_put(b, o);
	return b->err;
}

int
rec_outcome_get(struct span body, uint32_t *idx, struct store_outcome *o)
{
	struct rd r = rd_init(body);

	*idx = rd_u32(&r);
	outcome_get(&r, o);
	return rd_done(&r) ? 0 : -E_CORRUPT;
}

void
seg_head_put(unsigned char out[REC_SECTOR], const struct seg_head *h)
{
	memset(out, 0, REC_SECTOR);
	put_uint(out, SEG_MAGIC, 8);
	put_uint(out + 8, h->generation, 8);
	put_uint(out + 16, h->seq, 8);
	put_uint(out + 24, h->tag, 8);
	put_uint(out + 32, h->batch, 8);
	put_uint(out + 40, h->prev_seq, 8);
	put_uint(out + 48, h->prev_torn, 8);
	put_uint(out + 56, h->prev_cut, 8);
	put_uint(out + 64, h->size, 8);
	put_uint(out + SEG_LEN - 4, crc32c(0, out, SEG_LEN - 4), 4);
}

int
seg_head_get(struct span in, struct seg_head *h)
{
	struct rd r = rd_init(in);
	uint64_t magic, cut, size;
	uint32_t crc;

	magic = rd_u64(&r);
	h->generation = rd_u64(&r);
	h->seq = rd_u64(&r);
	h->tag = rd_u64(&r);
	h->batch = rd_u64(&r);
	h->prev_seq = rd_u64(&r);
	h->prev_torn = rd_u64(&r);
	cut = rd_u64(&r);
	size = rd_u64(&r);
	crc = rd_u32(&r);
	if (r.bad || magic != SEG_MAGIC || cut > UINT32_MAX ||
	    size > UINT32_MAX || crc != crc32c(0, in.p, SEG_LEN - 4))
		return -E_CORRUPT;
	h->prev_cut = (uint32_t)cut;
	h->size = (uint32_t)size;
	return 0;
}
