/* SPDX-License-Identifier: ISC
 *
 * The relay process: takes messages that the scheduler assigned to it from the
 * spool, finds the hosts that they go to, keeps connections to these, and
 * reports what became of each envelope.
 *
 *	job	one message and those of its recipients that share a destination
 *	dest	an action and a domain, with the jobs that wait for it
 *	link	a connection, from the first attempt to its end
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "delivery/parcel/parcel.h"
#include "delivery/relay/hosts.h"
#include "delivery/relay/pace.h"
#include "delivery/relay/route.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/ctl.h"
#include "smtpd/mail/via.h"

/* Counters since the start, as in smtpctl show stats. */
enum relay_counter {
#define COUNTER(name, word) name,
#include "delivery/relay/stats.def"
#undef COUNTER
	RC__MAX
};

struct dest;
struct link;

/* --- job.c: messages in hand --- */

/* A recipient of a job; what it has as text follows the job in its memory. */
struct job_rcpt {
	uint32_t index;
	uint8_t notify;
	bool done;    /* its outcome is told */
	bool put_off; /* to the next transaction of this job */
	bool turned;  /* done for now: see family.c */
	struct span rcpt;
	struct span orcpt;
};

struct job {
	TAILQ_ENTRY(job) entry; /* of dest->queue or dest->sending */
	struct dest *dest;
	struct parcel *parcel;
	uint64_t since_ms;
	bool again; /* was on a kept connection that turned out to be over */
	int family; /* AF_INET or AF_INET6: over that alone; 0: any */
	struct refusal *refusal; /* over the other family; NULL: none */
	size_t n;
	struct job_rcpt *rcpt;
	size_t left; /* without an outcome */
};
TAILQ_HEAD(job_list, job);

/* What became of a recipient, or of all that have none yet. */
struct verdict {
	enum env_outcome outcome;
	enum out_scope scope;
	struct span status; /* "5.1.1" */
	struct span text;
	struct via via;
};

/* Handler of DELIVER and DELIVER_FD. */
int job_deliver(struct chan *, struct msg *);

/* Tell what became of recipient i, which has no outcome yet; of all that have
 * none. */
void job_settle(struct job *, size_t i, const struct verdict *);
void job_settle_all(struct job *, const struct verdict *);

/* A scheduler is there: it is told of what went on without one. */
void job_scheduler_up(void);

/* All have their outcome: it is gone. */
void job_free(struct job *);

/* Jobs in hand. */
size_t job_count(void);

/* --- family.c: what is refused over one family is tried over the other --- */

/* Settle what has no outcome yet: with the refusal over the first family where
 * there is one, else with the verdict. */
void family_settle(struct job *, const struct verdict *);

/* The job is over.  If some of it is to be tried over the other family, these
 * recipients alone are left in it, and true. */
bool family_turn(struct job *);

/* The job is gone. */
void family_clear(struct job *);

/* --- dest.c: destinations --- */

struct dest {
	RB_ENTRY(dest) node;
	TAILQ_ENTRY(dest) used;
	TAILQ_ENTRY(dest) waits_entry;
	const struct action *action;
	char user[PARCEL_NAME_MAX + 1]; /* the domain; "" with a fixed host */
	struct route *route;
	struct limit_values limits;
	struct pace pace;
	struct job_list queue;
	struct job_list sending;
	size_t queued;
	size_t opening;          /* links that are not ready yet */
	size_t links;            /* all that work for it */
	struct dest_list *waits; /* for room, in this list; NULL: no */
	struct event *timer;
};

/* The destination of that action and user; NULL for no such action or without
 * memory. */
struct dest *dest_get(struct span action, struct span user);

/* Whether the envelope is in hand for it. */
bool dest_has(const struct dest *, uint64_t msgid, uint32_t index);

/* Add a job and see to it. */
void dest_add(struct dest *, struct job *);

/* A link has got through to a host that will take mail; or is free again. */
void dest_link_ready(struct dest *, struct link *);

/* No host could be reached; the link is gone. */
void dest_link_failed(struct dest *, const struct verdict *);

/* No host could be reached over the only family that the link was for; it is
 * gone. */
void dest_family_failed(struct dest *, int family);

/* The hosts that could be reached have all the connections that they may have;
 * the link is gone. */
void dest_link_full(struct dest *);

/* The link has ended, with nothing in hand. */
void dest_link_ended(struct dest *);

/* A job that was being sent has not reached the other side: it goes first
 * again. */
void dest_job_back(struct dest *, struct job *);

/* A job that was being sent goes once more, over its other family. */
void dest_job_turned(struct dest *, struct job *);

/* A job that was being sent has all its outcomes: it is gone. */
void dest_job_done(struct dest *, struct job *);

/* Everything that it waits for may be there now. */
void dest_advance(struct dest *);

/* A connection has ended: see to those that waited for that. */
void dest_feed_waiting(void);

/* Jobs that are being sent, of all destinations. */
size_t dest_sending(void);

/* The one after it, in the order of action and user; NULL for the first. */
struct dest *dest_next(struct dest *);

/* --- link.c: connections --- */

/* Begin one for that destination, or take one that is kept and fits.  It
 * tells dest_link_ready() or dest_link_failed() later.  Over that family alone,
 * or 0.  0; -E_BUSY when limits do not allow one now, -E_NOMEM. */
int link_open(struct dest *, int family);

/* The family that it is connected over. */
int link_family(const struct link *);

/* Send the job over it. */
void link_send(struct link *, struct job *);

/* Nothing is to be sent now: it is kept for a while. */
void link_rest(struct link *);

/* End all that are kept. */
void link_close_idle(void);

/* Rows of show relays. */
void link_show(struct ctl_answer *);
size_t link_count(void);

/* --- count.c: what connections count for --- */

/* Milliseconds until a message may go over it, for the host and for our
 * address; 0: now. */
uint64_t count_wait_ms(const struct link *, uint64_t now_ms);

/* --- ctl.c --- */

int relay_ask(struct chan *, struct msg *);
int relay_cancel(struct chan *, struct msg *);

/* --- relay.c --- */

extern const struct role_ops relay_ops;
extern uint64_t relay_counters[RC__MAX];

/* The process takes no more messages and ends with the last one in hand. */
bool relay_leaving(void);

/* It begins with none of those that wait, either. */
bool relay_stopping(void);

/* A connection has ended: who waited for that has its turn soon. */
void relay_connection_gone(void);

/* A job is gone: end, if that was the last and we are leaving. */
void relay_job_gone(void);

#endif
