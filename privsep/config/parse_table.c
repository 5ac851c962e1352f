/* SPDX-License-Identifier: ISC
 *
 * table NAME { a, b }, table NAME { k = v }, table NAME file:/path.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/table_int.h"

/* Record the table before its content is read: rules that use it are then no
 * errors because of an error in it. */
static int
parse_table_new(
    struct parse *p, const struct cfg_pos *pos, char *name, struct table **out)
{
	struct table *t = NULL;
	void *array = p->tables;
	int error;

	if ((error = parse_grow(&array, p->ntables, sizeof(t))) != 0) {
		free(name);
		return error;
	}
	p->tables = array;
	if ((t = table_new(name, TABLE_LIST, NULL)) == NULL)
		return -E_NOMEM;
	t->pos = *pos;
	p->tables[p->ntables++] = t;
	*out = t;
	return 0;
}

/* "file:/path" or "/path". */
static int
parse_table_file(struct parse *p, struct table *t)
{
	struct cfg_pos pos = p->tok.pos;
	struct span path = p->tok.text;
	const unsigned char *colon;
	int error;

	if (path.len > 5 && memcmp(path.p, "file:", 5) == 0) {
		path.p += 5;
		path.len -= 5;
	} else if (path.len > 0 && path.p[0] != '/' &&
	    (colon = memchr(path.p, ':', path.len)) != NULL) {
		return parse_error(p,
		    "tables of type '%.*s' are not supported here: "
		    "write the entries to a file and use 'file:'",
		    (int)(colon - path.p), (const char *)path.p);
	}
	if (path.len == 0)
		return parse_expected(p, "the path of a file");
	t->kind = TABLE_FILE;
	error = cfg_source_file(p->src, path, &pos, p->errs, &t->file);
	if (error != 0)
		return error;
	if ((t->path = strdup(t->file->path)) == NULL)
		return -E_NOMEM;
	if ((error = table_read(t, t->file, p->errs)) != 0)
		return error;
	return parse_next(p);
}

int
parse_table(struct parse *p)
{
	struct cfg_pos pos = p->tok.pos;
	struct table *t;
	char *name = NULL;
	int error;

	if ((error = parse_text(p, "a name for the table", &name)) != 0) {
		free(name);
		return error;
	}
	if ((error = parse_table_new(p, &pos, name, &t)) != 0)
		return error;
	t->broken = true;
	if (parse_is(p, '{')) {
		if ((error = parse_next(p)) == 0)
			error = parse_braces(p, t);
	} else if (p->tok.kind == TOK_WORD || p->tok.kind == TOK_STRING) {
		error = parse_table_file(p, t);
	} else {
		error = parse_expected(p, "'{' or a file");
	}
	t->broken = error != 0;
	return error;
}
