/* SPDX-License-Identifier: ISC
 *
 * Trace fields.  What a client said or a name service answered is judged
 * again right before it is written, by the parsers of this room; a value that
 * fails is replaced by a word of ours, so that nothing from outside can add a
 * line or a field.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/date.h"
#include "smtpd/mail/msgid.h"
#include "smtpd/mail/trace.h"

#define FOLD_COLUMN 78 /* RFC 5322 2.1.1 */
#define FOLD_INDENT 8  /* what a tab is counted as */

/* A field being written, word by word. */
struct fold {
	struct buf *out;
	size_t column;
};

/* Write a word, on a new line when it would stick out.  Its parts are before,
 * s and after. */
static void
fold_word(struct fold *f, const char *before, struct span s, const char *after)
{
	size_t len = strlen(before) + s.len + strlen(after);

	if (f->column > 0 && f->column + 1 + len > FOLD_COLUMN) {
		buf_add_str(f->out, "\n\t");
		f->column = FOLD_INDENT;
	} else if (f->column > 0) {
		buf_add_str(f->out, " ");
		f->column++;
	}
	buf_add_str(f->out, before);
	buf_add(f->out, s.p, s.len);
	buf_add_str(f->out, after);
	f->column += len;
}

static void
fold_text(struct fold *f, const char *text)
{
	fold_word(f, "", span_str(text), "");
}

static int
fold_end(struct fold *f)
{
	return buf_add_str(f->out, "\n");
}

/* Write an address in brackets. */
static void
fold_path(struct fold *f, const struct mail_address *a, const char *after)
{
	struct buf wire;
	char close[4];

	buf_init(&wire, 2 * ADDRESS_PATH_MAX);
	if (address_format(a, &wire) != 0)
		f->out->err = wire.err;
	snprintf(close, sizeof(close), ">%s", after);
	fold_word(f, "<", buf_span(&wire), close);
	buf_clear(&wire);
}

const char *
trace_protocol(bool esmtp, bool tls, bool authenticated, bool utf8)
{
	static const char *const names[2][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
	};

	if (!esmtp)
		return "SMTP";
	return names[utf8][tls][authenticated];
}

/* Write the peer's address as a literal's inside: "IPv6:" in front where it
 * belongs, a scope cut off.  False when it is no address. */
static bool
addr_text(struct span addr, char *out, size_t size)
{
	const unsigned char *scope;
	unsigned char octets[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	scope = memchr(addr.p, '%', addr.len);
	if (scope != NULL)
		addr.len = (size_t)(scope - addr.p);
	if (addr.len >= sizeof(text))
		return false;
	memcpy(text, addr.p, addr.len);
	text[addr.len] = '\0';
	if (inet_pton(AF_INET, text, octets) == 1 &&
	    inet_ntop(AF_INET, octets, text, sizeof(text)) != NULL)
		return strlcpy(out, text, size) < size;
	if (inet_pton(AF_INET6, text, octets) == 1 &&
	    inet_ntop(AF_INET6, octets, text, sizeof(text)) != NULL)
		return (size_t)snprintf(out, size, "IPv6:%s", text) < size;
	return false;
}

static void
received_from(struct fold *f, const struct trace_received *r)
{
	char addr[INET6_ADDRSTRLEN + sizeof("IPv6:")], uid[32];
	bool local = r->addr.len == 0;

	fold_text(f, "from");
	if (helo_parse(r->helo) == 0)
		fold_word(f, "", r->helo, "");
	else
		fold_text(f, local ? "localhost" : "unknown");
	if (local) {
		snprintf(uid, sizeof(uid), "(uid %lu)", (unsigned long)r->uid);
		fold_text(f, uid);
		return;
	}
	if (domain_parse(r->name, 0) == 0)
		fold_word(f, "(", r->name, "");
	else
		fold_text(f, "(unknown");
	if (!addr_text(r->addr, addr, sizeof(addr)))
		fold_text(f, "[unknown])");
	else
		fold_word(f, "[", span_str(addr), "])");
}

/* Write the date-time as the last word of a field. */
static int
fold_date(struct fold *f, time_t when)
{
	struct buf text;
	int error;

	buf_init(&text, 64);
	error = date_format(when, &text);
	if (error == 0)
		fold_word(f, "", buf_span(&text), "");
	buf_clear(&text);
	return error;
}

int
trace_received(const struct trace_received *r, struct buf *out)
{
	struct fold f = { .out = out };
	char id[MSGID_LEN + 1];
	size_t start = out->len;
	bool with_rcpt;
	int error;

	if (domain_parse(r->by, 0) != 0)
		return -E_SYNTAX;
	/* 4.4: for one recipient only, so that no other is given away */
	with_rcpt = r->rcpt != NULL && (r->utf8 || !address_is_utf8(r->rcpt));
	msgid_format(r->msgid, id);
	fold_text(&f, "Received:");
	received_from(&f, r);
	fold_text(&f, "by");
	fold_word(&f, "", r->by, "");
	fold_text(&f, "with");
	fold_text(
	    &f, trace_protocol(r->esmtp, r->tls, r->authenticated, r->utf8));
	fold_text(&f, "id");
	fold_word(&f, "", span_str(id), with_rcpt ? "" : ";");
	if (with_rcpt) {
		fold_text(&f, "for");
		fold_path(&f, r->rcpt, ";");
	}
	if ((error = fold_date(&f, r->date)) != 0) {
		out->len = start;
		return error;
	}
	return fold_end(&f);
}

int
trace_return_path(const struct mail_address *sender, struct buf *out)
{
	struct fold f = { .out = out };

	fold_text(&f, "Return-Path:");
	fold_path(&f, sender, "");
	return fold_end(&f);
}

int
trace_delivered_to(const struct mail_address *rcpt, struct buf *out)
{
	struct fold f = { .out = out };

	fold_text(&f, "Delivered-To:");
	buf_add_str(out, " ");
	if (address_format(rcpt, out) != 0)
		return out->err;
	return fold_end(&f);
}

int
trace_message_id(uint64_t msgid, struct span host, struct buf *out)
{
	struct fold f = { .out = out };
	char id[MSGID_LEN + 1];

	if (domain_parse(host, 0) != 0)
		return -E_SYNTAX;
	msgid_format(msgid, id);
	fold_text(&f, "Message-ID:");
	buf_add_str(out, " <");
	buf_add(out, id, MSGID_LEN);
	buf_add_str(out, "@");
	buf_add(out, host.p, host.len);
	buf_add_str(out, ">");
	return fold_end(&f);
}

int
trace_date(time_t when, struct buf *out)
{
	struct fold f = { .out = out };
	size_t start = out->len;
	int error;

	fold_text(&f, "Date:");
	if ((error = fold_date(&f, when)) != 0) {
		out->len = start;
		return error;
	}
	return fold_end(&f);
}
