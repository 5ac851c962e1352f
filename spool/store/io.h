/* SPDX-License-Identifier: ISC
 *
 * Every system call of this room that touches the disk.  Names are relative
 * to a directory's descriptor and contain no slash; links are not followed.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include <sys/types.h>
#include <sys/uio.h>

#include <dirent.h>
#include <stdint.h>

/* All return 0 (io_open and io_dir a descriptor) or the negative error of
 * err_from_errno; a short read is -E_CORRUPT. */
int io_open(int dir_fd, const char *name, int flags);

/* Open the directory name, making it first where it is missing. */
int io_dir(int dir_fd, const char *name);

/* A stream of the directory's entries from the first on (closedir), or NULL. */
DIR *io_list(int dir_fd);

/* Read exactly len octets from off. */
int io_read(int fd, void *to, size_t len, uint64_t off);

/* Write all of it from off on.  The array of n is used up. */
int io_writev(int fd, struct iovec *iov, size_t n, uint64_t off);
int io_write(int fd, const void *from, size_t len, uint64_t off);

/* Have the disk begin with what was written of that range, so that there is
 * less to wait for when it is synced.  Advice: it promises nothing. */
void io_begin(int fd, uint64_t off, uint64_t len);

/* Data and what is needed to find it again; never called twice for the same
 * data, since the kernel forgets what it could not write. */
int io_sync_data(int fd);

/* A directory's entries. */
int io_sync_dir(int fd);
int io_rename(int from_fd, const char *from, int to_fd, const char *to);
int io_unlink(int dir_fd, const char *name);

/* Free space for us: octets and inodes; UINT64_MAX inodes where the file
 * system does not count them. */
int io_room(int fd, uint64_t *octets, uint64_t *inodes);

/* Size of a regular file; -E_DENIED for anything else. */
int io_size(int fd, uint64_t *size);

#endif
