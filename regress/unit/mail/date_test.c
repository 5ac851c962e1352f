/* SPDX-License-Identifier: ISC
 *
 * Dates (RFC 5322 3.3).  Classes: (f) lengths and signs.
 */
#include <atf-c.h>
#include <locale.h>
#include <stdlib.h>

#include "privsep/base/err.h"
#include "smtpd/mail/date.h"

static void
date_check(const char *zone, time_t when, const char *want)
{
	struct buf b;

	ATF_REQUIRE_EQ(0, setenv("TZ", zone, 1));
	tzset();
	buf_init(&b, 100);
	ATF_CHECK_EQ(0, date_format(when, &b));
	ATF_CHECK_MSG(span_eq(buf_span(&b), span_str(want)), "%s: got %.*s",
	    zone, (int)b.len, (const char *)b.data);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(zone_is_numeric_and_signed);
ATF_TC_BODY(zone_is_numeric_and_signed, tc)
{
	date_check("UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000");
	date_check("XXX-1", 1136210645, "Mon, 2 Jan 2006 15:04:05 +0100");
	date_check("XXX3:30", 1136210645, "Mon, 2 Jan 2006 10:34:05 -0330");
	date_check("XXX-5:45", 1136210645, "Mon, 2 Jan 2006 19:49:05 +0545");
	date_check("XXX0:30", 1136210645, "Mon, 2 Jan 2006 13:34:05 -0030");
}

ATF_TC_WITHOUT_HEAD(names_are_english_in_any_locale);
ATF_TC_BODY(names_are_english_in_any_locale, tc)
{
	setlocale(LC_ALL, "de_DE.UTF-8");
	date_check("UTC0", 1710979200, "Thu, 21 Mar 2024 00:00:00 +0000");
}

ATF_TC_WITHOUT_HEAD(year_of_more_than_four_digits_is_refused);
ATF_TC_BODY(year_of_more_than_four_digits_is_refused, tc)
{
	struct buf b;

	buf_init(&b, 100);
	ATF_CHECK_EQ(-E_SYNTAX, date_format((time_t)1 << 60, &b));
	ATF_CHECK_EQ(-E_SYNTAX, date_format((time_t)400000000000, &b));
	ATF_CHECK_EQ(0, b.len);
	buf_clear(&b);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, zone_is_numeric_and_signed);
	ATF_TP_ADD_TC(tp, names_are_english_in_any_locale);
	ATF_TP_ADD_TC(tp, year_of_more_than_four_digits_is_refused);
	return atf_no_error();
}
