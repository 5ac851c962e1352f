/* SPDX-License-Identifier: ISC
 *
 * policy: print every role's table of system calls, one row to a line, in the
 * order of the calls' names.  The tests hold it against a file that only a
 * person changes, so that no row is won or lost unseen.
 */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/confine/policy.h"
#include "privsep/confine/roles.h"

#define ROWS_MAX 512
#define LINE_MAX 256

static struct {
	char row[ROWS_MAX][LINE_MAX];
	size_t n;
} lines;

static void
row_print(char *out, size_t size, const char *role, const struct policy_rule *r)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, r->nr);
	const struct policy_cond *c;
	size_t n;

	n = (size_t)snprintf(
	    out, size, "%s %s ", role, name == NULL ? "?" : name);
	free(name);
	if (r->act == POLICY_ALLOW)
		n += (size_t)snprintf(out + n, size - n, "allow");
	else if (r->act == POLICY_ERRNO)
		n += (size_t)snprintf(
		    out + n, size - n, "%s", strerrorname_np(r->err));
	else
		n += (size_t)snprintf(out + n, size - n, "kill");
	for (c = r->cond; c < r->cond + POLICY_CONDS; c++) {
		if (c->op == POLICY_ANY)
			break;
		if (c->op == POLICY_SELF)
			n += (size_t)snprintf(
			    out + n, size - n, " arg%u=self", c->arg);
		else
			n += (size_t)snprintf(out + n, size - n,
			    " arg%u&%llx=%llx", c->arg,
			    (unsigned long long)c->mask,
			    (unsigned long long)c->value);
	}
}

/* The parts that tables share, each printed once. */
static const struct part {
	const char *name;
	const struct policy_rule *table;
} parts[] = {
	{ "(base)", policy_base },
	{ "(no-files)", policy_no_files },
	{ "(config)", policy_config },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const char *
part_name(const struct policy_rule *table)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (parts[i].table == table)
			return parts[i].name;
	return NULL;
}

static void
rows_add(const char *role, const struct policy_rule *r)
{
	for (; r->act != POLICY_END && lines.n < ROWS_MAX; r++) {
		if (r->act != POLICY_INCLUDE)
			row_print(lines.row[lines.n++], LINE_MAX, role, r);
		else if (part_name(r->table) == NULL)
			rows_add(role, r->table);
		else
			snprintf(lines.row[lines.n++], LINE_MAX,
			    "%s includes %s", role, part_name(r->table));
	}
}

static int
row_cmp(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
table_print(const char *role, const struct policy_rule *table)
{
	size_t row;

	lines.n = 0;
	rows_add(role, table);
	qsort(lines.row, lines.n, sizeof(lines.row[0]), row_cmp);
	for (row = 0; row < lines.n; row++)
		puts(lines.row[row]);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		table_print(parts[i].name, parts[i].table);
	for (i = 0; i < ROLE__MAX; i++)
		if (roles[i].policy != NULL)
			table_print(roles[i].name, roles[i].policy);
	return 0;
}
