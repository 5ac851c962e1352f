/* SPDX-License-Identifier: ISC
 *
 * match ... action NAME | reject.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/rules.h"

/* The condition is there alone, and the rule goes on. */
static bool
match_is_bare(
    const struct parse *p, const struct phrases *set, enum cond_kind kind)
{
	return kind == COND_FROM_RDNS &&
	    (parse_is_eol(p) || parse_is(p, '!') ||
		(p->tok.kind == TOK_WORD && phrases_begin(set, p->tok.text)));
}

static int
match_condition(struct parse *p, struct p_rule *r, const struct phrases *set,
    const struct cfg_pos *pos, enum cond_kind kind, bool negate)
{
	enum cond_group group = cond_row(kind)->group;
	struct p_cond *c;
	size_t i;

	for (i = 0; i < r->nconds; i++) {
		if (r->conds[i].kind == kind ||
		    (group != COND_SESSION &&
			cond_row(r->conds[i].kind)->group == group)) {
			cfg_error_add(p->errs, pos, "the rule has '%s' already",
			    cond_row(r->conds[i].kind)->words);
			return -E_SYNTAX;
		}
	}
	c = &r->conds[r->nconds++];
	*c = (struct p_cond){ .kind = kind, .negate = negate };
	if (cond_row(kind)->arg == ARG_NONE || match_is_bare(p, set, kind))
		return 0;
	if (p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str("regex")))
		return parse_error(p,
		    "'regex' is not supported here: "
		    "list what shall match");
	return parse_ref(p, true, &c->table);
}

/* The conditions, up to action or reject. */
static int
match_conditions(struct parse *p, struct p_rule *r, const struct phrases *set)
{
	struct cfg_pos pos;
	bool negate;
	int id, error;

	for (;;) {
		pos = p->tok.pos;
		if ((negate = parse_is(p, '!')) && (error = parse_next(p)) != 0)
			return error;
		if (parse_is_eol(p))
			return parse_expected(p, "action or reject");
		if ((error = parse_phrase(p, set, "", &id)) != 0)
			return error;
		if (id < PHRASE_COND && negate) {
			cfg_error_add(
			    p->errs, &pos, "only a condition can be negated");
			return -E_SYNTAX;
		}
		if (id == KW_R_REJECT)
			return 0;
		if (id == KW_R_ACTION) {
			r->action.pos = p->tok.pos;
			return parse_text(
			    p, "the name of an action", &r->action.name);
		}
		error = match_condition(p, r, set, &pos,
		    (enum cond_kind)(id - PHRASE_COND), negate);
		if (error != 0)
			return error;
	}
}

int
parse_match(struct parse *p)
{
	struct phrases set;
	struct p_rule *r;
	void *array = p->rules;
	int error;

	error = parse_grow(&array, p->nrules, sizeof(*p->rules));
	if (error != 0)
		return error;
	p->rules = array;
	r = &p->rules[p->nrules++];
	*r = (struct p_rule){ .pos = p->tok.pos };
	if ((error = phrases_init(&set, CTX_MATCH)) != 0)
		return error;
	error = match_conditions(p, r, &set);
	free(set.p);
	return error;
}
