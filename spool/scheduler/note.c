/* SPDX-License-Identifier: ISC
 *
 * Shared notes.  See note.h.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "spool/scheduler/note.h"

/* text holds the status, then the text, then the via. */
struct note {
	RB_ENTRY(note) entry;
	uint32_t refs;
	uint8_t status_len;
	uint16_t text_len;
	uint16_t via_len;
	unsigned char text[];
};

static size_t
note_len(const struct note *n)
{
	return (size_t)n->status_len + n->text_len + n->via_len;
}

static int
note_cmp(struct note *a, struct note *b)
{
	if (a->status_len != b->status_len)
		return a->status_len < b->status_len ? -1 : 1;
	if (a->text_len != b->text_len)
		return a->text_len < b->text_len ? -1 : 1;
	if (a->via_len != b->via_len)
		return a->via_len < b->via_len ? -1 : 1;
	return memcmp(a->text, b->text, note_len(a));
}

RB_GENERATE_INTERNAL(
    note_tree, note, entry, note_cmp, static __attribute__((unused)))

static size_t
note_add(struct note *n, size_t at, struct span s)
{
	if (s.len > 0)
		memcpy(n->text + at, s.p, s.len);
	return at + s.len;
}

struct note *
note_get(struct note_tree *tree, struct span status, struct span text,
    size_t text_max, struct span via)
{
	struct note *n, *old;
	size_t at;

	if (status.len > NOTE_STATUS_MAX)
		status.len = NOTE_STATUS_MAX;
	if (text_max > NOTE_TEXT_MAX)
		text_max = NOTE_TEXT_MAX;
	if (text.len > text_max)
		text.len = text_max;
	/* half an address would be a wrong one */
	if (via.len > NOTE_VIA_MAX)
		via.len = 0;
	if (status.len + text.len + via.len == 0)
		return NULL;
	n = chk_calloc(1, sizeof(*n) + status.len + text.len + via.len);
	if (n == NULL)
		return NULL;
	n->status_len = (uint8_t)status.len;
	n->text_len = (uint16_t)text.len;
	n->via_len = (uint16_t)via.len;
	at = note_add(n, note_add(n, 0, status), text);
	note_add(n, at, via);
	if ((old = RB_INSERT(note_tree, tree, n)) != NULL) {
		free(n);
		n = old;
	}
	return note_again(n);
}

struct note *
note_again(struct note *n)
{
	if (n != NULL)
		n->refs++;
	return n;
}

void
note_put(struct note_tree *tree, struct note *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	RB_REMOVE(note_tree, tree, n);
	free(n);
}

struct span
note_status(const struct note *n)
{
	if (n == NULL)
		return (struct span){ NULL, 0 };
	return (struct span){ n->text, n->status_len };
}

struct span
note_text(const struct note *n)
{
	if (n == NULL)
		return (struct span){ NULL, 0 };
	return (struct span){ n->text + n->status_len, n->text_len };
}

struct span
note_via(const struct note *n)
{
	if (n == NULL)
		return (struct span){ NULL, 0 };
	return (
	    struct span){ n->text + n->status_len + n->text_len, n->via_len };
}
