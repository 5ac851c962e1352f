/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the checks that have a file of their own.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "privsep/config/rules.h"
#include "privsep/config/source.h"

struct parse;

/* Hold the entries of a table against its use at pos, and make it ready for
 * that.  Each entry is reported once for each kind of use.  0, -E_SYNTAX after
 * an error was added, or -E_NOMEM. */
int check_table_use(struct table *t, enum table_use use,
    const struct cfg_pos *pos, struct cfg_errors *errs);

/* Fill in what listeners leave out, and add the implied one.  0 or
 * -E_NOMEM. */
int check_listeners(struct parse *p);

#endif
