/* SPDX-License-Identifier: ISC
 *
 * An entry of a userbase table: "uid:gid:home".
 */
#ifndef CONFIG_USERBASE_H
#define CONFIG_USERBASE_H

#include <sys/types.h>

#include "privsep/base/buf.h"

#define USERBASE_HOME_MAX 4000 /* octets of a home directory's name */

struct userbase_entry {
	uid_t uid;
	gid_t gid;
	struct span home; /* not empty, without NUL; may be relative */
};

/* Parse the value of an entry, which *out borrows.  0 or -E_SYNTAX.  That
 * nobody gets mail as root is decided where a mailer is started. */
int userbase_parse(struct span value, struct userbase_entry *out);

#endif
