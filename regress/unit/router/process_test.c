/* SPDX-License-Identifier: ISC
 *
 * Transactions, and what smtpctl asks for: the router's process between a
 * master, sessions, delivery, a spool and control that this test plays.
 * Classes: (a), (c), (e), (g), (h).
 */
#include <sys/socket.h>

#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/ipc/ctl.h"
#include "regress/unit/router/asking.h"

ATF_TC_WITHOUT_HEAD(transaction_reaches_the_spool);
ATF_TC_BODY(transaction_reaches_the_spool, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	mail_open(ch);
	send_rcpt(ch, SID, "<list@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("ben", USER_YES);
	id = expect_rcpt(ch, SID, RP_RCPT_OK);
	/* known already, and the same mailbox as one of the list's */
	ATF_CHECK_EQ(id, rcpt_is(ch, "<Ann@" SETUP_HOST ">", RP_RCPT_OK));
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	rcpt_is(ch, "<other@virtual.example>", RP_TOO_MANY_RCPT);
	send_data(ch, SID, 6);
	check_open(spool, id, 3);
	check_envelope(spool, id, "list@" SETUP_HOST, "a", "ann");
	check_envelope(spool, id, "list@" SETUP_HOST, "a", "ben");
	check_envelope(spool, id, "info@virtual.example", "vm", "keeper");
	/* nothing is left of it */
	rcpt_is(ch, "<list@" SETUP_HOST ">", RP_NEED_MAIL);
	send_mail(ch, SID, "<>", 0);
	ATF_CHECK(rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK) != id);
	send_bare(ch, TX_RESET, SID);
	send_mail(ch, SID, "<>", 0);
	rcpt_is(ch, "<info@virtual.example>", RP_TOO_MANY_MAILS);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(recipients_are_refused_for_their_reasons);
ATF_TC_BODY(recipients_are_refused_for_their_reasons, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<x@virtual.example>", RP_USER_UNKNOWN);
	rcpt_is(ch, "<x@elsewhere.example>", RP_REJECTED);
	rcpt_is(ch, "<x@@y>", RP_BAD_RCPT);
	rcpt_is(ch, "<x@y> ", RP_BAD_RCPT);
	rcpt_is(ch, "<>", RP_BAD_RCPT);
	rcpt_is(ch, "<\xc3\xa4@" SETUP_HOST ">", RP_UTF8_NEEDED);
	send_rcpt(ch, SID, "<bob@" SETUP_HOST ">");
	answer_user("bob", USER_NO);
	expect_rcpt(ch, SID, RP_USER_UNKNOWN);
	send_rcpt(ch, SID, "<eve@" SETUP_HOST ">");
	answer_user("eve", USER_TRY_LATER);
	expect_rcpt(ch, SID, RP_TRY_LATER);
	/* half of a list is not accepted */
	send_rcpt(ch, SID, "<pair@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("nobody", USER_NO);
	expect_rcpt(ch, SID, RP_SYSTEM);
	send_data(ch, SID, 6);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_NO_RCPT);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(postmaster_without_a_domain_is_root_here);
ATF_TC_BODY(postmaster_without_a_domain_is_root_here, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	mail_open(ch);
	send_rcpt(ch, SID, "<Postmaster>");
	answer_user("postmaster", USER_NO);
	answer_user("ann", USER_YES);
	id = expect_rcpt(ch, SID, RP_RCPT_OK);
	send_data(ch, SID, 6);
	check_open(spool, id, 1);
	check_envelope(spool, id, "Postmaster@" SETUP_HOST, "a", "ann");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(answers_come_in_the_order_of_the_questions);
ATF_TC_BODY(answers_come_in_the_order_of_the_questions, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	mail_open(ch);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_rcpt(ch, SID, "<nobody@virtual.example>");
	send_data(ch, SID, 6);
	silent(ch);
	answer_user("ann", USER_YES);
	id = expect_rcpt(ch, SID, RP_RCPT_OK);
	expect_rcpt(ch, SID, RP_USER_UNKNOWN);
	check_open(spool, id, 1);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(late_answer_for_the_dead_is_dropped);
ATF_TC_BODY(late_answer_for_the_dead_is_dropped, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_bare(ch, TX_RESET, SID);
	session_open(ch, SID + 1);
	close(ch);
	ch = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	answer_user("ann", USER_YES);
	silent(ch);
	send_bare(ch, SESSION_CLOSE, SID);
	send_bare(ch, SESSION_CLOSE, SID);
	session_open(ch, SID);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(foreign_session_closes_only_its_peer);
ATF_TC_BODY(foreign_session_closes_only_its_peer, tc)
{
	static const enum msg_type types[] = { TX_DATA, TX_RESET };
	int good, bad;
	size_t i;

	start();
	good = join(ROLE_SESSION, 5);
	mail_open(good);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bad = join(ROLE_SESSION, (uint32_t)(6 + i));
		if (types[i] == TX_DATA)
			send_data(bad, SID, 6);
		else
			send_bare(bad, types[i], SID);
		expect_closed(bad);
		expect(played.master, ROLE_MASTER, M_BAD_PEER);
		ATF_CHECK_EQ(6 + i, played.m.id);
	}
	bad = join(ROLE_SESSION, 10);
	send_rcpt(bad, SID, "<ann@" SETUP_HOST ">");
	expect_closed(bad);
	bad = join(ROLE_SESSION, 11);
	send_mail(bad, SID, "<>", 0);
	expect_closed(bad);
	rcpt_is(good, "<info@virtual.example>", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(session_cannot_bring_a_client_of_its_own);
ATF_TC_BODY(session_cannot_bring_a_client_of_its_own, tc)
{
	int ch, pair[2], fd;

	start();
	ch = join(ROLE_SESSION, 5);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	begin(SESSION_OPEN, SID);
	buf_put_u32(&played.out, 0);
	send_fds(ch, pair, 1);
	expect_closed(ch);
	/* nor claim another listener: 1 is the implied local socket or none */
	ch = join(ROLE_SESSION, 6);
	fd = connect_client(LOCAL);
	begin(SESSION_OPEN, SID);
	buf_put_u32(&played.out, 1);
	send_fds(ch, &fd, 1);
	expect_reply(ch, ROLE_SESSION, SESSION_OPENED, SID, RP_UNAVAILABLE);
	played_stop();
}

/* What is wrong with MAIL is the answer to each RCPT, until RSET. */
static void
mail_is_wrong(int ch, enum reply reply)
{
	rcpt_is(ch, "<info@virtual.example>", reply);
	rcpt_is(ch, "<x@elsewhere.example>", reply);
	send_bare(ch, TX_RESET, SID);
	rcpt_is(ch, "<info@virtual.example>", RP_NEED_MAIL);
}

ATF_TC_WITHOUT_HEAD(mail_is_checked);
ATF_TC_BODY(mail_is_checked, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_mail(ch, SID, "<a@b> x", 0);
	mail_is_wrong(ch, RP_BAD_SENDER);
	send_mail(ch, SID, "<;touch pwn;>", 0);
	mail_is_wrong(ch, RP_BAD_SENDER);
	send_mail(ch, SID, "<a@b>", UINT64_MAX);
	mail_is_wrong(ch, RP_TOO_BIG);
	send_mail_helo(ch, SID, "<a@b>", 1, "a\nb");
	mail_is_wrong(ch, RP_BAD_HELO);
	send_mail(ch, SID, "<\xc3\xa4@b>", 1);
	mail_is_wrong(ch, RP_UTF8_NEEDED);
	send_mail(ch, SID, "<a@b>", 1);
	send_data(ch, SID, 6);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_NO_RCPT);
	send_mail(ch, SID, "<a@b>", 1);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(mail_comes_once);
ATF_TC_BODY(mail_comes_once, tc)
{
	static const char *const first[] = { "<a@b>", "<a@b> x" };
	size_t i;
	int ch;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		start();
		ch = join(ROLE_SESSION, 5);
		session_open(ch, SID);
		send_mail(ch, SID, first[i], 1);
		send_mail(ch, SID, "<a@b>", 1);
		expect_closed(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(without_a_spool_it_is_temporary);
ATF_TC_BODY(without_a_spool_it_is_temporary, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	send_data(ch, SID, 6);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_TRY_LATER);
	played_stop();
}

/* DATA for one recipient, to be answered by the spool of that instance. */
static uint64_t
data_to(int ch, uint32_t instance)
{
	uint64_t id;

	send_mail(ch, SID, "<from@example.com>", 0);
	id = rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	send_data(ch, SID, instance);
	return id;
}

ATF_TC_WITHOUT_HEAD(envelopes_go_to_the_spool_that_is_waited_for);
ATF_TC_BODY(envelopes_go_to_the_spool_that_is_waited_for, tc)
{
	int ch, spools[2];

	start();
	spools[0] = join(ROLE_SPOOL, 6);
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	/* the session has seen the end of 6 and 7 come, and we have not */
	data_to(ch, 7);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_TRY_LATER);
	silent(spools[0]);
	close(spools[0]);
	played_stop();
	start();
	spools[0] = join(ROLE_SPOOL, 6);
	spools[1] = join(ROLE_SPOOL, 7);
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	check_open(spools[1], data_to(ch, 7), 1);
	/* we have seen 7 come, and the session has not */
	check_open(spools[0], data_to(ch, 6), 1);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(delivery_sends_only_without_a_sender);
ATF_TC_BODY(delivery_sends_only_without_a_sender, tc)
{
	int ch;

	start();
	ch = join(ROLE_DELIVERY, 5);
	send_mail(ch, 1, "<>", 0);
	send_mail(ch, 2, "<>", 0);
	send_rcpt(ch, 2, "<info@virtual.example>");
	expect_reply(ch, ROLE_DELIVERY, TX_RCPT_ANSWER, 2, RP_RCPT_OK);
	send_bare(ch, TX_RESET, 1);
	send_rcpt(ch, 1, "<info@virtual.example>");
	expect_reply(ch, ROLE_DELIVERY, TX_RCPT_ANSWER, 1, RP_TRY_LATER);
	send_data(ch, 2, 6);
	expect_reply(ch, ROLE_DELIVERY, TX_DATA_REFUSED, 2, RP_TRY_LATER);
	send_mail(ch, 3, "<a@b>", 0);
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(new_configuration_holds_for_the_next_recipient);
ATF_TC_BODY(new_configuration_holds_for_the_next_recipient, tc)
{
	int ch, fd;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	/* one waits while the tables change under it */
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	expect(played.master, ROLE_MASTER, USER_ASK);
	fd = played_config("action b mbox\n"
			   "match from any for domain new.example action b\n",
	    SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	expect_rcpt(ch, SID, RP_REJECTED);
	rcpt_is(ch, "<info@virtual.example>", RP_REJECTED);
	send_rcpt(ch, SID, "<ann@new.example>");
	silent(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(stats_are_rows);
ATF_TC_BODY(stats_are_rows, tc)
{
	int ch;

	start();
	ch = join(ROLE_CONTROL, 5);
	begin(CTL_ASK, 9);
	buf_put_u8(&played.out, CTL_SHOW_STATS);
	buf_put_u8(&played.out, 0);
	send_plain(ch);
	ATF_CHECK(rd_u16(expect(ch, ROLE_CONTROL, CTL_ROWS)) > 0);
	ATF_CHECK_EQ(CTL_OK, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	played_stop();
}

static void
send_explain(int ch, uint64_t request)
{
	begin(CTL_ASK, request);
	buf_put_u8(&played.out, CTL_EXPLAIN);
	buf_put_u8(&played.out, 3);
	put_str("ann@" SETUP_HOST);
	put_str("tag");
	put_str("in");
	send_plain(ch);
}

ATF_TC_WITHOUT_HEAD(explanations_end_with_who_asked_or_what_they_are_of);
ATF_TC_BODY(explanations_end_with_who_asked_or_what_they_are_of, tc)
{
	uint64_t i;
	int ch, fd;

	start();
	ch = join(ROLE_CONTROL, 5);
	for (i = 1; i <= 9; i++)
		send_explain(ch, i);
	expect(played.master, ROLE_MASTER, USER_ASK);
	/* eight wait for one answer of the master, and that is enough */
	ATF_CHECK_EQ(CTL_FAILED, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(9, played.m.id);
	for (i = 1; i <= 7; i++)
		send_bare(ch, CTL_CANCEL, i);
	silent(ch);
	fd = played_config("action b mbox\n"
			   "match from any for domain new.example action b\n",
	    SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	ATF_CHECK_EQ(CTL_FAILED, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(8, played.m.id);
	send_explain(ch, 10);
	expect(ch, ROLE_CONTROL, CTL_ROWS);
	ATF_CHECK_EQ(CTL_OK, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(10, played.m.id);
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, transaction_reaches_the_spool);
	ATF_TP_ADD_TC(tp, recipients_are_refused_for_their_reasons);
	ATF_TP_ADD_TC(tp, postmaster_without_a_domain_is_root_here);
	ATF_TP_ADD_TC(tp, answers_come_in_the_order_of_the_questions);
	ATF_TP_ADD_TC(tp, late_answer_for_the_dead_is_dropped);
	ATF_TP_ADD_TC(tp, foreign_session_closes_only_its_peer);
	ATF_TP_ADD_TC(tp, session_cannot_bring_a_client_of_its_own);
	ATF_TP_ADD_TC(tp, mail_is_checked);
	ATF_TP_ADD_TC(tp, mail_comes_once);
	ATF_TP_ADD_TC(tp, without_a_spool_it_is_temporary);
	ATF_TP_ADD_TC(tp, envelopes_go_to_the_spool_that_is_waited_for);
	ATF_TP_ADD_TC(tp, delivery_sends_only_without_a_sender);
	ATF_TP_ADD_TC(tp, new_configuration_holds_for_the_next_recipient);
	ATF_TP_ADD_TC(tp, stats_are_rows);
	ATF_TP_ADD_TC(tp, explanations_end_with_who_asked_or_what_they_are_of);
	return atf_no_error();
}
