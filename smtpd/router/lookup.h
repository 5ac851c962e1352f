/* SPDX-License-Identifier: ISC
 *
 * A recipient looked up: rules and aliases make it mailboxes, and for each
 * the master is asked whether there is such a user.  RCPT, VRFY and EXPN all
 * get their answer here, so that they can never say different things.
 */
#ifndef ROUTER_LOOKUP_H
#define ROUTER_LOOKUP_H

#include <stddef.h>

#include "smtpd/router/expand.h"

struct client;
struct lookup;
struct lookup_wait;

/* The answer came later than lookup_start() returned. */
typedef void lookup_done_fn(struct lookup *, enum reply);

/* Embedded in the object of whoever asks. */
struct lookup {
	struct mail_address path; /* whom it is about, with a domain */
	struct expand ex;         /* what came of it; why, if it was refused */
	struct client *client;    /* on whose behalf; it outlives this */
	struct rule_query q;
	bool as_root; /* a postmaster who is nobody: look for root */
	struct lookup_wait *waits; /* one for each leaf */
	size_t outstanding;        /* of them without an answer */
	bool terminal;    /* it is for terminals alone: all must have one */
	bool at_terminal; /* that is what is being asked */
	lookup_done_fn *done;
};

/* Prepare a question of that client about path.  sender and helo are borrowed
 * until lookup_clear(). */
void lookup_init(struct lookup *, struct client *,
    const struct mail_address *path, const struct mail_address *sender,
    struct span helo, lookup_done_fn *done);

/*
 * Begin, or begin anew with the configuration of now.  True with *reply when
 * that is known at once; otherwise done is called later, unless lookup_clear()
 * comes first.  The reply is one of expand_run(), and:
 *
 *	RP_RCPT_OK	every leaf of ex is there
 *	RP_USER_UNKNOWN	the recipient itself is not
 *	RP_SYSTEM	the target of an alias is not
 *	RP_USER_AWAY	one of them has no terminal, and must have
 *	RP_TRY_LATER	it cannot be found out now
	RP_DNS_TRY_LATER	nor can the name of the client
 */
bool lookup_start(struct lookup *, enum reply *reply);

/* What the client is told where the answer is reply: of one who has moved the
 * new address, ex.moved_to, with a reply of REPLY_PATHS; unless it is one that
 * a client without SMTPUTF8 cannot read. */
enum reply lookup_told(const struct lookup *, enum reply reply, bool utf8);

/* The address of a local part without a domain: that of this host, as RFC
 * 5321 4.5.1 has it for Postmaster.  RP_NONE or RP_BAD_RCPT. */
enum reply lookup_complete(struct mail_address *);

/* What is known of the user of a leaf; USER__MAX when nobody was asked. */
enum user_answer lookup_user(const struct lookup *, size_t leaf);

/* Note why it is refused after all; returns reply. */
enum reply lookup_refuse(struct lookup *, enum reply reply, const char *why,
    const struct mail_address *at);

/* Forget the work that was done, and stop waiting; of a prepared one or a
 * zeroed struct. */
void lookup_clear(struct lookup *);

#endif
