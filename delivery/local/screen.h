/* SPDX-License-Identifier: ISC
 *
 * A message made fit for a terminal.
 */
#ifndef LOCAL_SCREEN_H
#define LOCAL_SCREEN_H

#include <stdbool.h>

#include "privsep/base/buf.h"

#define SCREEN_LINES   24
#define SCREEN_COLUMNS 78
#define SCREEN_MAX     16384 /* octets: all of them, in long sequences */

/* Append what is shown of a message: its sender, its subject and its text, at
 * most SCREEN_LINES lines of SCREEN_COLUMNS and a last one, in printable
 * characters and CR LF alone, and in ASCII unless utf8.  Both are hostile.  0
 * or the buffer's error. */
int screen_format(
    struct span sender, struct span content, bool utf8, struct buf *out);

#endif
