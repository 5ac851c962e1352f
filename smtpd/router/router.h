/* SPDX-License-Identifier: ISC
 *
 * The router: who may send what to whom.  It serves sessions and delivery,
 * neither of which it trusts: it reads the client's address itself, parses
 * every path again, decides by the rules, and gives the envelopes to the
 * spool with its own hands.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "privsep/ipc/ctl.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/router/expand.h"
#include "smtpd/router/limits.h"
#include "smtpd/router/lookup.h"
#include "smtpd/router/names.h"
#include "smtpd/router/users.h"

#define ROUTER_TX_OCTETS_MAX (256U << 20) /* all envelopes under way */
#define ROUTER_RCPT_QUEUE    128          /* RCPTs of a session that wait */
#define ROUTER_REPORTS_MAX   4096         /* transactions of delivery at once */
#define ROUTER_HELO_MAX      255

/* --- transactions ------------------------------------------------------ */

/* One envelope of a transaction; the spans point into its own text. */
struct envelope {
	RB_ENTRY(envelope) by_final;
	TAILQ_ENTRY(envelope) entry;
	uint8_t notify;
	struct span path;  /* the forward-path that it travels with */
	struct span final; /* after expansion, lower case */
	struct span orcpt;
	struct span action; /* by name: it outlives a configuration */
	struct span user;
	size_t size; /* octets of all this */
	unsigned char text[];
};

RB_HEAD(envelope_tree, envelope);
TAILQ_HEAD(envelope_list, envelope);

struct rcpt;
STAILQ_HEAD(rcpt_queue, rcpt);

struct transaction {
	uint64_t id; /* of the message; never 0 */
	uint64_t created_s;
	struct mail_address sender;
	uint8_t flags; /* TX_* */
	uint8_t ret;   /* enum mail_ret */
	uint8_t envid_len;
	uint8_t helo_len;
	bool data_wanted; /* TX_DATA has come */
	uint32_t spool;   /* the instance that it named */
	unsigned char envid[PARAM_ENVID_MAX];
	unsigned char helo[ROUTER_HELO_MAX];
	uint32_t nrcpts; /* accepted */
	uint32_t nenvelopes;
	struct envelope_list envelopes;
	struct envelope_tree finals;
	struct rcpt_queue rcpts; /* the first one is being worked on */
	uint32_t nqueued;
	struct client *waits; /* its client, while DATA waits for the name */
	TAILQ_ENTRY(transaction) by_time;
	uint64_t until_ms; /* it waits no longer */
};

/* What an envelope is made of; all borrowed. */
struct envelope_parts {
	uint8_t notify;
	struct span path, final, orcpt, action, user;
};

/* A new transaction with an id of its own.  Gives it (transaction_free);
 * NULL without memory. */
struct transaction *transaction_new(void);

/* NULL is allowed.  Frees its envelopes and what waits in it. */
void transaction_free(struct transaction *);

/* Add an envelope, unless an equal one (action, user, final address, orcpt,
 * notify) is there.  0, -E_NOMEM, or -E_TOOLONG for one that no message to
 * the spool can carry. */
int transaction_add(struct transaction *, const struct envelope_parts *);

/* Remove the envelopes that were added after there were n. */
void transaction_truncate(struct transaction *, uint32_t n);

/* --- clients ----------------------------------------------------------- */

/* One session of a session process, or one report that delivery sends.  Idle
 * ones are many: it holds little, and the rest hangs off tx. */
struct client {
	struct name_ref name; /* first: settled() gets this one */
	RB_ENTRY(client) entry;
	uint64_t sid; /* chosen by the peer */
	struct peer *peer;
	struct transaction *tx; /* NULL outside */
	struct who *who;        /* NULL outside of VRFY and EXPN */
	struct etrn *etrn;      /* NULL outside of ETRN */
	struct source source;
	uint32_t mails;
	uint16_t no_tx;    /* enum reply: why tx is NULL */
	uint16_t tag;      /* in router.tags; 0 for none */
	uint16_t listener; /* or LISTENER_GONE */
	uint8_t services;  /* SERVICE_*: what it was told */
};

#define LISTENER_GONE UINT16_MAX /* of a configuration before this one */

RB_HEAD(client_tree, client);
RB_PROTOTYPE(client_tree, client, entry, client_cmp)

/* A process that clients come from. */
struct peer {
	LIST_ENTRY(peer) entry;
	struct chan *ch;
	struct client_tree clients;
	uint32_t nclients;
	uint32_t waiting; /* questions for users */
};

LIST_HEAD(peer_list, peer);

/* The peer of a channel; NULL without memory. */
struct peer *peer_of(struct chan *);

/* The channel is lost, and everything that came by it. */
void peer_free(struct chan *);

/* A client of that source, which limits_enter() has counted if it is a
 * session.  NULL without memory. */
struct client *client_new(
    struct peer *, uint64_t sid, const struct source *source);
struct client *client_find(struct peer *, uint64_t sid);

/* Free it with its transaction. */
void client_free(struct client *);

/* Tell its session the name that it has, if that is known. */
void client_tell_name(const struct client *);

/* Give up its transaction, if it has one; a report of delivery ends with it,
 * and is freed. */
void client_reset(struct client *);

/* --- recipients: rcpt.c ------------------------------------------------ */

/* Queue a recipient of the client's transaction and work on it; it is
 * answered with TX_RCPT_ANSWER, in the order of the questions.  0, -E_NOMEM,
 * or -E_BUSY when too many wait. */
int rcpt_ask(struct client *, const struct mail_address *path, uint8_t notify,
    struct span orcpt);

/* Free the recipients that wait. */
void rcpt_queue_clear(struct rcpt_queue *);

/* The configuration has changed: begin the one that is worked on anew.  May
 * free the client. */
void rcpt_restart(struct client *);

/* --- DATA: data.c ------------------------------------------------------- */

/* Prepare for what follows. */
void data_init(void);

/* All recipients are known: hand the client's transaction to the spool, now or
 * when the client's name is known, or takes too long.  It may be gone
 * afterwards, and a report of delivery too. */
void data_ask(struct client *);

/* The name is known, or will not be: wait no longer. */
void data_go(struct client *);

/* The transaction ends. */
void data_forget(struct transaction *);

/* --- VRFY and EXPN: who.c ---------------------------------------------- */

/* The service that a client must have for it, SERVICE_*. */
uint8_t who_service(enum who_verb);

/* Answer with WHO_ANSWER, now or later; the client has no such question
 * open.  mailbox and helo are hostile. */
void who_ask(struct client *, enum who_verb, struct span mailbox,
    struct span helo, bool utf8);

/* Forget the question that is open, if there is one. */
void who_free(struct client *);

/* The configuration has changed: begin it anew. */
void who_restart(struct client *);

/* --- ETRN: etrn.c ------------------------------------------------------- */

struct etrn;
LIST_HEAD(etrn_list, etrn);

#define ETRN_RECENT   32 /* nodes that are remembered */
#define ETRN_PAUSE_S  60 /* before a node may be asked for again */
#define ETRN_NODE_MAX 256

/* What was asked for lately, whoever did: so many flushes in a pause, and no
 * more. */
struct etrn_recent {
	uint64_t until_ms[ETRN_RECENT];            /* clock_ms() */
	char node[ETRN_RECENT][ETRN_NODE_MAX + 1]; /* lower case */
};

/* Whether that listener serves ETRN to that source. */
bool etrn_serves(const struct source *, const struct listener *);

/* Answer with ETRN_ANSWER, now or later; the client has no such question
 * open.  node, at most ETRN_NODE_MAX octets, is hostile.  False for what no
 * session lets through. */
bool etrn_ask(struct client *, struct span node);

/* Forget the question that is open, if there is one. */
void etrn_free(struct client *);

/* QUEUE_FLUSHED of the scheduler, and its loss. */
int etrn_flushed(struct chan *, struct msg *);
void etrn_lost(void);

/* --- the master: master_ask.c ------------------------------------------- */

/* Prepare router.users and router.terminals, which ask the master. */
void master_init(void);

/* Handlers of USER_ANSWER and TERMINAL_ANSWER. */
int master_user(struct chan *, struct msg *);
int master_terminal(struct chan *, struct msg *);

/* --- the resolver: resolver_ask.c --------------------------------------- */

/* Prepare router.names, which asks the resolver. */
void resolver_init(void);

/* names_enter() and names_retry() of router.names; no question stays open
 * for longer than the resolver may take. */
void resolver_names_enter(struct name_ref *, const struct source *);
bool resolver_names_retry(struct name_ref *);

/* DNS_ANSWER of the resolver, and its loss. */
int resolver_answered(struct chan *, struct msg *);
void resolver_lost(void);

/* --- the spool: spool_ask.c -------------------------------------------- */

/* Hand the client's transaction to the spool, or answer TX_DATA_REFUSED.
 * The transaction is gone afterwards, and a report of delivery too. */
void spool_ask(struct client *);

/* --- smtpctl explain: explain.c ---------------------------------------- */

struct event;
struct explain;
LIST_HEAD(explain_list, explain);

/* Answer CTL_EXPLAIN, now or later: what would become of a recipient. */
void explain_ask(struct chan *, uint64_t request, const struct ctl_request *);

/* Nobody waits for that answer any more. */
void explain_cancel(uint64_t request);

/* Nobody waits for any: control is lost. */
void explain_lost(void);

/* The configuration has changed: what was told of the old one is void. */
void explain_config(void);

/* --- the process: router.c --------------------------------------------- */

struct stats {
#define STAT(field, name, meaning) uint64_t field;
#include "smtpd/router/stats.def"
#undef STAT
};

struct router {
	struct peer_list peers;
	struct limits limits;
	struct users users;
	struct users terminals; /* who is logged in, of the same form */
	struct names names;
	struct event *names_timer;
	struct stats stats;
	size_t tx_octets; /* of all envelopes under way */
	uint32_t reports; /* transactions of delivery */
	char **tags;      /* from 1; sessions keep numbers of them */
	size_t ntags;
	uint32_t *listeners; /* sessions on each */
	size_t nlisteners;
	struct explain_list explains; /* that wait for the master */
	uint32_t nexplains;
	struct etrn_list etrns; /* that the scheduler has not answered */
	uint64_t etrn_last;     /* number of the last one */
	struct etrn_recent etrn_recent;
};

extern struct router router;

/* What main() lives by. */
extern const struct role_ops router_ops;

/* --- smtpctl: ctl.c ---------------------------------------------------- */

/* What smtpctl asks, and that it waits no longer. */
int router_ctl_ask(struct chan *, struct msg *);
int router_ctl_cancel(struct chan *, struct msg *);

#endif
