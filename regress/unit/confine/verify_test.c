/* SPDX-License-Identifier: ISC
 *
 * What the master sees of a process from outside, before it trusts it.
 */
#include "privsep/confine/policy.h"
#include "regress/unit/confine/confined.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int hold[2];

/* A child that does this to itself, says so, and stays. */
static pid_t
stand(enum role role, void (*prepare)(enum role))
{
	char c;
	pid_t pid;

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, hold));
	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0) {
		close(hold[0]);
		prepare(role);
		NEED(write(hold[1], "r", 1) == 1);
		(void)!read(hold[1], &c, 1);
		_exit(0);
	}
	close(hold[1]);
	ATF_REQUIRE_EQ_MSG(
	    1, read(hold[0], &c, 1), "%s did not get there", roles[role].name);
	return pid;
}

static void
release(pid_t pid)
{
	close(hold[0]);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

/* confine_verify() says this, and mentions all of these. */
static void
check_verify(enum role role, void (*prepare)(enum role), int expected,
    const char *const *mentions)
{
	pid_t pid = stand(role, prepare);
	struct buf out;
	uid_t id = role_reserved_id(role);

	buf_init(&out, 65536);
	ATF_CHECK_EQ_MSG(expected, confine_verify(pid, role, id, id, &out),
	    "%s", roles[role].name);
	buf_put_u8(&out, 0);
	if (expected == 0)
		ATF_CHECK_STREQ("", (char *)out.data);
	for (; mentions != NULL && *mentions != NULL; mentions++)
		ATF_CHECK_MSG(strstr((char *)out.data, *mentions) != NULL,
		    "%s: no %s in: %s", roles[role].name, *mentions, out.data);
	buf_clear(&out);
	release(pid);
}

static void
nothing(enum role role)
{
}

static void
become_only(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step;

	NEED(confine_become(&p, &step) == 0);
}

static void
other_user(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step;

	p.uid++;
	p.gid++;
	NEED(confine_enter(&p, &step) == 0);
}

static void
with_a_group(enum role role)
{
	struct confine_params p = params_for(role);
	gid_t group = 0;
	const char *step;

	p.groups = &group;
	p.ngroups = 1;
	NEED(confine_enter(&p, &step) == 0);
}

static void
on_the_hosts_network(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step;

	NEED((p.net_fd = open("/proc/self/ns/net", O_RDONLY)) >= 0);
	NEED(confine_enter(&p, &step) == 0);
}

static void
on_a_copy_of_the_root(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step;

	NEED(unshare(CLONE_NEWNS) == 0);
	NEED((p.root_fd = open("/proc/self/ns/mnt", O_RDONLY)) >= 0);
	NEED(confine_enter(&p, &step) == 0);
}

ROOT_TC(every_role_stands_the_verification)
{
	size_t i;

	place_make();
	for (i = 0; i < RUNNING; i++)
		check_verify(running[i], confine_or_die, 0, NULL);
}

/* As a service manager may start us. */
static void
confine_from_inheritable(enum role role)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	NEED(syscall(__NR_capget, &head, data) == 0);
	data[0].inheritable = 1U << CAP_CHOWN;
	NEED(syscall(__NR_capset, &head, data) == 0);
	NEED(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0);
	confine_or_die(role);
}

ROOT_TC(inherited_capabilities_are_dropped)
{
	place_make();
	check_verify(ROLE_SESSION, confine_from_inheritable, 0, NULL);
}

ROOT_TC(unconfined_is_noticed_in_every_respect)
{
	const char *all[] = { "Uid:", "Gid:", "NoNewPrivs:",
#ifndef BULKHEAD_SANITIZE
		"Seccomp:",
#endif
		"CapPrm:", "CapEff:", "CapBnd:", "ns/ipc:", "ns/uts:", NULL,
		NULL };
	size_t i, last = sizeof(all) / sizeof(all[0]) - 2;

	place_make();
	for (i = 0; i < RUNNING; i++) {
		all[last] = roles[running[i]].own_net ? "ns/net:" : NULL;
		check_verify(running[i], nothing, -E_DENIED, all);
	}
}

ROOT_TC(missing_lock_is_noticed)
{
	static const char *const lock[] = { "NoNewPrivs:",
#ifndef BULKHEAD_SANITIZE
		"Seccomp:",
#endif
		NULL };

	place_make();
	check_verify(ROLE_SESSION, become_only, -E_DENIED, lock);
	check_verify(ROLE_MAILER, become_only, -E_DENIED, lock);
}

/* As it is after exec(2). */
static void
dumpable(enum role role)
{
	become_only(role);
	NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static void
dumpable_before_lock(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step;

	dumpable(role);
	NEED(confine_lock(&p, &step) == 0);
}

#ifndef BULKHEAD_SANITIZE
/* What starts the roles has a filter of its own, which they inherit. */
ROOT_TC(inherited_filter_is_not_taken_for_its_own)
{
	static const char *const lock[] = { "Seccomp_filters:", NULL };

	place_make();
	ATF_REQUIRE_EQ(0, confine_deny_list(policy_master));
	check_verify(ROLE_SESSION, become_only, -E_DENIED, lock);
	check_verify(ROLE_SPOOL, become_only, -E_DENIED, lock);
}
#endif

ROOT_TC(dumpable_is_noticed)
{
	static const char *const what[] = { "dumpable:", NULL };

	place_make();
	check_verify(ROLE_SESSION, dumpable, -E_DENIED, what);
	check_verify(ROLE_SESSION, dumpable_before_lock, 0, NULL);
}

ROOT_TC(other_ids_are_noticed)
{
	static const char *const ids[] = { "Uid:", "Gid:", NULL };
	static const char *const groups[] = { "Groups:", NULL };

	place_make();
	check_verify(ROLE_SESSION, other_user, -E_DENIED, ids);
	check_verify(ROLE_SESSION, with_a_group, -E_DENIED, groups);
}

ROOT_TC(other_places_are_noticed)
{
	static const char *const net[] = { "ns/net:", NULL };
	static const char *const root[] = { "root: expected empty",
		"mounts:", "root: expected ro", NULL };

	place_make();
	check_verify(ROLE_SESSION, on_the_hosts_network, -E_DENIED, net);
	check_verify(ROLE_SESSION, on_a_copy_of_the_root, -E_DENIED, root);
}

ROOT_TC(process_that_is_gone_is_no_entry)
{
	struct buf out;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0)
		_exit(0);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	buf_init(&out, 65536);
	ATF_CHECK_EQ(-E_NOENT, confine_verify(pid, ROLE_SESSION, 1, 1, &out));
	ATF_CHECK_EQ(0, out.len);
	buf_clear(&out);
}

static void
other_file_size(enum role role)
{
	const struct rlimit more = { 1, 1 }, less = { 4096, 4096 };
	struct confine_params p = params_for(role);
	const char *step;

	NEED(confine_become(&p, &step) == 0);
	NEED(setrlimit(RLIMIT_NPROC, &more) == -1);
	NEED(setrlimit(RLIMIT_CORE, &more) == -1);
	NEED(setrlimit(RLIMIT_FSIZE, &less) == 0);
	NEED(confine_lock(&p, &step) == 0);
}

ROOT_TC(other_limits_are_noticed)
{
	static const char *const all[] = { "Max processes:",
		"Max core file size:", "Max locked memory:", "Umask:", NULL };
	static const char *const fsize[] = { "Max file size: expected "
					     "4294967296, is 4096",
		NULL };

	place_make();
	check_verify(ROLE_SESSION, nothing, -E_DENIED, all);
	check_verify(ROLE_SPOOL, other_file_size, -E_DENIED, fsize);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_role_stands_the_verification);
	ATF_TP_ADD_TC(tp, inherited_capabilities_are_dropped);
	ATF_TP_ADD_TC(tp, unconfined_is_noticed_in_every_respect);
	ATF_TP_ADD_TC(tp, missing_lock_is_noticed);
#ifndef BULKHEAD_SANITIZE
	ATF_TP_ADD_TC(tp, inherited_filter_is_not_taken_for_its_own);
#endif
	ATF_TP_ADD_TC(tp, dumpable_is_noticed);
	ATF_TP_ADD_TC(tp, other_ids_are_noticed);
	ATF_TP_ADD_TC(tp, other_places_are_noticed);
	ATF_TP_ADD_TC(tp, process_that_is_gone_is_no_entry);
	ATF_TP_ADD_TC(tp, other_limits_are_noticed);
	return atf_no_error();
}
