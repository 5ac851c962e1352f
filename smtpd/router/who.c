/* SPDX-License-Identifier: ISC
 *
 * VRFY and EXPN (RFC 5321 3.5): what RCPT would say, and for EXPN who would
 * get the mail.  The recipient goes by the same look-up as RCPT; there is no
 * other.  It is mail with the null reverse-path that is asked about.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/log.h"
#include "smtpd/router/router.h"

struct who {
	struct lookup lookup;
	enum who_verb verb;
	bool utf8;
	size_t helo_len;
	unsigned char helo[];
};

static const struct {
	const char *name;
	uint8_t service;
} who_verbs[WHO__MAX] = {
	[WHO_VRFY] = { "VRFY", SERVICE_VRFY },
	[WHO_EXPN] = { "EXPN", SERVICE_EXPN },
};

uint8_t
who_service(enum who_verb verb)
{
	return who_verbs[verb].service;
}

static void
who_send(const struct client *c, enum reply reply, size_t n,
    const struct mail_address *const *members)
{
	struct chan *ch = c->peer->ch;
	struct buf path;
	size_t i;

	buf_init(&path, ADDRESS_PATH_MAX);
	msg_begin(ch, WHO_ANSWER, c->sid);
	msg_put_u16(ch, (uint16_t)reply);
	msg_put_u16(ch, (uint16_t)n);
	for (i = 0; i < n; i++) {
		buf_reset(&path);
		address_format_path(members[i], &path);
		msg_put_span(ch, buf_span(&path));
	}
	msg_send(ch);
	buf_clear(&path);
}

static void
who_log(const struct client *c, enum who_verb verb, struct span mailbox,
    enum reply reply)
{
	char peer[SOURCE_TEXT_MAX];
	struct span name;

	router.stats.whos++;
	source_text(&c->source, peer);
	name_status(&c->name, &name);
	LOG(EV_WHO, KS("peer", peer), KB("rdns", name),
	    KS("verb", who_verbs[verb].name), KB("mailbox", mailbox),
	    KU("code", reply_code((uint16_t)reply)),
	    KS("reply", reply_name((uint16_t)reply)));
}

/* The mailboxes that the answer names: the one that was asked for, where it
 * has moved to, or those that it stands for.  How many, at most
 * WHO_MEMBERS_MAX. */
static size_t
who_members(
    const struct who *w, enum reply reply, const struct mail_address **members)
{
	const struct expand *ex = &w->lookup.ex;
	size_t i;

	if ((reply_flags((uint16_t)reply) & REPLY_PATHS) == 0)
		return 0;
	if (reply != RP_MAILBOX) {
		members[0] = &ex->moved_to;
		return 1;
	}
	if (w->verb == WHO_VRFY) {
		members[0] = &w->lookup.path;
		return 1;
	}
	for (i = 0; i < ex->nleaves; i++)
		members[i] = &ex->leaves[i].dest;
	return ex->nleaves;
}

/* What is known of a mailbox that can be reached. */
static enum reply
who_judge(const struct who *w)
{
	const struct expand *ex = &w->lookup.ex;
	size_t i;

	/* 3.5.3: what is on another host is not ours to confirm */
	for (i = 0; i < ex->nleaves; i++) {
		if (ex->leaves[i].action->kind == ACTION_RELAY &&
		    (w->verb == WHO_VRFY || !ex->leaves[i].aliased))
			return RP_VRFY;
	}
	if (w->verb == WHO_EXPN && ex->nleaves > WHO_MEMBERS_MAX)
		return RP_TOO_MANY_MEMBERS;
	return RP_MAILBOX;
}

/* Give the answer; frees w. */
static void
who_answer(struct who *w, enum reply reply)
{
	const struct mail_address *members[WHO_MEMBERS_MAX];
	struct client *c = w->lookup.client;
	struct buf mailbox;
	size_t n, i;

	/* EXPN goes on to where that leads */
	if (w->verb == WHO_VRFY || reply != RP_RCPT_OK)
		reply = lookup_told(&w->lookup, reply, w->utf8);
	if (reply == RP_RCPT_OK)
		reply = who_judge(w);
	n = who_members(w, reply, members);
	for (i = 0; i < n && !w->utf8; i++) {
		if (address_is_utf8(members[i])) {
			reply = RP_UTF8_REPLY; /* RFC 6531 3.7.4.2 */
			n = 0;
		}
	}
	buf_init(&mailbox, ADDRESS_PATH_MAX);
	address_format(&w->lookup.path, &mailbox);
	who_log(c, w->verb, buf_span(&mailbox), reply);
	buf_clear(&mailbox);
	who_send(c, reply, n, members);
	who_free(c);
}

static void
who_found(struct lookup *l, enum reply reply)
{
	who_answer(l->client->who, reply);
}

static enum reply
who_parse(struct span mailbox, bool utf8, struct mail_address *out)
{
	if (address_parse(mailbox, ADDRESS_BARE | ADDRESS_UTF8, out) != 0)
		return RP_BAD_RCPT;
	if (address_is_utf8(out) && !utf8)
		return RP_UTF8_NEEDED;
	return lookup_complete(out);
}

static void
who_start(struct who *w)
{
	enum reply reply;

	if (lookup_start(&w->lookup, &reply))
		who_answer(w, reply);
}

void
who_ask(struct client *c, enum who_verb verb, struct span mailbox,
    struct span helo, bool utf8)
{
	static const struct mail_address null = { 0 };
	struct mail_address path;
	enum reply reply = who_parse(mailbox, utf8, &path);
	struct who *w;

	if (reply == RP_NONE &&
	    (w = chk_calloc(1, sizeof(*w) + helo.len)) == NULL)
		reply = RP_TRY_LATER;
	if (reply != RP_NONE) {
		who_log(c, verb, mailbox, reply);
		who_send(c, reply, 0, NULL);
		return;
	}
	w->verb = verb;
	w->utf8 = utf8;
	w->helo_len = helo.len;
	if (helo.len > 0)
		memcpy(w->helo, helo.p, helo.len);
	lookup_init(&w->lookup, c, &path, &null,
	    (struct span){ w->helo, w->helo_len }, who_found);
	c->who = w;
	who_start(w);
}

void
who_free(struct client *c)
{
	if (c->who == NULL)
		return;
	lookup_clear(&c->who->lookup);
	free(c->who);
	c->who = NULL;
}

void
who_restart(struct client *c)
{
	if (c->who == NULL)
		return;
	lookup_clear(&c->who->lookup);
	who_start(c->who);
}
