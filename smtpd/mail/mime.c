/* SPDX-License-Identifier: ISC
 *
 * Tokens, quoted strings and comments of the two fields.  Where a value can be
 * read in two ways it is not read at all.
 */
#include "smtpd/mail/mime.h"

#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/header.h"

static void
mime_skip(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

static bool
mime_white(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* RFC 2045 5.1, without what types and encodings have no use for */
static bool
mime_token_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* What stands in a value without quotes.  More than the standard has: many
 * write a boundary with "=" or "/" like this, and all read it so. */
static bool
mime_bare_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("(),;\\\"", c) == NULL;
}

/* White space and comments.  0 or -E_SYNTAX. */
static int
mime_space(struct span *s)
{
	size_t n;

	while (s->len > 0 && (mime_white(s->p[0]) || s->p[0] == '(')) {
		n = 1;
		if (s->p[0] == '(' && (n = header_comment(*s)) == 0)
			return -E_SYNTAX;
		mime_skip(s, n);
	}
	return 0;
}

/* The longest run of such octets at the front; empty without one. */
static struct span
mime_run(struct span *s, bool (*in)(unsigned char))
{
	struct span run = { s->p, 0 };

	while (run.len < s->len && in(s->p[run.len]))
		run.len++;
	mime_skip(s, run.len);
	return run;
}

int
mime_type_parse(struct span value, struct mime_type *out)
{
	struct mime_type t = { .subtype = { NULL, 0 } };

	if (mime_space(&value) != 0)
		return -E_SYNTAX;
	t.type = mime_run(&value, mime_token_char);
	if (t.type.len == 0 || mime_space(&value) != 0)
		return -E_SYNTAX;
	if (value.len > 0 && value.p[0] == '/') {
		mime_skip(&value, 1);
		if (mime_space(&value) != 0)
			return -E_SYNTAX;
		t.subtype = mime_run(&value, mime_token_char);
	}
	t.parameters = value;
	*out = t;
	return 0;
}

bool
mime_type_is(const struct mime_type *t, const char *name)
{
	const char *slash = strchr(name, '/');
	struct span type = span_str(name);

	if (slash == NULL)
		return span_caseeq(t->type, type);
	type.len = (size_t)(slash - name);
	return span_caseeq(t->type, type) &&
	    span_caseeq(t->subtype, span_str(slash + 1));
}

/* The value at the front, into out.  0 or an error. */
static int
mime_value(struct span *s, unsigned char *out, size_t max, size_t *len)
{
	struct span run;
	size_t n = 0;

	if (s->len == 0 || s->p[0] != '"') {
		run = mime_run(s, mime_bare_char);
		if (run.len == 0 || run.len > max)
			return run.len == 0 ? -E_SYNTAX : -E_TOOLONG;
		memcpy(out, run.p, run.len);
		*len = run.len;
		return 0;
	}
	for (mime_skip(s, 1); s->len > 0 && s->p[0] != '"'; mime_skip(s, 1)) {
		if (s->p[0] == '\n')
			continue;
		if (s->p[0] == '\\' && s->len > 1)
			mime_skip(s, 1);
		if (n == max)
			return -E_TOOLONG;
		out[n++] = s->p[0];
	}
	if (s->len == 0)
		return -E_SYNTAX;
	mime_skip(s, 1);
	*len = n;
	return 0;
}

/* Whether the name is this one, or a piece of it (RFC 2231 3, 4), which counts
 * as one that cannot be read. */
static bool
mime_named(struct span name, const char *want, bool *piece)
{
	const unsigned char *star = memchr(name.p, '*', name.len);

	*piece = star != NULL;
	if (star != NULL)
		name.len = (size_t)(star - name.p);
	return span_caseeq(name, span_str(want));
}

int
mime_parameter(const struct mime_type *t, const char *name, unsigned char *out,
    size_t max, size_t *len)
{
	unsigned char other[1024];
	struct span s = t->parameters, word;
	bool found = false, mine, piece;
	size_t n;
	int error;

	while (mime_space(&s) == 0 && s.len > 0 && s.p[0] == ';') {
		mime_skip(&s, 1);
		if (mime_space(&s) != 0)
			return -E_SYNTAX;
		/* one that is not there, as at the end, is borne with */
		if (s.len == 0 || s.p[0] == ';')
			continue;
		word = mime_run(&s, mime_token_char);
		if (mime_space(&s) != 0 || word.len == 0 || s.len == 0 ||
		    s.p[0] != '=')
			return -E_SYNTAX;
		mime_skip(&s, 1);
		mine = mime_named(word, name, &piece);
		if (mime_space(&s) != 0 || (mine && (found || piece)))
			return -E_SYNTAX;
		error = mine ? mime_value(&s, out, max, len)
			     : mime_value(&s, other, sizeof(other), &n);
		if (error != 0)
			return error;
		found = found || mine;
	}
	if (s.len > 0)
		return -E_SYNTAX;
	return found ? 0 : -E_NOENT;
}

bool
mime_boundary_ok(struct span boundary)
{
	size_t i;

	for (i = 0; i < boundary.len; i++) {
		if (boundary.p[i] < ' ' || boundary.p[i] >= 0x7f)
			return false;
	}
	return boundary.len > 0 && boundary.len <= MIME_BOUNDARY_MAX &&
	    boundary.p[boundary.len - 1] != ' ';
}

enum mime_encoding
mime_encoding_parse(struct span value)
{
	static const char *const words[] = {
		[MIME_7BIT] = "7bit",
		[MIME_8BIT] = "8bit",
		[MIME_BINARY] = "binary",
		[MIME_QUOTED_PRINTABLE] = "quoted-printable",
		[MIME_BASE64] = "base64",
	};
	struct span word;
	unsigned i;

	if (mime_space(&value) != 0)
		return MIME_UNKNOWN;
	word = mime_run(&value, mime_token_char);
	if (mime_space(&value) != 0 || value.len > 0)
		return MIME_UNKNOWN;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_caseeq(word, span_str(words[i])))
			return (enum mime_encoding)i;
	}
	return MIME_UNKNOWN;
}
