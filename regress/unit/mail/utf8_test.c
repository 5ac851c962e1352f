/* SPDX-License-Identifier: ISC
 *
 * UTF-8.  Classes: (a) two parsers disagree, (f) lengths.
 */
#include <atf-c.h>
#include <string.h>

#include "smtpd/mail/utf8.h"

ATF_TC_WITHOUT_HEAD(every_scalar_value_survives_a_round_trip);
ATF_TC_BODY(every_scalar_value_survives_a_round_trip, tc)
{
	unsigned char octets[UTF8_MAX];
	uint32_t point, back = 0;
	size_t len;

	for (point = 0; point < 0x110400; point++) {
		len = utf8_encode(point, octets);
		if ((point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) {
			ATF_REQUIRE_EQ(0, len);
			continue;
		}
		ATF_REQUIRE(len > 0);
		ATF_REQUIRE_EQ(
		    len, utf8_decode((struct span){ octets, len }, &back));
		ATF_REQUIRE_EQ(point, back);
		for (size_t cut = 1; cut < len; cut++)
			ATF_REQUIRE(!utf8_valid((struct span){ octets, cut }));
	}
}

ATF_TC_WITHOUT_HEAD(what_is_not_well_formed_is_refused);
ATF_TC_BODY(what_is_not_well_formed_is_refused, tc)
{
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff",
		"\xc2\x41", "\xe2\x82\x41", "\xf0\x9f\x98\x41" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(!utf8_valid(span_str(bad[i])), "row %zu", i);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_scalar_value_survives_a_round_trip);
	ATF_TP_ADD_TC(tp, what_is_not_well_formed_is_refused);
	return atf_no_error();
}
