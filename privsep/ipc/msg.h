/* SPDX-License-Identifier: ISC
 *
 * Messages: the table of messages.def, building one, and what a handler
 * gets.  See chan.h for sending.
 */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include <stdint.h>

#include "privsep/base/buf.h"
#include "privsep/confine/roles.h"

#define MSG_FRAME_MAX   65536 /* octets, header included */
#define MSG_HEADER_LEN  12    /* u16 type, u16 zero, u64 id */
#define MSG_CONTENT_MAX 61440 /* octets of content in SPOOL_CONTENT */
#define MSG_FDS_MAX     3

enum msg_type {
	MSG_NONE,
#define MSG(name, text, from, to, min, max, fds) name,
#include "privsep/ipc/messages.def"
#undef MSG
	MSG__MAX
};

struct msg_spec {
	const char *name;
	unsigned from; /* sets of roles */
	unsigned to;
	size_t min; /* octets of body */
	size_t max;
	unsigned fds; /* exactly so many */
};

/* The row of a type; NULL for one out of the table. */
const struct msg_spec *msg_spec(unsigned type);

/* A hash over the table: processes of different builds do not talk. */
uint64_t msg_table_hash(void);

/* A received message.  Everything is borrowed for the length of the handler,
 * but for a descriptor that msg_take_fd() has taken. */
struct msg {
	enum msg_type type;
	uint64_t id;
	struct rd body;
	int fds[MSG_FDS_MAX];
	unsigned nfds;
};

/* The i-th descriptor, which the caller takes; -1 when there is none. */
int msg_take_fd(struct msg *, unsigned i);

/* Check a frame from a peer against the table and lay it open in *out.
 * 0 or -E_PEER.  Takes no descriptor. */
int msg_decode(struct span frame, enum role from, enum role to, unsigned nfds,
    struct msg *out);

#endif
