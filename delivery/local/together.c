/* SPDX-License-Identifier: ISC
 *
 * Files that were written together are made durable together.
 *
 * fsync(2) of one file after another has the disk flush its cache for each,
 * which takes most of the time of a delivery; syncfs(2) writes all of them,
 * commits the journal once, and flushes once.  It writes what others have
 * changed on that file system as well: where that takes longer than the files
 * would one by one, it is left alone for a while.  And not every file system
 * does all of this for it: those that do are listed.
 */
#include <sys/vfs.h>

#include <linux/magic.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/clock.h"

#define TOGETHER_MIN      8 /* files that are worth it */
#define TOGETHER_EACH_MS  3 /* that one of them may take alone */
#define TOGETHER_PAUSE_MS 600000

static bool
together_is_known(int dir_fd)
{
	struct statfs fs;

	if (fstatfs(dir_fd, &fs) != 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

int
together_sync(int dir_fd, size_t n)
{
	static uint64_t not_before_ms;
	uint64_t begin_ms = clock_ms(), took_ms;

	if (n < TOGETHER_MIN || begin_ms < not_before_ms ||
	    !together_is_known(dir_fd))
		return 0;
	if (syncfs(dir_fd) != 0)
		return -1;
	took_ms = clock_ms() - begin_ms;
	if (took_ms > n * TOGETHER_EACH_MS)
		not_before_ms = begin_ms + took_ms + TOGETHER_PAUSE_MS;
	return 1;
}
