/* SPDX-License-Identifier: ISC
 *
 * mbox: messages appended to one file, each after a line "From sender date",
 * lines of the body that look like it quoted with ">" (mboxrd: also those
 * that are quoted already, so that it can be undone).  The file is locked
 * with a dot-lock, where the directory lets us, and with fcntl(2).
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"

#define MBOX_LOCK_STEP 50
#define MBOX_NAME_MAX  255
#define MBOX_BATCH     64
/* A piece of content at most doubles: every line of it "From " quoted. */
#define MBOX_PIECE_MAX (512 * 1024)

/* A message that is written and waits for the sync. */
struct pending {
	uint64_t msgid;
	uint32_t index;
};

static struct {
	int dir_fd;
	int fd;
	int lock_fd; /* of a dot-lock */
	off_t start; /* length of the file before what is pending */
	bool busy; /* others kept the lock of path for too long in this turn */
	char path[PATH_MAX];
	char name[MBOX_NAME_MAX + 1];
	char lock[MBOX_NAME_MAX + 8];
	struct pending pending[MBOX_BATCH];
	size_t npending;
} mbox = { .dir_fd = -1, .fd = -1, .lock_fd = -1 };

void
mbox_prepare(const struct mailer_job *job, gid_t gid)
{
	struct template_values v = { .delim = job->delim };
	struct stat st;
	struct buf path;
	char *slash;
	int dir, fd;

	/* PRIV: a mail spool (/var/mail) belongs to root, and a user may not
	 * make files in it: the first mbox is made here, owned by the user.
	 * O_EXCL does not follow what others may have put there. */
	v.v[TV_USER_USERNAME] = span_str(job->user);
	v.v[TV_USER_DIRECTORY] = span_str(job->home);
	buf_init(&path, TEMPLATE_PATH_MAX + 1);
	if (place_is_fixed(job) && template_expand(job->path, &v, &path) == 0 &&
	    buf_put_u8(&path, '\0') == 0 &&
	    (slash = strrchr((char *)path.data, '/')) != NULL &&
	    (size_t)(slash - (char *)path.data) == strlen(job->base) &&
	    (dir = open(job->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		if (fstat(dir, &st) == 0 && st.st_uid == 0 &&
		    (fd = openat(dir, slash + 1,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600)) >= 0) {
			if (fchown(fd, job->uid, gid) != 0)
				unlinkat(dir, slash + 1, 0);
			close(fd);
		}
		close(dir);
	}
	buf_clear(&path);
}

/* Take back what was written from there on.  0 or -1 with errno. */
static int
mbox_cut(off_t at)
{
	mbox_find_forget();
	return ftruncate(mbox.fd, at);
}

static void
mbox_close(void)
{
	if (mbox.fd >= 0)
		mbox_find_leave(mbox.fd);
	if (mbox.lock_fd >= 0)
		dotlock_drop(mbox.dir_fd, mbox.lock, mbox.lock_fd);
	if (mbox.fd >= 0)
		close(mbox.fd);
	if (mbox.dir_fd >= 0)
		close(mbox.dir_fd);
	mbox.fd = mbox.dir_fd = mbox.lock_fd = -1;
}

/* Take both locks, waiting for other programs.  0 or -1 with errno. */
static int
mbox_take_locks(void)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint64_t deadline =
	    clock_ms() + (uint64_t)mailer_job.lock_timeout_s * 1000;
	bool dot = false;

	for (;;) {
		/* a directory that is not the user's to write to (a mail spool
		 * of root) has no dot-locks of ours: fcntl(2) is the lock */
		if (!dot) {
			mbox.lock_fd = dotlock_take(mbox.dir_fd, mbox.lock);
			dot = mbox.lock_fd >= 0 || errno == EACCES ||
			    errno == EPERM || errno == EROFS;
		}
		if (dot && fcntl(mbox.fd, F_SETLK, &whole) == 0)
			return 0;
		if (clock_ms() >= deadline || !mailer_wait(MBOX_LOCK_STEP)) {
			mbox.busy = true;
			errno = EAGAIN;
			return -1;
		}
	}
}

/* Open, check and lock the file.  0 or -1 with *result filled in. */
static int
mbox_open(const struct mail *m, struct mail_result *result)
{
	char path[PATH_MAX];
	struct stat st;

	if (place_expand(m, path, sizeof(path), result) != 0)
		return -1;
	if (mbox.fd >= 0 && strcmp(path, mbox.path) == 0)
		return 0;
	/* those that came together wait once, not one after the other */
	if (mbox.busy && strcmp(path, mbox.path) == 0) {
		errno = EAGAIN;
		mail_result_errno(result, "locking the mbox");
		return -1;
	}
	mbox_commit();
	strlcpy(mbox.path, path, sizeof(mbox.path));
	mbox.dir_fd = place_open(path, mbox.name, sizeof(mbox.name), result);
	if (mbox.dir_fd < 0)
		return -1;
	snprintf(mbox.lock, sizeof(mbox.lock), "%s.lock", mbox.name);
	mbox.fd = openat(mbox.dir_fd, mbox.name,
	    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (mbox.fd < 0) {
		mail_result_errno(result, "opening the mbox");
	} else if (fstat(mbox.fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 || st.st_uid != mailer_job.uid) {
		mail_result_set(result, OUT_DEFERRED, "4.3.0",
		    "the mbox is not a plain file of the user's own");
	} else if (mbox_take_locks() != 0) {
		mail_result_errno(result, "locking the mbox");
	} else if ((mbox.start = lseek(mbox.fd, 0, SEEK_END)) < 0) {
		mail_result_errno(result, "reading the mbox");
	} else
		return 0;
	mbox_close();
	return -1;
}

/* "From sender Thu Jan  1 00:00:00 1970": the time is that of the message,
 * so that a second attempt writes the same octets. */
static void
mbox_from(const struct mail *m, struct buf *out)
{
	time_t when = (time_t)m->created_s;
	char date[64];
	struct tm tm;
	size_t i;

	gmtime_r(&when, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	buf_add_str(out, "From ");
	if (m->sender.len == 0)
		buf_add_str(out, "MAILER-DAEMON");
	for (i = 0; i < m->sender.len; i++) {
		unsigned char c = m->sender.p[i];

		/* a space would end the sender for those who read this line */
		buf_put_u8(out, c <= ' ' || c == 0x7f ? '_' : c);
	}
	buf_addf(out, " %s\n", date);
}

/* Whether a line is "From " after any number of ">". */
static bool
mbox_is_from(struct span line)
{
	static const char from[] = "From ";
	size_t i = 0;

	while (i < line.len && line.p[i] == '>')
		i++;
	return line.len - i >= strlen(from) &&
	    memcmp(line.p + i, from, strlen(from)) == 0;
}

/* Copy whole lines, quoting those that need it.  *at_start says whether the
 * piece begins at the start of a line, and then whether the next one does. */
static void
mbox_quote(struct span in, bool *at_start, struct buf *out)
{
	while (in.len > 0) {
		const unsigned char *end = memchr(in.p, '\n', in.len);
		size_t n = end == NULL ? in.len : (size_t)(end + 1 - in.p);

		if (*at_start && mbox_is_from(in))
			buf_put_u8(out, '>');
		buf_add(out, in.p, n);
		*at_start = end != NULL;
		in.p += n;
		in.len -= n;
	}
}

/* Where the octets of a record go.  0, or -1 to end it: with errno, or
 * because nothing more is needed. */
struct sink {
	int (*put)(struct sink *, struct span);
	struct buf first; /* for sink_first() */
	off_t at;         /* for sink_compare(): where it goes on */
	bool cut;         /* it was the same up to the end of the file */
	bool done;        /* nothing more is needed */
};

static int
sink_write(struct sink *k, struct span s)
{
	return content_write(mbox.fd, s);
}

static int
sink_first(struct sink *k, struct span s)
{
	if (s.len > MBOX_NEEDLE_MAX - k->first.len)
		s.len = MBOX_NEEDLE_MAX - k->first.len;
	buf_add(&k->first, s.p, s.len);
	k->done = k->first.len == MBOX_NEEDLE_MAX;
	return k->done ? -1 : 0;
}

static int
sink_compare(struct sink *k, struct span s)
{
	static unsigned char there[64 * 1024];

	while (s.len > 0) {
		size_t want = s.len < sizeof(there) ? s.len : sizeof(there);
		ssize_t n = pread(mbox.fd, there, want, k->at);

		if (n < 0)
			return -1;
		k->cut = n == 0;
		k->done = k->cut || memcmp(there, s.p, (size_t)n) != 0;
		if (k->done)
			return -1;
		k->at += n;
		s.p += n;
		s.len -= (size_t)n;
	}
	return 0;
}

/* The record from its "From " line on.  0 or -1 with errno. */
static int
mbox_record(const struct mail *m, struct sink *k, struct buf *out)
{
	bool at_start = true;
	uint64_t off = 0;
	struct span piece;

	mbox_from(m, out);
	if (content_prefix(m, out) != 0) {
		errno = EINVAL;
		return -1;
	}
	for (;;) {
		if (content_next(m, &off, &piece) != 0)
			return -1;
		if (piece.len == 0)
			break;
		mbox_quote(piece, &at_start, out);
		if (out->err != 0 || k->put(k, buf_span(out)) != 0)
			return -1;
		buf_reset(out);
	}
	if (!at_start)
		buf_put_u8(out, '\n');
	buf_put_u8(out, '\n');
	return out->err != 0 ? -1 : k->put(k, buf_span(out));
}

/* Whether the record that begins at a place is all of the message; what has
 * no end is taken back.  0 or -1 with errno. */
static int
mbox_compare(const struct mail *m, off_t at, struct buf *out, bool *whole)
{
	struct sink k = { .put = sink_compare, .at = at };

	*whole = mbox_record(m, &k, out) == 0;
	if (!*whole && !k.done)
		return -1;
	if (k.cut) {
		if (mbox_cut(at) != 0)
			return -1;
		mbox.start = at < mbox.start ? at : mbox.start;
	}
	return 0;
}

/* An attempt that was cut may have got through, whole or up to a point; a
 * whole one counts when it is durable.  0, or -1 with errno: nobody knows. */
static int
mbox_look(const struct mail *m, bool *there)
{
	struct sink k = { .put = sink_first };
	struct buf out;
	off_t at = -1;
	int error = 0;

	*there = false;
	if ((m->flags & DELIVER_IN_DOUBT) == 0)
		return 0;
	buf_init(&out, MBOX_PIECE_MAX);
	buf_init(&k.first, MBOX_NEEDLE_MAX);
	errno = 0;
	if (mbox_record(m, &k, &out) != 0 && !k.done)
		error = -1;
	else if (mbox_find(mbox.fd, buf_span(&k.first), &at) != 0)
		error = -1;
	buf_reset(&out);
	if (error == 0 && at >= 0)
		error = mbox_compare(m, at, &out, there);
	if (error == 0 && *there &&
	    (fsync(mbox.fd) != 0 || place_sync(mbox.dir_fd) != 0))
		error = -1;
	if (error != 0 && errno == 0)
		errno = ENOMEM;
	buf_clear(&k.first);
	buf_clear(&out);
	return error;
}

/* A record begins after an empty line, whatever the last writer has left. */
static int
mbox_separate(off_t end)
{
	static const unsigned char lines[] = "\n\n";
	unsigned char last[2] = { '\n', '\n' };
	size_t n = end == 1 ? 1 : 2, missing = 0;

	if (end == 0)
		return 0;
	if (pread(mbox.fd, last + 2 - n, n, end - (off_t)n) != (ssize_t)n)
		return -1;
	if (last[1] != '\n')
		missing = 2;
	else if (last[0] != '\n')
		missing = 1;
	return content_write(mbox.fd, (struct span){ lines, missing });
}

void
mbox_put(const struct mail *m)
{
	struct sink k = { .put = sink_write };
	struct mail_result result;
	struct buf out;
	off_t before;
	bool there;

	if (mbox_open(m, &result) != 0) {
		mailer_report(m->msgid, m->index, &result);
		return;
	}
	if (mailer_loops(m))
		return;
	if (mbox_look(m, &there) != 0) {
		mail_result_errno(&result, "looking into the mbox");
		mailer_report(m->msgid, m->index, &result);
		return;
	}
	if (there) {
		mailer_had_delivered(m->msgid, m->index);
		return;
	}
	before = lseek(mbox.fd, 0, SEEK_END);
	buf_init(&out, MBOX_PIECE_MAX);
	errno = 0;
	if (before < 0 || mbox_separate(before) != 0 ||
	    mbox_record(m, &k, &out) != 0) {
		if (errno == 0)
			errno = ENOMEM;
		mail_result_errno(&result, "writing to the mbox");
		if (before >= 0 && mbox_cut(before) != 0)
			mail_result_errno(&result, "undoing a half delivery");
		mailer_report(m->msgid, m->index, &result);
	} else {
		mbox.pending[mbox.npending++] =
		    (struct pending){ m->msgid, m->index };
	}
	buf_clear(&out);
	if (mbox.npending == MBOX_BATCH)
		mbox_commit();
}

void
mbox_commit(void)
{
	struct mail_result result;
	size_t i;

	mbox.busy = false;
	if (mbox.fd < 0)
		return;
	mail_result_set(
	    &result, OUT_DELIVERED, "2.0.0", "delivered to the mbox");
	if (mbox.npending > 0 &&
	    (fsync(mbox.fd) != 0 || place_sync(mbox.dir_fd) != 0)) {
		mail_result_errno(&result, "syncing the mbox");
		if (mbox_cut(mbox.start) != 0)
			mail_result_errno(&result, "undoing a delivery");
	}
	mbox_close();
	for (i = 0; i < mbox.npending; i++)
		mailer_report(
		    mbox.pending[i].msgid, mbox.pending[i].index, &result);
	mbox.npending = 0;
}
