/* SPDX-License-Identifier: ISC
 *
 * QUEUE_FLUSH: everything that waits for a domain is due now, in steps, so
 * that a long queue holds up nothing else.  What is held, in flight or a
 * suspect stays as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "spool/scheduler/scheduler.h"

#define FLUSH_STEP 2000 /* messages before others have their turn */
#define FLUSH_MAX  64   /* that may be asked for at once */
#define FLUSH_NODE 256  /* octets */

struct flush {
	TAILQ_ENTRY(flush) entry;
	struct chan *ch;
	uint64_t request;
	uint64_t at; /* id of the message that is next */
	uint32_t messages;
	size_t len;
	unsigned char node[];
};

bool
flush_means(struct span node, const struct envelope *e)
{
	struct span domain = queue_rcpt(e);
	size_t at = domain.len;

	while (at > 0 && domain.p[at - 1] != '@')
		at--;
	domain.p += at;
	domain.len -= at;
	if (node.p[0] != '@')
		return span_caseeq(domain, node);
	node.p++;
	node.len--;
	if (domain.len > node.len &&
	    domain.p[domain.len - node.len - 1] == '.') {
		domain.p += domain.len - node.len;
		domain.len = node.len;
	}
	return span_caseeq(domain, node);
}

static void
flush_message(struct scheduler *s, struct flush *f, struct message *m)
{
	struct span node = { f->node, f->len };
	bool any = false;
	uint32_t i;

	for (i = 0; i < m->nenv; i++) {
		if (flush_means(node, m->env[i]) &&
		    order_apply(s, m->env[i], CTL_SCHEDULE))
			any = true;
	}
	f->messages += any;
}

static void
flush_end(struct scheduler *s, struct flush *f)
{
	TAILQ_REMOVE(&s->flushes, f, entry);
	free(f);
}

bool
flush_run(struct scheduler *s)
{
	struct flush *f = TAILQ_FIRST(&s->flushes);
	struct message *m;
	unsigned n;

	/* what is for all is for those to come, too */
	if (f == NULL || s->loading)
		return false;
	m = queue_message_from(&s->queue, f->at);
	for (n = 0; m != NULL && n < FLUSH_STEP; n++) {
		f->at = m->id + 1;
		flush_message(s, f, m);
		m = queue_message_next(m);
	}
	if (m != NULL)
		return true;
	msg_begin(f->ch, QUEUE_FLUSHED, f->request);
	msg_put_u32(f->ch, f->messages);
	msg_send(f->ch);
	flush_end(s, f);
	return !TAILQ_EMPTY(&s->flushes);
}

int
flush_ask(struct scheduler *s, struct chan *ch, struct msg *m)
{
	struct span node = rd_span(&m->body, FLUSH_NODE);
	struct flush *f;
	unsigned n = 0;

	if (!rd_done(&m->body) || node.len == 0)
		return chan_violation(ch, "bad queue-flush");
	TAILQ_FOREACH(f, &s->flushes, entry)
		n++;
	if (n >= FLUSH_MAX)
		return chan_violation(ch, "too many flushes at once");
	if ((f = chk_calloc(1, sizeof(*f) + node.len)) == NULL) {
		msg_begin(ch, QUEUE_FLUSHED, m->id);
		msg_put_u32(ch, 0);
		return msg_send(ch);
	}
	f->ch = ch;
	f->request = m->id;
	f->len = node.len;
	memcpy(f->node, node.p, node.len);
	TAILQ_INSERT_TAIL(&s->flushes, f, entry);
	return 0;
}

void
flush_lost(struct scheduler *s)
{
	struct flush *f;

	while ((f = TAILQ_FIRST(&s->flushes)) != NULL)
		flush_end(s, f);
}
