/* SPDX-License-Identifier: ISC
 *
 * Checked arithmetic on sizes.  See chk.h.
 */
#include <stdlib.h>

#include "privsep/base/chk.h"

bool
chk_add(size_t a, size_t b, size_t *out)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*out = sum;
	return true;
}

bool
chk_mul(size_t a, size_t b, size_t *out)
{
	size_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*out = product;
	return true;
}

void *
chk_malloc(size_t a, size_t b)
{
	size_t total;

	return chk_add(a, b, &total) ? malloc(total) : NULL;
}

void *
chk_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *
chk_realloc(void *old, size_t n, size_t size)
{
	size_t total;

	if (!chk_mul(n, size, &total))
		return NULL;
	return realloc(old, total);
}
