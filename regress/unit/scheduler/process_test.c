/* SPDX-License-Identifier: ISC
 *
 * The scheduler's process, unconfined, between a spool, a delivery process and
 * a relay that this test plays: what goes before what when it starts.
 * Classes: (f), (h).
 */
#include <unistd.h>

#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"
#include "spool/scheduler/scheduler.h"

#define CONFIG                                                                 \
	"action \"box\" maildir\n"                                             \
	"action \"out\" relay\n"                                               \
	"match from any for domain \"example.org\" action \"box\"\n"           \
	"match from any for any action \"out\"\n"

static int spool, delivery;

static void
start(void)
{
	played_start(&scheduler_ops, CONFIG, "mx.example.org");
	delivery = join(ROLE_DELIVERY, 2);
	spool = join(ROLE_SPOOL, 3);
}

static void
stop(void)
{
	played_stop();
	close(delivery);
	close(spool);
}

/* The spool has a message for n times that recipient, which is due. */
static void
has_for_many(uint64_t id, unsigned n, const char *rcpt, const char *action)
{
	unsigned i;

	begin(QUEUE_ADD, id);
	buf_put_u64(&played.out, 1700000000);
	buf_put_u64(&played.out, 1000);
	buf_put_u8(&played.out, 1);
	put_str("<a@example.net>");
	buf_put_u16(&played.out, (uint16_t)n);
	for (i = 0; i < n; i++) {
		buf_put_u32(&played.out, i);
		buf_put_u8(&played.out, ENV_WAITING);
		buf_put_u64(&played.out, 0);
		buf_put_u16(&played.out, 0);
		buf_put_u8(&played.out, 0);
		put_str(rcpt);
		put_str(action);
		put_str("");
	}
	send_plain(spool);
}

static void
has_for(uint64_t id, const char *rcpt, const char *action)
{
	has_for_many(id, 1, rcpt, action);
}

static void
has(uint64_t id)
{
	has_for(id, "<jones@example.org>", "box");
}

static void
loaded(void)
{
	begin(QUEUE_LOADED, 0);
	send_plain(spool);
}

static void
assigned(uint64_t id)
{
	expect(spool, ROLE_SPOOL, QUEUE_ASSIGN);
	ATF_CHECK_EQ(id, played.m.id);
}

ROOT_TC(nothing_is_assigned_before_the_queue_is_known)
{
	start();
	has(1);
	has(2);
	silent(spool);
	loaded();
	assigned(1);
	assigned(2);
	/* and what comes then is not held */
	has(3);
	assigned(3);
	stop();
}

ROOT_TC(a_loading_that_does_not_end_is_not_waited_for)
{
	start();
	has(1);
	silent(spool);
	assigned(1);
	has(2);
	assigned(2);
	stop();
}

/* What became of an envelope, by delivery or a relay. */
static void
came_to(int fd, uint64_t id, uint32_t index, enum env_outcome outcome)
{
	begin(OUTCOME, id);
	buf_put_u32(&played.out, index);
	buf_put_u8(&played.out, (uint8_t)outcome);
	buf_put_u8(&played.out, SCOPE_ENVELOPE);
	put_str(outcome == OUT_DELIVERED ? "2.0.0" : "5.0.0");
	put_str("as it went");
	put_str("");
	send_plain(fd);
}

/* The next assignment is n envelopes of that message, for that. */
static void
assigned_for(uint64_t id, enum deliver_purpose purpose, unsigned n)
{
	struct rd *r = expect(spool, ROLE_SPOOL, QUEUE_ASSIGN);

	ATF_CHECK_EQ(id, played.m.id);
	ATF_CHECK_EQ(ROLE_DELIVERY, rd_u8(r));
	ATF_CHECK_EQ(2, rd_u32(r));
	ATF_CHECK_EQ(purpose, rd_u8(r));
	ATF_CHECK_EQ(n, rd_u16(r));
}

ROOT_TC(a_report_that_cannot_go_now_waits)
{
	start();
	loaded();
	has(1);
	assigned_for(1, PURPOSE_MAILBOX, 1);
	came_to(delivery, 1, 0, OUT_FAILED);
	assigned_for(1, PURPOSE_FAILURE, 1);
	came_to(delivery, 1, 0, OUT_DEFERRED);
	silent(spool);
	stop();
}

ROOT_TC(a_report_that_waits_does_not_go_with_another)
{
	start();
	loaded();
	has_for_many(1, 2, "<jones@example.org>", "box");
	assigned_for(1, PURPOSE_MAILBOX, 2);
	came_to(delivery, 1, 0, OUT_FAILED);
	came_to(delivery, 1, 1, OUT_FAILED);
	assigned_for(1, PURPOSE_FAILURE, 2);
	came_to(delivery, 1, 0, OUT_DEFERRED);
	came_to(delivery, 1, 1, OUT_REPORTED);
	expect(spool, ROLE_SPOOL, QUEUE_OUTCOME);
	silent(spool);
	stop();
}

/* A relay that is older than this scheduler has sent a message. */
static void
sent(int relay, uint64_t id)
{
	came_to(relay, id, 0, OUT_DELIVERED);
}

static void
recorded_as_delivered(uint64_t id)
{
	struct rd *r = expect(spool, ROLE_SPOOL, QUEUE_OUTCOME);

	ATF_CHECK_EQ(id, played.m.id);
	ATF_CHECK_EQ(0, rd_u32(r));
	ATF_CHECK_EQ(ENV_DELIVERED, rd_u8(r));
}

ROOT_TC(what_an_older_relay_has_sent_does_not_go_again)
{
	int relay;

	start();
	relay = join(ROLE_RELAY, 1);
	has_for(1, "<a@far.example>", "out");
	has_for(2, "<b@far.example>", "out");
	loaded();
	/* it has nothing else to do, and the relay gets nothing yet */
	silent(spool);
	sent(relay, 1);
	recorded_as_delivered(1);
	sent(relay, 2);
	recorded_as_delivered(2);
	stop();
	close(relay);
}

ROOT_TC(what_an_older_relay_has_sent_is_known_before_the_message_is)
{
	int relay;

	start();
	relay = join(ROLE_RELAY, 1);
	has_for(1, "<a@far.example>", "out");
	sent(relay, 2);
	silent(spool);
	has_for(2, "<b@far.example>", "out");
	recorded_as_delivered(2);
	stop();
	close(relay);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nothing_is_assigned_before_the_queue_is_known);
	ATF_TP_ADD_TC(tp, a_loading_that_does_not_end_is_not_waited_for);
	ATF_TP_ADD_TC(tp, a_report_that_cannot_go_now_waits);
	ATF_TP_ADD_TC(tp, a_report_that_waits_does_not_go_with_another);
	ATF_TP_ADD_TC(tp, what_an_older_relay_has_sent_does_not_go_again);
	ATF_TP_ADD_TC(
	    tp, what_an_older_relay_has_sent_is_known_before_the_message_is);
	return atf_no_error();
}
