/* SPDX-License-Identifier: ISC
 *
 * From a path template to a directory.  The administrator names the base (the
 * user's home, or the text before the first variable); below it, where the
 * user or values from the network decide, no link is followed.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "privsep/base/err.h"
#include "smtpd/mail/address.h"

#define PLACE_DIR_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool
place_starts(struct span text, const char *with)
{
	size_t n = strlen(with);

	return text.len >= n && memcmp(text.p, with, n) == 0;
}

int
place_base(struct mailer_job *job)
{
	struct span text = template_text(job->path);
	size_t i, end = 0;

	if (place_starts(text, "~") || place_starts(text, "%{user.directory}"))
		return strlcpy(job->base, job->home, sizeof(job->base)) >=
			sizeof(job->base)
		    ? -E_TOOLONG
		    : 0;
	for (i = 0; i < text.len && text.p[i] != '%'; i++) {
		if (text.p[i] == '/')
			end = i;
	}
	if (end >= sizeof(job->base))
		return -E_TOOLONG;
	memcpy(job->base, text.p, end);
	job->base[end] = '\0';
	if (end == 0)
		strlcpy(job->base, "/", sizeof(job->base));
	return 0;
}

/* Open or make a directory, with these further flags. */
static int
place_enter(int dir_fd, const char *name, int flags, bool *made)
{
	int fd = openat(dir_fd, name, flags | PLACE_DIR_FLAGS);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(dir_fd, name, 0700) == 0)
		*made = true;
	else if (errno != EEXIST)
		return -1;
	return openat(dir_fd, name, flags | PLACE_DIR_FLAGS);
}

int
place_dir(int dir_fd, const char *name, bool *made)
{
	return place_enter(dir_fd, name, O_RDONLY, made);
}

int
place_sync(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -1;
	error = fsync(fd);
	close(fd);
	return error;
}

bool
place_reachable(const struct mailer_job *job)
{
	int fd = open(job->base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool
place_is_fixed(const struct mailer_job *job)
{
	struct span text = template_text(job->path);

	while (text.len > 0) {
		if (place_starts(text, "%{") && !place_starts(text, "%{user."))
			return false;
		text.p++;
		text.len--;
	}
	return true;
}

/* The values of the template for this message. */
static void
place_values(const struct mail *m, struct mail_address *sender,
    struct mail_address *rcpt, struct template_values *v)
{
	*v = (struct template_values){ .delim = mailer_job.delim };
	v->v[TV_USER_USERNAME] = span_str(mailer_job.user);
	v->v[TV_USER_DIRECTORY] = span_str(mailer_job.home);
	v->v[TV_SENDER] = m->sender;
	v->v[TV_MBOX_FROM] =
	    m->sender.len > 0 ? m->sender : span_str("MAILER-DAEMON");
	v->v[TV_RCPT] = v->v[TV_DEST] = m->rcpt;
	if (address_parse(m->rcpt, ADDRESS_UTF8 | ADDRESS_BARE, rcpt) == 0) {
		v->v[TV_RCPT_USER] = v->v[TV_DEST_USER] = address_local(rcpt);
		v->v[TV_RCPT_DOMAIN] = v->v[TV_DEST_DOMAIN] =
		    address_domain(rcpt);
	}
	if (address_parse(m->sender, ADDRESS_UTF8, sender) == 0) {
		v->v[TV_SENDER_USER] = address_local(sender);
		v->v[TV_SENDER_DOMAIN] = address_domain(sender);
	}
}

int
place_expand(
    const struct mail *m, char *path, size_t size, struct mail_result *result)
{
	static struct mail_address sender, rcpt;
	struct template_values values;
	size_t base = strlen(mailer_job.base);
	struct buf text;
	int error;

	place_values(m, &sender, &rcpt, &values);
	buf_init(&text, size - 1);
	error = template_expand(mailer_job.path, &values, &text);
	if (error == 0 && text.len > base &&
	    memcmp(text.data, mailer_job.base, base) == 0) {
		memcpy(path, text.data, text.len);
		path[text.len] = '\0';
	} else {
		mail_result_set(result, OUT_FAILED, "5.3.5",
		    "the mailbox has no usable path");
		error = -1;
	}
	buf_clear(&text);
	return error;
}

/* Walk from the base through all components but the last, by descriptors that
 * are good for nothing else: below the mailbox's own directory the mailer may
 * read and write, and elsewhere only pass.  What was made on
 * the way is synced: the mailbox is no safer than the directories above it. */
static int
place_walk(char *rest, char **last)
{
	char *part, *next = rest;
	int fd, below;

	fd = open(mailer_job.base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*last = NULL;
	while (fd >= 0 && (part = strsep(&next, "/")) != NULL) {
		bool made = false;

		if (*part == '\0')
			continue;
		if (*last != NULL) {
			below = place_enter(fd, *last, O_PATH, &made);
			if (made)
				place_sync(fd);
			close(fd);
			fd = below;
		}
		*last = part;
	}
	return fd;
}

int
place_open(
    const char *path, char *name, size_t size, struct mail_result *result)
{
	char rest[PATH_MAX];
	char *last;
	int fd;

	strlcpy(rest, path + strlen(mailer_job.base), sizeof(rest));
	if ((fd = place_walk(rest, &last)) < 0) {
		mail_result_errno(result, "getting to the mailbox");
	} else if (last == NULL || strcmp(last, "..") == 0 ||
	    strcmp(last, ".") == 0 || strlcpy(name, last, size) >= size) {
		mail_result_set(result, OUT_FAILED, "5.3.5",
		    "the mailbox has no usable name");
		close(fd);
		fd = -1;
	}
	return fd;
}
