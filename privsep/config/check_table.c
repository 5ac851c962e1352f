/* SPDX-License-Identifier: ISC
 *
 * What a table holds must be of the kind that its use asks for: a network that
 * is misspelt must not turn into a rule that never holds.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/check.h"
#include "privsep/config/relay.h"
#include "privsep/config/table_int.h"
#include "privsep/config/userbase.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/alias.h"

/* A domain, an address literal, "*.domain" or "*". */
static bool
entry_domain_ok(struct span s)
{
	if (s.len > 0 && s.p[0] == '[')
		return literal_parse(s) == 0;
	if (s.len == 1 && s.p[0] == '*')
		return true;
	if (s.len > 2 && s.p[0] == '*' && s.p[1] == '.') {
		s.p += 2;
		s.len -= 2;
	}
	return domain_parse(s, ADDRESS_UTF8) == 0;
}

/* "user@domain", "@domain", "user" or "<>", with domain as above. */
static bool
entry_mailaddr_ok(struct span s)
{
	struct mail_address addr;
	struct span local = s;
	size_t at = s.len;

	if (span_eq(s, span_str("<>")))
		return true;
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	if (at > 0) {
		local.len = at - 1;
		if (!entry_domain_ok((struct span){ s.p + at, s.len - at }))
			return false;
	}
	if (at > 0 && local.len == 0)
		return true;
	/* tables hold the meaning of a local part: one that needs quotes
	 * could be written in two ways */
	return address_parse(local, ADDRESS_BARE | ADDRESS_UTF8, &addr) == 0 &&
	    addr.local_len == local.len;
}

static bool
entry_netaddr_ok(struct span s)
{
	struct table_net net;
	bool v6;

	return table_net_parse(s, &net, &v6) == 0;
}

static bool
entry_user_ok(struct span value)
{
	struct userbase_entry entry;

	return userbase_parse(value, &entry) == 0;
}

static bool
entry_recipient_ok(struct span value)
{
	struct mail_address addr;

	return address_parse(value, ADDRESS_BARE | ADDRESS_UTF8, &addr) == 0;
}

static bool
entry_address_ok(struct span s)
{
	return memchr(s.p, '/', s.len) == NULL && entry_netaddr_ok(s);
}

static bool
entry_host_ok(struct span value)
{
	struct relay_host host;
	const char *why;
	size_t at;

	if (relay_host_parse(value, &host, &why, &at) != 0)
		return false;
	relay_host_clear(&host);
	return true;
}

/* RFC 4616 2: both are there, and neither has a NUL. */
static bool
entry_secret_ok(struct span value)
{
	const unsigned char *colon = memchr(value.p, ':', value.len);

	return colon != NULL && colon > value.p &&
	    colon + 1 < value.p + value.len &&
	    memchr(value.p, '\0', value.len) == NULL;
}

static bool
entry_helo_ok(struct span value)
{
	return helo_parse(value) == 0;
}

static const struct {
	bool (*key_ok)(struct span);
	bool (*value_ok)(struct span);
	const char *what;  /* is in the table */
	const char *value; /* that is not is no such thing */
} check_uses[] = {
	[ARG_NONE] = { 0 },
	[ARG_STRING] = { .what = "words" },
	[ARG_DOMAIN] = { entry_domain_ok, NULL,
	    "domains (example.org, *.example.org)", NULL },
	[ARG_MAILADDR] = { entry_mailaddr_ok, NULL,
	    "mailboxes (user@example.org, @example.org, user)", NULL },
	[ARG_NETADDR] = { entry_netaddr_ok, NULL,
	    "addresses or networks (192.0.2.1, 2001:db8::/32)", NULL },
	[ARG_ADDRESS] = { entry_address_ok, NULL,
	    "single addresses (192.0.2.1, 2001:db8::1)", NULL },
	[ARG_MAP] = { .what = "keys with values" },
	[ARG_ALIASES] = { NULL, alias_parse, "name = target, target ...",
	    "names and addresses alone, divided by commas: no program, file "
	    "or include" },
	[ARG_USERS] = { NULL, entry_user_ok, "user = uid:gid:home",
	    "uid:gid:home" },
	[ARG_MOVED] = { NULL, entry_recipient_ok, "user = address",
	    "one address" },
	[ARG_HOSTS] = { entry_domain_ok, entry_host_ok,
	    "domain = proto://host:port",
	    "a host such as smtp://mx.example.org:25" },
	[ARG_SECRETS] = { NULL, entry_secret_ok, "label = user:password",
	    "user:password" },
	[ARG_HELOS] = { entry_address_ok, entry_helo_ok, "address = name",
	    "a host name" },
};

/* Whether a table for this use has keys with values. */
static bool
check_is_map(enum table_use use)
{
	return use == ARG_MAP || check_uses[use].value_ok != NULL;
}

static int
check_entries(struct table *t, enum table_use use, struct cfg_errors *errs)
{
	/* the line may have a password, be it that of another use */
	struct cfg_pos pos = { .file = t->file,
		.hidden = use == ARG_SECRETS || t->kind == TABLE_FILE };
	struct span key, value;
	size_t i;
	int error = 0;

	for (i = 0; i < t->nents && errs->total < CFG_ERRORS_MAX; i++) {
		table_entry(t, i, &key, &value);
		pos.line = t->ents[i].line;
		pos.column = t->ents[i].column;
		if (check_uses[use].key_ok != NULL &&
		    !check_uses[use].key_ok(key)) {
			cfg_error_add(errs, &pos,
			    "'%.*s' does not fit a table of %s", (int)key.len,
			    (const char *)key.p, check_uses[use].what);
			error = -E_SYNTAX;
		} else if (use == ARG_SECRETS && value.len == 0) {
			/* without a blank, the "key" may be the password */
			cfg_error_add(errs, &pos, "a label has no value");
			error = -E_SYNTAX;
		} else if (check_is_map(use) && value.len == 0) {
			cfg_error_add(errs, &pos, "'%.*s' has no value",
			    (int)key.len, (const char *)key.p);
			error = -E_SYNTAX;
		} else if (check_uses[use].value_ok != NULL &&
		    !check_uses[use].value_ok(value)) {
			cfg_error_add(errs, &pos,
			    "the value of '%.*s' is not %s", (int)key.len,
			    (const char *)key.p, check_uses[use].value);
			error = -E_SYNTAX;
		}
	}
	return error;
}

int
check_table_use(struct table *t, enum table_use use, const struct cfg_pos *pos,
    struct cfg_errors *errs)
{
	int error = 0;

	if (t->broken || use == ARG_NONE)
		return 0;
	if (check_is_map(use) ? t->kind == TABLE_LIST
			      : t->kind == TABLE_MAPPING) {
		cfg_error_add(errs, pos,
		    check_is_map(use)
			? "table <%s> is a list, but here must be a table of "
			  "%s"
			: "table <%s> has keys with values, but here must be "
			  "a list of %s",
		    table_name(t), check_uses[use].what);
		return -E_SYNTAX;
	}
	if (!(t->checked & 1U << use))
		error = check_entries(t, use, errs);
	t->checked |= 1U << use;
	if (error == 0 && use == ARG_NETADDR)
		error = table_net_index(t);
	return error;
}
