/* SPDX-License-Identifier: ISC
 *
 * The relay's process, unconfined, between a master, a spool, a scheduler, a
 * resolver and other hosts that this test plays.  Classes: (a), (h).
 */
#include <sys/socket.h>

#include <atf-c.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/relay/fake.h"

#define CONFIG                                                                 \
	"hostname \"relay.example.org\"\n"                                     \
	"relay limit connections 2\n"                                          \
	"relay timeout idle 1m\n"                                              \
	"action \"smart\" relay host smtp://127.0.0.1:2501\n"                  \
	"action \"out\" relay\n"                                               \
	"action \"named\" relay host smtp://next.example:2501\n"

ROOT_TC(a_message_goes_to_the_host_that_is_named)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 2);
	fd = taken(l);
	greet(fd);
	transaction(fd, 2, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	outcome(1, 1, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	played_stop();
	closed(fd);
}

ROOT_TC(a_connection_is_used_again)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	deliver(2, "smart", "", 1);
	transaction(fd, 1, "250 2.0.0 taken too");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken too");
	silent(l);
	/* one that is over meanwhile costs nothing: there is another */
	close(fd);
	deliver(3, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken again");
	outcome(3, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken again");
	played_stop();
}

ROOT_TC(no_more_connections_than_the_limit)
{
	int l, fd, other;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	deliver(2, "smart", "", 1);
	deliver(3, "smart", "", 1);
	fd = taken(l);
	/* until one stands there is one attempt */
	silent(l);
	greet(fd);
	hear(fd, "MAIL");
	other = taken(l);
	greet(other);
	hear(other, "MAIL");
	silent(l);
	close(fd);
	close(other);
	played_stop();
}

ROOT_TC(a_host_that_refuses_defers_all_that_waits)
{
	start(CONFIG);
	deliver(1, "smart", "", 2);
	outcome(1, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1",
	    "127.0.0.1 [127.0.0.1]: Connection refused");
	outcome(1, 1, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1", "refused");
	/* and is tried again with the next message */
	deliver(2, "smart", "", 1);
	outcome(2, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1", "refused");
	played_stop();
}

ROOT_TC(one_destination_does_not_wait_for_another)
{
	int slow, l, fd;

	start(CONFIG);
	slow = host("127.0.0.1", 25);
	l = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	asked(DNS_AAAA, "next.example");
	asked(DNS_A, "next.example");
	/* no answer */
	deliver(2, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	close(slow);
	played_stop();
}

ROOT_TC(the_other_family_is_tried)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	answer_address(DNS_AAAA, "next.example", "::1");
	answer_address(DNS_A, "next.example", "127.0.0.1");
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	played_stop();
}

ROOT_TC(a_greeting_that_refuses_sends_us_to_the_next_address)
{
	int six, four, fd;

	start(CONFIG);
	six = host("::1", 2501);
	four = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	answer_address(DNS_AAAA, "next.example", "::1");
	answer_address(DNS_A, "next.example", "127.0.0.1");
	fd = taken(six);
	say(fd, "554 5.7.1 not from there");
	closed(fd);
	fd = taken(four);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	/* what worked is remembered */
	played_stop();
}

ROOT_TC(what_dns_says_for_good_is_for_good)
{
	start(CONFIG);
	deliver(1, "out", "none.example", 1);
	answer_nothing(DNS_MX, "none.example", DNS_NO_NAME);
	outcome(1, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.2", "none.example");
	deliver(2, "out", "null.example", 1);
	answer_mx("null.example", "");
	outcome(2, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.10", "null.example");
	deliver(3, "out", "loop.example", 1);
	answer_mx("loop.example", "relay.example.org");
	outcome(3, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.4.6", "loop.example");
	deliver(4, "out", "bogus.example", 1);
	answer_nothing(DNS_MX, "bogus.example", DNS_BOGUS);
	outcome(4, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "signatures");
	played_stop();
}

ROOT_TC(the_end_of_the_resolver_is_temporary)
{
	start(CONFIG);
	deliver(1, "out", "late.example", 1);
	asked(DNS_MX, "late.example");
	close(fake.resolver);
	outcome(1, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "resolver");
	deliver(2, "out", "late.example", 1);
	outcome(2, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "resolver");
	fake.resolver = join(ROLE_RESOLVER, 5);
	close(fake.spool);
	fake.spool = join(ROLE_SPOOL, 6);
	deliver(3, "out", "none.example", 1);
	answer_nothing(DNS_MX, "none.example", DNS_NO_NAME);
	outcome(3, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.2", "none.example");
	played_stop();
}

ROOT_TC(what_is_in_hand_is_not_sent_twice)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	hear(fd, "MAIL");
	/* a new scheduler does not know */
	close(fake.scheduler);
	fake.scheduler = join(ROLE_SCHEDULER, 6);
	close(fake.spool);
	fake.spool = join(ROLE_SPOOL, 7);
	deliver_doubt(1, "smart", "", 1, DELIVER_IN_DOUBT);
	/* it has had that when it asks where the next one goes */
	deliver(2, "named", "", 1);
	asked(DNS_AAAA, "next.example");
	asked(DNS_A, "next.example");
	say(fd, "250 ok");
	hear(fd, "RCPT");
	say(fd, "550 5.1.1 no");
	outcome(1, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.1", "no");
	silent(fake.scheduler);
	/* no other connection for a second copy */
	silent(l);
	played_stop();
}

ROOT_TC(what_was_sent_without_a_scheduler_is_told_to_the_next)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	close(fake.scheduler);
	transaction(fd, 1, "250 2.0.0 taken");
	silent(fd);
	fake.scheduler = join(ROLE_SCHEDULER, 6);
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "no scheduler");
	silent(fake.scheduler);
	played_stop();
}

ROOT_TC(an_address_is_not_more_than_one_command)
{
	int l;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "example.net>\r\nRSET", 1);
	outcome(1, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.3.0", "address");
	silent(l);
	played_stop();
}

ROOT_TC(who_retires_finishes_first)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	begin(M_RETIRE, 0);
	send_plain(played.master);
	expect(fake.scheduler, ROLE_SCHEDULER, QUEUE_LEAVE);
	deliver(2, "smart", "", 1);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	closed(fd);
	played_ended();
}

/* A server that ends the connection at that point of a transaction, having
 * said this. */
static void
breaks(uint64_t id, int l, unsigned commands, const char *words,
    const char *status, const char *text)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "DATA", "Subj" };
	static const char *const fine[] = { "250 ok", "250 ok", "354 go" };
	unsigned i;
	int fd;

	deliver(id, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	for (i = 0; i < commands; i++) {
		hear(fd, verbs[i]);
		say(fd, fine[i]);
	}
	hear(fd, verbs[commands]);
	if (words != NULL)
		say(fd, words);
	shutdown(fd, SHUT_RDWR);
	close(fd);
	outcome(id, 0, OUT_DEFERRED, SCOPE_DESTINATION, status, text);
}

ROOT_TC(servers_that_break_off_cost_one_attempt)
{
	int l;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	breaks(1, l, 0, NULL, "4.4.2", "closed the connection");
	breaks(2, l, 1, NULL, "4.4.2", "closed the connection");
	breaks(3, l, 2, NULL, "4.4.2", "closed the connection");
	breaks(4, l, 0, "421 4.3.2 later", "4.3.2", "421 4.3.2 later");
	breaks(5, l, 1, "no reply at all", "4.5.0", "no reply");
	breaks(6, l, 1, "250-a\r\n251 b", "4.5.0", "no reply");
	/* nothing of it is sent again before it is given again */
	silent(l);
	played_stop();
}

ROOT_TC(what_is_said_unasked_ends_the_connection)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	say(fd, "250 and another");
	closed(fd);
	deliver(2, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "450 4.2.0 not now");
	outcome(2, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.2.0", "not now");
	played_stop();
}

ROOT_TC(an_old_server_knows_helo_alone)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	say(fd, "220-next.example\r\n220 is old");
	hear(fd, "EHLO ");
	say(fd, "502 what?");
	hear(fd, "HELO relay.example.org\r\n");
	say(fd, "250 next.example");
	transaction(fd, 1, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	played_stop();
}

ROOT_TC(a_connection_ends_when_the_server_says)
{
	int l, fd, other;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	say(fd, "220 next.example");
	hear(fd, "EHLO ");
	say(fd, "250-next.example\r\n250 LIMITS MAILMAX=1");
	transaction(fd, 1, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	hear(fd, "QUIT");
	deliver(2, "smart", "", 1);
	other = taken(l);
	greet(other);
	transaction(other, 1, "250 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	played_stop();
}

ROOT_TC(recipients_are_split_as_the_server_says)
{
	int l, fd;

	start(CONFIG);
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 3);
	fd = taken(l);
	say(fd, "220 next.example");
	hear(fd, "EHLO ");
	say(fd, "250-next.example\r\n250 LIMITS RCPTMAX=2");
	transaction(fd, 2, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	outcome(1, 1, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	transaction(fd, 1, "554 5.6.0 bad content");
	outcome(1, 2, OUT_FAILED, SCOPE_ENVELOPE, "5.6.0", "bad content");
	played_stop();
}

/* Nothing happens there for a part of the time-out below. */
static void
goes_on(int fd)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		silent(fd);
}

ROOT_TC(each_reply_to_the_end_of_lmtp_has_its_time)
{
	unsigned i;
	int l, fd;

	start(CONFIG "relay timeout data-end 2s\n"
		     "action \"boxes\" relay host lmtp://127.0.0.1:2501\n");
	l = host("127.0.0.1", 2501);
	deliver(1, "boxes", "", 4);
	fd = taken(l);
	say(fd, "220 next.example");
	hear(fd, "LHLO ");
	say(fd, "250 next.example");
	transaction(fd, 4, "250 2.0.0 in the mailbox");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "mailbox");
	for (i = 1; i < 4; i++) {
		goes_on(fd);
		say(fd, "250 2.0.0 in the mailbox");
		outcome(
		    1, i, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "mailbox");
	}
	/* but no more than that */
	deliver(2, "boxes", "", 2);
	transaction(fd, 2, "250 2.0.0 in the mailbox");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "mailbox");
	outcome(2, 1, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.2", "in time");
	played_stop();
}

ROOT_TC(an_action_that_is_gone_is_tried_again)
{
	start(CONFIG);
	deliver(1, "gone", "example.net", 1);
	outcome(1, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.3.0", "action");
	played_stop();
}

/* What the spool and the resolver may not say. */
ROOT_TC(peers_that_break_the_protocol_are_closed)
{
	char octet;

	start(CONFIG);
	begin(DELIVER, 1);
	buf_put_u8(&played.out, PURPOSE_MAILBOX);
	while (played.out.len < 60)
		buf_put_u8(&played.out, 0);
	send_plain(fake.spool);
	readable(fake.spool, "end");
	ATF_CHECK_EQ(0, recv(fake.spool, &octet, 1, 0));
	answer_begin(77, DNS_OK, 0);
	send_plain(fake.resolver);
	readable(fake.resolver, "end");
	ATF_CHECK_EQ(0, recv(fake.resolver, &octet, 1, 0));
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_message_goes_to_the_host_that_is_named);
	ATF_TP_ADD_TC(tp, a_connection_is_used_again);
	ATF_TP_ADD_TC(tp, no_more_connections_than_the_limit);
	ATF_TP_ADD_TC(tp, a_host_that_refuses_defers_all_that_waits);
	ATF_TP_ADD_TC(tp, one_destination_does_not_wait_for_another);
	ATF_TP_ADD_TC(tp, the_other_family_is_tried);
	ATF_TP_ADD_TC(tp, a_greeting_that_refuses_sends_us_to_the_next_address);
	ATF_TP_ADD_TC(tp, what_dns_says_for_good_is_for_good);
	ATF_TP_ADD_TC(tp, the_end_of_the_resolver_is_temporary);
	ATF_TP_ADD_TC(tp, what_is_in_hand_is_not_sent_twice);
	ATF_TP_ADD_TC(
	    tp, what_was_sent_without_a_scheduler_is_told_to_the_next);
	ATF_TP_ADD_TC(tp, an_address_is_not_more_than_one_command);
	ATF_TP_ADD_TC(tp, who_retires_finishes_first);
	ATF_TP_ADD_TC(tp, servers_that_break_off_cost_one_attempt);
	ATF_TP_ADD_TC(tp, what_is_said_unasked_ends_the_connection);
	ATF_TP_ADD_TC(tp, an_old_server_knows_helo_alone);
	ATF_TP_ADD_TC(tp, a_connection_ends_when_the_server_says);
	ATF_TP_ADD_TC(tp, recipients_are_split_as_the_server_says);
	ATF_TP_ADD_TC(tp, each_reply_to_the_end_of_lmtp_has_its_time);
	ATF_TP_ADD_TC(tp, an_action_that_is_gone_is_tried_again);
	ATF_TP_ADD_TC(tp, peers_that_break_the_protocol_are_closed);
	return atf_no_error();
}
