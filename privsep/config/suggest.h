/* SPDX-License-Identifier: ISC
 *
 * Inside the room: "did you mean".
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "privsep/base/buf.h"

#define SUGGEST_WORD_MAX 48 /* octets; longer words get no suggestion */

struct suggest {
	struct span word;
	size_t best; /* its distance */
	char text[SUGGEST_WORD_MAX + 32];
};

/* Look for what is nearest to word, which is borrowed. */
void suggest_init(struct suggest *s, struct span word);

/* Offer a candidate. */
void suggest_try(struct suggest *s, const char *candidate);

/* "; did you mean 'x'?" for the nearest that is near enough, or "". */
const char *suggest_text(const struct suggest *s);

/* How much of a word to show in a message, for "%.*s". */
size_t suggest_len(struct span word);

#endif
