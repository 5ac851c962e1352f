/* SPDX-License-Identifier: ISC
 *
 * The delivery process: takes messages that the scheduler assigned to it from
 * the spool, hands them to mailers, composes delivery status notifications,
 * and reports what became of each envelope.
 */
#ifndef LOCAL_DELIVERY_H
#define LOCAL_DELIVERY_H

#include <sys/queue.h>

#include "delivery/dsn/dsn.h"
#include "delivery/parcel/parcel.h"
#include "privsep/base/buf.h"
#include "privsep/config/config.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"

struct delivery_stats {
	uint64_t messages;
	uint64_t delivered;
	uint64_t deferred;
	uint64_t failed;
	uint64_t crashed;
	uint64_t reports;
	uint64_t mailers;
};
extern struct delivery_stats delivery_stats;

/* Tell the scheduler what became of an envelope. */
void delivery_outcome(uint64_t msgid, uint32_t index, enum env_outcome,
    struct span status, struct span text);

/* The process, for role_main(). */
extern const struct role_ops delivery_ops;

/* --- deliver.c: what the spool sends --- */

/* Handler of DELIVER and DELIVER_FD. */
int deliver_message(struct chan *, struct msg *);

/* --- post.c: mailers and what waits for them --- */

/* Hand an envelope of the parcel to the mailer of its user and action. */
void post_add(struct parcel *, const struct envelope *);

/* A mailer that was asked for is there, or could not be started. */
void post_up(struct chan *, uint64_t request);
int post_failed(struct chan *, struct msg *);

/* Handler of MAILBOX_DONE. */
int post_done(struct chan *, struct msg *);

/* A mailer is lost with what it had in hand. */
void post_down(struct chan *);

/* Envelopes that wait for a mailer or are with one (item.c). */
size_t item_count(void);

/* Start watching for mailers that do not answer. */
void post_start(void);

/* Another configuration is in force: what comes from now on is not for the
 * mailers that there are. */
void post_config(const struct config *);

/* --- report.c: delivery status notifications on their way --- */

/* Report to the sender on these envelopes of the parcel, as far as that is
 * wanted.  Each gets its outcome: OUT_DELIVERED for DSN_DELIVERED, whatever
 * becomes of the report; else OUT_REPORTED, or OUT_DEFERRED to try again. */
void report_begin(
    enum dsn_kind, struct parcel *, const struct envelope *, size_t n);

/* Whether this envelope is to be reported on (RFC 3461 4.1). */
bool report_wanted(enum dsn_kind, uint8_t notify);

/* Handlers of what router and spool answer. */
int report_rcpt_answer(struct chan *, struct msg *);
int report_data_refused(struct chan *, struct msg *);
int report_grant(struct chan *, struct msg *);
int report_committed(struct chan *, struct msg *);

/* Router or spool is lost: what needs it is tried again later. */
void report_abort(enum role lost);

#endif
