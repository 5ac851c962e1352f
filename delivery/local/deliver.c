/* SPDX-License-Identifier: ISC
 *
 * Messages from the spool: read, checked, and handed to mailers or to a
 * report.
 */
#include <stdlib.h>
#include <unistd.h>

#include "delivery/local/delivery.h"
#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "smtpd/mail/via.h"

#define DELIVER_ENVELOPES_MAX 1024 /* more do not fit in a frame */

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
	buf_init(&p->sender, DELIVERY_ADDRESS_MAX);
	buf_init(&p->envid, DELIVERY_NAME_MAX);
	buf_init(&p->content, MSG_FRAME_MAX);
	return p;
}

static void
deliver_read_envelope(struct rd *r, struct envelope *e)
{
	unsigned outcome;

	e->index = rd_u32(r);
	e->flags = rd_u8(r);
	outcome = rd_u8(r);
	if (outcome >= OUT__MAX || (e->flags & ~DELIVER__ALL) != 0)
		r->bad = true;
	e->outcome = (enum env_outcome)outcome;
	e->status = rd_span(r, DELIVERY_NAME_MAX);
	e->text = rd_span(r, DELIVERY_TEXT_MAX);
	e->via = rd_span(r, VIA_MAX);
	e->rcpt = rd_span(r, DELIVERY_ADDRESS_MAX);
	e->orcpt = rd_span(r, DELIVERY_ADDRESS_MAX);
	e->notify = rd_u8(r);
	e->action = rd_span(r, DELIVERY_NAME_MAX);
	e->user = rd_span(r, DELIVERY_NAME_MAX);
}

/* Hand everything on.  Each envelope has its outcome sooner or later. */
static void
deliver_dispatch(enum deliver_purpose purpose, struct parcel *p,
    const struct envelope *envs, size_t n)
{
	size_t i;

	delivery_stats.messages++;
	if (purpose != PURPOSE_MAILBOX) {
		report_begin(
		    purpose == PURPOSE_DELAY ? DSN_DELAYED : DSN_FAILED, p,
		    envs, n);
		return;
	}
	for (i = 0; i < n; i++)
		post_add(p, &envs[i]);
}

int
deliver_message(struct chan *ch, struct msg *m)
{
	static struct envelope envs[DELIVER_ENVELOPES_MAX];
	unsigned purpose = rd_u8(&m->body);
	struct parcel *p;
	struct span content;
	size_t i, n;

	if ((p = parcel_new(m->id)) == NULL)
		/* the scheduler hears nothing and tries again later */
		return 0;
	p->created_s = rd_u64(&m->body);
	content = rd_span(&m->body, DELIVERY_ADDRESS_MAX);
	buf_add(&p->sender, content.p, content.len);
	p->flags = rd_u8(&m->body);
	p->ret = rd_u8(&m->body);
	content = rd_span(&m->body, DELIVERY_NAME_MAX);
	buf_add(&p->envid, content.p, content.len);
	rd_u64(&m->body); /* size, which the content says itself */
	n = rd_u16(&m->body);
	if (purpose >= PURPOSE_RELAY || n == 0 || n > DELIVER_ENVELOPES_MAX)
		m->body.bad = true;
	for (i = 0; i < n && !m->body.bad; i++)
		deliver_read_envelope(&m->body, &envs[i]);
	if (m->type == DELIVER_FD)
		p->fd = msg_take_fd(m, 0);
	else {
		content = rd_span(&m->body, MSG_FRAME_MAX);
		buf_add(&p->content, content.p, content.len);
	}
	if (!rd_done(&m->body)) {
		parcel_release(p);
		return chan_violation(ch, "message out of shape");
	}
	if (p->content.err != 0 || p->sender.err != 0)
		for (i = 0; i < n; i++)
			delivery_outcome(p->msgid, envs[i].index, OUT_DEFERRED,
			    span_str("4.3.0"), span_str(err_text(-E_NOMEM)));
	else
		deliver_dispatch((enum deliver_purpose)purpose, p, envs, n);
	parcel_release(p);
	return 0;
}
