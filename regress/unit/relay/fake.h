/* SPDX-License-Identifier: ISC
 *
 * The relay's process, unconfined, between a master, a spool, a scheduler, a
 * resolver and other hosts that the test plays, in a network of its own.
 * Whatever is not as it should be ends the test.
 */
#ifndef UNIT_RELAY_FAKE_H
#define UNIT_RELAY_FAKE_H

#include <sys/types.h>

#include "delivery/relay/relay.h"
#include "privsep/ipc/role.h"

#define TC(name)                                                               \
	ATF_TC(name);                                                          \
	ATF_TC_HEAD(name, tc)                                                  \
	{                                                                      \
		atf_tc_set_md_var(tc, "require.user", "root");                 \
		atf_tc_set_md_var(tc, "timeout", "60");                        \
	}                                                                      \
	ATF_TC_BODY(name, tc)

/* The ends of the channels, what came last and what is made up. */
struct fake {
	pid_t pid;
	int master;
	int spool;
	int scheduler;
	int resolver;
	unsigned char frame[MSG_FRAME_MAX];
	struct msg m; /* in the frame */
	struct buf out;
};
extern struct fake fake;

/* Start the process by this configuration; the channels stand after it. */
void start(const char *config);

/* A channel to a process of that role, and another one for it. */
int join(enum role, uint32_t instance);

/* It ends by itself; it is told to, and does. */
void ended(void);
void stop(void);

/* --- messages --- */

/* Begin a message in fake.out, and send it with these descriptors. */
void begin(enum msg_type, uint64_t id);
void send_fds(int fd, const int *fds, size_t n);

/* Something is there before long; nothing is there for a little while. */
void readable(int fd, const char *what);
void silent(int fd);

/* The next message on fd, whose end is that role's, is of this type; log lines
 * are passed over.  It is in fake.m. */
struct rd *expect(int fd, enum role self, enum msg_type);

/* --- spool and scheduler --- */

/* Give message id to the relay, with n recipients <r0@DOMAIN>, <r1@DOMAIN>, ...
 * (DOMAIN "": of example.net, and the action has a fixed host); with flags of
 * DELIVER for each recipient. */
void deliver(uint64_t id, const char *action, const char *domain, unsigned n);
void deliver_doubt(uint64_t id, const char *action, const char *domain,
    unsigned n, uint8_t flags);

/* The next outcome is this; its text holds that. */
void outcome(uint64_t id, uint32_t index, enum env_outcome, enum out_scope,
    const char *status, const char *text);

/* --- the resolver --- */

/* The next question is this; the number to answer it by. */
uint64_t asked(enum dns_kind, const char *name);

/* Begin an answer with n records. */
void answer_begin(uint64_t id, enum dns_status, unsigned n);

/* The next question is this, and has that answer. */
void answer_nothing(enum dns_kind, const char *name, enum dns_status);
void answer_mx(const char *name, const char *host);
void answer_address(enum dns_kind, const char *name, const char *address);

/* --- another host --- */

/* A socket that listens there; a connection to it. */
int host(const char *address, uint16_t port);
int taken(int listener);

/* Say a line; hear one that begins like this; hear the end. */
void say(int fd, const char *line);
void hear(int fd, const char *begins);
void closed(int fd);

/* Greet a client and answer its EHLO. */
void greet(int fd);

/* A transaction with n recipients, which ends in this reply. */
void transaction(int fd, unsigned n, const char *reply);

#endif
