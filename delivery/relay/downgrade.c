/* SPDX-License-Identifier: ISC
 *
 * The walk over the lines of a message, the same for looking and for
 * converting:
 *
 *	HEADER -> BODY        a part without parts
 *	HEADER -> PREAMBLE    a multipart
 *	HEADER -> HEADER      a message in it
 *	any -> HEADER         at the delimiter of an open multipart
 *	any -> EPILOGUE       at the last delimiter of one
 *	any -> LOST           it cannot be followed
 *
 * What the parts are, and what becomes of them, is in downgrade_part.c.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/downgrade_int.h"
#include "privsep/base/chk.h"
#include "privsep/base/err.h"

#define DG_HELD_MAX 1024 /* octets of a line that may be a delimiter */

struct downgrade *
downgrade_new(void)
{
	struct downgrade *d = chk_calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	buf_init(&d->plan, DOWNGRADE_PARTS_MAX);
	buf_init(&d->header, HEADER_OCTETS_MAX);
	buf_init(&d->line, HEADER_OCTETS_MAX);
	part_push(d, true);
	return d;
}

void
downgrade_free(struct downgrade *d)
{
	if (d == NULL)
		return;
	buf_clear(&d->plan);
	buf_clear(&d->header);
	buf_clear(&d->line);
	free(d);
}

void
downgrade_fault(struct downgrade *d, enum downgrade_verdict fault)
{
	if (d->converting)
		d->error = -E_CORRUPT;
	else if (d->fault == DOWNGRADE_NEEDLESS)
		d->fault = fault;
}

void
downgrade_lose(struct downgrade *d)
{
	downgrade_fault(d, DOWNGRADE_STRUCTURE);
	d->state = DG_LOST;
}

/* --- delimiters ------------------------------------------------------------ */

enum dg_match {
	DG_NO_MATCH,
	DG_PREFIX, /* some would take it for one (RFC 2046 5.1.1), some not */
	DG_DELIMITER,
	DG_LAST_DELIMITER
};

static enum dg_match
dg_match(const struct level *l, struct span line)
{
	size_t i = 2 + l->boundary_len;
	bool last;

	if (l->kind != LEVEL_MULTIPART || l->closed || line.len < i ||
	    memcmp(line.p + 2, l->boundary, l->boundary_len) != 0)
		return DG_NO_MATCH;
	last = line.len >= i + 2 && line.p[i] == '-' && line.p[i + 1] == '-';
	i += last ? 2 : 0;
	while (i < line.len && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	if (i < line.len && line.p[i] != '\n')
		return DG_PREFIX;
	return last ? DG_LAST_DELIMITER : DG_DELIMITER;
}

/* Whose delimiter a line is: that of the outermost that it can be, so that
 * another one has no end.  What is one for some alone is none, and the message
 * cannot be followed. */
static enum dg_match
dg_delimiter(struct downgrade *d, struct span line, size_t *level)
{
	enum dg_match m;
	bool prefix = false;

	if (line.len < 2 || line.p[0] != '-' || line.p[1] != '-')
		return DG_NO_MATCH;
	for (*level = 0; *level < d->depth; (*level)++) {
		m = dg_match(&d->levels[*level], line);
		if (m == DG_DELIMITER || m == DG_LAST_DELIMITER)
			return m;
		prefix = prefix || m == DG_PREFIX;
	}
	if (prefix)
		downgrade_fault(d, DOWNGRADE_STRUCTURE);
	return DG_NO_MATCH;
}

/* --- the walk -------------------------------------------------------------- */

/* What is open within the levels that stay is over; at_end: since the content
 * is. */
static void
dg_close(struct downgrade *d, size_t stay, bool at_end)
{
	struct level *l;

	/* a header without a body; that of a message has another in it */
	while (d->state == DG_HEADER)
		part_header_end(d, false, false);
	if (d->state == DG_BODY)
		part_body_end(d, at_end);
	while (d->depth > stay) {
		l = &d->levels[--d->depth];
		if (l->kind == LEVEL_MULTIPART && !l->closed)
			downgrade_fault(d, DOWNGRADE_STRUCTURE);
	}
}

static void
dg_delimit(struct downgrade *d, size_t level, bool last, struct span line)
{
	dg_close(d, level + 1, false);
	part_copy(d, line);
	if (d->state == DG_LOST)
		return;
	if (last) {
		d->levels[level].closed = true;
		d->state = DG_EPILOGUE;
	} else
		part_push(d, false);
}

/* Take a line into the header.  False when the header has ended before it. */
static bool
dg_header_line(struct downgrade *d, struct span line)
{
	struct header_field field;
	struct span rest = line;
	bool folded;
	int error;

	if (line.p[0] == '\n') {
		part_header_end(d, true, true);
		return true;
	}
	folded = d->header.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
	if (!folded && !header_next(&rest, &field)) {
		part_header_end(d, false, true);
		return false;
	}
	error = buf_add(&d->header, line.p, line.len);
	if (error == -E_TOOLONG)
		downgrade_lose(d);
	else if (error != 0)
		d->error = error;
	return true;
}

/* A whole line, of a header or one that may be a delimiter. */
static void
dg_line(struct downgrade *d, struct span line)
{
	enum dg_match m;
	size_t level;

	do {
		m = dg_delimiter(d, line, &level);
		if (m != DG_NO_MATCH) {
			dg_delimit(d, level, m == DG_LAST_DELIMITER, line);
			return;
		}
		if (d->state != DG_HEADER) {
			part_text(d, line);
			return;
		}
	} while (!dg_header_line(d, line));
}

/* How much of s, the next piece of the line that is at hand, is to be held
 * until that can be seen whole; 0: it is text. */
static size_t
dg_hold(const struct downgrade *d, struct span s)
{
	unsigned char start[2] = { 0, 0 };
	size_t i, held = d->line.len, len = held + s.len;

	if (d->middle || d->state == DG_LOST)
		return 0;
	if (d->state == DG_HEADER)
		return s.len;
	for (i = 0; i < 2 && i < len; i++)
		start[i] = i < held ? d->line.data[i] : s.p[i - held];
	if (start[0] != '-' || (len > 1 && start[1] != '-'))
		return 0;
	return s.len < DG_HELD_MAX - held ? s.len : DG_HELD_MAX - held;
}

static void
dg_take(struct downgrade *d, struct span s)
{
	int error = buf_add(&d->line, s.p, s.len);

	if (error == -E_TOOLONG) {
		buf_reset(&d->line);
		downgrade_lose(d);
	} else if (error != 0) {
		d->error = error;
	} else if (s.p[s.len - 1] == '\n') {
		dg_line(d, buf_span(&d->line));
		buf_reset(&d->line);
	}
}

/* What was held of a line is text after all. */
static void
dg_release(struct downgrade *d)
{
	size_t level;

	/* one so long may be what some would take for a delimiter */
	if (d->line.len == DG_HELD_MAX &&
	    dg_delimiter(d, buf_span(&d->line), &level) != DG_NO_MATCH)
		downgrade_fault(d, DOWNGRADE_STRUCTURE);
	part_text(d, buf_span(&d->line));
	buf_reset(&d->line);
}

static void
dg_feed(struct downgrade *d, struct span s)
{
	const unsigned char *lf;
	struct span piece;
	size_t n;

	for (; s.len > 0; s.p += piece.len, s.len -= piece.len) {
		lf = memchr(s.p, '\n', s.len);
		piece = (struct span){ s.p, s.len };
		if (lf != NULL)
			piece.len = (size_t)(lf - s.p) + 1;
		if ((n = dg_hold(d, piece)) > 0) {
			piece.len = n;
			dg_take(d, piece);
			continue;
		}
		if (d->line.len > 0)
			dg_release(d);
		part_text(d, piece);
		d->middle = lf == NULL;
	}
}

static void
dg_finish(struct downgrade *d)
{
	if (d->line.len > 0)
		dg_line(d, buf_span(&d->line));
	buf_reset(&d->line);
	dg_close(d, 0, true);
}

/* --- for the client -------------------------------------------------------- */

int
downgrade_look(struct downgrade *d, struct span piece)
{
	part_count(d, piece);
	dg_feed(d, piece);
	return d->error;
}

int
downgrade_seen(struct downgrade *d)
{
	dg_finish(d);
	return d->error;
}

enum downgrade_verdict
downgrade_verdict(const struct downgrade *d)
{
	if (!d->eight)
		return DOWNGRADE_NEEDLESS;
	return d->fault == DOWNGRADE_NEEDLESS ? DOWNGRADE_POSSIBLE : d->fault;
}

const char *
downgrade_text(enum downgrade_verdict v)
{
	static const char *const texts[DOWNGRADE__MAX] = {
		[DOWNGRADE_NEEDLESS] = "the message is 7-bit",
		[DOWNGRADE_POSSIBLE] = "the message can be converted",
		[DOWNGRADE_HEADER] = "8-bit octets in a header",
		[DOWNGRADE_SIGNED] = "8-bit octets in a signed part",
		[DOWNGRADE_ENCODED] = "8-bit octets in an encoded part",
		[DOWNGRADE_TYPE] = "8-bit octets in a part of a 7-bit type",
		[DOWNGRADE_ASIDE] = "8-bit octets outside of all parts",
		[DOWNGRADE_STRUCTURE] = "8-bit octets in malformed MIME",
	};

	return texts[v];
}

bool
downgrade_ascii_headers(const struct downgrade *d)
{
	return !d->header_eight;
}

bool
downgrade_has_dkim(const struct downgrade *d)
{
	return d->dkim;
}

uint64_t
downgrade_size(const struct downgrade *d)
{
	return d->octets + d->lines + d->extra;
}

void
downgrade_begin(struct downgrade *d)
{
	buf_reset(&d->header);
	buf_reset(&d->line);
	d->converting = true;
	d->middle = false;
	d->depth = d->parts = 0;
	d->error = 0;
	part_push(d, true);
}

int
downgrade_add(struct downgrade *d, struct span piece, struct buf *out)
{
	d->out = out;
	dg_feed(d, piece);
	return d->error != 0 ? d->error : out->err;
}

int
downgrade_end(struct downgrade *d, struct buf *out)
{
	d->out = out;
	dg_finish(d);
	return d->error != 0 ? d->error : out->err;
}
