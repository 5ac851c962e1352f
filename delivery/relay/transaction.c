/* SPDX-License-Identifier: ISC
 *
 * One transaction after another (RFC 5321 3.3): MAIL, RCPT for each recipient,
 * DATA, all at once where the other side has PIPELINING (RFC 2920), then the
 * content; and what the replies mean for whom.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "delivery/relay/client_int.h"
#include "privsep/base/clock.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/parameters.h"

#define TX_PIECE (64 * 1024) /* octets of content at a time */

static size_t
tx_last(const struct client *c)
{
	return c->to - c->from + 1; /* DATA */
}

void
tx_settle(struct client *c, const struct verdict *v)
{
	size_t i;

	for (i = 0; i < c->job->n && !c->dead; i++) {
		if (!c->job->rcpt[i].done)
			c->ops->settled(c->arg, i, v);
	}
}

/* The size that is declared (RFC 1870). */
static uint64_t
tx_size(const struct client *c)
{
	uint64_t size;

	if (!c->form.convert)
		return c->job->parcel->size;
	/* an estimate alone is no reason to refuse it */
	size = downgrade_size(c->form.downgrade);
	return c->ehlo.size > 0 && size > c->ehlo.size ? c->ehlo.size : size;
}

static void
tx_mail(struct client *c)
{
	const struct parcel *p = c->job->parcel;
	struct mail_params params = {
		.size = tx_size(c),
		.size_given = true,
		.smtputf8 = c->form.utf8,
		.body = (p->flags & TX_8BITMIME) != 0 ? MAIL_BODY_8BITMIME
						      : MAIL_BODY_UNSET,
		.ret = p->ret <= MAIL_RET_HDRS ? (enum mail_ret)p->ret
					       : MAIL_RET_UNSET,
	};

	if (p->envid.len <= sizeof(params.envid)) {
		params.envid_len = (uint8_t)p->envid.len;
		if (p->envid.len > 0)
			memcpy(params.envid, p->envid.data, p->envid.len);
	}
	buf_add_str(&c->out, "MAIL FROM:");
	form_path(c, buf_span(&p->sender));
	mail_params_format(&params, c->ehlo.ext, &c->out);
	buf_add(&c->out, "\r\n", 2);
}

static void
tx_rcpt(struct client *c, const struct job_rcpt *r)
{
	struct rcpt_params params = { .notify = r->notify };

	if (r->orcpt.len <= sizeof(params.orcpt)) {
		params.orcpt_len = (uint16_t)r->orcpt.len;
		if (r->orcpt.len > 0)
			memcpy(params.orcpt, r->orcpt.p, r->orcpt.len);
	}
	buf_add_str(&c->out, "RCPT TO:");
	form_path(c, r->rcpt);
	rcpt_params_format(&params, c->ehlo.ext, &c->out);
	buf_add(&c->out, "\r\n", 2);
}

static void
tx_ask(struct client *c, size_t i)
{
	if (i == 0)
		tx_mail(c);
	else if (i < tx_last(c))
		tx_rcpt(c, &c->job->rcpt[c->from + i - 1]);
	else
		buf_add_str(&c->out, "DATA\r\n");
}

/* The commands that may go now: all, or the next one. */
static void
tx_advance(struct client *c)
{
	while (c->asked <= tx_last(c) &&
	    (c->ehlo.pipelining || c->asked == c->answered))
		tx_ask(c, c->asked++);
}

/* RFC 5321 4.5.3.2 bounds each wait; but a host that does a little each time
 * could keep a message for ever. */
static uint64_t
tx_deadline_ms(const struct client *c)
{
	const struct settings *set = &role_config()->set;
	uint64_t rate = set->relay_limit_min_rate;

	if (rate == 0)
		return 0;
	return clock_ms() +
	    1000 *
	    (set->relay_timeout_transaction_s + c->job->parcel->size / rate);
}

/* Begin with the recipients from c->from on. */
static void
tx_begin(struct client *c)
{
	size_t max = client_rcpt_max(c), i;

	c->to = c->job->n;
	if (max > 0 && c->to - c->from > max)
		c->to = c->from + max;
	for (i = c->from; i < c->to && !c->job->rcpt[i].done; i++)
		c->job->rcpt[i].put_off = false;
	c->to = i;
	c->asked = c->answered = c->accepted = 0;
	c->mail_refused = false;
	c->deadline_ms = tx_deadline_ms(c);
	client_enter(c, CL_ENVELOPE);
	tx_advance(c);
}

void
tx_next(struct client *c)
{
	for (c->from = 0; c->from < c->job->n; c->from++) {
		if (!c->job->rcpt[c->from].done)
			break;
	}
	if (c->from < c->job->n) {
		if (client_quiet(c))
			tx_begin(c);
		return;
	}
	c->job = NULL;
	form_clear(&c->form);
	c->ops->sent(c->arg, true);
	if (!c->dead)
		client_ready(c);
}

static void
tx_reset(struct client *c)
{
	buf_add_str(&c->out, "RSET\r\n");
	client_enter(c, CL_RESET);
}

void
tx_reset_reply(struct client *c)
{
	if (c->reply.code != 250)
		client_fail_text(c, "4.5.0", "the host refused RSET");
	else
		tx_next(c);
}

/* Those of this transaction that are not settled end like this. */
static void
tx_settle_these(struct client *c, const struct verdict *v)
{
	size_t i;

	for (i = c->from; i < c->to && !c->dead; i++) {
		if (!c->job->rcpt[i].done && !c->job->rcpt[i].put_off)
			c->ops->settled(c->arg, i, v);
	}
}

/* Whether a recipient was refused for the number of those before it alone (RFC
 * 5321 4.5.3.1.10, which has 552 mean the same): then it has its turn in the
 * next transaction. */
static bool
tx_too_many(const struct client *c)
{
	const struct response *r = &c->reply;

	if (c->accepted == 0 || (r->code != 452 && r->code != 552))
		return false;
	return r->status[0] == '\0' || strcmp(r->status + 1, ".5.3") == 0;
}

static void
tx_data_reply(struct client *c, const struct verdict *v)
{
	if (c->reply.code < 400 && c->reply.code != 354) {
		/* nobody can have taken what was not sent yet */
		client_fail_text(c, "4.5.0", "the host answered DATA wrongly");
		return;
	}
	if (c->reply.code != 354) {
		tx_settle_these(c, v);
		if (!c->dead)
			tx_reset(c);
		return;
	}
	c->encode = (struct encode){ 0 };
	c->offset = 0;
	if (c->form.convert)
		downgrade_begin(c->form.downgrade);
	c->next_rcpt = c->from;
	if (c->accepted > 0) {
		client_enter(c, CL_CONTENT);
		return;
	}
	/* RFC 2920 3.1: it takes a message for nobody; it gets an empty one */
	encode_end(&c->encode, &c->out);
	client_enter(c, CL_END);
}

void
tx_reply(struct client *c)
{
	size_t i = c->answered++;
	struct verdict v = client_verdict(c);
	bool fine = c->reply.code / 100 == 2;

	c->heard = true;
	if (i == tx_last(c)) {
		tx_data_reply(c, &v);
		return;
	}
	if (i == 0 && !fine) {
		c->mail_refused = true;
		tx_settle_these(c, &v);
	} else if (i > 0 && !c->mail_refused && fine)
		c->accepted++;
	else if (i > 0 && !c->mail_refused && tx_too_many(c))
		c->job->rcpt[c->from + i - 1].put_off = true;
	else if (i > 0 && !c->job->rcpt[c->from + i - 1].done)
		c->ops->settled(c->arg, c->from + i - 1, &v);
	if (c->dead)
		return;
	/* without PIPELINING nothing is asked in vain */
	if (!c->ehlo.pipelining &&
	    (c->mail_refused || (i + 1 == tx_last(c) && c->accepted == 0))) {
		tx_reset(c);
		return;
	}
	client_enter(c, i + 1 == tx_last(c) ? CL_DATA : CL_ENVELOPE);
	tx_advance(c);
}

bool
tx_read(struct client *c, struct span *out)
{
	static unsigned char piece[TX_PIECE];
	const struct parcel *p = c->job->parcel;
	ssize_t n;

	if (p->fd < 0) {
		*out = (struct span){ p->content.data + c->offset,
			p->size - c->offset };
		if (out->len > TX_PIECE)
			out->len = TX_PIECE;
		return true;
	}
	do {
		n = pread(p->fd, piece, sizeof(piece), (off_t)c->offset);
	} while (n < 0 && errno == EINTR);
	*out = (struct span){ piece, n > 0 ? (size_t)n : 0 };
	return n > 0 || (n == 0 && c->offset == p->size);
}

void
tx_content(struct client *c)
{
	struct span piece = { NULL, 0 };

	/* what has begun may not end as if it were whole */
	if (!tx_read(c, &piece)) {
		client_fail_text(c, "4.3.0", "the message cannot be read");
		return;
	}
	c->offset += piece.len;
	if (form_add(c, piece) != 0) {
		client_fail_text(c, "4.3.0", "the message cannot be sent");
		return;
	}
	if (c->offset >= c->job->parcel->size) {
		encode_end(&c->encode, &c->out);
		client_enter(c, CL_END);
	}
	if (c->out.err != 0)
		client_fail_text(c, "4.3.0", "out of memory");
}

/* What "250" means for one who asked to be told (RFC 3461 5.2.2). */
static struct verdict
tx_verdict(const struct client *c, const struct job_rcpt *r)
{
	struct verdict v = client_verdict(c);

	if (v.outcome == OUT_DELIVERED && (c->ehlo.ext & EXT_DSN) == 0 &&
	    (r->notify & RCPT_NOTIFY_SUCCESS) != 0)
		v.outcome = OUT_RELAYED;
	return v;
}

void
tx_end_reply(struct client *c)
{
	struct verdict v;
	size_t i;

	for (i = c->next_rcpt; i < c->to && !c->dead; i++) {
		if (c->job->rcpt[i].done || c->job->rcpt[i].put_off)
			continue;
		v = tx_verdict(c, &c->job->rcpt[i]);
		c->ops->settled(c->arg, i, &v);
		/* RFC 2033 4.2: a reply for each recipient; each has the time
		 * of one, lest those that are slow together are cut off, and
		 * sent again to who has them */
		if (c->p.proto == RELAY_LMTP && --c->accepted > 0) {
			c->next_rcpt = i + 1;
			if (!c->dead)
				client_enter(c, CL_END);
			return;
		}
	}
	if (!c->dead)
		tx_next(c);
}
