/* SPDX-License-Identifier: ISC
 *
 * Tables after the configuration was read: exact look-up and the matching
 * primitives of rules.  Keys are compared without ASCII case.  Keys asked for
 * are hostile; tables are not changed after they were read.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "privsep/base/buf.h"

struct sockaddr;
struct table;

enum table_kind {
	TABLE_LIST,    /* { a, b }: keys alone */
	TABLE_MAPPING, /* { k = v, ... } */
	TABLE_FILE     /* a file: keys, with or without values */
};

/* Its name ("<anonymous>" for a list written in place), how it was given, the
 * path of a file table (NULL for the others), the number of entries. */
const char *table_name(const struct table *t);
enum table_kind table_kind(const struct table *t);
const char *table_path(const struct table *t);
size_t table_count(const struct table *t);

/* Entry i, i < table_count(), in the order of the keys; value is empty where
 * there is none.  Both are borrowed and live as long as the table. */
void table_entry(
    const struct table *t, size_t i, struct span *key, struct span *value);

/* The value of exactly this key, borrowed; it is empty for a key without a
 * value.  0 or -E_NOENT with *value untouched. */
int table_lookup(const struct table *t, struct span key, struct span *value);

/* True when the key is in the table. */
bool table_match_string(const struct table *t, struct span key);

/* True when the domain, or a pattern over it ("*.example.org" for every name
 * below example.org, "*" for all), is in the table. */
bool table_match_domain(const struct table *t, struct span domain);

/* The value of the domain itself, or of the nearest pattern over it, as above.
 * Otherwise like table_lookup. */
int table_lookup_domain(
    const struct table *t, struct span domain, struct span *value);

/* True when the mailbox is in the table as user@domain, @domain (where domain
 * may be a pattern as above) or user.  With delim not NUL, user also stands
 * for user<delim>anything.  A null reverse-path (both empty) is matched by the
 * entry "<>" alone. */
bool table_match_mailaddr(
    const struct table *t, struct span local, struct span domain, char delim);

/* True when the address is in one of the networks of the table (192.0.2.1,
 * 192.0.2.0/24, 2001:db8::/32).  An IPv4-mapped IPv6 address is taken as IPv4.
 * Only for tables that a rule uses for addresses: others match nothing. */
bool table_match_netaddr(const struct table *t, const struct sockaddr *sa);

#endif
