/* SPDX-License-Identifier: ISC
 *
 * Reading what the spool hands over.  See parcel.h.
 */
#include "delivery/parcel/parcel.h"

#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "smtpd/mail/via.h"

struct parcel *
parcel_keep(struct parcel *p)
{
	p->refs++;
	return p;
}

void
parcel_release(struct parcel *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	buf_clear(&p->sender);
	buf_clear(&p->envid);
	buf_clear(&p->content);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static struct parcel *
parcel_new(uint64_t msgid)
{
	struct parcel *p;

	if ((p = chk_calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->refs = 1;
	p->msgid = msgid;
	p->fd = -1;
	buf_init(&p->sender, PARCEL_ADDRESS_MAX);
	buf_init(&p->envid, PARCEL_NAME_MAX);
	buf_init(&p->content, MSG_FRAME_MAX);
	return p;
}

static void
parcel_read_envelope(struct rd *r, struct envelope *e)
{
	unsigned outcome;

	e->index = rd_u32(r);
	e->flags = rd_u8(r);
	outcome = rd_u8(r);
	if (outcome >= OUT__MAX || (e->flags & ~DELIVER__ALL) != 0)
		r->bad = true;
	e->outcome = (enum env_outcome)outcome;
	e->status = rd_span(r, PARCEL_NAME_MAX);
	e->text = rd_span(r, PARCEL_TEXT_MAX);
	e->via = rd_span(r, VIA_MAX);
	e->rcpt = rd_span(r, PARCEL_ADDRESS_MAX);
	e->orcpt = rd_span(r, PARCEL_ADDRESS_MAX);
	e->notify = rd_u8(r);
	e->action = rd_span(r, PARCEL_NAME_MAX);
	e->user = rd_span(r, PARCEL_NAME_MAX);
}

int
parcel_read(struct msg *m, struct assignment *out)
{
	static struct envelope envs[PARCEL_ENVELOPES_MAX];
	struct rd *r = &m->body;
	unsigned purpose = rd_u8(r);
	struct parcel *p;
	struct span s;
	size_t i, n;

	*out = (struct assignment){ .parcel = p = parcel_new(m->id) };
	if (p == NULL)
		return -E_NOMEM;
	p->created_s = rd_u64(r);
	s = rd_span(r, PARCEL_ADDRESS_MAX);
	buf_add(&p->sender, s.p, s.len);
	p->flags = rd_u8(r);
	p->ret = rd_u8(r);
	s = rd_span(r, PARCEL_NAME_MAX);
	buf_add(&p->envid, s.p, s.len);
	p->size = rd_u64(r);
	n = rd_u16(r);
	if (purpose >= PURPOSE__MAX || n == 0 || n > PARCEL_ENVELOPES_MAX)
		r->bad = true;
	for (i = 0; i < n && !r->bad; i++)
		parcel_read_envelope(r, &envs[i]);
	if (m->type == DELIVER_FD)
		p->fd = msg_take_fd(m, 0);
	else {
		s = rd_span(r, MSG_FRAME_MAX);
		buf_add(&p->content, s.p, s.len);
		p->size = s.len;
	}
	if (!rd_done(r)) {
		parcel_release(p);
		out->parcel = NULL;
		return -E_PEER;
	}
	out->purpose = (enum deliver_purpose)purpose;
	out->envs = envs;
	out->n = n;
	return p->content.err != 0 || p->sender.err != 0 || p->envid.err != 0
	    ? -E_NOMEM
	    : 0;
}
