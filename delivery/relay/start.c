/* SPDX-License-Identifier: ISC
 *
 * What lies between the answer to EHLO and the first transaction: TLS by
 * STARTTLS (RFC 3207), or before the greeting (RFC 8314), and whether what came
 * of it will do.
 */
#include <stdio.h>

#include "delivery/relay/client_int.h"

static bool
start_must_tls(const struct client *c)
{
	return c->p.tls == RELAY_TLS_MUST || c->p.tls == RELAY_TLS_VERIFY;
}

void
start_introduced(struct client *c)
{
	if (c->tls == NULL && c->ehlo.starttls && c->p.tls != RELAY_TLS_NEVER) {
		if (!client_quiet(c))
			return;
		buf_add_str(&c->out, "STARTTLS\r\n");
		client_enter(c, CL_STARTTLS);
		return;
	}
	if (c->tls == NULL && start_must_tls(c)) {
		client_fail_text(
		    c, "4.7.10", "the host does not offer the TLS it must");
		return;
	}
	if (c->p.user.len == 0) {
		client_ready(c);
		return;
	}
	/* the configuration has no label without TLS that must be */
	if (!start_must_tls(c))
		client_fail_text(c, "4.7.0", "no password without TLS");
	else if (client_quiet(c))
		auth_begin(c);
}

bool
start_tls(struct client *c)
{
	c->tls = tls_new(c->fd, c->host, c->p.tls == RELAY_TLS_VERIFY);
	if (c->tls == NULL)
		return false;
	client_enter(c, CL_HANDSHAKE);
	/* the first word is ours */
	event_add(c->writable, NULL);
	return true;
}

void
start_tls_reply(struct client *c)
{
	if (c->reply.code != 220 && start_must_tls(c)) {
		client_refused(c);
		return;
	}
	if (c->reply.code != 220) {
		/* RFC 3207 4: it is ours to go on without */
		client_ready(c);
		return;
	}
	/* what is there already would pass for what TLS protects */
	if (c->in.len != c->in_used)
		client_fail_text(c, "4.7.0",
		    "the host sent more than the reply to STARTTLS");
	else if (!start_tls(c))
		client_fail_text(c, "4.3.0", "out of memory");
}

/* RFC 3207 4.2: what was said before is as good as forged. */
static void
start_secured(struct client *c)
{
	c->ehlo = (struct ehlo){ 0 };
	if (c->p.proto == RELAY_SMTPS) {
		client_enter(c, CL_GREETING);
		return;
	}
	client_say_helo(c, c->p.proto == RELAY_LMTP ? "LHLO" : "EHLO");
	client_enter(c, CL_EHLO);
}

void
start_shake(struct client *c)
{
	char text[ROUTE_TEXT_MAX];

	switch (tls_shake(c->tls)) {
	case TLS_DONE:
		start_secured(c);
		return;
	case TLS_WANT_READ:
		return;
	case TLS_WANT_WRITE:
		event_add(c->writable, NULL);
		return;
	case TLS_FAILED:
	default:
		/* RFC 3463 3.8: 4.7.5 is a cryptographic failure */
		snprintf(text, sizeof(text), "no TLS: %s", tls_error(c->tls));
		client_fail_text(c, "4.7.5", text);
		return;
	}
}
