/* SPDX-License-Identifier: ISC
 *
 * The router's process, unconfined, between a master, sessions and a spool
 * that a test plays: what they ask, and the answers.  Whatever does not come,
 * or is another answer, fails the case.
 */
#ifndef ASKING_H
#define ASKING_H

#include "privsep/ipc/terms.h"
#include "regress/unit/ipc/played.h"
#include "regress/unit/router/setup.h"
#include "smtpd/mail/replies.h"

#define SID    77 /* the session that asks if none is said */
#define LOCAL  "127.0.0.1"
#define REMOTE "192.0.2.7" /* another address of this host */

/* Start the router with a configuration that has a bit of everything; the end
 * is played_stop(). */
void start(void);

/* ---- the master ---- */

/* The next question is for the user of that name, and this is the answer. */
void answer_user(const char *name, enum user_answer);

/* The same for whether that user is at a terminal. */
void answer_terminal(const char *name, enum user_answer);

/* ---- a session, at the other end of the channel ch ---- */

/* A client at an address, LOCAL or REMOTE, at the port of the listener: its
 * accepted socket, the caller's to close. */
int connect_client(const char *from);

/* Such a client is brought to the router, and greeted. */
void session_open_from(int ch, uint64_t sid, const char *from);

/* The same with one at LOCAL. */
void session_open(int ch, uint64_t sid);

/* What the last client that was brought may have: SERVICE_VRFY... */
uint8_t session_services(void);

/* MAIL with a path as it is typed and a size in octets; helo: what EHLO had. */
void send_mail_helo(
    int ch, uint64_t sid, const char *path, uint64_t size, const char *helo);

/* The same after EHLO client.example. */
void send_mail(int ch, uint64_t sid, const char *path, uint64_t size);

/* SEND, SOML, SAML: TX_SEND... */
void send_mode(int ch, uint8_t mode);

/* RCPT with a path as it is typed. */
void send_rcpt(int ch, uint64_t sid, const char *path);

/* DATA, to be answered by the spool of that instance. */
void send_data(int ch, uint64_t sid, uint32_t spool);

/* A message without anything in it. */
void send_bare(int ch, enum msg_type, uint64_t sid);

/* Open a session and a transaction. */
void mail_open(int ch);

/* RCPT was answered so; gives the id of the message, 0 for one refused. */
uint64_t expect_rcpt(int ch, uint64_t sid, enum reply);

/* The same with the question, for that path. */
uint64_t rcpt_is(int ch, const char *path, enum reply);

/* ---- the spool ---- */

/* It is told of the message that the session SID of instance 5 is about to send,
 * with so many envelopes. */
void check_open(int spool, uint64_t id, uint32_t envelopes);

/* It is told of an envelope of it: a path, an action, and the user of that. */
void check_envelope(int spool, uint64_t id, const char *path,
    const char *action, const char *user);

/* ---- what comes back ---- */

/* An answer of that type and id with that reply; what follows is still to be
 * read from played.m.body. */
void expect_reply(
    int fd, enum role self, enum msg_type, uint64_t id, enum reply);

/* The router closes that channel, and says nothing before. */
void expect_closed(int fd);

/* These octets are that text. */
void check_span(struct span got, const char *want);

#endif
