/* SPDX-License-Identifier: ISC
 *
 * The sanitizer build's stand-in for filter.c: the sanitizers' own run-time
 * makes calls that no role may, so there is no filter.  smtpd -V says so.
 */
#ifdef BULKHEAD_SANITIZE

#include "privsep/confine/confine.h"
#include "privsep/confine/policy.h"

int
confine_allow_list(const struct policy_rule *table)
{
	return 0;
}

int
confine_deny_list(const struct policy_rule *table)
{
	return 0;
}

const char *
confine_build(void)
{
	return "relaxed for sanitizers";
}

#else
/* ISO C wants a declaration in every file. */
extern int confine_filter_none_is_empty;
#endif
