/* SPDX-License-Identifier: ISC
 *
 * Checked arithmetic on sizes: the one place where lengths are added and
 * multiplied.  Everything that allocates goes through here.
 */
#ifndef BASE_CHK_H
#define BASE_CHK_H

#include <stdbool.h>
#include <stddef.h>

/* *out = a + b.  Returns false, with *out untouched, on overflow. */
bool chk_add(size_t a, size_t b, size_t *out);

/* *out = a * b.  Returns false, with *out untouched, on overflow. */
bool chk_mul(size_t a, size_t b, size_t *out);

/* Memory for a + b octets, not zeroed.  Gives it (free with free()); NULL when
 * there is none or the sum overflows. */
void *chk_malloc(size_t a, size_t b);

/* Zeroed memory for n objects of size octets.  Gives it (free with free());
 * NULL when there is none or the product overflows. */
void *chk_calloc(size_t n, size_t size);

/* Resize old, which it takes, to n objects of size octets.  NULL leaves old
 * as it was.  The new part is not zeroed. */
void *chk_realloc(void *old, size_t n, size_t size);

#endif
