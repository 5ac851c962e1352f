/* SPDX-License-Identifier: ISC
 *
 * The spool process: the queue's only owner.  It takes messages from the
 * router (envelopes) and from sessions or delivery (content), makes them
 * durable in batches, tells the scheduler, gives messages to whom the
 * scheduler assigns them, and records what became of them.
 */
#ifndef WRITER_WRITER_H
#define WRITER_WRITER_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "privsep/ipc/chan.h"
#include "privsep/ipc/ctl.h"
#include "privsep/ipc/loop.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"
#include "smtpd/mail/replies.h"
#include "spool/store/store.h"

enum tx_state {
	TX_ENVELOPES,  /* the router still tells them */
	TX_CONTENT,    /* granted */
	TX_BROKEN,     /* nothing more is kept; the commit is answered no */
	TX_COMMITTING, /* with the next batch */
	TX__MAX
};

/* A message on its way in.  It belongs to one process, which alone may send
 * its content. */
struct transaction {
	RB_ENTRY(transaction) entry;
	uint64_t id;
	uint64_t session;
	uint64_t created_s;
	uint64_t size;
	enum role role;
	uint32_t instance;
	uint32_t expected; /* envelopes, of which the store counts */
	enum tx_state state;
	enum reply reply; /* of TX_BROKEN */
	struct store_tx *stx;
	struct buf sender;
	struct buf news; /* its envelopes, as QUEUE_ADD tells them */
};
RB_HEAD(tx_tree, transaction);

struct job;
TAILQ_HEAD(job_list, job);

struct record_ack {
	uint64_t id;
	uint32_t index;
};

struct writer {
	bool stopping;       /* finish when the scheduler has */
	struct store *store; /* NULL while the directory cannot be used */
	struct event *tick;
	bool hurried; /* it does not wait for a second */
	struct event *sync;
	struct event *walker;

	struct tx_tree txs;
	uint64_t tx_envelopes; /* of all open transactions */
	uint64_t tx_refused;

	size_t committing;       /* messages in the batch */
	bool sync_due;           /* outcomes have waited long enough */
	bool sync_armed;         /* the timer for that runs */
	struct record_ack *acks; /* outcomes that wait for the commit */
	size_t nacks;
	size_t acks_cap;

	bool walking;
	struct store_cursor cursor;

	struct job_list jobs;
};

/* The one of this process. */
struct writer *writer_self(void);

/* After a commit: the store may have work before the next tick. */
void writer_hurry(void);

/* ---- transaction.c ---- */

int tx_open(struct chan *, struct msg *);
int tx_envelope(struct chan *, struct msg *);
int tx_content(struct chan *, struct msg *);
int tx_commit(struct chan *, struct msg *);
int tx_abort(struct chan *, struct msg *);

/* The transaction of that id, or NULL. */
struct transaction *tx_find(uint64_t id);

/* Answer the commit and free the transaction. */
void tx_end(struct transaction *, enum reply);

/* A process is lost: of a client, its transactions; of the router, those
 * whose envelopes are not all there. */
void tx_peer_lost(const struct chan *);

/* Whether a transaction is lost with that peer: of tx_peer_lost(). */
bool tx_dies_with(
    const struct transaction *, enum role peer, uint32_t instance);

/* The reply for an error of the store. */
enum reply tx_reply(int error);

/* ---- commit.c ---- */

/* QUEUE_OUTCOME. */
int commit_outcome(struct chan *, struct msg *);

/* Commit if the turn has brought something to commit. */
void commit_turn(void);

/* Commit whatever is queued, and answer for it. */
void commit_now(void);

/* Answer for what the store has dealt with on its own. */
void commit_answer(void);

/* The scheduler is lost: nobody waits for what is recorded. */
void commit_forget(void);

/* The timer of outcomes. */
void commit_timer(evutil_socket_t, short, void *);

/* ---- reply.c: the last reply as the store keeps it ---- */

struct last_reply {
	uint64_t tried_s; /* seconds since 1970, 0: never */
	struct span via;  /* via.h */
	struct span text;
};

void reply_pack(const struct last_reply *, struct buf *);

/* Whatever the store has is some reply; borrowed from it. */
struct last_reply reply_unpack(struct span kept);

/* ---- states.c: what stands in the store and what travels ---- */

/* State and crashes of an outcome, which the store keeps as one. */
void state_to_store(
    enum env_state, uint16_t attempts, uint8_t crashes, struct store_outcome *);
enum env_state state_from_store(const struct store_outcome *);
uint8_t state_crashes(const struct store_outcome *);

/* ---- walk.c: telling the scheduler ---- */

/* Append an envelope as QUEUE_ADD carries it. */
void walk_news_put(struct buf *, uint32_t index, const struct store_envelope *);

/* Tell of a message with these envelopes, in as many frames as it takes.  0
 * or the error of msg_send(), after which everything is to be told again. */
int walk_tell(struct chan *, uint64_t id, uint64_t created_s, uint64_t size,
    bool from_disk, struct span sender, struct span news);

/* How many octets of news, which come one after another, fit in max octets,
 * and how many envelopes they are.  At least one, if there is one. */
size_t walk_news_cut(struct span news, size_t max, uint16_t *n);

/* Tell everything that is on disk, as the scheduler takes it. */
void walk_begin(void);

/* Go on with that: the scheduler's channel has room again. */
void walk_drained(void);
void walk_timer(evutil_socket_t, short, void *);

/* ---- serve.c: giving messages away ---- */

int serve_assign(struct chan *, struct msg *);

/* ---- ctl.c: smtpctl ---- */

int ctl_ask(struct chan *, struct msg *);
int ctl_cancel(struct chan *, struct msg *);
void ctl_run(void);
void ctl_lost(void);

/* The process, for role_main(). */
extern const struct role_ops writer_ops;

#endif
