/* SPDX-License-Identifier: ISC
 *
 * Dates as mail writes them (RFC 5322 3.3): "Mon, 2 Jan 2006 15:04:05 +0100".
 * English whatever the locale, in the local zone; a process that will lose
 * the file system calls tzset(3) before.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <time.h>

#include "privsep/base/buf.h"

/* Append the date-time.  -E_SYNTAX for a time whose year has not four digits
 * in that zone, else 0 or the buffer's error. */
int date_format(time_t, struct buf *);

#endif
