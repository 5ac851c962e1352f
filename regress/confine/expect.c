/* SPDX-License-Identifier: ISC
 *
 * See expect.h.  A condition is tried at its edges: every bit of its mask
 * turned by itself, and for a plain value its neighbours.
 */
#include "regress/confine/expect.h"

#include <sys/prctl.h>

#include <err.h>
#include <stdlib.h>

#define ROWS_MAX  64   /* of one call */
#define CALLS_MAX 8192 /* for one number */

struct rows {
	const struct policy_rule *row[ROWS_MAX];
	size_t n;
};

struct calls {
	struct call *call;
	size_t n;
};

/* The rows of the table and of what it includes that are about nr. */
static void
rows_of(struct rows *rows, const struct policy_rule *r, long nr)
{
	for (; r->act != POLICY_END; r++) {
		if (r->act == POLICY_INCLUDE)
			rows_of(rows, r->table, nr);
		else if (r->nr == nr) {
			if (rows->n == ROWS_MAX)
				errx(1, "too many rows of call %ld", nr);
			rows->row[rows->n++] = r;
		}
	}
}

static uint64_t
cond_value(const struct policy_cond *c, pid_t pid)
{
	return c->op == POLICY_SELF ? (uint64_t)pid : c->value;
}

static int
row_matches(const struct policy_rule *r, pid_t pid, const struct call *call)
{
	const struct policy_cond *c;

	for (c = r->cond; c < r->cond + POLICY_CONDS; c++) {
		if (c->op == POLICY_ANY)
			break;
		if ((call->arg[c->arg] & c->mask) !=
		    (cond_value(c, pid) & c->mask))
			return 0;
	}
	return 1;
}

static int
row_verdict(const struct policy_rule *r)
{
	if (r->act == POLICY_ALLOW)
		return EXPECT_ALLOW;
	return r->act == POLICY_ERRNO ? r->err : EXPECT_KILL;
}

/* What one table says; otherwise where it has no row that matches. */
static int
table_verdict(const struct policy_rule *table, int otherwise, pid_t pid,
    const struct call *call)
{
	struct rows rows = { .n = 0 };
	int found = 0, verdict = otherwise;
	size_t i;

	rows_of(&rows, table, call->nr);
	for (i = 0; i < rows.n; i++) {
		if (!row_matches(rows.row[i], pid, call))
			continue;
		if (found && row_verdict(rows.row[i]) != verdict)
			errx(1, "rows of call %ld contradict", call->nr);
		verdict = row_verdict(rows.row[i]);
		found = 1;
	}
	return verdict;
}

int
expect_verdict(enum role role, pid_t pid, const struct call *call)
{
	int own;

	if (table_verdict(policy_master, EXPECT_ALLOW, pid, call) !=
	    EXPECT_ALLOW)
		return EXPECT_KILL;
	if (role == ROLE_MASTER)
		return EXPECT_ALLOW;
	own = table_verdict(roles[role].policy, EXPECT_KILL, pid, call);
	return own;
}

/* Arguments with which no call does harm, should it be let through: no such
 * descriptor, no such address, no such flag. */
static struct call
call_harmless(long nr)
{
	struct call call = { .nr = nr };
	int i;

	for (i = 0; i < EXPECT_ARGS; i++)
		call.arg[i] = UINT64_MAX;
	/* these would fail in the same way as they are refused */
	if (nr == __NR_prctl)
		call.arg[0] = PR_GET_NO_NEW_PRIVS;
	if (nr == __NR_prctl)
		call.arg[1] = call.arg[2] = call.arg[3] = call.arg[4] = 0;
	if (nr == __NR_readlinkat)
		call.arg[3] = 1;
#ifdef __x86_64__
	if (nr == __NR_readlink)
		call.arg[2] = 1;
#endif
	return call;
}

static void
calls_put(struct calls *calls, const struct call *call)
{
	if (calls->n == CALLS_MAX)
		errx(1, "too many variations of call %ld", call->nr);
	calls->call[calls->n++] = *call;
}

/* A call that meets all conditions of the row. */
static struct call
call_passing(const struct policy_rule *r, pid_t pid)
{
	struct call call = call_harmless(r->nr);
	const struct policy_cond *c;
	uint64_t *arg;

	for (c = r->cond; c < r->cond + POLICY_CONDS; c++) {
		if (c->op == POLICY_ANY)
			break;
		arg = &call.arg[c->arg];
		*arg = (*arg & ~c->mask) | (cond_value(c, pid) & c->mask);
	}
	return call;
}

/* Around the value of one condition, the others met. */
static void
calls_around(struct calls *calls, const struct call *passing,
    const struct policy_cond *c)
{
	struct call call = *passing;
	uint64_t met = passing->arg[c->arg], value;
	unsigned bit;

	for (bit = 0; bit < 32; bit++) {
		call.arg[c->arg] = met ^ (UINT64_C(1) << bit);
		calls_put(calls, &call);
	}
	if (c->mask < MASK32 >> 1)
		return;
	/* the upper half, which only counts where the mask says so */
	call.arg[c->arg] = met ^ (UINT64_C(1) << 40);
	calls_put(calls, &call);
	for (value = 0; value < 32; value++) {
		call.arg[c->arg] = (met & ~MASK32) | value;
		calls_put(calls, &call);
		call.arg[c->arg] = (met & ~MASK32) | (1024 + value);
		calls_put(calls, &call);
	}
}

struct call *
expect_calls(enum role role, pid_t pid, long nr, size_t *n)
{
	struct rows rows = { .n = 0 };
	struct calls calls = { .n = 0 };
	struct call call = call_harmless(nr);
	const struct policy_cond *c;
	size_t i;

	if ((calls.call = calloc(CALLS_MAX, sizeof(call))) == NULL)
		err(1, "calloc");
	calls_put(&calls, &call);
	rows_of(&rows, roles[role].policy, nr);
	for (i = 0; i < rows.n; i++) {
		call = call_passing(rows.row[i], pid);
		for (c = rows.row[i]->cond;
		     c < rows.row[i]->cond + POLICY_CONDS; c++) {
			if (c->op == POLICY_ANY)
				break;
			/* alternatives differ in what they ask for, not in
			 * what surrounds it */
			if (i == 0 || c->op != POLICY_BITS || c->mask != MASK32)
				calls_around(&calls, &call, c);
		}
		calls_put(&calls, &call);
	}
	*n = calls.n;
	return calls.call;
}
