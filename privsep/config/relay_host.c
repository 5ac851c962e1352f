/* SPDX-License-Identifier: ISC
 *
 * The one parser of where a relay action sends to:
 *
 *	[proto://][label@]host[:port]
 *
 * with an IPv6 address in brackets.  The configuration is checked with it, and
 * the relay reads the values of `domain' tables with it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/relay.h"
#include "smtpd/mail/address.h"

/* clang-format off */
static const struct {
	const char *name;
	enum relay_proto proto;
	bool tls_given;
	enum relay_tls tls;
	uint16_t port;
} relay_protos[] = {
	{ "smtp", RELAY_SMTP, false, RELAY_TLS_MAY, 25 },
	/* who names a host and asks for TLS wants that host */
	{ "smtp+tls", RELAY_SMTP, true, RELAY_TLS_VERIFY, 25 },
	{ "smtp+notls", RELAY_SMTP, true, RELAY_TLS_NEVER, 25 },
	{ "smtps", RELAY_SMTPS, true, RELAY_TLS_VERIFY, 465 }, /* RFC 8314 7.3 */
	{ "lmtp", RELAY_LMTP, false, RELAY_TLS_MAY, 24 },
};
/* clang-format on */

#define RELAY_PROTOS (sizeof(relay_protos) / sizeof(relay_protos[0]))

#define LABEL_MAX    128 /* octets of a label */

void
relay_host_clear(struct relay_host *host)
{
	free(host->label);
	free(host->name);
	*host = (struct relay_host){ 0 };
}

static struct span
host_cut(struct span *s, size_t len, size_t skip)
{
	struct span head = { s->p, len };

	s->p += len + skip;
	s->len -= len + skip;
	return head;
}

/* "proto://", or nothing for smtp. */
static const char *
host_proto(struct span *s, struct relay_host *out)
{
	const unsigned char *mark = memmem(s->p, s->len, "://", 3);
	struct span name = span_str("smtp");
	size_t i;

	if (mark != NULL)
		name = host_cut(s, (size_t)(mark - s->p), 3);
	for (i = 0; i < RELAY_PROTOS; i++) {
		if (!span_eq(name, span_str(relay_protos[i].name)))
			continue;
		out->proto = relay_protos[i].proto;
		out->tls_given = relay_protos[i].tls_given;
		out->tls = relay_protos[i].tls;
		out->port = relay_protos[i].port;
		return NULL;
	}
	return "the protocols are smtp, smtp+tls, smtp+notls, smtps and lmtp";
}

static const char *
host_label(struct span *s, struct relay_host *out, int *error)
{
	static const char octets[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";
	const unsigned char *at = memchr(s->p, '@', s->len);
	struct span label;
	size_t i;

	if (at == NULL)
		return NULL;
	label = host_cut(s, (size_t)(at - s->p), 1);
	if (label.len == 0 || label.len > LABEL_MAX)
		return "expected a label before '@'";
	for (i = 0; i < label.len; i++) {
		if (label.p[i] == ':')
			return "no password stands here: put it into a table, "
			       "name that with 'auth <table>' and write "
			       "label@host";
		if (label.p[i] == '\0' || strchr(octets, label.p[i]) == NULL)
			return "a label has letters, digits, '.', '_', '-' "
			       "and '+' alone";
	}
	if ((out->label = span_dup(label)) == NULL)
		*error = -E_NOMEM;
	return NULL;
}

static bool
host_address_ok(struct span name, int family)
{
	unsigned char addr[16];
	char *text = span_dup(name);
	bool ok = text != NULL && inet_pton(family, text, addr) == 1;

	free(text);
	return ok;
}

/* A name or an address; ":port" is left. */
static const char *
host_name(struct span *s, struct relay_host *out, int *error)
{
	const unsigned char *end;
	struct span name;

	if (s->len > 0 && s->p[0] == '[') {
		if ((end = memchr(s->p, ']', s->len)) == NULL)
			return "expected ']' after the address";
		host_cut(s, 0, 1);
		name = host_cut(s, (size_t)(end - s->p), 1);
		if (!host_address_ok(name, AF_INET6) &&
		    !host_address_ok(name, AF_INET))
			return "in brackets must be an IPv4 or IPv6 address";
	} else {
		if (host_address_ok(*s, AF_INET6))
			return "an IPv6 address must be in brackets";
		if ((end = memchr(s->p, ':', s->len)) == NULL)
			end = s->p + s->len;
		name = host_cut(s, (size_t)(end - s->p), 0);
		if (name.len > 0 && name.p[0] == '/')
			return "a local socket is no host";
		if (!host_address_ok(name, AF_INET) &&
		    domain_parse(name, 0) != 0)
			return "not a valid name or address of a host";
	}
	if ((out->name = span_dup(name)) == NULL)
		*error = -E_NOMEM;
	return NULL;
}

static const char *
host_port(struct span *s, struct relay_host *out)
{
	static const char why[] =
	    "after the host may be ':' and a port from 1 to 65535 alone";
	uint32_t port = 0;
	size_t i;

	if (s->len == 0)
		return NULL;
	if (s->p[0] != ':' || s->len == 1 || s->len > 6)
		return why;
	for (i = 1; i < s->len; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return why;
		port = port * 10 + (uint32_t)(s->p[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return why;
	out->port = (uint16_t)port;
	return NULL;
}

int
relay_host_parse(
    struct span text, struct relay_host *out, const char **why, size_t *at)
{
	struct relay_host host = { 0 };
	struct span s = text;
	int error = 0;

	*at = 0;
	*why = text.len == 0 ? "expected a host" : host_proto(&s, &host);
	if (*why == NULL) {
		*at = text.len - s.len;
		*why = host_label(&s, &host, &error);
	}
	if (*why == NULL && error == 0) {
		*at = text.len - s.len;
		*why = s.len == 0 ? "expected a host"
				  : host_name(&s, &host, &error);
	}
	if (*why == NULL && error == 0) {
		*at = text.len - s.len;
		*why = host_port(&s, &host);
	}
	if (*why != NULL)
		error = -E_SYNTAX;
	if (error == 0)
		*out = host;
	else
		relay_host_clear(&host);
	return error;
}

void
relay_host_format(const struct relay_host *host, struct buf *out)
{
	bool v6 = strchr(host->name, ':') != NULL;
	size_t i;

	for (i = 0; i < RELAY_PROTOS - 1; i++) {
		if (relay_protos[i].proto == host->proto &&
		    relay_protos[i].tls_given == host->tls_given &&
		    relay_protos[i].tls == host->tls)
			break;
	}
	buf_addf(out, "%s://%s%s%s%s%s:%u", relay_protos[i].name,
	    host->label != NULL ? host->label : "",
	    host->label != NULL ? "@" : "", v6 ? "[" : "", host->name,
	    v6 ? "]" : "", host->port);
}

enum relay_tls
relay_host_tls(const struct relay *relay, const struct relay_host *host)
{
	if (host == NULL || !host->tls_given)
		return relay->tls;
	/* "tls no-verify" is said of every host of the action */
	if (host->tls == RELAY_TLS_VERIFY && relay->tls == RELAY_TLS_MUST)
		return RELAY_TLS_MUST;
	return host->tls;
}
