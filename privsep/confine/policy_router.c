/* SPDX-License-Identifier: ISC
 *
 * router: asks the kernel who is at the other end of a connection that a
 * session hands it.
 */
#include <sys/socket.h>

#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_router[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	ALLOW(getsockname),
	ALLOW(getpeername),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_PEERCRED)),
	END
};
/* clang-format on */
