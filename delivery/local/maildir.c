/* SPDX-License-Identifier: ISC
 *
 * Maildir: a file written in tmp/, synced, moved into new/, and new/ synced;
 * only then is the message delivered.  What comes before the commit is
 * written first, then synced together, since the file system then commits
 * its journal once for all of them.
 *
 * Where the file system lets us it has no name before it is in new/: a mailer
 * that dies leaves nothing, and it costs half of what a move does.  Such a
 * file is synced once more when it has its name, or a file system without a
 * journal could have the name of a file that is not used.
 *
 * A name is <seconds>.M<usec>P<pid>Q<n>_<message>.<index>.<host>: the id in it
 * tells, after a crash, whether an attempt in doubt had got through.
 */
#include <sys/stat.h>
#include <sys/vfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"

#define MAILDIR_NAME_MAX 255
#define MAILDIR_BATCH    64          /* files between two commits */
#define MAILDIR_STALE_S  (36 * 3600) /* age at which a file in tmp/ is dead */
#define MAILDIR_FD_PATH  32          /* octets of the name of a descriptor */

/* The directories of one mailbox, open from the first message to the commit. */
struct maildir {
	char path[PATH_MAX];
	int new_fd;
	int tmp_fd;
	int cur_fd;
	bool nameless; /* a file can be made there that gets its name later */
};

/* A message that was written and waits for the commit. */
struct pending {
	uint64_t msgid;
	uint32_t index;
	bool doubt; /* an attempt that was cut may have got through */
	bool there; /* it has */
	int fd;
	bool in_tmp; /* under that name; else it is nowhere */
	char name[MAILDIR_NAME_MAX + 1];
	size_t mark; /* where in it begins what each attempt has */
	size_t mark_len;
};

static struct {
	struct maildir box;
	bool open;
	bool swept; /* tmp/ was looked through in this process's life */
	struct pending pending[MAILDIR_BATCH];
	size_t npending;
	unsigned count;
} maildir = { .box = { .new_fd = -1, .tmp_fd = -1, .cur_fd = -1 } };

static void
maildir_close(void)
{
	close(maildir.box.new_fd);
	close(maildir.box.tmp_fd);
	close(maildir.box.cur_fd);
	maildir.open = false;
}

/* Files that a dead mailer left in tmp/.  Only what has our form of name. */
static void
maildir_sweep(int tmp_fd)
{
	int fd = openat(tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t now = clock_wall(NULL);
	struct dirent *d;
	struct stat st;
	DIR *dir;

	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		if (strchr(d->d_name, '_') == NULL ||
		    fstatat(tmp_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISREG(st.st_mode) && st.st_uid == mailer_job.uid &&
		    (uint64_t)st.st_mtime + MAILDIR_STALE_S < now)
			unlinkat(tmp_fd, d->d_name, 0);
	}
	closedir(dir);
}

static void
maildir_fd_path(int fd, char path[MAILDIR_FD_PATH])
{
	snprintf(path, MAILDIR_FD_PATH, "/proc/self/fd/%d", fd);
}

/* Whether a file that is made in dir_fd without a name, synced, and linked,
 * is whole once the directory of the link is synced.  Btrfs, for one, may
 * have the name without the octets then. */
static bool
maildir_nameless(int dir_fd)
{
	char path[MAILDIR_FD_PATH];
	struct statfs fs;
	struct stat st;

	if (fstatfs(dir_fd, &fs) != 0 ||
	    (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC))
		return false;
	maildir_fd_path(dir_fd, path);
	return fstatat(AT_FDCWD, path, &st, 0) == 0;
}

/* Open tmp, new and cur below box.  What a mailer made that died before its
 * sync is found here like anything else: only a known box is durable. */
static bool
maildir_open_box(int box, bool known)
{
	bool made = !known;

	maildir.box.tmp_fd = place_dir(box, "tmp", &made);
	maildir.box.new_fd = place_dir(box, "new", &made);
	maildir.box.cur_fd = place_dir(box, "cur", &made);
	maildir.open = true;
	if (maildir.box.tmp_fd < 0 || maildir.box.new_fd < 0 ||
	    maildir.box.cur_fd < 0 || (made && fsync(box) != 0)) {
		int saved = errno;

		maildir_close();
		errno = saved;
		return false;
	}
	maildir.box.nameless = maildir_nameless(maildir.box.tmp_fd);
	return true;
}

/* Open the mailbox for this message.  0 or -1 with *result filled in. */
static int
maildir_open(const struct mail *m, struct mail_result *result)
{
	char path[PATH_MAX], name[MAILDIR_NAME_MAX + 1];
	bool known, made, opened;
	int dir, box;

	if (place_expand(m, path, sizeof(path), result) != 0)
		return -1;
	known = strcmp(path, maildir.box.path) == 0;
	if (maildir.open && known)
		return 0;
	maildir_commit();
	if ((dir = place_open(path, name, sizeof(name), result)) < 0)
		return -1;
	made = !known;
	box = place_dir(dir, name, &made);
	/* a directory that is not the user's to read cannot be synced */
	opened = box >= 0 &&
	    (!made || place_sync(dir) == 0 || errno == EACCES) &&
	    maildir_open_box(box, known);
	if (!opened) {
		mail_result_errno(result, "opening the Maildir");
		/* what it has made anew may not be durable */
		maildir.box.path[0] = '\0';
	}
	if (box >= 0)
		close(box);
	close(dir);
	if (!opened)
		return -1;
	strlcpy(maildir.box.path, path, sizeof(maildir.box.path));
	if (!maildir.swept)
		maildir_sweep(maildir.box.tmp_fd);
	maildir.swept = true;
	return 0;
}

bool
maildir_prepare(char *path, size_t size)
{
	struct mail nobody = { .fd = -1 };
	struct mail_result result;

	if (place_expand(&nobody, path, size, &result) != 0 ||
	    maildir_open(&nobody, &result) != 0)
		return false;
	maildir_close();
	return true;
}

/* Whether a name that goes on like this is that of an earlier attempt. */
static bool
maildir_is_attempt(const struct pending *p, const char *mark)
{
	return p->doubt && strncmp(mark, p->name + p->mark, p->mark_len) == 0;
}

/* A file that got its name and was cut before it was synced with it. */
static int
maildir_sync_found(int dir_fd, const char *name)
{
	int fd, error, saved;

	if (!maildir.box.nameless)
		return 0;
	fd = openat(
	    dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	error = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return error;
}

/* Look for those of n that are in doubt in that directory, once for all of
 * them.  What is found counts when it is durable, which it was cut before,
 * maybe.  0 or -1 with errno. */
static int
maildir_look_in(int dir_fd, struct pending *pending, size_t n)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found[MAILDIR_BATCH] = { false };
	bool any = false;
	const char *mark;
	struct dirent *d;
	int failed = 0;
	DIR *dir;
	size_t i;

	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (failed == 0 && (errno = 0, d = readdir(dir)) != NULL) {
		mark = strchr(d->d_name, '_');
		for (i = 0; mark != NULL && i < n; i++) {
			if (!maildir_is_attempt(&pending[i], mark))
				continue;
			any = found[i] = true;
			if (maildir_sync_found(dir_fd, d->d_name) != 0)
				failed = errno;
		}
	}
	if (failed == 0)
		failed = errno;
	if (failed == 0 && any && fsync(dir_fd) != 0)
		failed = errno;
	closedir(dir);
	if (failed != 0) {
		errno = failed;
		return -1;
	}
	for (i = 0; i < n; i++)
		pending[i].there |= found[i];
	return 0;
}

static void
maildir_discard(const struct pending *p)
{
	close(p->fd);
	if (p->in_tmp)
		unlinkat(maildir.box.tmp_fd, p->name, 0);
}

/* Find out which of n, up to a batch, had got through before.  0 or -1 with
 * errno: nobody knows of those in doubt that were not found. */
static int
maildir_look(struct pending *pending, size_t n)
{
	size_t i;

	for (i = 0; i < n && !pending[i].doubt; i++)
		;
	if (i == n)
		return 0;
	if (maildir_look_in(maildir.box.new_fd, pending, n) != 0)
		return -1;
	return maildir_look_in(maildir.box.cur_fd, pending, n);
}

/* Those in doubt that had got through go no further, nor do those of which
 * that cannot be found out.  We look when all of the turn have come, and not
 * before: an attempt of any of them has ended by then, however it did. */
static void
maildir_settle(void)
{
	int looked = maildir_look(maildir.pending, maildir.npending);
	struct mail_result result;
	size_t i, n = 0;

	if (looked != 0)
		mail_result_errno(&result, "looking into the Maildir");
	for (i = 0; i < maildir.npending; i++) {
		struct pending *p = &maildir.pending[i];

		if (!p->there && (!p->doubt || looked == 0)) {
			maildir.pending[n++] = *p;
			continue;
		}
		maildir_discard(p);
		if (p->there)
			mailer_had_delivered(p->msgid, p->index);
		else
			mailer_report(p->msgid, p->index, &result);
	}
	maildir.npending = n;
}

static void
maildir_name(const struct mail *m, struct pending *p)
{
	uint32_t usec;
	uint64_t now = clock_wall(&usec);
	size_t i, size = sizeof(p->name);
	char host[128];

	strlcpy(host, mailer_job.hostname, sizeof(host));
	for (i = 0; host[i] != '\0'; i++) {
		if (host[i] == '/' || host[i] == ':')
			host[i] = '_';
	}
	snprintf(p->name, size, "%" PRIu64 ".M%" PRIu32 "P%dQ%u", now, usec,
	    (int)getpid(), ++maildir.count);
	p->mark = strlen(p->name);
	snprintf(p->name + p->mark, size - p->mark,
	    "_%016" PRIx64 ".%" PRIu32 ".", m->msgid, m->index);
	p->mark_len = strlen(p->name + p->mark);
	strlcat(p->name, host, size);
}

/* Write the message to the file.  0 or -1 with errno. */
static int
maildir_write(const struct mail *m, int fd)
{
	struct buf text;
	int error = -1;

	/* in one piece with the fields in front, unless it is a file */
	buf_init(&text, MSG_FRAME_MAX + 4096);
	if (content_prefix(m, &text) != 0 ||
	    buf_add(&text, m->content.p, m->content.len) != 0)
		errno = EINVAL;
	else if (content_write(fd, buf_span(&text)) == 0)
		error = m->fd < 0 ? 0 : content_copy(m, fd);
	buf_clear(&text);
	return error;
}

/* Report, from errno; but one in doubt that had got through needs no room. */
static void
maildir_not_written(struct pending *p)
{
	struct mail_result result;

	mail_result_errno(&result, "writing to the Maildir");
	if (p->fd >= 0)
		maildir_discard(p);
	if (maildir_look(p, 1) == 0 && p->there)
		mailer_had_delivered(p->msgid, p->index);
	else
		mailer_report(p->msgid, p->index, &result);
}

/* A new file to write to.  -1 with errno. */
static int
maildir_make(struct pending *p)
{
	p->in_tmp = !maildir.box.nameless;
	if (!p->in_tmp)
		return openat(maildir.box.tmp_fd, ".",
		    O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	return openat(maildir.box.tmp_fd, p->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void
maildir_put(const struct mail *m)
{
	struct pending *p;
	struct mail_result result;

	if (maildir_open(m, &result) != 0) {
		mailer_report(m->msgid, m->index, &result);
		return;
	}
	if (mailer_loops(m))
		return;
	p = &maildir.pending[maildir.npending];
	p->msgid = m->msgid;
	p->index = m->index;
	p->doubt = (m->flags & DELIVER_IN_DOUBT) != 0;
	p->there = false;
	maildir_name(m, p);
	p->fd = maildir_make(p);
	if (p->fd < 0 || maildir_write(m, p->fd) != 0) {
		maildir_not_written(p);
		return;
	}
	if (++maildir.npending == MAILDIR_BATCH)
		maildir_commit();
}

/* Make what is pending durable in tmp/, as synced[i] and results[i] say. */
static void
maildir_sync(bool synced[MAILDIR_BATCH], struct mail_result *results)
{
	int together = together_sync(maildir.box.new_fd, maildir.npending);
	int error = errno;
	size_t i;

	/* all are started before the first is waited for: then the file system
	 * has a place for each when it commits its journal for that one, and
	 * the others find their work done */
	for (i = 0; i < maildir.npending && together == 0; i++)
		sync_file_range(
		    maildir.pending[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (i = 0; i < maildir.npending; i++) {
		errno = error;
		synced[i] = together > 0 ||
		    (together == 0 && fsync(maildir.pending[i].fd) == 0);
		if (!synced[i])
			mail_result_errno(
			    &results[i], "syncing to the Maildir");
	}
}

/* 0 or -1 with errno.  No other file is replaced. */
static int
maildir_to_new(const struct pending *p)
{
	char path[MAILDIR_FD_PATH];

	if (p->in_tmp)
		return renameat2(maildir.box.tmp_fd, p->name,
		    maildir.box.new_fd, p->name, RENAME_NOREPLACE);
	maildir_fd_path(p->fd, path);
	return linkat(
	    AT_FDCWD, path, maildir.box.new_fd, p->name, AT_SYMLINK_FOLLOW);
}

/* Bring a file to new/, or away.  False with *result filled in. */
static bool
maildir_finish(const struct pending *p, bool synced, struct mail_result *result)
{
	if (synced && maildir_to_new(p) == 0)
		return true;
	if (synced)
		mail_result_errno(result, "moving into the Maildir");
	maildir_discard(p);
	return false;
}

/* What was moved is durable.  0 or -1 with errno. */
static int
maildir_sync_new(const bool moved[MAILDIR_BATCH])
{
	int together = 0;
	size_t i;

	if (maildir.box.nameless)
		together = together_sync(maildir.box.new_fd, maildir.npending);
	if (together != 0)
		return together > 0 ? 0 : -1;
	for (i = 0; i < maildir.npending && maildir.box.nameless; i++) {
		if (moved[i] && fsync(maildir.pending[i].fd) != 0)
			return -1;
	}
	return fsync(maildir.box.new_fd);
}

/* Sync and report what is pending. */
static void
maildir_flush(void)
{
	struct mail_result results[MAILDIR_BATCH], failed;
	bool moved[MAILDIR_BATCH] = { false };
	size_t i;
	int error;

	maildir_sync(moved, results);
	for (i = 0; i < maildir.npending; i++)
		moved[i] =
		    maildir_finish(&maildir.pending[i], moved[i], &results[i]);
	if ((error = maildir_sync_new(moved)) != 0)
		mail_result_errno(&failed, "syncing the Maildir");
	for (i = 0; i < maildir.npending; i++) {
		if (!moved[i])
			continue;
		close(maildir.pending[i].fd);
		if (error == 0) {
			mail_result_set(&results[i], OUT_DELIVERED, "2.0.0",
			    "delivered to the Maildir");
			continue;
		}
		/* it comes again, and nobody will look for this one then */
		unlinkat(maildir.box.new_fd, maildir.pending[i].name, 0);
		results[i] = failed;
	}
	for (i = 0; i < maildir.npending; i++)
		mailer_report(maildir.pending[i].msgid,
		    maildir.pending[i].index, &results[i]);
	maildir.npending = 0;
}

void
maildir_commit(void)
{
	if (!maildir.open)
		return;
	maildir_settle();
	if (maildir.npending > 0)
		maildir_flush();
	/* what the next message finds here is looked at anew */
	maildir_close();
}
