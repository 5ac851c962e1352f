/* SPDX-License-Identifier: ISC
 *
 * The end-of-data machine.  A line starts after CRLF and nowhere else, so a
 * dot after a bare LF or a bare CR is text like any other and can end no
 * message; the stray octet condemns the content.  There is no mode in which
 * such content is mended or let through (RFC 5321 2.3.8, 4.1.1.4, 4.5.2).
 */
#include <stdbool.h>
#include <string.h>

#include "smtpd/mail/eod.h"

void
eod_init(struct eod *e, size_t line_max, uint64_t size_max)
{
	*e = (struct eod){
		.state = EOD_S_LINE, .line_max = line_max, .size_max = size_max
	};
}

static void
eod_emit(struct eod *e, const unsigned char *p, size_t n, struct buf *out)
{
	if (e->size_max != 0 && e->size > e->size_max)
		e->faults |= EOD_SIZE;
	if (e->faults == 0)
		buf_add(out, p, n);
}

/* Text within a line: p[0..n) has no CR. */
static void
eod_text(struct eod *e, const unsigned char *p, size_t n, struct buf *out)
{
	e->state = EOD_S_TEXT;
	e->size += n;
	e->line_len += n;
	if (e->line_max != 0 && e->line_len > e->line_max)
		e->faults |= EOD_LINE;
	if (memchr(p, '\n', n) != NULL)
		e->faults |= EOD_BARE_LF;
	if (memchr(p, '\0', n) != NULL)
		e->faults |= EOD_NUL;
	eod_emit(e, p, n, out);
}

static void
eod_line_end(struct eod *e, struct buf *out)
{
	e->state = EOD_S_LINE;
	e->size += 2;
	e->line_len = 0;
	eod_emit(e, (const unsigned char *)"\n", 1, out);
}

/* The octet after a CR that was not taken for text.  Returns false when it
 * is not part of a line's end and is to be read again as text. */
static bool
eod_after_cr(struct eod *e, unsigned char c, struct buf *out)
{
	if (c == '\n') {
		eod_line_end(e, out);
		return true;
	}
	/* a CR alone counts, so that it cannot dodge the limits */
	e->faults |= EOD_BARE_CR;
	e->size++;
	e->line_len++;
	e->state = c == '\r' ? EOD_S_CR : EOD_S_TEXT;
	return c == '\r';
}

/* All up to the next CR, or to the end of the span. */
static size_t
eod_run(struct eod *e, const unsigned char *p, size_t n, struct buf *out)
{
	const unsigned char *cr = memchr(p, '\r', n);

	if (cr != NULL)
		n = (size_t)(cr - p);
	if (n > 0)
		eod_text(e, p, n, out);
	if (cr == NULL)
		return n;
	e->state = EOD_S_CR;
	return n + 1;
}

/* One step from the state that is; returns the octets it used, 0 to look at
 * the same octet again in another state. */
static size_t
eod_step(struct eod *e, const unsigned char *p, size_t n, struct buf *out)
{
	switch (e->state) {
	case EOD_S_LINE:
		if (p[0] != '.')
			return eod_run(e, p, n, out);
		e->state = EOD_S_DOT;
		return 1;
	case EOD_S_DOT:
		/* 4.5.2: the dot goes, whatever comes next */
		e->state = p[0] == '\r' ? EOD_S_DOT_CR : EOD_S_TEXT;
		return p[0] == '\r' ? 1 : 0;
	case EOD_S_DOT_CR:
		if (p[0] == '\n') {
			e->state = EOD_S_END;
			return 1;
		}
		return eod_after_cr(e, p[0], out) ? 1 : 0;
	case EOD_S_CR:
		return eod_after_cr(e, p[0], out) ? 1 : 0;
	case EOD_S_TEXT:
	case EOD_S_END:
	default:
		return eod_run(e, p, n, out);
	}
}

enum eod_status
eod_feed(struct eod *e, struct span in, size_t *used, struct buf *out)
{
	size_t done = 0;

	/* one growth for the whole piece; later failures show in out->err */
	if (e->faults == 0)
		buf_reserve(out, in.len);
	while (done < in.len && e->state != EOD_S_END)
		done += eod_step(e, in.p + done, in.len - done, out);
	*used = done;
	return e->state == EOD_S_END ? EOD_END : EOD_MORE;
}

enum reply
eod_verdict(const struct eod *e)
{
	if ((e->faults & (EOD_BARE_CR | EOD_BARE_LF | EOD_NUL)) != 0)
		return RP_BAD_CONTENT;
	if ((e->faults & EOD_SIZE) != 0)
		return RP_TOO_BIG;
	if ((e->faults & EOD_LINE) != 0)
		return RP_LINE_TOO_LONG;
	return RP_NONE;
}
