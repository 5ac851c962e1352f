/* SPDX-License-Identifier: ISC
 *
 * Channels: SOCK_SEQPACKET socketpairs between processes that do not trust
 * each other.  The kernel keeps the boundaries of messages and carries
 * descriptors; this file adds the check against the table, a queue for what
 * the peer has not read yet, and back-pressure.
 *
 * Building a message:
 *
 *	msg_begin(ch, TX_RCPT, sid);
 *	msg_put_span(ch, path);
 *	msg_put_u8(ch, notify);
 *	msg_put_span(ch, orcpt);
 *	msg_send(ch);
 */
#ifndef IPC_CHAN_H
#define IPC_CHAN_H

#include <sys/queue.h>

#include "privsep/ipc/msg.h"

struct chan;

/* Called for each message, in the order sent.  Returns 0; -E_PEER when the
 * message breaks the protocol, on which the channel closes and the master
 * replaces the peer. */
typedef int msg_fn(struct chan *, struct msg *);

/* A process's table of what it understands; a type that is not in it breaks
 * the protocol.  Ends with a row of MSG_NONE. */
struct msg_handler {
	enum msg_type type;
	msg_fn *fn;
};

struct chan_ops {
	const struct msg_handler *handlers;
	/* The channel is lost: peer dead, or closed for what it sent
	 * (violation true).  Fail what was in flight; the channel is freed
	 * after this returns. */
	void (*down)(struct chan *, bool violation);
	/* The queue has room again after chan_full().  May be NULL. */
	void (*drained)(struct chan *);
};

/* A channel over fd, which it takes, from a process of role self to the given
 * instance of role peer.  ops are borrowed for its life.  NULL without
 * memory (fd is closed then). */
struct chan *chan_new(int fd, enum role self, enum role peer, uint32_t instance,
    const struct chan_ops *ops);

/* Close and free, without calling down(). */
void chan_free(struct chan *);

/* Log that the peer broke the protocol, and how.  Returns -E_PEER, for a
 * handler to return. */
int chan_violation(const struct chan *, const char *why);

enum role chan_role(const struct chan *);
uint32_t chan_instance(const struct chan *);
int chan_fd(const struct chan *);

/* The owner's data. */
void chan_set_data(struct chan *, void *);
void *chan_data(const struct chan *);

/* Begin a message; the one that was begun before must have been sent.  The
 * fields follow in the order of messages.def.  msg_put_fd duplicates fd. */
void msg_begin(struct chan *, enum msg_type, uint64_t id);
void msg_put_u8(struct chan *, uint8_t);
void msg_put_u16(struct chan *, uint16_t);
void msg_put_u32(struct chan *, uint32_t);
void msg_put_u64(struct chan *, uint64_t);
void msg_put_span(struct chan *, struct span);
void msg_put_octets(struct chan *, struct span);
void msg_put_fd(struct chan *, int fd);

/* Octets that the message under construction can still take. */
size_t msg_room(const struct chan *);

/* Queue the message; it goes out at the end of the loop's turn.  0, -E_NOMEM
 * or -E_TOOLONG (nothing is queued then), -E_BUSY when the peer has let too
 * much pile up. */
int msg_send(struct chan *);

/* Queue M_LOG, also while another message is under construction.  A line that
 * there is no room for is lost. */
void msg_send_log(struct chan *, int level, struct span line);

/* More is queued than the peer takes: read no more from whoever causes it.
 * drained() tells when that is over. */
bool chan_full(const struct chan *);

/* Send what is queued now, as far as the peer takes it. */
void chan_flush(struct chan *);

/* Send what is queued on all channels; the loop does it at each turn.  True
 * when more has been queued meanwhile. */
bool chan_flush_all(void);

/* Read and handle one frame, waiting for it: for the start of a process,
 * before its loop.  0 with *out laid open over buf (of MSG_FRAME_MAX octets),
 * or -E_PEER. */
int chan_read_blocking(int fd, enum role self, enum role peer,
    unsigned char *buf, struct msg *out);

/* Wait and send everything that is queued (a few seconds at most): for the
 * last words of a process. */
void chan_drain(struct chan *);

/* Read and handle what is there already, in the middle of a message from
 * somebody else: channels have no order between them.  No handler of this one
 * may do the same. */
void chan_catch_up(struct chan *);

/* Read what a peer that has ended has still said, up to the end of the
 * channel, which is down then. */
void chan_read_rest(struct chan *);

#endif
