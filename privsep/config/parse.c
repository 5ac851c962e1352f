/* SPDX-License-Identifier: ISC
 *
 * The parser's frame: tokens, lists in braces, statements one by one.  After
 * an error it goes on with the next line, so that one run reports them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/settings.h"
#include "privsep/config/table_int.h"

int
parse_next(struct parse *p)
{
	int error = lex_next(&p->lx, &p->tok);

	if (error == 0 && p->tok.kind == TOK_BAD)
		error = -E_SYNTAX;
	return error;
}

bool
parse_is(const struct parse *p, char punct)
{
	return p->tok.kind == TOK_PUNCT &&
	    p->tok.text.p[0] == (unsigned char)punct;
}

bool
parse_is_eol(const struct parse *p)
{
	return p->tok.kind == TOK_EOL || p->tok.kind == TOK_END;
}

int
parse_expected(struct parse *p, const char *what)
{
	const char *quote = p->tok.kind == TOK_STRING ? "\"" : "'";

	if (p->tok.kind == TOK_EOL)
		return parse_error(
		    p, "expected %s, found the end of the line", what);
	if (p->tok.kind == TOK_END)
		return parse_error(
		    p, "expected %s, found the end of the file", what);
	if (p->tok.kind == TOK_TABLE)
		return parse_error(p, "expected %s, found table <%.*s>", what,
		    (int)p->tok.text.len, (const char *)p->tok.text.p);
	return parse_error(p, "expected %s, found %s%.*s%s", what, quote,
	    (int)p->tok.text.len, (const char *)p->tok.text.p, quote);
}

int
parse_error(struct parse *p, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	cfg_error_add(p->errs, &p->tok.pos, "%s", message);
	return -E_SYNTAX;
}

int
parse_text(struct parse *p, const char *what, char **out)
{
	char *copy;

	if (p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING)
		return parse_expected(p, what);
	if (p->tok.text.len == 0)
		return parse_error(
		    p, "expected %s, found an empty string", what);
	if ((copy = span_dup(p->tok.text)) == NULL)
		return -E_NOMEM;
	free(*out);
	*out = copy;
	return parse_next(p);
}

int
parse_grow(void **array, size_t n, size_t size)
{
	void *grown;

	/* room doubles when the number is a power of two */
	if ((n & (n - 1)) != 0 && n != 0)
		return 0;
	if ((grown = chk_realloc(*array, n == 0 ? 1 : 2 * n, size)) == NULL)
		return -E_NOMEM;
	*array = grown;
	return 0;
}

void
ref_clear(struct ref *ref)
{
	free(ref->name);
	table_free(ref->inplace);
	*ref = (struct ref){ 0 };
}

/* One entry of a list: key, or key = value, as the first one was. */
static int
parse_entry(struct parse *p, struct table *t)
{
	struct cfg_pos pos = p->tok.pos;
	struct span none = { 0 };
	char *key = NULL, *value = NULL;
	int error;

	if ((error = parse_text(p, "an entry", &key)) != 0)
		goto out;
	if (t->nents == 0 && parse_is(p, '='))
		t->kind = TABLE_MAPPING;
	if (t->kind == TABLE_MAPPING) {
		if (!parse_is(p, '=')) {
			error = parse_expected(p, "'=' and a value");
			goto out;
		}
		if ((error = parse_next(p)) != 0 ||
		    (error = parse_text(p, "a value", &value)) != 0)
			goto out;
	}
	error = table_add(
	    t, span_str(key), value != NULL ? span_str(value) : none, &pos);
	if (error == -E_TOOLONG)
		error = parse_error(p, "the table is too large");
out:
	free(key);
	free(value);
	return error;
}

static int
parse_skip_lines(struct parse *p)
{
	int error = 0;

	while (error == 0 && p->tok.kind == TOK_EOL)
		error = parse_next(p);
	return error;
}

static int
parse_expected_in_list(struct parse *p, const struct table *t, unsigned line)
{
	const char *assign =
	    t->nents == 1 && t->kind == TABLE_LIST ? ", '='" : "";
	char what[80];

	snprintf(what, sizeof(what),
	    "','%s or '}' in the list that begins on line %u", assign, line);
	return parse_expected(p, what);
}

int
parse_braces(struct parse *p, struct table *t)
{
	unsigned line = p->tok.pos.line;
	int error;

	p->in_braces = true;
	t->file = p->tok.pos.file;
	if ((error = parse_skip_lines(p)) != 0)
		return error;
	for (;;) {
		if ((error = parse_entry(p, t)) != 0)
			return error;
		/* a comma, or a new line, or both, and then the next */
		if (!parse_is(p, ',') && !parse_is(p, '}') &&
		    p->tok.kind != TOK_EOL)
			return parse_expected_in_list(p, t, line);
		if ((error = parse_skip_lines(p)) != 0)
			return error;
		if (parse_is(p, ',') && (error = parse_next(p)) != 0)
			return error;
		if ((error = parse_skip_lines(p)) != 0)
			return error;
		if (parse_is(p, '}'))
			break;
	}
	p->in_braces = false;
	return parse_next(p);
}

static int
parse_inplace(struct parse *p, struct ref *out)
{
	struct table *t;
	int error;

	if ((t = table_new(NULL, TABLE_LIST, NULL)) == NULL)
		return -E_NOMEM;
	out->inplace = t;
	t->pos = p->tok.pos;
	t->file = p->tok.pos.file;
	if (!parse_is(p, '{'))
		return parse_entry(p, t);
	if ((error = parse_next(p)) != 0)
		return error;
	return parse_braces(p, t);
}

int
parse_ref(struct parse *p, bool lists, struct ref *out)
{
	ref_clear(out);
	out->pos = p->tok.pos;
	if (p->tok.kind == TOK_TABLE) {
		if ((out->name = span_dup(p->tok.text)) == NULL)
			return -E_NOMEM;
		return parse_next(p);
	}
	if (!lists)
		return parse_expected(p, "a table as in <name>");
	if (p->tok.kind == TOK_WORD || p->tok.kind == TOK_STRING ||
	    parse_is(p, '{'))
		return parse_inplace(p, out);
	return parse_expected(p, "<table>, a string or '{'");
}

static int
parse_include(struct parse *p)
{
	struct cfg_pos pos = p->tok.pos;
	const struct cfg_file *file;
	char *path = NULL;
	int error;

	if ((error = parse_text(p, "the path of a file", &path)) != 0)
		goto out;
	if (!parse_is_eol(p)) {
		error = parse_expected(p, "the end of the line");
		goto out;
	}
	error = cfg_source_file(p->src, span_str(path), &pos, p->errs, &file);
	if (error != 0)
		goto out;
	/* depth alone would allow for 256 to the power of 16 of them */
	if (++p->includes > CFG_FILES_MAX ||
	    (error = lex_push_file(&p->lx, file)) == -E_TOOLONG) {
		cfg_error_add(p->errs, &pos,
		    "more than %d includes, or more than %d deep",
		    CFG_FILES_MAX, CFG_INCLUDE_MAX);
		error = -E_SYNTAX;
	}
out:
	free(path);
	return error;
}

static int
parse_macro(struct parse *p)
{
	char *name = span_dup(p->tok.text), *value = NULL;
	int error;

	if (name == NULL)
		return -E_NOMEM;
	if (strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_-") != strlen(name)) {
		error = parse_error(p,
		    "the name of a macro has letters, "
		    "digits, '-' and '_' alone");
		goto out;
	}
	if ((error = parse_next(p)) != 0 || (error = parse_next(p)) != 0)
		goto out;
	/* an empty one switches off what it stands for */
	if (p->tok.kind == TOK_STRING && p->tok.text.len == 0) {
		value = strdup("");
		error = value != NULL ? parse_next(p) : -E_NOMEM;
	} else {
		error = parse_text(p, "the value of the macro", &value);
	}
	if (error != 0)
		goto out;
	error = lex_define(&p->lx, name, span_str(value), false);
	if (error == -E_TOOLONG)
		error = parse_error(p, "more than %d macros", LEX_MACROS_MAX);
out:
	free(name);
	free(value);
	return error;
}

static int
parse_statement(struct parse *p, const struct phrases *top)
{
	int id, error;

	if (p->tok.kind == TOK_WORD && lex_at_assign(&p->lx))
		return parse_macro(p);
	if ((error = parse_phrase(p, top, "", &id)) != 0)
		return error;
	switch (id) {
	case KW_INCLUDE:
		return parse_include(p);
	case KW_TABLE:
		return parse_table(p);
	case KW_LISTEN:
		return parse_listen(p);
	case KW_ACTION:
		return parse_action(p);
	case KW_LIMIT:
		return parse_limit(p);
	case KW_RESOLVER_FORWARD:
	case KW_RESOLVER_RECURSIVE:
	case KW_RESOLVER_ANCHOR:
		return parse_resolver(p, id);
	case KW_MATCH:
		return parse_match(p);
	case KW_HOSTNAME:
		return parse_hostname(p);
	case KW_SUB_ADDR_DELIM:
		return parse_sub_addr_delim(p);
	default:
		return parse_setting(p, top, id);
	}
}

/* Go on after an error: at the end of the line, or of the list in braces, or
 * where a line in braces looks like the next statement. */
static int
parse_recover(struct parse *p, const struct phrases *top)
{
	bool fresh = false; /* the line has just begun */
	int error = 0;

	while (p->tok.kind != TOK_END && error != -E_NOMEM) {
		if (p->in_braces && parse_is(p, '}'))
			p->in_braces = false;
		if (p->tok.kind == TOK_EOL && !p->in_braces)
			break;
		if (fresh && p->tok.kind == TOK_WORD &&
		    phrases_begin(top, p->tok.text)) {
			p->held = true;
			break;
		}
		fresh = p->tok.kind == TOK_EOL;
		/* what is skipped is looked at no closer */
		error = lex_next(&p->lx, &p->tok);
	}
	p->in_braces = false;
	return error;
}

/* One line; false at the end of the main file. */
static int
parse_line(struct parse *p, const struct phrases *top, bool *more)
{
	int error = p->held ? 0 : parse_next(p);

	p->held = false;
	if (error == 0 && p->tok.kind == TOK_END) {
		*more = lex_pop(&p->lx);
		return 0;
	}
	if (error == 0 && p->tok.kind != TOK_EOL) {
		error = parse_statement(p, top);
		if (error == 0 && !parse_is_eol(p))
			error = parse_expected(p, "the end of the line");
	}
	if (error == -E_NOMEM)
		return error;
	if (error != 0)
		error = parse_recover(p, top);
	return error;
}

static int
parse_files(struct parse *p)
{
	struct phrases top;
	bool more = true;
	size_t i;
	int error;

	if ((error = phrases_init(&top, CTX_TOP)) != 0)
		return error;
	for (i = 0; i < p->src->ndefines && error == 0; i++)
		error = lex_define(&p->lx, p->src->defines[i].name,
		    span_str(p->src->defines[i].value), true);
	if (error == 0)
		error = lex_push_file(&p->lx, p->src->files[0]);
	while (error == 0 && more && p->errs->total < CFG_ERRORS_MAX)
		error = parse_line(p, &top, &more);
	free(top.p);
	return error;
}

static void
parse_clear(struct parse *p)
{
	size_t i, j;

	lex_clear(&p->lx);
	for (i = 0; i < p->nactions; i++) {
		action_clear(&p->actions[i].a);
		ref_clear(&p->actions[i].alias);
		ref_clear(&p->actions[i].moved);
		ref_clear(&p->actions[i].userbase);
		ref_clear(&p->actions[i].domains);
		ref_clear(&p->actions[i].auth);
		ref_clear(&p->actions[i].src);
		ref_clear(&p->actions[i].helo_src);
	}
	for (i = 0; i < p->nlimits; i++)
		ref_clear(&p->limits[i].whom);
	for (i = 0; i < p->nrules; i++) {
		for (j = 0; j < p->rules[i].nconds; j++)
			ref_clear(&p->rules[i].conds[j].table);
		ref_clear(&p->rules[i].action);
	}
	for (i = 0; i < p->nlisteners; i++)
		p_listener_clear(&p->listeners[i]);
	for (i = 0; i < p->ntables; i++)
		table_free(p->tables[i]);
	free(p->actions);
	free(p->limits);
	free(p->rules);
	free(p->listeners);
	free(p->tables);
}

int
config_parse(
    struct cfg_source *src, struct config **out, struct cfg_errors *errs)
{
	struct parse p = { .src = src, .errs = errs };
	size_t before = errs->total;
	int error = -E_NOMEM;

	lex_init(&p.lx, errs);
	if ((p.cfg = calloc(1, sizeof(*p.cfg))) == NULL)
		goto out;
	settings_defaults(&p.cfg->set);
	p.cfg->sub_addr_delim = '+';
	if ((error = parse_files(&p)) == 0)
		error = check_config(&p);
	if (error == 0 && errs->total > before)
		error = -E_SYNTAX;
out:
	parse_clear(&p);
	if (error == 0)
		*out = p.cfg;
	else
		config_free(p.cfg);
	return error;
}
