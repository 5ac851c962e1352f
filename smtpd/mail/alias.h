/* SPDX-License-Identifier: ISC
 *
 * The value of an alias: names and addresses, divided by commas.  The
 * configuration is checked with it, and the router expands with it.  Pure
 * functions.
 */
#ifndef MAIL_ALIAS_H
#define MAIL_ALIAS_H

#include <stdbool.h>

#include "privsep/base/buf.h"

/* Take the next target off the value, without the blanks around it; targets
 * are divided by commas outside quotes.  It may be empty. */
struct span alias_next(struct span *rest);

/* Whether a target names a program, a file or an include.  In quotes it may
 * too; elsewhere such a quoted local part would be legal, and is refused to be
 * safe from those who expect a program to be run. */
bool alias_is_forbidden(struct span target);

/* Whether the value has a target, and all of them may be mail's. */
bool alias_parse(struct span value);

#endif
