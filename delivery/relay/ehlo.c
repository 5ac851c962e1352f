/* SPDX-License-Identifier: ISC
 *
 * What a server announces.  See ehlo.h.
 */
#include "delivery/relay/ehlo.h"

#include <string.h>

/* The next word, off the front of s; empty at the end. */
static struct span
ehlo_word(struct span *s)
{
	struct span word;
	size_t i = 0;

	while (s->len > 0 && s->p[0] == ' ') {
		s->p++;
		s->len--;
	}
	while (i < s->len && s->p[i] != ' ')
		i++;
	word = (struct span){ s->p, i };
	s->p += i;
	s->len -= i;
	return word;
}

/* A decimal number; 0 for anything else. */
static uint64_t
ehlo_number(struct span s)
{
	uint64_t n = 0;
	size_t i;

	if (s.len == 0 || s.len > 18)
		return 0;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	return n;
}

/* NAME=number of LIMITS. */
static void
ehlo_limit(struct ehlo *e, struct span word)
{
	const unsigned char *eq;
	struct span name, value;

	if (word.len == 0 || (eq = memchr(word.p, '=', word.len)) == NULL)
		return;
	name = (struct span){ word.p, (size_t)(eq - word.p) };
	value = (struct span){ eq + 1, word.len - name.len - 1 };
	if (span_caseeq(name, span_str("RCPTMAX")))
		e->rcpt_max = ehlo_number(value);
	else if (span_caseeq(name, span_str("MAILMAX")))
		e->mail_max = ehlo_number(value);
}

/* A mechanism of AUTH. */
static void
ehlo_auth(struct ehlo *e, struct span word)
{
	if (span_caseeq(word, span_str("PLAIN")))
		e->auth |= EHLO_AUTH_PLAIN;
	else if (span_caseeq(word, span_str("LOGIN")))
		e->auth |= EHLO_AUTH_LOGIN;
}

void
ehlo_line(struct ehlo *e, struct span text)
{
	static const struct {
		const char *keyword;
		unsigned ext;
	} extensions[] = {
		{ "SIZE", EXT_SIZE },
		{ "8BITMIME", EXT_8BITMIME },
		{ "SMTPUTF8", EXT_SMTPUTF8 },
		{ "DSN", EXT_DSN },
	};
	struct span keyword = ehlo_word(&text), word;
	size_t i;

	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (span_caseeq(keyword, span_str(extensions[i].keyword)))
			e->ext |= extensions[i].ext;
	}
	if (span_caseeq(keyword, span_str("SIZE")))
		e->size = ehlo_number(ehlo_word(&text));
	else if (span_caseeq(keyword, span_str("PIPELINING")))
		e->pipelining = true;
	else if (span_caseeq(keyword, span_str("STARTTLS")))
		e->starttls = true;
	else if (span_caseeq(keyword, span_str("AUTH"))) {
		while ((word = ehlo_word(&text)).len > 0)
			ehlo_auth(e, word);
	} else if (span_caseeq(keyword, span_str("LIMITS"))) {
		while ((word = ehlo_word(&text)).len > 0)
			ehlo_limit(e, word);
	}
}
