/* SPDX-License-Identifier: ISC
 *
 * A message made fit for a terminal.  Whoever wrote it is a stranger: nothing
 * of it gets through that is not a printable character, and only so much.
 * Pure functions.
 */
#include "delivery/local/screen.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/utf8.h"

#define SCREEN_TAB     8
#define SCREEN_SUBJECT 4096 /* octets of one that is shown */

/* What is shown, as it grows. */
struct screen {
	struct buf *out;
	bool utf8;
	unsigned lines; /* that are full */
	unsigned column;
};

/* Controls of the second set, those that turn the direction of writing or
 * are not seen, and the noncharacters. */
static bool
point_is_plain(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} bad[] = {
		{ 0x0080, 0x009f },
		{ 0x00ad, 0x00ad },
		{ 0x061c, 0x061c },
		{ 0x200b, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xe000, 0xf8ff },
		{ 0xfeff, 0xfeff },
		{ 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff },
		{ 0xe0000, 0x10ffff },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (c >= bad[i].first && c <= bad[i].last)
			return false;
	}
	return true;
}

static bool
screen_full(const struct screen *s)
{
	return s->lines >= SCREEN_LINES;
}

static void
screen_newline(struct screen *s)
{
	if (screen_full(s))
		return;
	buf_add_str(s->out, "\r\n");
	s->lines++;
	s->column = 0;
}

/* One character that takes a column; what does not fit goes to the next
 * line. */
static void
screen_put(struct screen *s, struct span c)
{
	if (s->column >= SCREEN_COLUMNS)
		screen_newline(s);
	if (screen_full(s))
		return;
	buf_add(s->out, c.p, c.len);
	s->column++;
}

/* The first character of *in, made harmless. */
static void
screen_next(struct screen *s, struct span *in)
{
	uint32_t point;
	size_t len = utf8_decode(*in, &point);
	struct span c = { in->p, len };

	if (in->p[0] >= 0x20 && in->p[0] < 0x7f)
		c.len = 1;
	else if (len < 2 || !s->utf8 || !point_is_plain(point))
		c = span_str("?");
	in->p += len == 0 ? 1 : len;
	in->len -= len == 0 ? 1 : len;
	screen_put(s, c);
}

static void
screen_text(struct screen *s, struct span in)
{
	unsigned stop;

	while (in.len > 0 && !screen_full(s)) {
		if (in.p[0] != '\n' && in.p[0] != '\t') {
			screen_next(s, &in);
			continue;
		}
		stop = (s->column / SCREEN_TAB + 1) * SCREEN_TAB;
		if (in.p[0] == '\n')
			screen_newline(s);
		else
			while (s->column < stop && stop <= SCREEN_COLUMNS)
				screen_put(s, span_str(" "));
		in.p++;
		in.len--;
	}
}

/* The header fields that are shown. */
static void
screen_header(struct screen *s, struct span *rest)
{
	struct header_field field;
	struct buf text;

	while (header_next(rest, &field)) {
		if (!header_is(&field, "Subject"))
			continue;
		buf_init(&text, SCREEN_SUBJECT);
		if (header_unfold(field.value, &text) == 0) {
			screen_text(s, span_str("Subject: "));
			screen_text(s, buf_span(&text));
			screen_newline(s);
		}
		buf_clear(&text);
	}
}

int
screen_format(
    struct span sender, struct span content, bool utf8, struct buf *out)
{
	struct screen s = { .out = out, .utf8 = utf8 };

	screen_newline(&s);
	screen_text(&s, span_str("Message from <"));
	screen_text(&s, sender);
	screen_text(&s, span_str("> by mail:"));
	screen_newline(&s);
	screen_header(&s, &content);
	screen_text(&s, content);
	if (s.column > 0)
		screen_newline(&s);
	buf_add_str(out, screen_full(&s) ? "(more)\r\n" : "EOF\r\n");
	return out->err;
}
