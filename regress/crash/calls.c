/* SPDX-License-Identifier: ISC
 *
 * See calls.h.  Only what changes the disk is replaced, and what opens files,
 * since that fails too when descriptors run out.
 */
#undef _FORTIFY_SOURCE
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/calls.h"

static struct {
	struct fault_plan plan;
	unsigned seen, failed, syncs_failed;
	bool half; /* the next write fails */
	bool journalled;
	struct journal *journal;
	struct rnd rnd;
} calls;

void
calls_plan(const struct fault_plan *plan)
{
	calls.plan = plan == NULL ? (struct fault_plan){ 0 } : *plan;
	calls.seen = calls.failed = calls.syncs_failed = 0;
	calls.half = false;
}

unsigned
calls_seen(void)
{
	return calls.seen;
}

unsigned
calls_failed(void)
{
	return calls.failed;
}

unsigned
calls_syncs_failed(void)
{
	return calls.syncs_failed;
}

void
calls_record(struct journal *journal)
{
	calls.journal = journal;
}

void
calls_journalled(bool journalled)
{
	calls.journalled = journalled;
}

void
calls_seed(uint64_t seed)
{
	calls.rnd.state = seed;
}

void
arc4random_buf(void *out, size_t len)
{
	unsigned char *p = out;

	while (len-- > 0)
		*p++ = (unsigned char)rnd_next(&calls.rnd);
}

/* Whether it is the turn of this call, of which only is the kind of fault
 * that counts no others. */
static bool
fault_due(enum fault_kind only)
{
	const struct fault_plan *plan = &calls.plan;

	if (plan->kind != only &&
	    (plan->kind == FAULT_SYNC || plan->kind == FAULT_READ ||
		only == FAULT_READ))
		return false;
	calls.seen++;
	if (plan->at != 0)
		return calls.seen == plan->at ||
		    (plan->for_ever && calls.seen > plan->at);
	return plan->every != 0 && rnd_once_in(&calls.rnd, plan->every);
}

static bool
fail(void)
{
	calls.failed++;
	errno = calls.plan.error;
	return true;
}

/* For calls that do all or nothing. */
static bool
fault_now(void)
{
	return fault_due(FAULT_ERROR) && calls.plan.kind == FAULT_ERROR &&
	    fail();
}

static bool
fault_sync(void)
{
	return fault_due(FAULT_SYNC) &&
	    (calls.plan.kind == FAULT_ERROR || calls.plan.kind == FAULT_SYNC) &&
	    fail();
}

/* For writes: how many of len octets to write, or -1. */
static ssize_t
fault_write(size_t len)
{
	bool due = fault_due(FAULT_ERROR);

	if (calls.half ||
	    (due &&
		(calls.plan.kind == FAULT_ERROR ||
		    calls.plan.kind == FAULT_FULL))) {
		calls.half = false;
		fail();
		return -1;
	}
	if (!due || len < 2)
		return (ssize_t)len;
	calls.half = calls.plan.kind == FAULT_HALF;
	if (calls.plan.for_ever)
		calls.plan.kind = FAULT_ERROR;
	calls.failed++;
	return (ssize_t)(len / 2);
}

static ino_t
inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void
note_write(int fd, const struct iovec *iov, int n, ssize_t done, off_t off)
{
	struct op op = { .kind = OP_WRITE };
	size_t left = done < 0 ? 0 : (size_t)done;

	if (calls.journal == NULL)
		return;
	op.ino = inode(fd);
	op.off = (uint64_t)off;
	op.data = need(left + 1, 1);
	for (; n > 0 && left > 0; n--, iov++) {
		size_t len = iov->iov_len < left ? iov->iov_len : left;

		memcpy(op.data + op.len, iov->iov_base, len);
		op.len += len;
		left -= len;
	}
	if (op.len > 0)
		journal_add(calls.journal, &op);
	free(op.data);
}

static void
note_sync(int fd, bool good)
{
	struct op op = { .kind = good ? OP_SYNC : OP_SYNC_FAILED };

	if (calls.journal == NULL)
		return;
	op.ino = inode(fd);
	journal_add(calls.journal, &op);
}

static void
note_name(enum op_kind kind, ino_t ino, int dir, const char *name, int dir2,
    const char *name2)
{
	struct op op = { .kind = kind, .ino = ino };
	char from[256], to[256];

	if (calls.journal == NULL)
		return;
	op.dir = inode(dir);
	if (name != NULL) {
		snprintf(from, sizeof(from), "%s", name);
		op.name = from;
	}
	if (name2 != NULL) {
		op.dir2 = inode(dir2);
		snprintf(to, sizeof(to), "%s", name2);
		op.name2 = to;
	}
	journal_add(calls.journal, &op);
}

static int
sync_call(long number, int fd)
{
	bool fault = fault_sync();
	int result = fault ? -1 : (int)syscall(number, fd);
	int saved = errno;

	calls.syncs_failed += fault;
	/* the dead do not call: nothing of the kernel's is given up */
	if (!fault || !calls.plan.for_ever)
		note_sync(fd, result == 0);
	errno = saved;
	return result;
}

int
fdatasync(int fd)
{
	return sync_call(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return sync_call(SYS_fsync, fd);
}

int
syncfs(int fd)
{
	bool fault = fault_sync();
	struct op op = { .kind = fault ? OP_SYNC_ALL_FAILED : OP_SYNC_ALL };

	calls.syncs_failed += fault;
	if (calls.journal != NULL && (!fault || !calls.plan.for_ever))
		journal_add(calls.journal, &op);
	if (fault)
		errno = calls.plan.error;
	return fault ? -1 : 0;
}

/* What is here has no journal. */
int
fstatfs(int fd, struct statfs *out)
{
	int result = (int)syscall(SYS_fstatfs, fd, out);

	if (result == 0 && calls.journalled)
		out->f_type = EXT4_SUPER_MAGIC;
	return result;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	struct iovec *less;
	size_t len = 0, left;
	ssize_t done;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if ((done = fault_write(len)) < 0)
		return -1;
	less = need((size_t)n, sizeof(*less));
	left = (size_t)done;
	for (i = 0; i < n; i++) {
		less[i] = iov[i];
		if (less[i].iov_len > left)
			less[i].iov_len = left;
		left -= less[i].iov_len;
	}
	done = syscall(SYS_pwritev, fd, less, n, off, 0);
	note_write(fd, less, n, done, off);
	free(less);
	return done;
}

ssize_t
pwrite(int fd, const void *from, size_t len, off_t off)
{
	struct iovec iov = { (void *)(uintptr_t)from, len };

	return pwritev(fd, &iov, 1, off);
}

ssize_t
write(int fd, const void *from, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)from, len };
	ssize_t done = fault_write(len);
	struct stat st = { 0 };
	off_t at = 0;

	if (done < 0)
		return -1;
	if (calls.journal != NULL && fstat(fd, &st) == 0)
		at = st.st_size; /* files are only appended to */
	done = syscall(SYS_write, fd, from, (size_t)done);
	note_write(fd, &iov, 1, done, at);
	return done;
}

/* Seen as a read and a write. */
ssize_t
sendfile(int to, int from, off_t *off, size_t len)
{
	unsigned char piece[4096];
	ssize_t n;

	n = pread(from, piece, len < sizeof(piece) ? len : sizeof(piece), *off);
	if (n > 0 && (n = write(to, piece, (size_t)n)) > 0)
		*off += n;
	return n;
}

int
ftruncate(int fd, off_t len)
{
	return fault_now() ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int
renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	if (fault_now() ||
	    syscall(SYS_renameat2, from_fd, from, to_fd, to, flags) == -1)
		return -1;
	note_name(OP_RENAME, 0, from_fd, from, to_fd, to);
	return 0;
}

ssize_t
pread(int fd, void *to, size_t len, off_t off)
{
	if (fault_due(FAULT_READ) && fail())
		return -1;
	return syscall(SYS_pread64, fd, to, len, off);
}

/* What the headers make of the above where the size of to is known. */
ssize_t __pread_chk(int fd, void *to, size_t len, off_t off, size_t size);
ssize_t
__pread_chk(int fd, void *to, size_t len, off_t off, size_t size)
{
	if (len > size)
		errx(1, "pread of more than there is room for");
	return pread(fd, to, len, off);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

/* Of a file that had no name. */
int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	struct stat st = { 0 };

	if (fault_now() ||
	    syscall(SYS_linkat, from_fd, from, to_fd, to, flags) == -1)
		return -1;
	fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW);
	note_name(OP_LINK, st.st_ino, to_fd, to, -1, NULL);
	return 0;
}

int
unlinkat(int fd, const char *name, int flags)
{
	if (fault_now() || syscall(SYS_unlinkat, fd, name, flags) == -1)
		return -1;
	note_name(OP_UNLINK, 0, fd, name, -1, NULL);
	return 0;
}

int
mkdirat(int fd, const char *name, mode_t mode)
{
	struct stat st;

	if (fault_now() || syscall(SYS_mkdirat, fd, name, mode) == -1)
		return -1;
	if (calls.journal != NULL && fstatat(fd, name, &st, 0) == 0)
		note_name(OP_MKDIR, st.st_ino, fd, name, -1, NULL);
	return 0;
}

static int
open_call(int dir, const char *name, int flags, int mode)
{
	struct stat st;
	bool made, nameless;
	int fd;

	if (fault_now())
		return -1;
	nameless = (flags & O_TMPFILE) == O_TMPFILE;
	made = nameless ||
	    ((flags & O_CREAT) != 0 &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1);
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fd >= 0 && made)
		note_name(OP_CREATE, inode(fd), dir, nameless ? NULL : name, -1,
		    NULL);
	return fd;
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE
	    ? va_arg(ap, int)
	    : 0;
	va_end(ap);
	return open_call(dir, name, flags, mode);
}

/* What the headers make of the above where mode is left out. */
int __openat_2(int dir, const char *name, int flags);
int
__openat_2(int dir, const char *name, int flags)
{
	return open_call(dir, name, flags, 0);
}

/* A descriptor is closed in any case; only the answer may be an error. */
int
close(int fd)
{
	bool fault = fault_now();

	if (syscall(SYS_close, fd) == -1)
		return -1;
	return fault ? -1 : 0;
}
