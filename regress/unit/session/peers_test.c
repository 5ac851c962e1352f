/* SPDX-License-Identifier: ISC
 *
 * What the router and the spool say to a session, in time, late, out of turn
 * and out of shape, and what it does without them.  Classes: (a), (c), (e),
 * (g), (h).
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include "privsep/base/err.h"
#include "privsep/ipc/terms.h"
#include "regress/unit/session/fake.h"
#include "regress/unit/session/lines.h"

/* The answer of the router to VRFY or EXPN, naming n mailboxes. */
static int
answer_who(enum reply reply, const char *const *paths, uint16_t n)
{
	struct buf body;
	uint16_t i;
	int error;

	buf_init(&body, MSG_FRAME_MAX);
	buf_put_u16(&body, (uint16_t)reply);
	buf_put_u16(&body, n);
	for (i = 0; i < n; i++)
		buf_put_span(&body, span_str(paths[i]));
	error = fake_send(ROLE_ROUTER, WHO_ANSWER, fake.sid, &body);
	buf_clear(&body);
	fake_run();
	return error;
}

CASE(who_may_ask_is_answered_by_the_router)
{
	static const char *const paths[] = { "<a@x.example>",
		"<\"b c\"@x.example>" };

	fake_setup();
	fake.services = SERVICE_VRFY | SERVICE_EXPN;
	fake_connect();
	fake_expect("220");
	fake_dialogue(EHLO, "250");
	/* in the middle of a transaction, which goes on after it */
	fake_dialogue(MAIL, "250");
	fake_dialogue("EXPN <list@x.example>\r\nNOOP\r\n", "");
	ATF_CHECK_EQ(1, fake.asked[WHO_ASK]);
	ATF_CHECK_EQ(0, answer_who(RP_MAILBOX, paths, 2));
	buf_put_u8(&fake.heard, 0);
	ATF_CHECK_STREQ("250-2.1.5 <a@x.example>\r\n"
			"250 2.1.5 <\"b c\"@x.example>\r\n"
			"250 2.0.0 ok\r\n",
	    (char *)fake.heard.data);
	buf_clear(&fake.heard);
	fake_dialogue(RCPT, "250");
	fake_dialogue("VRFY nobody\r\n", "");
	ATF_CHECK_EQ(0, answer_who(RP_USER_UNKNOWN, NULL, 0));
	fake_expect("550");
	fake_dialogue("DATA\r\n", "354");
}

static int
answer_rcpt(enum reply reply, uint64_t id, const char *path)
{
	struct buf body;
	int error;

	buf_init(&body, MSG_FRAME_MAX);
	buf_put_u16(&body, (uint16_t)reply);
	buf_put_u64(&body, id);
	buf_put_span(&body, span_str(path));
	error = fake_send(ROLE_ROUTER, TX_RCPT_ANSWER, fake.sid, &body);
	buf_clear(&body);
	fake_run();
	return error;
}

CASE(where_somebody_has_moved_to_is_a_path)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	fake.silent = true;
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_MOVED, 0, "<a@x>\r\n250 ok"));
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_MOVED, 0, ""));
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_RCPT_OK, 1, "<a@x>"));
	ATF_CHECK_EQ(0, answer_rcpt(RP_MOVED, 0, "<a@x>"));
	fake_expect("551");
	fake_dialogue("DATA\r\n", "503");
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(0, answer_rcpt(RP_FORWARDED, 1, "<a@x>"));
	fake_expect("251");
	fake_dialogue("DATA\r\n", "");
	ATF_CHECK_EQ(1, fake.asked[TX_DATA]);
}

CASE(mail_is_told_with_the_first_recipient)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL "RSET\r\n" MAIL, "250 250 250");
	/* a client that has no recipient is nobody's business */
	ATF_CHECK_EQ(0, fake.asked[TX_MAIL]);
	ATF_CHECK_EQ(0, fake.asked[TX_RESET]);
	fake_dialogue(RCPT RCPT, "250 250");
	ATF_CHECK_EQ(1, fake.asked[TX_MAIL]);
	ATF_CHECK_EQ(2, fake.asked[TX_RCPT]);
	fake_dialogue("RSET\r\n", "250");
	ATF_CHECK_EQ(1, fake.asked[TX_RESET]);
}

CASE(recipients_are_of_one_message)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	fake.silent = true;
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_RCPT_OK, 0, ""));
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_USER_UNKNOWN, 1, ""));
	ATF_CHECK_EQ(0, answer_rcpt(RP_RCPT_OK, 1, ""));
	fake_expect("250");
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(-E_PEER, answer_rcpt(RP_RCPT_OK, 2, ""));
	ATF_CHECK_EQ(0, answer_rcpt(RP_USER_UNKNOWN, 0, ""));
	fake_expect("550");
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(0, answer_rcpt(RP_RCPT_OK, 1, ""));
	fake_expect("250");
}

CASE(a_bad_mailbox_is_nobodys_question)
{
	fake_setup();
	fake.services = SERVICE_VRFY | SERVICE_EXPN;
	fake_connect();
	fake_expect("220");
	fake_dialogue("VRFY a b\r\nEXPN <>\r\nVRFY\r\n", "553 553 501");
	fake_dialogue(EHLO, "250");
	fake_dialogue("VRFY \303\244\r\n", "553");
	ATF_CHECK_EQ(0, fake.asked[WHO_ASK]);
	fake_dialogue("VRFY \303\244 SMTPUTF8\r\n", "");
	ATF_CHECK_EQ(1, fake.asked[WHO_ASK]);
}

CASE(who_asks_too_often_is_sent_away)
{
	unsigned i;

	fake_setup();
	fake.services = SERVICE_VRFY;
	fake.config.set.smtp_limit_max_errors = 3;
	fake_connect();
	fake_expect("220");
	for (i = 0; i < 3; i++) {
		fake_dialogue("VRFY guess\r\n", "");
		ATF_CHECK_EQ(0, answer_who(RP_USER_UNKNOWN, NULL, 0));
		fake_expect("550");
	}
	fake_dialogue("VRFY guess\r\n", "");
	ATF_CHECK_EQ(0, answer_who(RP_USER_UNKNOWN, NULL, 0));
	fake_expect("421");
	ATF_CHECK(fake.closed);
}

CASE(what_is_no_mailbox_breaks_the_protocol)
{
	static const char *const bad[] = { "<a@x.example>\r\n250 ok",
		"a@x.example", "<>", "<a@x.example> x" };
	static const char *const good[] = { "<a@x.example>" };
	unsigned i;

	fake_setup();
	fake.services = SERVICE_VRFY;
	fake_connect();
	fake_expect("220");
	fake_dialogue("VRFY a\r\n", "");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ(-E_PEER, answer_who(RP_MAILBOX, &bad[i], 1));
	ATF_CHECK_EQ(-E_PEER, answer_who(RP_MAILBOX, NULL, 0));
	ATF_CHECK_EQ(-E_PEER, answer_who(RP_VRFY, good, 1));
	fake_expect("");
}

static int
answer_etrn(enum reply reply, uint32_t n)
{
	struct buf body;
	int error;

	buf_init(&body, 16);
	buf_put_u16(&body, (uint16_t)reply);
	buf_put_u32(&body, n);
	error = fake_send(ROLE_ROUTER, ETRN_ANSWER, fake.sid, &body);
	buf_clear(&body);
	fake_run();
	return error;
}

CASE(etrn_is_the_routers_to_answer)
{
	fake_setup();
	fake.services = SERVICE_ETRN;
	fake_connect();
	fake_expect("220");
	fake_dialogue("ETRN example.org\r\n", "503");
	fake_dialogue(EHLO, "250");
	fake_dialogue("ETRN a b\r\nETRN @\r\nETRN #x\r\n", "501 501 458");
	ATF_CHECK_EQ(0, fake.asked[ETRN_ASK]);
	fake_dialogue("ETRN @example.org\r\n", "");
	ATF_CHECK_EQ(1, fake.asked[ETRN_ASK]);
	ATF_CHECK_EQ(-E_PEER, answer_etrn(RP_ETRN_STARTED, 0));
	ATF_CHECK_EQ(-E_PEER, answer_etrn(RP_ETRN_NONE, 1));
	ATF_CHECK_EQ(-E_PEER, answer_etrn(RP_MOVED, 0));
	ATF_CHECK_EQ(0, answer_etrn(RP_ETRN_STARTED, 7));
	fake_expect("253");
	ATF_CHECK_EQ(-E_PEER, answer_etrn(RP_ETRN_STARTED, 7));
	fake_dialogue(MAIL, "250");
}

CASE(without_the_router_there_is_421)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_lose(ROLE_ROUTER);
	fake_expect("421");
	ATF_CHECK(fake.closed);
}

CASE(without_the_router_a_message_is_still_finished)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_lose(ROLE_ROUTER);
	fake_expect("");
	fake_dialogue(MESSAGE, "250 421");
	ATF_CHECK(fake.messages[0].committed);
}

CASE(without_the_spool_content_gets_451)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_say("Subject: x\r\n");
	fake_lose(ROLE_SPOOL);
	fake_dialogue("\r\n.\r\n", "451");
	fake_dialogue(ENVELOPE, "250 250 451");
}

CASE(without_the_spool_a_commit_gets_451)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake.silent = true;
	fake_dialogue(MESSAGE, "");
	fake_lose(ROLE_SPOOL);
	fake_expect("451");
}

CASE(the_next_router_hears_nothing_of_what_it_does_not_know)
{
	int old;

	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	old = fake.client;
	fake_renew(ROLE_ROUTER);
	/* its end is not seen yet */
	fake.silent = true;
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(1, fake.asked[TX_RCPT]);
	ATF_CHECK_EQ(0, fake.asked_new[TX_RCPT]);
	fake.silent = false;
	fake_connect();
	fake_dialogue(EHLO, "220 250");
	ATF_CHECK_EQ(1, fake.asked_new[SESSION_OPEN]);
	/* now it is: for the one, and not for the other */
	fake_lose(ROLE_ROUTER);
	fake_expect("");
	ATF_CHECK_EQ(0, fake.asked_new[SESSION_CLOSE]);
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE "QUIT\r\n", "250 221");
	ATF_CHECK_EQ(1, fake.asked_new[SESSION_CLOSE]);
	fake.client = old;
	fake_run();
	fake_expect("421");
}

CASE(the_next_spool_hears_nothing_of_what_it_does_not_know)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_renew(ROLE_SPOOL);
	fake.silent = true;
	fake_dialogue(MESSAGE, "");
	ATF_CHECK_EQ(1, fake.asked[SPOOL_COMMIT]);
	ATF_CHECK_EQ(0, fake.asked_new[SPOOL_COMMIT]);
	fake_lose(ROLE_SPOOL);
	fake_expect("451");
	fake.silent = false;
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "250");
	ATF_CHECK_EQ(1, fake.asked_new[SPOOL_COMMIT]);
	ATF_CHECK_EQ(0, fake.asked_new[SPOOL_ABORT]);
}

CASE(what_the_next_spool_has_is_not_lost_with_the_last)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_renew(ROLE_SPOOL);
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_lose(ROLE_SPOOL);
	fake_dialogue(MESSAGE, "250");
}

CASE(who_waits_for_the_next_spool_does_not_miss_the_last)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_renew(ROLE_SPOOL);
	fake_dialogue(MAIL RCPT, "250 250");
	fake.silent = true;
	fake_dialogue("DATA\r\n", "");
	fake_lose(ROLE_SPOOL);
	fake_expect("");
	ATF_CHECK_EQ(0, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	fake_run();
	fake_expect("354");
	fake_lose(ROLE_SPOOL);
	fake_dialogue(MESSAGE, "451");
}

CASE(a_client_that_is_not_read_is_read_without_the_spool)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake.full = true;
	fake_say("Subject: x\r\n\r\n");
	fake_say(".\r\n");
	fake_lose(ROLE_SPOOL);
	fake_expect("451");
}

CASE(a_late_answer_is_dropped)
{
	uint64_t gone;

	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	fake.silent = true;
	fake_dialogue(RCPT, "");
	shutdown(fake.client, SHUT_RDWR);
	fake_run();
	/* while it waits, it does not look at its client */
	ATF_CHECK_EQ(0, fake_answer(TX_RCPT_ANSWER, fake.sid, RP_RCPT_OK));
	fake_run();
	ATF_CHECK_EQ(0, session_count());
	gone = fake.sid;
	ATF_CHECK_EQ(0, fake_answer(TX_RCPT_ANSWER, gone, RP_RCPT_OK));
	/* nor is it for the next client, who has the same place */
	fake.silent = false;
	close(fake.client);
	fake_connect();
	fake_dialogue(EHLO, "220 250");
	fake_dialogue(MAIL, "250");
	fake.silent = true;
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ((uint32_t)gone, (uint32_t)fake.sid);
	ATF_CHECK_EQ(0, fake_answer(TX_RCPT_ANSWER, gone, RP_RCPT_OK));
	fake_run();
	fake_expect("");
	ATF_CHECK_EQ(0, fake_answer(TX_RCPT_ANSWER, fake.sid, RP_RCPT_OK));
	fake_run();
	fake_expect("250");
}

CASE(a_grant_for_a_client_that_is_gone_is_given_back)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	ATF_CHECK_EQ(1, session_count());
	session_end(session_find(fake.sid), RP_UNAVAILABLE);
	fake_run();
	ATF_CHECK_EQ(0, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	ATF_CHECK_EQ(1, fake.asked[SPOOL_ABORT]);
}

CASE(an_answer_to_no_question_breaks_the_protocol)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	ATF_CHECK_EQ(
	    -E_PEER, fake_answer(TX_RCPT_ANSWER, fake.sid, RP_RCPT_OK));
	ATF_CHECK_EQ(-E_PEER, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	ATF_CHECK_EQ(
	    -E_PEER, fake_answer(SESSION_OPENED, fake.sid, RP_GREETING));
	fake_dialogue("NOOP\r\n", "250");
}

CASE(a_reply_out_of_the_table_breaks_the_protocol)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	fake.silent = true;
	fake_dialogue(RCPT, "");
	ATF_CHECK_EQ(
	    -E_PEER, fake_answer(TX_RCPT_ANSWER, fake.sid, (enum reply)9999));
}

CASE(a_full_spool_stops_the_reading)
{
	static char line[60000];

	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake.full = true;
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	fake_say_octets(line, sizeof(line));
	ATF_CHECK_EQ(0, fake.asked[SPOOL_CONTENT]);
	fake.full = false;
	peers_spool_drained();
	fake_run();
	ATF_CHECK(fake.asked[SPOOL_CONTENT] > 0);
	fake_dialogue(".\r\n", "250");
}

static int
tell_name(const char *name)
{
	struct buf body;
	int error;

	buf_init(&body, 512);
	buf_put_span(&body, span_str(name));
	error = fake_send(ROLE_ROUTER, SESSION_NAME, fake.sid, &body);
	buf_clear(&body);
	return error;
}

CASE(the_name_of_the_client_is_written_when_it_is_known)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "250");
	ATF_CHECK(fake_content_has(0, "(unknown [192.0.2.1])"));
	ATF_CHECK_EQ(0, tell_name("mail.example.net"));
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "250");
	ATF_CHECK(fake_content_has(1, "(mail.example.net [192.0.2.1])"));
	/* of one who has gone */
	fake_dialogue("QUIT\r\n", "221");
	ATF_CHECK_EQ(0, tell_name("mail.example.net"));
}

CASE(a_masked_listener_hides_the_name)
{
	fake_setup();
	fake.listener.mask_src = true;
	fake_connect();
	fake_expect("220");
	ATF_CHECK_EQ(0, tell_name("mail.example.net"));
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "250");
	ATF_CHECK(!fake_content_has(0, "mail.example.net"));
}

CASE(what_is_no_name_of_a_client_breaks_the_protocol)
{
	static const char *const bad[] = { "", "a b", "a.example\r\nX: y",
		"[192.0.2.1]", "a..example", "a_b.example" };
	unsigned i;

	fake_begin();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ(-E_PEER, tell_name(bad[i]));
	fake_dialogue(EHLO, "250");
}

CASE(a_name_does_not_come_before_its_address)
{
	fake_setup();
	fake.silent = true;
	fake_connect();
	ATF_CHECK_EQ(-E_PEER, tell_name("mail.example.net"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, who_may_ask_is_answered_by_the_router);
	ATF_TP_ADD_TC(tp, where_somebody_has_moved_to_is_a_path);
	ATF_TP_ADD_TC(tp, mail_is_told_with_the_first_recipient);
	ATF_TP_ADD_TC(tp, recipients_are_of_one_message);
	ATF_TP_ADD_TC(tp, a_bad_mailbox_is_nobodys_question);
	ATF_TP_ADD_TC(tp, who_asks_too_often_is_sent_away);
	ATF_TP_ADD_TC(tp, what_is_no_mailbox_breaks_the_protocol);
	ATF_TP_ADD_TC(tp, etrn_is_the_routers_to_answer);
	ATF_TP_ADD_TC(tp, without_the_router_there_is_421);
	ATF_TP_ADD_TC(tp, without_the_router_a_message_is_still_finished);
	ATF_TP_ADD_TC(tp, without_the_spool_content_gets_451);
	ATF_TP_ADD_TC(tp, without_the_spool_a_commit_gets_451);
	ATF_TP_ADD_TC(
	    tp, the_next_router_hears_nothing_of_what_it_does_not_know);
	ATF_TP_ADD_TC(
	    tp, the_next_spool_hears_nothing_of_what_it_does_not_know);
	ATF_TP_ADD_TC(tp, what_the_next_spool_has_is_not_lost_with_the_last);
	ATF_TP_ADD_TC(tp, who_waits_for_the_next_spool_does_not_miss_the_last);
	ATF_TP_ADD_TC(tp, a_client_that_is_not_read_is_read_without_the_spool);
	ATF_TP_ADD_TC(tp, a_late_answer_is_dropped);
	ATF_TP_ADD_TC(tp, a_grant_for_a_client_that_is_gone_is_given_back);
	ATF_TP_ADD_TC(tp, an_answer_to_no_question_breaks_the_protocol);
	ATF_TP_ADD_TC(tp, a_reply_out_of_the_table_breaks_the_protocol);
	ATF_TP_ADD_TC(tp, a_full_spool_stops_the_reading);
	ATF_TP_ADD_TC(tp, the_name_of_the_client_is_written_when_it_is_known);
	ATF_TP_ADD_TC(tp, a_masked_listener_hides_the_name);
	ATF_TP_ADD_TC(tp, what_is_no_name_of_a_client_breaks_the_protocol);
	ATF_TP_ADD_TC(tp, a_name_does_not_come_before_its_address);
	return atf_no_error();
}
