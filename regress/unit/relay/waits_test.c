/* SPDX-License-Identifier: ISC
 *
 * Who goes first when there are fewer connections than all want.  A
 * destination that is left out looks again after a second at the latest: what
 * is shown here comes before that.  Classes: (h).
 */
#include <atf-c.h>
#include <stdio.h>
#include <unistd.h>

#include "regress/unit/relay/fake.h"

#define AT_ONCE 16 /* destinations that look for room at once */

/* All domains are at one host, which may have that many connections. */
#define CONFIG(n)                                                              \
	"hostname \"relay.example.org\"\n"                                     \
	"relay limit host-connections " n "\n"                                 \
	"relay timeout idle 1m\n"                                              \
	"table hosts { \"*.example\" = \"smtp://127.0.0.1:2501\" }\n"          \
	"action \"out\" relay domain <hosts>\n"

/* The next transaction is for that message. */
static void
sent(int fd, uint64_t id)
{
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(id, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
}

/* Of two connections a.example has one, and its message 1 is under way for as
 * long as the case goes on; b.example has the other, for message 2. */
static void
start_two(int *fd, int *other)
{
	int l;

	start(CONFIG("2"));
	l = host("127.0.0.1", 2501);
	deliver(1, "out", "a.example", 1);
	*fd = taken(l);
	greet(*fd);
	hear(*fd, "MAIL");
	deliver(2, "out", "b.example", 1);
	*other = taken(l);
	greet(*other);
}

ROOT_TC(who_had_a_connection_does_not_wait_for_another)
{
	int l, fd;

	start(CONFIG("1"));
	l = host("127.0.0.1", 2501);
	/* one stands; the second message finds no room for one more */
	deliver(1, "out", "a.example", 1);
	deliver(2, "out", "a.example", 1);
	fd = taken(l);
	greet(fd);
	sent(fd, 1);
	sent(fd, 2);
	/* it is kept, and goes to who comes first */
	deliver(3, "out", "a.example", 1);
	deliver(4, "out", "b.example", 1);
	sent(fd, 3);
	sent(fd, 4);
	played_stop();
}

ROOT_TC(who_has_lost_its_connection_is_in_turn_with_those_that_have_none)
{
	char domain[32];
	uint64_t id, left;
	int l, fd;

	start(CONFIG("1"));
	l = host("127.0.0.1", 2501);
	deliver(1, "out", "a.example", 1);
	deliver(2, "out", "a.example", 1);
	fd = taken(l);
	greet(fd);
	/* more than look for room when the first one has all */
	for (id = 10; id < 10 + 2 * AT_ONCE; id++) {
		snprintf(domain, sizeof(domain), "d%u.example", (unsigned)id);
		deliver(id, "out", domain, 1);
	}
	sent(fd, 1);
	sent(fd, 2);
	deliver(3, "out", "a.example", 1);
	/* not after all of them, the two that came later among them */
	deliver(id++, "out", "b.example", 1);
	deliver(id++, "out", "c.example", 1);
	for (left = id - 10 + 1; left > 0; left--) {
		transaction(fd, 1, "250 2.0.0 taken");
		expect(fake.scheduler, ROLE_SCHEDULER, OUTCOME);
		if (played.m.id == 3)
			break;
	}
	ATF_CHECK(left > 1);
	played_stop();
}

ROOT_TC(the_first_connection_of_one_goes_before_the_second_of_another)
{
	int fd, other;

	start_two(&fd, &other);
	/* who wants its second comes before who wants its first */
	deliver(3, "out", "a.example", 1);
	deliver(4, "out", "c.example", 1);
	sent(other, 2);
	sent(other, 4);
	sent(other, 3);
	close(fd);
	played_stop();
}

ROOT_TC(who_wants_another_connection_has_the_next_one)
{
	int fd, other;

	start_two(&fd, &other);
	deliver(3, "out", "a.example", 1);
	sent(other, 2);
	deliver(4, "out", "c.example", 1);
	sent(other, 3);
	sent(other, 4);
	close(fd);
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, who_had_a_connection_does_not_wait_for_another);
	ATF_TP_ADD_TC(tp,
	    who_has_lost_its_connection_is_in_turn_with_those_that_have_none);
	ATF_TP_ADD_TC(
	    tp, the_first_connection_of_one_goes_before_the_second_of_another);
	ATF_TP_ADD_TC(tp, who_wants_another_connection_has_the_next_one);
	return atf_no_error();
}
