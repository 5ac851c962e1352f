/* SPDX-License-Identifier: ISC
 *
 * What the master itself gives up once it has started.  It stays root, since
 * becoming a user is its work, but with few capabilities; what it drops here
 * no process that it starts can have.
 */
#include <linux/capability.h>

#include "privsep/base/log.h"
#include "privsep/confine/confine.h"
#include "privsep/confine/confine_int.h"
#include "privsep/confine/landlock.h"
#include "privsep/confine/policy.h"

#define C(cap) (1ULL << (cap))

/* clang-format off */
#define MASTER_CAPS ( \
	C(CAP_SETUID) | C(CAP_SETGID) |		/* become a user */ \
	C(CAP_SETPCAP) |			/* a role's bounding set */ \
	C(CAP_SYS_ADMIN) | C(CAP_SYS_CHROOT) |	/* a role's namespaces */ \
	C(CAP_SYS_RESOURCE) |			/* a role's limits */ \
	C(CAP_SYS_PTRACE) |			/* verify: /proc/PID/ns, root */ \
	C(CAP_KILL) |				/* end a role */ \
	C(CAP_NET_BIND_SERVICE) |		/* port 25 */ \
	C(CAP_NET_ADMIN) |			/* SO_SNDBUFFORCE on channels */ \
	C(CAP_CHOWN) | C(CAP_FOWNER) |		/* queue directory, sockets */ \
	C(CAP_DAC_OVERRIDE))
/* clang-format on */

static int
step_bounding(const struct confine_params *p)
{
	return caps_bound(MASTER_CAPS);
}

static int
step_capabilities(const struct confine_params *p)
{
	return caps_keep(MASTER_CAPS);
}

static int
step_deny_list(const struct confine_params *p)
{
	return confine_deny_list(policy_master);
}

int
confine_master(const char **step)
{
	static const struct confine_step steps[] = {
		{ "bounding set", step_bounding },
		{ "capabilities", step_capabilities },
		{ "no_new_privs", step_no_new_privs },
		{ "not dumpable", step_not_dumpable },
		{ "seccomp", step_deny_list },
		{ NULL, NULL },
	};
	const char *missing;

	/* said once, here, for all the processes that will go without */
	if ((missing = landlock_missing()) != NULL)
		LOG(EV_WARN, KS("doing", "confining"), KS("why", missing));
	return confine_steps(steps, NULL, step);
}
