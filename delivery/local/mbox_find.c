/* SPDX-License-Identifier: ISC
 *
 * Where a record of an mbox begins.  The file is read once for all messages
 * in doubt: where its "From " lines are stays known while it only grows, and
 * from one lock to the next if it was not touched in between.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/chk.h"

#define MARKS_MIN 1024
#define MARKS_MAX (1U << 22) /* of more the older half is given up */

static const char from[] = "From ";

/* A "From " line: a number that stands for its octets, and its place. */
struct mark {
	uint64_t line;
	off_t at;
};

static struct {
	struct mark *marks;
	size_t len, cap;
	off_t end; /* all lines before it were looked at */
	bool sure; /* it is that of the file which is locked now, or that of */
	struct stat left;
} known;

void
mbox_find_forget(void)
{
	known.len = 0;
	known.end = 0;
}

void
mbox_find_leave(int fd)
{
	if (!known.sure || fstat(fd, &known.left) != 0)
		mbox_find_forget();
	known.sure = false;
}

/* The file has been locked: is it as it was left?  0 or -1 with errno. */
static int
known_check(int fd)
{
	const struct stat *left = &known.left;
	struct stat st;

	if (known.sure)
		return 0;
	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_dev != left->st_dev || st.st_ino != left->st_ino ||
	    st.st_size != left->st_size ||
	    st.st_mtim.tv_sec != left->st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != left->st_mtim.tv_nsec)
		mbox_find_forget();
	known.sure = true;
	return 0;
}

/* FNV-1a.  Lines that share it cost a look at each. */
static uint64_t
line_number(struct span line)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < line.len; i++)
		h = (h ^ line.p[i]) * 0x100000001b3;
	return h;
}

/* 0 or -1 with errno. */
static int
mark_add(struct span line, off_t at)
{
	struct mark *more;
	size_t cap;

	if (known.len == MARKS_MAX) {
		known.len = MARKS_MAX / 2;
		memmove(known.marks, known.marks + known.len,
		    known.len * sizeof(*known.marks));
	}
	if (known.len == known.cap) {
		cap = known.cap == 0 ? MARKS_MIN : 2 * known.cap;
		more = chk_realloc(known.marks, cap, sizeof(*more));
		if (more == NULL)
			return -1;
		known.marks = more;
		known.cap = cap;
	}
	known.marks[known.len++] = (struct mark){ line_number(line), at };
	return 0;
}

/* Mark the lines of a piece of the file that begins with one, and say how
 * much of it whole lines are.  0 or -1 with errno. */
static int
marks_of(struct span piece, off_t at, size_t *whole)
{
	const unsigned char *end;
	struct span line = piece;

	*whole = 0;
	while ((end = memchr(line.p, '\n', piece.len - *whole)) != NULL) {
		line.len = (size_t)(end - line.p);
		if (line.len >= strlen(from) &&
		    memcmp(line.p, from, strlen(from)) == 0 &&
		    mark_add(line, at + (off_t)*whole) != 0)
			return -1;
		*whole += line.len + 1;
		line.p = end + 1;
	}
	return 0;
}

/* Look at what was not yet looked at.  0 or -1 with errno. */
static int
known_more(int fd)
{
	static unsigned char window[64 * 1024];
	off_t off = known.end;
	bool long_line = false; /* one that is longer than the window */
	const unsigned char *end;
	size_t whole;
	ssize_t n;

	while ((n = pread(fd, window, sizeof(window), off)) > 0) {
		if (long_line) {
			end = memchr(window, '\n', (size_t)n);
			off += end == NULL ? n : end + 1 - window;
			long_line = end == NULL;
			continue;
		}
		if (marks_of((struct span){ window, (size_t)n }, off, &whole) !=
		    0)
			return -1;
		off += (off_t)whole;
		known.end = off;
		if (whole > 0)
			continue;
		if ((size_t)n < sizeof(window))
			break; /* the last line has no end */
		off += n;
		long_line = true;
	}
	return n < 0 ? -1 : 0;
}

/* Whether the file has these octets there, or ends in them; but it is no
 * record that ends in the word "From " already.  1, 0, or -1 with errno. */
static int
there(int fd, struct span s, off_t at)
{
	static unsigned char octets[MBOX_NEEDLE_MAX];
	ssize_t n = pread(fd, octets, s.len, at);

	if (n < 0)
		return -1;
	return (size_t)n >= strlen(from) && memcmp(octets, s.p, (size_t)n) == 0;
}

int
mbox_find(int fd, struct span needle, off_t *at)
{
	const unsigned char *end = memchr(needle.p, '\n', needle.len);
	uint64_t line;
	int found;
	size_t i;

	*at = -1;
	if (end == NULL)
		return 0;
	if (known_check(fd) != 0 || known_more(fd) != 0)
		return -1;
	line = line_number((struct span){ needle.p, (size_t)(end - needle.p) });
	for (i = known.len; i-- > 0;) {
		if (known.marks[i].line != line)
			continue;
		if ((found = there(fd, needle, known.marks[i].at)) < 0)
			return -1;
		if (found > 0) {
			*at = known.marks[i].at;
			return 0;
		}
	}
	/* it may be cut in its first line */
	if ((found = there(fd, needle, known.end)) > 0)
		*at = known.end;
	return found < 0 ? -1 : 0;
}
