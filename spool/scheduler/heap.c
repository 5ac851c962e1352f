/* SPDX-License-Identifier: ISC
 *
 * The heap of due times.  See heap.h.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "spool/scheduler/heap.h"

#define HEAP_FIRST 256

int
heap_reserve(struct heap *h, size_t items)
{
	struct heap_item **grown;
	size_t cap = h->cap == 0 ? HEAP_FIRST : h->cap;

	if (items <= h->cap)
		return 0;
	while (cap < items) {
		if (!chk_add(cap, cap / 2, &cap))
			return -E_NOMEM;
	}
	grown = chk_realloc(h->item, cap, sizeof(*grown));
	if (grown == NULL)
		return -E_NOMEM;
	h->item = grown;
	h->cap = cap;
	return 0;
}

static void
heap_place(struct heap *h, size_t i, struct heap_item *it)
{
	h->item[i] = it;
	it->place = (uint32_t)(i + 1);
}

static void
heap_up(struct heap *h, size_t i)
{
	struct heap_item *it = h->item[i];

	while (i > 0 && h->item[(i - 1) / 2]->due_s > it->due_s) {
		heap_place(h, i, h->item[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(h, i, it);
}

static void
heap_down(struct heap *h, size_t i)
{
	struct heap_item *it = h->item[i];
	size_t child;

	while ((child = 2 * i + 1) < h->len) {
		if (child + 1 < h->len &&
		    h->item[child + 1]->due_s < h->item[child]->due_s)
			child++;
		if (h->item[child]->due_s >= it->due_s)
			break;
		heap_place(h, i, h->item[child]);
		i = child;
	}
	heap_place(h, i, it);
}

void
heap_set(struct heap *h, struct heap_item *it, uint32_t due_s)
{
	it->due_s = due_s;
	if (it->place == 0)
		heap_place(h, h->len++, it);
	heap_up(h, it->place - 1);
	heap_down(h, it->place - 1);
}

void
heap_remove(struct heap *h, struct heap_item *it)
{
	size_t i;

	if (it->place == 0)
		return;
	i = it->place - 1;
	it->place = 0;
	if (i == --h->len)
		return;
	heap_place(h, i, h->item[h->len]);
	heap_up(h, i);
	heap_down(h, h->item[i]->place - 1);
}

struct heap_item *
heap_top(const struct heap *h)
{
	return h->len == 0 ? NULL : h->item[0];
}

void
heap_clear(struct heap *h)
{
	free(h->item);
	*h = (struct heap){ 0 };
}
