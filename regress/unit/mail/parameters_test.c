/* SPDX-License-Identifier: ISC
 *
 * Parameters of MAIL and RCPT.  Classes: (c) newline forges a record, (f)
 * lengths.
 */
#include <atf-c.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/mail/xtext.h"

#define EXT_ALL (EXT_SIZE | EXT_8BITMIME | EXT_SMTPUTF8 | EXT_DSN | EXT_AUTH)

static const struct {
	const char *in;
	unsigned ext;
	enum reply reply;
	const char *format; /* NULL: as in */
} mail_rows[] = {
	{ "", EXT_ALL, RP_NONE, NULL },
	{ "  ", EXT_ALL, RP_NONE, "" },
	{ " SIZE=0", EXT_ALL, RP_NONE, NULL },
	{ " size=12345 ", EXT_ALL, RP_NONE, " SIZE=12345" },
	{ " SIZE=18446744073709551615", EXT_ALL, RP_NONE, NULL },
	{ " SIZE=18446744073709551616", EXT_ALL, RP_NONE,
	    " SIZE=18446744073709551615" },
	{ " SIZE=99999999999999999999", EXT_ALL, RP_NONE,
	    " SIZE=18446744073709551615" },
	{ " SIZE=9999999999999999999x", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=000000000000000000001", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=-1", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=1x", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=1 SIZE=1", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " BODY=8BITMIME", EXT_ALL, RP_NONE, NULL },
	{ " BODY=7bit", EXT_ALL, RP_NONE, " BODY=7BIT" },
	{ " BODY=BINARYMIME", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SMTPUTF8", EXT_ALL, RP_NONE, NULL },
	{ " SMTPUTF8=1", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SMTPUTF8", EXT_SIZE, RP_PARAM_UNKNOWN, NULL },
	{ " SIZE=1", 0, RP_PARAM_UNKNOWN, NULL },
	{ " RET=HDRS ENVID=QQ314159", EXT_ALL, RP_NONE, NULL },
	{ " RET=full", EXT_ALL, RP_NONE, " RET=FULL" },
	{ " RET=NONE", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=a+2Bb+3Dc", EXT_ALL, RP_NONE, NULL },
	{ " ENVID=+41", EXT_ALL, RP_NONE, " ENVID=A" },
	{ " ENVID=+0A", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+0a", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+00", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+7F", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+E9", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+4", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=+", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=a=b", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=\xc3\xa9", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ENVID=\xc3", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " AUTH=<>", EXT_ALL, RP_NONE, "" },
	{ " AUTH=e+3Dmc2@example.com", EXT_ALL, RP_NONE, "" },
	{ " AUTH=a+0A@b", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " AUTH=nobody", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " FOO=bar", EXT_ALL, RP_PARAM_UNKNOWN, NULL },
	{ " NOTIFY=NEVER", EXT_ALL, RP_PARAM_UNKNOWN, NULL },
	{ " =x", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " -A=x", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " F\xc3\xa9", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ "SIZE=1", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ "\tSIZE=1", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " SIZE=1\tBODY=7BIT", EXT_ALL, RP_BAD_ARGUMENT, NULL },
}, rcpt_rows[] = {
	{ "", EXT_ALL, RP_NONE, NULL },
	{ " NOTIFY=NEVER", EXT_ALL, RP_NONE, NULL },
	{ " NOTIFY=SUCCESS,FAILURE,DELAY", EXT_ALL, RP_NONE, NULL },
	{ " notify=delay,success", EXT_ALL, RP_NONE,
	    " NOTIFY=SUCCESS,DELAY" },
	{ " NOTIFY=NEVER,DELAY", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " NOTIFY=DELAY,", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " NOTIFY=,DELAY", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " NOTIFY=SOMETIMES", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " NOTIFY=NEVER NOTIFY=NEVER", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " NOTIFY=NEVER", EXT_SIZE, RP_PARAM_UNKNOWN, NULL },
	{ " SIZE=1", EXT_ALL, RP_PARAM_UNKNOWN, NULL },
	{ " ORCPT=rfc822;a@b", EXT_ALL, RP_NONE, NULL },
	{ " ORCPT=rfc822;a+2Bb@c", EXT_ALL, RP_NONE, NULL },
	{ " ORCPT=rfc822;a+0Ab@c", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=rfc822;", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=;a@b", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=a@b", EXT_ALL, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\xc3\xa9@x", EXT_ALL, RP_NONE, NULL },
	{ " ORCPT=utf-8;\xc3\xa9@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{E9}@x", EXT_DSN, RP_NONE, NULL },
	{ " ORCPT=utf-8;\\x{2B}\\x{1F600}@x", EXT_DSN, RP_NONE, NULL },
	{ " ORCPT=utf-8;\\x{A}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{85}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{D800}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{110000}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{FFFFFFFF}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{}@x", EXT_DSN, RP_BAD_ARGUMENT, NULL },
	{ " ORCPT=utf-8;\\x{E9", EXT_DSN, RP_BAD_ARGUMENT, NULL },
};

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

ATF_TC_WITHOUT_HEAD(mail_parameters_by_the_table);
ATF_TC_BODY(mail_parameters_by_the_table, tc)
{
	struct mail_params p, again;
	enum reply reply;
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < ROWS(mail_rows); i++) {
		const char *in = mail_rows[i].in, *want = mail_rows[i].format;
		unsigned ext = mail_rows[i].ext;

		reply = mail_params_parse(span_str(in), ext, &p);
		ATF_CHECK_EQ_MSG(mail_rows[i].reply, reply, "%s: %s", in,
		    reply_name((uint16_t)reply));
		if (reply != RP_NONE)
			continue;
		buf_reset(&b);
		ATF_CHECK_EQ(0, mail_params_format(&p, ext, &b));
		ATF_CHECK_MSG(
		    span_eq(buf_span(&b), span_str(want == NULL ? in : want)),
		    "%s: %.*s", in, (int)b.len, (const char *)b.data);
		ATF_CHECK_EQ(
		    RP_NONE, mail_params_parse(buf_span(&b), ext, &again));
		ATF_CHECK(memcmp(&p, &again, sizeof(p)) == 0);
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(rcpt_parameters_by_the_table);
ATF_TC_BODY(rcpt_parameters_by_the_table, tc)
{
	struct rcpt_params p, again;
	enum reply reply;
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < ROWS(rcpt_rows); i++) {
		const char *in = rcpt_rows[i].in, *want = rcpt_rows[i].format;
		unsigned ext = rcpt_rows[i].ext;

		reply = rcpt_params_parse(span_str(in), ext, &p);
		ATF_CHECK_EQ_MSG(rcpt_rows[i].reply, reply, "%s: %s", in,
		    reply_name((uint16_t)reply));
		if (reply != RP_NONE)
			continue;
		buf_reset(&b);
		ATF_CHECK_EQ(0, rcpt_params_format(&p, ext, &b));
		ATF_CHECK_MSG(
		    span_eq(buf_span(&b), span_str(want == NULL ? in : want)),
		    "%s: %.*s", in, (int)b.len, (const char *)b.data);
		ATF_CHECK_EQ(
		    RP_NONE, rcpt_params_parse(buf_span(&b), ext, &again));
		ATF_CHECK(memcmp(&p, &again, sizeof(p)) == 0);
	}
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(envid_and_orcpt_hold_their_limits_to_the_octet);
ATF_TC_BODY(envid_and_orcpt_hold_their_limits_to_the_octet, tc)
{
	unsigned char text[600];
	struct mail_params m;
	struct rcpt_params r;

	memset(text, 'a', sizeof(text));
	memcpy(text, " ENVID=", 7);
	ATF_CHECK_EQ(RP_NONE,
	    mail_params_parse((struct span){ text, 107 }, EXT_DSN, &m));
	ATF_CHECK_EQ(100, m.envid_len);
	ATF_CHECK_EQ(RP_BAD_ARGUMENT,
	    mail_params_parse((struct span){ text, 108 }, EXT_DSN, &m));
	memcpy(text, " ORCPT=x;", 9);
	ATF_CHECK_EQ(RP_NONE,
	    rcpt_params_parse((struct span){ text, 507 }, EXT_DSN, &r));
	ATF_CHECK_EQ(500, r.orcpt_len);
	ATF_CHECK_EQ(RP_BAD_ARGUMENT,
	    rcpt_params_parse((struct span){ text, 508 }, EXT_DSN, &r));
}

ATF_TC_WITHOUT_HEAD(formatting_leaves_out_what_the_other_side_lacks);
ATF_TC_BODY(formatting_leaves_out_what_the_other_side_lacks, tc)
{
	struct mail_params m;
	struct buf b;

	buf_init(&b, 4096);
	ATF_CHECK_EQ(RP_NONE,
	    mail_params_parse(
		span_str(" SIZE=1 BODY=7BIT SMTPUTF8 RET=FULL ENVID=x"),
		EXT_ALL, &m));
	mail_params_format(&m, EXT_SIZE | EXT_SMTPUTF8, &b);
	ATF_CHECK(span_eq(buf_span(&b), span_str(" SIZE=1 SMTPUTF8")));
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(orcpt_that_grows_over_the_limit_is_left_out);
ATF_TC_BODY(orcpt_that_grows_over_the_limit_is_left_out, tc)
{
	unsigned char text[400];
	struct rcpt_params r;
	struct buf b;

	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	memcpy(text, " ORCPT=utf-8;a", 14);
	buf_init(&b, 4096);
	ATF_CHECK_EQ(RP_NONE,
	    rcpt_params_parse(
		(struct span){ text, sizeof(text) }, EXT_ALL, &r));
	ATF_CHECK_EQ(0, rcpt_params_format(&r, EXT_ALL, &b));
	ATF_CHECK_EQ(sizeof(text), b.len);
	buf_reset(&b);
	ATF_CHECK_EQ(0, rcpt_params_format(&r, EXT_DSN, &b));
	ATF_CHECK_EQ(0, b.len);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(xtext_bounds_its_output);
ATF_TC_BODY(xtext_bounds_its_output, tc)
{
	unsigned char out[4];
	size_t len = 99;

	ATF_CHECK_EQ(0, xtext_decode(span_str("ab+20c"), out, 4, &len));
	ATF_CHECK_EQ(4, len);
	ATF_CHECK(memcmp(out, "ab c", 4) == 0);
	ATF_CHECK_EQ(-E_TOOLONG, xtext_decode(span_str("abcde"), out, 4, &len));
	ATF_CHECK_EQ(4, len);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, mail_parameters_by_the_table);
	ATF_TP_ADD_TC(tp, rcpt_parameters_by_the_table);
	ATF_TP_ADD_TC(tp, envid_and_orcpt_hold_their_limits_to_the_octet);
	ATF_TP_ADD_TC(tp, formatting_leaves_out_what_the_other_side_lacks);
	ATF_TP_ADD_TC(tp, orcpt_that_grows_over_the_limit_is_left_out);
	ATF_TP_ADD_TC(tp, xtext_bounds_its_output);
	return atf_no_error();
}
