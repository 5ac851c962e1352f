/* SPDX-License-Identifier: ISC
 *
 * Statements that set one thing: settings, lists of durations, the host's
 * name, the delimiter of sub-addresses.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"
#include "privsep/config/settings.h"
#include "smtpd/mail/address.h"

static const char *const setting_what[] = {
	[SETTING_NUMBER] = "a number",
	[SETTING_SIZE] = "a size such as 64K, 35M or 1G",
	[SETTING_DURATION] = "a time such as 30s, 5m, 4h or 4d",
};

/* A value of one type, in bounds; the token is taken. */
static int
setting_value(struct parse *p, enum setting_type type, uint64_t min,
    uint64_t max, uint64_t *out)
{
	struct buf a, b;
	uint64_t value;
	int error;

	if (p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING)
		return parse_expected(p, setting_what[type]);
	error = setting_parse(type, p->tok.text, &value);
	if (error == -E_SYNTAX)
		return parse_expected(p, setting_what[type]);
	if (error == 0 && value >= min && value <= max) {
		*out = value;
		return parse_next(p);
	}
	buf_init(&a, 64);
	buf_init(&b, 64);
	setting_format(type, min, &a);
	setting_format(type, max, &b);
	parse_error(p, "out of range: at least %.*s, at most %.*s", (int)a.len,
	    (const char *)a.data, (int)b.len, (const char *)b.data);
	buf_clear(&a);
	buf_clear(&b);
	return -E_SYNTAX;
}

int
parse_duration(struct parse *p, uint64_t min, uint64_t max, uint64_t *out)
{
	return setting_value(p, SETTING_DURATION, min, max, out);
}

int
parse_number(struct parse *p, uint64_t min, uint64_t max, uint64_t *out)
{
	return setting_value(p, SETTING_NUMBER, min, max, out);
}

static int
setting_list(struct parse *p, const struct setting_list_row *row)
{
	struct cfg_durations list = { 0 };
	int error;

	for (;;) {
		if (list.n == CFG_LIST_MAX)
			return parse_error(
			    p, "more than %d times", CFG_LIST_MAX);
		error =
		    parse_duration(p, row->min, row->max, &list.s[list.n++]);
		if (error != 0)
			return error;
		if (!parse_is(p, ','))
			break;
		if ((error = parse_next(p)) != 0)
			return error;
	}
	*setting_list_field(&p->cfg->set, row) = list;
	return 0;
}

/* "smtp limit ": all words of a setting but the last, if they are more than
 * one, so that another setting of that group can follow on the line. */
static bool
setting_group(const char *words, char *group, size_t size)
{
	const char *last = strrchr(words, ' ');

	if (last == NULL || strchr(words, ' ') == last)
		return false;
	strlcpy(group, words, size);
	group[last + 1 - words] = '\0';
	return true;
}

int
parse_setting(struct parse *p, const struct phrases *set, int id)
{
	const struct setting_row *row;
	char group[128];
	int error;

	if (id >= PHRASE_LIST)
		return setting_list(
		    p, setting_list_row((size_t)(id - PHRASE_LIST)));
	for (;;) {
		row = setting_row((size_t)(id - PHRASE_SETTING));
		error = setting_value(p, row->type, row->min, row->max,
		    setting_field(&p->cfg->set, row));
		if (error != 0 || parse_is_eol(p) ||
		    !setting_group(row->words, group, sizeof(group)))
			return error;
		if ((error = parse_phrase(p, set, group, &id)) != 0)
			return error;
	}
}

int
parse_hostname(struct parse *p)
{
	struct span name = p->tok.text;

	if ((p->tok.kind == TOK_WORD || p->tok.kind == TOK_STRING) &&
	    domain_parse(name, 0) != 0)
		return parse_error(p, "not a valid host name");
	return parse_text(p, "a host name", &p->cfg->hostname);
}

int
parse_sub_addr_delim(struct parse *p)
{
	if ((p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING) ||
	    p->tok.text.len != 1 ||
	    strchr("!#$%&'*+-/=?^_`{|}~", p->tok.text.p[0]) == NULL)
		return parse_expected(p,
		    "one character that local parts may have, such as \"+\"");
	p->cfg->sub_addr_delim = (char)p->tok.text.p[0];
	return parse_next(p);
}
