/* SPDX-License-Identifier: ISC
 *
 * Cuts command lines out of what a client sent.  Decides where a line ends
 * and whether its octets may be looked at; the commands are not known here
 * but for the length that theirs may have.
 */
#include <string.h>

#include "smtpd/mail/line.h"

/* Commands whose lines may be longer than 512 octets. */
static const struct {
	const char *verb;
	size_t max;
} line_limits[] = {
	{ "MAIL", LINE_PATH_MAX },
	{ "RCPT", LINE_PATH_MAX },
	{ "AUTH", LINE_AUTH_MAX },
};

size_t
line_max(struct span in)
{
	size_t i;

	if (in.len < 4)
		return LINE_COMMAND_MAX;
	for (i = 0; i < sizeof(line_limits) / sizeof(line_limits[0]); i++) {
		if (span_caseeq((struct span){ in.p, 4 },
			span_str(line_limits[i].verb)))
			return line_limits[i].max;
	}
	return LINE_COMMAND_MAX;
}

/* Drop up to the CRLF of a refused line.  Returns how much went. */
static size_t
line_drain(struct line_reader *r, struct span in)
{
	size_t i;

	for (i = 0; i < in.len && r->draining; i++) {
		if (in.p[i] == '\n' && r->drain_cr)
			r->draining = false;
		r->drain_cr = in.p[i] == '\r';
	}
	return i;
}

/* Refuse the line whose first n octets are in in: those go, and the rest of
 * it goes when it comes. */
static enum line_status
line_refuse(struct line_reader *r, struct span in, size_t n,
    enum line_status why, size_t *used)
{
	r->seen = 0;
	r->draining = true;
	r->drain_cr = n > 0 && in.p[n - 1] == '\r';
	*used += n;
	return why;
}

/* Octets that no command line holds (HT may stand in a text). */
static bool
line_refused(unsigned char c)
{
	return (c < ' ' && c != '\t') || c == 0x7f;
}

enum line_status
line_next(struct line_reader *r, struct span in, size_t max, size_t *used,
    struct span *line)
{
	size_t i;

	*used = 0;
	if (r->draining) {
		*used = line_drain(r, in);
		in.p += *used;
		in.len -= *used;
	}
	for (i = r->seen; i < in.len; i++) {
		if (i >= max)
			return line_refuse(r, in, i, LINE_TOO_LONG, used);
		if (i > 0 && in.p[i - 1] == '\r') {
			if (in.p[i] != '\n')
				return line_refuse(r, in, i, LINE_BAD, used);
			*line = (struct span){ in.p, i - 1 };
			*used += i + 1;
			r->seen = 0;
			return LINE_OK;
		}
		if (in.p[i] != '\r' && line_refused(in.p[i]))
			return line_refuse(r, in, i + 1, LINE_BAD, used);
	}
	r->seen = in.len;
	return LINE_MORE;
}
