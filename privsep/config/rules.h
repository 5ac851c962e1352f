/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the table of conditions as data.
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "privsep/config/config.h"

enum cond_group {
	COND_FOR,
	COND_FROM,
	COND_SESSION
};

/* What a table holds where it is used. */
enum table_use {
	ARG_NONE,
	ARG_STRING,
	ARG_DOMAIN,
	ARG_MAILADDR,
	ARG_NETADDR,
	ARG_MAP,     /* keys with values: of actions */
	ARG_ALIASES, /* the same with values that say where mail goes */
	ARG_USERS,   /* the same with values uid:gid:home */
	ARG_MOVED,   /* local parts with an address */
	ARG_HOSTS,   /* domains with the URL of a host */
	ARG_SECRETS, /* labels with user:password */
	ARG_ADDRESS, /* single addresses, no networks */
	ARG_HELOS    /* such addresses with a name for EHLO */
};

struct cond_row {
	enum cond_group group;
	const char *words;
	enum table_use arg;
};

const struct cond_row *cond_row(enum cond_kind kind);

#endif
