/* SPDX-License-Identifier: ISC
 *
 * Dot-locks: who holds one, and who only seems to.  Classes: (d) files in
 * directories of others.
 */
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
	atf_utils_create_file("victim", "bulkhead\n");
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
	ATF_TP_ADD_TC(tp, that_of_another_program_stays);
	ATF_TP_ADD_TC(tp, an_old_one_is_removed);
	ATF_TP_ADD_TC(tp, links_and_pipes_are_not_opened);
	return atf_no_error();
}
