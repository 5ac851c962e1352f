/* SPDX-License-Identifier: ISC
 *
 * session: takes connections from the listening sockets that it was given,
 * and can make no other.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_session[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	ALLOW_IF(accept4, HAS(3, SOCK_CLOEXEC | SOCK_NONBLOCK)),
	ALLOW(getsockname),
	ALLOW(getpeername),
	ALLOW_IF(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)),
	END
};
/* clang-format on */
