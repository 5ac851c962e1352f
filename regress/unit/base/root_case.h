/* SPDX-License-Identifier: ISC
 *
 * A case that only root can run.
 */
#ifndef UNIT_BASE_ROOT_CASE_H
#define UNIT_BASE_ROOT_CASE_H

#include <atf-c.h>

#define ROOT_TC(name)                                                          \
	ATF_TC(name);                                                          \
	ATF_TC_HEAD(name, tc)                                                  \
	{                                                                      \
		atf_tc_set_md_var(tc, "require.user", "root");                 \
		atf_tc_set_md_var(tc, "timeout", "60");                        \
	}                                                                      \
	ATF_TC_BODY(name, tc)

#endif
