/* SPDX-License-Identifier: ISC
 *
 * The calls of libc that touch the disk, with its faults.  See faults.h.
 */
#undef _FORTIFY_SOURCE
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/store/faults.h"

struct fault fault;

static bool
fault_due(void)
{
	fault.calls++;
	if (fault.fail_at == 0 || fault.calls < fault.fail_at ||
	    (fault.calls > fault.fail_at && !fault.for_ever))
		return false;
	errno = fault.fail_error;
	return true;
}

/* For calls that do all or nothing. */
static bool
fault_now(void)
{
	return fault_due() && fault.writes == WHOLE;
}

int
fdatasync(int fd)
{
	return fault_now() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return fault_now() ? -1 : (int)syscall(SYS_fsync, fd);
}

/* How many of len octets are written, or -1. */
static ssize_t
fault_write(size_t len)
{
	bool now = fault_due();

	if (fault.half || (now && fault.writes == WHOLE)) {
		fault.half = false;
		errno = fault.fail_error;
		return -1;
	}
	if (!now || len < 2)
		return (ssize_t)len;
	fault.half = fault.writes == HALF;
	return (ssize_t)(len / 2);
}

ssize_t
pwrite(int fd, const void *from, size_t len, off_t off)
{
	ssize_t n = fault_write(len);

	return n < 0 ? -1 : syscall(SYS_pwrite64, fd, from, (size_t)n, off);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	size_t first = iov[0].iov_len;
	ssize_t len = fault_write(first);

	/* what is short ends in the first piece */
	if (len < 0)
		return -1;
	if ((size_t)len < first)
		return syscall(
		    SYS_pwrite64, fd, iov[0].iov_base, (size_t)len, off);
	return syscall(SYS_pwritev, fd, iov, n, off, 0);
}

ssize_t
pread(int fd, void *to, size_t len, off_t off)
{
	if (fault.bad_reads > 0 || (off != 0 && off == fault.bad_off)) {
		fault.bad_reads -= fault.bad_reads > 0;
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, to, len, off);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fault_now()
	    ? -1
	    : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int
unlinkat(int fd, const char *name, int flags)
{
	return fault_now() ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

int
openat(int fd, const char *name, int flags, ...)
{
	va_list ap;
	int mode = 0;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, int);
		va_end(ap);
		if (fault.no_files) {
			errno = ENOSPC;
			return -1;
		}
	}
	return fault_now() ? -1
			   : (int)syscall(SYS_openat, fd, name, flags, mode);
}

int
fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	memset(out, 0, sizeof(*out));
	out->f_frsize = 4096;
	out->f_bavail = fault.room != 0 ? fault.room : 1 << 20;
	out->f_files = out->f_ffree = out->f_favail = fault.inodes;
	return 0;
}
