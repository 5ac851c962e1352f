/* SPDX-License-Identifier: ISC
 *
 * Dot-locks.  A lock of ours is made with a mode that no other program's has,
 * and then locked itself, with fcntl(2): one of that mode that nobody has
 * locked says that its owner has died, at whatever moment, so that the lock of
 * a mailer that was killed holds nobody up.  Those of other programs are left
 * alone until they are old.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/clock.h"

#define DOTLOCK_STALE_S 300 /* age of a lock that nobody holds */
#define DOTLOCK_MODE    (S_ISVTX | S_IRUSR | S_IWUSR)

/* Take the lock of the lock; only who has it may remove the name. */
static bool
dotlock_hold(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_SETLK, &whole) == 0;
}

/* Whether the open file is still what the name stands for. */
static bool
dotlock_named(int dir_fd, const char *name, int fd)
{
	struct stat st, now;

	return fstat(fd, &st) == 0 &&
	    fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == st.st_dev && now.st_ino == st.st_ino;
}

static bool
dotlock_is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | DOTLOCK_MODE);
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
	if (dotlock_is_ours(fd) && dotlock_hold(fd) &&
	    dotlock_named(dir_fd, name, fd))
		unlinkat(dir_fd, name, 0);
	close(fd);
}

int
dotlock_take(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, DOTLOCK_MODE);

	if (fd >= 0) {
		/* who found it before it was locked has taken it for that of
		 * a dead one, and removed it */
		if (dotlock_hold(fd) && dotlock_named(dir_fd, name, fd))
			return fd;
		close(fd);
		errno = EEXIST;
	} else if (errno == EEXIST) {
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
