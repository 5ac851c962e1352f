/* SPDX-License-Identifier: ISC
 *
 * show stats: where a role has several processes, what these have counted is
 * one sum.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "smtpd/smtpctl/smtpctl.h"

#define STATS_MAX      1000
#define STATS_NAME_MAX 64

struct counter {
	char name[STATS_NAME_MAX];
	uint64_t value;
};

static struct {
	struct counter *p;
	size_t n;
} counters;

/* The counter of that name, which is new if need be. */
static struct counter *
stats_counter(struct span name)
{
	struct counter *grown;
	size_t i;

	for (i = 0; i < counters.n; i++) {
		if (span_eq(name, span_str(counters.p[i].name)))
			return &counters.p[i];
	}
	if (counters.n == STATS_MAX || name.len >= STATS_NAME_MAX)
		return NULL;
	grown = chk_realloc(counters.p, counters.n + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	counters.p = grown;
	counters.p[i] = (struct counter){ .value = 0 };
	memcpy(counters.p[i].name, name.p, name.len);
	return &counters.p[counters.n++];
}

bool
stats_row(const struct row *row)
{
	const struct field *name = row_field(row, "counter");
	const struct field *value = row_field(row, "value");
	struct counter *c;

	if (name == NULL || value == NULL || name->value.len == 0 ||
	    (c = stats_counter(name->value)) == NULL)
		return false;
	c->value += field_number(value);
	return true;
}

void
stats_print(struct printer *p)
{
	struct row row = { .n = 2 };
	char digits[24];
	size_t i;

	for (i = 0; i < counters.n; i++) {
		snprintf(
		    digits, sizeof(digits), "%" PRIu64, counters.p[i].value);
		row.fields[0] = (struct field){ span_str("counter"), CTL_T_TEXT,
			span_str(counters.p[i].name) };
		row.fields[1] = (struct field){ span_str("value"), CTL_T_UINT,
			span_str(digits) };
		print_row(p, &row, NULL, NULL);
	}
	free(counters.p);
	counters.p = NULL;
	counters.n = 0;
}
