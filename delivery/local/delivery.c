/* SPDX-License-Identifier: ISC
 *
 * The delivery process: its peers, its messages, its counters.
 */
#include "delivery/local/delivery.h"
#include "privsep/base/log.h"
#include "privsep/ipc/ctl.h"
#include "privsep/ipc/role.h"

struct delivery_stats delivery_stats;

void
delivery_outcome(uint64_t msgid, uint32_t index, enum env_outcome outcome,
    struct span status, struct span text)
{
	struct chan *ch = role_peer(ROLE_SCHEDULER);

	if (outcome == OUT_DELIVERED)
		delivery_stats.delivered++;
	else if (outcome == OUT_DEFERRED)
		delivery_stats.deferred++;
	else if (outcome == OUT_FAILED)
		delivery_stats.failed++;
	else if (outcome == OUT_CRASHED)
		delivery_stats.crashed++;
	if (ch == NULL)
		/* a new scheduler takes everything to be in doubt */
		return;
	msg_begin(ch, OUTCOME, msgid);
	msg_put_u32(ch, index);
	msg_put_u8(ch, (uint8_t)outcome);
	msg_put_u8(ch, SCOPE_ENVELOPE);
	msg_put_span(ch, status);
	msg_put_span(ch, text);
	msg_put_span(ch, (struct span){ NULL, 0 });
	msg_send(ch);
}

static int
delivery_ask(struct chan *ch, struct msg *m)
{
	struct ctl_request req;
	struct ctl_answer a;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "request out of shape");
	ctl_answer_begin(&a, ch, m->id);
	if (req.verb != CTL_SHOW_STATS) {
		ctl_answer_end(&a, CTL_USAGE, "not for delivery");
		return 0;
	}
	ctl_counter(&a, "delivery.messages", delivery_stats.messages);
	ctl_counter(&a, "delivery.delivered", delivery_stats.delivered);
	ctl_counter(&a, "delivery.deferred", delivery_stats.deferred);
	ctl_counter(&a, "delivery.failed", delivery_stats.failed);
	ctl_counter(&a, "delivery.crashed", delivery_stats.crashed);
	ctl_counter(&a, "delivery.reports", delivery_stats.reports);
	ctl_counter(&a, "delivery.mailers", delivery_stats.mailers);
	ctl_counter(&a, "delivery.in-hand", item_count());
	ctl_answer_end(&a, CTL_OK, "");
	return 0;
}

/* Answers are whole when they are sent. */
static int
delivery_cancel(struct chan *ch, struct msg *m)
{
	return 0;
}

static void
delivery_peer_up(struct chan *ch, uint64_t request)
{
	if (chan_role(ch) == ROLE_MAILER)
		post_up(ch, request);
}

static void
delivery_peer_down(struct chan *ch)
{
	if (chan_role(ch) == ROLE_MAILER)
		post_down(ch);
	else if (chan_role(ch) == ROLE_ROUTER || chan_role(ch) == ROLE_SPOOL)
		report_abort(chan_role(ch));
}

static const struct msg_handler handlers[] = {
	{ DELIVER, deliver_message },
	{ DELIVER_FD, deliver_message },
	{ MAILBOX_DONE, post_done },
	{ MAILER_FAILED, post_failed },
	{ TX_RCPT_ANSWER, report_rcpt_answer },
	{ TX_DATA_REFUSED, report_data_refused },
	{ SPOOL_GRANT, report_grant },
	{ SPOOL_COMMITTED, report_committed },
	{ CTL_ASK, delivery_ask },
	{ CTL_CANCEL, delivery_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops delivery_ops = {
	.role = ROLE_DELIVERY,
	.start = post_start,
	.peer_up = delivery_peer_up,
	.peer_down = delivery_peer_down,
	.handlers = handlers,
	.config = post_config,
};
