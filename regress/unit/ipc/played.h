/* SPDX-License-Identifier: ISC
 *
 * A process of ours, unconfined, whose master and other peers the test plays:
 * it makes their messages by hand and reads what comes back.  Whatever is not
 * as it should be ends the test.
 */
#ifndef UNIT_IPC_PLAYED_H
#define UNIT_IPC_PLAYED_H

#include <sys/types.h>

#include "privsep/base/buf.h"
#include "privsep/ipc/role.h"

struct played {
	pid_t pid;
	enum role role;
	int master; /* the master's end */
	unsigned char frame[MSG_FRAME_MAX];
	struct msg m;   /* what came last; in the frame */
	struct buf out; /* what is being made */
};
extern struct played played;

/* Start it by this configuration of the host of that name, as far as M_START:
 * its peers are to be joined. */
void played_start(
    const struct role_ops *, const char *config, const char *hostname);

/* A descriptor of a configuration, as the master gives it; the caller's. */
int played_config(const char *config, const char *hostname);

/* It ends by itself; it is told to, and does: with status 0. */
void played_ended(void);
void played_stop(void);

/* A channel to it from a process of that role: the end of that process. */
int join(enum role, uint32_t instance);

/* Begin a message in played.out, add a string to it, and send it with these
 * descriptors or without. */
void begin(enum msg_type, uint64_t id);
void put_str(const char *);
void send_fds(int fd, const int *fds, size_t n);
void send_plain(int fd);

/* Something is there to be read before long. */
void readable(int fd, const char *what);

/* Nothing comes for a while. */
void silent(int fd);

/* The next message on fd, the end of that role, is of this type; log lines
 * are passed over.  It is in played.m. */
struct rd *expect(int fd, enum role self, enum msg_type);

#endif
