/* SPDX-License-Identifier: ISC
 *
 * The edit distance, in which two neighbours that changed places count once:
 * it is the commonest slip of the hand.
 */
#include <stdio.h>
#include <string.h>

#include "privsep/config/suggest.h"

#define ROW (SUGGEST_WORD_MAX + 1)

static size_t
min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static unsigned char
suggest_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Both are at most SUGGEST_WORD_MAX octets. */
static size_t
suggest_distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t d[3][ROW], i, j, *row, *up, *up2;
	unsigned char x, y;

	for (j = 0; j <= blen; j++)
		d[0][j] = j;
	for (i = 1; i <= alen; i++) {
		row = d[i % 3];
		up = d[(i + 2) % 3];
		up2 = d[(i + 1) % 3];
		row[0] = i;
		x = suggest_lower(a[i - 1]);
		for (j = 1; j <= blen; j++) {
			y = suggest_lower(b[j - 1]);
			row[j] = min_of(min_of(row[j - 1], up[j]) + 1,
			    up[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == suggest_lower(b[j - 2]) &&
			    suggest_lower(a[i - 2]) == y)
				row[j] = min_of(row[j], up2[j - 2] + 1);
		}
	}
	return d[alen % 3][blen];
}

void
suggest_init(struct suggest *s, struct span word)
{
	s->word = word;
	/* a third of the word may be wrong, and one octet of a short one */
	s->best = (word.len < 3 ? 1 : word.len / 3) + 1;
	s->text[0] = '\0';
}

void
suggest_try(struct suggest *s, const char *candidate)
{
	size_t len = strlen(candidate), d;

	if (len == 0 || len > SUGGEST_WORD_MAX || s->word.len == 0 ||
	    s->word.len > SUGGEST_WORD_MAX)
		return;
	d = suggest_distance(
	    (const char *)s->word.p, s->word.len, candidate, len);
	if (d >= s->best)
		return;
	s->best = d;
	snprintf(s->text, sizeof(s->text), "; did you mean '%s'?", candidate);
}

const char *
suggest_text(const struct suggest *s)
{
	return s->text;
}

size_t
suggest_len(struct span word)
{
	const unsigned char *colon;

	/* a URL that is cut might end within a password */
	if (word.len > SUGGEST_WORD_MAX &&
	    (colon = memchr(word.p, ':', word.len)) != NULL)
		word.len = (size_t)(colon - word.p);
	return min_of(word.len, SUGGEST_WORD_MAX);
}
