/* SPDX-License-Identifier: ISC
 *
 * action NAME maildir|mbox [path] options; parse_relay.c has those of relay.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"

#define USER_MAX 32 /* octets of a user's name, as useradd(8) has it */

void
action_clear(struct action *a)
{
	free(a->name);
	free(a->user);
	template_free(a->path);
	relay_free(a->relay);
	*a = (struct action){ 0 };
}

static int
action_template(struct parse *p, struct span text, struct template **out)
{
	struct cfg_pos pos = p->tok.pos;
	const char *why;
	size_t at;
	int error;

	error = template_parse(text, out, &why, &at);
	if (error == 0 || error == -E_NOMEM)
		return error;
	/* the place within the quotes; escapes in front of it are rare */
	pos.column += (unsigned)at + (p->tok.kind == TOK_STRING);
	cfg_error_add(p->errs, &pos, "%s", why);
	return -E_SYNTAX;
}

static int
action_path(struct parse *p, struct action *a)
{
	const char *implied = a->kind == ACTION_MAILDIR
	    ? "~/Maildir"
	    : "/var/mail/%{user.username}";
	int error;

	if (p->tok.kind == TOK_STRING ||
	    (p->tok.kind == TOK_WORD && strchr("/~%", p->tok.text.p[0]))) {
		if ((error = action_template(p, p->tok.text, &a->path)) != 0)
			return error;
		return parse_next(p);
	}
	return action_template(p, span_str(implied), &a->path);
}

static int
action_user(struct parse *p, struct action *a)
{
	if (p->tok.text.len > USER_MAX)
		return parse_error(p, "no name of a user is that long");
	return parse_text(p, "the name of a user", &a->user);
}

static int
action_options(struct parse *p, struct p_action *pa)
{
	struct phrases set;
	struct cfg_pos pos;
	uint64_t seen = 0;
	int id, error;

	if ((error = phrases_init(&set, CTX_ACTION)) != 0)
		return error;
	while (error == 0 && !parse_is_eol(p)) {
		pos = p->tok.pos;
		if ((error = parse_phrase(p, &set, "", &id)) != 0)
			break;
		if (seen & 1ULL << id) {
			cfg_error_add(p->errs, &pos, "given twice");
			error = -E_SYNTAX;
		} else if (id == KW_A_ALIAS) {
			error = parse_ref(p, false, &pa->alias);
		} else if (id == KW_A_MOVED) {
			error = parse_ref(p, false, &pa->moved);
		} else if (id == KW_A_FORWARD) {
			pa->a.forward = true;
		} else if (id == KW_A_USERBASE) {
			error = parse_ref(p, false, &pa->userbase);
		} else if (id == KW_A_USER) {
			error = action_user(p, &pa->a);
		} else {
			error = parse_duration(
			    p, 1, 365ULL * 24 * 60 * 60, &pa->a.ttl_s);
		}
		seen |= 1ULL << id;
	}
	free(set.p);
	return error;
}

int
parse_action(struct parse *p)
{
	struct cfg_pos pos = p->tok.pos;
	struct phrases set;
	struct p_action *pa;
	void *array = p->actions;
	int id, error;

	error = parse_grow(&array, p->nactions, sizeof(*p->actions));
	if (error != 0)
		return error;
	p->actions = array;
	pa = &p->actions[p->nactions];
	*pa = (struct p_action){ .pos = pos };
	if ((error = parse_text(p, "a name for the action", &pa->a.name)) !=
	    0) {
		free(pa->a.name);
		return error;
	}
	/* from here on it is known by its name, errors or not */
	p->nactions++;
	if ((error = phrases_init(&set, CTX_METHOD)) != 0)
		return error;
	error = parse_phrase(p, &set, "", &id);
	free(set.p);
	if (error != 0)
		return error;
	if (id == KW_M_RELAY)
		return parse_relay(p, pa);
	pa->a.kind = id == KW_M_MBOX ? ACTION_MBOX : ACTION_MAILDIR;
	if ((error = action_path(p, &pa->a)) != 0)
		return error;
	return action_options(p, pa);
}
