/* SPDX-License-Identifier: ISC
 *
 * What the router does with each message.  Whatever a session or delivery
 * says is checked here: ids are theirs or nobody's, every value is in its
 * range, and a path counts for what the address parser makes of it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/router/router.h"

struct router router;

#define ROUTER_NOTIFY_ALL                                                      \
	(RCPT_NOTIFY_NEVER | RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_FAILURE |       \
	    RCPT_NOTIFY_DELAY)

/* --- sessions ---------------------------------------------------------- */

static void
session_answer(struct chan *ch, uint64_t sid, enum reply reply,
    const struct source *source, uint8_t services)
{
	char peer[SOURCE_TEXT_MAX] = "unknown";

	if (source != NULL)
		source_text(source, peer);
	if (reply != RP_GREETING) {
		router.stats.sessions_refused++;
		LOG(EV_CLIENT_REFUSED, KS("peer", peer),
		    KU("code", reply_code((uint16_t)reply)),
		    KS("why", reply_text((uint16_t)reply)));
	}
	msg_begin(ch, SESSION_OPENED, sid);
	msg_put_u16(ch, (uint16_t)reply);
	msg_put_span(ch, span_str(peer));
	msg_put_u8(ch, services);
	msg_send(ch);
}

static bool
session_serves(const struct source *source, enum listener_serve serve)
{
	return serve == SERVE_ANY ||
	    (serve == SERVE_LOCAL && source_is_local(source, role_config()));
}

/* What that listener serves that client beside mail. */
static uint8_t
session_services(const struct source *source, const struct listener *l)
{
	uint8_t services = 0;

	if (session_serves(source, l->vrfy))
		services |= SERVICE_VRFY;
	if (session_serves(source, l->expn))
		services |= SERVICE_EXPN;
	if (session_serves(source, l->terminal))
		services |= SERVICE_TERMINAL;
	if (etrn_serves(source, l))
		services |= SERVICE_ETRN;
	return services;
}

/* The number of a listener's tag, 0 for none. */
static uint16_t
tag_number(const char *tag)
{
	size_t i;

	for (i = 0; tag != NULL && i < router.ntags; i++) {
		if (strcmp(router.tags[i], tag) == 0)
			return (uint16_t)(i + 1);
	}
	return 0;
}

/* Let a client in, or say why not. */
static enum reply
session_admit(struct peer *p, uint64_t sid, const struct source *source,
    const struct listener *l)
{
	struct client *c;
	enum reply reply;

	if (l->index >= router.nlisteners)
		return RP_UNAVAILABLE;
	if (router.listeners[l->index] >= l->max_sessions)
		return RP_OVERLOADED;
	reply = limits_enter(&router.limits, source, &role_config()->set);
	if (reply != RP_GREETING)
		return reply;
	if ((c = client_new(p, sid, source)) == NULL) {
		limits_leave(&router.limits, source);
		return RP_OVERLOADED;
	}
	c->listener = (uint16_t)l->index;
	c->tag = tag_number(l->tag);
	c->services = session_services(source, l);
	router.listeners[l->index]++;
	router.stats.sessions_total++;
	return RP_GREETING;
}

static int
on_session_open(struct chan *ch, struct msg *m)
{
	const struct config *cfg = role_config();
	uint32_t listener = rd_u32(&m->body);
	int fd = msg_take_fd(m, 0), error;
	struct peer *p = peer_of(ch);
	struct source source;
	struct client *c;
	bool came_by = false;

	error = source_attest(fd, &source);
	if (error == 0 && listener < cfg->nlisteners)
		came_by = source_came_by(fd, &cfg->listeners[listener]);
	close(fd);
	if (!rd_done(&m->body) || error == -E_PEER)
		return chan_violation(ch, "bad session-open");
	if (p != NULL && client_find(p, m->id) != NULL)
		return chan_violation(ch, "session is open already");
	if (p == NULL || error != 0)
		session_answer(ch, m->id, RP_OVERLOADED, NULL, 0);
	else if (!came_by)
		/* right after a reload an honest session may be behind */
		session_answer(ch, m->id, RP_UNAVAILABLE, &source, 0);
	else
		session_answer(ch, m->id,
		    session_admit(p, m->id, &source, &cfg->listeners[listener]),
		    &source,
		    session_services(&source, &cfg->listeners[listener]));
	/* others may have come from there before */
	if (p != NULL && (c = client_find(p, m->id)) != NULL)
		client_tell_name(c);
	return 0;
}

static int
on_session_close(struct chan *ch, struct msg *m)
{
	struct peer *p = peer_of(ch);
	struct client *c = p == NULL ? NULL : client_find(p, m->id);

	/* one that was not let in was not kept */
	if (c != NULL)
		client_free(c);
	return 0;
}

/* --- MAIL -------------------------------------------------------------- */

struct mail_question {
	struct span path;
	uint8_t flags;
	uint64_t size;
	uint8_t ret;
	struct span envid;
	struct span helo;
};

/* 0 or -E_PEER: what an honest sender cannot have sent. */
static int
mail_read(struct rd *r, struct mail_question *q)
{
	q->path = rd_span(r, ADDRESS_PATH_MAX * 2);
	q->flags = rd_u8(r);
	q->size = rd_u64(r);
	q->ret = rd_u8(r);
	q->envid = rd_span(r, PARAM_ENVID_MAX);
	q->helo = rd_span(r, ROUTER_HELO_MAX);
	if (rd_u8(r) > 1 || !rd_done(r) || (q->flags & ~TX__ALL) != 0 ||
	    q->ret > MAIL_RET_HDRS || !span_is_text(q->envid))
		return -E_PEER;
	return 0;
}

/* Parse all of a path; the reply otherwise. */
static enum reply
path_read(struct span in, unsigned flags, bool utf8, enum reply bad,
    struct mail_address *out)
{
	size_t used;

	if (address_parse_path(in, flags | ADDRESS_UTF8, out, &used) != 0 ||
	    used != in.len)
		return bad;
	return address_is_utf8(out) && !utf8 ? RP_UTF8_NEEDED : RP_NONE;
}

static enum reply
mail_judge(struct client *c, const struct mail_question *q,
    struct mail_address *sender)
{
	const struct settings *set = &role_config()->set;
	enum reply reply;

	if (c->source.kind != SOURCE_OURS &&
	    c->mails >= set->smtp_limit_max_mails)
		return RP_TOO_MANY_MAILS;
	reply = path_read(q->path, ADDRESS_NULL, (q->flags & TX_SMTPUTF8) != 0,
	    RP_BAD_SENDER, sender);
	if (reply != RP_NONE)
		return reply;
	if (q->helo.len > 0 && helo_parse(q->helo) != 0)
		return RP_BAD_HELO;
	if (q->size > set->smtp_max_message_size)
		return RP_TOO_BIG;
	return RP_MAIL_OK;
}

/* Open the transaction.  The reply. */
static enum reply
mail_open(struct client *c, const struct mail_question *q)
{
	struct mail_address sender;
	enum reply reply = mail_judge(c, q, &sender);
	struct transaction *tx;

	if (reply != RP_MAIL_OK)
		return reply;
	if ((tx = transaction_new()) == NULL)
		return RP_TRY_LATER;
	tx->sender = sender;
	tx->flags = q->flags;
	tx->ret = q->ret;
	tx->envid_len = (uint8_t)q->envid.len;
	tx->helo_len = (uint8_t)q->helo.len;
	if (q->envid.len > 0)
		memcpy(tx->envid, q->envid.p, q->envid.len);
	if (q->helo.len > 0)
		memcpy(tx->helo, q->helo.p, q->helo.len);
	c->tx = tx;
	c->mails++;
	router.stats.mails++;
	return RP_MAIL_OK;
}

/* The client of a MAIL; for a report of delivery's it comes into being.  NULL
 * when there is none. */
static struct client *
mail_client(struct chan *ch, uint64_t sid)
{
	static const struct source ours = { .kind = SOURCE_OURS };
	struct peer *p = peer_of(ch);
	struct client *c = p == NULL ? NULL : client_find(p, sid);

	if (c != NULL || p == NULL || chan_role(ch) != ROLE_DELIVERY ||
	    router.reports >= ROUTER_REPORTS_MAX)
		return c;
	return client_new(p, sid, &ours);
}

static int
on_tx_mail(struct chan *ch, struct msg *m)
{
	bool ours = chan_role(ch) == ROLE_DELIVERY;
	struct mail_question q;
	struct client *c;
	enum reply reply;

	if (mail_read(&m->body, &q) != 0)
		return chan_violation(ch, "bad tx-mail");
	/* a notification has no sender (RFC 3461 6), so it never bounces */
	if (ours && !span_eq(q.path, span_str("<>")))
		return chan_violation(ch, "notification with a sender");
	if ((c = mail_client(ch, m->id)) == NULL) {
		if (!ours)
			return chan_violation(ch, "session is not yours");
		return 0;
	}
	if (c->tx != NULL || c->no_tx != RP_NEED_MAIL)
		return chan_violation(ch, "transaction within another");
	if ((q.flags & TX_MODE) != 0 && (c->services & SERVICE_TERMINAL) == 0)
		return chan_violation(ch, "not served to that client");
	reply = mail_open(c, &q);
	if (reply == RP_MAIL_OK)
		return 0;
	if (ours)
		client_free(c);
	else
		c->no_tx = (uint16_t)reply;
	return 0;
}

/* --- RCPT, DATA, RSET -------------------------------------------------- */

static void
rcpt_refuse_early(struct chan *ch, uint64_t sid, enum reply reply)
{
	router.stats.rcpts_rejected++;
	msg_begin(ch, TX_RCPT_ANSWER, sid);
	msg_put_u16(ch, (uint16_t)reply);
	msg_put_u64(ch, 0);
	msg_put_span(ch, (struct span){ NULL, 0 });
	msg_send(ch);
}

/* The client of a message within a session: NULL for one that is not its
 * sender's.  Reports of delivery are there only with their transaction. */
static struct client *
tx_client(struct chan *ch, const struct msg *m)
{
	struct peer *p = peer_of(ch);

	return p == NULL ? NULL : client_find(p, m->id);
}

static int
on_tx_rcpt(struct chan *ch, struct msg *m)
{
	struct span path = rd_span(&m->body, ADDRESS_PATH_MAX * 2);
	uint8_t notify = rd_u8(&m->body);
	struct span orcpt = rd_span(&m->body, PARAM_ORCPT_MAX);
	struct client *c = tx_client(ch, m);
	struct mail_address rcpt;
	enum reply reply;
	int error;

	if (!rd_done(&m->body) || (notify & ~ROUTER_NOTIFY_ALL) != 0 ||
	    ((notify & RCPT_NOTIFY_NEVER) != 0 &&
		notify != RCPT_NOTIFY_NEVER) ||
	    !span_is_text(orcpt))
		return chan_violation(ch, "bad tx-rcpt");
	if (c == NULL && chan_role(ch) == ROLE_SESSION)
		return chan_violation(ch, "session is not yours");
	if (c == NULL || c->tx == NULL) {
		/* a report for which there was no room has left no trace */
		rcpt_refuse_early(
		    ch, m->id, c == NULL ? RP_TRY_LATER : c->no_tx);
		return 0;
	}
	if (c->tx->data_wanted)
		return chan_violation(ch, "recipient after data");
	reply = path_read(path, ADDRESS_POSTMASTER,
	    (c->tx->flags & TX_SMTPUTF8) != 0, RP_BAD_RCPT, &rcpt);
	if (reply == RP_NONE)
		reply = lookup_complete(&rcpt);
	if (reply != RP_NONE) {
		rcpt_refuse_early(ch, m->id, reply);
		return 0;
	}
	error = rcpt_ask(c, &rcpt, notify, orcpt);
	if (error == -E_BUSY)
		return chan_violation(ch, "too many recipients in flight");
	if (error != 0)
		rcpt_refuse_early(ch, m->id, RP_TRY_LATER);
	return 0;
}

static int
on_tx_data(struct chan *ch, struct msg *m)
{
	struct client *c = tx_client(ch, m);
	uint32_t spool = rd_u32(&m->body);

	if (c == NULL && chan_role(ch) == ROLE_SESSION)
		return chan_violation(ch, "session is not yours");
	if (c == NULL || c->tx == NULL) {
		msg_begin(ch, TX_DATA_REFUSED, m->id);
		msg_put_u16(ch, RP_NEED_MAIL);
		msg_send(ch);
		return 0;
	}
	if (c->tx->data_wanted)
		return chan_violation(ch, "data twice");
	c->tx->spool = spool;
	if (c->tx->nqueued > 0)
		c->tx->data_wanted = true;
	else
		data_ask(c);
	return 0;
}

static int
on_tx_reset(struct chan *ch, struct msg *m)
{
	struct client *c = tx_client(ch, m);

	if (c == NULL && chan_role(ch) == ROLE_SESSION)
		return chan_violation(ch, "session is not yours");
	if (c != NULL)
		client_reset(c);
	return 0;
}

/* --- VRFY, EXPN, ETRN --------------------------------------------------------- */

static int
on_who_ask(struct chan *ch, struct msg *m)
{
	unsigned verb = rd_u8(&m->body);
	struct span mailbox = rd_span(&m->body, ADDRESS_PATH_MAX * 2);
	struct span helo = rd_span(&m->body, ROUTER_HELO_MAX);
	unsigned utf8 = rd_u8(&m->body);
	struct client *c = tx_client(ch, m);

	if (!rd_done(&m->body) || verb >= WHO__MAX || utf8 > 1)
		return chan_violation(ch, "bad who-ask");
	if (c == NULL)
		return chan_violation(ch, "session is not yours");
	if (c->who != NULL)
		return chan_violation(ch, "two questions at once");
	if ((c->services & who_service((enum who_verb)verb)) == 0)
		return chan_violation(ch, "not served to that client");
	who_ask(c, (enum who_verb)verb, mailbox, helo, utf8 != 0);
	return 0;
}

static int
on_etrn_ask(struct chan *ch, struct msg *m)
{
	struct span node = rd_span(&m->body, ETRN_NODE_MAX);
	struct client *c = tx_client(ch, m);

	if (!rd_done(&m->body))
		return chan_violation(ch, "bad etrn-ask");
	if (c == NULL)
		return chan_violation(ch, "session is not yours");
	if (c->etrn != NULL)
		return chan_violation(ch, "two questions at once");
	if ((c->services & SERVICE_ETRN) == 0)
		return chan_violation(ch, "not served to that client");
	if (!etrn_ask(c, node))
		return chan_violation(ch, "bad etrn-ask");
	return 0;
}

/* --- the configuration ------------------------------------------------- */

/* Sessions keep the number of a tag, which stays what it is. */
static void
tags_learn(const struct config *cfg)
{
	const char *tag;
	char **grown, *copy;
	size_t i;

	for (i = 0; i < cfg->nlisteners; i++) {
		tag = cfg->listeners[i].tag;
		if (tag == NULL || tag_number(tag) != 0 ||
		    router.ntags == UINT16_MAX)
			continue;
		copy = strdup(tag);
		grown =
		    chk_realloc(router.tags, router.ntags + 1, sizeof(*grown));
		if (copy == NULL || grown == NULL)
			fatal("taking over the listeners", "out of memory");
		router.tags = grown;
		router.tags[router.ntags++] = copy;
	}
}

/* Listeners are numbered anew: sessions of the old ones count no more. */
static void
listeners_learn(const struct config *cfg)
{
	struct peer *p;
	struct client *c;

	LIST_FOREACH(p, &router.peers, entry) {
		RB_FOREACH(c, client_tree, &p->clients)
			c->listener = LISTENER_GONE;
	}
	free(router.listeners);
	router.nlisteners =
	    cfg->nlisteners < LISTENER_GONE ? cfg->nlisteners : LISTENER_GONE;
	router.listeners =
	    chk_calloc(router.nlisteners + 1, sizeof(*router.listeners));
	if (router.listeners == NULL)
		fatal("taking over the listeners", "out of memory");
}

/* What is being worked on holds actions of the old configuration. */
static void
router_config(const struct config *cfg)
{
	struct peer *p;
	struct client *c, *next;

	explain_config();
	users_flush(&router.users);
	tags_learn(cfg);
	listeners_learn(cfg);
	LIST_FOREACH(p, &router.peers, entry) {
		RB_FOREACH_SAFE(c, client_tree, &p->clients, next) {
			who_restart(c);
			rcpt_restart(c);
		}
	}
}

static int
router_prepare(const struct role_hello *hello)
{
	LIST_INIT(&router.peers);
	LIST_INIT(&router.explains);
	LIST_INIT(&router.etrns);
	limits_init(&router.limits);
	master_init();
	resolver_init();
	data_init();
	tags_learn(role_config());
	listeners_learn(role_config());
	return 0;
}

static void
router_peer_down(struct chan *ch)
{
	if (chan_role(ch) == ROLE_SCHEDULER)
		etrn_lost();
	if (chan_role(ch) == ROLE_CONTROL)
		explain_lost();
	/* one that another has replaced leaves nothing unanswered */
	if (chan_role(ch) == ROLE_RESOLVER && role_peer(ROLE_RESOLVER) == NULL)
		resolver_lost();
	peer_free(ch);
}

static const struct msg_handler handlers[] = {
	{ SESSION_OPEN, on_session_open },
	{ SESSION_CLOSE, on_session_close },
	{ TX_MAIL, on_tx_mail },
	{ TX_RCPT, on_tx_rcpt },
	{ TX_DATA, on_tx_data },
	{ TX_RESET, on_tx_reset },
	{ WHO_ASK, on_who_ask },
	{ ETRN_ASK, on_etrn_ask },
	{ QUEUE_FLUSHED, etrn_flushed },
	{ DNS_ANSWER, resolver_answered },
	{ USER_ANSWER, master_user },
	{ TERMINAL_ANSWER, master_terminal },
	{ CTL_ASK, router_ctl_ask },
	{ CTL_CANCEL, router_ctl_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops router_ops = {
	.role = ROLE_ROUTER,
	.prepare = router_prepare,
	.peer_down = router_peer_down,
	.handlers = handlers,
	.config = router_config,
};
