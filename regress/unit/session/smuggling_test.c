/* SPDX-License-Identifier: ISC
 *
 * One message in, at most one message out: every sequence that some server
 * has taken for the end of data (SMTP smuggling), in front of a second
 * transaction, whole and cut at every octet.  Class: (a).
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include "regress/unit/session/fake.h"

#define BODY "Subject: s\r\n\r\na"
#define AFTER                                                                  \
	"MAIL FROM:<s@x.example>\r\nRCPT TO:<v@local.example>\r\nDATA\r\n"     \
	"smuggled\r\n.\r\n"

/* A sequence, and whether its octets are allowed in a message. */
struct trick {
	const char *octets;
	size_t len;
	bool clean;
};

#define TRICK(s, clean)                                                        \
	{                                                                      \
		(s), sizeof(s) - 1, (clean)                                    \
	}

static const struct trick tricks[] = {
	TRICK("\n.\n", false),
	TRICK("\n.\r\n", false),
	TRICK("\r.\r", false),
	TRICK("\r\n.\n", false),
	TRICK("\r\n.\r", false),
	TRICK("\r.\r\n", false),
	TRICK("\n.\r", false),
	TRICK("\r\r\n.\r\n", false),
	TRICK("\r\n.\r\r\n", false),
	TRICK("\r\n.\0\r\n", false),
	TRICK("\r\n\0.\r\n", false),
	TRICK("\r\n.\0junk\r\n", false),
	TRICK("\r\n. \r\n", true),
	TRICK("\r\n.\t\r\n", true),
	TRICK("\r\n..\r\n", true),
	TRICK("\342\200\250.\342\200\250", true),
	TRICK("\302\205.\302\205", true),
	TRICK("\205.\205", true),
};

/* Send the trick with the rest, the first cut octets apart. */
static void
play(const struct trick *t, size_t cut)
{
	struct buf all;

	buf_init(&all, 4096);
	buf_add_str(&all, BODY);
	cut += all.len;
	buf_add(&all, t->octets, t->len);
	buf_add_str(&all, AFTER);
	fake_begin();
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"
		      "DATA\r\n",
	    "250 250 354");
	fake_say_octets(all.data, cut);
	fake_say_octets(all.data + cut, all.len - cut);
	buf_clear(&all);
}

ATF_TC_WITHOUT_HEAD(no_trick_makes_two_messages_of_one);
ATF_TC_BODY(no_trick_makes_two_messages_of_one, tc)
{
	size_t i, cut;

	for (i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		for (cut = 0; cut <= tricks[i].len; cut++) {
			const struct trick *t = &tricks[i];
			const char *want = t->clean ? "250" : "550";

			play(t, cut);
			ATF_CHECK_EQ_MSG(1, fake.nmessages, "trick %zu", i);
			ATF_CHECK_EQ_MSG(
			    1, fake.asked[TX_MAIL], "trick %zu", i);
			ATF_CHECK_EQ_MSG(t->clean, fake.messages[0].committed,
			    "trick %zu", i);
			ATF_CHECK_EQ_MSG(!t->clean, fake.messages[0].aborted,
			    "trick %zu", i);
			fake_expect(want);
			/* a stray octet ends the connection */
			ATF_CHECK_EQ_MSG(
			    !t->clean, fake.closed, "trick %zu", i);
			close(fake.client);
			event_base_loop(loop_base(), EVLOOP_NONBLOCK);
		}
	}
}

ATF_TC_WITHOUT_HEAD(a_stray_octet_counts_after_another_fault);
ATF_TC_BODY(a_stray_octet_counts_after_another_fault, tc)
{
	fake_setup();
	fake_connect();
	fake_expect("220");
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"
		      "DATA\r\n",
	    "250 250 354");
	fake_lose(ROLE_SPOOL);
	fake_dialogue("x\r\n.\n" AFTER, "550");
	ATF_CHECK(fake.closed);
}

ATF_TC_WITHOUT_HEAD(content_with_data_is_improper_pipelining);
ATF_TC_BODY(content_with_data_is_improper_pipelining, tc)
{
	fake_begin();
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"
		      "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n",
	    "250 250 503");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(0, fake.nmessages);
}

ATF_TC_WITHOUT_HEAD(content_before_354_is_improper_pipelining);
ATF_TC_BODY(content_before_354_is_improper_pipelining, tc)
{
	fake_begin();
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue(
	    "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n",
	    "250 250");
	fake.silent = true;
	fake_dialogue("DATA\r\n", "");
	fake_dialogue("Subject: x\r\n", "");
	fake.nmessages = 1;
	ATF_CHECK_EQ(0, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	fake_run();
	fake_expect("503");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(1, fake.asked[SPOOL_ABORT]);
}

/* What is said while RCPT is asked about, DATA being one of the commands that
 * came with it; then both are answered. */
static void
group_then(const char *group, const char *more, const char *codes)
{
	fake_begin();
	fake_dialogue("EHLO client.example\r\n", "250");
	fake.silent = true;
	fake_dialogue(group, "");
	ATF_CHECK_EQ(1, fake.asked[TX_RCPT]);
	fake_dialogue(more, "");
	ATF_CHECK_EQ(0, fake_answer(TX_RCPT_ANSWER, fake.sid, RP_RCPT_OK));
	fake_run();
	ATF_CHECK_EQ(1, fake.asked[TX_DATA]);
	fake.nmessages = 1;
	ATF_CHECK_EQ(0, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	fake_run();
	fake_expect(codes);
}

#define GROUP "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"

ATF_TC_WITHOUT_HEAD(content_before_354_of_a_group_is_improper_pipelining);
ATF_TC_BODY(content_before_354_of_a_group_is_improper_pipelining, tc)
{
	group_then(
	    GROUP "DATA\r\n", "Subject: x\r\n\r\nx\r\n.\r\n", "250 250 503");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(1, fake.asked[SPOOL_ABORT]);
}

ATF_TC_WITHOUT_HEAD(data_that_comes_while_rcpt_is_asked_is_in_order);
ATF_TC_BODY(data_that_comes_while_rcpt_is_asked_is_in_order, tc)
{
	group_then(GROUP, "DATA\r\n", "250 250 354");
	ATF_CHECK(!fake.closed);
}

ATF_TC_WITHOUT_HEAD(content_in_the_turn_of_its_grant_is_improper_pipelining);
ATF_TC_BODY(content_in_the_turn_of_its_grant_is_improper_pipelining, tc)
{
	fake_begin();
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue(GROUP, "250 250");
	fake.silent = true;
	fake_dialogue("DATA\r\n", "");
	ATF_REQUIRE_EQ(1, send(fake.client, "S", 1, MSG_NOSIGNAL));
	fake.nmessages = 1;
	ATF_CHECK_EQ(0, fake_answer(SPOOL_GRANT, 1, RP_DATA_GO));
	fake_run();
	fake_expect("503");
	ATF_CHECK(fake.closed);
}

ATF_TC_WITHOUT_HEAD(commands_with_ehlo_are_improper_pipelining);
ATF_TC_BODY(commands_with_ehlo_are_improper_pipelining, tc)
{
	fake_begin();
	fake_dialogue(
	    "EHLO client.example\r\nMAIL FROM:<a@example.net>\r\n", "503");
	ATF_CHECK(fake.closed);
	ATF_CHECK_EQ(0, fake.asked[TX_MAIL]);
}

ATF_TC_WITHOUT_HEAD(what_follows_quit_is_ignored);
ATF_TC_BODY(what_follows_quit_is_ignored, tc)
{
	fake_begin();
	fake_dialogue("QUIT\r\nNOOP\r\nEHLO x\r\n", "221");
	ATF_CHECK(fake.closed);
}

ATF_TC_WITHOUT_HEAD(bare_ends_of_line_in_commands_are_refused);
ATF_TC_BODY(bare_ends_of_line_in_commands_are_refused, tc)
{
	fake_begin();
	fake_dialogue("NOOP\nNOOP\r\n", "500");
	fake_dialogue("NOOP\rNOOP\r\n", "500");
	fake_say_octets("NO\0OP\r\n", 7);
	fake_expect("500");
	fake_dialogue("NOOP\r\n", "250");
}

ATF_TC_WITHOUT_HEAD(the_tail_of_a_long_line_is_no_command);
ATF_TC_BODY(the_tail_of_a_long_line_is_no_command, tc)
{
	char line[700];

	memset(line, 'x', sizeof(line));
	memcpy(line, "NOOP ", 5);
	memcpy(line + 600, "\nQUIT ", 6);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	fake_begin();
	fake_say_octets(line, sizeof(line));
	fake_expect("500");
	fake_dialogue("NOOP\r\n", "250");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, no_trick_makes_two_messages_of_one);
	ATF_TP_ADD_TC(tp, a_stray_octet_counts_after_another_fault);
	ATF_TP_ADD_TC(tp, content_with_data_is_improper_pipelining);
	ATF_TP_ADD_TC(tp, content_before_354_is_improper_pipelining);
	ATF_TP_ADD_TC(tp, content_before_354_of_a_group_is_improper_pipelining);
	ATF_TP_ADD_TC(tp, data_that_comes_while_rcpt_is_asked_is_in_order);
	ATF_TP_ADD_TC(
	    tp, content_in_the_turn_of_its_grant_is_improper_pipelining);
	ATF_TP_ADD_TC(tp, commands_with_ehlo_are_improper_pipelining);
	ATF_TP_ADD_TC(tp, what_follows_quit_is_ignored);
	ATF_TP_ADD_TC(tp, bare_ends_of_line_in_commands_are_refused);
	ATF_TP_ADD_TC(tp, the_tail_of_a_long_line_is_no_command);
	return atf_no_error();
}
