/* SPDX-License-Identifier: ISC
 *
 * In which form a message can go to a host that has not all the extensions
 * that it came with: as it is, converted, to some of its recipients, not at
 * all (RFC 1870 6, RFC 6152 3, RFC 6531 3.2).
 */
#include <stdio.h>
#include <string.h>

#include "delivery/relay/client_int.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "smtpd/idna/idna.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/utf8.h"

/* Octets of converted text at once: of a header, and of a piece. */
#define FORM_TEXT_MAX (CLIENT_OUT_MAX / 2)

void
form_init(struct form *f)
{
	*f = (struct form){ .downgrade = NULL };
	buf_init(&f->text, FORM_TEXT_MAX);
}

void
form_clear(struct form *f)
{
	downgrade_free(f->downgrade);
	f->downgrade = NULL;
	buf_clear(&f->text);
}

/* --- addresses ------------------------------------------------------------- */

/* The address in ASCII, if it can be so: a domain of U-labels has A-labels, a
 * local part has nothing else. */
static bool
form_ascii(struct span path, struct buf *out)
{
	const unsigned flags =
	    ADDRESS_NULL | ADDRESS_POSTMASTER | ADDRESS_BARE | ADDRESS_UTF8;
	unsigned char domain[ADDRESS_DOMAIN_MAX];
	struct mail_address a, ascii;
	size_t len;

	if (path.len >= 2 && path.p[0] == '<' && path.p[path.len - 1] == '>')
		path = (struct span){ path.p + 1, path.len - 2 };
	if (address_parse(path, flags, &a) != 0 ||
	    !utf8_is_ascii(address_local(&a)) ||
	    idna_domain(address_domain(&a), domain, sizeof(domain), &len) != 0)
		return false;
	if (address_make(address_local(&a), (struct span){ domain, len },
		flags & ~(unsigned)ADDRESS_UTF8, &ascii) != 0)
		return false;
	return address_format_path(&ascii, out) == 0;
}

void
form_path(struct client *c, struct span path)
{
	bool bare = path.len == 0 || path.p[0] != '<';

	if ((c->ehlo.ext & EXT_SMTPUTF8) == 0 && !utf8_is_ascii(path)) {
		/* that it can be is known since form_decide() */
		form_ascii(path, &c->out);
		return;
	}
	buf_add_str(&c->out, bare ? "<" : "");
	buf_add(&c->out, path.p, path.len);
	buf_add_str(&c->out, bare ? ">" : "");
}

/* Whether the other side can be told the address. */
static bool
form_can_say(struct span path)
{
	struct buf text;
	bool can;

	if (utf8_is_ascii(path))
		return true;
	buf_init(&text, ADDRESS_PATH_MAX);
	can = form_ascii(path, &text);
	buf_clear(&text);
	return can;
}

static bool
form_needs_utf8(const struct job *j)
{
	size_t i;

	/* an address that ours has become may have it in any message */
	for (i = 0; i < j->n; i++) {
		if (!utf8_is_ascii(j->rcpt[i].rcpt))
			return true;
	}
	return (j->parcel->flags & TX_SMTPUTF8) != 0 ||
	    !utf8_is_ascii(buf_span(&j->parcel->sender));
}

/* --- verdicts -------------------------------------------------------------- */

static struct verdict
form_verdict(const struct client *c, const char *status, const char *text)
{
	return (struct verdict){
		.outcome = OUT_FAILED,
		.scope = SCOPE_ENVELOPE,
		.status = span_str(status),
		.text = span_str(text),
		.via = client_via(c),
	};
}

/* The other side cannot take it. */
static void
form_refuse(struct client *c, const char *status, const char *text)
{
	struct verdict v = form_verdict(c, status, text);

	tx_settle(c, &v);
}

/* Nor can it take these recipients (RFC 6531 3.2). */
static void
form_refuse_addresses(struct client *c)
{
	struct verdict v =
	    form_verdict(c, "5.6.7", "the host takes no address beyond ASCII");
	size_t i;

	if (!form_can_say(buf_span(&c->job->parcel->sender))) {
		tx_settle(c, &v);
		return;
	}
	for (i = 0; i < c->job->n && !c->dead; i++) {
		if (!form_can_say(c->job->rcpt[i].rcpt))
			c->ops->settled(c->arg, i, &v);
	}
}

/* Whether 8-bit content has to be, and can be, converted. */
static void
form_convert(struct client *c)
{
	enum downgrade_verdict v = downgrade_verdict(c->form.downgrade);
	char text[ROUTE_TEXT_MAX];

	if (v == DOWNGRADE_NEEDLESS)
		return;
	if (c->p.refuse_8bit) {
		form_refuse(c, "5.6.3", "the host does not take 8-bit content");
		return;
	}
	if (v != DOWNGRADE_POSSIBLE) {
		snprintf(text, sizeof(text),
		    "the host takes no 8-bit content, and it cannot be "
		    "converted: %s",
		    downgrade_text(v));
		form_refuse(c, "5.6.3", text);
		return;
	}
	c->form.convert = true;
	LOG(EV_RELAY_CONVERTED, KI("message", c->job->parcel->msgid),
	    KS("host", c->host), KS("address", c->address),
	    KS("dkim",
		downgrade_has_dkim(c->form.downgrade) ? "broken" : "none"));
}

/* All is known: settle what cannot go, and begin. */
static void
form_decide(struct client *c)
{
	bool utf8 = (c->job->parcel->flags & TX_SMTPUTF8) != 0;
	unsigned ext = c->ehlo.ext;

	if (utf8 && (ext & EXT_SMTPUTF8) == 0 &&
	    !downgrade_ascii_headers(c->form.downgrade))
		form_refuse(
		    c, "5.6.9", "the host takes no header beyond ASCII");
	else if ((ext & EXT_8BITMIME) == 0)
		form_convert(c);
	if (!c->dead && c->form.utf8 && (ext & EXT_SMTPUTF8) == 0)
		form_refuse_addresses(c);
	if (!c->dead)
		tx_next(c);
}

/* --- looking --------------------------------------------------------------- */

void
form_look(struct client *c)
{
	struct span piece;
	int error;

	if (!tx_read(c, &piece)) {
		client_fail_text(c, "4.3.0", "the message cannot be read");
		return;
	}
	c->offset += piece.len;
	error = downgrade_look(c->form.downgrade, piece);
	if (error == 0 && c->offset < c->job->parcel->size) {
		/* others have their turn first */
		event_add(c->writable, NULL);
		return;
	}
	if (error == 0)
		error = downgrade_seen(c->form.downgrade);
	if (error != 0)
		client_fail_text(c, "4.3.0", err_text(error));
	else
		form_decide(c);
}

void
form_begin(struct client *c)
{
	const struct parcel *p = c->job->parcel;
	unsigned ext = c->ehlo.ext;

	form_clear(&c->form);
	form_init(&c->form);
	c->form.utf8 = form_needs_utf8(c->job);
	c->offset = 0;
	if (c->ehlo.size > 0 && p->size > c->ehlo.size) {
		form_refuse(
		    c, "5.3.4", "the message is larger than the host takes");
		if (!c->dead)
			tx_next(c);
		return;
	}
	if ((ext & EXT_8BITMIME) != 0 &&
	    (!c->form.utf8 || (ext & EXT_SMTPUTF8) != 0)) {
		tx_next(c);
		return;
	}
	if ((c->form.downgrade = downgrade_new()) == NULL) {
		client_fail_text(c, "4.3.0", err_text(-E_NOMEM));
		return;
	}
	client_enter(c, CL_LOOK);
	form_look(c);
}

int
form_add(struct client *c, struct span piece)
{
	struct form *f = &c->form;
	int error;

	if (!f->convert)
		return encode_add(&c->encode, piece, &c->out);
	buf_reset(&f->text);
	error = downgrade_add(f->downgrade, piece, &f->text);
	if (error == 0 && c->offset >= c->job->parcel->size)
		error = downgrade_end(f->downgrade, &f->text);
	if (error != 0)
		return error;
	return encode_add(&c->encode, buf_span(&f->text), &c->out);
}
