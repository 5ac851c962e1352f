/* SPDX-License-Identifier: ISC
 *
 * The decision whether a recipient is accepted, and with which action.  All
 * of it is comparison with tables: nothing here is expanded or executed.
 */
#include "smtpd/router/rules.h"

static bool
rules_mailaddr(const struct config *cfg, const struct table *t,
    const struct mail_address *a)
{
	return table_match_mailaddr(
	    t, address_local(a), address_domain(a), cfg->sub_addr_delim);
}

static bool
rules_src(const struct table *t, const struct source *source)
{
	struct sockaddr_storage ss;

	return source_to_sockaddr(source, &ss) &&
	    table_match_netaddr(t, (const struct sockaddr *)&ss);
}

static bool
cond_is_true(
    const struct config *cfg, const struct cond *c, const struct rule_query *q)
{
	switch (c->kind) {
	case COND_FOR_ANY:
	case COND_FROM_ANY:
		return true;
	case COND_FOR_LOCAL:
		return table_match_domain(
		    cfg->local_domains, address_domain(q->rcpt));
	case COND_FOR_DOMAIN:
		return table_match_domain(c->table, address_domain(q->rcpt));
	case COND_FOR_RCPT:
	case COND_RCPT_TO:
		return rules_mailaddr(cfg, c->table, q->rcpt);
	case COND_FROM_LOCAL:
		return source_is_local(q->source, cfg);
	case COND_FROM_SOCKET:
		return q->source->kind == SOURCE_SOCKET;
	case COND_FROM_SRC:
		return rules_src(c->table, q->source);
	case COND_FROM_RDNS:
		return q->name_status == NAME_FOUND &&
		    (c->table == NULL || table_match_domain(c->table, q->name));
	case COND_FROM_MAIL:
	case COND_MAIL_FROM:
		return rules_mailaddr(cfg, c->table, q->sender);
	case COND_TAG:
		return q->tag != NULL &&
		    table_match_string(c->table, span_str(q->tag));
	case COND_HELO:
		return q->helo.len > 0 && table_match_domain(c->table, q->helo);
	case COND__MAX:
		break;
	}
	return false;
}

/* The name of the client is yet to come, or could not be found out. */
static bool
cond_is_open(const struct cond *c, const struct rule_query *q)
{
	return c->kind == COND_FROM_RDNS &&
	    (q->name_status == NAME_ASKED || q->name_status == NAME_FAILED);
}

/* The first condition that does not hold; or where there is none, the one that
 * is open; NULL when all hold. */
static const struct cond *
rule_fails(const struct config *cfg, const struct rule *r,
    const struct rule_query *q, bool *open)
{
	const struct cond *c, *waits = NULL;
	size_t i;

	*open = false;
	for (i = 0; i < r->nconds; i++) {
		c = &r->conds[i];
		if (cond_is_open(c, q))
			waits = c;
		else if (cond_is_true(cfg, c, q) == c->negate)
			return c;
	}
	*open = waits != NULL;
	return waits;
}

const struct rule *
rules_match(const struct config *cfg, const struct rule_query *q, bool *open)
{
	const struct cond *failed;
	size_t i;

	for (i = 0; i < cfg->nrules; i++) {
		failed = rule_fails(cfg, &cfg->rules[i], q, open);
		if (q->trace != NULL)
			q->trace->rule(
			    q->trace->arg, q->rcpt, &cfg->rules[i], failed);
		if (failed == NULL || *open)
			return &cfg->rules[i];
	}
	*open = false;
	return NULL;
}

bool
rules_ask_names(const struct config *cfg)
{
	size_t i, j;

	for (i = 0; i < cfg->nrules; i++) {
		for (j = 0; j < cfg->rules[i].nconds; j++) {
			if (cfg->rules[i].conds[j].kind == COND_FROM_RDNS)
				return true;
		}
	}
	return false;
}

bool
rules_domain_is_ours(const struct config *cfg, const struct mail_address *rcpt)
{
	const struct source nobody = { 0 };
	const struct mail_address null = { 0 };
	const struct rule_query q = {
		.source = &nobody, .sender = &null, .rcpt = rcpt
	};
	const struct cond *c;
	size_t i, j;

	for (i = 0; i < cfg->nrules; i++) {
		for (j = 0; j < cfg->rules[i].nconds; j++) {
			c = &cfg->rules[i].conds[j];
			if (c->negate || cfg->rules[i].action == NULL)
				continue;
			if ((c->kind == COND_FOR_LOCAL ||
				c->kind == COND_FOR_DOMAIN) &&
			    cond_is_true(cfg, c, &q))
				return true;
		}
	}
	return false;
}
