/* SPDX-License-Identifier: ISC
 *
 * delivery: reads content from descriptors that the spool gives it, and hands
 * them on.
 */
#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_delivery[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	END
};
/* clang-format on */
