/* SPDX-License-Identifier: ISC
 *
 * Cuts command lines out of what a client sent.  Decides where a line ends
 * and whether its octets may be looked at; the commands are not known here
 * but for the length that theirs may have.
 */
#include "smtpd/mail/line.h"

/* The limit for a command that begins with these octets. */
static size_t
line_max(struct span in, size_t path_max)
{
	struct span verb = { in.p, 4 };

	if (in.len < verb.len)
		return LINE_COMMAND_MAX;
	if (span_caseeq(verb, span_str("MAIL")) ||
	    span_caseeq(verb, span_str("RCPT")))
		return path_max;
	return span_caseeq(verb, span_str("AUTH")) ? LINE_AUTH_MAX
						   : LINE_COMMAND_MAX;
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
line_next(struct line_reader *r, struct span in, size_t path_max, size_t *used,
    struct span *line)
{
	size_t i, max;

	*used = 0;
	if (r->draining) {
		*used = line_drain(r, in);
		in.p += *used;
		in.len -= *used;
	}
	/* only now does in begin with the line that is measured */
	max = line_max(in, path_max);
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
