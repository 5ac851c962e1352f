/* SPDX-License-Identifier: ISC
 *
 * control: takes connections of smtpctl from the one Unix socket that it was
 * given, and asks the kernel who speaks.
 */
#include <sys/socket.h>

#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_control[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	ALLOW_IF(accept4, HAS(3, SOCK_CLOEXEC | SOCK_NONBLOCK)),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_PEERCRED)),
	END
};
/* clang-format on */
