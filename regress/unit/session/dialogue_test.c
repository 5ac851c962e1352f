/* SPDX-License-Identifier: ISC
 *
 * Conversations: what a client hears, and what of it the spool gets.  Classes:
 * (a), (c), (e), (f).
 */
#include <sys/socket.h>

#include <string.h>

#include <atf-c.h>

#include "privsep/ipc/terms.h"
#include "regress/unit/session/fake.h"
#include "regress/unit/session/lines.h"

static bool
content_ends(size_t i, const char *what)
{
	struct buf *c = &fake.messages[i].content;
	size_t len = strlen(what);

	return c->len >= len && memcmp(c->data + c->len - len, what, len) == 0;
}

CASE(a_typical_transaction)
{
	fake_begin(); /* RFC 5321 D.1 */
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	fake_dialogue(RCPT, "250");
	fake_dialogue("RCPT TO:<c@example.org>\r\n", "250");
	fake_dialogue("DATA\r\n", "354");
	fake_dialogue(MESSAGE, "250");
	fake_dialogue("QUIT\r\n", "221");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(1, fake.nmessages);
	ATF_CHECK(fake.messages[0].committed);
	ATF_CHECK(fake_content_has(0, "Received: from client.example"));
	ATF_CHECK(content_ends(0, "\nSubject: s\n\nhello\n"));
	ATF_CHECK_EQ(1, fake.asked[SESSION_CLOSE]);
	ATF_CHECK_EQ(0, session_count());
}

CASE(an_aborted_transaction)
{
	fake_begin(); /* RFC 5321 D.2 */
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL RCPT "RSET\r\n", "250 250 250");
	ATF_CHECK_EQ(1, fake.asked[TX_RESET]);
	fake_dialogue("DATA\r\n", "503");
	fake_dialogue("QUIT\r\n", "221");
}

CASE(a_pipelined_group_is_answered_in_order)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE MAIL RCPT "DATA\r\n", "250 250 250 354");
	fake_dialogue(MESSAGE "QUIT\r\n", "250 221");
	ATF_CHECK_EQ(2, fake.nmessages);
	ATF_CHECK(fake.messages[1].committed);
}

CASE(commands_may_come_octet_by_octet)
{
	static const char text[] = EHLO MAIL RCPT;
	size_t i;

	fake_begin();
	for (i = 0; i < sizeof(text) - 1; i++)
		fake_say_octets(text + i, 1);
	fake_expect("250 250 250");
}

CASE(accepted_only_after_the_spool_has_said_so)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake.silent = true;
	fake_dialogue(MESSAGE, "");
	ATF_CHECK_EQ(1, fake.asked[SPOOL_COMMIT]);
	ATF_CHECK_EQ(0, fake_answer(SPOOL_COMMITTED, 1, RP_QUEUED));
	fake_run();
	ATF_CHECK(memmem(fake.heard.data, fake.heard.len,
		      "250 2.0.0 0000000000000001 ", 27) != NULL);
}

CASE(what_the_spool_refuses_is_refused)
{
	fake_begin();
	fake.commit = RP_NO_SPACE;
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "452");
	fake.grant = RP_NO_SPACE;
	fake_dialogue(ENVELOPE, "250 250 452");
	fake.refusal = RP_TRY_LATER;
	fake_dialogue(ENVELOPE, "250 250 451");
	fake_dialogue("NOOP\r\n", "250");
}

CASE(ehlo_clears_the_transaction)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL RCPT, "250 250");
	fake_dialogue(EHLO, "250");
	ATF_CHECK_EQ(1, fake.asked[TX_RESET]);
	fake_dialogue("DATA\r\n", "503");
}

CASE(helo_brings_no_extensions)
{
	fake_begin();
	fake_dialogue("HELO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net> SIZE=100\r\n", "555");
	fake_dialogue(MAIL, "250");
}

CASE(bad_arguments_are_refused)
{
	fake_begin();
	fake_dialogue("EHLO\r\n", "501");
	fake_dialogue("EHLO a b\r\n", "501");
	fake_dialogue(EHLO, "250");
	fake_dialogue("MAIL <a@example.net>\r\n", "501");
	fake_dialogue("MAIL FROM:a@example.net\r\n", "553");
	fake_dialogue("MAIL FROM:<a@example.net> X=1\r\n", "555");
	fake_dialogue("MAIL FROM:<\303\244@example.net>\r\n", "553");
	fake_dialogue(MAIL, "250");
	fake_dialogue("RCPT TO:<>\r\n", "553");
	fake_dialogue("DATA now\r\n", "503");
}

CASE(commands_without_a_use_are_answered)
{
	fake_begin();
	fake_dialogue("NOOP x\r\nHELP\r\nVRFY a\r\n", "250 214 252");
	fake_dialogue("EXPN a\r\nTURN\r\n", "502 502");
	fake_dialogue("STARTTLS\r\n", "502");
	fake_dialogue("AUTH PLAIN\r\n", "502");
	fake_dialogue("DEBUG\r\nWIZ\r\n\r\n", "500 500 500");
}

CASE(send_begins_a_transaction_where_it_is_served)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue("SEND FROM:<a@example.net>\r\n", "502");
	fake_dialogue("SOML FROM:<a@example.net>\r\n", "502");
	fake_dialogue("SAML FROM:<a@example.net>\r\n", "502");
	ATF_CHECK_EQ(0, fake.asked[TX_MAIL]);
	session_find(fake.sid)->services = SERVICE_TERMINAL;
	fake_dialogue("SEND FROM:<a@example.net>\r\n", "250");
	fake_dialogue("SOML FROM:<a@example.net>\r\n" MAIL, "503 503");
	fake_dialogue(RCPT, "250");
	fake_dialogue("SAML FROM:<a@example.net>\r\n", "503");
	fake_dialogue("DATA\r\n", "354");
	fake_dialogue(MESSAGE, "250");
}

CASE(a_browser_is_sent_away)
{
	fake_begin();
	fake_dialogue("GET / HTTP/1.1\r\n" EHLO MAIL, "521");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(0, fake.asked[TX_MAIL]);
}

CASE(too_large_a_size_is_refused_at_mail)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue("MAIL FROM:<a@example.net> SIZE=99999999999\r\n", "552");
	ATF_CHECK_EQ(0, fake.asked[TX_MAIL]);
}

CASE(too_large_a_message_is_refused_at_its_end)
{
	static char line[1000];
	unsigned i;

	fake_setup();
	fake.config.set.smtp_max_message_size = 64 * 1024;
	fake_connect();
	fake_expect("220");
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (i = 0; i < 100; i++)
		fake_say_octets(line, sizeof(line));
	fake_expect("");
	fake_dialogue(".\r\n", "552");
	ATF_CHECK(fake.messages[0].aborted);
	ATF_CHECK(!fake.messages[0].committed);
	fake_dialogue(MAIL, "250");
}

CASE(a_looping_message_is_refused)
{
	unsigned i;

	fake_setup();
	fake.config.set.smtp_limit_max_received = 10;
	fake_connect();
	fake_expect("220");
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	for (i = 0; i < 11; i++)
		fake_say("Received: from a by b; c\r\n");
	fake_dialogue("\r\nx\r\n.\r\n", "554");
	ATF_CHECK(fake.messages[0].aborted);
}

CASE(large_content_arrives_whole)
{
	static char line[500];
	unsigned i;

	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	fake_say("\r\n");
	for (i = 0; i < 1000; i++)
		fake_say_octets(line, sizeof(line));
	fake_dialogue(".\r\n", "250");
	ATF_CHECK_EQ(1000 * (sizeof(line) - 1) + 1,
	    fake.messages[0].content.len -
		(size_t)((unsigned char *)memmem(fake.messages[0].content.data,
			     fake.messages[0].content.len, "\n\nxx", 4) -
		    fake.messages[0].content.data + 1));
}

CASE(errors_end_the_session)
{
	unsigned i;

	fake_begin();
	for (i = 0; i < 10; i++)
		fake_dialogue("FOO\r\n", "500");
	fake_dialogue("FOO\r\n", "421");
	ATF_CHECK(fake.closed);
}

CASE(junk_ends_the_session)
{
	unsigned i;

	fake_begin();
	for (i = 0; i < 100; i++)
		fake_dialogue("NOOP\r\n", "250");
	fake_dialogue("NOOP\r\n", "421");
}

CASE(refused_recipients_end_the_session)
{
	unsigned i;

	fake_begin();
	fake.rcpt = RP_USER_UNKNOWN;
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL, "250");
	for (i = 0; i < 25; i++)
		fake_dialogue(RCPT, "550");
	fake_dialogue(RCPT, "421");
}

CASE(recipients_beyond_the_limit_are_deferred)
{
	fake_setup();
	fake.config.set.smtp_limit_max_rcpt = 2;
	fake_connect();
	fake_expect("220");
	fake_dialogue(EHLO, "250");
	fake_dialogue(MAIL RCPT RCPT RCPT "DATA\r\n", "250 250 250 452 354");
}

CASE(who_speaks_before_the_greeting_is_refused)
{
	fake_setup();
	fake.config.set.smtp_greeting_delay_s = 5;
	fake_connect();
	fake_expect("");
	fake_dialogue(EHLO, "554");
	ATF_CHECK(fake.closed);
}

CASE(who_is_not_let_in_hears_why)
{
	fake_setup();
	fake.opened = RP_TOO_MANY_CONN;
	fake_connect();
	fake_expect("421");
	ATF_CHECK(fake.closed);
}

CASE(a_client_that_leaves_in_its_message_aborts_it)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_say("Subject: x\r\n");
	shutdown(fake.client, SHUT_RDWR);
	fake_run();
	ATF_CHECK(fake.messages[0].aborted);
	ATF_CHECK_EQ(0, session_count());
}

CASE(a_stop_ends_idle_sessions)
{
	fake_begin();
	fake_dialogue(EHLO, "250");
	accept_stop();
	fake_run();
	fake_expect("421");
	shutdown(fake.client, SHUT_RDWR);
	fake_run();
	ATF_CHECK(fake.closed);
}

CASE(a_masked_listener_hides_the_client)
{
	fake_setup();
	fake.listener.mask_src = true;
	fake_connect();
	fake_expect("220");
	fake_dialogue(EHLO, "250");
	fake_dialogue(ENVELOPE, "250 250 354");
	fake_dialogue(MESSAGE, "250");
	ATF_CHECK(!fake_content_has(0, "192.0.2.1"));
	ATF_CHECK(!fake_content_has(0, "client.example"));
}

CASE(what_ehlo_announces)
{
	fake_begin();
	fake_say(EHLO);
	ATF_CHECK_EQ(0,
	    strncmp((const char *)fake.heard.data,
		"250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
		"250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250-DSN\r\n"
		"250-SIZE 36700160\r\n250-LIMITS RCPTMAX=1000 MAILMAX=1000\r\n"
		"250 HELP\r\n",
		fake.heard.len));
}

CASE(a_slow_reader_is_not_read_further)
{
	static char help[5000 * 6 + 1];
	unsigned i;

	fake_setup();
	fake.config.set.smtp_limit_max_junk = 1000000;
	fake_connect();
	fake_expect("220");
	for (i = 0; i < 5000; i++)
		memcpy(help + i * 6, "HELP\r\n", 6);
	ATF_REQUIRE_EQ(30000, send(fake.client, help, 30000, 0));
	/* it takes no reply meanwhile, and more than fits is asked for */
	for (i = 0; i < 100; i++)
		event_base_loop(loop_base(), EVLOOP_NONBLOCK);
	ATF_REQUIRE_EQ(1, session_count());
	ATF_CHECK(session_find(fake.sid)->writing);
	ATF_CHECK(session_find(fake.sid)->out.len <= 2 * SESSION_OUT);
	ATF_CHECK(session_find(fake.sid)->in.len > 0);
	fake_run();
	ATF_CHECK_EQ(1, session_count());
	ATF_CHECK(fake.heard.len > 5000 * 100);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_typical_transaction);
	ATF_TP_ADD_TC(tp, an_aborted_transaction);
	ATF_TP_ADD_TC(tp, a_pipelined_group_is_answered_in_order);
	ATF_TP_ADD_TC(tp, commands_may_come_octet_by_octet);
	ATF_TP_ADD_TC(tp, accepted_only_after_the_spool_has_said_so);
	ATF_TP_ADD_TC(tp, what_the_spool_refuses_is_refused);
	ATF_TP_ADD_TC(tp, ehlo_clears_the_transaction);
	ATF_TP_ADD_TC(tp, helo_brings_no_extensions);
	ATF_TP_ADD_TC(tp, bad_arguments_are_refused);
	ATF_TP_ADD_TC(tp, commands_without_a_use_are_answered);
	ATF_TP_ADD_TC(tp, send_begins_a_transaction_where_it_is_served);
	ATF_TP_ADD_TC(tp, a_browser_is_sent_away);
	ATF_TP_ADD_TC(tp, too_large_a_size_is_refused_at_mail);
	ATF_TP_ADD_TC(tp, too_large_a_message_is_refused_at_its_end);
	ATF_TP_ADD_TC(tp, a_looping_message_is_refused);
	ATF_TP_ADD_TC(tp, large_content_arrives_whole);
	ATF_TP_ADD_TC(tp, errors_end_the_session);
	ATF_TP_ADD_TC(tp, junk_ends_the_session);
	ATF_TP_ADD_TC(tp, refused_recipients_end_the_session);
	ATF_TP_ADD_TC(tp, recipients_beyond_the_limit_are_deferred);
	ATF_TP_ADD_TC(tp, who_speaks_before_the_greeting_is_refused);
	ATF_TP_ADD_TC(tp, who_is_not_let_in_hears_why);
	ATF_TP_ADD_TC(tp, a_client_that_leaves_in_its_message_aborts_it);
	ATF_TP_ADD_TC(tp, a_stop_ends_idle_sessions);
	ATF_TP_ADD_TC(tp, a_masked_listener_hides_the_client);
	ATF_TP_ADD_TC(tp, what_ehlo_announces);
	ATF_TP_ADD_TC(tp, a_slow_reader_is_not_read_further);
	return atf_no_error();
}
