/* SPDX-License-Identifier: ISC
 *
 * RFC 5322 3.3 date-time.  The names are ours and not strftime(3)'s, which
 * follows the locale.
 */
#include <stdio.h>
#include <stdlib.h>

#include "privsep/base/err.h"
#include "smtpd/mail/date.h"

int
date_format(time_t when, struct buf *out)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char text[64];
	struct tm tm;
	long zone;
	int n;

	if (localtime_r(&when, &tm) == NULL || tm.tm_year < 1000 - 1900 ||
	    tm.tm_year > 9999 - 1900)
		return -E_SYNTAX;
	zone = labs(tm.tm_gmtoff) / 60;
	n = snprintf(text, sizeof(text),
	    "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, tm.tm_gmtoff < 0 ? '-' : '+', zone / 60,
	    zone % 60);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -E_SYNTAX;
	return buf_add(out, text, (size_t)n);
}
