/* SPDX-License-Identifier: ISC
 *
 * Questions to the router and answers from it and from the spool.  An answer
 * is matched to its session by the id, whose generation no other session has;
 * one for a session that has ended is dropped.  A live session waits for
 * exactly one answer, and any other breaks the protocol.
 */
#include <stdlib.h>

#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"
#include "smtpd/session/session.h"

#define PEER_TEXT_MAX 255 /* octets of the peer's name */

static struct {
	uint32_t instance; /* what peers_lost() is about */
} lost;

struct chan *
ask_begin(struct session *s, enum msg_type type)
{
	struct chan *ch = session_router(s);

	if (ch == NULL)
		reply_send(s, RP_UNAVAILABLE, NULL);
	else
		msg_begin(ch, type, s->sid);
	return ch;
}

void
ask_end(struct session *s, struct chan *ch, enum sess_state state)
{
	if (msg_send(ch) != 0)
		reply_send(s, RP_UNAVAILABLE, NULL);
	else
		session_enter(s, state);
}

/* The session that waits for this in that state.  0 with *out, which is NULL
 * for one that has ended, or -E_PEER. */
static int
answer_find(
    struct chan *ch, uint64_t sid, enum sess_state state, struct session **out)
{
	struct session *s = session_find(sid);

	/* one that is closing does not wait any more */
	if (s != NULL &&
	    (s->state == SESS_CLOSING || s->state == SESS_LINGER ||
		s->state == SESS_DEAD))
		s = NULL;
	*out = s;
	if (s == NULL || s->state == state)
		return 0;
	chan_violation(ch, "answer to no question");
	return -E_PEER;
}

/* Read a reply, the last field but for what follows.  0 or -E_PEER. */
static int
answer_reply(struct chan *ch, struct msg *m, enum reply *out)
{
	uint16_t reply = rd_u16(&m->body);

	*out = (enum reply)reply;
	if (!m->body.bad && reply_valid(reply))
		return 0;
	chan_violation(ch, "no such reply");
	return -E_PEER;
}

/* The router has looked at the client. */
static void
peers_opened(struct session *s, enum reply reply)
{
	LOG(EV_SESSION_OPEN, KI("session", s->sid), KS("peer", s->peer),
	    KU("listener", s->listener),
	    KS("reply", reply_name((uint16_t)reply)));
	if (reply != RP_GREETING) {
		reply_send(s, reply, NULL);
		if (s->state == SESS_OPENING)
			session_enter(s, SESS_CLOSING);
	} else if (session_settings()->smtp_greeting_delay_s > 0)
		session_enter(s, SESS_DELAY);
	else
		hello_greet(s);
	session_settle(s);
}

static int
peers_session_opened(struct chan *ch, struct msg *m)
{
	enum reply reply;
	struct session *s;
	struct span peer;
	uint8_t services;
	char *text;

	if (answer_reply(ch, m, &reply) != 0)
		return -E_PEER;
	peer = rd_span(&m->body, PEER_TEXT_MAX);
	services = rd_u8(&m->body);
	if (!rd_done(&m->body) || (services & ~SERVICE__ALL) != 0)
		return chan_violation(ch, "malformed answer");
	if (answer_find(ch, m->id, SESS_OPENING, &s) != 0)
		return -E_PEER;
	if (s == NULL)
		return 0;
	s->services = services;
	if ((text = span_dup(peer)) == NULL)
		reply = RP_UNAVAILABLE;
	else {
		free(s->peer);
		s->peer = text;
	}
	peers_opened(s, reply);
	return 0;
}

/* The name of its address has become known. */
static int
peers_session_name(struct chan *ch, struct msg *m)
{
	struct session *s = session_find(m->id);
	struct span name = rd_span(&m->body, ADDRESS_DOMAIN_MAX);
	char *text;

	if (!rd_done(&m->body) || domain_parse(name, 0) != 0)
		return chan_violation(ch, "no name of a client");
	if (s == NULL)
		return 0;
	if (s->state == SESS_OPENING)
		return chan_violation(ch, "a name before its address");
	/* the field says unknown where there is no memory for it */
	if ((text = span_dup(name)) != NULL) {
		free(s->rdns);
		s->rdns = text;
	}
	return 0;
}

/* One path, as the address parser has it. */
static bool
path_is_whole(struct span path)
{
	struct mail_address a;
	size_t used;

	return address_parse_path(path, ADDRESS_UTF8, &a, &used) == 0 &&
	    used == path.len;
}

static bool
reply_names_paths(enum reply reply)
{
	return (reply_flags((uint16_t)reply) & REPLY_PATHS) != 0;
}

static int
peers_rcpt_answer(struct chan *ch, struct msg *m)
{
	enum reply reply;
	struct session *s;
	struct span to;
	uint64_t id;

	if (answer_reply(ch, m, &reply) != 0)
		return -E_PEER;
	id = rd_u64(&m->body);
	to = rd_span(&m->body, ADDRESS_PATH_MAX);
	if (!rd_done(&m->body) ||
	    (id != 0) != (reply_code((uint16_t)reply) / 100 == 2) ||
	    (to.len > 0) != reply_names_paths(reply) ||
	    (to.len > 0 && !path_is_whole(to)))
		return chan_violation(ch, "answer out of shape");
	if (answer_find(ch, m->id, SESS_RCPT_ASKED, &s) != 0)
		return -E_PEER;
	if (s == NULL)
		return 0;
	if (id != 0 && s->tx->rcpts > 0 && s->tx->id != id)
		return chan_violation(ch, "answer about another message");
	rcpt_answer(s, reply, id, to);
	return 0;
}

static int
peers_who_answer(struct chan *ch, struct msg *m)
{
	struct span paths[WHO_MEMBERS_MAX];
	struct session *s;
	enum reply reply;
	size_t n, i;

	if (answer_reply(ch, m, &reply) != 0)
		return -E_PEER;
	n = rd_u16(&m->body);
	if (n > WHO_MEMBERS_MAX || (n > 0) != reply_names_paths(reply))
		return chan_violation(ch, "mailboxes out of place");
	for (i = 0; i < n; i++) {
		paths[i] = rd_span(&m->body, ADDRESS_PATH_MAX);
		if (!path_is_whole(paths[i]))
			return chan_violation(ch, "no mailbox");
	}
	if (!rd_done(&m->body))
		return chan_violation(ch, "answer out of shape");
	if (answer_find(ch, m->id, SESS_WHO_ASKED, &s) != 0)
		return -E_PEER;
	if (s != NULL)
		who_answer(s, reply, paths, n);
	return 0;
}

static int
peers_etrn_answer(struct chan *ch, struct msg *m)
{
	struct session *s;
	enum reply reply;
	uint32_t n;

	if (answer_reply(ch, m, &reply) != 0)
		return -E_PEER;
	n = rd_u32(&m->body);
	if (reply_names_paths(reply) || (n > 0) != (reply == RP_ETRN_STARTED))
		return chan_violation(ch, "answer out of shape");
	if (answer_find(ch, m->id, SESS_ETRN_ASKED, &s) != 0)
		return -E_PEER;
	if (s != NULL)
		etrn_answer(s, reply, n);
	return 0;
}

static int
peers_data_refused(struct chan *ch, struct msg *m)
{
	enum reply reply;
	struct session *s;

	if (answer_reply(ch, m, &reply) != 0 ||
	    answer_find(ch, m->id, SESS_DATA_ASKED, &s) != 0)
		return -E_PEER;
	if (reply == RP_DATA_GO)
		return chan_violation(ch, "a refusal that is none");
	if (s != NULL)
		data_answer(s, reply);
	return 0;
}

/* What the spool answers about a message: the session that waits for it.  As
 * answer_find(). */
static int
spool_find(struct chan *ch, struct msg *m, enum sess_state state,
    struct session **s, enum reply *reply)
{
	uint64_t sid = rd_u64(&m->body);

	if (answer_reply(ch, m, reply) != 0 ||
	    answer_find(ch, sid, state, s) != 0)
		return -E_PEER;
	if (*s != NULL && (*s)->tx->id != m->id)
		return chan_violation(ch, "answer about another message");
	return 0;
}

static int
peers_grant(struct chan *ch, struct msg *m)
{
	enum reply reply;
	struct session *s;

	if (spool_find(ch, m, SESS_DATA_ASKED, &s, &reply) != 0)
		return -E_PEER;
	if (s != NULL)
		data_answer(s, reply);
	else if (reply == RP_DATA_GO) {
		/* the client did not wait for it */
		msg_begin(ch, SPOOL_ABORT, m->id);
		msg_send(ch);
	}
	return 0;
}

static int
peers_committed(struct chan *ch, struct msg *m)
{
	enum reply reply;
	struct session *s;

	if (spool_find(ch, m, SESS_COMMIT, &s, &reply) != 0)
		return -E_PEER;
	if (s != NULL)
		data_committed(s, reply);
	return 0;
}

static int
peers_pause(struct chan *ch, struct msg *m)
{
	accept_pause(rd_u8(&m->body) != 0);
	return 0;
}

static int
peers_retire(struct chan *ch, struct msg *m)
{
	accept_retire();
	return 0;
}

const struct msg_handler session_handlers[] = {
	{ M_PAUSE, peers_pause },
	{ M_RETIRE, peers_retire },
	{ SESSION_OPENED, peers_session_opened },
	{ SESSION_NAME, peers_session_name },
	{ TX_RCPT_ANSWER, peers_rcpt_answer },
	{ TX_DATA_REFUSED, peers_data_refused },
	{ WHO_ANSWER, peers_who_answer },
	{ ETRN_ANSWER, peers_etrn_answer },
	{ SPOOL_GRANT, peers_grant },
	{ SPOOL_COMMITTED, peers_committed },
	{ MSG_NONE, NULL },
};

/* Without its router a client is not known any more.  One whom the next one
 * knows has nothing to do with it. */
static void
peers_no_router(struct session *s)
{
	if (s->router != lost.instance)
		return;
	s->known = false;
	if (s->tx != NULL)
		s->tx->known = false;
	session_end(s, RP_UNAVAILABLE);
}

/* What the spool had not made durable is gone; the client tries again. */
static void
peers_no_spool(struct session *s)
{
	if (s->tx == NULL || s->tx->spool != lost.instance)
		return;
	if (s->state == SESS_DATA) {
		s->tx->open = false;
		data_fault(s, RP_TRY_LATER);
		/* it may not have been read, for the sake of this spool */
		session_resume(s);
	} else if (s->state == SESS_COMMIT)
		data_committed(s, RP_TRY_LATER);
	else if (s->state == SESS_DATA_ASKED)
		/* whether an answer is on its way cannot be known */
		session_end(s, RP_UNAVAILABLE);
}

void
peers_lost(enum role role, uint32_t instance)
{
	lost.instance = instance;
	if (role == ROLE_ROUTER)
		session_each(peers_no_router);
	else if (role == ROLE_SPOOL)
		session_each(peers_no_spool);
}

static void
peers_wake(struct session *s)
{
	uint64_t now = clock_ms();

	if (s->state != SESS_DATA || !session_listens(s))
		return;
	/* what it has sent meanwhile was left lying by us */
	if (s->knocked)
		s->tx->held_ms += now - s->knocked_ms;
	if (s->knocked || s->in.len > 0)
		s->active_ms = now;
	timer_update(s);
	session_resume(s);
}

void
peers_spool_drained(void)
{
	session_each(peers_wake);
}
