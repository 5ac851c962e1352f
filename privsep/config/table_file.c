/* SPDX-License-Identifier: ISC
 *
 * The content of file tables: one entry on a line, a key and the rest of the
 * line as its value, parted by blanks or by a colon.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/table_int.h"

static bool
file_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static void
file_trim(struct span *s)
{
	while (s->len > 0 && file_blank(s->p[s->len - 1]))
		s->len--;
}

/* How long the key is.  An IPv6 address has colons of its own: a first word
 * that is one, or a network, or begins with a bracket, is taken whole. */
static size_t
file_key_len(struct span line)
{
	struct table_net net;
	const unsigned char *end;
	size_t word = 0, len = 0;
	bool v6;

	while (word < line.len && !file_blank(line.p[word]))
		word++;
	if (line.p[0] == '[' && (end = memchr(line.p, ']', word)) != NULL)
		return (size_t)(end + 1 - line.p);
	if (table_net_parse((struct span){ line.p, word }, &net, &v6) == 0)
		return word;
	while (len < word && line.p[len] != ':')
		len++;
	return len;
}

/* What is wrong with a line, or NULL; *at is the offset of it. */
static const char *
file_line_refuse(struct span line, size_t *at)
{
	size_t i;

	for (i = 0; i < line.len; i++) {
		*at = i;
		if (line.p[i] == '\r')
			return "carriage return: lines must end in a line "
			       "feed alone";
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return "control character";
	}
	return NULL;
}

static int
file_line(struct table *t, struct span line, struct cfg_pos *pos,
    struct cfg_errors *errs)
{
	struct span key, value;
	const char *why;
	size_t at;
	int error;

	if ((why = file_line_refuse(line, &at)) != NULL) {
		pos->column += (unsigned)at;
		cfg_error_add(errs, pos, "%s", why);
		return -E_SYNTAX;
	}
	file_trim(&line);
	while (line.len > 0 && file_blank(line.p[0])) {
		line.p++;
		line.len--;
		pos->column++;
	}
	if (line.len == 0 || line.p[0] == '#')
		return 0;
	key = (struct span){ line.p, file_key_len(line) };
	if (key.len == 0) {
		cfg_error_add(errs, pos, "expected a key before the colon");
		return -E_SYNTAX;
	}
	value = (struct span){ key.p + key.len, line.len - key.len };
	while (value.len > 0 && file_blank(value.p[0])) {
		value.p++;
		value.len--;
	}
	/* one colon, whatever blanks are around it */
	if (value.len > 0 && value.p[0] == ':') {
		value.p++;
		value.len--;
	}
	while (value.len > 0 && file_blank(value.p[0])) {
		value.p++;
		value.len--;
	}
	error = table_add(t, key, value, pos);
	if (error == -E_TOOLONG) {
		cfg_error_add(errs, pos, "the table is too large");
		error = -E_SYNTAX;
	}
	return error;
}

int
table_read(
    struct table *t, const struct cfg_file *file, struct cfg_errors *errs)
{
	/* whether these are passwords is known only from how it is used */
	struct cfg_pos pos = { .file = file, .hidden = true };
	struct span rest = file->data, line;
	const unsigned char *nl;
	int result = 0, error;

	while (rest.len > 0 && errs->total < CFG_ERRORS_MAX) {
		nl = memchr(rest.p, '\n', rest.len);
		line = (struct span){ rest.p,
			nl == NULL ? rest.len : (size_t)(nl - rest.p) };
		pos.line++;
		pos.column = 1;
		error = file_line(t, line, &pos, errs);
		if (error == -E_NOMEM)
			return error;
		if (error != 0)
			result = error;
		if (nl == NULL)
			break;
		rest.p += line.len + 1;
		rest.len -= line.len + 1;
	}
	return result;
}
