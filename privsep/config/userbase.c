/* SPDX-License-Identifier: ISC
 *
 * Entries of userbase tables.  See userbase.h.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/userbase.h"

#define USERBASE_ID_MAX 4294967294 /* (uid_t)-1 means no one */

/* A decimal number up to a colon, both taken off *s. */
static int
userbase_id(struct span *s, uint32_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->len && s->p[i] != ':'; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -E_SYNTAX;
		v = v * 10 + (uint64_t)(s->p[i] - '0');
		if (v > USERBASE_ID_MAX)
			return -E_SYNTAX;
	}
	if (i == 0 || i == s->len)
		return -E_SYNTAX;
	s->p += i + 1;
	s->len -= i + 1;
	*out = (uint32_t)v;
	return 0;
}

int
userbase_parse(struct span value, struct userbase_entry *out)
{
	struct userbase_entry e;

	if (userbase_id(&value, &e.uid) != 0 ||
	    userbase_id(&value, &e.gid) != 0 || value.len == 0 ||
	    value.len > USERBASE_HOME_MAX ||
	    memchr(value.p, '\0', value.len) != NULL)
		return -E_SYNTAX;
	e.home = value;
	*out = e;
	return 0;
}
