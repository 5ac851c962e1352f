/* SPDX-License-Identifier: ISC
 *
 * The commands that do no work: RSET, HELP, NOOP, QUIT, and those that are
 * known and not served.
 */
#include "smtpd/session/session.h"

#define HELP_PER_LINE 8

void
misc_rset(struct session *s, struct span arg)
{
	tx_reset(s);
	if (s->state != SESS_HELO)
		session_enter(s, SESS_READY);
	reply_send(s, RP_RSET, NULL);
}

void
misc_help(struct session *s, struct span arg)
{
	struct buf line;
	unsigned v, n = 0;

	buf_init(&line, REPLY_LINE_MAX);
	for (v = 0; v < VERB__MAX; v++) {
		if (!command_listed(s, (enum verb)v))
			continue;
		buf_add_str(&line, n == 0 ? "2.0.0 " : " ");
		buf_add_str(&line, command_name((enum verb)v));
		if (++n == HELP_PER_LINE) {
			reply_line(&s->out, reply_code(RP_HELP), false,
			    buf_span(&line));
			buf_reset(&line);
			n = 0;
		}
	}
	if (n > 0)
		reply_line(
		    &s->out, reply_code(RP_HELP), false, buf_span(&line));
	buf_clear(&line);
	reply_send(s, RP_HELP, NULL);
}

void
misc_noop(struct session *s, struct span arg)
{
	reply_send(s, RP_NOOP, NULL);
}

void
misc_quit(struct session *s, struct span arg)
{
	s->quit = true;
	reply_send(s, RP_QUIT, NULL);
}

void
misc_unimplemented(struct session *s, struct span arg)
{
	reply_send(s, RP_NOT_IMPLEMENTED, NULL);
}

void
misc_not_smtp(struct session *s, struct span arg)
{
	reply_send(s, RP_NOT_SMTP, NULL);
}
