/* SPDX-License-Identifier: ISC
 *
 * The content of a message on its way to a mailbox: a span of a frame or a
 * descriptor of the spool, read from its start whatever its offset is.
 */
#include <sys/sendfile.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/trace.h"

#define CONTENT_PIECE 65536 /* octets read at a time */

int
content_prefix(const struct mail *m, struct buf *out)
{
	static struct mail_address sender, rcpt;
	int error;

	if ((error = address_parse(m->sender,
		 ADDRESS_NULL | ADDRESS_UTF8 | ADDRESS_BARE, &sender)) != 0 ||
	    (error = address_parse(
		 m->rcpt, ADDRESS_UTF8 | ADDRESS_BARE, &rcpt)) != 0 ||
	    (error = trace_return_path(&sender, out)) != 0)
		return error;
	return trace_delivered_to(&rcpt, out);
}

int
content_next(const struct mail *m, uint64_t *off, struct span *out)
{
	static unsigned char piece[CONTENT_PIECE];
	unsigned char *end;
	ssize_t n;

	if (m->fd < 0) {
		*out = *off == 0 ? m->content : (struct span){ NULL, 0 };
		*off = m->content.len;
		return 0;
	}
	do {
		n = pread(m->fd, piece, sizeof(piece), (off_t)*off);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	*out = (struct span){ piece, (size_t)n };
	if (n == (ssize_t)sizeof(piece) &&
	    (end = memrchr(piece, '\n', sizeof(piece))) != NULL)
		out->len = (size_t)(end + 1 - piece);
	*off += out->len;
	return 0;
}

int
content_write(int fd, struct span s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s.p += n;
		s.len -= (size_t)n;
	}
	return 0;
}

int
content_copy(const struct mail *m, int fd)
{
	off_t off = 0;
	ssize_t n;

	if (m->fd < 0)
		return content_write(fd, m->content);
	do {
		n = sendfile(fd, m->fd, &off, 1 << 20);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

/* Whether a Delivered-To value is the address. */
static bool
content_names(struct span value, const struct mail_address *rcpt)
{
	static struct mail_address before;
	struct buf text;
	bool same;

	buf_init(&text, 4096);
	same = header_unfold(value, &text) == 0 &&
	    address_parse(
		buf_span(&text), ADDRESS_UTF8 | ADDRESS_BARE, &before) == 0 &&
	    address_eq(&before, rcpt);
	buf_clear(&text);
	return same;
}

bool
content_loops(const struct mail *m)
{
	static struct mail_address rcpt;
	struct header_field field;
	struct span rest;
	uint64_t off = 0;
	bool loops = false;

	if (address_parse(m->rcpt, ADDRESS_UTF8 | ADDRESS_BARE, &rcpt) != 0 ||
	    content_next(m, &off, &rest) != 0)
		return false;
	while (!loops && header_next(&rest, &field)) {
		if (header_is(&field, "Delivered-To"))
			loops = content_names(field.value, &rcpt);
	}
	return loops;
}
