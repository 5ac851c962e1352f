/* SPDX-License-Identifier: ISC
 *
 * Address lists of header fields (RFC 5322 3.4, and 4.4 as far as it is still
 * written).  Cuts a list into elements and takes from each what is between
 * its angle brackets, or all of it, without comments and white space; whether
 * that is an address is for the address parser alone to say.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/header.h"

#define ELEMENT_MAX 1024 /* octets of an address with its route */

enum element_part {
	ELEMENT_PLAIN, /* a phrase, or an address without brackets */
	ELEMENT_ANGLE, /* between the brackets */
	ELEMENT_AFTER  /* after them: nothing but comments */
};

struct element {
	enum element_part part;
	bool gap;      /* white space or a comment since the last octet */
	bool overflow; /* more than fits; fine in a phrase */
	size_t len;
	unsigned char text[ELEMENT_MAX];
};

void
header_list_init(struct header_list *l, struct span value)
{
	*l = (struct header_list){ .rest = value };
}

static void
list_skip(struct header_list *l, size_t n)
{
	l->rest.p += n;
	l->rest.len -= n;
}

static void
element_push(struct element *e, unsigned char c)
{
	if (e->len == sizeof(e->text))
		e->overflow = true;
	else
		e->text[e->len++] = c;
}

/* Whether white space may stand beside this octet in an address (RFC 5322
 * 4.4).  Anywhere else it is kept, and the address parser refuses it. */
static bool
joint(unsigned char c)
{
	return c == '.' || c == '@' || c == '<' || c == '>' || c == ',' ||
	    c == ':';
}

static void
element_add(struct element *e, unsigned char c)
{
	if (e->gap && e->len > 0 && !joint(c) && !joint(e->text[e->len - 1]))
		element_push(e, ' ');
	e->gap = false;
	element_push(e, c);
}

/* Skip the comment at the front. */
static int
comment_skip(struct header_list *l)
{
	size_t n = header_comment(l->rest);

	list_skip(l, n);
	return n > 0 ? 0 : -E_SYNTAX;
}

/* Copy what is enclosed, from the octet at the front to the closing one,
 * without the LF of its folding. */
static int
enclosed_copy(struct header_list *l, struct element *e, unsigned char close)
{
	size_t i;

	element_add(e, l->rest.p[0]);
	for (i = 1; i < l->rest.len; i++) {
		if (l->rest.p[i] == '\n')
			continue;
		element_push(e, l->rest.p[i]);
		if (l->rest.p[i] == close) {
			list_skip(l, i + 1);
			return 0;
		}
		if (l->rest.p[i] == '\\' && i + 1 < l->rest.len)
			element_push(e, l->rest.p[++i]);
	}
	return -E_SYNTAX;
}

/* What was collected was a phrase: forget it. */
static void
element_forget(struct element *e, enum element_part part)
{
	e->len = 0;
	e->overflow = false;
	e->gap = false;
	e->part = part;
}

/* A special at the front outside of quotes.  1 when it ends the element. */
static int
element_special(struct header_list *l, struct element *e, unsigned char c)
{
	if (c == '<' && e->part == ELEMENT_PLAIN) {
		element_forget(e, ELEMENT_ANGLE);
		element_add(e, c);
	} else if (c == '>' && e->part == ELEMENT_ANGLE) {
		element_add(e, c);
		e->part = ELEMENT_AFTER;
	} else if (e->part == ELEMENT_ANGLE && (c == ',' || c == ':')) {
		element_add(e, c); /* a route */
	} else if (c == ':' && e->part == ELEMENT_PLAIN && !l->in_group) {
		element_forget(e, ELEMENT_PLAIN);
		l->in_group = true;
	} else if (c == ',' && e->part != ELEMENT_ANGLE) {
		return 1;
	} else if (c == ';' && e->part != ELEMENT_ANGLE && l->in_group) {
		l->in_group = false;
		return 1;
	} else {
		return -E_SYNTAX;
	}
	return 0;
}

/* Take what is at the front.  1 when it ends the element, 0, or an error. */
static int
element_step(struct header_list *l, struct element *e)
{
	unsigned char c = l->rest.p[0];
	int result;

	switch (c) {
	case ' ':
	case '\t':
	case '\n':
		e->gap = true;
		list_skip(l, 1);
		return 0;
	case '(':
		e->gap = true;
		return comment_skip(l);
	case '<':
	case '>':
	case ',':
	case ':':
	case ';':
		result = element_special(l, e, c);
		list_skip(l, 1);
		return result;
	default:
		break;
	}
	if (e->part == ELEMENT_AFTER)
		return -E_SYNTAX;
	if (c == '"' || c == '[')
		return enclosed_copy(l, e, c == '"' ? '"' : ']');
	element_add(e, c);
	list_skip(l, 1);
	return 0;
}

static int
element_parse(const struct element *e, unsigned flags, struct mail_address *out)
{
	struct span text = { e->text, e->len };
	struct mail_address address;
	size_t used;
	int error;

	if (e->overflow)
		return -E_TOOLONG;
	flags &= ~(unsigned)ADDRESS_NULL;
	if (e->part == ELEMENT_PLAIN)
		return address_parse(text, flags, out);
	if ((error = address_parse_path(text, flags, &address, &used)) != 0)
		return error;
	if (used != text.len)
		return -E_SYNTAX;
	*out = address;
	return 0;
}

int
header_list_next(
    struct header_list *l, unsigned flags, struct mail_address *out)
{
	struct element e;
	int result;

	do {
		e.part = ELEMENT_PLAIN;
		e.len = 0;
		e.gap = e.overflow = false;
		result = l->failed ? -E_SYNTAX : 0;
		while (result == 0 && l->rest.len > 0)
			result = element_step(l, &e);
		if (result == 0 && e.len == 0 && l->in_group)
			result = -E_SYNTAX; /* a group without its end */
		if (result == 0 && e.len == 0)
			return 0;
		/* an element may be empty (RFC 5322 4.4) */
	} while (result == 1 && e.len == 0);
	if (result >= 0)
		result = element_parse(&e, flags, out);
	l->failed = result != 0;
	return result != 0 ? result : 1;
}
