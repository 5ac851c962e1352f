/* SPDX-License-Identifier: ISC
 *
 * action NAME relay options.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/relay.h"
#include "smtpd/mail/address.h"

void
relay_free(struct relay *relay)
{
	if (relay == NULL)
		return;
	if (relay->host != NULL)
		relay_host_clear(relay->host);
	free(relay->host);
	free(relay->helo);
	free(relay->backup_mx);
	free(relay);
}

static int
relay_url(struct parse *p, struct p_action *pa)
{
	struct relay *relay = pa->a.relay;
	const char *why;
	size_t at;
	int error;

	if (p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING)
		return parse_expected(
		    p, "a host such as smtp://mx.example.org");
	if ((relay->host = calloc(1, sizeof(*relay->host))) == NULL)
		return -E_NOMEM;
	pa->host_pos = p->tok.pos;
	error = relay_host_parse(p->tok.text, relay->host, &why, &at);
	if (error == 0)
		return parse_next(p);
	free(relay->host);
	relay->host = NULL;
	if (error == -E_SYNTAX) {
		p->tok.pos.column += (unsigned)at + (p->tok.kind == TOK_STRING);
		/* what is before it may be a password */
		p->tok.pos.hidden = p->tok.text.len > 0 &&
		    memchr(p->tok.text.p, '@', p->tok.text.len) != NULL;
		cfg_error_add(p->errs, &p->tok.pos, "%s", why);
	}
	return error;
}

/* A name of this host: for EHLO also an address literal. */
static int
relay_name(struct parse *p, bool literal, char **out)
{
	if ((p->tok.kind == TOK_WORD || p->tok.kind == TOK_STRING) &&
	    (literal ? helo_parse(p->tok.text)
		     : domain_parse(p->tok.text, 0)) != 0)
		return parse_error(p, "not a valid host name");
	return parse_text(p, "a host name", out);
}

static bool
relay_word(const struct parse *p, const char *word)
{
	return p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str(word));
}

static int
relay_tls(struct parse *p, struct relay *relay)
{
	relay->tls = RELAY_TLS_VERIFY;
	if (!relay_word(p, "no-verify"))
		return 0;
	relay->tls = RELAY_TLS_MUST;
	return parse_next(p);
}

static int
relay_backup(struct parse *p, struct relay *relay)
{
	int error;

	relay->backup = true;
	if (!relay_word(p, "mx"))
		return 0;
	if ((error = parse_next(p)) != 0)
		return error;
	return relay_name(p, false, &relay->backup_mx);
}

static int
relay_8bit(struct parse *p, struct relay *relay)
{
	if (!relay_word(p, "convert") && !relay_word(p, "refuse"))
		return parse_expected(p, "convert or refuse");
	relay->refuse_8bit = relay_word(p, "refuse");
	return parse_next(p);
}

static int
relay_option(struct parse *p, struct p_action *pa, int id)
{
	switch (id) {
	case KW_Y_HOST:
		return relay_url(p, pa);
	case KW_Y_DOMAIN:
		return parse_ref(p, false, &pa->domains);
	case KW_Y_AUTH:
		return parse_ref(p, false, &pa->auth);
	case KW_Y_SRC:
		return parse_ref(p, true, &pa->src);
	case KW_Y_HELO:
		return relay_name(p, true, &pa->a.relay->helo);
	case KW_Y_HELO_SRC:
		return parse_ref(p, false, &pa->helo_src);
	case KW_Y_TLS:
		return relay_tls(p, pa->a.relay);
	case KW_Y_BACKUP:
		return relay_backup(p, pa->a.relay);
	case KW_Y_8BIT:
		return relay_8bit(p, pa->a.relay);
	default:
		return parse_duration(
		    p, 1, 365ULL * 24 * 60 * 60, &pa->a.ttl_s);
	}
}

int
parse_relay(struct parse *p, struct p_action *pa)
{
	struct phrases set;
	struct cfg_pos pos;
	uint64_t seen = 0;
	int id, error;

	pa->a.kind = ACTION_RELAY;
	if ((pa->a.relay = calloc(1, sizeof(*pa->a.relay))) == NULL)
		return -E_NOMEM;
	if ((error = phrases_init(&set, CTX_RELAY)) != 0)
		return error;
	while (error == 0 && !parse_is_eol(p)) {
		pos = p->tok.pos;
		if ((error = parse_phrase(p, &set, "", &id)) != 0)
			break;
		if (seen & 1ULL << (id - KW_Y_HOST)) {
			cfg_error_add(p->errs, &pos, "given twice");
			error = -E_SYNTAX;
		} else {
			error = relay_option(p, pa, id);
		}
		seen |= 1ULL << (id - KW_Y_HOST);
	}
	free(set.p);
	return error;
}
