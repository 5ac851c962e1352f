/* SPDX-License-Identifier: ISC
 *
 * After the last line: names become pointers, tables are held against what
 * they are used for, and everything implied is written out.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/check.h"
#include "privsep/config/parse.h"
#include "privsep/config/rules.h"
#include "privsep/config/suggest.h"
#include "privsep/config/table_int.h"
#include "smtpd/mail/address.h"

static int
check_table_order(const void *a, const void *b)
{
	const struct table *const *ta = a, *const *tb = b;

	return strcmp((*ta)->name, (*tb)->name);
}

/* The later of two definitions is the error. */
static void
check_twice(struct parse *p, const char *what, const char *name,
    const struct cfg_pos *a, const struct cfg_pos *b)
{
	bool swap = a->file == b->file && a->line > b->line;
	const struct cfg_pos *first = swap ? b : a;

	cfg_error_add(p->errs, swap ? a : b,
	    "%s '%s' is defined twice, first in %s on line %u", what, name,
	    first->file->path, first->line);
}

static int
check_tables(struct parse *p)
{
	size_t i;

	for (i = 0; i < p->ntables; i++)
		table_finish(p->tables[i]);
	if (p->ntables > 0)
		qsort(p->tables, p->ntables, sizeof(*p->tables),
		    check_table_order);
	for (i = 1; i < p->ntables; i++) {
		if (strcmp(p->tables[i - 1]->name, p->tables[i]->name) == 0)
			check_twice(p, "table", p->tables[i]->name,
			    &p->tables[i - 1]->pos, &p->tables[i]->pos);
	}
	return 0;
}

/* Keep a table without a name in the configuration, which takes it. */
static int
check_keep(struct parse *p, struct table *t)
{
	void *array = p->cfg->inline_tables;
	int error;

	error = parse_grow(
	    &array, p->cfg->ninline_tables, sizeof(*p->cfg->inline_tables));
	if (error != 0) {
		table_free(t);
		return error;
	}
	p->cfg->inline_tables = array;
	p->cfg->inline_tables[p->cfg->ninline_tables++] = t;
	return 0;
}

static struct table *
check_table_find(struct parse *p, const struct ref *ref)
{
	struct suggest s;
	size_t i;

	suggest_init(&s, span_str(ref->name));
	for (i = 0; i < p->ntables; i++) {
		if (strcmp(p->tables[i]->name, ref->name) == 0)
			return p->tables[i];
		suggest_try(&s, p->tables[i]->name);
	}
	cfg_error_add(p->errs, &ref->pos, "table <%s> is not defined%s",
	    ref->name, suggest_text(&s));
	return NULL;
}

int
check_ref(struct parse *p, struct ref *ref, enum table_use use,
    const struct table **out)
{
	struct table *t = ref->inplace;
	int error;

	if (ref->name != NULL) {
		t = check_table_find(p, ref);
	} else if (t != NULL) {
		ref->inplace = NULL;
		table_finish(t);
		if ((error = check_keep(p, t)) != 0)
			return error;
	}
	if (t == NULL)
		return 0;
	error = check_table_use(t, use, &ref->pos, p->errs);
	/* a broken one was told already: what it lacks is no error */
	if (error == 0 && !t->broken)
		*out = t;
	return error == -E_NOMEM ? error : 0;
}

static int
check_hostname(struct parse *p)
{
	if (p->cfg->hostname != NULL)
		return 0;
	if (domain_parse(span_str(p->src->hostname), 0) != 0) {
		cfg_error_add(p->errs, NULL,
		    "'%s' as the name of this host is not valid; "
		    "set one with 'hostname'",
		    p->src->hostname);
		return 0;
	}
	p->cfg->hostname = strdup(p->src->hostname);
	return p->cfg->hostname == NULL ? -E_NOMEM : 0;
}

static int
check_moved(struct parse *p, struct p_action *pa)
{
	if (pa->a.forward && pa->moved.name == NULL &&
	    pa->moved.inplace == NULL)
		cfg_error_add(p->errs, &pa->pos,
		    "action '%s' has 'forward', and no 'moved <table>'",
		    pa->a.name);
	return check_ref(p, &pa->moved, ARG_MOVED, &pa->a.moved);
}

static int
check_actions(struct parse *p)
{
	struct p_action *pa;
	size_t i, j;
	int error;

	for (i = 0; i < p->nactions; i++) {
		pa = &p->actions[i];
		for (j = 0; j < i; j++) {
			if (strcmp(p->actions[j].a.name, pa->a.name) != 0)
				continue;
			check_twice(p, "action", pa->a.name, &p->actions[j].pos,
			    &pa->pos);
			break;
		}
		if (pa->a.ttl_s == 0)
			pa->a.ttl_s = p->cfg->set.queue_ttl_s;
		if (pa->a.kind == ACTION_RELAY && pa->a.relay != NULL &&
		    (error = check_relay(p, pa)) != 0)
			return error;
		if ((error = check_ref(
			 p, &pa->alias, ARG_ALIASES, &pa->a.alias)) != 0 ||
		    (error = check_moved(p, pa)) != 0 ||
		    (error = check_ref(p, &pa->userbase,
			 /* with a user of its own it only says who is there */
			 pa->a.user == NULL ? ARG_USERS : ARG_MAP,
			 &pa->a.userbase)) != 0)
			return error;
	}
	p->cfg->actions = chk_calloc(p->nactions + 1, sizeof(*p->cfg->actions));
	if (p->cfg->actions == NULL)
		return -E_NOMEM;
	for (i = 0; i < p->nactions; i++) {
		p->cfg->actions[i] = p->actions[i].a;
		p->actions[i].a = (struct action){ 0 };
	}
	p->cfg->nactions = p->nactions;
	return 0;
}

/* Where the condition of a group is, or nconds. */
static size_t
check_cond(const struct p_rule *r, enum cond_group group)
{
	size_t i;

	for (i = 0; i < r->nconds; i++) {
		if (cond_row(r->conds[i].kind)->group == group)
			break;
	}
	return i;
}

static int
check_rule_cond(struct parse *p, struct p_cond *c, struct rule *out)
{
	struct cond *to = &out->conds[out->nconds++];

	to->kind = c->kind;
	to->negate = c->negate;
	return check_ref(p, &c->table, cond_row(c->kind)->arg, &to->table);
}

/* Conditions in the order from, for, the others: what is not written is local
 * only, so that nothing relays or takes mail by an omission. */
static int
check_rule_conds(struct parse *p, struct p_rule *r, struct rule *out)
{
	struct p_cond from = { .kind = COND_FROM_LOCAL };
	struct p_cond to = { .kind = COND_FOR_LOCAL };
	size_t at_from = check_cond(r, COND_FROM), i;
	size_t at_for = check_cond(r, COND_FOR);
	int error;

	out->conds = chk_calloc(r->nconds + 2, sizeof(*out->conds));
	if (out->conds == NULL)
		return -E_NOMEM;
	error = check_rule_cond(
	    p, at_from < r->nconds ? &r->conds[at_from] : &from, out);
	if (error == 0)
		error = check_rule_cond(
		    p, at_for < r->nconds ? &r->conds[at_for] : &to, out);
	for (i = 0; i < r->nconds && error == 0; i++) {
		if (i != at_from && i != at_for)
			error = check_rule_cond(p, &r->conds[i], out);
	}
	return error;
}

static void
check_rule_action(struct parse *p, const struct ref *ref, struct rule *out)
{
	struct suggest s;
	size_t i;

	if (ref->name == NULL)
		return;
	out->action = config_action(p->cfg, span_str(ref->name));
	if (out->action != NULL)
		return;
	suggest_init(&s, span_str(ref->name));
	for (i = 0; i < p->cfg->nactions; i++)
		suggest_try(&s, p->cfg->actions[i].name);
	cfg_error_add(p->errs, &ref->pos, "action '%s' is not defined%s",
	    ref->name, suggest_text(&s));
}

static int
check_rules(struct parse *p)
{
	struct rule *out;
	size_t i;
	int error;

	p->cfg->rules = chk_calloc(p->nrules + 1, sizeof(*p->cfg->rules));
	if (p->cfg->rules == NULL)
		return -E_NOMEM;
	for (i = 0; i < p->nrules; i++) {
		out = &p->cfg->rules[p->cfg->nrules++];
		out->index = (unsigned)i;
		out->line = p->rules[i].pos.line;
		if ((error = check_rule_conds(p, &p->rules[i], out)) != 0)
			return error;
		check_rule_action(p, &p->rules[i].action, out);
	}
	return 0;
}

/* A table of our own: a list of these words. */
static int
check_own_table(struct parse *p, const char *const *words, size_t n,
    enum table_use use, const struct table **out)
{
	struct table *t = table_new(NULL, TABLE_LIST, NULL);
	struct cfg_pos pos = { 0 };
	struct span none = { 0 };
	size_t i;
	int error;

	if (t == NULL || check_keep(p, t) != 0)
		return -E_NOMEM;
	for (i = 0; i < n; i++) {
		if (words[i] != NULL &&
		    (error = table_add(t, span_str(words[i]), none, &pos)) != 0)
			return error;
	}
	table_finish(t);
	*out = t;
	return use == ARG_NETADDR ? table_net_index(t) : 0;
}

static int
check_own_tables(struct parse *p)
{
	static const char *const loopback[] = { "127.0.0.0/8", "::1" };
	const char *const names[] = { "localhost", p->cfg->hostname };
	int error;

	error =
	    check_own_table(p, names, 2, ARG_DOMAIN, &p->cfg->local_domains);
	if (error == 0)
		error = check_own_table(
		    p, loopback, 2, ARG_NETADDR, &p->cfg->local_sources);
	return error;
}

/* What was only good while the sources are there. */
static void
check_forget(struct parse *p)
{
	size_t i;

	p->cfg->tables = p->tables;
	p->cfg->ntables = p->ntables;
	p->tables = NULL;
	p->ntables = 0;
	for (i = 0; i < p->cfg->ntables; i++) {
		p->cfg->tables[i]->file = NULL;
		p->cfg->tables[i]->pos.file = NULL;
	}
	for (i = 0; i < p->cfg->ninline_tables; i++) {
		p->cfg->inline_tables[i]->file = NULL;
		p->cfg->inline_tables[i]->pos.file = NULL;
	}
}

int
check_config(struct parse *p)
{
	int error;

	if ((error = check_hostname(p)) == 0 &&
	    (error = check_tables(p)) == 0 && (error = check_actions(p)) == 0 &&
	    (error = check_limits(p)) == 0 && (error = check_rules(p)) == 0 &&
	    (error = check_listeners(p)) == 0)
		error = check_own_tables(p);
	check_forget(p);
	return error;
}
