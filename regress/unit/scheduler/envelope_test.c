/* SPDX-License-Identifier: ISC
 *
 * The moves of an envelope when its time has come, without a process around
 * them: nobody is there to be told.  Classes: (f).
 */
#include <atf-c.h>

#include "spool/scheduler/scheduler.h"

static struct scheduler s;
static uint32_t sent_s;

/* One that was sent on just now, of which the spool has not confirmed so
 * many outcomes, and that is to be reported. */
static struct envelope *
sent_on(uint16_t unrecorded)
{
	struct envelope_news news = {
		.state = ENV_WAITING,
		.lane = LANE_RELAY,
		.rcpt = span_str("b@far.example"),
		.action = span_str("out"),
		.user = span_str("far.example"),
	};
	struct message *m;
	struct envelope *e;

	sent_s = scheduler_now_s();
	queue_init(&s.queue);
	m = queue_message_add(
	    &s.queue, 1, sent_s, 1000, span_str("a@example.net"));
	ATF_REQUIRE(m != NULL);
	ATF_REQUIRE((e = queue_envelope_add(&s.queue, m, &news)) != NULL);
	e->flags |= ENVF_RELAYED;
	e->tried_s = sent_s;
	e->unrecorded = unrecorded;
	queue_envelope_state(&s.queue, e, SE_FAILED, sent_s + 1);
	return e;
}

/* What it comes to then. */
static void
due(struct envelope *e, uint32_t now_s, uint16_t unrecorded, uint32_t next_s)
{
	envelope_due(&s, e, now_s);
	ATF_CHECK_EQ(SE_FAILED, e->state);
	ATF_CHECK_EQ_MSG(
	    unrecorded, e->unrecorded, "%u at %u", e->unrecorded, now_s);
	ATF_CHECK_EQ_MSG(next_s, e->due.due_s, "%u at %u", e->due.due_s, now_s);
}

/* The spool confirms one outcome of it. */
static void
recorded(void)
{
	struct msg m = { .type = QUEUE_RECORDED };
	struct buf body;

	buf_init(&body, 100);
	buf_put_u16(&body, 1);
	buf_put_u64(&body, 1);
	buf_put_u32(&body, 0);
	m.body = rd_init(buf_span(&body));
	ATF_CHECK_EQ(0, outcome_recorded(&s, NULL, &m));
	buf_clear(&body);
}

ATF_TC_WITHOUT_HEAD(what_was_sent_on_is_recorded_again_without_an_answer);
ATF_TC_BODY(what_was_sent_on_is_recorded_again_without_an_answer, tc)
{
	struct envelope *e = sent_on(2);

	/* the spool has a while to answer */
	due(e, sent_s + 1, 2, sent_s + 6);
	due(e, sent_s + 59, 2, sent_s + 64);
	/* told again, one answer is enough, and there is time for it, too */
	due(e, sent_s + 64, 1, sent_s + 124);
	due(e, sent_s + 124, 1, sent_s + 184);
	/* when it is durable, the report waits no longer */
	recorded();
	ATF_CHECK_EQ(0, e->unrecorded);
	ATF_CHECK_EQ(SE_FAILED, e->state);
	ATF_CHECK(e->due.due_s <= scheduler_now_s() + 1);
	queue_clear(&s.queue);
}

ATF_TC_WITHOUT_HEAD(what_is_recorded_is_not_recorded_again);
ATF_TC_BODY(what_is_recorded_is_not_recorded_again, tc)
{
	struct envelope *e = sent_on(0);

	due(e, sent_s + 100, 0, sent_s + 105);
	/* and of what failed there is nothing to record */
	e->flags = 0;
	e->unrecorded = 1;
	due(e, sent_s + 200, 1, sent_s + 205);
	queue_clear(&s.queue);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, what_was_sent_on_is_recorded_again_without_an_answer);
	ATF_TP_ADD_TC(tp, what_is_recorded_is_not_recorded_again);
	return atf_no_error();
}
