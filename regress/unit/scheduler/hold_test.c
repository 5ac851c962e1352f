/* SPDX-License-Identifier: ISC
 *
 * What goes before what while the queue is being loaded: the scheduler's
 * process, unconfined, between a spool and a delivery process that this test
 * plays.  Classes: (f), (h).
 */
#include <unistd.h>

#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"
#include "spool/scheduler/scheduler.h"

#define CONFIG                                                                 \
	"action \"box\" maildir\n"                                             \
	"match from any for domain \"example.org\" action \"box\"\n"

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

/* The spool has a message, which has not been tried yet. */
static void
has(uint64_t id)
{
	begin(QUEUE_ADD, id);
	buf_put_u64(&played.out, 1700000000);
	buf_put_u64(&played.out, 1000);
	buf_put_u8(&played.out, 1);
	put_str("<a@example.net>");
	buf_put_u16(&played.out, 1);
	buf_put_u32(&played.out, 0);
	buf_put_u8(&played.out, ENV_WAITING);
	buf_put_u64(&played.out, 0);
	buf_put_u16(&played.out, 0);
	buf_put_u8(&played.out, 0);
	put_str("<jones@example.org>");
	put_str("box");
	put_str("jones");
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
	begin(QUEUE_LOADED, 0);
	send_plain(spool);
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

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nothing_is_assigned_before_the_queue_is_known);
	ATF_TP_ADD_TC(tp, a_loading_that_does_not_end_is_not_waited_for);
	return atf_no_error();
}
