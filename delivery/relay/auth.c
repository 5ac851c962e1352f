/* SPDX-License-Identifier: ISC
 *
 * Logging in to a server (RFC 4954): by PLAIN (RFC 4616), or by LOGIN where it
 * has that alone; only where TLS must be.
 */
#include <string.h>

#include <openssl/evp.h>

#include "delivery/relay/client_int.h"

#define AUTH_MAX 1024 /* octets of user and password */

/* Say these octets in base64, and what comes before and after them.  They are
 * wiped once they are sent. */
static void
auth_say(struct client *c, const char *verb, const unsigned char *p, size_t len)
{
	unsigned char text[(AUTH_MAX + 2) / 3 * 4 + 1];
	int n = EVP_EncodeBlock(text, p, (int)len);

	c->secret = true;
	/* no copy stays behind where it would grow */
	if (n > 0 && buf_reserve(&c->out, strlen(verb) + (size_t)n + 2) == 0) {
		buf_add_str(&c->out, verb);
		buf_add(&c->out, text, (size_t)n);
		buf_add(&c->out, "\r\n", 2);
	}
	explicit_bzero(text, sizeof(text));
}

static void
auth_plain(struct client *c)
{
	unsigned char text[AUTH_MAX];
	size_t len = 0;

	text[len++] = '\0';
	memcpy(text + len, c->p.user.p, c->p.user.len);
	len += c->p.user.len;
	text[len++] = '\0';
	if (c->p.password.len > 0)
		memcpy(text + len, c->p.password.p, c->p.password.len);
	len += c->p.password.len;
	auth_say(c, "AUTH PLAIN ", text, len);
	explicit_bzero(text, sizeof(text));
}

void
auth_begin(struct client *c)
{
	client_enter(c, CL_AUTH);
	if (c->p.user.len > AUTH_MAX / 2 - 2 ||
	    c->p.password.len > AUTH_MAX / 2)
		client_fail_text(c, "4.7.0", "user or password is too long");
	else if ((c->ehlo.auth & EHLO_AUTH_PLAIN) != 0)
		auth_plain(c);
	else if ((c->ehlo.auth & EHLO_AUTH_LOGIN) != 0) {
		buf_add_str(&c->out, "AUTH LOGIN\r\n");
		c->challenges = 2;
	} else
		client_fail_text(
		    c, "4.7.0", "the host has neither AUTH PLAIN nor LOGIN");
}

void
auth_reply(struct client *c)
{
	if (c->reply.code == 334 && c->challenges > 0) {
		const struct span *say =
		    c->challenges-- == 2 ? &c->p.user : &c->p.password;

		if (client_quiet(c))
			auth_say(c, "", say->p, say->len);
		return;
	}
	if (c->reply.code != 235) {
		client_refused(c);
		return;
	}
	client_ready(c);
}
