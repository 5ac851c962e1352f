/* SPDX-License-Identifier: ISC
 *
 * Errors of a configuration: kept with a copy of the line that they are about,
 * shown with a caret under the place.  What a file holds may be anything, so
 * all of it is escaped on the way out.  They go to the log: no password is
 * among them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/log.h"
#include "privsep/config/source.h"

#define MESSAGE_MAX 1024 /* octets of a message */
#define LINE_SHOWN  160  /* octets of a line that are shown */

void
cfg_errors_init(struct cfg_errors *errs)
{
	memset(errs, 0, sizeof(*errs));
}

void
cfg_errors_clear(struct cfg_errors *errs)
{
	size_t i;

	for (i = 0; i < errs->count; i++) {
		free(errs->e[i].file);
		free(errs->e[i].message);
		free(errs->e[i].text);
	}
	cfg_errors_init(errs);
}

/* Line number line of the file, without its end; NULL when there is none. */
static char *
error_line(const struct cfg_file *file, unsigned line)
{
	const unsigned char *p = file->data.p, *nl;
	size_t left = file->data.len, len;

	if (line == 0)
		return NULL;
	while (left > 0 && --line > 0) {
		if ((nl = memchr(p, '\n', left)) == NULL)
			return NULL;
		left -= (size_t)(nl + 1 - p);
		p = nl + 1;
	}
	if (left == 0)
		return NULL;
	nl = memchr(p, '\n', left);
	len = nl == NULL ? left : (size_t)(nl - p);
	/* span_dup refuses a NUL: such a line is shown up to it */
	if (len > 0 && memchr(p, '\0', len) != NULL)
		len = (size_t)((const unsigned char *)memchr(p, '\0', len) - p);
	return span_dup((struct span){ p, len });
}

/* The first password in the text, as in user:password@host: what stands in a
 * word between a colon, but that of "://", and the last '@'.  False when there
 * is none. */
static bool
error_password(const char *text, size_t *from, size_t *len)
{
	const char *p = text, *end;
	size_t word;

	for (; *p != '\0'; p++) {
		if (*p != ':' || strncmp(p, "://", 3) == 0)
			continue;
		word = strcspn(p, " \t");
		if ((end = memrchr(p, '@', word)) == NULL)
			continue;
		*from = (size_t)(p + 1 - text);
		*len = (size_t)(end - p - 1);
		return true;
	}
	return false;
}

/* It may be quoted in the message, and once at most. */
static void
error_mask(char *message)
{
	size_t from, len;

	if (!error_password(message, &from, &len) || len == 0)
		return;
	message[from] = '*';
	memmove(message + from + 1, message + from + len,
	    strlen(message + from + len) + 1);
}

/* The line at a place as far as it may be shown, or NULL. */
static char *
error_text(const struct cfg_pos *pos)
{
	char *text = pos->hidden ? NULL : error_line(pos->file, pos->line);
	size_t from, len;

	if (text != NULL && error_password(text, &from, &len)) {
		explicit_bzero(text, strlen(text));
		free(text);
		text = NULL;
	}
	return text;
}

void
cfg_error_add(
    struct cfg_errors *errs, const struct cfg_pos *pos, const char *fmt, ...)
{
	struct cfg_error *e;
	char message[MESSAGE_MAX];
	va_list ap;

	errs->total++;
	if (errs->count == CFG_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	error_mask(message);
	e = &errs->e[errs->count];
	*e = (struct cfg_error){ 0 };
	if ((e->message = strdup(message)) == NULL)
		return; /* counted, if not kept: the parse fails all the same */
	if (pos != NULL && pos->file != NULL) {
		e->file = strdup(pos->file->path);
		e->line = pos->line;
		e->column = pos->column;
		e->text = error_text(pos);
	}
	errs->count++;
}

/* Escape text without touching its quotes and backslashes: it is read by the
 * administrator, who wrote them. */
static size_t
error_put_text(struct buf *out, const char *text, size_t max)
{
	size_t i, start = out->len;
	unsigned char c;

	for (i = 0; i < max && text[i] != '\0'; i++) {
		c = (unsigned char)text[i];
		if (c == '\t')
			buf_add(out, " ", 1);
		else if (c < 0x20 || c > 0x7e)
			buf_addf(out, "\\x%02X", c);
		else
			buf_add(out, &c, 1);
	}
	return out->len - start;
}

static void
error_put_caret(struct buf *out, const struct cfg_error *e)
{
	size_t len = strlen(e->text), at = e->column > 0 ? e->column - 1 : 0;
	size_t from = 0, width;

	if (at > len)
		at = len;
	/* a long line is shown around the place */
	if (at > LINE_SHOWN / 2)
		from = at - LINE_SHOWN / 2;
	buf_add_str(out, "    ");
	width = error_put_text(out, e->text + from, at - from);
	error_put_text(out, e->text + at, LINE_SHOWN - (at - from));
	buf_add_str(out, "\n    ");
	while (width-- > 0)
		buf_add(out, " ", 1);
	buf_add_str(out, "^\n");
}

void
cfg_error_render(const struct cfg_error *e, struct buf *out)
{
	if (e->file != NULL) {
		error_put_text(out, e->file, LINE_SHOWN);
		if (e->line > 0)
			buf_addf(out, ":%u:%u", e->line, e->column);
		buf_add_str(out, ": ");
	}
	error_put_text(out, e->message, MESSAGE_MAX);
	buf_add_str(out, "\n");
	if (e->text != NULL)
		error_put_caret(out, e);
}

void
cfg_errors_render(const struct cfg_errors *errs, struct buf *out)
{
	size_t i;

	for (i = 0; i < errs->count; i++)
		cfg_error_render(&errs->e[i], out);
	if (errs->total > errs->count)
		buf_addf(out, "and %zu more\n", errs->total - errs->count);
}
