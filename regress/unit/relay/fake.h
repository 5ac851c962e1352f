/* SPDX-License-Identifier: ISC
 *
 * The relay's process, unconfined, between a master, a spool, a scheduler, a
 * resolver and other hosts that the test plays, in a network of its own.
 * Whatever is not as it should be ends the test.
 */
#ifndef UNIT_RELAY_FAKE_H
#define UNIT_RELAY_FAKE_H

#include "delivery/relay/relay.h"
#include "privsep/ipc/role.h"
#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"

/* The ends of the channels to it, beside the master's. */
struct fake {
	int spool;
	int scheduler;
	int resolver;
};
extern struct fake fake;

/* Start the process by this configuration; the channels stand after it. */
void start(const char *config);

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
