/* SPDX-License-Identifier: ISC
 *
 * The message that a local program gives on standard input.  It is read to its
 * end before the daemon is asked anything: the daemon does not wait for long,
 * and a program may write its message over hours.  Its header is completed
 * (RFC 5321 6.4) and asked for recipients; its body goes out as it came, but
 * for the ends of its lines.
 *
 * The body waits in a memory file.  One on disk could hold more, but needs a
 * directory to write to, which a confined caller may not have, and can be left
 * there with what is in it.
 */
#include <sys/mman.h>

#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/trace.h"
#include "smtpd/smtpctl/sendmail.h"

#define COMPOSE_LINE_MAX   (1024 * 1024)
#define COMPOSE_HEADER_MAX (1024 * 1024)
/* So that a writer that does not end runs into an error, not out of memory. */
#define COMPOSE_BODY_MAX   (1024UL * 1024 * 1024)

static struct {
	int fd;            /* what is read from */
	struct buf in;     /* read from there */
	size_t used;       /* of it, by the last line */
	struct buf header; /* lines ending in LF */
	FILE *body;        /* the same, in the memory file */
	size_t body_len;
	bool eof;
	bool ended; /* the message has ended: end of file, or a dot */
} compose = { .fd = STDIN_FILENO };

/* The next line without its end, good until the next call.  False at the end
 * of the message. */
static bool
compose_line(bool ignore_dot, struct span *out)
{
	const unsigned char *end;
	struct span rest;
	ssize_t n;

	for (;;) {
		rest = buf_span(&compose.in);
		end = NULL;
		if (rest.len > 0) {
			rest.p += compose.used;
			rest.len -= compose.used;
			end = memchr(rest.p, '\n', rest.len);
		}
		if (end != NULL || compose.eof)
			break;
		/* only now: lines may be many and short */
		buf_drop(&compose.in, compose.used);
		compose.used = 0;
		if (buf_reserve(&compose.in, 65536) != 0)
			errx(EX_DATAERR, "a line is too long");
		n = read(compose.fd, compose.in.data + compose.in.len, 65536);
		if (n < 0 && errno != EINTR)
			err(EX_IOERR, "reading the message");
		if (n == 0)
			compose.eof = true;
		else if (n > 0)
			compose.in.len += (size_t)n;
	}
	if (compose.ended || rest.len == 0)
		return false;
	out->p = rest.p;
	out->len = end == NULL ? rest.len : (size_t)(end - rest.p);
	compose.used += end == NULL ? out->len : out->len + 1;
	if (out->len > 0 && out->p[out->len - 1] == '\r')
		out->len--;
	if (memchr(out->p, '\r', out->len) != NULL ||
	    memchr(out->p, '\0', out->len) != NULL)
		errx(EX_DATAERR, "the message has a bare CR or a NUL");
	if (!ignore_dot && out->len == 1 && out->p[0] == '.') {
		compose.ended = true;
		return false;
	}
	return true;
}

/* Whether a line begins a header field (RFC 5322 2.2). */
static bool
compose_is_field(struct span line)
{
	size_t i;

	for (i = 0; i < line.len && line.p[i] != ':'; i++) {
		if (line.p[i] <= ' ' || line.p[i] > 0x7e)
			return false;
	}
	return i > 0 && i < line.len;
}

/* Keep a line of the body. */
static void
compose_keep(struct span line)
{
	if (line.len >= COMPOSE_BODY_MAX - compose.body_len)
		errx(EX_IOERR, "the message is larger than %lu MiB",
		    COMPOSE_BODY_MAX / (1024 * 1024));
	compose.body_len += line.len + 1;
	if (fwrite(line.p, 1, line.len, compose.body) != line.len ||
	    fputc('\n', compose.body) == EOF)
		err(EX_TEMPFAIL, "no room to keep the message");
}

static void
compose_read_header(const struct sendmail *s)
{
	struct span line;

	buf_init(&compose.header, COMPOSE_HEADER_MAX);
	while (compose_line(s->ignore_dot, &line)) {
		bool folded = line.len > 0 &&
		    (line.p[0] == ' ' || line.p[0] == '\t') &&
		    compose.header.len > 0;

		if (line.len == 0)
			return;
		if (compose.header.len == 0 && line.len > 5 &&
		    memcmp(line.p, "From ", 5) == 0)
			/* the line between messages of an mbox */
			continue;
		if (!folded && !compose_is_field(line)) {
			/* the body begins without a blank line */
			compose_keep(line);
			return;
		}
		buf_add(&compose.header, line.p, line.len);
		if (buf_add_str(&compose.header, "\n") != 0)
			errx(EX_DATAERR, "the header is too long");
	}
}

void
compose_read(const struct sendmail *s)
{
	struct span line;
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0 || (compose.body = fdopen(fd, "w")) == NULL)
		err(EX_TEMPFAIL, "no room to keep the message");
	/* a limit on the size of files counts here too: it is to be an error */
	signal(SIGXFSZ, SIG_IGN);
	buf_init(&compose.in, COMPOSE_LINE_MAX);
	compose_read_header(s);
	while (compose_line(s->ignore_dot, &line))
		compose_keep(line);
	if (fflush(compose.body) != 0)
		err(EX_TEMPFAIL, "no room to keep the message");
}

void
compose_qualify(struct mail_address *a)
{
	struct mail_address whole;

	if (address_is_null(a) || a->domain_len > 0)
		return;
	if (address_make(
		address_local(a), dialogue_host(), ADDRESS_UTF8, &whole) != 0)
		errx(EX_USAGE, "an address is too long");
	*a = whole;
}

int
compose_add_rcpts(struct sendmail *s, struct span text)
{
	struct header_list list;
	struct mail_address a;
	int got;

	header_list_init(&list, text);
	while ((got = header_list_next(
		    &list, ADDRESS_BARE | ADDRESS_UTF8, &a)) == 1) {
		if (s->nrcpts == SENDMAIL_RCPTS_MAX)
			errx(EX_USAGE, "more than %d recipients",
			    SENDMAIL_RCPTS_MAX);
		s->rcpts[s->nrcpts++] = a;
	}
	return got;
}

/* -t: the recipients of To, Cc and Bcc. */
static void
compose_rcpts(struct sendmail *s)
{
	struct span rest = buf_span(&compose.header);
	struct header_field field;
	int error;

	while (header_next(&rest, &field)) {
		if (!header_is(&field, "To") && !header_is(&field, "Cc") &&
		    !header_is(&field, "Bcc"))
			continue;
		if ((error = compose_add_rcpts(s, field.value)) != 0)
			errx(EX_DATAERR, "%.*s: %s", (int)field.name.len,
			    (const char *)field.name.p, err_text(error));
	}
}

static bool
compose_has(const char *name)
{
	struct header_field field;

	return header_find(buf_span(&compose.header), name, &field);
}

/* The display name for From: that of -F, or of the user. */
static struct span
compose_fullname(const struct sendmail *s)
{
	struct passwd *pw;

	if (s->fullname != NULL)
		return span_str(s->fullname);
	if ((pw = getpwuid(getuid())) == NULL)
		return (struct span){ NULL, 0 };
	pw->pw_gecos[strcspn(pw->pw_gecos, ",")] = '\0';
	return span_str(pw->pw_gecos);
}

static void
compose_from(const struct sendmail *s, struct buf *out)
{
	struct mail_address from = s->sender;

	/* an author is always somebody (RFC 5322 3.6.2) */
	if (address_is_null(&from) &&
	    address_make(span_str("MAILER-DAEMON"), dialogue_host(),
		ADDRESS_UTF8, &from) != 0)
		errx(EX_OSERR, "too long a host name");
	buf_add_str(out, "From: ");
	phrase_add(compose_fullname(s), out);
	address_format_path(&from, out);
	buf_add_str(out, "\n");
}

/* The fields that a message must have and this one has not. */
static void
compose_complete(const struct sendmail *s, struct buf *out)
{
	if (!compose_has("From"))
		compose_from(s, out);
	if (!compose_has("Date"))
		trace_date(time(NULL), out);
	if (!compose_has("Message-ID")) {
		uint64_t id;

		arc4random_buf(&id, sizeof(id));
		trace_message_id(id, dialogue_host(), out);
	}
}

/* Bcc is for us alone (RFC 5322 3.6.3). */
static void
compose_strip_bcc(struct buf *out)
{
	struct span rest = buf_span(&compose.header);
	struct header_field field;

	while (header_next(&rest, &field)) {
		if (!header_is(&field, "Bcc"))
			buf_add(out, field.whole.p, field.whole.len);
	}
}

void
compose_header(struct sendmail *s)
{
	struct buf whole;
	size_t i;

	if (s->from_header)
		compose_rcpts(s);
	if (s->nrcpts == 0)
		errx(EX_USAGE, "no recipients");
	compose_qualify(&s->sender);
	for (i = 0; i < s->nrcpts; i++)
		compose_qualify(&s->rcpts[i]);
	buf_init(&whole, COMPOSE_HEADER_MAX + 4096);
	compose_complete(s, &whole);
	compose_strip_bcc(&whole);
	if (whole.err != 0)
		errx(EX_OSERR, "out of memory");
	buf_clear(&compose.header);
	compose.header = whole;
}

/* Read on from the start of the body that was kept. */
static void
compose_rewind(void)
{
	compose.fd = fileno(compose.body);
	if (lseek(compose.fd, 0, SEEK_SET) != 0)
		err(EX_OSERR, "the message that was kept");
	buf_reset(&compose.in);
	compose.used = 0;
	compose.eof = compose.ended = false;
}

void
compose_send(void)
{
	struct span rest = buf_span(&compose.header), line;

	while (rest.len > 0) {
		const unsigned char *end = memchr(rest.p, '\n', rest.len);

		line = (struct span){ rest.p, (size_t)(end - rest.p) };
		dialogue_line(line);
		rest.p = end + 1;
		rest.len -= line.len + 1;
	}
	dialogue_line((struct span){ NULL, 0 });
	compose_rewind();
	while (compose_line(true, &line))
		dialogue_line(line);
}
