/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the state of a parse, what the files of statements share,
 * and what they leave to check.c: names are resolved after the last line, so
 * that they may be used before they are defined.
 *
 * Unless told otherwise functions return 0, -E_SYNTAX after an error was
 * added, or -E_NOMEM.
 */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "privsep/config/lex.h"

/* A table that is used: its name, or what was written in place. */
struct ref {
	struct cfg_pos pos;
	char *name;
	struct table *inplace;
};

struct p_action {
	struct cfg_pos pos;
	struct action a;
	struct ref alias;
	struct ref moved;
	struct ref userbase;
	struct ref domains; /* of a relay, as what follows */
	struct ref auth;
	struct ref src;
	struct ref helo_src;
	struct cfg_pos host_pos;
};

struct p_limit {
	enum limit_kind kind;
	struct ref whom; /* neither name nor table: every domain */
	struct limit_values set;
};

struct p_cond {
	enum cond_kind kind;
	bool negate;
	struct ref table;
};

struct p_rule {
	struct cfg_pos pos;
	struct p_cond conds[COND__MAX];
	size_t nconds;
	struct ref action; /* without a name: reject */
};

struct p_listener {
	struct cfg_pos pos;
	struct listener l;
	bool
	    twin; /* the other address of localhost: tables of the one before */
	struct ref etrn;
	struct ref etrn_from;
};

struct parse {
	struct cfg_source *src;
	struct cfg_errors *errs;
	struct config *cfg;
	struct lex lx;
	struct token tok; /* the one in hand */
	bool in_braces;   /* an error here skips more than the line */
	bool held;        /* tok begins the next statement */
	size_t includes;  /* files that were entered */
	struct p_action *actions;
	size_t nactions;
	struct p_limit *limits;
	size_t nlimits;
	struct p_rule *rules;
	size_t nrules;
	struct p_listener *listeners;
	size_t nlisteners;
	struct table **tables;
	size_t ntables;
};

/* ---- tokens ---- */

/* Take the next token.  A broken one is -E_SYNTAX. */
int parse_next(struct parse *p);

/* The token in hand is this punctuation, or this word. */
bool parse_is(const struct parse *p, char punct);
bool parse_is_eol(const struct parse *p);

/* Add "expected WHAT, found ..." at the token in hand; returns -E_SYNTAX. */
int parse_expected(struct parse *p, const char *what);

/* Add an error at the token in hand; returns -E_SYNTAX. */
int parse_error(struct parse *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Take a word or a string.  Gives *out (free).  what is for the message. */
int parse_text(struct parse *p, const char *what, char **out);

/* Take <name> or, with lists, a string or { a, b } of such. */
int parse_ref(struct parse *p, bool lists, struct ref *out);
void ref_clear(struct ref *ref);

/* Make room for one more of size octets in an array of n. */
int parse_grow(void **array, size_t n, size_t size);

/* ---- words ---- */

enum ctx {
	CTX_TOP,
	CTX_LISTEN,
	CTX_ACTION,
	CTX_METHOD,
	CTX_RELAY,
	CTX_LIMIT,
	CTX_MATCH
};

enum keyword {
#define KEYWORD(id, ctx, words, meaning) id,
#define ABSENT(ctx, words, instead)
#include "privsep/config/keywords.def"
#undef KEYWORD
#undef ABSENT
	KW__MAX
};

/* Words that stand for something: a keyword, a setting, a condition. */
struct phrase {
	const char *words;
	int id;
};

struct phrases {
	struct phrase *p;
	size_t n;
	enum ctx ctx;
};

/* All phrases of a context.  Gives set->p (free).  0 or -E_NOMEM. */
int phrases_init(struct phrases *set, enum ctx ctx);

/* Settings and lists have these ids added in CTX_TOP, conditions in
 * CTX_MATCH. */
#define PHRASE_SETTING 1000
#define PHRASE_LIST    2000
#define PHRASE_COND    3000

/* Take the words of one phrase of the set, of which those of prefix ("" or
 * words with a blank at the end) were taken already; its id goes to *id. */
int parse_phrase(
    struct parse *p, const struct phrases *set, const char *prefix, int *id);

/* Some phrase of the set begins with this word. */
bool phrases_begin(const struct phrases *set, struct span word);

/* ---- statements; the keyword has been taken ---- */

int parse_table(struct parse *p);
int parse_listen(struct parse *p);
int parse_action(struct parse *p);
int parse_limit(struct parse *p);

/* resolver ..., by the keyword of what follows. */
int parse_resolver(struct parse *p, int id);

/* Hold the lines of a trust anchor, which is named at a place, against what
 * records of types DS and DNSKEY look like. */
int anchor_check(const struct cfg_file *file, const struct cfg_pos *named,
    struct cfg_errors *errs);
int parse_match(struct parse *p);
int parse_setting(struct parse *p, const struct phrases *set, int id);
int parse_hostname(struct parse *p);
int parse_sub_addr_delim(struct parse *p);

/* What follows "action NAME relay". */
int parse_relay(struct parse *p, struct p_action *pa);

/* A duration in seconds within bounds; the token is taken. */
int parse_duration(struct parse *p, uint64_t min, uint64_t max, uint64_t *out);

/* A number within bounds; the token is taken. */
int parse_number(struct parse *p, uint64_t min, uint64_t max, uint64_t *out);

/* What is in braces, after the brace: entries of a new table. */
int parse_braces(struct parse *p, struct table *t);

/* Free what a parsed thing holds, not the thing. */
void action_clear(struct action *a);
void relay_free(struct relay *relay);
void listener_clear(struct listener *l);
void p_listener_clear(struct p_listener *pl);

/* ---- after the last line ---- */

/* Resolve names, check what tables hold, write out what is implied. */
int check_config(struct parse *p);

#endif
