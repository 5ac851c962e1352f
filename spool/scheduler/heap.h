/* SPDX-License-Identifier: ISC
 *
 * A binary heap of things that are due at some second, the earliest on top.
 * The items stand inside what they belong to; the heap owns none of them.
 */
#ifndef SCHEDULER_HEAP_H
#define SCHEDULER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
	uint32_t due_s; /* seconds since 1970 */
	uint32_t place; /* from 1; 0: in no heap */
};

struct heap {
	struct heap_item **item;
	size_t len;
	size_t cap;
};

/* Room for so many items in all, after which heap_set cannot fail for them.
 * 0 or -E_NOMEM. */
int heap_reserve(struct heap *, size_t items);

/* Put the item in, or move it if it is in, to this time.  The heap must have
 * room (heap_reserve). */
void heap_set(struct heap *, struct heap_item *, uint32_t due_s);

/* Take the item out; fine when it is not in. */
void heap_remove(struct heap *, struct heap_item *);

/* The earliest, or NULL.  It stays in. */
struct heap_item *heap_top(const struct heap *);

/* Free the heap, not the items. */
void heap_clear(struct heap *);

#endif
