/* SPDX-License-Identifier: ISC
 *
 * The greeting, HELO and EHLO, and what EHLO announces (RFC 5321 4.1.1.1).
 * Both put the session into the state of its beginning.
 */
#include <stdlib.h>

#include "privsep/ipc/terms.h"
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
hello_line(struct session *s, const char *keyword)
{
	reply_line(&s->out, reply_code(RP_HELO), false, span_str(keyword));
}

/* Keywords with numbers: RFC 1870, RFC 9422. */
static void
hello_limits(struct session *s)
{
	const struct settings *set = session_settings();
	struct buf line;

	buf_init(&line, HELLO_LINE_MAX);
	buf_addf(&line, "SIZE %ju", (uintmax_t)set->smtp_max_message_size);
	reply_line(&s->out, reply_code(RP_HELO), false, buf_span(&line));
	buf_reset(&line);
	buf_addf(&line, "LIMITS RCPTMAX=%ju MAILMAX=%ju",
	    (uintmax_t)set->smtp_limit_max_rcpt,
	    (uintmax_t)set->smtp_limit_max_mails);
	reply_line(&s->out, reply_code(RP_HELO), false, buf_span(&line));
	buf_clear(&line);
}

void
hello_ehlo(struct session *s, struct span arg)
{
	if (!hello_name(s, arg, true))
		return;
	reply_line(&s->out, reply_code(RP_HELO), false, hello_host(s));
	hello_line(s, "PIPELINING");
	hello_line(s, "8BITMIME");
	hello_line(s, "ENHANCEDSTATUSCODES");
	hello_line(s, "SMTPUTF8");
	if ((tx_extensions(s) & EXT_DSN) != 0)
		hello_line(s, "DSN");
	hello_limits(s);
	/* RFC 5321 3.5.2 */
	if ((s->services & SERVICE_VRFY) != 0)
		hello_line(s, "VRFY");
	if ((s->services & SERVICE_EXPN) != 0)
		hello_line(s, "EXPN");
	/* RFC 2821 2.2.2 */
	if ((s->services & SERVICE_TERMINAL) != 0) {
		hello_line(s, "SEND");
		hello_line(s, "SOML");
		hello_line(s, "SAML");
	}
	/* RFC 1985 4 */
	if ((s->services & SERVICE_ETRN) != 0)
		hello_line(s, "ETRN");
	reply_line(&s->out, reply_code(RP_HELO), true, span_str("HELP"));
}

void
hello_helo(struct session *s, struct span arg)
{
	struct span host = hello_host(s);

	if (hello_name(s, arg, false))
		reply_send(s, RP_HELO, &host);
}
