/* SPDX-License-Identifier: ISC
 *
 * SEND, SOML, SAML (RFC 821 3.4): a message on the terminal of a user who is
 * logged in.  Whoever wrote it is a stranger: nothing of it gets to the
 * terminal that is not a printable character, and only so much.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "delivery/local/screen.h"

static struct {
	int fd; /* -1: why says what is wrong */
	bool utf8;
	char why[128];
} tty = { .fd = -1 };

/* The user's own, a terminal, and open to messages by mesg(1): the master has
 * looked too, but at a name. */
static bool
terminal_check(int fd, uid_t uid)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == uid &&
	    (st.st_mode & S_IWGRP) != 0;
}

void
terminal_open(const struct mailer_job *job)
{
	char path[sizeof("/dev/") + MAILER_LINE_MAX];
	struct termios t;

	snprintf(path, sizeof(path), "/dev/%s", job->line);
	tty.fd = open(
	    path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (tty.fd < 0)
		snprintf(tty.why, sizeof(tty.why), "opening the terminal: %s",
		    strerror(errno));
	else if (!terminal_check(tty.fd, job->uid) ||
	    tcgetattr(tty.fd, &t) != 0) {
		snprintf(
		    tty.why, sizeof(tty.why), "the terminal takes no messages");
		close(tty.fd);
		tty.fd = -1;
	} else
		/* elsewhere octets of a sequence can be control characters */
		tty.utf8 = (t.c_iflag & IUTF8) != 0;
}

static void
terminal_write(const struct mail *m, struct mail_result *result)
{
	struct span content;
	uint64_t off = 0;
	struct buf text;
	ssize_t n;

	buf_init(&text, SCREEN_MAX);
	if (content_next(m, &off, &content) != 0 ||
	    screen_format(m->sender, content, tty.utf8, &text) != 0)
		mail_result_set(result, OUT_DEFERRED, "4.3.0",
		    "the message could not be read");
	else if ((n = write(tty.fd, text.data, text.len)) < 0)
		mail_result_errno(result, "writing to the terminal");
	else if ((size_t)n < text.len)
		mail_result_set(result, OUT_DEFERRED, "4.2.1",
		    "the terminal does not take the whole message");
	else
		mail_result_set(
		    result, OUT_DELIVERED, "2.0.0", "shown on a terminal");
	buf_clear(&text);
}

void
terminal_put(const struct mail *m)
{
	struct mail_result result;

	if (tty.fd < 0)
		mail_result_set(&result, OUT_DEFERRED, "4.2.1", "%s", tty.why);
	else
		terminal_write(m, &result);
	mailer_report(m->msgid, m->index, &result);
}

/* Nothing gathers. */
void
terminal_commit(void)
{
}
