/* SPDX-License-Identifier: ISC
 *
 * The words of the language, from the tables: which phrase is meant, which
 * words could have stood in a place, and what is known to be absent.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/suggest.h"

#define PHRASE_MAX 128 /* octets of the words of one phrase */

static const struct {
	enum ctx ctx;
	struct phrase phrase;
} words_keywords[] = {
#define KEYWORD(id, ctx, words, meaning) { ctx, { words, id } },
#define ABSENT(ctx, words, instead)
#include "privsep/config/keywords.def"
#undef KEYWORD
#undef ABSENT
};

static const struct {
	enum ctx ctx;
	const char *words;
	const char *instead;
} words_absent[] = {
#define KEYWORD(id, ctx, words, meaning)
#define ABSENT(ctx, words, instead) { ctx, words, instead },
#include "privsep/config/keywords.def"
#undef KEYWORD
#undef ABSENT
};

enum {
#define SETTING(field, words, type, def, min, max, meaning) SET_##field,
#include "privsep/config/settings.def"
#undef SETTING
	SET__MAX
};

enum {
#define SETTING_LIST(field, words, def, min, max, meaning) LIST_##field,
#include "privsep/config/settings_list.def"
#undef SETTING_LIST
	LIST__MAX
};

static const struct phrase words_settings[] = {
#define SETTING(field, words, type, def, min, max, meaning)                    \
	{ words, PHRASE_SETTING + SET_##field },
#include "privsep/config/settings.def"
#undef SETTING
#define SETTING_LIST(field, words, def, min, max, meaning)                     \
	{ words, PHRASE_LIST + LIST_##field },
#include "privsep/config/settings_list.def"
#undef SETTING_LIST
};

static const struct phrase words_conditions[] = {
#define CONDITION(id, group, words, arg, meaning) { words, PHRASE_COND + id },
#include "privsep/config/conditions.def"
#undef CONDITION
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int
phrases_init(struct phrases *set, enum ctx ctx)
{
	size_t i;

	*set = (struct phrases){ .ctx = ctx };
	set->p = calloc(COUNT(words_keywords) + COUNT(words_settings) +
		COUNT(words_conditions),
	    sizeof(*set->p));
	if (set->p == NULL)
		return -E_NOMEM;
	for (i = 0; i < COUNT(words_keywords); i++) {
		if (words_keywords[i].ctx == ctx)
			set->p[set->n++] = words_keywords[i].phrase;
	}
	for (i = 0; i < COUNT(words_settings) && ctx == CTX_TOP; i++)
		set->p[set->n++] = words_settings[i];
	for (i = 0; i < COUNT(words_conditions) && ctx == CTX_MATCH; i++)
		set->p[set->n++] = words_conditions[i];
	return 0;
}

/* The phrase is these words; or it goes on after them. */
static bool
phrase_is(const char *phrase, const char *words)
{
	return strcmp(phrase, words) == 0;
}

static bool
phrase_goes_on(const char *phrase, const char *words)
{
	size_t len = strlen(words);

	return strncmp(phrase, words, len) == 0 && phrase[len] == ' ';
}

bool
phrases_begin(const struct phrases *set, struct span word)
{
	size_t i, len;

	for (i = 0; i < set->n; i++) {
		len = strcspn(set->p[i].words, " ");
		if (len == word.len &&
		    memcmp(set->p[i].words, word.p, len) == 0)
			return true;
	}
	return false;
}

/* The word that follows prefix in a phrase; false if it has another prefix. */
static bool
phrase_next_word(
    const char *phrase, const char *prefix, char *word, size_t size)
{
	size_t len = strlen(prefix);

	if (strncmp(phrase, prefix, len) != 0)
		return false;
	phrase += len;
	len = strcspn(phrase, " ");
	if (len == 0 || len >= size)
		return false;
	memcpy(word, phrase, len);
	word[len] = '\0';
	return true;
}

/* "a, b or c": what could have stood after prefix, each word once. */
static void
phrases_list(const struct phrases *set, const char *prefix, struct buf *out,
    struct suggest *suggest)
{
	char word[PHRASE_MAX], other[PHRASE_MAX];
	size_t i, j, n = 0;

	for (i = 0; i < set->n; i++) {
		if (!phrase_next_word(
			set->p[i].words, prefix, word, sizeof(word)))
			continue;
		for (j = 0; j < i; j++) {
			if (phrase_next_word(set->p[j].words, prefix, other,
				sizeof(other)) &&
			    strcmp(word, other) == 0)
				break;
		}
		if (j < i)
			continue;
		buf_addf(out, "%s%s", n++ > 0 ? ", " : "", word);
		suggest_try(suggest, word);
	}
	buf_add(out, "", 1);
}

/* No phrase goes on with the token in hand. */
static int
phrase_unknown(struct parse *p, const struct phrases *set, const char *prefix,
    const char *words)
{
	struct suggest suggest;
	struct buf list;
	const char *all;
	size_t i;

	for (i = 0; i < COUNT(words_absent); i++) {
		if (words_absent[i].ctx == set->ctx &&
		    phrase_is(words_absent[i].words, words))
			return parse_error(p, "'%s' is not supported here: %s",
			    words, words_absent[i].instead);
	}
	suggest_init(&suggest, p->tok.text);
	buf_init(&list, 4096);
	phrases_list(set, prefix, &list, &suggest);
	all = list.err == 0 ? (const char *)list.data : "another word";
	if (p->tok.kind != TOK_WORD)
		parse_expected(p, strchr(all, ',') != NULL ? "a keyword" : all);
	else if (suggest_text(&suggest)[0] != '\0')
		parse_error(p, "unknown word '%.*s'%s",
		    (int)suggest_len(p->tok.text), (const char *)p->tok.text.p,
		    suggest_text(&suggest));
	else
		parse_error(p, "unknown word '%.*s'; expected %s%s",
		    (int)suggest_len(p->tok.text), (const char *)p->tok.text.p,
		    strchr(all, ',') != NULL ? "one of: " : "", all);
	buf_clear(&list);
	return -E_SYNTAX;
}

int
parse_phrase(
    struct parse *p, const struct phrases *set, const char *prefix, int *id)
{
	char words[PHRASE_MAX], done[PHRASE_MAX];
	bool more = true;
	size_t i, len;
	int error;

	strlcpy(words, prefix, sizeof(words));
	while (more) {
		strlcpy(done, words, sizeof(done));
		len = strlen(words);
		if (p->tok.kind != TOK_WORD ||
		    p->tok.text.len + 2 > sizeof(words) - len)
			return phrase_unknown(p, set, done, "");
		memcpy(words + len, p->tok.text.p, p->tok.text.len);
		words[len + p->tok.text.len] = '\0';
		more = false;
		for (i = 0; i < set->n; i++) {
			if (phrase_is(set->p[i].words, words)) {
				*id = set->p[i].id;
				return parse_next(p);
			}
			more |= phrase_goes_on(set->p[i].words, words);
		}
		for (i = 0; i < COUNT(words_absent) && !more; i++)
			more = words_absent[i].ctx == set->ctx &&
			    phrase_goes_on(words_absent[i].words, words);
		if (!more)
			break;
		strlcat(words, " ", sizeof(words));
		if ((error = parse_next(p)) != 0)
			return error;
	}
	return phrase_unknown(p, set, done, words);
}
