/* SPDX-License-Identifier: ISC
 *
 * The end of the router's part: the envelopes go to the spool, which answers
 * the session itself.  A session has no other way to an envelope.
 */
#include "smtpd/router/router.h"

static void
spool_refuse(const struct client *c, enum reply reply)
{
	msg_begin(c->peer->ch, TX_DATA_REFUSED, c->sid);
	msg_put_u16(c->peer->ch, (uint16_t)reply);
	msg_send(c->peer->ch);
}

static void
spool_put_envelope(struct chan *spool, const struct envelope *e)
{
	msg_put_span(spool, e->path);
	msg_put_span(spool, e->orcpt);
	msg_put_u8(spool, e->notify);
	msg_put_span(spool, e->action);
	msg_put_span(spool, e->user);
}

/* With the first envelope: most messages have no other. */
static int
spool_send_open(struct chan *spool, const struct client *c)
{
	const struct transaction *tx = c->tx;
	char peer[SOURCE_TEXT_MAX];
	struct buf sender;
	int error;

	source_text(&c->source, peer);
	buf_init(&sender, ADDRESS_PATH_MAX);
	if ((error = address_format(&tx->sender, &sender)) == 0) {
		msg_begin(spool, SPOOL_OPEN, tx->id);
		msg_put_u8(spool, (uint8_t)chan_role(c->peer->ch));
		msg_put_u32(spool, chan_instance(c->peer->ch));
		msg_put_u64(spool, c->sid);
		msg_put_u32(spool, tx->nenvelopes);
		msg_put_span(spool, buf_span(&sender));
		msg_put_u8(spool, tx->flags);
		msg_put_u8(spool, tx->ret);
		msg_put_span(spool, (struct span){ tx->envid, tx->envid_len });
		msg_put_span(spool, span_str(peer));
		msg_put_span(spool, (struct span){ tx->helo, tx->helo_len });
		msg_put_u64(spool, tx->created_s);
		spool_put_envelope(spool, TAILQ_FIRST(&tx->envelopes));
		error = msg_send(spool);
	}
	buf_clear(&sender);
	return error;
}

static int
spool_send(struct chan *spool, const struct client *c)
{
	const struct envelope *e = TAILQ_FIRST(&c->tx->envelopes);
	int error = spool_send_open(spool, c);

	while (error == 0 && (e = TAILQ_NEXT(e, entry)) != NULL) {
		msg_begin(spool, SPOOL_ENVELOPE, c->tx->id);
		spool_put_envelope(spool, e);
		error = msg_send(spool);
	}
	return error;
}

void
spool_ask(struct client *c)
{
	/* that to which the session looks for the answer: one that has ended,
	 * or has taken its place, unseen by one of us, would leave it waiting */
	struct chan *spool = role_peer_instance(ROLE_SPOOL, c->tx->spool);

	if (c->tx->nenvelopes == 0)
		spool_refuse(c, RP_NO_RCPT);
	else if (spool == NULL || chan_full(spool) || spool_send(spool, c) != 0)
		/* a transaction that was told in part waits in the spool for
		 * the rest, and ends with the session that it names */
		spool_refuse(c, RP_TRY_LATER);
	else
		router.stats.envelopes += c->tx->nenvelopes;
	client_reset(c);
}
