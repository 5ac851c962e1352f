/* SPDX-License-Identifier: ISC
 *
 * What a confined process cannot do, and how it gets there.
 */
#include "regress/unit/confine/confined.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "privsep/confine/landlock.h"

/* --- what kills --------------------------------------------------------- */

/* A system call and its arguments. */
struct probe {
	const char *name;
	long nr;
	long arg[6];
	unsigned except; /* roles that may */
};

/* clang-format off */
static const struct probe probes[] = {
	{ "execve", __NR_execve, { 0 }, 0 },
	{ "execveat", __NR_execveat, { 0 }, 0 },
	{ "socket", __NR_socket, { AF_INET, SOCK_STREAM }, R_RESOLVER },
	{ "socketpair", __NR_socketpair, { AF_UNIX, SOCK_STREAM }, 0 },
	{ "socket AF_UNIX", __NR_socket,
	    { AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK }, 0 },
	{ "socket SOCK_DGRAM", __NR_socket,
	    { AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK }, R_RESOLVER },
	{ "connect", __NR_connect, { 0 }, R_RELAY | R_RESOLVER },
	{ "bind", __NR_bind, { 0 }, R_RELAY | R_RESOLVER },
	{ "listen", __NR_listen, { 0 }, 0 },
	{ "accept4 without flags", __NR_accept4, { 0 }, 0 },
	{ "sendto an address", __NR_sendto, { 0, 0, 0, 0, 1, 16 }, R_RESOLVER },
	{ "sendto with MSG_FASTOPEN", __NR_sendto, { 0, 0, 0, MSG_FASTOPEN },
	    0 },
	{ "sendmsg with MSG_OOB", __NR_sendmsg, { 0, 0, MSG_OOB }, 0 },
	{ "setsockopt SO_REUSEADDR", __NR_setsockopt,
	    { 0, SOL_SOCKET, SO_REUSEADDR }, R_RESOLVER },
	{ "getsockopt SO_SNDBUF", __NR_getsockopt,
	    { 0, SOL_SOCKET, SO_SNDBUF }, 0 },
	{ "ptrace", __NR_ptrace, { PTRACE_TRACEME }, 0 },
	{ "process_vm_readv", __NR_process_vm_readv, { 1 }, 0 },
	{ "kill", __NR_kill, { 1, 0 }, 0 },
	{ "tgkill another", __NR_tgkill, { 1, 1, SIGABRT }, 0 },
	{ "pidfd_open", __NR_pidfd_open, { 1 }, 0 },
	{ "io_uring_setup", __NR_io_uring_setup, { 1, 0 }, 0 },
	{ "bpf", __NR_bpf, { 0 }, 0 },
	{ "userfaultfd", __NR_userfaultfd, { 0 }, 0 },
	{ "perf_event_open", __NR_perf_event_open, { 0 }, 0 },
	{ "keyctl", __NR_keyctl, { 0 }, 0 },
	{ "mmap PROT_EXEC", __NR_mmap,
	    { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1 },
	    0 },
	{ "mmap MAP_SHARED", __NR_mmap,
	    { 0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1 }, 0 },
	{ "mprotect PROT_EXEC", __NR_mprotect, { 0, 4096, PROT_EXEC }, 0 },
	{ "pkey_mprotect", __NR_pkey_mprotect, { 0 }, 0 },
	{ "madvise MADV_MERGEABLE", __NR_madvise, { 0, 0, MADV_MERGEABLE }, 0 },
	{ "fcntl F_SETOWN", __NR_fcntl, { 0, F_SETOWN, 1 }, 0 },
	{ "fcntl F_SETLK", __NR_fcntl, { 0, F_SETLK, 0 }, R_MAILER },
	{ "memfd_create", __NR_memfd_create, { 0, MFD_CLOEXEC }, R_SPOOL },
	{ "memfd_create hugetlb", __NR_memfd_create, { 0, MFD_HUGETLB }, 0 },
	{ "unlinkat", __NR_unlinkat, { AT_FDCWD }, R_SPOOL | R_MAILER },
	{ "mkdirat", __NR_mkdirat, { AT_FDCWD }, R_SPOOL | R_MAILER },
	{ "symlinkat", __NR_symlinkat, { 0, AT_FDCWD }, 0 },
	{ "mknodat", __NR_mknodat, { AT_FDCWD }, 0 },
	{ "fchmod", __NR_fchmod, { 0 }, R_MAILER },
	{ "fchown", __NR_fchown, { 0 }, 0 },
	{ "unshare", __NR_unshare, { 0 }, 0 },
	{ "setns", __NR_setns, { -1 }, 0 },
	{ "mount", __NR_mount, { 0 }, 0 },
	{ "chroot", __NR_chroot, { 0 }, 0 },
	{ "chdir", __NR_chdir, { 0 }, 0 },
	{ "setuid", __NR_setuid, { 0 }, 0 },
	{ "capset", __NR_capset, { 0 }, 0 },
	{ "prlimit64", __NR_prlimit64, { 0 }, 0 },
	{ "seccomp", __NR_seccomp, { 0 }, 0 },
	{ "personality", __NR_personality, { 0 }, 0 },
	{ "rt_sigaction", __NR_rt_sigaction, { SIGSYS }, 0 },
	{ "open_by_handle_at", __NR_open_by_handle_at, { 0 }, 0 },
	{ "a call of the future", 2000, { 0 }, 0 },
#ifdef __x86_64__
	{ "fork", __NR_fork, { 0 }, 0 },
	{ "vfork", __NR_vfork, { 0 }, 0 },
	{ "modify_ldt", __NR_modify_ldt, { 0 }, 0 },
	{ "x32 getpid", 0x40000000L | __NR_getpid, { 0 }, 0 },
#endif
};
/* clang-format on */

static void
call(void *arg)
{
	const struct probe *p = arg;

	syscall(p->nr, p->arg[0], p->arg[1], p->arg[2], p->arg[3], p->arg[4],
	    p->arg[5]);
}

ROOT_TC(forbidden_calls_kill)
{
	struct probe p;
	size_t i, r;

	place_make();
	for (r = 0; r < RUNNING; r++)
		for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
			p = probes[i];
			if ((p.except & R(running[r])) == 0)
				check_dies(
				    running[r], p.name, call, &p, SIGSYS);
		}
}

#ifdef __x86_64__
static void
call_i386(void *arg)
{
	long rc = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
}

ROOT_TC(foreign_architecture_kills)
{
	size_t r;

	place_make();
	for (r = 0; r < RUNNING; r++)
		check_dies(running[r], "int 0x80", call_i386, NULL, SIGSYS);
}
#endif

static void
call_abort(void *arg)
{
	abort();
}

ROOT_TC(abort_is_seen_as_abort)
{
	size_t r;

	place_make();
	for (r = 0; r < RUNNING; r++)
		check_dies(running[r], "abort", call_abort, NULL, SIGABRT);
}

/* --- what is refused ---------------------------------------------------- */

static void
names_no_file(void *arg)
{
	struct stat st;

	NEED(open("/etc/passwd", O_RDONLY) == -1);
	NEED(errno == EACCES);
	NEED(stat("/etc/passwd", &st) == -1 && errno == EACCES);
	NEED(syscall(__NR_clone, SIGCHLD, 0, 0, 0, 0) == -1 && errno == EAGAIN);
	NEED(syscall(__NR_clone3, NULL, 0) == -1 && errno == ENOSYS);
}

ROOT_TC(files_are_refused)
{
	size_t r;

	place_make();
	for (r = 0; r < RUNNING; r++)
		if (running[r] != ROLE_SPOOL && running[r] != ROLE_MAILER)
			check_works(running[r], names_no_file, NULL);
}

static void
sees_queue_only(void *arg)
{
	struct stat st;
	int n = 0;
	DIR *d;

	NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == ENOENT);
	NEED(open("/../../../../etc/passwd", O_RDONLY) == -1);
	NEED(errno == ENOENT);
	NEED(fstatat(AT_FDCWD, "/..", &st, 0) == 0);
	NEED(st.st_uid == role_reserved_id(ROLE_SPOOL));
	NEED((d = opendir("/")) != NULL);
	while (readdir(d) != NULL)
		n++;
	NEED(n == 2);
}

ROOT_TC(spool_sees_nothing_but_the_queue)
{
	place_make();
	check_works(ROLE_SPOOL, sees_queue_only, NULL);
}

static void
sees_home_only(void *arg)
{
	int fd;

	NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	NEED(open("/tmp", O_RDONLY | O_DIRECTORY) == -1 && errno == EACCES);
	NEED(open("/proc/self/status", O_RDONLY) == -1 && errno == EACCES);
	NEED(mkdirat(AT_FDCWD, "/tmp/x", 0700) == -1 && errno == EACCES);
	NEED((fd = open(place.home, O_RDONLY | O_DIRECTORY)) >= 0);
	NEED(openat(fd, "../queue", O_RDONLY) == -1 && errno == EACCES);
}

ROOT_TC(mailer_sees_nothing_but_its_directories)
{
	place_make();
	check_works(ROLE_MAILER, sees_home_only, NULL);
}

/* --- the recipe --------------------------------------------------------- */

static void
check_refused(const struct confine_params *p, int error, const char *where)
{
	const char *step = "none";
	int status;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0) {
		NEED(confine_enter(p, &step) == error);
		NEED(strcmp(step, where) == 0);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(status == 0, "%s: line %% 250 is %d", where,
	    WEXITSTATUS(status) - 1);
}

ROOT_TC(failing_step_is_named)
{
	struct confine_params p;

	place_make();
	p = params_for(ROLE_SESSION);
	p.net_fd = -1;
	check_refused(&p, -E_IO, "network namespace");
	p = params_for(ROLE_SESSION);
	p.root_fd = -1;
	check_refused(&p, -E_IO, "root directory");
	p = params_for(ROLE_SPOOL);
	p.root = "/nonexistent";
	check_refused(&p, -E_NOENT, "root directory");
	p = params_for(ROLE_MAILER);
	p.dirs = (const char *const[]){ "/nonexistent", NULL };
	check_refused(&p, -E_NOENT, "landlock");
}

ROOT_TC(no_role_is_root_and_none_without_a_policy)
{
	struct confine_params p;

	place_make();
	p = params_for(ROLE_MAILER);
	p.uid = 0;
	check_refused(&p, -E_DENIED, "parameters");
	p = params_for(ROLE_KEYS);
	check_refused(&p, -E_DENIED, "parameters");
	p = params_for(ROLE_MASTER);
	check_refused(&p, -E_DENIED, "parameters");
}

/* As the user, before the filter takes the means to look. */
static void
check_become(const struct confine_params *p)
{
	const char *step = "none";
	unsigned long cap;

	NEED(confine_become(p, &step) == 0);
	NEED(getsid(0) == getpid());
	NEED(getuid() == p->uid && getgid() == p->gid);
	NEED(getgroups(0, NULL) == 0);
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		NEED(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0);
	NEED(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) ==
	    (SECBIT_NOROOT | SECBIT_NO_CAP_AMBIENT_RAISE | SECURE_ALL_LOCKS));
	NEED(setuid(0) == -1 && setgid(0) == -1 && setgroups(0, NULL) == -1);
	NEED(chroot("/") == -1 && errno == EPERM);
	NEED(unshare(CLONE_NEWUTS) == -1 && errno == EPERM);
	NEED(fork() == -1 && errno == EAGAIN);
	NEED(umask(0) == 077);
	_exit(0);
}

ROOT_TC(becoming_the_user_leaves_no_right)
{
	struct confine_params p;
	int status;
	size_t r;
	pid_t pid;

	place_make();
	for (r = 0; r < RUNNING; r++) {
		p = params_for(running[r]);
		ATF_REQUIRE((pid = fork()) >= 0);
		if (pid == 0)
			check_become(&p);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_CHECK_MSG(status == 0, "%s: line %% 250 is %d",
		    roles[running[r]].name, WEXITSTATUS(status) - 1);
	}
}

/* What Landlock takes by itself, in a process that is root and unfiltered. */
static void
under_landlock(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	NEED(landlock_enter(place.dirs, NULL) == 0);
	NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	NEED(mkdirat(AT_FDCWD, place.queue, 0700) == -1 && errno == EEXIST);
	NEED(rmdir(place.queue) == -1 && errno == EACCES);
	NEED(open(place.home, O_RDONLY | O_DIRECTORY) >= 0);
	NEED(chdir(place.home) == 0);
	NEED(mknod("null", S_IFCHR | 0600, 0x103) == -1 && errno == EACCES);
	NEED(mkfifo("fifo", 0600) == -1 && errno == EACCES);
	NEED(symlink("/", "link") == -1 && errno == EACCES);
	NEED(mkdir("dir", 0700) == 0);
	if (landlock_missing() == NULL) {
		NEED(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1);
		NEED(errno == EACCES);
		NEED(kill(getppid(), 0) == -1 && errno == EPERM);
	}
	NEED(landlock_enter(NULL, NULL) == 0);
	NEED(open("dir", O_RDONLY | O_DIRECTORY) == -1 && errno == EACCES);
	_exit(0);
}

/* The same of one that may connect to port 25. */
static void
under_landlock_with_ports(void)
{
	static const uint16_t ports[] = { 25, 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	NEED(landlock_enter(NULL, ports) == 0);
	if (landlock_missing() == NULL) {
		sin.sin_port = htons(26);
		NEED(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1);
		NEED(errno == EACCES);
		NEED(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1);
		NEED(errno == EACCES);
		sin.sin_port = 0;
		NEED(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
		sin.sin_port = htons(25);
		NEED(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 ||
		    errno != EACCES);
	}
	_exit(0);
}

ROOT_TC(landlock_leaves_the_ports_that_are_given)
{
	int status;
	pid_t pid;

	place_make();
	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0)
		under_landlock_with_ports();
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(
	    status == 0, "line %% 250 is %d", WEXITSTATUS(status) - 1);
}

ROOT_TC(landlock_holds_even_root)
{
	int status;
	pid_t pid;

	place_make();
	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0)
		under_landlock();
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(
	    status == 0, "line %% 250 is %d", WEXITSTATUS(status) - 1);
}

/* In a master that has given up what it does not need. */
static void
reduced_master(bool wicked)
{
	const char *step = "none";
	int status;
	pid_t pid;

	NEED(confine_master(&step) == 0);
	if (wicked)
		syscall(__NR_io_uring_setup, 1, NULL);
	NEED((pid = fork()) >= 0);
	if (pid == 0) {
		confine_or_die(ROLE_SPOOL);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	NEED(open("/proc/self/mem", O_RDONLY) >= 0);
	/* what it dropped, exec(2) as root does not bring back */
	execl("/bin/sh", "sh", "-c",
	    "grep -q '^NoNewPrivs:.1$' /proc/self/status && "
	    "! mknod \"$0\" c 1 3 2>/dev/null",
	    "null", (char *)NULL);
	_exit(1);
}

static int
master_status(bool wicked)
{
	int status;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0)
		reduced_master(wicked);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	return status;
}

ROOT_TC(reduced_master_can_still_confine)
{
	place_make();
	ATF_CHECK_EQ(0, master_status(false));
}

ROOT_TC(reduced_master_dies_of_what_it_never_needs)
{
	int status;

	place_make();
	status = master_status(true);
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

ATF_TP_ADD_TCS(tp)
{
#ifndef BULKHEAD_SANITIZE
	ATF_TP_ADD_TC(tp, forbidden_calls_kill);
#ifdef __x86_64__
	ATF_TP_ADD_TC(tp, foreign_architecture_kills);
#endif
	ATF_TP_ADD_TC(tp, files_are_refused);
	ATF_TP_ADD_TC(tp, reduced_master_dies_of_what_it_never_needs);
#endif
	ATF_TP_ADD_TC(tp, abort_is_seen_as_abort);
	ATF_TP_ADD_TC(tp, spool_sees_nothing_but_the_queue);
	ATF_TP_ADD_TC(tp, mailer_sees_nothing_but_its_directories);
	ATF_TP_ADD_TC(tp, failing_step_is_named);
	ATF_TP_ADD_TC(tp, no_role_is_root_and_none_without_a_policy);
	ATF_TP_ADD_TC(tp, becoming_the_user_leaves_no_right);
	ATF_TP_ADD_TC(tp, landlock_holds_even_root);
	ATF_TP_ADD_TC(tp, landlock_leaves_the_ports_that_are_given);
	ATF_TP_ADD_TC(tp, reduced_master_can_still_confine);
	return atf_no_error();
}
