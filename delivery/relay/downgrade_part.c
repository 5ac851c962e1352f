/* SPDX-License-Identifier: ISC
 *
 * What a part of a message is, what becomes of it, and how that is written.
 * When it is looked at, the plan gets an octet for each part; when it is
 * converted, that is read again.
 */
#include <string.h>

#include "delivery/relay/downgrade_int.h"
#include "privsep/base/err.h"

#define PART_LINE_MAX   998 /* RFC 5322 2.1.1 */
#define PART_VERSION    "MIME-Version: 1.0\n"
#define PART_FIELDS_MAX 128 /* octets of other fields that are added */

static struct level *
part_top(struct downgrade *d)
{
	return &d->levels[d->depth - 1];
}

/* Whether an octet can be in no text of 7 bits (RFC 2045 2.7). */
static bool
part_is_strange(unsigned char c)
{
	return c >= 0x80 || c == '\0' || c == '\r';
}

static bool
part_has_strange(struct span s)
{
	unsigned found = 0;
	size_t i;

	for (i = 0; i < s.len; i++)
		found |= part_is_strange(s.p[i]);
	return found != 0;
}

void
part_count(struct downgrade *d, struct span s)
{
	size_t i;

	d->octets += s.len;
	for (i = 0; i < s.len; i++) {
		d->eight |= s.p[i] >= 0x80;
		d->lines += s.p[i] == '\n';
	}
}

/* --- headers --------------------------------------------------------------- */

/* What of a header matters here. */
struct fields {
	bool version;
	bool typed;
	bool encoded;
	bool twice;   /* one of them: it could be read in two ways */
	bool bad;     /* the type is none */
	bool strange; /* octets */
	bool dkim;
	struct mime_type type;
	enum mime_encoding encoding;
};

static void
fields_read(struct span header, struct fields *f)
{
	struct header_field field;

	*f = (struct fields){ .encoding = MIME_7BIT,
		.strange = part_has_strange(header) };
	while (header_next(&header, &field)) {
		if (header_is(&field, "MIME-Version"))
			f->version = true;
		else if (header_is(&field, "DKIM-Signature"))
			f->dkim = true;
		else if (header_is(&field, "Content-Type")) {
			f->twice = f->twice || f->typed;
			f->typed = true;
			f->bad = mime_type_parse(field.value, &f->type) != 0;
		} else if (header_is(&field, "Content-Transfer-Encoding")) {
			f->twice = f->twice || f->encoded;
			f->encoded = true;
			f->encoding = mime_encoding_parse(field.value);
		}
	}
}

static void
part_opaque(struct level *l, enum downgrade_verdict why)
{
	l->kind = LEVEL_OPAQUE;
	l->fault = why;
}

static bool
part_is_encoded(enum mime_encoding encoding)
{
	return encoding != MIME_7BIT && encoding != MIME_8BIT &&
	    encoding != MIME_BINARY;
}

static void
part_multipart(struct downgrade *d, struct level *l, const struct fields *f)
{
	int error;

	l->digest = mime_type_is(&f->type, "multipart/digest");
	l->is_signed =
	    l->is_signed || mime_type_is(&f->type, "multipart/signed");
	error = mime_parameter(&f->type, "boundary", l->boundary,
	    sizeof(l->boundary), &l->boundary_len);
	/* RFC 2045 6.4: no multipart is encoded as a whole */
	if (part_is_encoded(l->encoding))
		part_opaque(l, DOWNGRADE_ENCODED);
	else if (error != 0 || d->depth == DOWNGRADE_DEPTH_MAX ||
	    !mime_boundary_ok((struct span){ l->boundary, l->boundary_len }))
		part_opaque(l, DOWNGRADE_STRUCTURE);
	else
		l->kind = LEVEL_MULTIPART;
}

static void
part_message(struct downgrade *d, struct level *l)
{
	if (part_is_encoded(l->encoding))
		part_opaque(l, DOWNGRADE_ENCODED);
	else if (d->depth == DOWNGRADE_DEPTH_MAX)
		part_opaque(l, DOWNGRADE_STRUCTURE);
	else
		l->kind = LEVEL_MESSAGE;
}

static void
part_leaf(struct level *l, bool text)
{
	l->kind = LEVEL_LEAF;
	l->base64 = !text || l->encoding == MIME_BINARY;
	if (part_is_encoded(l->encoding))
		part_opaque(l, DOWNGRADE_ENCODED);
	else if (l->is_signed)
		part_opaque(l, DOWNGRADE_SIGNED);
}

/* Types of messages that may be encoded (RFC 6532 3.7, RFC 6533 4 to 6). */
static bool
part_is_global(const struct mime_type *t)
{
	return mime_type_is(t, "message/global") ||
	    mime_type_is(t, "message/global-headers") ||
	    mime_type_is(t, "message/global-delivery-status") ||
	    mime_type_is(t, "message/global-disposition-notification");
}

/* Decide what the part is (RFC 2045 5.2, RFC 2046 5). */
static void
part_classify(struct downgrade *d, struct level *l, const struct fields *f)
{
	bool in_digest = d->depth > 1 && d->levels[d->depth - 2].digest;

	l->encoding = f->encoding;
	if (f->twice || f->bad)
		part_opaque(l, DOWNGRADE_STRUCTURE);
	else if (!f->typed && in_digest)
		part_message(d, l);
	else if (!f->typed)
		part_leaf(l, true);
	else if (mime_type_is(&f->type, "multipart"))
		part_multipart(d, l, f);
	else if (mime_type_is(&f->type, "message/rfc822"))
		part_message(d, l);
	else if (part_is_global(&f->type))
		part_leaf(l, true);
	else if (mime_type_is(&f->type, "message"))
		part_opaque(l, DOWNGRADE_TYPE);
	else
		part_leaf(l, mime_type_is(&f->type, "text"));
}

/* Decide, of what has parts, what it says of its own encoding. */
static void
part_plan(struct downgrade *d, const struct level *l, const struct fields *f)
{
	bool relabel =
	    (l->kind == LEVEL_MULTIPART || l->kind == LEVEL_MESSAGE) &&
	    l->encoding != MIME_7BIT && !l->is_signed;
	int error = buf_put_u8(&d->plan,
	    relabel ? (uint8_t)(PLAN_7BIT | PLAN_CHANGED) : PLAN_KEEP);

	if (error != 0)
		d->error = error;
	if (f->strange) {
		d->header_eight = true;
		downgrade_fault(d, DOWNGRADE_HEADER);
	}
	if (d->depth == 1)
		d->dkim = f->dkim;
	if (l->message && !f->version)
		d->extra += sizeof(PART_VERSION);
}

static unsigned
part_planned(const struct downgrade *d, const struct level *l)
{
	return l->part < d->plan.len ? d->plan.data[l->part] : PLAN_KEEP;
}

/* The header as it goes out. */
static void
part_write_header(struct downgrade *d, const struct level *l,
    const struct fields *f, bool blank)
{
	static const char *const words[] = {
		[PLAN_7BIT] = "7bit",
		[PLAN_QUOTED_PRINTABLE] = "quoted-printable",
		[PLAN_BASE64] = "base64",
	};
	unsigned plan = part_planned(d, l), action = plan & PLAN_ACTION;
	struct span rest = buf_span(&d->header);
	struct header_field field;

	while (header_next(&rest, &field)) {
		if (action == PLAN_KEEP ||
		    !header_is(&field, "Content-Transfer-Encoding"))
			part_copy(d, field.whole);
	}
	if (l->message && !f->version && plan != PLAN_KEEP)
		buf_add_str(d->out, PART_VERSION);
	/* RFC 1428 3: nobody knows what it is */
	if (action >= PLAN_QUOTED_PRINTABLE && !f->typed)
		buf_add_str(
		    d->out, "Content-Type: text/plain; charset=unknown-8bit\n");
	if (action != PLAN_KEEP)
		buf_addf(
		    d->out, "Content-Transfer-Encoding: %s\n", words[action]);
	if (blank)
		buf_add_str(d->out, "\n");
}

void
part_push(struct downgrade *d, bool message)
{
	buf_reset(&d->header);
	d->state = DG_HEADER;
	if (d->parts == DOWNGRADE_PARTS_MAX) {
		downgrade_lose(d);
		return;
	}
	d->levels[d->depth] = (struct level){ .part = d->parts++,
		.message = message,
		.is_signed = d->depth > 0 && part_top(d)->is_signed };
	d->depth++;
}

static void
part_body_begin(struct downgrade *d, const struct level *l)
{
	unsigned action = part_planned(d, l) & PLAN_ACTION;

	d->state = DG_BODY;
	d->strange = d->long_lines = false;
	d->line_len = 0;
	d->leaf_octets = d->leaf_coded = d->leaf_lines = 0;
	d->last = '\n';
	transfer_begin(&d->transfer, action == PLAN_BASE64);
}

void
part_header_end(struct downgrade *d, bool blank, bool body)
{
	struct level *l = part_top(d);
	struct fields f;

	fields_read(buf_span(&d->header), &f);
	part_classify(d, l, &f);
	if (!d->converting)
		part_plan(d, l, &f);
	else
		/* a header that ends in a line that is none ends in a blank
		 * one for everybody, where it is not left alone */
		part_write_header(d, l, &f,
		    blank || (body && part_planned(d, l) != PLAN_KEEP));
	if (l->kind == LEVEL_MULTIPART)
		d->state = DG_PREAMBLE;
	else if (l->kind == LEVEL_MESSAGE)
		part_push(d, true);
	else
		part_body_begin(d, l);
}

/* --- bodies ---------------------------------------------------------------- */

void
part_copy(struct downgrade *d, struct span s)
{
	if (!d->converting)
		return;
	/* it would have been seen before */
	if (part_has_strange(s))
		d->error = -E_CORRUPT;
	else
		buf_add(d->out, s.p, s.len);
}

/* Whether quoted-printable may have a code for c, which comes after last; or
 * for that, when c is the end of its line. */
static bool
part_may_be_coded(unsigned char last, unsigned char c)
{
	switch (c) {
	case '\n':
		return last == ' ' || last == '\t';
	case '.':
		return last == '\n';
	case '-':
		return last == '-';
	case ' ':
		return last == 'm';
	default:
		return transfer_is_coded(c);
	}
}

/* A piece of a leaf is looked at. */
static void
part_look(struct downgrade *d, const struct level *l, struct span s)
{
	size_t i;

	if (part_has_strange(s)) {
		d->strange = true;
		if (l->kind == LEVEL_OPAQUE)
			downgrade_fault(d, l->fault);
	}
	if (l->kind == LEVEL_OPAQUE)
		return;
	for (i = 0; i < s.len; i++) {
		d->leaf_coded += part_may_be_coded(d->last, s.p[i]);
		d->last = s.p[i];
	}
	d->leaf_octets += s.len;
	d->line_len += s.len;
	if (s.p[s.len - 1] != '\n')
		return;
	d->leaf_lines++;
	if (d->line_len - 1 > PART_LINE_MAX)
		d->long_lines = true;
	d->line_len = 0;
}

void
part_text(struct downgrade *d, struct span s)
{
	const struct level *l;

	if (d->state == DG_LOST || s.len == 0)
		return;
	l = part_top(d);
	if (d->state == DG_BODY && !d->converting)
		part_look(d, l, s);
	else if (d->state == DG_BODY &&
	    (part_planned(d, l) & PLAN_ACTION) >= PLAN_QUOTED_PRINTABLE)
		transfer_add(&d->transfer, s, d->out);
	else if (d->converting)
		part_copy(d, s);
	else if (part_has_strange(s))
		downgrade_fault(d, DOWNGRADE_ASIDE);
}

/* Decide what becomes of the leaf that was seen. */
static unsigned
part_action(const struct downgrade *d, const struct level *l)
{
	bool long_lines =
	    d->long_lines || d->line_len > PART_LINE_MAX; /* the last one */

	if (l->kind == LEVEL_OPAQUE)
		return PLAN_KEEP;
	if (d->strange || long_lines)
		return l->base64 ? PLAN_BASE64 : PLAN_QUOTED_PRINTABLE;
	return l->encoding == MIME_7BIT ? PLAN_KEEP : PLAN_7BIT;
}

/* What encoding adds, at most. */
static uint64_t
part_growth(const struct downgrade *d, unsigned action)
{
	uint64_t n = d->leaf_octets + 2 * d->leaf_coded;

	/* in base64 ends of lines are CRLF, which may be all of it */
	if (action == PLAN_BASE64)
		n = (d->leaf_octets + d->leaf_lines + 2) / 3 * 4;
	/* "=", CRLF, and a code for what stands behind that */
	n += n / (TRANSFER_LINE_MAX - 4) * 5 + PART_FIELDS_MAX;
	return n - d->leaf_octets;
}

void
part_body_end(struct downgrade *d, bool at_end)
{
	struct level *l = part_top(d);
	unsigned action;
	size_t i;

	if (d->converting) {
		if ((part_planned(d, l) & PLAN_ACTION) >= PLAN_QUOTED_PRINTABLE)
			transfer_end(&d->transfer, at_end, d->out);
		return;
	}
	action = part_action(d, l);
	if (action == PLAN_KEEP || l->part >= d->plan.len)
		return;
	d->plan.data[l->part] = (uint8_t)action;
	if (action >= PLAN_QUOTED_PRINTABLE)
		d->extra += part_growth(d, action);
	for (i = 0; i < d->depth; i++)
		d->plan.data[d->levels[i].part] |= PLAN_CHANGED;
}
