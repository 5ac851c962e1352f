/* SPDX-License-Identifier: ISC
 *
 * The greeting, HELO and EHLO, and what EHLO announces (RFC 5321 4.1.1.1).
 * Both put the session into the state of its beginning.
 */
#include <stdlib.h>

#include "smtpd/mail/parameters.h"
#include "smtpd/session/session.h"

#define HELLO_LINE_MAX 128 /* octets of the longest keyword line */

static struct span
hello_host(const struct session *s)
{
	return span_str(session_listener(s)->hostname);
}

void
hello_greet(struct session *s)
{
	struct span host = hello_host(s);

	session_enter(s, SESS_HELO);
	reply_send(s, RP_GREETING, &host);
}

/* Take the client's name.  True when it may be used; the reply is given
 * otherwise. */
static bool
hello_name(struct session *s, struct span arg, bool esmtp)
{
	char *helo;

	/* RFC 5321 4.1.4: the argument is not held against the address */
	if (helo_parse(arg) != 0) {
		reply_send(s, RP_BAD_HELO, NULL);
		return false;
	}
	if ((helo = span_dup(arg)) == NULL) {
		reply_send(s, RP_UNAVAILABLE, NULL);
		return false;
	}
	tx_reset(s);
	free(s->helo);
	s->helo = helo;
	s->esmtp = esmtp;
	session_enter(s, SESS_READY);
	return true;
}

/* One line of the answer to EHLO. */
static void
hello_line(struct session *s, bool last, const char *fmt, uint64_t a, uint64_t b)
{
	struct buf line;

	buf_init(&line, HELLO_LINE_MAX);
	buf_addf(&line, fmt, a, b);
	reply_line(&s->out, reply_code(RP_HELO), last, buf_span(&line));
	buf_clear(&line);
}

void
hello_ehlo(struct session *s, struct span arg)
{
	const struct settings *set = session_settings();
	unsigned ext;

	if (!hello_name(s, arg, true))
		return;
	ext = tx_extensions(s);
	reply_line(&s->out, reply_code(RP_HELO), false, hello_host(s));
	hello_line(s, false, "PIPELINING", 0, 0);
	if ((ext & EXT_SIZE) != 0)
		hello_line(
		    s, false, "SIZE %ju", set->smtp_max_message_size, 0);
	if ((ext & EXT_8BITMIME) != 0)
		hello_line(s, false, "8BITMIME", 0, 0);
	hello_line(s, false, "ENHANCEDSTATUSCODES", 0, 0);
	if ((ext & EXT_SMTPUTF8) != 0)
		hello_line(s, false, "SMTPUTF8", 0, 0);
	if ((ext & EXT_DSN) != 0)
		hello_line(s, false, "DSN", 0, 0);
	/* RFC 9422 */
	hello_line(s, false, "LIMITS RCPTMAX=%ju MAILMAX=%ju",
	    set->smtp_limit_max_rcpt, set->smtp_limit_max_mails);
	hello_line(s, true, "HELP", 0, 0);
}

void
hello_helo(struct session *s, struct span arg)
{
	struct span host = hello_host(s);

	if (hello_name(s, arg, false))
		reply_send(s, RP_HELO, &host);
}
