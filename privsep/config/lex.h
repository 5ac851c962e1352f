/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the octets of the files as tokens, with macros put in.
 */
#ifndef CONFIG_LEX_H
#define CONFIG_LEX_H

#include "privsep/config/source.h"

enum token_kind {
	TOK_WORD,   /* text without quotes */
	TOK_STRING, /* text in quotes, without them */
	TOK_TABLE,  /* <text> */
	TOK_PUNCT,  /* one of { } , = ! */
	TOK_EOL,
	TOK_END, /* of this file: see lex_pop */
	TOK_BAD  /* an error was added */
};

struct token {
	enum token_kind kind;
	struct cfg_pos pos;
	struct span text; /* borrowed until the next token */
};

struct lex_frame {
	struct span data;
	size_t at;
	struct cfg_pos pos; /* of a macro: where it is used */
	bool macro;
};

#define LEX_FRAMES     (CFG_INCLUDE_MAX + 1) /* files and one macro */
#define LEX_MACROS_MAX 1000
#define LEX_TOKEN_MAX  65536 /* octets of a word or a string */

struct lex {
	struct lex_frame frames[LEX_FRAMES];
	size_t depth;
	struct cfg_macro *macros;
	bool *fixed; /* the macro was given with -D */
	size_t nmacros;
	struct buf text;
	struct cfg_errors *errs;
};

/* Borrows errs.  lex_clear frees what it holds. */
void lex_init(struct lex *lx, struct cfg_errors *errs);
void lex_clear(struct lex *lx);

/* Go on in this file, and back where it was left at the file's end.
 * -E_TOOLONG when files are nested too deeply. */
int lex_push_file(struct lex *lx, const struct cfg_file *file);

/* Leave a file after its TOK_END; false when it was the main file. */
bool lex_pop(struct lex *lx);

/* The next token.  0 or -E_NOMEM. */
int lex_next(struct lex *lx, struct token *tok);

/* After a word: an equals sign follows on the same line. */
bool lex_at_assign(const struct lex *lx);

/* Define a macro.  One that was given with -D (fixed) stays as it is.
 * 0, -E_NOMEM or -E_TOOLONG (too many). */
int lex_define(struct lex *lx, const char *name, struct span value, bool fixed);

/* An octet that may stand in a word without quotes. */
bool lex_is_word(unsigned char c);

#endif
