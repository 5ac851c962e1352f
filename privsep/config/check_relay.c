/* SPDX-License-Identifier: ISC
 *
 * Relay actions and limits: their tables, and what must not stand beside each
 * other.  A password is never sent where anybody could read it.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/check.h"
#include "privsep/config/parse.h"
#include "privsep/config/relay.h"
#include "privsep/config/table_int.h"

/* What is wrong with this host in this action, or NULL. */
static const char *
relay_host_refuse(const struct relay *relay, const struct relay_host *host)
{
	struct span value;
	enum relay_tls tls = relay_host_tls(relay, host);

	if (tls == RELAY_TLS_NEVER && relay->tls != RELAY_TLS_MAY)
		return "smtp+notls contradicts 'tls'";
	if (host->label == NULL)
		return NULL;
	if (relay->auth == NULL)
		return "a label needs 'auth <table>', which has its password";
	if (tls != RELAY_TLS_MUST && tls != RELAY_TLS_VERIFY)
		return "a label is for smtps or smtp+tls: the password would "
		       "not be safe";
	if (table_lookup(relay->auth, span_str(host->label), &value) != 0)
		return "the table of 'auth' has no entry for the label";
	return NULL;
}

/* Each host of the `domain' table is held against the rest of the action. */
static void
relay_domains_check(
    struct parse *p, const struct relay *relay, const struct ref *ref)
{
	const struct table *t = relay->domains;
	struct relay_host host;
	struct span key, value;
	const char *why;
	size_t i, at;

	for (i = 0; i < table_count(t) && p->errs->total < CFG_ERRORS_MAX;
	     i++) {
		table_entry(t, i, &key, &value);
		if (relay_host_parse(value, &host, &why, &at) != 0)
			continue;
		if ((why = relay_host_refuse(relay, &host)) != NULL)
			cfg_error_add(p->errs, &ref->pos,
			    "table <%s>: '%.*s': %s", table_name(t),
			    (int)key.len, (const char *)key.p, why);
		relay_host_clear(&host);
	}
}

int
check_relay(struct parse *p, struct p_action *pa)
{
	struct relay *relay = pa->a.relay;
	bool auth = pa->auth.name != NULL;
	const char *why;
	int error;

	if ((error = check_ref(p, &pa->domains, ARG_HOSTS, &relay->domains)) !=
		0 ||
	    (error = check_ref(p, &pa->auth, ARG_SECRETS, &relay->auth)) != 0 ||
	    (error = check_ref(p, &pa->src, ARG_ADDRESS, &relay->src)) != 0 ||
	    (error = check_ref(
		 p, &pa->helo_src, ARG_HELOS, &relay->helo_src)) != 0)
		return error;
	if (relay->backup && relay->host != NULL)
		cfg_error_add(p->errs, &pa->host_pos,
		    "'backup' goes by MX records, and not to a 'host'");
	/* a table of passwords with errors of its own was told already */
	if (auth && relay->auth == NULL)
		return 0;
	if (relay->host != NULL &&
	    (why = relay_host_refuse(relay, relay->host)) != NULL)
		cfg_error_add(p->errs, &pa->host_pos, "%s", why);
	if (relay->domains != NULL)
		relay_domains_check(p, relay, &pa->domains);
	return 0;
}

int
check_limits(struct parse *p)
{
	struct limit_rule *out;
	size_t i;
	int error;

	p->cfg->limits = chk_calloc(p->nlimits + 1, sizeof(*p->cfg->limits));
	if (p->cfg->limits == NULL)
		return -E_NOMEM;
	for (i = 0; i < p->nlimits; i++) {
		out = &p->cfg->limits[p->cfg->nlimits++];
		out->set = p->limits[i].set;
		out->kind = p->limits[i].kind;
		error = check_ref(p, &p->limits[i].whom,
		    out->kind == LIMIT_SRC ? ARG_NETADDR : ARG_DOMAIN,
		    &out->whom);
		if (error != 0)
			return error;
	}
	return 0;
}
