/* SPDX-License-Identifier: ISC
 *
 * Dot-locks.  A lock of ours is locked itself, with fcntl(2), and then marked
 * as ours: a mark without a lock says that its owner has died, so that the
 * lock of a mailer that was killed holds nobody up.  Those of other programs
 * are left alone until they are old.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/clock.h"

#define DOTLOCK_STALE_S 300 /* age of a lock that nobody holds */

static const char mark[] = "bulkhead\n";
#define MARK_LEN (sizeof(mark) - 1)

static bool
dotlock_lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_SETLK, &whole) == 0;
}

/* Whether the open lock is one of ours whose owner is dead, and still what
 * the name stands for. */
static bool
dotlock_orphan(int dir_fd, const char *name, int fd)
{
	struct stat st, now;
	char text[MARK_LEN];

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    pread(fd, text, MARK_LEN, 0) == (ssize_t)MARK_LEN &&
	    memcmp(text, mark, MARK_LEN) == 0 && dotlock_lock(fd) &&
	    fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == st.st_dev && now.st_ino == st.st_ino;
}

/* Remove a lock that nobody holds. */
static void
dotlock_break(int dir_fd, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_mtime + DOTLOCK_STALE_S < clock_wall(NULL)) {
		unlinkat(dir_fd, name, 0);
		return;
	}
	fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	/* two that find it: the one that has locked it removes it, before it
	 * lets go */
	if (dotlock_orphan(dir_fd, name, fd))
		unlinkat(dir_fd, name, 0);
	close(fd);
}

int
dotlock_take(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		/* unmarked it is a lock all the same */
		if (dotlock_lock(fd) && write(fd, mark, MARK_LEN) < 0)
			errno = 0;
		return fd;
	}
	if (errno == EEXIST) {
		dotlock_break(dir_fd, name);
		errno = EEXIST;
	}
	return -1;
}

void
dotlock_drop(int dir_fd, const char *name, int fd)
{
	unlinkat(dir_fd, name, 0);
	close(fd);
}
