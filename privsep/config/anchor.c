/* SPDX-License-Identifier: ISC
 *
 * The file of a trust anchor: records of types DS and DNSKEY, one on a line.
 * The library of the resolver takes any line, and answers nothing at all if one
 * of them turns out to be none; so they are looked at before.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"

#define ANCHOR_LINE_MAX 4000 /* octets: what the resolver reads at once */
#define ANCHOR_NAME_MAX 254  /* RFC 1035 2.3.4, with the last dot */

#define DIGITS          "0123456789"
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX             DIGITS "abcdefABCDEF"
#define BASE64          LETTERS DIGITS "+/="
#define NAME            LETTERS DIGITS "-_."

/* Take the next word off the line; empty at its end. */
static struct span
anchor_word(struct span *line)
{
	struct span word;

	while (line->len > 0 && (line->p[0] == ' ' || line->p[0] == '\t')) {
		line->p++;
		line->len--;
	}
	word = (struct span){ line->p, 0 };
	while (line->len > 0 && line->p[0] != ' ' && line->p[0] != '\t') {
		line->p++;
		line->len--;
		word.len++;
	}
	return word;
}

static bool
anchor_has_only(struct span word, const char *octets)
{
	size_t i;

	for (i = 0; i < word.len; i++) {
		if (word.p[i] == '\0' || strchr(octets, word.p[i]) == NULL)
			return false;
	}
	return word.len > 0;
}

static bool
anchor_number_ok(struct span word, unsigned long max)
{
	char text[8];

	if (word.len >= sizeof(text) || !anchor_has_only(word, DIGITS))
		return false;
	memcpy(text, word.p, word.len);
	text[word.len] = '\0';
	return strtoul(text, NULL, 10) <= max;
}

/* What is left of the line has only these octets, in groups of so many. */
static bool
anchor_data_ok(struct span line, const char *octets, size_t group)
{
	struct span word;
	size_t len = 0;

	while ((word = anchor_word(&line)).len > 0) {
		if (!anchor_has_only(word, octets))
			return false;
		len += word.len;
	}
	return len > 0 && len % group == 0;
}

/* name [ttl] [class] DS key-tag algorithm digest-type digest (RFC 4034 5.3) or
 * name [ttl] [class] DNSKEY flags protocol algorithm key (RFC 4034 2.2). */
static bool
anchor_record_ok(struct span line)
{
	struct span word = anchor_word(&line), number[3];
	bool key;
	size_t i;

	if (word.len > ANCHOR_NAME_MAX || !anchor_has_only(word, NAME))
		return false;
	word = anchor_word(&line);
	for (i = 0; i < 2; i++) {
		if (span_caseeq(word, span_str("IN")) ||
		    anchor_has_only(word, DIGITS))
			word = anchor_word(&line);
	}
	key = span_caseeq(word, span_str("DNSKEY"));
	if (!key && !span_caseeq(word, span_str("DS")))
		return false;
	for (i = 0; i < 3; i++)
		number[i] = anchor_word(&line);
	/* the algorithm may be a name */
	if (!anchor_number_ok(number[0], UINT16_MAX) ||
	    !anchor_number_ok(key ? number[1] : number[2], UINT8_MAX) ||
	    !anchor_has_only(key ? number[2] : number[1], NAME))
		return false;
	return key ? anchor_data_ok(line, BASE64, 4)
		   : anchor_data_ok(line, HEX, 2);
}

struct span
anchor_line(struct span *rest)
{
	const unsigned char *end = memchr(rest->p, '\n', rest->len);
	struct span line = *rest;

	if (end != NULL)
		line.len = (size_t)(end - rest->p);
	rest->p += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	if (line.len > 0 && (end = memchr(line.p, ';', line.len)) != NULL)
		line.len = (size_t)(end - line.p);
	while (line.len > 0 && strchr(" \t\r", line.p[line.len - 1]) != NULL)
		line.len--;
	return line;
}

int
anchor_check(const struct cfg_file *file, const struct cfg_pos *named,
    struct cfg_errors *errs)
{
	struct cfg_pos pos = { .file = file, .column = 1 };
	struct span rest = file->data, line;
	bool found = false;

	if (rest.len > 0 && memchr(rest.p, '\0', rest.len) != NULL) {
		cfg_error_add(errs, named, "%s: not a text", file->path);
		return -E_SYNTAX;
	}
	while (rest.len > 0) {
		pos.line++;
		if ((line = anchor_line(&rest)).len == 0)
			continue;
		if (line.len > ANCHOR_LINE_MAX || !anchor_record_ok(line)) {
			cfg_error_add(errs, &pos,
			    "not a record of type DS or DNSKEY, as in "
			    "\"example.org. DS 20326 8 2 E06D...\"");
			return -E_SYNTAX;
		}
		found = true;
	}
	if (found)
		return 0;
	cfg_error_add(
	    errs, named, "%s: no record of type DS or DNSKEY", file->path);
	return -E_SYNTAX;
}
