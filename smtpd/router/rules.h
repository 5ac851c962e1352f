/* SPDX-License-Identifier: ISC
 *
 * Evaluation of the rules: the first rule whose conditions all hold decides.
 * Pure functions over a configuration; what is asked about is hostile.
 */
#ifndef ROUTER_RULES_H
#define ROUTER_RULES_H

#include <stdbool.h>

#include "privsep/base/buf.h"
#include "privsep/config/config.h"
#include "smtpd/mail/address.h"
#include "smtpd/router/names.h"
#include "smtpd/router/source.h"

/* Who is told how a decision comes about, step by step; it changes nothing.
 * All arguments are borrowed for the call. */
struct rule_trace {
	void *arg; /* handed to both */

	/* A rule was tried for rcpt: failed is the condition that does not
	 * hold, or of which that is not known; NULL when the rule holds. */
	void (*rule)(void *arg, const struct mail_address *rcpt,
	    const struct rule *, const struct cond *failed);

	/* A name was looked up in the table that an action has for what:
	 * value is what was found, without octets when nothing was. */
	void (*name)(void *arg, const struct mail_address *at, const char *what,
	    const struct table *, struct span value);
};

/* What the conditions look at; all borrowed. */
struct rule_query {
	const struct rule_trace *trace; /* NULL: nobody is told */
	const struct source *source;
	enum name_status name_status; /* of its address */
	struct span name;             /* with NAME_FOUND */
	const char *tag;              /* of the listener; NULL without */
	struct span helo;             /* empty when it was not said */
	const struct mail_address *sender;
	const struct mail_address *rcpt; /* with a domain */
};

/* The rule that decides, borrowed from cfg; NULL when none holds, which is a
 * refusal.  *open: whether it does depends on the name of the client, which
 * is not known, and all its other conditions hold. */
const struct rule *rules_match(
    const struct config *cfg, const struct rule_query *q, bool *open);

/* Whether some rule asks for the name of a client. */
bool rules_ask_names(const struct config *cfg);

/* Whether the domain of the recipient is one that some rule takes mail for
 * by name: refusing such a recipient is not a refusal to relay. */
bool rules_domain_is_ours(
    const struct config *cfg, const struct mail_address *rcpt);

#endif
