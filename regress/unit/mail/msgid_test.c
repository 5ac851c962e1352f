/* SPDX-License-Identifier: ISC
 *
 * Message ids.  Classes: (c) forged records.
 */
#include <atf-c.h>

#include "privsep/base/err.h"
#include "smtpd/mail/msgid.h"

ATF_TC_WITHOUT_HEAD(id_is_sixteen_digits_and_reads_back);
ATF_TC_BODY(id_is_sixteen_digits_and_reads_back, tc)
{
	static const uint64_t ids[] = { 0, 1, 0x0123456789abcdef, UINT64_MAX };
	char text[MSGID_LEN + 1];
	uint64_t back;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		msgid_format(ids[i], text);
		back = ~ids[i];
		ATF_CHECK_EQ(0, msgid_parse(span_str(text), &back));
		ATF_CHECK_EQ(ids[i], back);
	}
	msgid_format(0x0123456789abcdef, text);
	ATF_CHECK_STREQ("0123456789abcdef", text);
}

ATF_TC_WITHOUT_HEAD(anything_but_sixteen_lower_case_digits_is_refused);
ATF_TC_BODY(anything_but_sixteen_lower_case_digits_is_refused, tc)
{
	static const char *const bad[] = { "", "0", "0123456789abcde",
		"0123456789abcdef0", "0123456789ABCDEF", "0x23456789abcdef",
		" 123456789abcdef", "0123456789abcdeg", "-123456789abcdef" };
	uint64_t id = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(-E_SYNTAX, msgid_parse(span_str(bad[i]), &id),
		    "%s", bad[i]);
	ATF_CHECK_EQ(42, id);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, id_is_sixteen_digits_and_reads_back);
	ATF_TP_ADD_TC(tp, anything_but_sixteen_lower_case_digits_is_refused);
	return atf_no_error();
}
