/* SPDX-License-Identifier: ISC
 *
 * When files are made durable together, and when each is left to itself.
 * syncfs(2) and fstatfs(2) are this test's own.
 */
#include <sys/vfs.h>

#include <atf-c.h>
#include <errno.h>
#include <linux/magic.h>
#include <time.h>
#include <unistd.h>

#include "delivery/local/mailer.h"

#define MANY 20

static long type;
static unsigned syncs;
static int error;
static long takes_ms;

int
fstatfs(int fd, struct statfs *out)
{
	*out = (struct statfs){ .f_type = type };
	return 0;
}

int
syncfs(int fd)
{
	struct timespec ts = { takes_ms / 1000, takes_ms % 1000 * 1000000 };

	syncs++;
	nanosleep(&ts, NULL);
	errno = error;
	return error == 0 ? 0 : -1;
}

ATF_TC_WITHOUT_HEAD(where_the_file_system_does_it);
ATF_TC_BODY(where_the_file_system_does_it, tc)
{
	static const long known[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC };
	static const long others[] = { TMPFS_MAGIC, NFS_SUPER_MAGIC,
		FUSE_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, 0 };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		type = known[i];
		ATF_CHECK_EQ(1, together_sync(0, MANY));
		ATF_CHECK_EQ(i + 1, syncs);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		type = others[i];
		ATF_CHECK_EQ(0, together_sync(0, MANY));
	}
	ATF_CHECK_EQ(3, syncs);
}

ATF_TC_WITHOUT_HEAD(a_few_files_are_not_worth_it);
ATF_TC_BODY(a_few_files_are_not_worth_it, tc)
{
	type = EXT4_SUPER_MAGIC;
	ATF_CHECK_EQ(0, together_sync(0, 1));
	ATF_CHECK_EQ(0, together_sync(0, 3));
	ATF_CHECK_EQ(0, syncs);
}

ATF_TC_WITHOUT_HEAD(a_failure_is_one);
ATF_TC_BODY(a_failure_is_one, tc)
{
	type = EXT4_SUPER_MAGIC;
	error = EIO;
	ATF_CHECK_EQ(-1, together_sync(0, MANY));
	ATF_CHECK_EQ(EIO, errno);
}

ATF_TC_WITHOUT_HEAD(others_that_write_much_are_not_waited_for_again);
ATF_TC_BODY(others_that_write_much_are_not_waited_for_again, tc)
{
	type = EXT4_SUPER_MAGIC;
	takes_ms = 200;
	ATF_CHECK_EQ(1, together_sync(0, MANY));
	ATF_CHECK_EQ(0, together_sync(0, MANY));
	ATF_CHECK_EQ(1, syncs);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, where_the_file_system_does_it);
	ATF_TP_ADD_TC(tp, a_few_files_are_not_worth_it);
	ATF_TP_ADD_TC(tp, a_failure_is_one);
	ATF_TP_ADD_TC(tp, others_that_write_much_are_not_waited_for_again);
	return atf_no_error();
}
