/* SPDX-License-Identifier: ISC
 *
 * The order of the hosts of a domain.  See mx.h.
 */
#include "delivery/relay/mx.h"

#include <stdlib.h>

static int
mx_cmp(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return (x->preference > y->preference) -
	    (x->preference < y->preference);
}

static void
mx_shuffle(struct target *t, size_t n)
{
	struct target swap;
	size_t i, j;

	for (i = n; i > 1; i--) {
		j = arc4random_uniform((uint32_t)i);
		swap = t[i - 1];
		t[i - 1] = t[j];
		t[j] = swap;
	}
}

void
mx_order(struct target *t, size_t n)
{
	size_t from, to;

	qsort(t, n, sizeof(*t), mx_cmp);
	for (from = 0; from < n; from = to) {
		to = from + 1;
		while (to < n && t[to].preference == t[from].preference)
			to++;
		mx_shuffle(t + from, to - from);
	}
}

size_t
mx_before_self(
    const struct target *t, size_t n, bool (*self)(const struct target *))
{
	size_t i, first;

	for (first = 0; first < n; first++) {
		if (self(&t[first]))
			break;
	}
	if (first == n)
		return n;
	for (i = 0; i < first; i++) {
		if (t[i].preference == t[first].preference)
			break;
	}
	return i;
}
