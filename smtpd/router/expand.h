/* SPDX-License-Identifier: ISC
 *
 * From a recipient to the mailboxes that it stands for: rules and aliases.
 * Pure: whether a system user exists is asked by the caller, for each leaf.
 */
#ifndef ROUTER_EXPAND_H
#define ROUTER_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "smtpd/mail/replies.h"
#include "smtpd/router/rules.h"

/* A mailbox: a user in action's userbase, or of the system; or, for an action
 * that sends mail on, whoever the next host knows. */
struct expand_leaf {
	struct mail_address dest;    /* after expansion */
	const struct action *action; /* borrowed from the configuration */
	/* The local part in lower case, without detail.  For an action that
	 * sends, the destination: the domain in lower case and A-labels, or
	 * nothing when the action sends to one host whatever the domain. */
	unsigned char user[ADDRESS_DOMAIN_MAX];
	uint8_t user_len;
	bool aliased; /* an alias or a new address led here */
};

struct expand {
	struct expand_leaf *leaves;
	size_t nleaves;
	const struct rule *rule; /* that decided on the recipient, or NULL */
	const char *why;         /* it was refused: a static text */
	struct mail_address at;  /* and the address that it was refused for */
	bool moved;              /* the recipient has another address now: */
	struct mail_address moved_to;
};

#define EXPAND_DEPTH_MAX 100 /* the most that `expand max-depth' can say */

/*
 * Expand q->rcpt.  as_root: look for it under the aliases of root (for a
 * postmaster whom nobody is, RFC 5321 4.5.1).  Gives *out
 * (expand_clear), whatever it returns:
 *
 *	RP_RCPT_OK	at least one leaf, each one once
 *	RP_RELAY_DENIED, RP_REJECTED	by the rules
 *	RP_MOVED	it has moved, and mail for it is not sent on
 *	RP_USER_UNKNOWN	as_root, and root has no alias
 *	RP_SYSTEM	an alias is broken (a loop, too deep, too many, a
 *			target that is no address, is refused or has moved,
 *			a new address that is none); temporary,
 *			since the administrator will mend it
 *	RP_DNS_TRY_LATER	a rule needs the name of the client
	RP_TRY_LATER	no memory
 *
 * The recipient is hostile; the tables are the administrator's, and may be
 * wrong.
 */
enum reply expand_run(const struct config *cfg, const struct rule_query *q,
    bool as_root, struct expand *out);

/* Free the leaves; also of a zeroed struct. */
void expand_clear(struct expand *);

/* The user of a local part: without the detail after the delimiter. */
struct span expand_user(const struct config *cfg, struct span local);

#endif
