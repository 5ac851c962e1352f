/* SPDX-License-Identifier: ISC
 *
 * The text of a delivery status notification.  What came from outside (the
 * text of a reply, the header of the message) stands only in places where it
 * cannot begin a field or a part of its own.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "delivery/dsn/dsn.h"
#include "privsep/base/log.h"
#include "smtpd/mail/date.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/via.h"
#include "smtpd/mail/xtext.h"

#define DSN_TEXT_MAX 400 /* octets of a diagnostic text */

static const struct {
	const char *subject;
	const char *intro;
	const char *action; /* RFC 3464 2.3.3 */
} kinds[] = {
	[DSN_FAILED] = { "Your message could not be delivered",
	    "Your message could not be delivered to the following recipients.\n"
	    "Nothing more will be done about it.\n",
	    "failed" },
	[DSN_DELAYED] = { "Your message is delayed",
	    "Your message has not been delivered yet to the following "
	    "recipients.\n"
	    "You need not send it again: delivery is tried until the times "
	    "below.\n",
	    "delayed" },
	[DSN_DELIVERED] = { "Your message was delivered",
	    "Your message was delivered to the mailboxes of the following\n"
	    "recipients, which is what you asked to be told.\n",
	    "delivered" },
	[DSN_RELAYED] = { "Your message was relayed",
	    "Your message was handed on to the next mail server for the "
	    "following\nrecipients.  That server does not confirm delivery: "
	    "you will hear of it\nonly if something goes wrong.\n",
	    "relayed" },
	[DSN_ORPHANED] = { "A message without a sender could not be delivered",
	    "A message that has no sender to be told, most likely a report "
	    "on another\nmessage, could not be delivered to the following "
	    "recipients.  Nothing\nmore will be done about it.\n",
	    "failed" },
};

static bool
dsn_ascii(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] > 0x7e)
			return false;
	}
	return true;
}

/* An address, or an id that the sender gave, as it is: it is compared with what
 * was given (RFC 3464 2.2.1, 2.3.1).  It was checked when it came; what came
 * back from disk may still not begin a line of its own.  One beyond ASCII in
 * the report on an ASCII message is written in ASCII (RFC 6533 3). */
static void
dsn_address(const struct dsn *d, struct buf *out, struct span address)
{
	size_t i;

	if (!d->utf8 && !dsn_ascii(address)) {
		utf8_addr_encode(address, false, out);
		return;
	}
	for (i = 0; i < address.len; i++) {
		unsigned char c = address.p[i];

		buf_put_u8(out, c < ' ' || c == 0x7f ? '?' : c);
	}
}

static void
dsn_date(struct buf *out, const char *name, time_t when)
{
	buf_add_str(out, name);
	buf_add_str(out, ": ");
	date_format(when, out);
	buf_add_str(out, "\n");
}

/* A boundary that no line of the content can be: the ids are ours. */
static void
dsn_boundary(const struct dsn *d, struct buf *out)
{
	buf_addf(out, "%016" PRIx64 "-%016" PRIx64, d->reportid, d->msgid);
}

/* Begin a part; ascii: nothing in it is beyond that (RFC 2045 6). */
static void
dsn_part(const struct dsn *d, struct buf *out, const char *type, bool ascii)
{
	buf_add_str(out, "\n--");
	dsn_boundary(d, out);
	buf_addf(out, "\nContent-Type: %s\n", type);
	if (!ascii)
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\n");
}

static void
dsn_header(const struct dsn *d, struct buf *out)
{
	buf_add_str(out, "From: Mail Delivery Subsystem <MAILER-DAEMON@");
	buf_add(out, d->hostname.p, d->hostname.len);
	buf_add_str(out, ">\nTo: <");
	dsn_address(d, out, d->to);
	buf_addf(out, ">\nSubject: %s\n", kinds[d->kind].subject);
	dsn_date(out, "Date", d->now);
	buf_addf(out, "Message-ID: <%016" PRIx64 "@", d->reportid);
	buf_add(out, d->hostname.p, d->hostname.len);
	/* RFC 3834 5 */
	buf_add_str(out,
	    ">\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"");
	dsn_boundary(d, out);
	buf_add_str(out, "\"\n");
	if (d->utf8 || (!d->bare && !dsn_ascii(d->content)))
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\n");
	buf_add_str(out, "\nThis is a MIME-encapsulated message.\n");
}

/* Whether a text is an SMTP reply, which names its own code. */
static bool
dsn_is_reply(struct span text)
{
	size_t i;

	if (text.len < 4 || text.p[3] != ' ')
		return false;
	for (i = 0; i < 3; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

static void
dsn_human_recipient(
    const struct dsn *d, struct buf *out, const struct dsn_recipient *r)
{
	struct via via = via_parse(r->via);

	buf_add_str(out, "  <");
	dsn_address(d, out, r->rcpt);
	buf_add_str(out, ">\n      ");
	if (via.host.len > 0 && dsn_is_reply(r->text)) {
		log_escape(out, via.host, DSN_TEXT_MAX);
		if (via.address.len > 0) {
			buf_add_str(out, " [");
			log_escape(out, via.address, DSN_TEXT_MAX);
			buf_add_str(out, "]");
		}
		buf_add_str(out, " said:\n      ");
	}
	log_escape(out, r->text, DSN_TEXT_MAX);
	buf_add_str(out, " (");
	log_escape(out, r->status, DSN_TEXT_MAX);
	buf_add_str(out, ")\n");
	if (d->kind == DSN_DELAYED)
		dsn_date(out, "      Tried until", r->expires);
}

/* The part for people. */
static void
dsn_human(const struct dsn *d, struct buf *out)
{
	struct header_field subject;
	size_t i;

	dsn_part(d, out,
	    d->utf8 ? "text/plain; charset=utf-8"
		    : "text/plain; charset=us-ascii",
	    !d->utf8);
	buf_add_str(out, "\nThis is the mail system at ");
	buf_add(out, d->hostname.p, d->hostname.len);
	buf_add_str(out, ".\n\n");
	buf_add_str(out, kinds[d->kind].intro);
	buf_add_str(out, "\n");
	for (i = 0; i < d->nrcpts; i++)
		dsn_human_recipient(d, out, &d->rcpts[i]);
	buf_addf(out, "\nThe message had the id %016" PRIx64 " here", d->msgid);
	if (header_find(d->content, "Subject", &subject)) {
		struct buf text;

		buf_init(&text, 64 * 1024);
		header_unfold(subject.value, &text);
		buf_add_str(out, ",\nand the subject \"");
		log_escape(out, buf_span(&text), DSN_TEXT_MAX);
		buf_add_str(out, "\"");
		buf_clear(&text);
	}
	buf_add_str(out, ".\n");
}

/* The next host, where a name of the DNS stands: one that is known by its
 * address alone is a literal (RFC 3464 2.1.2, RFC 5321 4.1.3). */
static void
dsn_remote_mta(struct buf *out, struct span host)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char octets[sizeof(struct in6_addr)];
	struct span s = host;

	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']') {
		s.p++;
		s.len -= 2;
	}
	snprintf(text, sizeof(text), "%.*s",
	    s.len < sizeof(text) ? (int)s.len : 0, (const char *)s.p);
	buf_add_str(out, "Remote-MTA: dns; ");
	if (inet_pton(AF_INET, text, octets) == 1)
		buf_addf(out, "[%s]", text);
	else if (inet_pton(AF_INET6, text, octets) == 1)
		buf_addf(out, "[IPv6:%s]", text);
	else
		log_escape(out, host, DSN_TEXT_MAX);
	buf_add_str(out, "\n");
}

/* The address types of RFC 3464 2.1.2 and RFC 6533 3. */
static const char *
dsn_type(struct span address)
{
	return dsn_ascii(address) ? "rfc822" : "utf-8";
}

/* RFC 3464 2.3 */
static void
dsn_machine_recipient(
    const struct dsn *d, struct buf *out, const struct dsn_recipient *r)
{
	struct via via = via_parse(r->via);

	buf_add_str(out, "\n");
	if (r->orcpt.len > 0) {
		buf_add_str(out, "Original-Recipient: ");
		dsn_address(d, out, r->orcpt);
		buf_add_str(out, "\n");
	}
	buf_addf(out, "Final-Recipient: %s;", dsn_type(r->rcpt));
	dsn_address(d, out, r->rcpt);
	buf_addf(out, "\nAction: %s\nStatus: ", kinds[d->kind].action);
	log_escape(out, r->status, DSN_TEXT_MAX);
	buf_add_str(out, "\n");
	if (via.host.len > 0)
		dsn_remote_mta(out, via.host);
	buf_addf(out, "Diagnostic-Code: %s; ",
	    dsn_is_reply(r->text) ? "smtp" : "X-Bulkhead");
	log_escape(out, r->text, DSN_TEXT_MAX);
	buf_add_str(out, "\n");
	dsn_date(out, "Last-Attempt-Date", d->now);
	if (d->kind == DSN_DELAYED)
		dsn_date(out, "Will-Retry-Until", r->expires);
}

/* The part for programs. */
static void
dsn_machine(const struct dsn *d, struct buf *out)
{
	size_t i;

	dsn_part(d, out,
	    d->utf8 ? "message/global-delivery-status"
		    : "message/delivery-status",
	    !d->utf8);
	buf_add_str(out, "\nReporting-MTA: dns;");
	buf_add(out, d->hostname.p, d->hostname.len);
	buf_add_str(out, "\n");
	if (d->envid.len > 0) {
		buf_add_str(out, "Original-Envelope-Id: ");
		dsn_address(d, out, d->envid);
		buf_add_str(out, "\n");
	}
	dsn_date(out, "Arrival-Date", d->created);
	for (i = 0; i < d->nrcpts; i++)
		dsn_machine_recipient(d, out, &d->rcpts[i]);
}

/* Whether the whole message is returned: RET is for failures alone (RFC 3461
 * 4.3), and of a long one the header has to do. */
static bool
dsn_is_full(const struct dsn *d)
{
	if (d->kind != DSN_FAILED && d->kind != DSN_ORPHANED)
		return false;
	return d->full && d->content.len <= d->return_max;
}

/* The message that it is about, whole or its header, and no more of it than is
 * allowed, cut at the end of a line. */
static void
dsn_returned(const struct dsn *d, struct buf *out)
{
	bool full = dsn_is_full(d);
	struct span part = d->content, rest = d->content;
	struct header_field field;

	if (!full) {
		part.len = 0;
		while (header_next(&rest, &field))
			part.len = (size_t)(field.whole.p + field.whole.len -
			    d->content.p);
	}
	if (part.len > d->return_max) {
		part.len = d->return_max;
		while (part.len > 0 && part.p[part.len - 1] != '\n')
			part.len--;
	}
	if (full)
		dsn_part(d, out, d->utf8 ? "message/global" : "message/rfc822",
		    dsn_ascii(part));
	else
		dsn_part(d, out,
		    d->utf8 ? "message/global-headers" : "text/rfc822-headers",
		    dsn_ascii(part));
	buf_add_str(out, "\n");
	buf_add(out, part.p, part.len);
}

int
dsn_compose(const struct dsn *d, struct buf *out)
{
	dsn_header(d, out);
	dsn_human(d, out);
	dsn_machine(d, out);
	/* RFC 3462 1: that part may be left out */
	if (!d->bare)
		dsn_returned(d, out);
	buf_add_str(out, "\n--");
	dsn_boundary(d, out);
	buf_add_str(out, "--\n");
	return out->err;
}
