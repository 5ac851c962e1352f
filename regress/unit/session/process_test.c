/* SPDX-License-Identifier: ISC
 *
 * The process around its sessions: when it accepts, when it has done its
 * work, and what time does.  Classes: (e), (h).
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include "privsep/base/clock.h"
#include "regress/unit/session/fake.h"

#define WAIT_MS 6000 /* for what takes a second or two */

#define CASE(name)                                                             \
	ATF_TC_WITHOUT_HEAD(name);                                             \
	ATF_TC_BODY(name, tc)

static struct sockaddr_in where;

/* A listening socket on loopback, given to the process. */
static int
door_open(void)
{
	socklen_t len = sizeof(where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	where = (struct sockaddr_in){ .sin_family = AF_INET };
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE(bind(fd, (struct sockaddr *)&where, len) == 0);
	ATF_REQUIRE(listen(fd, 8) == 0);
	ATF_REQUIRE(getsockname(fd, (struct sockaddr *)&where, &len) == 0);
	accept_listen(fd, 0);
	return fd;
}

/* Connect; false when nobody listens any more. */
static bool
door_knock(void)
{
	if (fake.client >= 0)
		close(fake.client);
	fake.client = socket(AF_INET, SOCK_STREAM, 0);
	ATF_REQUIRE(fake.client >= 0);
	if (connect(fake.client, (struct sockaddr *)&where, sizeof(where)) != 0)
		return false;
	fake_run();
	return true;
}

/* Let time pass until the session has said something. */
static void
wait_heard(void)
{
	uint64_t end = clock_ms() + WAIT_MS;

	while (fake.heard.len == 0 && clock_ms() < end) {
		usleep(20000);
		fake_run();
	}
}

CASE(a_worker_takes_many)
{
	fake_setup();
	door_open();
	ATF_CHECK(door_knock());
	fake_expect("220");
	ATF_CHECK(door_knock());
	fake_expect("220");
	ATF_CHECK_EQ(0, fake.asked[M_TAKEN]);
	ATF_CHECK(!fake.exited);
}

CASE(a_worker_retires_and_ends_with_its_last_session)
{
	fake_setup();
	fake.config.set.smtp_worker_connections = 1;
	door_open();
	ATF_CHECK(door_knock());
	fake_expect("220");
	ATF_CHECK_EQ(1, fake.asked[M_RETIRED]);
	ATF_CHECK(!fake.exited);
	fake_dialogue("QUIT\r\n", "221");
	ATF_CHECK(fake.exited);
	ATF_CHECK(!door_knock());
}

CASE(a_connection_process_takes_one)
{
	fake_setup();
	fake.listener.isolation = ISOLATION_CONNECTION;
	door_open();
	ATF_CHECK(door_knock());
	fake_expect("220");
	ATF_CHECK_EQ(1, fake.asked[M_TAKEN]);
	fake_dialogue("QUIT\r\n", "221");
	ATF_CHECK(fake.exited);
	ATF_CHECK(!door_knock());
}

CASE(a_pause_leaves_connections_waiting)
{
	fake_setup();
	door_open();
	accept_pause(true);
	ATF_CHECK(door_knock());
	fake_expect("");
	accept_pause(false);
	fake_run();
	fake_expect("220");
}

CASE(without_the_spool_nobody_is_let_in)
{
	fake_setup();
	door_open();
	fake_lose(ROLE_SPOOL);
	accept_update();
	ATF_CHECK(door_knock());
	fake_expect("");
	ATF_CHECK_EQ(0, fake.asked[SESSION_OPEN]);
}

CASE(an_idle_process_stops_at_once)
{
	fake_setup();
	door_open();
	accept_stop();
	ATF_CHECK(fake.exited);
}

/* Let so much time pass, unless the session says something. */
static void
let_pass(uint64_t ms)
{
	uint64_t end = clock_ms() + ms;

	while (fake.heard.len == 0 && clock_ms() < end) {
		usleep(20000);
		fake_run();
	}
}

/* The client sends a few octets now and then. */
static void
sip(unsigned times)
{
	while (times-- > 0 && fake.heard.len == 0) {
		let_pass(500);
		fake_say("x\r\n");
	}
}

CASE(a_client_that_is_not_read_is_not_slow)
{
	fake_setup();
	fake.config.set.smtp_limit_max_sessions = 1;
	fake.config.set.smtp_workers = 1;
	fake.config.set.smtp_timeout_stress_s = 2;
	fake.config.set.smtp_timeout_rate_grace_s = 4;
	fake.config.set.smtp_limit_min_rate = 1000000;
	fake_connect();
	fake_expect("220");
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"
		      "DATA\r\n",
	    "250 250 354");
	/* it speaks, and we do not listen */
	fake.full = true;
	fake_say("Subject: x\r\n\r\n");
	let_pass(3500);
	fake_expect("");
	fake.full = false;
	peers_spool_drained();
	fake_run();
	/* nor is that time a part of what its rate is taken of */
	sip(6);
	fake_expect("");
	/* as the time is in which we do */
	sip(12);
	fake_expect("421");
}

CASE(a_silent_client_is_sent_away)
{
	fake_setup();
	fake.config.set.smtp_timeout_command_s = 1;
	fake_connect();
	fake_expect("220");
	wait_heard();
	fake_expect("421");
	ATF_CHECK(fake.closed);
}

CASE(the_greeting_waits_as_long_as_it_is_told_to)
{
	uint64_t begun = clock_ms();

	fake_setup();
	fake.config.set.smtp_greeting_delay_s = 1;
	fake_connect();
	fake_expect("");
	wait_heard();
	fake_expect("220");
	ATF_CHECK(clock_ms() - begun >= 1000);
	fake_dialogue("EHLO client.example\r\n", "250");
}

CASE(a_message_in_drops_is_too_slow)
{
	fake_setup();
	fake.config.set.smtp_timeout_data_total_s = 1;
	fake_connect();
	fake_expect("220");
	fake_dialogue("EHLO client.example\r\n", "250");
	fake_dialogue("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"
		      "DATA\r\n",
	    "250 250 354");
	wait_heard();
	fake_expect("421");
	ATF_CHECK(fake.messages[0].aborted);
}

CASE(a_client_that_stays_after_the_end_is_left)
{
	uint64_t end = clock_ms() + WAIT_MS;

	fake_begin();
	fake_dialogue("POST / HTTP/1.1\r\n", "521");
	ATF_CHECK_EQ(1, session_count());
	while (session_count() > 0 && clock_ms() < end) {
		usleep(20000);
		fake_run();
	}
	ATF_CHECK_EQ(0, session_count());
}

/* The client sends more than is read in one go, all at once. */
static void
say_too_much(const char *verb)
{
	static char octets[110000];

	memset(octets, 'x', sizeof(octets));
	memcpy(octets, verb, strlen(verb));
	ATF_REQUIRE(fcntl(fake.client, F_SETFL, O_NONBLOCK) == 0);
	ATF_REQUIRE(send(fake.client, octets, sizeof(octets), 0) > 0);
	fake_run();
}

CASE(the_last_reply_goes_before_a_close_that_finds_input)
{
	static const struct {
		const char *say, *codes;
	} last[] = {
		{ "QUIT\r\n", "221" },
		{ "NOOP\r\nQUIT\r\n", "250 221" },
		{ "POST / HTTP/1.1\r\n", "521" },
	};
	size_t i;

	fake_setup();
	fake.config.set.smtp_timeout_linger_s = 0;
	door_open();
	for (i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		ATF_REQUIRE(door_knock());
		fake_expect("220");
		say_too_much(last[i].say);
		fake_expect(last[i].codes);
		ATF_CHECK_EQ(0, session_count());
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_worker_takes_many);
	ATF_TP_ADD_TC(tp, a_worker_retires_and_ends_with_its_last_session);
	ATF_TP_ADD_TC(tp, a_connection_process_takes_one);
	ATF_TP_ADD_TC(tp, a_pause_leaves_connections_waiting);
	ATF_TP_ADD_TC(tp, without_the_spool_nobody_is_let_in);
	ATF_TP_ADD_TC(tp, an_idle_process_stops_at_once);
	ATF_TP_ADD_TC(tp, a_client_that_is_not_read_is_not_slow);
	ATF_TP_ADD_TC(tp, a_silent_client_is_sent_away);
	ATF_TP_ADD_TC(tp, the_greeting_waits_as_long_as_it_is_told_to);
	ATF_TP_ADD_TC(tp, a_message_in_drops_is_too_slow);
	ATF_TP_ADD_TC(tp, a_client_that_stays_after_the_end_is_left);
	ATF_TP_ADD_TC(tp, the_last_reply_goes_before_a_close_that_finds_input);
	return atf_no_error();
}
