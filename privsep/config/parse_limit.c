/* SPDX-License-Identifier: ISC
 *
 * limit [for domain|mx|src ...] values: how much is sent at once.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/settings.h"

#define LIMIT_MAX      1000000
#define LIMIT_RATE_MAX 86400 /* seconds */

/* "100/1m": a number of messages, and the time in which they are sent. */
static int
limit_rate(struct parse *p, struct limit_values *set)
{
	static const char what[] =
	    "a number of messages and a time of at most a day, as in 100/1m";
	struct span n = p->tok.text, time;
	const unsigned char *slash;

	if ((p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING) ||
	    n.len == 0 || (slash = memchr(n.p, '/', n.len)) == NULL)
		return parse_expected(p, what);
	time.p = slash + 1;
	time.len = n.len - (size_t)(time.p - n.p);
	n.len = (size_t)(slash - n.p);
	if (setting_parse(SETTING_NUMBER, n, &set->rate) != 0 ||
	    setting_parse(SETTING_DURATION, time, &set->rate_s) != 0 ||
	    set->rate == 0 || set->rate > LIMIT_MAX || set->rate_s == 0 ||
	    set->rate_s > LIMIT_RATE_MAX)
		return parse_expected(p, what);
	return parse_next(p);
}

static int
limit_family(struct parse *p, struct limit_values *set)
{
	if (p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str("inet4")))
		set->family = 4;
	else if (p->tok.kind == TOK_WORD &&
	    span_eq(p->tok.text, span_str("inet6")))
		set->family = 6;
	else
		return parse_expected(p, "inet4 or inet6");
	return parse_next(p);
}

/* Bits of what a statement has. */
#define LIMIT_BIT(id) (1U << ((id)-KW_Z_FOR_DOMAIN))
#define LIMIT_FOR                                                              \
	(LIMIT_BIT(KW_Z_FOR_DOMAIN) | LIMIT_BIT(KW_Z_FOR_MX) |                 \
	    LIMIT_BIT(KW_Z_FOR_SRC))
#define LIMIT_OF_ALL                                                           \
	(LIMIT_FOR | LIMIT_BIT(KW_Z_CONNECTIONS) | LIMIT_BIT(KW_Z_RATE))

static int
limit_whom(struct parse *p, struct p_limit *pl, enum limit_kind kind)
{
	pl->kind = kind;
	return parse_ref(p, true, &pl->whom);
}

static int
limit_option(struct parse *p, struct p_limit *pl, int id)
{
	switch (id) {
	case KW_Z_FOR_DOMAIN:
		return limit_whom(p, pl, LIMIT_DOMAIN);
	case KW_Z_FOR_MX:
		return limit_whom(p, pl, LIMIT_MX);
	case KW_Z_FOR_SRC:
		return limit_whom(p, pl, LIMIT_SRC);
	case KW_Z_CONNECTIONS:
		return parse_number(p, 1, LIMIT_MAX, &pl->set.connections);
	case KW_Z_HOST_CONNECTIONS:
		return parse_number(p, 1, LIMIT_MAX, &pl->set.host_connections);
	case KW_Z_SOURCE_CONNECTIONS:
		return parse_number(
		    p, 1, LIMIT_MAX, &pl->set.source_connections);
	case KW_Z_MAILS:
		return parse_number(p, 1, LIMIT_MAX, &pl->set.mails);
	case KW_Z_RCPTS:
		return parse_number(p, 1, LIMIT_MAX, &pl->set.rcpts);
	case KW_Z_RATE:
		return limit_rate(p, &pl->set);
	default:
		return limit_family(p, &pl->set);
	}
}

/* What is wrong with one more of these beside what was seen, or NULL. */
static const char *
limit_clash(unsigned seen, unsigned bit)
{
	unsigned both = seen | bit;

	if ((seen & bit) != 0)
		return "given twice";
	if ((bit & LIMIT_FOR) != 0 && (seen & LIMIT_FOR) != 0)
		return "a limit is for one of domains, hosts, addresses";
	if ((both & (LIMIT_BIT(KW_Z_FOR_MX) | LIMIT_BIT(KW_Z_FOR_SRC))) != 0 &&
	    (both & ~LIMIT_OF_ALL) != 0)
		return "only 'connections' and 'rate' go with 'for mx' and "
		       "'for src'";
	return NULL;
}

int
parse_limit(struct parse *p)
{
	struct phrases set;
	struct p_limit *pl;
	struct cfg_pos pos;
	void *array = p->limits;
	const char *why;
	unsigned seen = 0;
	int id, error;

	error = parse_grow(&array, p->nlimits, sizeof(*p->limits));
	if (error != 0)
		return error;
	p->limits = array;
	pl = &p->limits[p->nlimits++];
	*pl = (struct p_limit){ 0 };
	if ((error = phrases_init(&set, CTX_LIMIT)) != 0)
		return error;
	do {
		pos = p->tok.pos;
		if ((error = parse_phrase(p, &set, "", &id)) != 0)
			break;
		if ((why = limit_clash(seen, LIMIT_BIT(id))) != NULL) {
			cfg_error_add(p->errs, &pos, "%s", why);
			error = -E_SYNTAX;
		} else {
			error = limit_option(p, pl, id);
		}
		seen |= LIMIT_BIT(id);
		/* whom it is for says nothing alone */
	} while (error == 0 && ((seen & ~LIMIT_FOR) == 0 || !parse_is_eol(p)));
	free(set.p);
	return error;
}
