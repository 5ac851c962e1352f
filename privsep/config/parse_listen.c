/* SPDX-License-Identifier: ISC
 *
 * listen on ...: an address, an interface for the master to resolve, or a
 * local socket, and its options.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "smtpd/mail/address.h"

#define SUN_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path))

void
listener_clear(struct listener *l)
{
	free(l->name);
	free(l->tag);
	free(l->hostname);
	*l = (struct listener){ 0 };
}

void
p_listener_clear(struct p_listener *pl)
{
	listener_clear(&pl->l);
	ref_clear(&pl->etrn);
	ref_clear(&pl->etrn_from);
}

static void
listen_set_port(struct listener *l, uint16_t port)
{
	l->port = port;
	if (l->addr.ss_family == AF_INET)
		((struct sockaddr_in *)&l->addr)->sin_port = htons(port);
	else if (l->addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&l->addr)->sin6_port = htons(port);
}

static bool
listen_set_address(struct listener *l, const char *text)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&l->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&l->addr;

	memset(&l->addr, 0, sizeof(l->addr));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		l->addr_len = sizeof(*in4);
	} else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		l->addr_len = sizeof(*in6);
	} else {
		memset(&l->addr, 0, sizeof(l->addr));
		return false;
	}
	l->kind = LISTEN_ADDRESS;
	return true;
}

static bool
listen_is_interface(const char *text)
{
	static const char octets[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return strlen(text) < IF_NAMESIZE &&
	    strspn(text, octets) == strlen(text) &&
	    strspn(text, "0123456789.") != strlen(text);
}

static int
listen_socket_path(struct parse *p, struct listener *l)
{
	int error = 0;

	l->kind = LISTEN_SOCKET;
	if (p->tok.kind == TOK_STRING ||
	    (p->tok.kind == TOK_WORD && p->tok.text.p[0] == '/')) {
		if (p->tok.text.len == 0 || p->tok.text.p[0] != '/')
			return parse_expected(p, "an absolute path");
		if (p->tok.text.len >= SUN_PATH_MAX)
			return parse_error(
			    p, "longer than %zu octets", SUN_PATH_MAX - 1);
		error = parse_text(p, "a path", &l->name);
	} else if ((l->name = strdup(LISTEN_SOCKET_PATH)) == NULL) {
		error = -E_NOMEM;
	}
	return error;
}

/* What to listen on; *both is set for the name localhost, which is an address
 * of each family. */
static int
listen_target(struct parse *p, struct listener *l, bool *both)
{
	struct token at = p->tok;
	char *text = NULL;
	int error;

	if ((error = parse_text(
		 p, "an address, an interface or 'socket'", &text)) != 0)
		goto out;
	if (at.kind == TOK_WORD && strcmp(text, "socket") == 0) {
		error = listen_socket_path(p, l);
	} else if (strcmp(text, "localhost") == 0) {
		*both = true;
		listen_set_address(l, "127.0.0.1");
	} else if (!listen_set_address(l, text)) {
		l->kind = LISTEN_INTERFACE;
		if (!listen_is_interface(text)) {
			cfg_error_add(p->errs, &at.pos,
			    "'%s' is no address, and no name of an interface",
			    text);
			error = -E_SYNTAX;
			goto out;
		}
		l->name = text;
		text = NULL;
	}
	if (error == 0 && l->kind != LISTEN_SOCKET)
		listen_set_port(l, 25);
out:
	free(text);
	return error;
}

static int
listen_port(struct parse *p, struct listener *l)
{
	static const char what[] = "a port number, smtp or submission";
	uint64_t port;
	int error;

	if (p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str("smtp"))) {
		listen_set_port(l, 25);
		return parse_next(p);
	}
	if (p->tok.kind == TOK_WORD &&
	    span_eq(p->tok.text, span_str("submission"))) {
		listen_set_port(l, 587);
		return parse_next(p);
	}
	if (p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str("smtps")))
		return parse_error(p,
		    "'smtps' is not supported here: "
		    "there is no TLS");
	if (p->tok.kind != TOK_WORD || p->tok.text.p[0] < '0' ||
	    p->tok.text.p[0] > '9')
		return parse_expected(p, what);
	if ((error = parse_number(p, 1, 65535, &port)) == 0)
		listen_set_port(l, (uint16_t)port);
	return error;
}

static int
listen_isolation(struct parse *p, struct listener *l)
{
	if (p->tok.kind == TOK_WORD &&
	    span_eq(p->tok.text, span_str("connection")))
		l->isolation = ISOLATION_CONNECTION;
	else if (p->tok.kind == TOK_WORD &&
	    span_eq(p->tok.text, span_str("worker")))
		l->isolation = ISOLATION_WORKER;
	else
		return parse_expected(p, "connection or worker");
	return parse_next(p);
}

/* vrfy, expn, terminal. */
static int
listen_serve(struct parse *p, enum listener_serve *out)
{
	static const char *const words[] = {
		[SERVE_NONE] = "none",
		[SERVE_LOCAL] = "local",
		[SERVE_ANY] = "any",
	};
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (p->tok.kind == TOK_WORD &&
		    span_eq(p->tok.text, span_str(words[i]))) {
			*out = (enum listener_serve)i;
			return parse_next(p);
		}
	}
	return parse_expected(p, "none, local or any");
}

static int
listen_hostname(struct parse *p, struct listener *l)
{
	if ((p->tok.kind == TOK_WORD || p->tok.kind == TOK_STRING) &&
	    domain_parse(p->tok.text, 0) != 0)
		return parse_error(p, "not a valid host name");
	return parse_text(p, "a host name", &l->hostname);
}

/* inet4, inet6: for interfaces, and for localhost, which is both. */
static int
listen_family(struct parse *p, struct listener *l, bool *both, int family)
{
	if (l->kind == LISTEN_INTERFACE) {
		l->family = family;
	} else if (*both) {
		uint16_t port = l->port;

		listen_set_address(l, family == AF_INET ? "127.0.0.1" : "::1");
		listen_set_port(l, port);
		*both = false;
	} else {
		cfg_error_add(
		    p->errs, &p->tok.pos, "inet4 and inet6 are for interfaces");
		return -E_SYNTAX;
	}
	return 0;
}

static int
listen_option(struct parse *p, struct p_listener *pl, int id, bool *both)
{
	struct listener *l = &pl->l;

	switch (id) {
	case KW_L_PORT:
		return listen_port(p, l);
	case KW_L_TAG:
		return parse_text(p, "a tag", &l->tag);
	case KW_L_HOSTNAME:
		return listen_hostname(p, l);
	case KW_L_ISOLATION:
		return listen_isolation(p, l);
	case KW_L_VRFY:
		return listen_serve(p, &l->vrfy);
	case KW_L_EXPN:
		return listen_serve(p, &l->expn);
	case KW_L_TERMINAL:
		return listen_serve(p, &l->terminal);
	case KW_L_ETRN:
		return parse_ref(p, true, &pl->etrn);
	case KW_L_ETRN_FROM:
		return parse_ref(p, true, &pl->etrn_from);
	case KW_L_MAX_SESSIONS:
		return parse_number(p, 1, 1000000, &l->max_sessions);
	case KW_L_INET4:
		return listen_family(p, l, both, AF_INET);
	case KW_L_INET6:
		return listen_family(p, l, both, AF_INET6);
	case KW_L_MASK_SRC:
		l->mask_src = true;
		return 0;
	default:
		l->no_dsn = true;
		return 0;
	}
}

static int
listen_options(struct parse *p, struct p_listener *pl, bool *both)
{
	struct listener *l = &pl->l;
	struct phrases set;
	struct cfg_pos pos;
	uint64_t seen = 0;
	int id, error;

	if ((error = phrases_init(&set, CTX_LISTEN)) != 0)
		return error;
	while (error == 0 && !parse_is_eol(p)) {
		pos = p->tok.pos;
		if ((error = parse_phrase(p, &set, "", &id)) != 0)
			break;
		if (seen & 1ULL << id) {
			cfg_error_add(p->errs, &pos, "given twice");
			error = -E_SYNTAX;
		} else if (l->kind == LISTEN_SOCKET && id == KW_L_PORT) {
			cfg_error_add(
			    p->errs, &pos, "a local socket has no port");
			error = -E_SYNTAX;
		} else {
			error = listen_option(p, pl, id, both);
		}
		seen |= 1ULL << id;
	}
	/* people log in at the submission port (RFC 6409): one process for
	 * each client keeps them apart */
	if (!(seen & 1ULL << KW_L_ISOLATION) && l->port == 587)
		l->isolation = ISOLATION_CONNECTION;
	free(set.p);
	return error;
}

static int
listen_record(struct parse *p, struct p_listener *pl)
{
	void *array = p->listeners;
	int error;

	error = parse_grow(&array, p->nlisteners, sizeof(*p->listeners));
	if (error != 0)
		return error;
	p->listeners = array;
	p->listeners[p->nlisteners++] = *pl;
	*pl = (struct p_listener){ 0 };
	return 0;
}

/* The same at the other address of localhost. */
static int
listen_record_other(struct parse *p)
{
	const struct p_listener *first = &p->listeners[p->nlisteners - 1];
	struct p_listener pl = {
		.pos = first->pos,
		.l = first->l,
		.twin = true,
	};
	uint16_t port = first->l.port;
	int error = -E_NOMEM;

	pl.l.tag = pl.l.tag != NULL ? strdup(pl.l.tag) : NULL;
	pl.l.hostname = pl.l.hostname != NULL ? strdup(pl.l.hostname) : NULL;
	if ((pl.l.tag != NULL) == (first->l.tag != NULL) &&
	    (pl.l.hostname != NULL) == (first->l.hostname != NULL)) {
		listen_set_address(&pl.l, "::1");
		listen_set_port(&pl.l, port);
		pl.l.optional = true;
		error = listen_record(p, &pl);
	}
	p_listener_clear(&pl);
	return error;
}

int
parse_listen(struct parse *p)
{
	struct p_listener pl = { .pos = p->tok.pos };
	bool both = false;
	int error;

	if ((error = listen_target(p, &pl.l, &both)) == 0 &&
	    (error = listen_options(p, &pl, &both)) == 0)
		error = listen_record(p, &pl);
	if (error == 0 && both)
		error = listen_record_other(p);
	p_listener_clear(&pl);
	return error;
}
