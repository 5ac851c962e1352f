/* SPDX-License-Identifier: ISC
 *
 * The heap of due times.
 */
#include <atf-c.h>
#include <stdlib.h>

#include "spool/scheduler/heap.h"

#define MANY 1000

static struct heap_item items[MANY];

/* A heap with due times that repeat and come in no order. */
static void
heap_fill(struct heap *h)
{
	uint32_t i, x = 12345;

	ATF_REQUIRE_EQ(0, heap_reserve(h, MANY));
	for (i = 0; i < MANY; i++) {
		x = x * 1103515245 + 12345;
		items[i].place = 0;
		heap_set(h, &items[i], x >> 23);
	}
}

/* Take everything out; true when it came in order.  *n is how many. */
static bool
heap_empties_in_order(struct heap *h, size_t *n)
{
	struct heap_item *it;
	uint32_t last = 0;
	bool ordered = true;

	for (*n = 0; (it = heap_top(h)) != NULL; ++*n) {
		if (it->due_s < last)
			ordered = false;
		last = it->due_s;
		heap_remove(h, it);
	}
	return ordered;
}

ATF_TC_WITHOUT_HEAD(heap_gives_the_earliest_first);
ATF_TC_BODY(heap_gives_the_earliest_first, tc)
{
	struct heap h = { 0 };
	size_t n;

	heap_fill(&h);
	ATF_CHECK(heap_empties_in_order(&h, &n));
	ATF_CHECK_EQ(MANY, n);
	heap_clear(&h);
}

ATF_TC_WITHOUT_HEAD(heap_keeps_order_over_moves_and_removals);
ATF_TC_BODY(heap_keeps_order_over_moves_and_removals, tc)
{
	struct heap h = { 0 };
	size_t n;
	uint32_t i;

	heap_fill(&h);
	for (i = 0; i < MANY; i += 3)
		heap_set(&h, &items[i], (i * 7919) % 600);
	for (i = 1; i < MANY; i += 3)
		heap_remove(&h, &items[i]);
	ATF_CHECK(heap_empties_in_order(&h, &n));
	ATF_CHECK_EQ(MANY - MANY / 3, n);
	heap_clear(&h);
}

ATF_TC_WITHOUT_HEAD(heap_moves_an_item_to_the_top);
ATF_TC_BODY(heap_moves_an_item_to_the_top, tc)
{
	struct heap h = { 0 };

	heap_fill(&h);
	heap_set(&h, &items[500], 0);
	heap_set(&h, heap_top(&h), UINT32_MAX);
	ATF_CHECK(heap_top(&h)->due_s < UINT32_MAX);
	ATF_CHECK_EQ(MANY, h.len);
	heap_clear(&h);
}

ATF_TC_WITHOUT_HEAD(heap_removal_of_what_is_not_in_changes_nothing);
ATF_TC_BODY(heap_removal_of_what_is_not_in_changes_nothing, tc)
{
	struct heap h = { 0 };
	struct heap_item out = { 0 };

	heap_fill(&h);
	heap_remove(&h, &out);
	heap_remove(&h, &items[3]);
	heap_remove(&h, &items[3]);
	ATF_CHECK_EQ(MANY - 1, h.len);
	heap_clear(&h);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, heap_gives_the_earliest_first);
	ATF_TP_ADD_TC(tp, heap_keeps_order_over_moves_and_removals);
	ATF_TP_ADD_TC(tp, heap_moves_an_item_to_the_top);
	ATF_TP_ADD_TC(tp, heap_removal_of_what_is_not_in_changes_nothing);
	return atf_no_error();
}
