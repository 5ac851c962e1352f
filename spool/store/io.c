/* SPDX-License-Identifier: ISC
 *
 * System calls on files, with short and interrupted ones carried on.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "spool/store/io.h"

#define IO_VEC_MAX 1024 /* IOV_MAX of Linux */

static int
io_result(int result)
{
	return result == -1 ? err_from_errno(errno) : result;
}

int
io_open(int dir_fd, const char *name, int flags)
{
	return io_result(openat(
	    dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
}

int
io_dir(int dir_fd, const char *name)
{
	if (mkdirat(dir_fd, name, 0700) == -1 && errno != EEXIST)
		return err_from_errno(errno);
	return io_open(dir_fd, name, O_RDONLY | O_DIRECTORY);
}

DIR *
io_list(int dir_fd)
{
	int fd = io_open(dir_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (fd < 0)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

int
io_read(int fd, void *to, size_t len, uint64_t off)
{
	unsigned char *p = to;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_from_errno(errno);
		if (n == 0)
			return -E_CORRUPT;
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int
io_writev(int fd, struct iovec *iov, size_t n, uint64_t off)
{
	ssize_t done;

	while (n > 0) {
		done = pwritev(
		    fd, iov, n > IO_VEC_MAX ? IO_VEC_MAX : (int)n, (off_t)off);
		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return err_from_errno(errno);
		off += (uint64_t)done;
		while (n > 0 && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int
io_write(int fd, const void *from, size_t len, uint64_t off)
{
	const unsigned char *p = from;
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_from_errno(errno);
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

void
io_begin(int fd, uint64_t off, uint64_t len)
{
	/* what fails here fails again, and is seen, when it is synced */
	(void)sync_file_range(
	    fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int
io_sync_data(int fd)
{
	return io_result(fdatasync(fd));
}

int
io_sync_dir(int fd)
{
	return io_result(fsync(fd));
}

int
io_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	return io_result(renameat(from_fd, from, to_fd, to));
}

int
io_unlink(int dir_fd, const char *name)
{
	return io_result(unlinkat(dir_fd, name, 0));
}

int
io_room(int fd, uint64_t *octets, uint64_t *inodes)
{
	struct statvfs vfs;
	size_t product;

	if (fstatvfs(fd, &vfs) == -1)
		return err_from_errno(errno);
	if (!chk_mul(vfs.f_bavail, vfs.f_frsize, &product))
		product = SIZE_MAX;
	*octets = product;
	*inodes = vfs.f_files == 0 ? UINT64_MAX : vfs.f_favail;
	return 0;
}

int
io_size(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_from_errno(errno);
	if (!S_ISREG(st.st_mode))
		return -E_DENIED;
	*size = (uint64_t)st.st_size;
	return 0;
}
