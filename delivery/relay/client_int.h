/* SPDX-License-Identifier: ISC
 *
 * What the files of the client share.
 */
#ifndef RELAY_CLIENT_INT_H
#define RELAY_CLIENT_INT_H

#include <event2/event.h>

#include "delivery/relay/client.h"
#include "delivery/relay/downgrade.h"
#include "delivery/relay/ehlo.h"
#include "delivery/relay/encode.h"
#include "delivery/relay/response.h"
#include "delivery/relay/tls.h"

#define CLIENT_OUT_MAX (1024U * 1024)

enum client_state {
#define CLIENT_STATE(name, word, timeout) name,
#include "delivery/relay/client_states.def"
#undef CLIENT_STATE
	CL__MAX
};

/* In which form the message of a job goes. */
struct form {
	bool utf8;                   /* with SMTPUTF8, if that can be */
	bool convert;                /* by downgrade */
	struct downgrade *downgrade; /* NULL: it need not be looked at */
	struct buf text;             /* converted */
};

struct client {
	enum client_state state;
	int fd;
	struct client_params p;
	char host[ROUTE_NAME_MAX + 1];
	char address[IP_TEXT_MAX];
	char helo[ROUTE_NAME_MAX + 1];
	const struct client_ops *ops;
	void *arg;
	struct event *readable;
	struct event *writable;
	struct event *timer;
	struct tls *tls;     /* NULL without */
	bool secret;         /* out has held a password */
	unsigned challenges; /* of AUTH LOGIN, to come */
	bool plain_next;     /* see client_plain_next() */
	unsigned busy;       /* within a handler: it is freed when that ends */
	bool dead;
	struct buf in;
	size_t in_used; /* octets of in that were handled */
	struct buf out;
	size_t out_sent; /* octets of out */
	struct response reply;
	struct ehlo ehlo;
	/* The transaction.  Commands are numbered: MAIL is 0, then RCPT, the
	 * last one is DATA. */
	struct job *job;
	uint64_t jobs; /* that were begun */
	bool heard;    /* a reply to this one */
	bool mail_refused;
	size_t from, to;  /* recipients of this transaction */
	size_t asked;     /* commands sent */
	size_t answered;  /* commands replied to */
	size_t accepted;  /* recipients */
	size_t next_rcpt; /* whose reply to the end of data LMTP has next */
	struct form form;
	struct encode encode;
	uint64_t offset;      /* octets of content that were taken */
	uint64_t deadline_ms; /* when all of it must be sent; 0: never */
	bool cut;             /* the wait of now ends with it */
};

/* --- client.c --- */

/* Move on; sets the time-out of what is awaited then. */
void client_enter(struct client *, enum client_state);

/* It is over, for that reason. */
void client_fail(struct client *, const struct verdict *);
void client_fail_text(struct client *, const char *status, const char *text);

/* Whom an outcome comes from; borrowed. */
struct via client_via(const struct client *);

/* What the reply that was read means for a recipient. */
struct verdict client_verdict(const struct client *);

/* Idle, or with a job to begin. */
void client_ready(struct client *);

/* Whether the other side has said no more than it was asked, as it must before
 * it is asked anything else: what is there already would pass for the answer.
 * When not, the client has failed. */
bool client_quiet(struct client *);

/* Something at the start was refused: another host may do better, and what a
 * host says of itself is never for good. */
void client_refused(struct client *);

/* EHLO, HELO, LHLO. */
void client_say_helo(struct client *, const char *verb);

/* --- start.c --- */

/* EHLO was answered: STARTTLS, or the first transaction, where what is there
 * will do for what is asked. */
void start_introduced(struct client *);

/* The reply to STARTTLS. */
void start_tls_reply(struct client *);

/* From here on all octets are TLS.  False without memory. */
bool start_tls(struct client *);

/* Go on with the handshake. */
void start_shake(struct client *);

/* --- auth.c --- */

/* Log in; the reply to that. */
void auth_begin(struct client *);
void auth_reply(struct client *);

/* --- form.c --- */

/* In it there is nothing, or nothing any more. */
void form_init(struct form *);
void form_clear(struct form *);

/* See in which form the job can go, and begin with it. */
void form_begin(struct client *);

/* In CL_LOOK: look at the next piece of it. */
void form_look(struct client *);

/* Say an address, as it can be said there. */
void form_path(struct client *, struct span path);

/* Say the next piece of the content, c->offset being behind it.  0, or an
 * error, which is that of c->out or of converting. */
int form_add(struct client *, struct span piece);

/* --- transaction.c --- */

/* The first transaction, or another one, for recipients that have no outcome
 * yet; the next job when there are none. */
void tx_next(struct client *);

/* The piece of the content that is at c->offset, borrowed until the next one.
 * False when it cannot be read. */
bool tx_read(struct client *, struct span *out);

/* The next reply to a command, to the end of data, to RSET. */
void tx_reply(struct client *);
void tx_end_reply(struct client *);
void tx_reset_reply(struct client *);

/* More of the content, when what was there is sent. */
void tx_content(struct client *);

/* All that is not settled yet ends like this. */
void tx_settle(struct client *, const struct verdict *);

#endif
