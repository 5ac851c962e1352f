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
#include "smtpd/router/source.h"

/* What the conditions look at; all borrowed. */
struct rule_query {
	const struct source *source;
	const char *tag;  /* of the listener; NULL without */
	struct span helo; /* empty when it was not said */
	const struct mail_address *sender;
	const struct mail_address *rcpt; /* with a domain */
};

/* The rule that decides, borrowed from cfg; NULL when none holds, which is a
 * refusal. */
const struct rule *rules_match(
    const struct config *cfg, const struct rule_query *q);

/* Whether the domain of the recipient is one that some rule takes mail for
 * by name: refusing such a recipient is not a refusal to relay. */
bool rules_domain_is_ours(
    const struct config *cfg, const struct mail_address *rcpt);

#endif
