/* SPDX-License-Identifier: ISC
 *
 * The session process: it speaks SMTP with clients and decides nothing.  Who
 * the client is, what may be sent and where it goes is the router's to say;
 * the message goes to the spool piece by piece, and nothing is kept here.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "privsep/config/config.h"
#include "privsep/ipc/chan.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/eod.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/line.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/mail/replies.h"

struct event;

#define SESSION_READ  65536 /* octets taken from a client in one go */
#define SESSION_OUT   32768 /* octets of replies that may wait for a client */
#define SESSION_FRAME 16384 /* octets of content kept back for a fuller frame */

enum sess_state {
#define STATE(name, text, flags, timer, reply) name,
#include "smtpd/session/states.def"
#undef STATE
	SESS__MAX
};

/* What the state of a session means; see states.def. */
enum state_flag {
	ST_COMMAND = 1 << 0,
	ST_READ = 1 << 1,
	ST_ASKED = 1 << 2,
	ST_CONTENT = 1 << 3
};

/* The classes of time-outs, each with its setting. */
enum timer_class {
	TIMER_COMMAND,
	TIMER_DATA,
	TIMER_WRITE,
	TIMER_GREETING,
	TIMER_LINGER
};

/* A transaction, from MAIL to the answer to its content. */
struct tx {
	struct buf from;           /* reverse-path with its brackets */
	struct mail_address rcpt;  /* of the only recipient, while it is one */
	struct mail_address asked; /* of the RCPT that is being answered */
	struct mail_params mail;   /* the parameters of MAIL */
	uint8_t mode;              /* where it shall go, of TX_MODE */
	unsigned rcpts;            /* accepted */
	bool known;                /* the router keeps its envelopes */
	bool open;                 /* the spool waits for content */
	uint32_t spool;            /* its instance, from DATA on */
	enum reply fault;          /* why the content will be refused */
	uint64_t id;               /* of the message, once one is accepted */
	uint64_t begun_ms;         /* when the content was asked for */
	uint64_t held_ms;          /* since, while it waited and was not read */
	uint64_t received;         /* octets of it that came, as they came */
	uint64_t sent;             /* octets given to the spool */
	struct eod eod;
	struct header_scan header;
	struct buf content; /* not sent to the spool yet */
};

struct session {
	uint64_t sid; /* generation and slot; see session_find() */
	enum sess_state state;
	enum sess_state before; /* SESS_WHO_ASKED: where it goes on */
	int fd;
	struct event *ev_read;
	struct event *ev_write; /* made when first needed */
	bool reading;           /* ev_read is armed */
	bool writing;           /* ev_write is armed: the client is slow */
	bool knocked;           /* octets came while an answer was waited for */
	bool known;             /* the router has been told of it */
	uint32_t router;        /* its instance: the next one has not */
	bool quit;              /* the client has said that it is done */
	bool esmtp;             /* EHLO was said */
	uint8_t services;       /* SERVICE_*: as the router has said */
	enum reply ending; /* not RP_NONE: said instead of the next command */
	unsigned listener;
	unsigned mails; /* counters of the limits */
	unsigned errors;
	unsigned junk;
	unsigned rejected;
	unsigned accepted;
	TAILQ_ENTRY(session) timer;
	uint64_t knocked_ms; /* clock_ms() when it knocked */
	uint64_t wake_s;     /* when the timer looks at it again */
	uint64_t opened_ms;  /* clock_ms() */
	uint64_t active_ms;  /* of the last octets that came or went */
	size_t drained;      /* octets thrown away while lingering */
	struct line_reader line;
	struct buf in;  /* read and not used yet */
	struct buf out; /* not sent yet */
	char *peer;     /* "" until the router has said it */
	char *rdns;     /* the name of that; NULL while none is known */
	char *helo;     /* NULL before HELO and EHLO */
	struct tx *tx;  /* NULL outside a transaction */
};

/* ---- session.c: their life, and the driver of each ---- */

/* Take the connected, nonblocking socket fd for that listener and ask the
 * router about it.  False without the memory for that: the client has been
 * told, and fd is closed. */
bool session_open(int fd, unsigned listener);

/* The state of things lets this client be read. */
bool session_listens(const struct session *);

/* The router that knows the session, and the spool that has its envelopes;
 * NULL when it is gone, and there may be another. */
struct chan *session_router(const struct session *);
struct chan *tx_spool(const struct tx *);

/* The session of that id, or NULL when it has ended. */
struct session *session_find(uint64_t sid);

/* How many there are. */
size_t session_count(void);

/* Call fn for each session; fn may end it. */
void session_each(void (*fn)(struct session *));

/* Called when the number of sessions has become smaller. */
void session_on_end(void (*fn)(void));

/* Go on with the input that was kept while an answer was waited for, and
 * settle.  The last thing done with a session in a handler: frees it when it
 * has ended. */
void session_resume(struct session *);

/* Send what there is to send, arm or disarm the events as the state asks for;
 * free the session when it is dead.  As session_resume(). */
void session_settle(struct session *);

/* The connection ends without a further word.  why is for the log.  The
 * caller settles. */
void session_drop(struct session *, const char *why);

/* The server ends the session with this reply as soon as that makes sense:
 * now, or after the message that is being received.  Settles. */
void session_end(struct session *, enum reply);

/* The settings, and the listener of a session. */
const struct settings *session_settings(void);
const struct listener *session_listener(const struct session *);

/* ---- state.c ---- */

/* Move to a state: the only place where it changes. */
void session_enter(struct session *, enum sess_state);

unsigned state_flags(enum sess_state);
enum timer_class state_timer(enum sess_state);
enum reply state_timeout_reply(enum sess_state);
const char *state_name(enum sess_state);

/* ---- timer.c: time-outs of any number of sessions for one event ---- */

/* Look after this session from now on; not any more. */
void timer_add(struct session *);
void timer_remove(struct session *);

/* Its state has changed: look sooner if that is needed. */
void timer_update(struct session *);

/* Called each second while there are sessions, or when asked for. */
void timer_on_tick(void (*fn)(void));

/* ---- command.c ---- */

/* The verbs, in the order of commands.def. */
enum verb {
#define COMMAND(verb, states, arg, flags, service, handler, rfc) VERB_##verb,
#include "smtpd/session/commands.def"
#undef COMMAND
	VERB__MAX
};

/* The verb of that name in any case, or VERB__MAX. */
enum verb command_verb(struct span name);

/* RP_NONE when the verb is in order in that state, else the reply to give. */
enum reply command_sequence(enum verb, enum sess_state);

const char *command_name(enum verb);

/* It is served to this client. */
bool command_served(const struct session *, enum verb);

/* HELP lists it to this client. */
bool command_listed(const struct session *, enum verb);

/* Run one command line without its CRLF; more: further octets came with it.
 * Input is hostile. */
void command_run(struct session *, struct span line, bool more);

/* Handlers; arg is what follows the verb, without white space around it. */
void hello_ehlo(struct session *, struct span arg);
void hello_helo(struct session *, struct span arg);
void mail_mail(struct session *, struct span arg);
void mail_send(struct session *, struct span arg);
void mail_soml(struct session *, struct span arg);
void mail_saml(struct session *, struct span arg);
void mail_rcpt(struct session *, struct span arg);
void data_data(struct session *, struct span arg);
void misc_rset(struct session *, struct span arg);
void misc_help(struct session *, struct span arg);
void misc_noop(struct session *, struct span arg);
void misc_quit(struct session *, struct span arg);
void misc_unimplemented(struct session *, struct span arg);
void misc_not_smtp(struct session *, struct span arg);
void who_vrfy(struct session *, struct span arg);
void who_expn(struct session *, struct span arg);
void etrn_etrn(struct session *, struct span arg);

/* ---- hello.c ---- */

/* The greeting: from now on the client may speak. */
void hello_greet(struct session *);

/* ---- mail.c ---- */

/* The router's answer to RCPT; id is the message's, to a path with brackets
 * that the reply names, as reply_paths() takes it, or empty. */
void rcpt_answer(struct session *, enum reply, uint64_t id, struct span to);

/* The transaction is given up (RSET, EHLO, end of the session): tell the
 * router or the spool, forget it. */
void tx_reset(struct session *);

/* Forget it: the others know that it is over. */
void tx_free(struct session *);

/* The parameters that this client was told of, bits of enum param_ext. */
unsigned tx_extensions(const struct session *);

/* ---- who.c ---- */

/* The router's answer to VRFY and EXPN; paths are n mailboxes with brackets,
 * which address.h has parsed. */
void who_answer(
    struct session *, enum reply, const struct span *paths, size_t n);

/* ---- etrn.c ---- */

/* The router's answer to ETRN; n messages are sent on now. */
void etrn_answer(struct session *, enum reply, uint32_t n);

/* ---- data.c ---- */

/* The spool's or the router's answer to DATA, the spool's to the content. */
void data_answer(struct session *, enum reply);
void data_committed(struct session *, enum reply);

/* Take content from in; *used is how much of it was.  Input is hostile. */
void data_feed(struct session *, struct span in, size_t *used);

/* The content will not be accepted, for that reason; what still comes of it
 * is thrown away, and the reply given at its end. */
void data_fault(struct session *, enum reply);

/* Give the spool what has gathered: all of it, or if it is worth a frame. */
void data_ship(struct session *, bool all);

/* ---- reply.c ---- */

/* Give a reply, with extra in front of its text if not NULL; it may have to
 * be another one when the client has made too many errors.  Ends the session
 * when the reply says so. */
void reply_send(struct session *, enum reply, const struct span *extra);

/* Give a reply that names paths (REPLY_PATHS), n of them, at least one, with
 * brackets, which address.h has parsed: a line for each.  It does not count as
 * an error. */
void reply_paths(
    struct session *, enum reply, const struct span *paths, size_t n);

/* Give a reply that does not count as an error here (RCPT has a limit of its
 * own). */
void reply_uncounted(struct session *, enum reply);

/* ---- peers.c: messages from the router and the spool ---- */

extern const struct msg_handler session_handlers[];

/* Begin a question to the router, finished by ask_end(), which ends the
 * session with 421 when it cannot be asked. */
struct chan *ask_begin(struct session *, enum msg_type);
void ask_end(struct session *, struct chan *, enum sess_state);

/* A peer is lost: what that means for each session that was with it. */
void peers_lost(enum role, uint32_t instance);

/* The spool takes content again. */
void peers_spool_drained(void);

/* ---- accept.c: listening sockets and the end of the process ---- */

/* Take a listening socket. */
void accept_listen(int fd, uint32_t listener);

/* Something has changed: accept, or stop. */
void accept_update(void);

/* The administrator's pause. */
void accept_pause(bool);

/* Take no more connections; the process ends with its last session. */
void accept_retire(void);

/* End: no new sessions, the old ones as soon as that makes sense. */
void accept_stop(void);

#endif
