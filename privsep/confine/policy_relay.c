/* SPDX-License-Identifier: ISC
 *
 * relay: connects to other hosts over TCP, and accepts nothing.  bind(2) is
 * there for the source address; Landlock leaves it no port to listen at.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "privsep/confine/policy.h"

#define STREAM (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

/* clang-format off */
const struct policy_rule policy_relay[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	ALLOW_IF(socket, IS(0, AF_INET), IS(1, STREAM), IS(2, 0)),
	ALLOW_IF(socket, IS(0, AF_INET6), IS(1, STREAM), IS(2, 0)),
	ALLOW(bind),
	ALLOW(connect),
	ALLOW(getsockname),
	ALLOW_IF(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)),
	END
};
/* clang-format on */
