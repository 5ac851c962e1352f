/* SPDX-License-Identifier: ISC
 *
 * What chan.c shares with its sending half.
 */
#ifndef IPC_CHAN_INT_H
#define IPC_CHAN_INT_H

#include <event2/event.h>

#include "privsep/ipc/chan.h"

/* A message that waits for the peer to read.  The octets follow it. */
struct frame {
	TAILQ_ENTRY(frame) entry;
	int fds[MSG_FDS_MAX];
	unsigned nfds;
	bool log; /* M_LOG: more lines can be added */
	size_t len;
	size_t room; /* octets of data[] */
	unsigned char data[];
};
TAILQ_HEAD(frame_queue, frame);

struct chan {
	TAILQ_ENTRY(chan) dirty; /* in the list of what is to be flushed */
	bool is_dirty;
	bool full;   /* its owner has been told to stop */
	bool closed; /* down() has been called; freed when not in use */
	unsigned busy;
	int fd;
	enum role self;
	enum role peer;
	uint32_t instance;
	const struct chan_ops *ops;
	void *data;
	struct event *ev_read;
	struct event *ev_write;
	struct frame_queue queue;
	size_t queued; /* octets in the queue */
};

/* Close with notice to the owner.  Frees unless the channel is in use further
 * up the stack, in which case that use frees it. */
void chan_fail(struct chan *, bool violation);

/* Put the channel on the list that chan_flush_all() serves. */
void chan_mark_dirty(struct chan *);

/* Take it off that list. */
void chan_forget_dirty(struct chan *);

/* Free what waits, closing its descriptors. */
void chan_queue_clear(struct chan *);

#endif
