/* SPDX-License-Identifier: ISC
 *
 * The lexer.  It reads one octet at a time from the innermost file or macro;
 * macros are put in as text, once: their own text is not searched for more of
 * them, so no expansion can grow without end.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/lex.h"
#include "privsep/config/suggest.h"

#define LEX_EOF (-1)

void
lex_init(struct lex *lx, struct cfg_errors *errs)
{
	memset(lx, 0, sizeof(*lx));
	lx->errs = errs;
	buf_init(&lx->text, LEX_TOKEN_MAX);
}

void
lex_clear(struct lex *lx)
{
	size_t i;

	for (i = 0; i < lx->nmacros; i++) {
		free(lx->macros[i].name);
		free(lx->macros[i].value);
	}
	free(lx->macros);
	free(lx->fixed);
	buf_clear(&lx->text);
}

bool
lex_is_word(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("(){}<>!=#,\"\\$", c) == NULL;
}

static bool
lex_is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static struct lex_frame *
lex_top(struct lex *lx)
{
	return &lx->frames[lx->depth - 1];
}

/* The octet at an offset from here, without moving. */
static int
lex_octet(const struct lex_frame *f, size_t off)
{
	return f->at + off < f->data.len ? f->data.p[f->at + off] : LEX_EOF;
}

/* Move over one octet. */
static void
lex_skip(struct lex_frame *f)
{
	unsigned char c = f->data.p[f->at++];

	if (f->macro)
		return;
	if (c == '\n') {
		f->pos.line++;
		f->pos.column = 1;
	} else {
		f->pos.column++;
	}
}

/* The next octet, past a backslash that joins two lines. */
static int
lex_peek(struct lex_frame *f)
{
	while (lex_octet(f, 0) == '\\' && lex_octet(f, 1) == '\n') {
		lex_skip(f);
		lex_skip(f);
	}
	return lex_octet(f, 0);
}

int
lex_push_file(struct lex *lx, const struct cfg_file *file)
{
	if (lx->depth >= CFG_INCLUDE_MAX)
		return -E_TOOLONG;
	lx->frames[lx->depth++] = (struct lex_frame){ .data = file->data,
		.pos = { .file = file, .line = 1, .column = 1 } };
	return 0;
}

bool
lex_pop(struct lex *lx)
{
	lx->depth--;
	return lx->depth > 0;
}

bool
lex_at_assign(const struct lex *lx)
{
	const struct lex_frame *f = &lx->frames[lx->depth - 1];
	size_t off = 0;

	while (lex_octet(f, off) == ' ' || lex_octet(f, off) == '\t')
		off++;
	return lex_octet(f, off) == '=';
}

static struct cfg_macro *
lex_macro(struct lex *lx, struct span name)
{
	size_t i;

	for (i = 0; i < lx->nmacros; i++) {
		if (span_eq(span_str(lx->macros[i].name), name))
			return &lx->macros[i];
	}
	return NULL;
}

static int
lex_macro_add(struct lex *lx, const char *name, char *value, bool fixed)
{
	struct cfg_macro *macros;
	bool *flags;
	char *copy;

	macros = chk_realloc(lx->macros, lx->nmacros + 1, sizeof(*macros));
	if (macros == NULL)
		return -E_NOMEM;
	lx->macros = macros;
	flags = chk_realloc(lx->fixed, lx->nmacros + 1, sizeof(*flags));
	if (flags == NULL)
		return -E_NOMEM;
	lx->fixed = flags;
	if ((copy = strdup(name)) == NULL)
		return -E_NOMEM;
	macros[lx->nmacros] = (struct cfg_macro){ copy, value };
	flags[lx->nmacros++] = fixed;
	/* cppcheck-suppress memleak ; the macros own the copy */
	return 0;
}

int
lex_define(struct lex *lx, const char *name, struct span value, bool fixed)
{
	struct cfg_macro *old = lex_macro(lx, span_str(name));
	char *copy;
	int error;

	if (old != NULL && lx->fixed[old - lx->macros])
		return 0;
	if (old == NULL && lx->nmacros == LEX_MACROS_MAX)
		return -E_TOOLONG;
	if ((copy = span_dup(value)) == NULL)
		return -E_NOMEM;
	if (old != NULL) {
		free(old->value);
		old->value = copy;
		return 0;
	}
	if ((error = lex_macro_add(lx, name, copy, fixed)) != 0)
		free(copy);
	return error;
}

/* $name: go on in its value. */
static bool
lex_expand(struct lex *lx, struct token *tok)
{
	struct lex_frame *f = lex_top(lx);
	const struct cfg_macro *m;
	struct suggest s;
	struct span name;
	size_t i;

	lex_skip(f); /* the $ */
	name = (struct span){ f->data.p + f->at, 0 };
	while (lex_is_name(lex_octet(f, 0))) {
		lex_skip(f);
		name.len++;
	}
	if ((m = lex_macro(lx, name)) == NULL) {
		suggest_init(&s, name);
		for (i = 0; i < lx->nmacros; i++)
			suggest_try(&s, lx->macros[i].name);
		cfg_error_add(lx->errs, &tok->pos,
		    "macro $%.*s is not defined%s", (int)suggest_len(name),
		    (const char *)name.p, suggest_text(&s));
		return false;
	}
	lx->frames[lx->depth++] = (struct lex_frame){
		.data = span_str(m->value), .pos = tok->pos, .macro = true
	};
	return true;
}

/* After an error inside a string: what follows on its line is no longer known
 * to be in or out of quotes. */
static bool
lex_skip_line(struct lex_frame *f)
{
	while (lex_octet(f, 0) != LEX_EOF && lex_octet(f, 0) != '\n')
		lex_skip(f);
	return false;
}

/* A string in quotes.  A backslash stands before a quote, a backslash, a
 * blank or the end of the line; before anything else it is itself. */
static bool
lex_string(struct lex *lx, struct token *tok)
{
	struct lex_frame *f = lex_top(lx);
	int quote = lex_octet(f, 0), c, next;
	unsigned char octet;

	lex_skip(f);
	while ((c = lex_octet(f, 0)) != quote) {
		if (c == LEX_EOF || c == '\n') {
			cfg_error_add(lx->errs, &tok->pos,
			    "the quote is not closed on this line");
			return false;
		}
		next = lex_octet(f, 1);
		if (c == '\\' && next == '\n') {
			lex_peek(f);
			continue;
		}
		if (c == '\\' &&
		    (next == quote || next == '\\' || next == ' ' ||
			next == '\t')) {
			lex_skip(f);
			c = next;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f) {
			cfg_error_add(
			    lx->errs, &f->pos, "control character in a string");
			return lex_skip_line(f);
		}
		octet = (unsigned char)c;
		buf_add(&lx->text, &octet, 1);
		lex_skip(f);
	}
	lex_skip(f);
	tok->kind = TOK_STRING;
	return true;
}

static void
lex_word(struct lex *lx)
{
	struct lex_frame *f = lex_top(lx);
	unsigned char octet;
	int c;

	while ((c = lex_peek(f)) != LEX_EOF && lex_is_word((unsigned char)c)) {
		octet = (unsigned char)c;
		buf_add(&lx->text, &octet, 1);
		lex_skip(f);
	}
}

static bool
lex_table(struct lex *lx, struct token *tok)
{
	lex_skip(lex_top(lx));
	lex_word(lx);
	if (lx->text.len == 0 || lex_peek(lex_top(lx)) != '>') {
		cfg_error_add(
		    lx->errs, &tok->pos, "expected a table as in <name>");
		return false;
	}
	lex_skip(lex_top(lx));
	tok->kind = TOK_TABLE;
	return true;
}

static bool
lex_stray(struct lex *lx, struct token *tok, int c)
{
	if (c == '\r')
		cfg_error_add(lx->errs, &tok->pos,
		    "carriage return: "
		    "lines must end in a line feed alone");
	else if (c == '$')
		cfg_error_add(lx->errs, &tok->pos,
		    "a macro cannot stand in the value of another");
	else if (c > ' ' && c < 0x7f)
		cfg_error_add(lx->errs, &tok->pos,
		    "'%c' cannot stand here without quotes", c);
	else
		cfg_error_add(lx->errs, &tok->pos,
		    "octet 0x%02X cannot stand here without quotes", c);
	lex_skip(lex_top(lx));
	return false;
}

/* Blanks, comments, and the ends of macros. */
static int
lex_start(struct lex *lx)
{
	struct lex_frame *f;
	int c;

	for (;;) {
		f = lex_top(lx);
		c = lex_peek(f);
		if (c == LEX_EOF && f->macro) {
			lx->depth--;
		} else if (c == ' ' || c == '\t') {
			lex_skip(f);
		} else if (c == '#') {
			while ((c = lex_peek(f)) != LEX_EOF && c != '\n')
				lex_skip(f);
		} else {
			return c;
		}
	}
}

/* Read one token that begins with c; false after an error was added. */
static bool
lex_token(struct lex *lx, struct token *tok, int c)
{
	unsigned char octet = (unsigned char)c;

	if (c == '"' || c == '\'')
		return lex_string(lx, tok);
	if (c == '<')
		return lex_table(lx, tok);
	if (c != '\0' && strchr("\n{},=!", c) != NULL) {
		tok->kind = c == '\n' ? TOK_EOL : TOK_PUNCT;
		buf_add(&lx->text, &octet, 1);
		lex_skip(lex_top(lx));
		return true;
	}
	if (!lex_is_word(octet))
		return lex_stray(lx, tok, c);
	tok->kind = TOK_WORD;
	lex_word(lx);
	return true;
}

int
lex_next(struct lex *lx, struct token *tok)
{
	bool ok = true;
	int c;

	buf_reset(&lx->text);
	c = lex_start(lx);
	tok->pos = lex_top(lx)->pos;
	/* a macro may be empty, and others follow it */
	while (ok && c == '$' && !lex_top(lx)->macro) {
		if ((ok = lex_expand(lx, tok)))
			c = lex_start(lx);
		if (ok && !lex_top(lx)->macro)
			tok->pos = lex_top(lx)->pos;
	}
	if (ok && c == LEX_EOF)
		tok->kind = TOK_END;
	else if (ok)
		ok = lex_token(lx, tok, c);
	if (ok && lx->text.err == -E_TOOLONG) {
		cfg_error_add(lx->errs, &tok->pos, "longer than %d octets",
		    LEX_TOKEN_MAX);
		ok = false;
	}
	if (!ok)
		tok->kind = TOK_BAD;
	tok->text = buf_span(&lx->text);
	return lx->text.err == -E_NOMEM ? -E_NOMEM : 0;
}
