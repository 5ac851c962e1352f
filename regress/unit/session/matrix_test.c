/* SPDX-License-Identifier: ISC
 *
 * Every verb in every state, held against a matrix that was written by hand
 * from RFC 5321 4.1.4.  Classes: (a), (g).
 */
#include <string.h>

#include <atf-c.h>

#include "smtpd/session/session.h"

/* One letter for each of HELO (before HELO or EHLO), READY, MAIL, RCPT:
 * '.' in order, 'h' HELO needed, 'm' MAIL needed, 'r' RCPT needed, 'n' MAIL
 * nested, 's' out of order. */
static const struct {
	const char *verb;
	const char *row;
} golden[] = {
	{ "EHLO", "...." },
	{ "HELO", "...." },
	{ "MAIL", "h.nn" },
	{ "SEND", "h.nn" },
	{ "SOML", "h.nn" },
	{ "SAML", "h.nn" },
	{ "RCPT", "hm.." },
	{ "DATA", "hmr." },
	{ "RSET", "...." },
	{ "VRFY", "...." },
	{ "EXPN", "...." },
	{ "ETRN", "h.ss" },
	{ "HELP", "...." },
	{ "NOOP", "...." },
	{ "QUIT", "...." },
	{ "TURN", "...." },
	{ "ATRN", "...." },
	{ "BDAT", "...." },
	{ "AUTH", "...." },
	{ "STARTTLS", "...." },
	{ "GET", "...." },
	{ "HEAD", "...." },
	{ "POST", "...." },
	{ "PUT", "...." },
	{ "DELETE", "...." },
	{ "CONNECT", "...." },
	{ "OPTIONS", "...." },
	{ "TRACE", "...." },
	{ "PATCH", "...." },
	{ "PRI", "...." },
};

static const enum sess_state columns[] = { SESS_HELO, SESS_READY, SESS_MAIL,
	SESS_RCPT };

static char
letter(enum reply reply)
{
	switch ((unsigned)reply) {
	case RP_NONE:
		return '.';
	case RP_NEED_HELO:
		return 'h';
	case RP_NEED_MAIL:
		return 'm';
	case RP_NEED_RCPT:
		return 'r';
	case RP_NESTED_MAIL:
		return 'n';
	case RP_SEQUENCE:
		return 's';
	default:
		return '?';
	}
}

ATF_TC_WITHOUT_HEAD(every_verb_in_every_state_is_as_the_matrix_says);
ATF_TC_BODY(every_verb_in_every_state_is_as_the_matrix_says, tc)
{
	char row[sizeof(columns) / sizeof(columns[0]) + 1] = "";
	unsigned v;
	size_t i;

	ATF_REQUIRE_EQ(VERB__MAX, sizeof(golden) / sizeof(golden[0]));
	for (v = 0; v < VERB__MAX; v++) {
		ATF_CHECK_EQ(v, command_verb(span_str(golden[v].verb)));
		for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
			row[i] =
			    letter(command_sequence((enum verb)v, columns[i]));
		ATF_CHECK_MSG(strcmp(row, golden[v].row) == 0, "%s: %s, not %s",
		    golden[v].verb, row, golden[v].row);
	}
}

ATF_TC_WITHOUT_HEAD(no_command_is_in_order_while_something_else_is_awaited);
ATF_TC_BODY(no_command_is_in_order_while_something_else_is_awaited, tc)
{
	unsigned v, state;

	for (state = 0; state < SESS__MAX; state++) {
		if ((state_flags((enum sess_state)state) & ST_COMMAND) != 0)
			continue;
		for (v = 0; v < VERB__MAX; v++)
			ATF_CHECK_EQ(RP_SEQUENCE,
			    command_sequence(
				(enum verb)v, (enum sess_state)state));
	}
}

ATF_TC_WITHOUT_HEAD(sequence_errors_are_503);
ATF_TC_BODY(sequence_errors_are_503, tc)
{
	unsigned v;
	size_t i;

	for (v = 0; v < VERB__MAX; v++) {
		for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
			enum reply r =
			    command_sequence((enum verb)v, columns[i]);

			if (r != RP_NONE)
				ATF_CHECK_EQ(503, reply_code((uint16_t)r));
		}
	}
}

ATF_TC_WITHOUT_HEAD(verbs_are_found_in_any_case_and_only_whole);
ATF_TC_BODY(verbs_are_found_in_any_case_and_only_whole, tc)
{
	ATF_CHECK_EQ(VERB_MAIL, command_verb(span_str("mAiL")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("MAI")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("MAILX")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("DEBUG")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("WIZ")));
	ATF_CHECK_EQ(VERB__MAX, command_verb(span_str("KILL")));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_verb_in_every_state_is_as_the_matrix_says);
	ATF_TP_ADD_TC(
	    tp, no_command_is_in_order_while_something_else_is_awaited);
	ATF_TP_ADD_TC(tp, sequence_errors_are_503);
	ATF_TP_ADD_TC(tp, verbs_are_found_in_any_case_and_only_whole);
	return atf_no_error();
}
