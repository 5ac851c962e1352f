/* SPDX-License-Identifier: ISC
 *
 * Reading a segment at start: which octets are records, which are damaged,
 * and where the log ends.  A segment that was closed has an end that its
 * successor's header knows, and everything before it must be whole.  In the
 * last one a damaged region that a later batch follows is damage; what is
 * broken in the last batch itself was never answered for: a torn tail.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

struct scanner {
	struct store *store;
	struct seg *seg;
	const unsigned char *data;
	uint32_t pos;
	uint32_t limit;
	uint32_t end;    /* of the last good record */
	uint32_t left;   /* of its batch, after it */
	uint64_t batch;  /* of it; before the first one, what to expect */
	uint64_t region; /* batch of the latest damaged region, or 0 */
	uint64_t torn;
	unsigned char tag[8];
	bool any;      /* a record was seen */
	bool gap;      /* the torn batch misses a record before here */
	bool evidence; /* a tag without a good record */
	bool clean;
	bool apply; /* second pass: let records count */
};

static int
scan_get(
    struct scanner *sc, uint32_t pos, struct rec_head *h, struct span *body)
{
	struct span in = { sc->data + pos, sc->limit - pos };
	int error;

	if (in.len < REC_HEAD || memcmp(in.p, sc->tag, sizeof(sc->tag)) != 0)
		return -E_CORRUPT;
	error = rec_get(in, sc->seg->head.tag, sc->seg->head.seq, h, body);
	if (error != 0)
		sc->evidence = true;
	return error;
}

/* Where the next good record begins after from; limit if there is none. */
static uint32_t
scan_search(struct scanner *sc, uint32_t from)
{
	struct rec_head h;
	struct span body;
	uint32_t pos;

	for (pos = from; pos < sc->limit; pos += REC_ALIGN) {
		if (scan_get(sc, pos, &h, &body) == 0)
			return pos;
	}
	return sc->limit;
}

static int
scan_message(struct scanner *sc, const struct rec_head *h, struct span body)
{
	struct store *s = sc->store;
	struct rec_message rec;
	struct store_envelope e;
	struct imsg *m;
	uint32_t i;

	if (rec_message_get(h->msgid, body, &rec) != 0)
		return -E_CORRUPT;
	if ((m = imsg_new(h->msgid, rec.env_len)) == NULL)
		return -E_NOMEM;
	m->content_len = rec.content_len;
	m->big = rec.big;
	for (i = 0; i < rec.env_len; i++) {
		if (rec_envelope_get(&rec.envelopes, &e) != 0)
			break;
		ienv_set(&m->env[i], &e.now);
		m->open += !store_state_final(e.now.state);
	}
	if (!rd_done(&rec.envelopes) || m->open == 0) {
		imsg_free(s, m);
		return -E_CORRUPT;
	}
	/* a later record of the same id takes the place of an earlier one */
	imsg_free(s, imsg_find(s, h->msgid));
	imsg_insert(s, m);
	m->serial = s->next_serial++;
	imsg_place(s, m, sc->seg, sc->pos, h->len);
	return 0;
}

static int
scan_outcome(struct scanner *sc, const struct rec_head *h, struct span body)
{
	struct store_outcome o;
	struct imsg *m;
	struct ienv *e;
	uint32_t idx;

	if (rec_outcome_get(body, &idx, &o) != 0)
		return -E_CORRUPT;
	/* of a torn batch only what had everything before it: an outcome may
	 * rest on a message, such as a notification, that is not there */
	if (sc->gap && h->batch == sc->torn)
		return 0;
	/* the message may be dead and its segment used again */
	if ((m = imsg_find(sc->store, h->msgid)) == NULL || idx >= m->env_len)
		return 0;
	e = &m->env[idx];
	if (store_state_final((enum store_state)e->state))
		return 0;
	ienv_set(e, &o);
	e->text_seq = (uint32_t)sc->seg->head.seq;
	e->text_off = sc->pos;
	if (store_state_final(o.state) && --m->open == 0)
		imsg_free(sc->store, m);
	return 0;
}

static int
scan_record(struct scanner *sc, const struct rec_head *h, struct span body)
{
	int error = 0;

	sc->any = true;
	sc->batch = h->batch;
	sc->left = h->left;
	if (sc->apply && h->type == REC_OUTCOME)
		error = scan_outcome(sc, h, body);
	else if (sc->apply)
		error = scan_message(sc, h, body);
	if (error == -E_CORRUPT)
		error = quarantine(sc->store, sc->seg, sc->pos,
		    (uint32_t)rec_size(h->len), h->msgid);
	sc->pos += (uint32_t)rec_size(h->len);
	if (h->left == 0)
		sc->pos = (sc->pos + REC_SECTOR - 1) / REC_SECTOR * REC_SECTOR;
	sc->end = sc->pos;
	return error == -E_NOMEM ? error : 0;
}

/* Octets up to next that are no record. */
static void
scan_region(struct scanner *sc, uint32_t next)
{
	sc->clean = false;
	sc->region = sc->any && sc->left == 0 ? sc->batch + 1 : sc->batch;
	if (sc->region == sc->torn)
		sc->gap = true;
	else if (sc->apply)
		quarantine(sc->store, sc->seg, sc->pos, next - sc->pos, 0);
}

static int
scan_pass(struct scanner *sc, bool closed)
{
	struct rec_head h;
	struct span body;
	uint32_t next;
	int error;

	sc->pos = sc->end = SEG_DATA_OFF;
	sc->batch = sc->seg->head.batch;
	sc->any = sc->gap = sc->evidence = false;
	sc->clean = true;
	sc->left = 0;
	while (sc->pos < sc->limit) {
		if (scan_get(sc, sc->pos, &h, &body) == 0) {
			if ((error = scan_record(sc, &h, body)) != 0)
				return error;
			continue;
		}
		next = scan_search(sc, sc->pos + REC_ALIGN);
		if (next < sc->limit || closed)
			scan_region(sc, next);
		if (next >= sc->limit)
			break;
		sc->pos = next;
	}
	return 0;
}

/* Find the end of a segment that nothing says the end of. */
static void
scan_find_end(struct scanner *sc, bool last)
{
	uint32_t tail;

	(void)scan_pass(sc, false);
	tail = (sc->end + REC_SECTOR - 1) / REC_SECTOR * REC_SECTOR;
	if (last && sc->any && sc->region == sc->batch)
		sc->torn = sc->batch;
	if (sc->evidence || sc->left > 0) {
		sc->clean = false;
		if (last)
			sc->torn = sc->batch;
		else
			quarantine(
			    sc->store, sc->seg, tail, sc->limit - tail, 0);
	}
	sc->limit = tail;
}

int
seg_scan(struct store *s, struct seg *seg, const unsigned char *data,
    uint32_t cut, uint64_t torn, bool last, struct scan *out)
{
	struct scanner sc = { .store = s, .seg = seg, .data = data };
	bool clean = true;
	int error;
	size_t i;

	for (i = 0; i < sizeof(sc.tag); i++)
		sc.tag[i] = (unsigned char)(seg->head.tag >> (56 - 8 * i));
	if (cut >= SEG_DATA_OFF && cut <= seg_end(seg) &&
	    cut % REC_SECTOR == 0) {
		sc.limit = cut;
		sc.torn = torn;
	} else {
		sc.limit = seg_end(seg);
		scan_find_end(&sc, last);
		clean = sc.clean;
	}
	sc.apply = true;
	if ((error = scan_pass(&sc, true)) != 0)
		return error;
	out->end = sc.limit;
	out->torn = sc.torn;
	out->next_batch = sc.any ? sc.batch + 1 : seg->head.batch;
	out->clean = clean && sc.clean;
	if (last && !out->clean)
		LOG(EV_SPOOL_TORN, KU("segment", seg->head.seq),
		    KU("offset", sc.limit), KU("batch", sc.torn));
	return 0;
}
