/* SPDX-License-Identifier: ISC
 *
 * The scheduler process: when and where each envelope goes next.  It keeps
 * everything in memory; the spool tells it what there is when it starts, and
 * records what it decides.
 */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "privsep/ipc/chan.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/ctl.h"
#include "spool/scheduler/dispatch.h"
#include "spool/scheduler/queue.h"

struct config;
struct job;
struct flush;
struct pause;
TAILQ_HEAD(job_list, job);
TAILQ_HEAD(flush_list, flush);

/* Counters since the start, as in smtpctl show stats. */
enum sched_counter {
#define COUNTER(name, word) name,
#include "spool/scheduler/counters.def"
#undef COUNTER
	SC__MAX
};

#define STRAYS_MAX 4096
#define RELAYS_MAX 128 /* the most workers, and those that end at a reload */

/* What a relay has sent on, as it said before the spool named it. */
struct stray {
	uint64_t id;
	uint32_t index;
	enum env_outcome outcome;
};

/* An outcome as it was reported. */
struct report {
	uint32_t index;
	enum env_outcome outcome;
	enum out_scope scope;
	struct span status;
	struct span text;
	struct span via;
};

/* A relay process. */
struct relay_peer {
	struct chan *ch;
	uint32_t destinations; /* with something in its hands */
	bool leaving;
};

struct scheduler {
	struct queue queue;
	struct dispatch dispatch;
	struct event *timer;
	bool loading;           /* the spool is telling what it has */
	uint64_t hold_until_ms; /* nothing is assigned before, while it does */
	bool met;               /* a delivery process has been seen */
	bool strays; /* the delivery process may report on what was given up
			 when the spool was lost, or assigned before us */
	uint64_t counters[SC__MAX];
	uint32_t strays_until_s; /* the same of relays; 0: never */
	uint32_t relays_from_s;  /* when relays get work */
	struct stray stray[STRAYS_MAX];
	size_t nstrays;
	struct job_list jobs;
	struct flush_list flushes;
	struct relay_peer relays[RELAYS_MAX];
	size_t nrelays;
	struct pause *pauses; /* of routes and domains */
	size_t npauses;
};

/* ---- outcome.c: what becomes of an envelope ---- */

/* OUTCOME of the delivery process or of a relay. */
int outcome_message(struct scheduler *, struct chan *, struct msg *);

/* The delivery process, or that relay, is lost with what it had in hand. */
void outcome_delivery_lost(struct scheduler *);
void outcome_relay_lost(struct scheduler *);

/* The spool is lost; what it did not confirm is told again when it is back. */
void outcome_spool_lost(struct scheduler *);
void outcome_spool_back(struct scheduler *);

/* QUEUE_RECORDED of the spool. */
int outcome_recorded(struct scheduler *, struct chan *, struct msg *);

/* ---- envelope.c: the moves that outcomes and orders are made of ---- */

/* Try again at next_s; held or removed instead if that was ordered. */
void envelope_wait(struct scheduler *, struct envelope *, uint32_t next_s);

/* It needs no more work: have that recorded, and forget it then. */
void envelope_finish(struct scheduler *, struct envelope *, enum env_state);

/* Keep it out of the way: SE_HELD or SE_QUARANTINED. */
void envelope_park(struct scheduler *, struct envelope *, enum sched_state);

/* It cannot be delivered: keep it until that is reported, at once when nothing
 * else of its message is in flight, else from when_s on. */
void envelope_fail(struct scheduler *, struct envelope *, uint32_t when_s);

/* The next host has it and will not report: that is recorded before anything
 * else, and then reported as the note says. */
void envelope_relayed(struct scheduler *, struct envelope *);

/* It is due: ready, unless its destination is to be left alone for a while. */
void envelope_ready(struct scheduler *, struct envelope *);

/* It was in hand at a crash.  exact: it alone, and not one of many. */
void envelope_crash(struct scheduler *, struct envelope *, bool exact);

/* Have the spool record how it stands. */
void envelope_record(struct scheduler *, struct envelope *);

/* Its time has come: the heap said so. */
void envelope_due(struct scheduler *, struct envelope *, uint32_t now_s);

/* ---- assign.c: work for the delivery process ---- */

/* Hand out what is ready, as far as the windows allow. */
void assign_run(struct scheduler *);

/* Have the failed envelopes of a message reported, or its waiting ones told
 * as late.  False when that cannot be done now. */
bool assign_failure(struct scheduler *, struct message *);
bool assign_delay(struct scheduler *, struct message *);

/* QUEUE_UNREADABLE of the spool. */
int assign_unreadable(struct scheduler *, struct chan *, struct msg *);

/* ---- relays.c: the relay processes ---- */

/* A relay has come; or is gone. */
void relays_add(struct scheduler *, struct chan *);
void relays_remove(struct scheduler *, const struct chan *);

/* QUEUE_LEAVE of a relay. */
int relays_leave(struct scheduler *, struct chan *, struct msg *);

/* Whether there is one that takes mail. */
bool relays_any(const struct scheduler *);

/* The relay for a destination: the one that has its mail already, else the one
 * with the fewest others.  NULL when there is none now. */
struct chan *relays_for(struct scheduler *, struct dest *);

/* Nothing of the destination flies any more: its relay is free of it. */
void relays_release(struct scheduler *, struct dest *);

/* ---- strays.c: what relays report that is not known to be theirs ---- */

/* A relay has come: it may have been there before us. */
void strays_relay(struct scheduler *, const struct chan *);

/* The spool is lost: what is given up then may be reported all the same. */
void strays_spool_lost(struct scheduler *);

/* That outcome of an envelope (NULL: not known) is of a relay that does not
 * have it.  As a handler: it may be a violation. */
int strays_outcome(struct scheduler *, struct chan *, struct envelope *,
    uint64_t id, const struct report *);

/* The spool has named it: it may have been reported before. */
void strays_met(struct scheduler *, struct envelope *);

/* ---- load.c: what the spool tells ---- */

int load_add(struct scheduler *, struct chan *, struct msg *);
int load_end(struct scheduler *, struct chan *, struct msg *);

/* ---- ctl.c, order.c: smtpctl ---- */

int ctl_ask(struct scheduler *, struct chan *, struct msg *);
int ctl_cancel(struct scheduler *, struct chan *, struct msg *);

/* Go on with answers that wait for room; true while some are left that could
 * go on at once. */
bool ctl_run(struct scheduler *);

/* Control is lost: nobody waits for answers. */
void ctl_lost(struct scheduler *);

/* Apply an order (CTL_SCHEDULE, _HOLD, _RELEASE, _REMOVE) to one envelope;
 * true if it made a difference. */
bool order_apply(struct scheduler *, struct envelope *, enum ctl_verb);

/* ---- hoststats.c: destinations on other hosts, for smtpctl ---- */

/* CTL_PAUSE_ROUTE, _DOMAIN and their opposites. */
void hoststats_order(struct scheduler *, struct chan *, uint64_t request,
    const struct ctl_request *);

/* CTL_SHOW_HOSTSTATS. */
void hoststats_show(struct scheduler *, struct chan *, uint64_t request);

/* A destination is new: it may have been paused before. */
void hoststats_met(struct scheduler *, struct dest *);

/* ---- flush.c: what waits for a domain is due now ---- */

/* QUEUE_FLUSH of the router; it is answered when the queue is looked through. */
int flush_ask(struct scheduler *, struct chan *, struct msg *);

/* Whether the domain of the envelope is the node (not empty); with '@' in
 * front of that, also what is below it. */
bool flush_means(struct span node, const struct envelope *);

/* Go on with that; true while there is more. */
bool flush_run(struct scheduler *);

/* The router is lost: nobody waits for answers. */
void flush_lost(struct scheduler *);

/* ---- main.c ---- */

/* Seconds since 1970. */
uint32_t scheduler_now_s(void);

/* Where mail of that action goes. */
enum lane scheduler_lane(const struct config *, struct span action);

/* The process, for role_main(). */
extern const struct role_ops scheduler_ops;

#endif
