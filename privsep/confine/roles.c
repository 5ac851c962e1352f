/* SPDX-License-Identifier: ISC
 *
 * The table of roles.  Whoever reads this sees the whole ship: who runs as
 * whom, speaks with whom, finds what as its root, and may use how much.
 */
#include "privsep/confine/roles.h"

#include <string.h>

#include "privsep/confine/policy.h"

#define MIB       (UINT64_C(1) << 20)
#define GIB       (UINT64_C(1) << 30)
#define UNLIMITED UINT64_MAX

/* clang-format off */
const struct role_spec roles[ROLE__MAX] = {
[ROLE_MASTER] = {
	.name = "master",
	.start = START_NEVER,	/* it is the one that starts */
	.peers = R_CHILDREN,
	.root = ROOT_HOST,
	.policy = policy_master,
	.limits = { .nofile = 4096, .data = UNLIMITED, .fsize = UNLIMITED },
},
/* nofile: 10,000 sessions in a worker, each of which may have its socket in
 * flight to the router.  data: 16 KiB for each, and headroom. */
[ROLE_SESSION] = {
	.name = "session",
	.user = "_bhsession",
	.program = "session",
	.start = START_POOL,
	.peers = R_MASTER | R_ROUTER | R_SPOOL,
	.root = ROOT_EMPTY,
	.own_net = true,
	.batch = true,
	.policy = policy_session,
	.limits = { .nofile = 25000, .data = 512 * MIB },
},
/* nofile: a channel to every session process, and their sockets. */
[ROLE_ROUTER] = {
	.name = "router",
	.user = "_bhrouter",
	.program = "router",
	.start = START_ONE,
	.peers = R_MASTER | R_SESSION | R_SPOOL | R_SCHEDULER | R_DELIVERY |
	    R_RESOLVER | R_CONTROL,
	.root = ROOT_EMPTY,
	.own_net = true,
	.batch = true,
	.policy = policy_router,
	.limits = { .nofile = 16384, .data = 1 * GIB },
},
[ROLE_AUTH] = {
	.name = "auth",
	.user = "_bhauth",
	.start = START_NEVER,
	.root = ROOT_EMPTY,
	.own_net = true,
},
[ROLE_KEYS] = {
	.name = "keys",
	.user = "_bhkeys",
	.start = START_NEVER,
	.root = ROOT_EMPTY,
	.own_net = true,
},
[ROLE_SPOOL] = {
	.name = "spool",
	.user = "_bhspool",
	.program = "spool",
	.start = START_ONE,
	.peers = R_MASTER | R_SESSION | R_ROUTER | R_SCHEDULER | R_DELIVERY |
	    R_RELAY | R_CONTROL,
	.root = ROOT_QUEUE,
	.own_net = true,
	.policy = policy_spool,
	.limits = { .nofile = 4096, .data = 1 * GIB, .fsize = 4 * GIB },
},
[ROLE_SCHEDULER] = {
	.name = "scheduler",
	.user = "_bhsched",
	.program = "scheduler",
	.start = START_ONE,
	.peers = R_MASTER | R_ROUTER | R_SPOOL | R_DELIVERY | R_RELAY |
	    R_CONTROL,
	.root = ROOT_EMPTY,
	.own_net = true,
	.policy = policy_scheduler,
	.limits = { .nofile = 1024, .data = 1 * GIB },
},
[ROLE_DELIVERY] = {
	.name = "delivery",
	.user = "_bhdeliver",
	.program = "delivery",
	.start = START_ONE,
	.peers = R_MASTER | R_ROUTER | R_SPOOL | R_SCHEDULER | R_MAILER |
	    R_CONTROL,
	.root = ROOT_EMPTY,
	.own_net = true,
	.policy = policy_delivery,
	.limits = { .nofile = 4096, .data = 512 * MIB },
},
/* The recipient; Landlock leaves it the mailbox's directories.  fsize: an
 * mbox has no size of ours. */
[ROLE_MAILER] = {
	.name = "mailer",
	.program = "mailer",
	.start = START_DEMAND,
	.peers = R_MASTER | R_DELIVERY,
	.root = ROOT_HOST,
	.own_net = true,
	.policy = policy_mailer,
	.limits = { .nofile = 256, .data = 256 * MIB, .fsize = UNLIMITED },
},
/* The network is the host's: it is what connects.  nofile: a connection with
 * two attempts at it, and the contents of messages. */
[ROLE_RELAY] = {
	.name = "relay",
	.user = "_bhrelay",
	.program = "relay",
	.start = START_POOL,
	.peers = R_MASTER | R_SPOOL | R_SCHEDULER | R_RESOLVER | R_CONTROL,
	.root = ROOT_EMPTY,
	.policy = policy_relay,
	.limits = { .nofile = 16384, .data = 1 * GIB },
},
[ROLE_RESOLVER] = {
	.name = "resolver",
	.user = "_bhdns",
	.program = "resolver",
	.start = START_ONE,
	.peers = R_MASTER | R_ROUTER | R_RELAY | R_CONTROL,
	.root = ROOT_EMPTY,
	.policy = policy_resolver,
	.limits = { .nofile = 4096, .data = 512 * MIB },
},
[ROLE_CONTROL] = {
	.name = "control",
	.user = "_bhcontrol",
	.program = "control",
	.start = START_ONE,
	.peers = R_MASTER | R_ROUTER | R_SPOOL | R_SCHEDULER | R_DELIVERY |
	    R_RELAY | R_RESOLVER | R_CLIENT,
	.root = ROOT_EMPTY,
	.own_net = true,
	.policy = policy_control,
	.limits = { .nofile = 1024, .data = 256 * MIB },
},
[ROLE_CLIENT] = {
	.name = "client",
	.start = START_NEVER,
	.peers = R_CONTROL,
	.root = ROOT_HOST,
},
};
/* clang-format on */

uid_t
role_reserved_id(enum role role)
{
	return ROLE_RESERVED_BASE + (uid_t)role;
}

enum role
role_by_name(const char *name)
{
	unsigned i;

	for (i = 0; i < ROLE__MAX; i++)
		if (strcmp(roles[i].name, name) == 0)
			break;
	return (enum role)i;
}
