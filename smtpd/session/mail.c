/* SPDX-License-Identifier: ISC
 *
 * MAIL and RCPT: MAIL and the syntax of both are judged here, all else by the
 * router, which is asked about each recipient and answers each once.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/session/session.h"

unsigned
tx_extensions(const struct session *s)
{
	unsigned ext = EXT_SIZE | EXT_8BITMIME | EXT_SMTPUTF8;

	if (!s->esmtp)
		return 0; /* RFC 5321 2.2.1: HELO brings no extensions */
	if (!session_listener(s)->no_dsn)
		ext |= EXT_DSN;
	return ext;
}

static struct tx *
tx_new(void)
{
	struct tx *tx;

	if ((tx = chk_calloc(1, sizeof(*tx))) == NULL)
		return NULL;
	buf_init(&tx->from, ADDRESS_MAX * 2 + 2);
	buf_init(&tx->content, MSG_CONTENT_MAX);
	return tx;
}

void
tx_free(struct session *s)
{
	if (s->tx == NULL)
		return;
	buf_clear(&s->tx->from);
	buf_clear(&s->tx->content);
	free(s->tx);
	s->tx = NULL;
}

void
tx_reset(struct session *s)
{
	struct chan *ch;

	if (s->tx == NULL)
		return;
	if (s->tx->known && (ch = session_router(s)) != NULL) {
		msg_begin(ch, TX_RESET, s->sid);
		msg_send(ch);
	}
	if (s->tx->open && (ch = tx_spool(s->tx)) != NULL) {
		msg_begin(ch, SPOOL_ABORT, s->tx->id);
		msg_send(ch);
	}
	tx_free(s);
}

/* The path "<...>" after "FROM:" or "TO:", in canonical form.  Moves *arg
 * behind it.  0 or an error of address_parse_path(). */
static int
path_take(struct span *arg, const char *keyword, unsigned flags,
    struct mail_address *out)
{
	struct span key = { arg->p, span_str(keyword).len };
	size_t used;
	int error;

	if (arg->len < key.len || !span_caseeq(key, span_str(keyword)))
		return -E_NOENT;
	arg->p += key.len;
	arg->len -= key.len;
	/* RFC 5321 3.3 has no space here; many clients do */
	while (arg->len > 0 && arg->p[0] == ' ') {
		arg->p++;
		arg->len--;
	}
	if ((error = address_parse_path(*arg, flags, out, &used)) != 0)
		return error;
	arg->p += used;
	arg->len -= used;
	return 0;
}

static enum reply
mail_limits(struct session *s, const struct mail_params *p)
{
	const struct settings *set = session_settings();

	/* RFC 1870 6.1: refused before it is sent */
	if (p->size_given && p->size > set->smtp_max_message_size)
		return RP_TOO_BIG;
	if (++s->mails > set->smtp_limit_max_mails)
		return RP_TOO_MANY_MAILS;
	return RP_NONE;
}

/* Check the command.  RP_NONE with the address and the parameters, or the
 * reply to give. */
static enum reply
mail_parse(struct session *s, struct span arg, struct mail_address *from,
    struct mail_params *params)
{
	unsigned flags = ADDRESS_NULL;
	enum reply reply;
	int error;

	if (s->esmtp)
		flags |= ADDRESS_UTF8;
	*params = (struct mail_params){ .size = 0 };
	if ((error = path_take(&arg, "FROM:", flags, from)) != 0)
		return error == -E_NOENT ? RP_BAD_ARGUMENT : RP_BAD_SENDER;
	reply = mail_params_parse(arg, tx_extensions(s), params);
	if (reply != RP_NONE)
		return reply;
	if (address_is_utf8(from) && !params->smtputf8)
		return RP_UTF8_NEEDED; /* RFC 6531 3.4 */
	return mail_limits(s, params);
}

static void
mail_reject(struct session *s, struct span path, enum reply reply)
{
	LOG(EV_MAIL_REJECT, KI("session", s->sid), KS("peer", s->peer),
	    KS("rdns", s->rdns), KB("from", path),
	    KU("code", reply_code((uint16_t)reply)),
	    KS("reply", reply_name((uint16_t)reply)));
}

/* All that MAIL can be refused for was looked at here, so that the client need
 * not wait for the router.  mode: where it shall go, of TX_MODE. */
static void
mail_begin(struct session *s, struct span arg, uint8_t mode)
{
	struct mail_address from;
	struct mail_params params;
	enum reply reply;

	reply = mail_parse(s, arg, &from, &params);
	if (reply != RP_NONE) {
		mail_reject(s, arg, reply);
		reply_send(s, reply, NULL);
		return;
	}
	if ((s->tx = tx_new()) == NULL ||
	    address_format_path(&from, &s->tx->from) != 0) {
		tx_free(s);
		reply_send(s, RP_SYSTEM, NULL);
		return;
	}
	s->tx->mail = params;
	s->tx->mode = mode;
	session_enter(s, SESS_MAIL);
	reply_send(s, RP_MAIL_OK, NULL);
}

void
mail_mail(struct session *s, struct span arg)
{
	mail_begin(s, arg, 0);
}

/* RFC 821 3.4; the syntax is that of MAIL. */
void
mail_send(struct session *s, struct span arg)
{
	mail_begin(s, arg, TX_SEND);
}

void
mail_soml(struct session *s, struct span arg)
{
	mail_begin(s, arg, TX_SOML);
}

void
mail_saml(struct session *s, struct span arg)
{
	mail_begin(s, arg, TX_SAML);
}

/* The router hears of MAIL when there is a recipient to judge.  False when it
 * cannot: the client has been told. */
static bool
mail_tell(struct session *s)
{
	struct tx *tx = s->tx;
	uint8_t flags = tx->mode;
	struct chan *ch;

	if (tx->known)
		return true;
	if (tx->mail.body == MAIL_BODY_8BITMIME)
		flags |= TX_8BITMIME;
	if (tx->mail.smtputf8)
		flags |= TX_SMTPUTF8;
	if ((ch = ask_begin(s, TX_MAIL)) == NULL)
		return false;
	msg_put_span(ch, buf_span(&tx->from));
	msg_put_u8(ch, flags);
	msg_put_u64(ch, tx->mail.size);
	msg_put_u8(ch, (uint8_t)tx->mail.ret);
	msg_put_span(ch, (struct span){ tx->mail.envid, tx->mail.envid_len });
	msg_put_span(ch, span_str(s->helo));
	msg_put_u8(ch, s->esmtp);
	if (msg_send(ch) != 0) {
		reply_send(s, RP_UNAVAILABLE, NULL);
		return false;
	}
	tx->known = true;
	return true;
}

/* As mail_parse(). */
static enum reply
rcpt_parse(struct session *s, struct span arg, struct mail_address *rcpt,
    struct rcpt_params *params)
{
	unsigned flags = ADDRESS_POSTMASTER;
	unsigned ext = tx_extensions(s);
	enum reply reply;
	int error;

	if (s->esmtp)
		flags |= ADDRESS_UTF8;
	if (!s->tx->mail.smtputf8)
		ext &= ~(unsigned)EXT_SMTPUTF8;
	*params = (struct rcpt_params){ .notify = 0 };
	if ((error = path_take(&arg, "TO:", flags, rcpt)) != 0)
		return error == -E_NOENT ? RP_BAD_ARGUMENT : RP_BAD_RCPT;
	reply = rcpt_params_parse(arg, ext, params);
	if (reply != RP_NONE)
		return reply;
	if (address_is_utf8(rcpt) && !s->tx->mail.smtputf8)
		return RP_UTF8_NEEDED;
	/* RFC 5321 4.5.3.1.10 */
	if (s->tx->rcpts >= session_settings()->smtp_limit_max_rcpt)
		return RP_TOO_MANY_RCPT;
	return RP_NONE;
}

static void
rcpt_reject(struct session *s, struct span path, enum reply reply)
{
	LOG(EV_RCPT_REJECT, KI("session", s->sid), KS("peer", s->peer),
	    KS("rdns", s->rdns), KB("from", buf_span(&s->tx->from)),
	    KB("rcpt", path), KU("code", reply_code((uint16_t)reply)),
	    KS("reply", reply_name((uint16_t)reply)));
}

void
mail_rcpt(struct session *s, struct span arg)
{
	struct rcpt_params params;
	struct buf path;
	enum reply reply;
	struct chan *ch;

	reply = rcpt_parse(s, arg, &s->tx->asked, &params);
	if (reply != RP_NONE) {
		rcpt_reject(s, arg, reply);
		reply_send(s, reply, NULL);
		return;
	}
	buf_init(&path, ADDRESS_MAX * 2 + 2);
	if (address_format_path(&s->tx->asked, &path) != 0)
		reply_send(s, RP_SYSTEM, NULL);
	else if (mail_tell(s) && (ch = ask_begin(s, TX_RCPT)) != NULL) {
		msg_put_span(ch, buf_span(&path));
		msg_put_u8(ch, params.notify);
		msg_put_span(
		    ch, (struct span){ params.orcpt, params.orcpt_len });
		ask_end(s, ch, SESS_RCPT_ASKED);
	}
	buf_clear(&path);
}

/* A refused recipient: guessing has a limit of its own. */
static void
rcpt_refused(struct session *s, enum reply reply, struct span to)
{
	struct buf path;

	buf_init(&path, ADDRESS_MAX * 2 + 2);
	address_format_path(&s->tx->asked, &path);
	rcpt_reject(s, buf_span(&path), reply);
	buf_clear(&path);
	if (++s->rejected > session_settings()->smtp_limit_max_rejected_rcpt)
		reply = RP_TOO_MANY_ERRORS;
	if (to.len > 0 && reply != RP_TOO_MANY_ERRORS)
		reply_paths(s, reply, &to, 1);
	else
		reply_uncounted(s, reply);
}

void
rcpt_answer(struct session *s, enum reply reply, uint64_t id, struct span to)
{
	struct tx *tx = s->tx;

	if (reply_code((uint16_t)reply) / 100 == 2) {
		tx->id = id;
		if (tx->rcpts++ == 0)
			tx->rcpt = tx->asked;
	}
	session_enter(s, tx->rcpts > 0 ? SESS_RCPT : SESS_MAIL);
	if (reply_code((uint16_t)reply) / 100 != 2)
		rcpt_refused(s, reply, to);
	else if (to.len > 0)
		reply_paths(s, reply, &to, 1);
	else
		reply_send(s, reply, NULL);
	session_resume(s);
}
