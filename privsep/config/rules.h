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
	ARG_MAP,  /* keys with values: of actions */
	ARG_USERS /* the same with values uid:gid:home */
};

struct cond_row {
	enum cond_group group;
	const char *words;
	enum table_use arg;
};

const struct cond_row *cond_row(enum cond_kind kind);

#endif
