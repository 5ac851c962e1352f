/* SPDX-License-Identifier: ISC
 *
 * The table of replies and how one is written.  No octet from outside gets
 * into a reply but as printable ASCII, and no line is over its limit.
 */
#include "smtpd/mail/replies.h"

static const struct {
	const char *name;
	const char *enhanced;
	const char *text;
	unsigned short code;
	unsigned short flags;
} replies[RP__MAX] = {
#define REPLY(name, code, enhanced, flags, text)                               \
	[name] = { #name, enhanced, text, code, flags },
#include "smtpd/mail/replies.def"
#undef REPLY
};

bool
reply_valid(uint16_t id)
{
	return id > RP_NONE && id < RP__MAX;
}

static uint16_t
reply_known(uint16_t id)
{
	return reply_valid(id) ? id : RP_SYSTEM;
}

unsigned
reply_code(uint16_t id)
{
	return replies[reply_known(id)].code;
}

const char *
reply_enhanced(uint16_t id)
{
	return replies[reply_known(id)].enhanced;
}

const char *
reply_text(uint16_t id)
{
	return replies[reply_known(id)].text;
}

unsigned
reply_flags(uint16_t id)
{
	return replies[reply_known(id)].flags;
}

const char *
reply_name(uint16_t id)
{
	return replies[reply_known(id)].name;
}

/* Append s made harmless, as much of it as keeps the line that began at start
 * within its limit. */
static void
reply_add(struct buf *out, size_t start, struct span s)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < s.len && out->len - start < REPLY_LINE_MAX - 2; i++) {
		c = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
		buf_add(out, &c, 1);
	}
}

static void
reply_add_code(struct buf *out, unsigned code, char separator)
{
	const char text[] = { (char)('0' + code / 100 % 10),
		(char)('0' + code / 10 % 10), (char)('0' + code % 10),
		separator };

	buf_add(out, text, sizeof(text));
}

/* The beginning of a reply's line. */
static void
reply_begin(struct buf *out, size_t start, uint16_t id, bool last)
{
	reply_add_code(out, reply_code(id), last ? ' ' : '-');
	if (reply_enhanced(id)[0] != '\0') {
		reply_add(out, start, span_str(reply_enhanced(id)));
		reply_add(out, start, span_str(" "));
	}
}

int
reply_format(struct buf *out, uint16_t id, const struct span *extra)
{
	size_t start = out->len;

	reply_begin(out, start, id, true);
	if (extra != NULL && extra->len > 0) {
		reply_add(out, start, *extra);
		reply_add(out, start, span_str(" "));
	}
	reply_add(out, start, span_str(reply_text(id)));
	return buf_add(out, "\r\n", 2);
}

int
reply_format_text(struct buf *out, uint16_t id, struct span text)
{
	size_t start = out->len;

	reply_begin(out, start, id, true);
	reply_add(out, start, text);
	return buf_add(out, "\r\n", 2);
}

int
reply_format_path(struct buf *out, uint16_t id, bool last, struct span path)
{
	size_t start = out->len;

	reply_begin(out, start, id, last);
	if (reply_text(id)[0] != '\0') {
		reply_add(out, start, span_str(reply_text(id)));
		reply_add(out, start, span_str(" "));
	}
	/* never cut: the longest path fits beside any of our texts */
	buf_add(out, path.p, path.len);
	return buf_add(out, "\r\n", 2);
}

int
reply_line(struct buf *out, unsigned code, bool last, struct span text)
{
	size_t start = out->len;

	reply_add_code(out, code, last ? ' ' : '-');
	reply_add(out, start, text);
	return buf_add(out, "\r\n", 2);
}
