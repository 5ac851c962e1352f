/* SPDX-License-Identifier: ISC
 *
 * Dot-locks: who holds one, and who only seems to.  Classes: (d) files in
 * directories of others.
 */
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "delivery/local/mailer.h"

/* The lock is taken by a process that then dies, killed, or waits. */
static pid_t
taken_by(bool dies)
{
	int ends[2];
	char byte;
	pid_t pid;

	ATF_REQUIRE_EQ(0, pipe(ends));
	if ((pid = fork()) == 0) {
		if (dotlock_take(AT_FDCWD, "lock") < 0 ||
		    write(ends[1], "", 1) != 1)
			_exit(1);
		if (dies)
			kill(getpid(), SIGKILL);
		pause();
	}
	ATF_REQUIRE_EQ(1, read(ends[0], &byte, 1));
	close(ends[0]);
	close(ends[1]);
	if (dies)
		waitpid(pid, NULL, 0);
	return pid;
}

ATF_TC_WITHOUT_HEAD(one_at_a_time);
ATF_TC_BODY(one_at_a_time, tc)
{
	pid_t pid = taken_by(false);

	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(EEXIST, errno);
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

ATF_TC_WITHOUT_HEAD(that_of_the_dead_is_removed);
ATF_TC_BODY(that_of_the_dead_is_removed, tc)
{
	int fd;

	taken_by(true);
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(EEXIST, errno);
	ATF_REQUIRE((fd = dotlock_take(AT_FDCWD, "lock")) >= 0);
	dotlock_drop(AT_FDCWD, "lock", fd);
	ATF_CHECK_EQ(-1, access("lock", F_OK));
}

/* A process that takes the lock is held up at its nth stop before or after a
 * system call; it exits with 1 when it has got it.  -1 when it had come to its
 * end before that. */
static pid_t
held_up_at(unsigned n)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(dotlock_take(AT_FDCWD, "lock") >= 0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	for (; n > 0 && WIFSTOPPED(status); n--) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	}
	return WIFSTOPPED(status) ? pid : -1;
}

ATF_TC_WITHOUT_HEAD(a_death_at_any_moment_holds_nobody_up);
ATF_TC_BODY(a_death_at_any_moment_holds_nobody_up, tc)
{
	unsigned n, left = 0;
	pid_t pid;

	for (n = 1; (pid = held_up_at(n)) > 0; n++) {
		int fd;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fd = dotlock_take(AT_FDCWD, "lock");
		left += fd < 0;
		if (fd < 0)
			fd = dotlock_take(AT_FDCWD, "lock");
		ATF_REQUIRE_MSG(fd >= 0, "after a death at stop %u", n);
		dotlock_drop(AT_FDCWD, "lock", fd);
	}
	ATF_CHECK_MSG(left >= 3, "only %u deaths left a lock", left);
}

/* Who comes while another takes it may take it for that of a dead one. */
ATF_TC_WITHOUT_HEAD(of_two_at_any_moment_one_has_it);
ATF_TC_BODY(of_two_at_any_moment_one_has_it, tc)
{
	unsigned n, ours = 0;
	int status;
	pid_t pid;

	for (n = 1; (pid = held_up_at(n)) > 0; n++) {
		int fd = dotlock_take(AT_FDCWD, "lock");

		if (fd < 0)
			fd = dotlock_take(AT_FDCWD, "lock");
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_REQUIRE(WIFEXITED(status));
		ATF_CHECK_MSG(WEXITSTATUS(status) + (fd >= 0) == 1,
		    "at stop %u: it %d, we %d", n, WEXITSTATUS(status),
		    fd >= 0);
		ours += fd >= 0;
		if (fd >= 0)
			close(fd);
		unlink("lock");
	}
	ATF_CHECK_MSG(ours >= 3 && ours < n - 1, "%u of %u", ours, n - 1);
}

ATF_TC_WITHOUT_HEAD(that_of_another_program_stays);
ATF_TC_BODY(that_of_another_program_stays, tc)
{
	atf_utils_create_file("lock", "4711\n");
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(0, access("lock", F_OK));
}

ATF_TC_WITHOUT_HEAD(an_old_one_is_removed);
ATF_TC_BODY(an_old_one_is_removed, tc)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int fd;

	atf_utils_create_file("lock", "4711\n");
	ATF_REQUIRE_EQ(0, utimensat(AT_FDCWD, "lock", old, 0));
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK((fd = dotlock_take(AT_FDCWD, "lock")) >= 0);
}

ATF_TC_WITHOUT_HEAD(links_and_pipes_are_not_opened);
ATF_TC_BODY(links_and_pipes_are_not_opened, tc)
{
	atf_utils_create_file("victim", "%s", "");
	ATF_REQUIRE_EQ(0, chmod("victim", 01600));
	ATF_REQUIRE_EQ(0, symlink("victim", "lock"));
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(0, access("lock", F_OK));
	ATF_REQUIRE_EQ(0, unlink("lock"));
	ATF_REQUIRE_EQ(0, mkfifo("lock", 0600));
	ATF_CHECK_EQ(-1, dotlock_take(AT_FDCWD, "lock"));
	ATF_CHECK_EQ(0, access("lock", F_OK));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_at_a_time);
	ATF_TP_ADD_TC(tp, that_of_the_dead_is_removed);
	ATF_TP_ADD_TC(tp, a_death_at_any_moment_holds_nobody_up);
	ATF_TP_ADD_TC(tp, of_two_at_any_moment_one_has_it);
	ATF_TP_ADD_TC(tp, that_of_another_program_stays);
	ATF_TP_ADD_TC(tp, an_old_one_is_removed);
	ATF_TP_ADD_TC(tp, links_and_pipes_are_not_opened);
	return atf_no_error();
}
