/* SPDX-License-Identifier: ISC
 *
 * DATA: content goes from the client to the spool, and the client hears 250
 * only after the spool has said that the message is durable.  What is wrong
 * with the content never shortens it: it is read to its strict end and thrown
 * away.
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/msgid.h"
#include "smtpd/mail/trace.h"
#include "smtpd/session/session.h"

void
data_data(struct session *s, struct span arg)
{
	struct chan *ch = role_peer(ROLE_SPOOL);

	if (ch == NULL) {
		tx_reset(s);
		session_enter(s, SESS_READY);
		reply_send(s, RP_TRY_LATER, NULL);
		return;
	}
	s->tx->spool = chan_instance(ch);
	if ((ch = ask_begin(s, TX_DATA)) == NULL)
		return;
	msg_put_u32(ch, s->tx->spool);
	s->tx->known = false; /* it is the spool's from now on */
	ask_end(s, ch, SESS_DATA_ASKED);
}

/* The transaction is over, without a message. */
static void
data_reject(struct session *s, enum reply reply)
{
	LOG(EV_DATA_REJECT, KI("message", s->tx->id), KI("session", s->sid),
	    KS("peer", s->peer), KS("rdns", s->rdns),
	    KB("from", buf_span(&s->tx->from)),
	    KU("code", reply_code((uint16_t)reply)),
	    KS("reply", reply_name((uint16_t)reply)));
	tx_reset(s);
	session_enter(s, SESS_READY);
	reply_send(s, reply, NULL);
}

/* The client has sent something before it was told to. */
static bool
data_hasty(struct session *s)
{
	unsigned char c;

	/* asked in any case: an answer may be handled before the event that
	 * shows the input, in the same turn */
	return s->in.len > 0 || recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The peer as the router has named it, laid out for the Received field. */
static void
data_trace_peer(const struct session *s, struct trace_received *t)
{
	static const char ipv6[] = "IPv6:", uid[] = "uid ";

	if (session_listener(s)->mask_src) {
		/* no address: the field says unknown */
		t->addr = span_str("masked");
		t->helo = span_str("");
		t->name = span_str("");
	} else if (strncmp(s->peer, uid, strlen(uid)) == 0)
		t->uid = (uint32_t)strtoul(s->peer + strlen(uid), NULL, 10);
	else if (strncmp(s->peer, ipv6, strlen(ipv6)) == 0)
		t->addr = span_str(s->peer + strlen(ipv6));
	else
		t->addr = span_str(s->peer);
}

/* RFC 5321 4.4: the field that says how the message came here. */
static int
data_trace(struct session *s)
{
	struct tx *tx = s->tx;
	struct trace_received t = {
		.helo = span_str(s->helo),
		.name = span_str(s->rdns == NULL ? "" : s->rdns),
		.by = span_str(session_listener(s)->hostname),
		.esmtp = s->esmtp,
		.utf8 = tx->mail.smtputf8,
		.msgid = tx->id,
		.rcpt = tx->rcpts == 1 ? &tx->rcpt : NULL,
		.date = (time_t)clock_wall(NULL),
	};

	data_trace_peer(s, &t);
	return trace_received(&t, &tx->content);
}

void
data_answer(struct session *s, enum reply reply)
{
	const struct settings *set = session_settings();
	struct tx *tx = s->tx;

	if (reply != RP_DATA_GO) {
		data_reject(s, reply);
		session_resume(s);
		return;
	}
	tx->open = true;
	tx->begun_ms = clock_ms();
	/* both settings count what a line or a message has on the wire */
	eod_init(&tx->eod, set->smtp_limit_line_length - 2,
	    set->smtp_max_message_size);
	header_scan_init(&tx->header);
	if (data_hasty(s))
		data_reject(s, RP_PIPELINE);
	else if (data_trace(s) != 0)
		data_reject(s, RP_SYSTEM);
	else {
		session_enter(s, SESS_DATA);
		reply_send(s, reply, NULL);
	}
	session_resume(s);
}

void
data_fault(struct session *s, enum reply reply)
{
	struct tx *tx = s->tx;
	struct chan *ch;

	if (tx->fault == RP_NONE)
		tx->fault = reply;
	if (tx->open && (ch = tx_spool(tx)) != NULL) {
		msg_begin(ch, SPOOL_ABORT, tx->id);
		msg_send(ch);
	}
	tx->open = false;
	buf_clear(&tx->content);
}

static enum reply
data_header_verdict(const struct header_scan *h)
{
	const struct settings *set = session_settings();

	if (h->received > set->smtp_limit_max_received)
		return RP_LOOP; /* RFC 5321 6.3 */
	if (h->octets > set->smtp_limit_max_header_size ||
	    h->fields > set->smtp_limit_max_header_fields)
		return RP_HEADER_TOO_BIG;
	return RP_NONE;
}

/* Judge what has come, from offset before on. */
static void
data_check(struct session *s, size_t before)
{
	struct tx *tx = s->tx;
	struct span fresh = buf_span(&tx->content);
	enum reply fault;

	fault = eod_verdict(&tx->eod);
	if (tx->fault != RP_NONE) {
		/* whatever else is wrong, these octets end the connection */
		if (fault == RP_BAD_CONTENT)
			tx->fault = fault;
		buf_reset(&tx->content);
		return;
	}
	if (fault == RP_NONE && tx->content.err != 0)
		fault = RP_SYSTEM;
	if (fault == RP_NONE && !tx->header.done && fresh.len > before) {
		fresh.p += before;
		fresh.len -= before;
		header_scan_feed(&tx->header, fresh);
		fault = data_header_verdict(&tx->header);
	}
	if (fault != RP_NONE)
		data_fault(s, fault);
}

void
data_ship(struct session *s, bool all)
{
	struct tx *tx = s->tx;
	struct chan *ch = tx_spool(tx);

	if (!tx->open || tx->content.len == 0 ||
	    (!all && tx->content.len < SESSION_FRAME))
		return;
	if (ch != NULL) {
		msg_begin(ch, SPOOL_CONTENT, tx->id);
		msg_put_octets(ch, buf_span(&tx->content));
	}
	if (ch == NULL || msg_send(ch) != 0) {
		data_fault(s, RP_TRY_LATER);
		return;
	}
	tx->sent += tx->content.len;
	/* a slow client holds no memory between its packets */
	if (all)
		buf_reset(&tx->content);
	else
		buf_clear(&tx->content);
}

/* The end of the content was read. */
static void
data_end(struct session *s)
{
	struct tx *tx = s->tx;
	struct chan *ch = tx_spool(tx);

	if (tx->fault == RP_NONE && ch != NULL) {
		msg_begin(ch, SPOOL_COMMIT, tx->id);
		msg_put_u64(ch, tx->sent + tx->content.len);
		msg_put_octets(ch, buf_span(&tx->content));
	}
	if (tx->fault == RP_NONE && (ch == NULL || msg_send(ch) != 0))
		data_fault(s, RP_TRY_LATER);
	if (tx->fault != RP_NONE) {
		data_reject(s, tx->fault);
		return;
	}
	tx->open = false;
	buf_clear(&tx->content);
	session_enter(s, SESS_COMMIT);
}

void
data_feed(struct session *s, struct span in, size_t *used)
{
	struct tx *tx = s->tx;

	*used = 0;
	while (*used < in.len) {
		struct span piece = { in.p + *used, in.len - *used };
		size_t before, n;
		enum eod_status status;

		if (tx->content.len == MSG_CONTENT_MAX)
			data_ship(s, true);
		before = tx->content.len;
		if (piece.len > MSG_CONTENT_MAX - before)
			piece.len = MSG_CONTENT_MAX - before;
		status = eod_feed(&tx->eod, piece, &n, &tx->content);
		*used += n;
		tx->received += n;
		data_check(s, before);
		if (status == EOD_END) {
			data_end(s);
			return;
		}
	}
}

static void
data_accepted(struct session *s)
{
	const struct tx *tx = s->tx;

	s->accepted++;
	s->junk = 0;
	LOG(EV_MESSAGE_ACCEPTED, KI("message", tx->id), KI("session", s->sid),
	    KS("peer", s->peer), KS("rdns", s->rdns),
	    KB("from", buf_span(&tx->from)), KU("size", tx->eod.size),
	    KU("rcpts", tx->rcpts));
}

void
data_committed(struct session *s, enum reply reply)
{
	char digits[MSGID_LEN + 1];
	struct span id = { (const unsigned char *)digits, MSGID_LEN };

	if (reply != RP_QUEUED)
		data_reject(s, reply);
	else {
		msgid_format(s->tx->id, digits);
		data_accepted(s);
		tx_free(s);
		session_enter(s, SESS_READY);
		reply_send(s, reply, &id);
	}
	session_resume(s);
}
