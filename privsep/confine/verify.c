/* SPDX-License-Identifier: ISC
 *
 * What a process is, by /proc, held against what the table says.  The master
 * asks this before it lets a role work, and does not take the role's word;
 * smtpctl shows it.  What is read here is the kernel's, yet it is read with
 * its bounds checked.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"

#define PROC_MAX 65536 /* octets of a file in /proc/PID */

struct verify {
	int dir_fd; /* /proc/PID */
	const struct role_spec *spec;
	uid_t uid;
	gid_t gid;
	struct buf *out;
	bool differs;
};

/* Note a difference. */
static void
differ(struct verify *v, const char *what, const char *expected, struct span is)
{
	v->differs = true;
	buf_addf(v->out, "%s: expected %s, is %.*s\n", what, expected,
	    is.len > 200 ? 200 : (int)is.len,
	    is.p == NULL ? "" : (const char *)is.p);
}

static int
read_file(const struct verify *v, const char *name, struct buf *b)
{
	ssize_t n = 1;
	int fd, error = 0;

	if ((fd = openat(v->dir_fd, name, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ESRCH ? -E_NOENT : err_from_errno(errno);
	while (error == 0 && n > 0) {
		if ((error = buf_reserve(b, 4096)) != 0)
			break;
		if ((n = read(fd, b->data + b->len, 4096)) > 0)
			b->len += (size_t)n;
		else if (n < 0)
			error =
			    errno == ESRCH ? -E_NOENT : err_from_errno(errno);
	}
	close(fd);
	return error;
}

/* The next line of *rest without its end; false when there is none. */
static bool
next_line(struct span *rest, struct span *line)
{
	const unsigned char *end;
	size_t len;

	if (rest->len == 0)
		return false;
	end = memchr(rest->p, '\n', rest->len);
	len = end == NULL ? rest->len : (size_t)(end - rest->p);
	*line = (struct span){ rest->p, len };
	if (end != NULL)
		len++;
	rest->p += len;
	rest->len -= len;
	return true;
}

/* The next word of *rest, cut at blanks; empty at the end. */
static struct span
next_word(struct span *rest)
{
	struct span word;

	while (rest->len > 0 && (*rest->p == ' ' || *rest->p == '\t')) {
		rest->p++;
		rest->len--;
	}
	word = (struct span){ rest->p, 0 };
	while (rest->len > 0 && *rest->p != ' ' && *rest->p != '\t') {
		rest->p++;
		rest->len--;
		word.len++;
	}
	return word;
}

/* "key:" of /proc/PID/status must be these words. */
static void
status_is(
    struct verify *v, struct span status, const char *key, const char *expected)
{
	struct span line, have, want = span_str(expected);
	struct span word;
	size_t klen = strlen(key);
	bool same = true;

	while (next_line(&status, &line)) {
		if (line.len <= klen || memcmp(line.p, key, klen) != 0 ||
		    line.p[klen] != ':')
			continue;
		have = (struct span){ line.p + klen + 1, line.len - klen - 1 };
		line = have;
		do {
			word = next_word(&have);
			if (!span_eq(word, next_word(&want)))
				same = false;
		} while (word.len > 0 && same);
		if (!same)
			differ(v, key, expected, line);
		return;
	}
	differ(v, key, expected, span_str("missing"));
}

#ifndef BULKHEAD_SANITIZE
/* The number that stands after "key:", or -E_NOENT. */
static int64_t
status_number(struct span status, const char *key)
{
	struct span line, word;
	size_t klen = strlen(key), i;
	int64_t n = 0;

	while (next_line(&status, &line)) {
		if (line.len <= klen || memcmp(line.p, key, klen) != 0 ||
		    line.p[klen] != ':')
			continue;
		line = (struct span){ line.p + klen + 1, line.len - klen - 1 };
		word = next_word(&line);
		for (i = 0; i < word.len && i < 9; i++)
			n = n * 10 + (word.p[i] - '0');
		return n;
	}
	return -E_NOENT;
}

/* A role inherits the filter of the master that started it: only what it has
 * beyond that is its own. */
static void
verify_filters(struct verify *v, struct span status)
{
	struct verify parent = *v;
	char path[32], want[32];
	struct buf b;
	int64_t of_parent = -E_NOENT;

	snprintf(path, sizeof(path), "/proc/%" PRId64,
	    status_number(status, "PPid"));
	buf_init(&b, PROC_MAX);
	parent.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent.dir_fd >= 0 && read_file(&parent, "status", &b) == 0)
		of_parent = status_number(buf_span(&b), "Seccomp_filters");
	if (parent.dir_fd >= 0)
		close(parent.dir_fd);
	buf_clear(&b);
	if (of_parent >= 0 &&
	    status_number(status, "Seccomp_filters") > of_parent)
		return;
	snprintf(want, sizeof(want), "more than %" PRId64, of_parent);
	differ(v, "Seccomp_filters", want, span_str("no more"));
}
#endif

static int
verify_status(struct verify *v)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff",
		"CapBnd", "CapAmb" };
	struct buf b;
	char ids[64];
	size_t i;
	int error;

	buf_init(&b, PROC_MAX);
	if ((error = read_file(v, "status", &b)) != 0)
		goto out;
	snprintf(
	    ids, sizeof(ids), "%u %u %u %u", v->uid, v->uid, v->uid, v->uid);
	status_is(v, buf_span(&b), "Uid", ids);
	snprintf(
	    ids, sizeof(ids), "%u %u %u %u", v->gid, v->gid, v->gid, v->gid);
	status_is(v, buf_span(&b), "Gid", ids);
	/* a recipient has the groups that the system says */
	if (v->spec->user != NULL)
		status_is(v, buf_span(&b), "Groups", "");
	status_is(v, buf_span(&b), "Umask", "0077");
	status_is(v, buf_span(&b), "NoNewPrivs", "1");
#ifndef BULKHEAD_SANITIZE
	status_is(v, buf_span(&b), "Seccomp", "2");
	verify_filters(v, buf_span(&b));
#endif
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		status_is(v, buf_span(&b), caps[i], "0000000000000000");
out:
	buf_clear(&b);
	return error;
}

/* The limit of that name, soft and hard, in /proc/PID/limits. */
static void
limit_is(struct verify *v, struct span limits, const char *name, uint64_t value)
{
	struct span line, soft, hard;
	size_t len = strlen(name);
	char want[32] = "unlimited";

	if (value != UINT64_MAX)
		snprintf(want, sizeof(want), "%" PRIu64, value);
	while (next_line(&limits, &line)) {
		if (line.len <= len || memcmp(line.p, name, len) != 0)
			continue;
		line = (struct span){ line.p + len, line.len - len };
		soft = next_word(&line);
		hard = next_word(&line);
		if (!span_eq(soft, span_str(want)))
			differ(v, name, want, soft);
		else if (!span_eq(hard, span_str(want)))
			differ(v, name, want, hard);
		return;
	}
	differ(v, name, want, span_str("missing"));
}

/* All but the number of descriptors, which the machine may have capped. */
static int
verify_limits(struct verify *v)
{
	const struct role_limits *l = &v->spec->limits;
	struct buf b;
	int error;

	buf_init(&b, PROC_MAX);
	if ((error = read_file(v, "limits", &b)) == 0) {
		limit_is(v, buf_span(&b), "Max processes", 0);
		limit_is(v, buf_span(&b), "Max core file size", 0);
		limit_is(v, buf_span(&b), "Max locked memory", 0);
		limit_is(v, buf_span(&b), "Max file size", l->fsize);
#ifndef BULKHEAD_SANITIZE
		limit_is(v, buf_span(&b), "Max data size", l->data);
#endif
	}
	buf_clear(&b);
	return error;
}

/* A namespace of its own: not the one that we are in. */
static int
verify_namespace(struct verify *v, const char *which)
{
	struct stat ours, its;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", which);
	if (stat(path, &ours) != 0)
		return err_from_errno(errno);
	snprintf(path, sizeof(path), "ns/%s", which);
	if (fstatat(v->dir_fd, path, &its, 0) != 0)
		return errno == ESRCH ? -E_NOENT : err_from_errno(errno);
	if (ours.st_dev == its.st_dev && ours.st_ino == its.st_ino)
		differ(v, path, "its own", span_str("ours"));
	return 0;
}

/* Its only mount is its root, with these options.  A line of mountinfo: id,
 * parent, device, root, mount point, options, ... */
static int
verify_mounts(struct verify *v, const char *const *options)
{
	struct span rest, line, word = { NULL, 0 };
	struct buf b;
	int i, lines = 0, error;

	buf_init(&b, PROC_MAX);
	if ((error = read_file(v, "mountinfo", &b)) != 0)
		goto out;
	for (rest = buf_span(&b); next_line(&rest, &line); lines++) {
		for (i = 0; i < 5; i++)
			word = next_word(&line);
		if (!span_eq(word, span_str("/")))
			differ(v, "mount", "none but its root", word);
		word = next_word(&line);
		for (i = 0; options[i] != NULL; i++)
			if (memmem(word.p, word.len, options[i],
				strlen(options[i])) == NULL)
				differ(v, "root", options[i], word);
	}
	if (lines != 1)
		differ(v, "mounts", "its root alone", span_str("others too"));
out:
	buf_clear(&b);
	return error;
}

/* Nothing is in its root directory. */
static int
verify_empty(struct verify *v)
{
	struct dirent *d;
	DIR *dir;
	int fd;

	if ((fd = openat(
		 v->dir_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return errno == ESRCH ? -E_NOENT : err_from_errno(errno);
	}
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0) {
			differ(v, "root", "empty", span_str(d->d_name));
			break;
		}
	closedir(dir);
	return 0;
}

static int
verify_root(struct verify *v)
{
	static const char *const empty[] = { "ro,", "nosuid", "nodev", "noexec",
		NULL };
	static const char *const queue[] = { "nosuid", "nodev", "noexec",
		NULL };
	int error;

	if (v->spec->root == ROOT_HOST)
		return 0;
	if ((error = verify_namespace(v, "mnt")) != 0)
		return error;
	if (v->spec->root == ROOT_QUEUE)
		return verify_mounts(v, queue);
	if ((error = verify_mounts(v, empty)) != 0)
		return error;
	return verify_empty(v);
}

/* Of a process that is not dumpable, /proc/PID is root's. */
static int
verify_not_dumpable(struct verify *v)
{
	struct stat st;

	if (fstatat(v->dir_fd, "status", &st, 0) != 0)
		return errno == ESRCH ? -E_NOENT : err_from_errno(errno);
	if (st.st_uid != 0 || st.st_gid != 0)
		differ(v, "dumpable", "no", span_str("yes"));
	return 0;
}

int
confine_verify(pid_t pid, enum role role, uid_t uid, gid_t gid, struct buf *out)
{
	struct verify v = {
		.spec = &roles[role], .uid = uid, .gid = gid, .out = out
	};
	char path[32];
	int error;

	/* Held open, it stays this process's, whoever gets its number. */
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	v.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.dir_fd < 0)
		return err_from_errno(errno);
	if ((error = verify_status(&v)) == 0 &&
	    (error = verify_limits(&v)) == 0 &&
	    (error = verify_not_dumpable(&v)) == 0 &&
	    (error = verify_namespace(&v, "ipc")) == 0 &&
	    (error = verify_namespace(&v, "uts")) == 0 &&
	    (error = v.spec->own_net ? verify_namespace(&v, "net") : 0) == 0 &&
	    (error = verify_root(&v)) == 0 && v.differs)
		error = -E_DENIED;
	close(v.dir_fd);
	return error;
}
