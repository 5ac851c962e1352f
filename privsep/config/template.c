/* SPDX-License-Identifier: ISC
 *
 * Path templates.  They are checked when they are read and expanded by the
 * process that delivers; a value can make a strange name of a file, but never
 * a path: classes (b) and (d) of SECURITY.md.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/template.h"

enum template_mod {
	MOD_LOWERCASE = 1 << 0,
	MOD_UPPERCASE = 1 << 1,
	MOD_STRIP = 1 << 2 /* the detail of a local part */
};

#define TEMPLATE_PARTS_MAX 64

/* Literal text (var is TV__MAX), or a variable. */
struct template_part {
	enum template_var var;
	unsigned mods;
	struct span text;
};

struct template
{
	size_t nparts;
	struct template_part parts[TEMPLATE_PARTS_MAX];
	size_t len;
	unsigned char text[TEMPLATE_TEXT_MAX];
};

static const char *const template_names[] = {
#define TEMPLATE_VAR(id, name, meaning) [id] = name,
#include "privsep/config/template.def"
#undef TEMPLATE_VAR
};

const char *
template_var_name(enum template_var var)
{
	return template_names[var];
}

struct span
template_text(const struct template *t)
{
	return (struct span){ t->text, t->len };
}

void
template_free(struct template *t)
{
	free(t);
}

static int
template_part_add(
    struct template *t, enum template_var var, unsigned mods, struct span text)
{
	if (var == TV__MAX && text.len == 0)
		return 0;
	if (t->nparts == TEMPLATE_PARTS_MAX)
		return -E_TOOLONG;
	t->parts[t->nparts++] =
	    (struct template_part){ .var = var, .mods = mods, .text = text };
	return 0;
}

static unsigned
template_mod(struct span word)
{
	if (span_eq(word, span_str("lowercase")))
		return MOD_LOWERCASE;
	if (span_eq(word, span_str("uppercase")))
		return MOD_UPPERCASE;
	if (span_eq(word, span_str("strip")))
		return MOD_STRIP;
	return 0;
}

/* The words after the colon, parted by bars.  0 when one is unknown. */
static unsigned
template_mods(struct span words)
{
	unsigned mods = 0, mod;
	struct span word;
	const unsigned char *bar;

	for (;;) {
		bar = words.len > 0 ? memchr(words.p, '|', words.len) : NULL;
		word = words;
		if (bar != NULL)
			word.len = (size_t)(bar - words.p);
		if ((mod = template_mod(word)) == 0)
			return 0;
		mods |= mod;
		if (bar == NULL)
			return mods;
		words.p += word.len + 1;
		words.len -= word.len + 1;
	}
}

/* What is between %{ and }. */
static const char *
template_variable(struct template *t, struct span in)
{
	struct span name = in, mods = { 0 };
	const unsigned char *colon;
	unsigned bits = 0;
	size_t var;

	if (in.len > 0 && memchr(in.p, '[', in.len) != NULL)
		return "parts of a value ([from:to]) are not supported here";
	if (in.len > 0 && (colon = memchr(in.p, ':', in.len)) != NULL) {
		name.len = (size_t)(colon - in.p);
		mods = (struct span){ colon + 1, in.len - name.len - 1 };
		if ((bits = template_mods(mods)) == 0)
			return "unknown modifier; there are lowercase, "
			       "uppercase and strip";
	}
	for (var = 0; var < TV__MAX; var++) {
		if (span_eq(name, span_str(template_names[var])))
			break;
	}
	if (var == TV__MAX)
		return "unknown variable";
	if (var == TV_USER_DIRECTORY && bits != 0)
		return "user.directory is used as it is";
	if (template_part_add(t, (enum template_var)var, bits, in) != 0)
		return "too many variables";
	return NULL;
}

/* Our own text must be a path that stays where it seems to be. */
static const char *
template_refuse(const struct template *t, size_t *at)
{
	const unsigned char *p = t->text;
	size_t i, start = 0;

	*at = 0;
	if (t->len == 0)
		return "the path is empty";
	if (p[0] != '/' && !(t->len > 1 && p[0] == '~' && p[1] == '/') &&
	    !(t->parts[0].var == TV_USER_DIRECTORY))
		return "the path must begin with '/', '~/' or "
		       "'%{user.directory}'";
	for (i = 0; i <= t->len; i++) {
		if (i < t->len && (p[i] < ' ' || p[i] == 0x7f)) {
			*at = i;
			return "control character in a path";
		}
		if (i < t->len && p[i] != '/')
			continue;
		*at = start;
		if ((i - start == 1 && p[start] == '.') ||
		    (i - start == 2 && p[start] == '.' && p[start + 1] == '.'))
			return "'.' and '..' cannot be in a path";
		start = i + 1;
	}
	return NULL;
}

static const char *
template_scan(struct template *t, size_t *at)
{
	const unsigned char *p = t->text, *end;
	size_t i = 0, start = 0;
	const char *why;

	while (i < t->len) {
		if (p[i] != '%') {
			i++;
			continue;
		}
		*at = i;
		if (i + 1 == t->len || p[i + 1] != '{')
			return "'%' must be followed by '{'";
		if ((end = memchr(p + i, '}', t->len - i)) == NULL)
			return "'%{' without '}'";
		if (template_part_add(t, TV__MAX, 0,
			(struct span){ p + start, i - start }) != 0)
			return "too many variables";
		why = template_variable(
		    t, (struct span){ p + i + 2, (size_t)(end - p) - i - 2 });
		if (why != NULL)
			return why;
		i = start = (size_t)(end - p) + 1;
	}
	if (template_part_add(
		t, TV__MAX, 0, (struct span){ p + start, i - start }) != 0)
		return "too many variables";
	return template_refuse(t, at);
}

int
template_parse(
    struct span text, struct template **out, const char **why, size_t *at)
{
	struct template *t;

	*at = 0;
	if (text.len > TEMPLATE_TEXT_MAX) {
		*why = "the path is too long";
		return -E_TOOLONG;
	}
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return -E_NOMEM;
	if (text.len > 0)
		memcpy(t->text, text.p, text.len);
	t->len = text.len;
	if ((*why = template_scan(t, at)) != NULL) {
		free(t);
		return -E_SYNTAX;
	}
	*out = t;
	return 0;
}

/* An absolute path without "." and "..", so that it means what it says. */
static bool
template_home_ok(struct span home)
{
	size_t i, start = 0;

	if (home.len == 0 || home.p[0] != '/')
		return false;
	for (i = 0; i <= home.len; i++) {
		if (i < home.len && home.p[i] == '\0')
			return false;
		if (i < home.len && home.p[i] != '/')
			continue;
		if ((i - start == 1 || i - start == 2) &&
		    home.p[start] == '.' && home.p[i - 1] == '.')
			return false;
		start = i + 1;
	}
	return true;
}

static int
template_put_home(const struct template_values *v, struct buf *out)
{
	struct span home = v->v[TV_USER_DIRECTORY];

	if (!template_home_ok(home))
		return -E_DENIED;
	return buf_add(out, home.p, home.len);
}

/* Where the detail of user+detail@domain begins and ends; equal without one.
 * A delimiter at the very start parts nothing. */
static void
template_detail(struct span value, char delim, size_t *from, size_t *to)
{
	const unsigned char *cut;
	size_t end = value.len;

	*from = *to = value.len;
	while (end > 0 && value.p[end - 1] != '@')
		end--;
	end = end > 0 ? end - 1 : value.len;
	if (end < 2 || (cut = memchr(value.p + 1, delim, end - 1)) == NULL)
		return;
	*from = (size_t)(cut - value.p);
	*to = end;
}

/* One octet of a value, made fit for a path component. */
static unsigned char
template_octet(unsigned char c, bool first, unsigned mods)
{
	if (c == '/' || c < ' ' || c == 0x7f || (first && c == '.'))
		return '_';
	if ((mods & MOD_LOWERCASE) && c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A' + 'a');
	if ((mods & MOD_UPPERCASE) && c >= 'a' && c <= 'z')
		return (unsigned char)(c - 'a' + 'A');
	return c;
}

static int
template_put_value(
    struct span value, unsigned mods, char delim, struct buf *out)
{
	size_t from = value.len, to = value.len, i;
	unsigned char c;

	if (value.len == 0)
		return buf_add(out, "_", 1);
	if ((mods & MOD_STRIP) && delim != '\0')
		template_detail(value, delim, &from, &to);
	for (i = 0; i < value.len; i++) {
		if (i >= from && i < to)
			continue;
		c = template_octet(value.p[i], i == 0, mods);
		buf_add(out, &c, 1);
	}
	return out->err;
}

int
template_expand(
    const struct template *t, const struct template_values *v, struct buf *out)
{
	const struct template_part *part;
	struct span text;
	size_t i, start = out->len;
	int error = 0;

	for (i = 0; i < t->nparts && error == 0; i++) {
		part = &t->parts[i];
		text = part->text;
		if (part->var == TV_USER_DIRECTORY) {
			error = template_put_home(v, out);
		} else if (part->var != TV__MAX) {
			error = template_put_value(
			    v->v[part->var], part->mods, v->delim, out);
		} else if (i == 0 && text.p[0] == '~') {
			if ((error = template_put_home(v, out)) == 0)
				error = buf_add(out, text.p + 1, text.len - 1);
		} else {
			error = buf_add(out, text.p, text.len);
		}
	}
	if (error == 0 && out->len - start > TEMPLATE_PATH_MAX)
		error = -E_TOOLONG;
	return error;
}
