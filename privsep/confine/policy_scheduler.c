/* SPDX-License-Identifier: ISC
 *
 * scheduler: memory, time and channels.
 */
#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_scheduler[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	END
};
/* clang-format on */
