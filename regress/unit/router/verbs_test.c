/* SPDX-License-Identifier: ISC
 *
 * VRFY, EXPN, ETRN, SEND, SOML and SAML at the router's process, between a
 * master, sessions and a scheduler that this test plays.  Classes: (a), (c),
 * (e), (h).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/router/asking.h"

static void
send_who(int ch, enum who_verb verb, const char *mailbox)
{
	begin(WHO_ASK, SID);
	buf_put_u8(&played.out, (uint8_t)verb);
	put_str(mailbox);
	put_str("client.example");
	buf_put_u8(&played.out, 0);
	send_plain(ch);
}

/* The answer: that reply, and these mailboxes divided by blanks. */
static void
expect_who(int ch, enum reply reply, const char *want)
{
	char got[512] = "";
	struct span path;
	unsigned n;

	expect_reply(ch, ROLE_SESSION, WHO_ANSWER, SID, reply);
	for (n = rd_u16(&played.m.body); n > 0; n--) {
		path = rd_span(&played.m.body, ADDRESS_PATH_MAX);
		if (got[0] != '\0')
			strlcat(got, " ", sizeof(got));
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s",
		    (int)path.len, (const char *)path.p);
	}
	ATF_CHECK(rd_done(&played.m.body));
	ATF_CHECK_STREQ(want, got);
}

static void
send_etrn(int ch, const char *node)
{
	begin(ETRN_ASK, SID);
	put_str(node);
	send_plain(ch);
}

ATF_TC_WITHOUT_HEAD(vrfy_and_expn_say_what_rcpt_would);
ATF_TC_BODY(vrfy_and_expn_say_what_rcpt_would, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK_EQ(
	    SERVICE_VRFY | SERVICE_EXPN | SERVICE_ETRN | SERVICE_TERMINAL,
	    session_services());
	send_who(ch, WHO_VRFY, "Ann");
	answer_user("ann", USER_YES);
	expect_who(ch, RP_MAILBOX, "<Ann@" SETUP_HOST ">");
	send_who(ch, WHO_VRFY, "nobody@" SETUP_HOST);
	answer_user("nobody", USER_NO);
	expect_who(ch, RP_USER_UNKNOWN, "");
	send_who(ch, WHO_EXPN, "list");
	answer_user("ben", USER_YES);
	expect_who(ch, RP_MAILBOX, "<ann@" SETUP_HOST "> <ben@" SETUP_HOST ">");
	/* a list with a hole is not told in part */
	send_who(ch, WHO_EXPN, "pair");
	expect_who(ch, RP_SYSTEM, "");
	send_who(ch, WHO_VRFY, "info@virtual.example");
	expect_who(ch, RP_MAILBOX, "<info@virtual.example>");
	send_who(ch, WHO_VRFY, "ann@elsewhere.example");
	expect_who(ch, RP_REJECTED, "");
	/* whom another host has, it knows; a list is ours to tell */
	send_who(ch, WHO_VRFY, "ann@far.example");
	expect_who(ch, RP_VRFY, "");
	send_who(ch, WHO_EXPN, "ann@far.example");
	expect_who(ch, RP_VRFY, "");
	send_who(ch, WHO_EXPN, "away");
	expect_who(ch, RP_MAILBOX, "<ann@far.example>");
	send_who(ch, WHO_VRFY, "a b");
	expect_who(ch, RP_BAD_RCPT, "");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(who_has_moved_goes_to_the_other_host);
ATF_TC_BODY(who_has_moved_goes_to_the_other_host, tc)
{
	int ch, spool;
	uint64_t id;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	mail_open(ch);
	id = rcpt_is(ch, "<dan@" SETUP_HOST ">", RP_FORWARDED);
	check_span(
	    rd_span(&played.m.body, ADDRESS_PATH_MAX), "<d@far.example>");
	send_data(ch, SID, 6);
	check_open(spool, id, 1);
	check_envelope(spool, id, "d@far.example", "out", "far.example");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(a_second_question_closes_the_peer);
ATF_TC_BODY(a_second_question_closes_the_peer, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_who(ch, WHO_VRFY, "ann");
	send_who(ch, WHO_VRFY, "ben");
	expect_closed(ch);
	/* what it waited for comes to nobody */
	answer_user("ann", USER_YES);
	ch = join(ROLE_SESSION, 6);
	send_who(ch, WHO_VRFY, "ann");
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(what_a_listener_does_not_serve_closes_the_peer);
ATF_TC_BODY(what_a_listener_does_not_serve_closes_the_peer, tc)
{
	int ch, fd;

	start();
	fd = played_config(
	    "listen on 127.0.0.1 port 2525 vrfy any expn none\n", SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK_EQ(SERVICE_VRFY, session_services());
	send_who(ch, WHO_VRFY, "ann");
	expect_who(ch, RP_REJECTED, "");
	send_who(ch, WHO_EXPN, "ann");
	expect_closed(ch);
	ch = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	expect_closed(ch);
	ch = join(ROLE_SESSION, 7);
	session_open(ch, SID);
	send_mode(ch, TX_SAML);
	expect_closed(ch);
	played_stop();
}

/* What the scheduler is asked to look for; the number of the question. */
static uint64_t
expect_flush(int scheduler, const char *node)
{
	check_span(
	    rd_span(expect(scheduler, ROLE_SCHEDULER, QUEUE_FLUSH), 300), node);
	return played.m.id;
}

static void
expect_etrn(int ch, enum reply reply, uint32_t n)
{
	expect_reply(ch, ROLE_SESSION, ETRN_ANSWER, SID, reply);
	ATF_CHECK_EQ(n, rd_u32(&played.m.body));
}

ATF_TC_WITHOUT_HEAD(etrn_goes_to_the_scheduler_and_back);
ATF_TC_BODY(etrn_goes_to_the_scheduler_and_back, tc)
{
	int ch, scheduler;
	uint64_t request;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK((session_services() & SERVICE_ETRN) != 0);
	send_etrn(ch, "Example.org");
	expect_etrn(ch, RP_ETRN_FAILED, 0);
	send_etrn(ch, "example.net");
	expect_etrn(ch, RP_ETRN_DENIED, 0);
	played_stop();
	start();
	ch = join(ROLE_SESSION, 5);
	scheduler = join(ROLE_SCHEDULER, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	request = expect_flush(scheduler, "example.org");
	/* one at a time */
	send_etrn(ch, "example.org");
	expect_closed(ch);
	/* the answer for the dead is dropped, one to nothing is not */
	begin(QUEUE_FLUSHED, request);
	buf_put_u32(&played.out, 3);
	send_plain(scheduler);
	begin(QUEUE_FLUSHED, request + 1);
	buf_put_u32(&played.out, 3);
	send_plain(scheduler);
	expect_closed(scheduler);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(etrn_ends_with_the_scheduler);
ATF_TC_BODY(etrn_ends_with_the_scheduler, tc)
{
	int ch, scheduler;

	start();
	ch = join(ROLE_SESSION, 5);
	scheduler = join(ROLE_SCHEDULER, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	expect_flush(scheduler, "example.org");
	close(scheduler);
	expect_etrn(ch, RP_ETRN_FAILED, 0);
	/* nothing was done, so it may be asked for again */
	send_etrn(ch, "example.org");
	expect_etrn(ch, RP_ETRN_FAILED, 0);
	/* who comes after the scheduler finds it there */
	scheduler = join(ROLE_SCHEDULER, 7);
	ch = join(ROLE_SESSION, 8);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	begin(QUEUE_FLUSHED, expect_flush(scheduler, "example.org"));
	buf_put_u32(&played.out, 0);
	send_plain(scheduler);
	expect_etrn(ch, RP_ETRN_NONE, 0);
	send_etrn(ch, "example.org");
	expect_etrn(ch, RP_ETRN_TOO_SOON, 0);
	close(scheduler);
	send_etrn(ch, "a b");
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(send_is_for_those_at_a_terminal);
ATF_TC_BODY(send_is_for_those_at_a_terminal, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_mode(ch, TX_SEND);
	send_rcpt(ch, SID, "<list@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("ben", USER_YES);
	answer_terminal("ann", USER_YES);
	answer_terminal("ben", USER_TRY_LATER);
	expect_rcpt(ch, SID, RP_USER_AWAY);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	expect_rcpt(ch, SID, RP_RCPT_OK);
	/* a mailbox alone is not a terminal */
	send_rcpt(ch, SID, "<info@virtual.example>");
	answer_terminal("keeper", USER_TRY_LATER);
	expect_rcpt(ch, SID, RP_USER_AWAY);
	send_bare(ch, TX_RESET, SID);
	send_mode(ch, TX_SOML);
	rcpt_is(ch, "<list@" SETUP_HOST ">", RP_RCPT_OK);
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, vrfy_and_expn_say_what_rcpt_would);
	ATF_TP_ADD_TC(tp, who_has_moved_goes_to_the_other_host);
	ATF_TP_ADD_TC(tp, a_second_question_closes_the_peer);
	ATF_TP_ADD_TC(tp, what_a_listener_does_not_serve_closes_the_peer);
	ATF_TP_ADD_TC(tp, etrn_goes_to_the_scheduler_and_back);
	ATF_TP_ADD_TC(tp, etrn_ends_with_the_scheduler);
	ATF_TP_ADD_TC(tp, send_is_for_those_at_a_terminal);
	return atf_no_error();
}
