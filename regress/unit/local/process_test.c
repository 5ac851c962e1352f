/* SPDX-License-Identifier: ISC
 *
 * The delivery process, unconfined, between a router, a spool and a scheduler
 * that this test plays: what becomes of a report when one of them is lost or
 * refuses it.  Classes: (f), (h).
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "delivery/local/delivery.h"
#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"
#include "smtpd/mail/date.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/mail/replies.h"

#define CONFIG                                                                 \
	"action \"box\" maildir\n"                                             \
	"action \"soon\" relay ttl 1h\n"                                       \
	"match from any for any action \"box\"\n"

#define CREATED_S 1700000000
#define REPORT_ID 77

static int scheduler, router, spool;
static uint64_t session; /* of the report that was begun last */

static void
start(void)
{
	played_start(&delivery_ops, CONFIG, "mx.example.org");
	scheduler = join(ROLE_SCHEDULER, 2);
	router = join(ROLE_ROUTER, 3);
	/* the last one, so that what it sends finds the others there */
	spool = join(ROLE_SPOOL, 4);
}

/* Another router is there, before what the spool sends then. */
static void
router_again(uint32_t instance)
{
	router = join(ROLE_ROUTER, instance);
	close(spool);
	spool = join(ROLE_SPOOL, instance + 1);
}

static void
stop(void)
{
	played_stop();
	close(scheduler);
	close(router);
	close(spool);
}

/* Message 1 is for jones, to be delivered or reported on. */
static void
deliver(enum deliver_purpose purpose, const char *action, uint8_t notify)
{
	begin(DELIVER, 1);
	buf_put_u8(&played.out, (uint8_t)purpose);
	buf_put_u64(&played.out, CREATED_S);
	put_str("a@example.net");
	buf_put_u8(&played.out, 0);
	buf_put_u8(&played.out, MAIL_RET_FULL);
	put_str("");
	buf_put_u64(&played.out, 0);
	buf_put_u16(&played.out, 1);
	buf_put_u32(&played.out, 0);
	buf_put_u8(&played.out, 0);
	buf_put_u8(&played.out, OUT_FAILED);
	put_str("5.1.1");
	put_str("no such user");
	put_str("");
	put_str("jones@example.org");
	put_str("");
	buf_put_u8(&played.out, notify);
	put_str(action);
	put_str("jones");
	put_str("Subject: s\n\nbody\n");
	send_plain(spool);
}

static void
to_report(enum deliver_purpose purpose, const char *action)
{
	deliver(purpose, action, 0);
}

/* It is delivered: the master starts a mailer, which says so. */
static void
into_the_mailbox(void)
{
	int pair[2];

	expect(played.master, ROLE_MASTER, MAILER_START);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	begin(M_PEER, 9);
	buf_put_u8(&played.out, ROLE_MAILER);
	buf_put_u64(&played.out, played.m.id);
	send_fds(played.master, &pair[1], 1);
	close(pair[1]);
	expect(pair[0], ROLE_MAILER, MAILBOX_PUT);
	begin(MAILBOX_DONE, 1);
	buf_put_u32(&played.out, 0);
	buf_put_u8(&played.out, OUT_DELIVERED);
	put_str("2.0.0");
	put_str("in the mailbox");
	send_plain(pair[0]);
	/* that is all that it does; its end changes nothing */
	close(pair[0]);
}

/* The report is asked to be routed, and is. */
static void
routed(void)
{
	expect(router, ROLE_ROUTER, TX_MAIL);
	expect(router, ROLE_ROUTER, TX_RCPT);
	session = played.m.id;
	begin(TX_RCPT_ANSWER, session);
	buf_put_u16(&played.out, RP_RCPT_OK);
	buf_put_u64(&played.out, REPORT_ID);
	put_str("");
	send_plain(router);
	expect(router, ROLE_ROUTER, TX_DATA);
}

/* The spool says this to its beginning or end. */
static void
spool_says(enum msg_type type, enum reply reply)
{
	begin(type, REPORT_ID);
	buf_put_u64(&played.out, session);
	buf_put_u16(&played.out, (uint16_t)reply);
	send_plain(spool);
}

/* The spool gets it; whether that is in its text. */
static bool
written_with(const char *what)
{
	struct rd *r;
	bool is_there;

	spool_says(SPOOL_GRANT, RP_DATA_GO);
	r = expect(spool, ROLE_SPOOL, SPOOL_CONTENT);
	is_there =
	    memmem(r->p, (size_t)(r->end - r->p), what, strlen(what)) != NULL;
	expect(spool, ROLE_SPOOL, SPOOL_COMMIT);
	return is_there;
}

/* The scheduler hears this of it. */
static void
came_to(enum env_outcome outcome)
{
	struct rd *r = expect(scheduler, ROLE_SCHEDULER, OUTCOME);

	ATF_CHECK_EQ(1, played.m.id);
	ATF_CHECK_EQ(0, rd_u32(r));
	ATF_CHECK_EQ(outcome, rd_u8(r));
}

ROOT_TC(a_report_needs_no_router_once_the_spool_has_it)
{
	start();
	to_report(PURPOSE_FAILURE, "box");
	routed();
	ATF_CHECK(written_with("Action: failed"));
	close(router);
	silent(scheduler);
	spool_says(SPOOL_COMMITTED, RP_QUEUED);
	came_to(OUT_REPORTED);
	router_again(5);
	/* before that it does */
	to_report(PURPOSE_FAILURE, "box");
	routed();
	close(router);
	came_to(OUT_DEFERRED);
	router_again(7);
	stop();
}

ROOT_TC(a_delay_ends_with_the_time_of_its_action)
{
	struct buf until;

	start();
	to_report(PURPOSE_DELAY, "soon");
	routed();
	buf_init(&until, 100);
	buf_add_str(&until, "\nWill-Retry-Until: ");
	date_format(CREATED_S + 3600, &until);
	buf_put_u8(&until, '\0');
	ATF_CHECK(written_with((char *)until.data));
	buf_clear(&until);
	stop();
}

ROOT_TC(a_report_that_is_too_big_returns_less)
{
	start();
	to_report(PURPOSE_FAILURE, "box");
	routed();
	ATF_CHECK(written_with("\nbody\n"));
	spool_says(SPOOL_COMMITTED, RP_TOO_BIG);
	routed();
	ATF_CHECK(written_with("\n\nSubject: s\n\n--"));
	spool_says(SPOOL_COMMITTED, RP_TOO_BIG);
	routed();
	/* two parts, after the second of which is the end */
	ATF_CHECK(written_with("+0000\n\n--"));
	spool_says(SPOOL_COMMITTED, RP_QUEUED);
	came_to(OUT_REPORTED);
	stop();
}

ROOT_TC(a_report_that_is_refused_for_good_is_given_up)
{
	unsigned i;

	start();
	to_report(PURPOSE_FAILURE, "box");
	for (i = 0; i < 3; i++) {
		routed();
		ATF_CHECK(written_with("Action: failed"));
		spool_says(SPOOL_COMMITTED, RP_TOO_BIG);
	}
	came_to(OUT_REPORTED);
	silent(router);
	/* but not what was refused for now */
	to_report(PURPOSE_FAILURE, "box");
	routed();
	ATF_CHECK(written_with("Action: failed"));
	spool_says(SPOOL_COMMITTED, RP_NO_SPACE);
	came_to(OUT_DEFERRED);
	stop();
}

ROOT_TC(a_report_of_success_is_tried_until_it_goes)
{
	start();
	deliver(PURPOSE_MAILBOX, "box", RCPT_NOTIFY_SUCCESS);
	into_the_mailbox();
	routed();
	spool_says(SPOOL_GRANT, RP_NO_SPACE);
	/* the scheduler does not wait for it */
	came_to(OUT_DELIVERED);
	routed();
	ATF_CHECK(written_with("Action: delivered"));
	spool_says(SPOOL_COMMITTED, RP_NO_SPACE);
	routed();
	close(router);
	router_again(5);
	routed();
	ATF_CHECK(written_with("Action: delivered"));
	spool_says(SPOOL_COMMITTED, RP_QUEUED);
	silent(router);
	silent(scheduler);
	stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_report_of_success_is_tried_until_it_goes);
	ATF_TP_ADD_TC(tp, a_report_that_is_too_big_returns_less);
	ATF_TP_ADD_TC(tp, a_report_that_is_refused_for_good_is_given_up);
	ATF_TP_ADD_TC(tp, a_delay_ends_with_the_time_of_its_action);
	ATF_TP_ADD_TC(tp, a_report_needs_no_router_once_the_spool_has_it);
	return atf_no_error();
}
