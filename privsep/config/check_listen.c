/* SPDX-License-Identifier: ISC
 *
 * Listeners: what they leave out, and the local socket that is always there.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/check.h"
#include "privsep/config/parse.h"

static bool
listener_same(const struct listener *a, const struct listener *b)
{
	if (a->kind != b->kind || a->port != b->port)
		return false;
	if (a->kind == LISTEN_ADDRESS)
		return a->addr_len == b->addr_len &&
		    memcmp(&a->addr, &b->addr, a->addr_len) == 0;
	/* an interface without a family has both */
	if (a->family != AF_UNSPEC && b->family != AF_UNSPEC &&
	    a->family != b->family)
		return false;
	return strcmp(a->name, b->name) == 0;
}

static void
check_listener_twice(struct parse *p, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++) {
		if (!listener_same(&p->listeners[i].l, &p->listeners[j].l))
			continue;
		cfg_error_add(p->errs, &p->listeners[i].pos,
		    "the same as the listener on line %u",
		    p->listeners[j].pos.line);
		break;
	}
}

static int
listener_complete(const struct config *cfg, struct listener *l, size_t index)
{
	l->index = (unsigned)index;
	if (l->max_sessions == 0)
		l->max_sessions = cfg->set.smtp_limit_max_sessions;
	/* without a name for the host there is an error already */
	if (l->hostname == NULL && cfg->hostname != NULL &&
	    (l->hostname = strdup(cfg->hostname)) == NULL)
		return -E_NOMEM;
	return 0;
}

static int
check_etrn(struct parse *p, size_t i)
{
	struct listener *l = &p->cfg->listeners[i];
	struct p_listener *pl = &p->listeners[i];
	int error;

	if (pl->twin) {
		l->etrn = l[-1].etrn;
		l->etrn_from = l[-1].etrn_from;
		return 0;
	}
	error = check_ref(p, &pl->etrn, ARG_DOMAIN, &l->etrn);
	if (error == 0)
		error =
		    check_ref(p, &pl->etrn_from, ARG_NETADDR, &l->etrn_from);
	return error;
}

/* The socket of local programs, unless the file has one of its own. */
static int
listener_imply(struct config *cfg)
{
	struct listener *l = &cfg->listeners[cfg->nlisteners];
	size_t i;

	for (i = 0; i < cfg->nlisteners; i++) {
		if (cfg->listeners[i].kind == LISTEN_SOCKET)
			return 0;
	}
	cfg->nlisteners++;
	l->kind = LISTEN_SOCKET;
	l->implied = true;
	if ((l->name = strdup(LISTEN_SOCKET_PATH)) == NULL)
		return -E_NOMEM;
	return listener_complete(cfg, l, i);
}

int
check_listeners(struct parse *p)
{
	struct config *cfg = p->cfg;
	size_t i;
	int error;

	cfg->listeners = chk_calloc(p->nlisteners + 1, sizeof(*cfg->listeners));
	if (cfg->listeners == NULL)
		return -E_NOMEM;
	for (i = 0; i < p->nlisteners; i++)
		check_listener_twice(p, i);
	for (i = 0; i < p->nlisteners; i++) {
		cfg->listeners[i] = p->listeners[i].l;
		p->listeners[i].l = (struct listener){ 0 };
		cfg->nlisteners++;
		error = listener_complete(cfg, &cfg->listeners[i], i);
		if (error == 0)
			error = check_etrn(p, i);
		if (error != 0)
			return error;
	}
	return listener_imply(cfg);
}
