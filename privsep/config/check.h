/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the checks that have a file of their own.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "privsep/config/rules.h"
#include "privsep/config/source.h"

struct p_action;
struct parse;
struct ref;

/* Hold the entries of a table against its use at pos, and make it ready for
 * that.  Each entry is reported once for each kind of use.  0, -E_SYNTAX after
 * an error was added, or -E_NOMEM. */
int check_table_use(struct table *t, enum table_use use,
    const struct cfg_pos *pos, struct cfg_errors *errs);

/* The table that is meant by ref, fit for its use.  *out stays NULL when there
 * is none, or after an error that was added.  0 or -E_NOMEM. */
int check_ref(struct parse *p, struct ref *ref, enum table_use use,
    const struct table **out);

/* The tables of a relay action, and what must not stand beside each other.
 * 0 or -E_NOMEM. */
int check_relay(struct parse *p, struct p_action *pa);

/* The `limit' statements.  0 or -E_NOMEM. */
int check_limits(struct parse *p);

/* Fill in what listeners leave out, and add the implied one.  0 or
 * -E_NOMEM. */
int check_listeners(struct parse *p);

#endif
