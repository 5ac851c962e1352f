/* SPDX-License-Identifier: ISC
 *
 * See box.h.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/box.h"

struct mailer_job mailer_job;
int box_reported[BOX_IDS];
unsigned box_reports;

void
mailer_report(uint64_t msgid, uint32_t idx, const struct mail_result *r)
{
	box_reported[msgid] = (int)r->outcome;
	box_reports++;
}

/* Nobody else has the mbox here. */
bool
mailer_wait(int ms)
{
	return false;
}

void
box_job(const char *home, const char *path)
{
	struct mailer_job *job = &mailer_job;
	const char *why;
	size_t at;

	template_free(job->path);
	*job = (struct mailer_job){
		.uid = geteuid(), .delim = '+', .lock_timeout_s = 1
	};
	strlcpy(job->user, "jones", sizeof(job->user));
	strlcpy(job->home, home, sizeof(job->home));
	strlcpy(job->hostname, "mx.example.org", sizeof(job->hostname));
	if (template_parse(span_str(path), &job->path, &why, &at) != 0 ||
	    place_base(job) != 0)
		errx(2, "template");
}

/* Some lines need quoting in an mbox. */
static void
box_text(uint32_t id, uint32_t len, struct buf *out)
{
	size_t end = out->len + len;
	uint32_t line = 0;

	buf_addf(out, "Subject: %u\n\n", id);
	while (out->len < end)
		buf_addf(out, "%s line %u of message %u\n",
		    line % 7 == 3 ? "From " : "A", line, id + line),
		    line++;
}

static void
box_mail(uint32_t id, struct mail *m)
{
	*m = (struct mail){ .msgid = id,
		.created_s = 1000 + id,
		.sender = span_str("smith@example.net"),
		.rcpt = span_str("jones@example.org"),
		.fd = -1 };
}

void
box_put(void (*put)(const struct mail *), uint32_t id, uint32_t len,
    bool in_doubt, bool from_file)
{
	static int memory = -1;
	struct mail m;
	struct buf text;

	box_mail(id, &m);
	m.flags = in_doubt ? DELIVER_IN_DOUBT : 0;
	buf_init(&text, 1 << 22);
	box_text(id, len, &text);
	m.content = buf_span(&text);
	if (from_file) {
		if (memory < 0)
			memory = memfd_create("content", MFD_CLOEXEC);
		/* past calls.c: this is not the disk */
		if (memory < 0 || lseek(memory, 0, SEEK_SET) != 0 ||
		    syscall(SYS_ftruncate, memory, 0) != 0 ||
		    syscall(SYS_ftruncate, memory, text.len) != 0)
			err(2, "memfd");
		memcpy(mmap(NULL, text.len, PROT_WRITE, MAP_SHARED, memory, 0),
		    text.data, text.len);
		m.fd = memory;
		m.content = (struct span){ NULL, 0 };
	}
	put(&m);
	buf_clear(&text);
}

void
box_expect(uint32_t id, uint32_t len, struct buf *out)
{
	struct mail m;

	box_mail(id, &m);
	if (content_prefix(&m, out) != 0)
		errx(2, "prefix");
	box_text(id, len, out);
}

static bool
file_is(int dir_fd, const char *name, struct span want)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	unsigned char piece[4096];
	size_t at = 0;
	ssize_t n = 0;
	bool same = fd >= 0;

	while (same && (n = read(fd, piece, sizeof(piece))) > 0) {
		same = (size_t)n <= want.len - at &&
		    memcmp(piece, want.p + at, (size_t)n) == 0;
		at += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return same && n == 0 && at == want.len;
}

unsigned
box_count(const char *path, uint32_t id, uint32_t len, unsigned *others)
{
	char mark[64];
	struct dirent *e;
	struct buf want;
	unsigned n = 0;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return 0;
	buf_init(&want, 1 << 22);
	box_expect(id, len, &want);
	snprintf(mark, sizeof(mark), "_%016" PRIx64 ".0.", (uint64_t)id);
	while ((e = readdir(dir)) != NULL) {
		if (strstr(e->d_name, mark) == NULL)
			continue;
		if (file_is(dirfd(dir), e->d_name, buf_span(&want)))
			n++;
		else
			(*others)++;
	}
	closedir(dir);
	buf_clear(&want);
	return n;
}
