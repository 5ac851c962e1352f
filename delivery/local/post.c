/* SPDX-License-Identifier: ISC
 *
 * Mailers and what waits for them.  A post is one user's mailbox under one
 * action; its mailer is started by the master when there is work, gets
 * everything that comes for it, and is let go when nothing has come for a
 * while, or when another user waits for its place.  A Maildir for which much
 * has come may have several, so that one writes while another waits for the
 * disk.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/local/post_int.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"

#define POST_WATCH_S 5  /* between looks for mailers that do not answer */
#define POST_SHARE   48 /* items in hand that are worth another mailer */

static struct {
	TAILQ_HEAD(, post) posts;
	uint64_t requests;
	size_t mailers; /* posts that are STARTING or OPEN */
	struct event *watch;
} office;

static void post_advance(struct post *);
static void post_idle(evutil_socket_t, short, void *);
static bool post_enter(
    struct item *, struct span user, struct span action, bool terminal);

/* The post after that one (from the first on after NULL) for that mailbox. */
static struct post *
post_find(
    struct post *after, struct span user, struct span action, bool terminal)
{
	struct post *p = after == NULL ? TAILQ_FIRST(&office.posts)
				       : TAILQ_NEXT(after, entry);

	for (; p != NULL; p = TAILQ_NEXT(p, entry)) {
		if (p->terminal == terminal &&
		    span_eq(span_str(p->user), user) &&
		    span_eq(span_str(p->action), action))
			return p;
	}
	return NULL;
}

static struct post *
post_new(struct span user, struct span action, bool terminal)
{
	struct post *p;

	if (user.len > PARCEL_NAME_MAX || action.len > PARCEL_NAME_MAX ||
	    (p = chk_calloc(1, sizeof(*p))) == NULL)
		return NULL;
	if ((p->idle = evtimer_new(loop_base(), post_idle, p)) == NULL) {
		free(p);
		return NULL;
	}
	p->terminal = terminal;
	memcpy(p->user, user.p, user.len);
	memcpy(p->action, action.p, action.len);
	TAILQ_INIT(&p->todo);
	TAILQ_INIT(&p->sent);
	TAILQ_INSERT_TAIL(&office.posts, p, entry);
	return p;
}

/* Go on with it at the user's other post.  False without memory: it is in its
 * queue again. */
static bool
item_move(struct post *p, struct item_queue *q, struct item *it, bool terminal)
{
	item_leave(q, it);
	if (post_enter(it, span_str(p->user), span_str(p->action), terminal))
		return true;
	item_join(p, q, it);
	return false;
}

/* What an outcome at this post means for the envelope (RFC 821 3.4). */
static void
item_settle(struct post *p, struct item_queue *q, struct item *it,
    enum env_outcome outcome, struct span status, struct span text)
{
	bool delivered = outcome == OUT_DELIVERED;

	if (p->terminal && it->mode == TX_SAML) {
		/* it is in the mailbox, whatever became of it here */
		item_delivered(q, it, span_str("2.0.0"),
		    span_str(delivered ? "in the mailbox, and shown"
				       : "in the mailbox, and not shown"));
		return;
	}
	if (p->terminal && it->mode == TX_SOML && !delivered &&
	    item_move(p, q, it, false))
		return;
	/* a message for now is not kept for later */
	if (p->terminal && it->mode == TX_SEND && !delivered)
		item_finish(q, it, OUT_FAILED, span_str("5.2.1"), text);
	else if (delivered && !p->terminal && it->mode == TX_SAML &&
	    item_move(p, q, it, true))
		return;
	else if (delivered)
		item_delivered(q, it, status, text);
	else
		item_finish(q, it, outcome, status, text);
}

static void
post_finish_all(struct post *p, struct item_queue *q, enum env_outcome outcome,
    const char *status, struct span text)
{
	struct item *it;

	while ((it = TAILQ_FIRST(q)) != NULL) {
		if (outcome == OUT_CRASHED)
			item_finish(q, it, outcome, span_str(status), text);
		else
			item_settle(p, q, it, outcome, span_str(status), text);
	}
}

/* Forget a post that has neither work nor mailer. */
static void
post_free(struct post *p)
{
	TAILQ_REMOVE(&office.posts, p, entry);
	event_free(p->idle);
	free(p);
}

/* A place among the mailers is free: who waits longest gets it. */
static void
post_next_waiting(void)
{
	struct post *p;

	TAILQ_FOREACH(p, &office.posts, entry) {
		if (p->state == POST_WAITING) {
			post_advance(p);
			return;
		}
	}
}

/* Let the mailer go: it exits when its channel ends. */
static void
post_retire(struct post *p)
{
	role_peer_close(p->chan);
	office.mailers--;
	post_free(p);
	post_next_waiting();
}

static void
post_idle(evutil_socket_t fd, short what, void *arg)
{
	post_retire(arg);
}

static bool
post_waiting(void)
{
	struct post *p;

	TAILQ_FOREACH(p, &office.posts, entry) {
		if (p->state == POST_WAITING)
			return true;
	}
	return false;
}

/* Its mailer has nothing in hand.  May free the post. */
static void
post_rest(struct post *p)
{
	struct timeval tv = {
		.tv_sec = (time_t)role_config()->set.delivery_mailer_idle_s
	};

	/* who is at which terminal is found out anew each time */
	if (p->terminal || p->outdated || tv.tv_sec == 0 || post_waiting())
		post_retire(p);
	else
		evtimer_add(p->idle, &tv);
}

/* Make room among the mailers by letting an idle one go. */
static bool
post_make_room(void)
{
	struct post *p;

	if (office.mailers < role_config()->set.delivery_max_mailers)
		return true;
	TAILQ_FOREACH(p, &office.posts, entry) {
		if (p->state == POST_OPEN && !p->settling && p->items == 0) {
			role_peer_close(p->chan);
			office.mailers--;
			post_free(p);
			return true;
		}
	}
	return false;
}

static void
post_send(struct post *p, struct item *it)
{
	struct parcel *parcel = it->parcel;

	msg_begin(p->chan, parcel->fd < 0 ? MAILBOX_PUT : MAILBOX_PUT_FD,
	    parcel->msgid);
	msg_put_u32(p->chan, it->index);
	msg_put_u8(p->chan, it->flags);
	msg_put_u64(p->chan, parcel->created_s);
	msg_put_span(p->chan, buf_span(&parcel->sender));
	msg_put_span(p->chan, buf_span(&it->rcpt));
	if (parcel->fd < 0)
		msg_put_span(p->chan, buf_span(&parcel->content));
	else
		msg_put_fd(p->chan, parcel->fd);
	TAILQ_REMOVE(&p->todo, it, entry);
	TAILQ_INSERT_TAIL(&p->sent, it, entry);
	it->sent_ms = clock_ms();
	if (msg_send(p->chan) != 0)
		item_finish(&p->sent, it, OUT_DEFERRED, span_str("4.3.0"),
		    span_str("the message could not be handed to the mailer"));
}

/* All transitions of a post that has work. */
static void
post_advance(struct post *p)
{
	struct item *it;

	switch (p->state) {
	case POST_WAITING:
		if (!post_make_room())
			return;
		p->request = ++office.requests;
		msg_begin(role_master(),
		    p->terminal ? TERMINAL_START : MAILER_START, p->request);
		msg_put_span(role_master(), span_str(p->user));
		msg_put_span(role_master(), span_str(p->action));
		msg_send(role_master());
		p->state = POST_STARTING;
		office.mailers++;
		delivery_stats.mailers++;
		return;
	case POST_STARTING:
		return;
	case POST_OPEN:
		evtimer_del(p->idle);
		while ((it = TAILQ_FIRST(&p->todo)) != NULL)
			post_send(p, it);
		return;
	}
}

/* Whether the envelope is in hand already, for a scheduler that is gone: its
 * outcome will do for both.  A second copy of it could not see the first
 * before that is in the mailbox. */
static bool
post_has(uint64_t msgid, const struct envelope *e, bool terminal)
{
	struct post *p = NULL;

	while ((p = post_find(p, e->user, e->action, terminal)) != NULL) {
		if (item_queue_has(&p->todo, msgid, e->index) ||
		    item_queue_has(&p->sent, msgid, e->index))
			return true;
	}
	return false;
}

/* Whether a mailbox with so many posts may have another. */
static bool
post_may_share(size_t posts, struct span action)
{
	const struct settings *set = &role_config()->set;
	const struct action *a = config_action(role_config(), action);

	return a != NULL && a->kind == ACTION_MAILDIR &&
	    posts < set->delivery_mailbox_mailers &&
	    office.mailers < set->delivery_max_mailers;
}

/* The post that has least in hand for the mailbox; NULL when there is none, or
 * when all have so much that another is worth it. */
static struct post *
post_choose(struct span user, struct span action, bool terminal)
{
	struct post *p = NULL, *least = NULL;
	size_t n = 0;

	while ((p = post_find(p, user, action, terminal)) != NULL) {
		if (p->outdated)
			continue;
		if (least == NULL || p->items < least->items)
			least = p;
		n++;
	}
	if (least != NULL && !terminal && least->items >= POST_SHARE &&
	    post_may_share(n, action))
		return NULL;
	return least;
}

/* Give it to a post, made if there is none.  False without memory. */
static bool
post_enter(struct item *it, struct span user, struct span action, bool terminal)
{
	struct post *p = post_choose(user, action, terminal);

	if (p == NULL && (p = post_new(user, action, terminal)) == NULL)
		return false;
	item_join(p, &p->todo, it);
	post_advance(p);
	return true;
}

void
post_add(struct parcel *parcel, const struct envelope *e)
{
	uint8_t mode = parcel->flags & TX_MODE;
	bool terminal = mode == TX_SEND || mode == TX_SOML;
	struct item *it;

	if ((e->flags & DELIVER_IN_DOUBT) != 0 &&
	    (post_has(parcel->msgid, e, false) ||
		post_has(parcel->msgid, e, true)))
		return;
	if ((it = item_new(parcel, e)) != NULL &&
	    post_enter(it, e->user, e->action, terminal))
		return;
	if (it != NULL)
		item_free(it);
	delivery_outcome(parcel->msgid, e->index, OUT_DEFERRED,
	    span_str("4.3.0"), span_str(err_text(-E_NOMEM)));
}

static struct post *
post_by_request(uint64_t request)
{
	struct post *p;

	TAILQ_FOREACH(p, &office.posts, entry) {
		if (p->state == POST_STARTING && p->request == request)
			return p;
	}
	return NULL;
}

void
post_up(struct chan *ch, uint64_t request)
{
	struct post *p = post_by_request(request);

	if (p == NULL) {
		/* nobody waits for it any more */
		role_peer_close(ch);
		return;
	}
	p->state = POST_OPEN;
	p->chan = ch;
	chan_set_data(ch, p);
	post_advance(p);
	if (TAILQ_EMPTY(&p->sent))
		post_rest(p);
}

int
post_failed(struct chan *ch, struct msg *m)
{
	bool permanent = rd_u8(&m->body) == 1;
	struct span why = rd_span(&m->body, PARCEL_TEXT_MAX);
	struct post *p = post_by_request(m->id);

	if (!rd_done(&m->body))
		return chan_violation(ch, "mailer-failed out of shape");
	if (p == NULL)
		return 0;
	office.mailers--;
	post_finish_all(p, &p->todo, permanent ? OUT_FAILED : OUT_DEFERRED,
	    permanent ? "5.2.1" : "4.3.0", why);
	post_free(p);
	post_next_waiting();
	return 0;
}

int
post_done(struct chan *ch, struct msg *m)
{
	struct post *p = chan_data(ch);
	uint32_t index = rd_u32(&m->body);
	unsigned outcome = rd_u8(&m->body);
	struct span status = rd_span(&m->body, PARCEL_NAME_MAX);
	struct span text = rd_span(&m->body, PARCEL_TEXT_MAX);
	struct item *it;

	/* a mailer may say of its own messages only what a mailer can know */
	if (!rd_done(&m->body) || p == NULL || !span_is_text(status) ||
	    !span_is_text(text) ||
	    (outcome != OUT_DELIVERED && outcome != OUT_DEFERRED &&
		outcome != OUT_FAILED))
		return chan_violation(ch, "mailbox-done out of shape");
	TAILQ_FOREACH(it, &p->sent, entry) {
		if (it->parcel->msgid == m->id && it->index == index)
			break;
	}
	if (it == NULL)
		return chan_violation(ch, "a message that it was not given");
	p->settling = true;
	item_settle(p, &p->sent, it, (enum env_outcome)outcome, status, text);
	p->settling = false;
	if (p->items == 0)
		post_rest(p);
	return 0;
}

/* The mailer is gone.  What it had in hand may or may not be in the mailbox;
 * for the rest another is started. */
static void
post_lose(struct post *p)
{
	p->chan = NULL;
	office.mailers--;
	evtimer_del(p->idle);
	post_finish_all(p, &p->sent, OUT_CRASHED, "4.3.0",
	    span_str("the mailer ended with the message in hand"));
	if (TAILQ_EMPTY(&p->todo)) {
		post_free(p);
		post_next_waiting();
		return;
	}
	p->state = POST_WAITING;
	p->outdated = false;
	post_advance(p);
}

void
post_down(struct chan *ch)
{
	struct post *p = chan_data(ch);

	if (p != NULL)
		post_lose(p);
}

/* Replace mailers that have had a message for too long. */
static void
post_watch(evutil_socket_t fd, short what, void *arg)
{
	uint64_t limit = role_config()->set.delivery_timeout_s * 1000;
	uint64_t now = clock_ms();
	struct post *p, *next;
	struct item *it;

	TAILQ_FOREACH_SAFE(p, &office.posts, entry, next) {
		it = TAILQ_FIRST(&p->sent);
		if (it == NULL || now - it->sent_ms < limit)
			continue;
		LOG(EV_WARN, KS("doing", "delivering to a mailbox"),
		    KS("user", p->user), KS("why", "the mailer is stuck"));
		role_peer_bad(p->chan);
		role_peer_close(p->chan);
		post_lose(p);
	}
}

void
post_config(const struct config *cfg)
{
	struct post *p, *next;

	TAILQ_FOREACH_SAFE(p, &office.posts, entry, next) {
		if (p->state == POST_WAITING)
			continue;
		p->outdated = true;
		if (p->state == POST_OPEN && p->items == 0)
			post_retire(p);
	}
}

void
post_start(void)
{
	struct timeval tv = { .tv_sec = POST_WATCH_S };

	TAILQ_INIT(&office.posts);
	office.watch = event_new(loop_base(), -1, EV_PERSIST, post_watch, NULL);
	if (office.watch == NULL || event_add(office.watch, &tv) != 0)
		fatal("starting", "out of memory");
}
