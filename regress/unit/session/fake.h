/* SPDX-License-Identifier: ISC
 *
 * A session driven over a socketpair, with everything that other processes
 * would do played by the test: by default the router takes everything and the
 * spool keeps what it is given.
 */
#ifndef UNIT_SESSION_FAKE_H
#define UNIT_SESSION_FAKE_H

#include "privsep/ipc/role.h"
#include "smtpd/session/session.h"

#define FAKE_MESSAGES 8

/* What the spool was given. */
struct fake_message {
	uint64_t id;
	struct buf content;
	bool committed;
	bool aborted;
};

struct fake {
	struct config config;
	struct listener listener;
	int client;        /* the client's end */
	struct buf heard;  /* what the session said, NUL-terminated */
	bool closed;       /* the session has ended the connection */
	bool silent;       /* answer nothing: the test does */
	bool full;         /* the spool's channel is full */
	uint8_t services;  /* what the router lets the client have */
	enum reply opened; /* answers given by default */
	enum reply rcpt;
	enum reply refusal; /* of the router to DATA; RP_NONE: the spool's */
	enum reply grant;
	enum reply commit;
	uint64_t sid;                 /* of the last question */
	unsigned asked[MSG__MAX];     /* messages that the session has sent */
	unsigned asked_new[MSG__MAX]; /* of them, to who came by fake_renew() */
	struct fake_message messages[FAKE_MESSAGES];
	size_t nmessages;
	bool exited;
};

extern struct fake fake;

/* Whether message i, from 0, has this text in it. */
bool fake_content_has(size_t i, const char *);

/* Begin, with the settings as their table has them, and connect a client.
 * fake_setup() alone allows to change settings before fake_connect(). */
void fake_setup(void);
void fake_connect(void);
void fake_begin(void);

/* The client sends; then everything that follows from it happens. */
void fake_say(const char *);
void fake_say_octets(const void *, size_t);

/* Run the loop until nothing more happens. */
void fake_run(void);

/* What was heard since the last call; checked to be exactly these codes, as
 * in "250 354": the first three digits of each reply. */
void fake_expect(const char *codes);

/* The same after saying something. */
void fake_dialogue(const char *say, const char *codes);

/* Hand a message to the session as if from that role; returns what its
 * handler does.  Fields by buf_put_*. */
int fake_send(enum role, enum msg_type, uint64_t id, const struct buf *);

/* An answer of a reply alone, or with a number before or after it. */
int fake_answer(enum msg_type, uint64_t id, enum reply);

/* The process of that role is gone, the older one while there are two; one
 * comes after it, which may be seen before the end of the other. */
void fake_lose(enum role);
void fake_renew(enum role);

#endif
