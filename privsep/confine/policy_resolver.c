/* SPDX-License-Identifier: ISC
 *
 * resolver: asks name servers over UDP, and over TCP what is too large for
 * that.  bind(2) is there for the port that each question has of its own.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "privsep/confine/policy.h"

#define KINDS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* clang-format off */
const struct policy_rule policy_resolver[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_no_files),
	INCLUDE(policy_config),
	ALLOW_IF(socket, IS(0, AF_INET), { POLICY_BITS, 1,
	    MASK32 & ~(uint64_t)KINDS, SOCK_DGRAM }),
	ALLOW_IF(socket, IS(0, AF_INET6), { POLICY_BITS, 1,
	    MASK32 & ~(uint64_t)KINDS, SOCK_DGRAM }),
	ALLOW_IF(socket, IS(0, AF_INET), { POLICY_BITS, 1,
	    MASK32 & ~(uint64_t)KINDS, SOCK_STREAM }),
	ALLOW_IF(socket, IS(0, AF_INET6), { POLICY_BITS, 1,
	    MASK32 & ~(uint64_t)KINDS, SOCK_STREAM }),
	ALLOW(bind),
	ALLOW(connect),
	ALLOW(getsockname),
	/* libunbound would connect so, past Landlock; refused, it connects as
	 * others do */
	REFUSE_IF(sendmsg, EOPNOTSUPP, HAS(2, MSG_FASTOPEN)),
	ALLOW_IF(sendto, LACKS(3, MSG_OOB | MSG_FASTOPEN)),
	ALLOW_IF(setsockopt, IS(1, IPPROTO_IPV6)),
	ALLOW_IF(setsockopt, IS(1, IPPROTO_IP)),
	ALLOW_IF(setsockopt, IS(1, IPPROTO_TCP)),
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR)),
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)),
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)),
	END
};
/* clang-format on */
