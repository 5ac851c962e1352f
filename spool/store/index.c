/* SPDX-License-Identifier: ISC
 *
 * The index: what is in the queue and where it lies.  It holds numbers only;
 * everything else is read back from the disk.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "spool/store/store_int.h"

static int
imsg_cmp(const struct imsg *a, const struct imsg *b)
{
	return a->msgid < b->msgid ? -1 : a->msgid > b->msgid;
}

RB_GENERATE(imsg_tree, imsg, tree, imsg_cmp)

struct imsg *
imsg_new(uint64_t msgid, uint32_t env_len)
{
	struct imsg *m;
	size_t size;

	if (!chk_mul(env_len, sizeof(m->env[0]), &size) ||
	    !chk_add(size, sizeof(*m), &size) ||
	    (m = chk_calloc(1, size)) == NULL)
		return NULL;
	m->msgid = msgid;
	m->env_len = env_len;
	return m;
}

struct imsg *
imsg_find(const struct store *s, uint64_t msgid)
{
	struct imsg key = { .msgid = msgid };
	struct imsg_tree tree = s->msgs;

	return RB_FIND(imsg_tree, &tree, &key);
}

struct imsg *
imsg_live(const struct store *s, uint64_t msgid)
{
	struct imsg *m = imsg_find(s, msgid);

	return m == NULL || m->seg == NULL || m->open == 0 ? NULL : m;
}

int
imsg_insert(struct store *s, struct imsg *m)
{
	return RB_INSERT(imsg_tree, &s->msgs, m) == NULL ? 0 : -E_EXIST;
}

static void
imsg_displace(struct store *s, struct imsg *m)
{
	if (m->seg == NULL)
		return;
	LIST_REMOVE(m, of_seg);
	m->seg->live_bytes -= rec_size(m->len);
	s->stats.live_bytes -= rec_size(m->len);
	s->stats.messages--;
	if (m->big)
		s->stats.big_bytes -= m->content_len;
	m->seg = NULL;
}

void
imsg_place(struct store *s, struct imsg *m, struct seg *seg, uint32_t off,
    uint32_t len)
{
	imsg_displace(s, m);
	m->seg = seg;
	m->off = off;
	m->len = len;
	LIST_INSERT_HEAD(&seg->msgs, m, of_seg);
	seg->live_bytes += rec_size(m->len);
	s->stats.live_bytes += rec_size(m->len);
	s->stats.messages++;
	if (m->big)
		s->stats.big_bytes += m->content_len;
}

void
imsg_free(struct store *s, struct imsg *m)
{
	if (m == NULL)
		return;
	imsg_displace(s, m);
	if (imsg_find(s, m->msgid) == m)
		RB_REMOVE(imsg_tree, &s->msgs, m);
	free(m);
}

void
ienv_set(struct ienv *e, const struct store_outcome *o)
{
	e->state = (uint8_t)o->state;
	e->attempts = o->attempts;
	e->flags = o->flags;
	e->next_s = o->next_s > UINT32_MAX ? UINT32_MAX : (uint32_t)o->next_s;
}
