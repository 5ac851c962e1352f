/* SPDX-License-Identifier: ISC
 *
 * Message ids: 64 bits, written as 16 lower-case hexadecimal digits in logs,
 * replies, header fields and reports.
 */
#ifndef MAIL_MSGID_H
#define MAIL_MSGID_H

#include <stdint.h>

#include "privsep/base/buf.h"

#define MSGID_LEN 16 /* digits */

/* Write the digits and a NUL. */
void msgid_format(uint64_t id, char out[MSGID_LEN + 1]);

/* Read exactly 16 digits, lower case only.  0 or -E_SYNTAX with *id left
 * alone. */
int msgid_parse(struct span, uint64_t *id);

#endif
