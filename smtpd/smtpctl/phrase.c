/* SPDX-License-Identifier: ISC
 *
 * A display name for the header: quoted when it is plain ASCII, else as
 * encoded-words (RFC 2047 5 (3)), which need no SMTPUTF8.
 */
#include <string.h>

#include "smtpd/mail/utf8.h"
#include "smtpd/smtpctl/sendmail.h"

/* RFC 2047 2: 76 octets of a line with an encoded-word, less "From: " */
#define PHRASE_WORD_MAX 70
#define PHRASE_BEGIN    "=?UTF-8?Q?"
#define PHRASE_END      "?="

/* What stands for itself in a phrase (RFC 2047 5 (3)). */
static bool
phrase_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || (c != '\0' && strchr("!*+-/", c) != NULL);
}

/* One character, which must not be torn between two words. */
static void
phrase_character(struct span c, struct buf *out)
{
	size_t i;

	for (i = 0; i < c.len; i++) {
		if (c.p[i] == ' ')
			buf_add_str(out, "_");
		else if (phrase_plain(c.p[i]))
			buf_add(out, c.p + i, 1);
		else
			buf_addf(out, "=%02X", c.p[i]);
	}
}

static void
phrase_encode(struct span name, struct buf *out)
{
	size_t start = out->len, before, n;
	uint32_t point;

	buf_add_str(out, PHRASE_BEGIN);
	while ((n = utf8_decode(name, &point)) > 0 && out->err == 0) {
		before = out->len;
		phrase_character((struct span){ name.p, n }, out);
		if (out->len - start > PHRASE_WORD_MAX - strlen(PHRASE_END)) {
			/* it does not fit: it begins the next one */
			out->len = before;
			buf_add_str(out, PHRASE_END "\n ");
			start = out->len;
			buf_add_str(out, PHRASE_BEGIN);
			continue;
		}
		name.p += n;
		name.len -= n;
	}
	buf_add_str(out, PHRASE_END "\n ");
}

/* It can stand between quotes as it is; what looks like an encoded-word would
 * be decoded even there by some. */
static bool
phrase_quotable(struct span name)
{
	size_t i;

	for (i = 0; i < name.len; i++) {
		if (name.p[i] > '~' || name.p[i] == '"' || name.p[i] == '\\')
			return false;
		if (i > 0 && name.p[i - 1] == '=' && name.p[i] == '?')
			return false;
	}
	return true;
}

void
phrase_add(struct span name, struct buf *out)
{
	if (name.len == 0 || name.len > PHRASE_NAME_MAX ||
	    !span_is_text(name) || !utf8_valid(name))
		return;
	if (!phrase_quotable(name)) {
		phrase_encode(name, out);
		return;
	}
	buf_add_str(out, "\"");
	buf_add(out, name.p, name.len);
	buf_add_str(out, "\" ");
}
