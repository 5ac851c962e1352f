/* SPDX-License-Identifier: ISC
 *
 * A small SMTP client for the submission socket.  Replies are read by their
 * length, with limits; the daemon is trusted to be the daemon, since only
 * root can make its socket.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "smtpd/smtpctl/sendmail.h"

#define DIALOGUE_LINE_MAX  2048
#define DIALOGUE_REPLY_MAX 16384
#define DIALOGUE_OUT_MAX   65536
#define DIALOGUE_QUIT_S    5 /* wait so long for the answer to QUIT */

static struct {
	int fd;
	struct buf in;    /* received, not read yet */
	struct buf out;   /* content, not sent yet */
	struct buf reply; /* text of the last line of the last reply */
	char host[ADDRESS_DOMAIN_MAX + 1];
} dialogue = { .fd = -1 };

static void
dialogue_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = paths_get(PATH_SUBMIT);

	buf_init(&dialogue.in, DIALOGUE_REPLY_MAX);
	buf_init(&dialogue.out, DIALOGUE_OUT_MAX);
	buf_init(&dialogue.reply, DIALOGUE_LINE_MAX);
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(EX_CONFIG, "%s: too long a name for a socket", path);
	dialogue.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (dialogue.fd < 0)
		err(EX_OSERR, "socket");
	if (connect(dialogue.fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		err(EX_TEMPFAIL, "the mail system does not answer at %s", path);
}

static void
dialogue_send(struct span s)
{
	while (s.len > 0) {
		ssize_t n = send(dialogue.fd, s.p, s.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err(EX_TEMPFAIL, "sending to the mail system");
		s.p += n;
		s.len -= (size_t)n;
	}
}

/* One line of a reply, without CRLF, into dialogue.reply. */
static void
dialogue_read_line(void)
{
	for (;;) {
		unsigned char *end = dialogue.in.len == 0
		    ? NULL
		    : memchr(dialogue.in.data, '\n', dialogue.in.len);
		ssize_t n;

		if (end != NULL) {
			size_t len = (size_t)(end - dialogue.in.data);

			buf_reset(&dialogue.reply);
			if (len > 0 && end[-1] == '\r')
				buf_add(
				    &dialogue.reply, dialogue.in.data, len - 1);
			if (dialogue.reply.err != 0 || dialogue.reply.len < 3)
				errx(EX_PROTOCOL, "a reply out of shape");
			buf_drop(&dialogue.in, len + 1);
			return;
		}
		if (buf_reserve(&dialogue.in, DIALOGUE_LINE_MAX) != 0)
			errx(EX_PROTOCOL, "a reply too long");
		n = read(dialogue.fd, dialogue.in.data + dialogue.in.len,
		    DIALOGUE_LINE_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			errx(EX_TEMPFAIL, "the mail system hung up");
		dialogue.in.len += (size_t)n;
	}
}

/* A whole reply; its code. */
static unsigned
dialogue_reply(void)
{
	unsigned code = 0;
	size_t i, lines = 0;

	do {
		dialogue_read_line();
		for (code = 0, i = 0; i < 3; i++) {
			unsigned char c = dialogue.reply.data[i];

			if (c < '0' || c > '9')
				errx(EX_PROTOCOL, "a reply without a code");
			code = code * 10 + c - '0';
		}
		if (++lines > 100)
			errx(EX_PROTOCOL, "a reply too long");
	} while (dialogue.reply.len > 3 && dialogue.reply.data[3] == '-');
	return code;
}

static void
dialogue_print_reply(FILE *to, const char *what)
{
	struct buf text;

	buf_init(&text, 4 * DIALOGUE_LINE_MAX + 4);
	log_escape(&text, buf_span(&dialogue.reply), DIALOGUE_LINE_MAX);
	fprintf(to, "%s%s%.*s\n", what, *what == '\0' ? "" : ": ",
	    (int)text.len, (const char *)text.data);
	buf_clear(&text);
}

/* Give up with what the daemon said. */
static _Noreturn void
dialogue_refused(unsigned code, const char *what, int permanent)
{
	dialogue_print_reply(stderr, what);
	exit(code / 100 == 4 ? EX_TEMPFAIL : permanent);
}

/* Send a command and read its reply. */
static unsigned
dialogue_command(struct buf *command)
{
	buf_add_str(command, "\r\n");
	if (command->err != 0)
		errx(EX_OSERR, "out of memory");
	dialogue_send(buf_span(command));
	buf_clear(command);
	return dialogue_reply();
}

static unsigned
dialogue_verb(const char *verb)
{
	struct buf command;

	buf_init(&command, DIALOGUE_LINE_MAX);
	buf_add_str(&command, verb);
	return dialogue_command(&command);
}

/* Take leave.  Everything that matters is done: what goes wrong here must not
 * make the caller try again.  The answer is waited for, though not for long, so
 * that the daemon sees an orderly end. */
static void
dialogue_quit(void)
{
	static const char quit[] = "QUIT\r\n";
	struct timeval patience = { .tv_sec = DIALOGUE_QUIT_S };
	char answer[DIALOGUE_LINE_MAX];

	setsockopt(
	    dialogue.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(dialogue.fd, quit, strlen(quit), MSG_NOSIGNAL | MSG_DONTWAIT) >
	    0)
		recv(dialogue.fd, answer, sizeof(answer), 0);
}

void
dialogue_open(void)
{
	unsigned code;
	struct span text;
	size_t n = 0;

	dialogue_connect();
	if ((code = dialogue_reply()) != 220)
		dialogue_refused(code, "the mail system", EX_UNAVAILABLE);
	/* RFC 5321 4.2: the greeting begins with the host name */
	text = buf_span(&dialogue.reply);
	while (4 + n < text.len && text.p[4 + n] != ' ')
		n++;
	if (text.len < 5 || n > ADDRESS_DOMAIN_MAX ||
	    domain_parse((struct span){ text.p + 4, n }, 0) != 0)
		errx(EX_PROTOCOL, "a greeting without a host name");
	memcpy(dialogue.host, text.p + 4, n);
	dialogue.host[n] = '\0';
	if ((code = dialogue_verb("EHLO localhost")) != 250)
		dialogue_refused(code, "EHLO", EX_UNAVAILABLE);
}

struct span
dialogue_host(void)
{
	return span_str(dialogue.host);
}

/* The address in brackets. */
static void
dialogue_path(struct buf *command, const struct mail_address *a)
{
	buf_add_str(command, "<");
	address_format(a, command);
	buf_add_str(command, ">");
}

static void
dialogue_mail(const struct sendmail *s)
{
	struct mail_params params = s->mail;
	struct buf command;
	unsigned code;
	size_t i;

	params.body = MAIL_BODY_8BITMIME;
	params.smtputf8 = address_is_utf8(&s->sender);
	for (i = 0; i < s->nrcpts; i++) {
		if (address_is_utf8(&s->rcpts[i]))
			params.smtputf8 = true;
	}
	buf_init(&command, DIALOGUE_LINE_MAX);
	buf_add_str(&command, "MAIL FROM:");
	dialogue_path(&command, &s->sender);
	mail_params_format(&params, SENDMAIL_EXT, &command);
	if ((code = dialogue_command(&command)) != 250)
		dialogue_refused(code, "sender", EX_UNAVAILABLE);
}

static unsigned
dialogue_rcpt(const struct sendmail *s, size_t i)
{
	struct buf command;

	buf_init(&command, DIALOGUE_LINE_MAX);
	buf_add_str(&command, "RCPT TO:");
	dialogue_path(&command, &s->rcpts[i]);
	rcpt_params_format(&s->rcpt, SENDMAIL_EXT, &command);
	return dialogue_command(&command);
}

/* The recipient as text, for messages. */
static const char *
dialogue_name(const struct mail_address *a)
{
	static char name[ADDRESS_PATH_MAX * 4];
	struct buf plain, text;

	buf_init(&plain, ADDRESS_PATH_MAX);
	buf_init(&text, sizeof(name) - 1);
	address_format(a, &plain);
	log_escape(&text, buf_span(&plain), sizeof(name) - 8);
	if (text.len > 0)
		memcpy(name, text.data, text.len);
	name[text.len] = '\0';
	buf_clear(&plain);
	buf_clear(&text);
	return name;
}

void
dialogue_envelope(const struct sendmail *s)
{
	unsigned code;
	size_t i;

	dialogue_mail(s);
	for (i = 0; i < s->nrcpts; i++) {
		/* all or nothing: the caller learns at once */
		if ((code = dialogue_rcpt(s, i)) / 100 != 2)
			dialogue_refused(code, dialogue_name(&s->rcpts[i]),
			    code == 550 ? EX_NOUSER : EX_UNAVAILABLE);
	}
}

void
dialogue_data(void)
{
	unsigned code;

	if ((code = dialogue_verb("DATA")) != 354)
		dialogue_refused(code, "DATA", EX_UNAVAILABLE);
}

static void
dialogue_flush(void)
{
	dialogue_send(buf_span(&dialogue.out));
	buf_reset(&dialogue.out);
}

void
dialogue_line(struct span line)
{
	static const unsigned char dot[] = ".";

	if (dialogue.out.len + line.len + 3 > DIALOGUE_OUT_MAX)
		dialogue_flush();
	/* RFC 5321 4.5.2 */
	if (line.len > 0 && line.p[0] == '.')
		buf_add(&dialogue.out, dot, 1);
	if (line.len + 3 > DIALOGUE_OUT_MAX) {
		dialogue_flush();
		dialogue_send(line);
	} else
		buf_add(&dialogue.out, line.p, line.len);
	buf_add_str(&dialogue.out, "\r\n");
}

void
dialogue_finish(void)
{
	unsigned code;

	dialogue_flush();
	if ((code = dialogue_verb(".")) != 250)
		dialogue_refused(code, "message", EX_UNAVAILABLE);
	dialogue_quit();
}

int
dialogue_verify(const struct sendmail *s)
{
	int status = EX_OK;
	size_t i;

	dialogue_mail(s);
	for (i = 0; i < s->nrcpts; i++) {
		unsigned code = dialogue_rcpt(s, i);

		dialogue_print_reply(stdout, dialogue_name(&s->rcpts[i]));
		if (code / 100 == 5)
			status = EX_NOUSER;
		else if (code / 100 == 4 && status == EX_OK)
			status = EX_TEMPFAIL;
	}
	dialogue_quit();
	return status;
}

/* Copy what is there from one to the other; false at the end. */
static bool
dialogue_copy(int from, int to)
{
	unsigned char piece[8192];
	ssize_t n = read(from, piece, sizeof(piece)), done, m;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (done = 0; done < n; done += m) {
		m = write(to, piece + done, (size_t)(n - done));
		if (m < 0 && errno == EINTR)
			m = 0;
		else if (m <= 0)
			return false;
	}
	return n > 0;
}

int
dialogue_pass(void)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN } };

	dialogue_connect();
	p[1] = (struct pollfd){ .fd = dialogue.fd, .events = POLLIN };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			err(EX_OSERR, "poll");
		if ((p[1].revents & (POLLIN | POLLHUP)) != 0 &&
		    !dialogue_copy(dialogue.fd, STDOUT_FILENO))
			return EX_OK;
		if ((p[0].revents & (POLLIN | POLLHUP)) != 0 &&
		    !dialogue_copy(STDIN_FILENO, dialogue.fd)) {
			/* the answers to what was sent are still to come */
			shutdown(dialogue.fd, SHUT_WR);
			p[0].fd = -1;
		}
	}
}
