/* SPDX-License-Identifier: ISC
 *
 * Tables: one block of octets and a sorted array of entries, so that a table
 * of a hundred thousand costs a few megabytes and a look-up a few compares.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/table_int.h"

#define TABLE_OCTETS_MAX (2 * CFG_FILE_MAX)

static unsigned char
table_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

struct table *
table_new(char *name, enum table_kind kind, char *path)
{
	struct table *t;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		free(name);
		free(path);
		return NULL;
	}
	t->name = name;
	t->kind = kind;
	t->path = path;
	buf_init(&t->octets, TABLE_OCTETS_MAX);
	return t;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	free(t->name);
	free(t->path);
	free(t->ents);
	free(t->net4);
	free(t->net6);
	buf_clear(&t->octets);
	free(t);
}

/* Room for one more entry doubles. */
static int
table_grow(struct table *t)
{
	struct table_ent *ents;

	if (t->nents == TABLE_ENTRIES_MAX)
		return -E_TOOLONG;
	if (t->nents != 0 && (t->nents & (t->nents - 1)) != 0)
		return 0;
	ents = chk_realloc(
	    t->ents, t->nents == 0 ? 1 : 2 * t->nents, sizeof(*ents));
	if (ents == NULL)
		return -E_NOMEM;
	t->ents = ents;
	return 0;
}

int
table_add(struct table *t, struct span key, struct span value,
    const struct cfg_pos *pos)
{
	struct table_ent *e;
	size_t i, at = t->octets.len;
	int error;

	if ((error = table_grow(t)) != 0)
		return error;
	buf_add(&t->octets, key.p, key.len);
	buf_add(&t->octets, value.p, value.len);
	if (t->octets.err != 0)
		return t->octets.err;
	for (i = at; i < at + key.len; i++)
		t->octets.data[i] = table_lower(t->octets.data[i]);
	e = &t->ents[t->nents++];
	/* the maximum of octets lets all of these fit into 32 bits */
	e->key = (uint32_t)at;
	e->key_len = (uint32_t)key.len;
	e->value = (uint32_t)(at + key.len);
	e->value_len = (uint32_t)value.len;
	e->line = pos->line;
	e->column = pos->column;
	return 0;
}

static int
table_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.p, b.p, len) : 0;

	if (order == 0 && a.len != b.len)
		order = a.len < b.len ? -1 : 1;
	return order;
}

static struct span
table_key(const struct table *t, const struct table_ent *e)
{
	return (struct span){ t->octets.data + e->key, e->key_len };
}

static int
table_order(const void *va, const void *vb, void *arg)
{
	const struct table_ent *a = va, *b = vb;
	int order = table_compare(table_key(arg, a), table_key(arg, b));

	if (order == 0)
		order = a->key < b->key ? -1 : a->key > b->key;
	return order;
}

void
table_finish(struct table *t)
{
	size_t i, n = 0;

	if (t->nents == 0)
		return;
	qsort_r(t->ents, t->nents, sizeof(*t->ents), table_order, t);
	for (i = 0; i < t->nents; i++) {
		if (i + 1 < t->nents &&
		    table_compare(table_key(t, &t->ents[i]),
			table_key(t, &t->ents[i + 1])) == 0)
			continue;
		t->ents[n++] = t->ents[i];
	}
	t->nents = n;
}

const char *
table_name(const struct table *t)
{
	return t->name != NULL ? t->name : "<anonymous>";
}

enum table_kind
table_kind(const struct table *t)
{
	return t->kind;
}

const char *
table_path(const struct table *t)
{
	return t->path;
}

size_t
table_count(const struct table *t)
{
	return t->nents;
}

void
table_entry(
    const struct table *t, size_t i, struct span *key, struct span *value)
{
	const struct table_ent *e = &t->ents[i];

	*key = table_key(t, e);
	*value = (struct span){ t->octets.data + e->value, e->value_len };
}

/* Where a lower-case key is, or NULL. */
static const struct table_ent *
table_find(const struct table *t, struct span key)
{
	size_t low = 0, high = t->nents, mid;
	int order;

	while (low < high) {
		mid = low + (high - low) / 2;
		order = table_compare(key, table_key(t, &t->ents[mid]));
		if (order == 0)
			return &t->ents[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

#define TABLE_KEY_MAX 1024 /* octets of a key that is asked for */

int
table_lookup(const struct table *t, struct span key, struct span *value)
{
	unsigned char lower[TABLE_KEY_MAX];
	const struct table_ent *e;
	size_t i;

	if (key.len > sizeof(lower))
		return -E_NOENT;
	for (i = 0; i < key.len; i++)
		lower[i] = table_lower(key.p[i]);
	if ((e = table_find(t, (struct span){ lower, key.len })) == NULL)
		return -E_NOENT;
	*value = (struct span){ t->octets.data + e->value, e->value_len };
	return 0;
}
