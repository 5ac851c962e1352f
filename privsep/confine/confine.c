/* SPDX-License-Identifier: ISC
 *
 * The recipe.  Its order is the point: each step needs a right that a later
 * one takes away, and seccomp comes last.  Any step that fails is fatal to
 * the process that called.
 */
#include "privsep/confine/confine.h"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine_int.h"
#include "privsep/confine/landlock.h"
#include "privsep/confine/policy.h"

int
confine_steps(const struct confine_step *s, const struct confine_params *p,
    const char **step)
{
	int error;

	for (; s->name != NULL; s++)
		if ((error = s->fn(p)) != 0) {
			*step = s->name;
			return error;
		}
	return 0;
}

/* The kernel's answer as ours. */
static int
done(long rc)
{
	return rc == 0 ? 0 : err_from_errno(errno);
}

static int
step_may_be_confined(const struct confine_params *p)
{
	/* A recipient may be any user but root; a role without a policy has
	 * no process. */
	return p->uid == 0 || p->uid == (uid_t)-1 || p->gid == (gid_t)-1 ||
		roles[p->role].policy == NULL || p->role == ROLE_MASTER
	    ? -E_DENIED
	    : 0;
}

static int
step_setsid(const struct confine_params *p)
{
	/* It fails in the leader of a group, which may lead its session. */
	if (setsid() == -1 && getsid(0) != getpid())
		return err_from_errno(errno);
	return 0;
}

static int
step_network(const struct confine_params *p)
{
	return roles[p->role].own_net ? done(setns(p->net_fd, CLONE_NEWNET))
				      : 0;
}

/* PRIV: CAP_SYS_ADMIN.  The directory becomes the only mount there is. */
static int
root_queue(const char *dir)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(dir, dir, NULL, MS_BIND, NULL) != 0 ||
	    mount(NULL, dir, NULL,
		MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		NULL) != 0 ||
	    chdir(dir) != 0 || syscall(__NR_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return err_from_errno(errno);
	return 0;
}

static int
step_root(const struct confine_params *p)
{
	switch (roles[p->role].root) {
	case ROOT_EMPTY:
		/* this makes its root and working directory ours */
		return done(setns(p->root_fd, CLONE_NEWNS));
	case ROOT_QUEUE:
		return root_queue(p->root);
	case ROOT_HOST:
	default:
		return done(chdir("/"));
	}
}

static int
step_ipc_uts(const struct confine_params *p)
{
	return done(unshare(CLONE_NEWIPC | CLONE_NEWUTS));
}

static int
limit(int what, uint64_t value)
{
	struct rlimit r = { .rlim_cur = value, .rlim_max = value };

	return done(setrlimit((__rlimit_resource_t)what, &r));
}

/* The number of descriptors is no protection, but a need: where we may not
 * raise what the machine allows, take that. */
static int
limit_nofile(uint64_t value)
{
	struct rlimit r;

	if (limit(RLIMIT_NOFILE, value) == 0)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return err_from_errno(errno);
	return limit(RLIMIT_NOFILE, value < r.rlim_max ? value : r.rlim_max);
}

static int
step_limits(const struct confine_params *p)
{
	const struct role_limits *l = &roles[p->role].limits;
	int error;

	if ((error = limit(RLIMIT_NPROC, 0)) != 0 ||
	    (error = limit(RLIMIT_CORE, 0)) != 0 ||
	    (error = limit(RLIMIT_MEMLOCK, 0)) != 0 ||
	    (error = limit(RLIMIT_MSGQUEUE, 0)) != 0 ||
	    (error = limit(RLIMIT_FSIZE, l->fsize)) != 0 ||
	    (error = limit_nofile(l->nofile)) != 0)
		return error;
#ifndef BULKHEAD_SANITIZE
	error = limit(RLIMIT_DATA, l->data);
#endif
	return error;
}

static int
step_umask(const struct confine_params *p)
{
	umask(077);
	return 0;
}

/* This and the next need CAP_SETPCAP, so they come before the change of
 * user. */
static int
step_bounding(const struct confine_params *p)
{
	return caps_bound(0);
}

/* Root's id alone gives nothing any more, and that stays so; the change of
 * user clears the capabilities, and that too stays so. */
static int
step_securebits(const struct confine_params *p)
{
	return done(prctl(PR_SET_SECUREBITS,
	    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
		SECBIT_NO_CAP_AMBIENT_RAISE |
		SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
	    0, 0, 0));
}

static int
step_groups(const struct confine_params *p)
{
	return done(setgroups(p->ngroups, p->groups));
}

static int
step_gid(const struct confine_params *p)
{
	return done(setresgid(p->gid, p->gid, p->gid));
}

static int
step_uid(const struct confine_params *p)
{
	return done(setresuid(p->uid, p->uid, p->uid));
}

/* The change of user left the inheritable ones. */
static int
step_capabilities(const struct confine_params *p)
{
	return caps_keep(0);
}

/* Not believed, but tried: there is no way back. */
static int
step_no_way_back(const struct confine_params *p)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0)
		return err_from_errno(errno);
	if (r != p->uid || e != p->uid || s != p->uid || rg != p->gid ||
	    eg != p->gid || sg != p->gid)
		return -E_DENIED;
	if (setuid(0) == 0 || (p->gid != 0 && setgid(0) == 0))
		return -E_DENIED;
	return 0;
}

int
step_no_new_privs(const struct confine_params *p)
{
	return done(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int
step_not_dumpable(const struct confine_params *p)
{
	return done(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static int
step_landlock(const struct confine_params *p)
{
	static const char *const whole_root[] = { "/", NULL };

	if (roles[p->role].root == ROOT_QUEUE)
		return landlock_enter(whole_root, NULL);
	return landlock_enter(p->dirs, p->ports);
}

static int
step_seccomp(const struct confine_params *p)
{
	return confine_allow_list(roles[p->role].policy);
}

int
confine_become(const struct confine_params *p, const char **step)
{
	static const struct confine_step steps[] = {
		{ "parameters", step_may_be_confined },
		{ "setsid", step_setsid },
		{ "network namespace", step_network },
		{ "root directory", step_root },
		{ "ipc and uts namespaces", step_ipc_uts },
		{ "limits", step_limits },
		{ "umask", step_umask },
		{ "bounding set", step_bounding },
		{ "securebits", step_securebits },
		{ "groups", step_groups },
		{ "gid", step_gid },
		{ "uid", step_uid },
		{ "capabilities", step_capabilities },
		{ "no way back", step_no_way_back },
		{ NULL, NULL },
	};

	return confine_steps(steps, p, step);
}

int
confine_lock(const struct confine_params *p, const char **step)
{
	static const struct confine_step steps[] = {
		{ "no_new_privs", step_no_new_privs },
		{ "not dumpable", step_not_dumpable },
		{ "landlock", step_landlock },
		{ "seccomp", step_seccomp },
		{ NULL, NULL },
	};

	return confine_steps(steps, p, step);
}

int
confine_enter(const struct confine_params *p, const char **step)
{
	int error;

	if ((error = confine_become(p, step)) != 0)
		return error;
	return confine_lock(p, step);
}

void
confine_close_fds(int lowest)
{
	closefrom(lowest);
}
