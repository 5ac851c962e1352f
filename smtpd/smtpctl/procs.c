/* SPDX-License-Identifier: ISC
 *
 * `show roles': the daemon says which processes it has, the kernel (/proc)
 * says how they are confined, and the table says how they should be.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "smtpd/smtpctl/smtpctl.h"

#define PROCS_WHY_MAX 4096

static uint64_t
procs_number(const struct row *row, const char *key)
{
	const struct field *f = row_field(row, key);
	uint64_t v = 0;
	size_t i;

	if (f == NULL)
		return 0;
	for (i = 0;
	     i < f->value.len && f->value.p[i] >= '0' && f->value.p[i] <= '9';
	     i++)
		v = v * 10 + (uint64_t)(f->value.p[i] - '0');
	return v;
}

static enum role
procs_role(const struct row *row)
{
	const struct field *f = row_field(row, "role");
	char *name;
	enum role role;

	if (f == NULL || (name = span_dup(f->value)) == NULL)
		return ROLE__MAX;
	role = role_by_name(name);
	free(name);
	return role;
}

bool
procs_row(struct printer *p, const struct row *row)
{
	const struct field *state = row_field(row, "state");
	enum role role = procs_role(row);
	char verdict[PROCS_WHY_MAX + 1] = "as declared";
	struct buf why;
	int error = 0;
	size_t i;

	buf_init(&why, PROCS_WHY_MAX);
	if (role == ROLE__MAX)
		error = -E_NOENT;
	else if (role != ROLE_MASTER && state != NULL &&
	    span_eq(state->value, span_str("running")))
		error = confine_verify((pid_t)procs_number(row, "pid"), role,
		    (uid_t)procs_number(row, "uid"),
		    (gid_t)procs_number(row, "gid"), &why);
	else if (role != ROLE_MASTER)
		strlcpy(verdict, "not looked at", sizeof(verdict));
	if (error == -E_NOENT) {
		/* it has ended since the daemon listed it */
		strlcpy(verdict, "gone", sizeof(verdict));
		error = 0;
	} else if (error != 0) {
		for (i = 0; i < why.len; i++)
			verdict[i] =
			    why.data[i] == '\n' ? ';' : (char)why.data[i];
		verdict[why.len] = '\0';
	}
	print_row(p, row, "confinement", verdict);
	buf_clear(&why);
	return error == 0;
}
