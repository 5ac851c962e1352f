/* SPDX-License-Identifier: ISC
 *
 * What an alias says.  See alias.h.
 */
#include "smtpd/mail/alias.h"
#include "smtpd/mail/address.h"

static bool
alias_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

struct span
alias_next(struct span *rest)
{
	struct span s = *rest;
	size_t end;
	bool quoted = false;

	for (end = 0; end < s.len; end++) {
		if (s.p[end] == '\\' && end + 1 < s.len)
			end++;
		else if (s.p[end] == '"')
			quoted = !quoted;
		else if (s.p[end] == ',' && !quoted)
			break;
	}
	rest->p = s.p + end + (end < s.len);
	rest->len = s.len - end - (end < s.len);
	s.len = end;
	while (s.len > 0 && alias_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && alias_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool
alias_is_forbidden(struct span t)
{
	if (t.len > 0 && t.p[0] == '"') {
		t.p++;
		t.len--;
	}
	return t.len > 0 && (t.p[0] == '|' || t.p[0] == '/' || t.p[0] == ':');
}

bool
alias_parse(struct span value)
{
	struct mail_address addr;
	struct span target;
	bool found = false;

	while (value.len > 0) {
		if ((target = alias_next(&value)).len == 0)
			continue;
		if (alias_is_forbidden(target) ||
		    address_parse(target, ADDRESS_BARE | ADDRESS_UTF8, &addr) !=
			0)
			return false;
		found = true;
	}
	return found;
}
