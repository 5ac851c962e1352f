/* SPDX-License-Identifier: ISC
 *
 * The queue on disk: messages with their envelopes and content, appended to
 * a segmented log with group commit, and the outcome of each envelope.  The
 * spool process alone links this room.  Nothing here knows SMTP, nothing
 * trusts what lies on disk, and nothing counts before store_commit() said so.
 * Calls block for as long as the disk takes; there are no threads.
 *
 *	store_tx_open, _envelope..., _write..., _commit     gathers
 *	store_outcome                                       gathers
 *	store_commit                                        makes durable
 *	store_done_next                                     says of each message
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"

/* Limits, in octets but for the first; what is longer is -E_TOOLONG. */
#define STORE_ENVELOPES_MAX 10000 /* of one message */
#define STORE_PATH_MAX      1024  /* sender, rcpt, orig, orcpt */
#define STORE_NAME_MAX      256   /* envid, action, user, helo, peer */
#define STORE_STATUS_MAX    1024  /* status text of an outcome */

struct store;
struct store_tx;

enum store_state {
#define STATE(name, text, final) name,
#include "spool/store/states.def"
#undef STATE
	STORE__MAX
};

/* The word for a state ("deferred"), "?" for a number out of the list. */
const char *store_state_name(enum store_state);

/* True when nothing is left to do for an envelope in that state. */
bool store_state_final(enum store_state);

/* All sizes in octets.  Start from store_settings_default(). */
struct store_settings {
	uint32_t segment_size;   /* 64 KiB..1 GiB, a multiple of 4096 */
	uint32_t inline_max;     /* longer content gets a file of its own; held
				    to a quarter of the segment */
	uint64_t memory_max;     /* content of all open transactions; what
				    comes above it goes to files early */
	uint64_t reserve_bytes;  /* of the file system, left alone */
	uint64_t reserve_inodes; /* the same */
};

/* 32 MiB segments, 256 KiB inline, 64 MiB memory, 64 MiB and 1000 inodes. */
void store_settings_default(struct store_settings *);

/* Flags of a message; kept, never looked at here. */
#define STORE_8BITMIME 0x01
#define STORE_SMTPUTF8 0x02
#define STORE_MODE     0x0c /* mailbox or terminal */

/* What is known of a message beside its envelopes.  Spans hold any octets;
 * paths are without their angle brackets. */
struct store_meta {
	uint64_t msgid;
	uint64_t created_s; /* seconds since 1970 */
	uint8_t flags;      /* STORE_8BITMIME... */
	uint8_t ret;        /* RFC 3461 4.3, the caller's numbering */
	uint64_t wire_size; /* octets as received */
	struct span sender; /* reverse-path, empty for <> */
	struct span envid;  /* RFC 3461 4.4 */
	struct span helo;   /* for logs and reports */
	struct span peer;   /* the same: the client's address as text */
};

/* Where an envelope stands; given by store_outcome and by the readers. */
struct store_outcome {
	enum store_state state;
	uint16_t attempts;
	uint8_t flags;      /* the caller's: crash count, in doubt */
	uint64_t next_s;    /* due, seconds since 1970 (held to 32 bits) */
	struct span status; /* the caller's: last status text, may be empty */
};

struct store_envelope {
	struct span rcpt;   /* forward-path that this envelope goes to */
	struct span orig;   /* forward-path as the client gave it, or empty */
	struct span orcpt;  /* RFC 3461 4.2 */
	struct span action; /* name of the action that the rules chose */
	struct span user;   /* account that the action runs as, or empty */
	uint8_t notify;     /* RFC 3461 4.1, the caller's bits */
	struct store_outcome now;
};

/*
 * Open the queue in the directory dir_fd, which it takes over (also on
 * failure), making what is missing in it.  All messages are found again;
 * damaged records are copied to corrupt/, logged and left out.  Gives the
 * store (store_close).  Fails only where the directory or memory cannot be
 * used at all: -E_IO, -E_DENIED, -E_NOMEM, ...; -E_SYNTAX for settings out of
 * bounds.  A full disk is no failure: see store_room.
 */
int store_open(int dir_fd, const struct store_settings *, struct store **out);

/* Free it.  What is not committed is lost, open transactions included: their
 * pointers are dead after this.  NULL is fine. */
void store_close(struct store *);

/* 0 when new messages may be accepted; -E_NOSPACE near a full disk (blocks,
 * inodes, log), -E_IO while the disk fails.  From a value that store_tick
 * keeps fresh: costs nothing.  Outcomes are recorded regardless. */
int store_room(const struct store *);

/*
 * Housekeeping in a bounded step: makes segments ahead, gives space back,
 * moves live messages out of old segments, looks at the free space.  It
 * commits on its own when it moved something; look for store_done_next after
 * it, too.  now_ms is clock_ms().  Returns the milliseconds after which it
 * wants to be called again: few while it has work, else a second.
 */
uint32_t store_tick(struct store *, uint64_t now_ms);

/* store_tick has work that should not wait for a second: a segment was begun,
 * and the next one is to be ready before that is full. */
bool store_due(const struct store *);

/*
 * Begin a message.  Borrows the meta during the call; msgid is the caller's
 * choice and unique.  cookie comes back from store_done_next.  Gives the
 * transaction, ended by store_tx_commit or store_tx_abort.  -E_EXIST for an
 * id in use, -E_TOOLONG for a string over its limit, -E_NOMEM.
 */
int store_tx_open(struct store *, const struct store_meta *, uint64_t cookie,
    struct store_tx **out);

/* Add an envelope, at any moment before the commit; its index is the number
 * of those added before it.  now says how it starts out (usually queued).
 * -E_TOOLONG over a limit, or when the envelopes are more than a segment takes,
 * with the transaction unchanged; -E_NOMEM. */
int store_tx_envelope(struct store_tx *, const struct store_envelope *);

/* How many envelopes were added. */
uint32_t store_tx_envelopes(const struct store_tx *);

/* Append content: any octets in frames of any size.  Copies them.  -E_NOMEM,
 * -E_NOSPACE, -E_IO: then only store_tx_abort is left to do. */
int store_tx_write(struct store_tx *, struct span);

/* Octets of content so far. */
uint64_t store_tx_size(const struct store_tx *);

/* Queue the message for the next store_commit.  Takes the transaction, also
 * on failure; the answer comes from store_done_next, exactly once, unless
 * this returned an error.  -E_SYNTAX without envelopes, -E_EXIST for an id
 * that was committed meanwhile, the error of an earlier failed write. */
int store_tx_commit(struct store_tx *);

/* Give up a transaction that was not committed.  NULL is fine. */
void store_tx_abort(struct store_tx *);

/*
 * Queue the new state of one envelope of a durable message.  It is seen by
 * the readers at once, and durable after the next store_commit that returns
 * 0.  Borrows the status during the call; longer text is cut.  When all
 * envelopes are final the message is dead, and gone with that commit.
 * -E_NOENT for an unknown message or index, -E_DENIED for an envelope that
 * is final already, -E_NOMEM.
 */
int store_outcome(
    struct store *, uint64_t msgid, uint32_t idx, const struct store_outcome *);

/* What a commit would write: messages and outcomes queued.  Outcomes stay
 * queued over a failed commit, messages never. */
size_t store_pending(const struct store *);

/*
 * Write what is queued and sync it: all or none of a message is durable
 * then.  Returns 0 when everything is durable, else the first error:
 * messages may have failed (each told by store_done_next), outcomes stay
 * queued and go with the next commit, into another file.
 */
int store_commit(struct store *);

/* The fate of one message that a commit dealt with: status is 0 (durable:
 * now 250 may be said), -E_NOSPACE or -E_IO. */
struct store_done {
	uint64_t msgid;
	uint64_t cookie;
	int status;
};

/* Take the next fate from the list; false when there is none. */
bool store_done_next(struct store *, struct store_done *out);

/* A message as read back.  Its spans point into memory of its own. */
struct store_message {
	struct store_meta meta;
	uint64_t content_len;
	bool big; /* the content is a file of its own, see store_big */
	struct span content; /* else: all of it */
	uint32_t env_len;
	struct store_envelope *env; /* env_len of them, by index */
	struct buf record;
	struct buf texts;
};

/* Read a durable message with the present state of its envelopes.  Gives
 * *out (store_message_clear); untouched on failure.  -E_NOENT, -E_IO,
 * -E_CORRUPT (logged), -E_NOMEM. */
int store_read(struct store *, uint64_t msgid, struct store_message *out);

/* Free what *m holds and zero it.  Fine on a zeroed one. */
void store_message_clear(struct store_message *);

/* A read-only descriptor of the file with the content of a durable message
 * that is big, the caller's to close.  Or an error as above: -E_NOENT also for
 * one that is not big. */
int store_big(struct store *, uint64_t msgid);

/* The position of a walk over all messages, in order of their ids. */
struct store_cursor {
	uint64_t next_id;
	uint64_t limit;
	bool end;
	unsigned tries; /* to read the next one */
	unsigned waits; /* since the start, for any of them */
};

/* Begin a walk.  It will visit what is durable now and still live when the
 * walk comes to it, and nothing that is committed later. */
void store_walk_start(const struct store *, struct store_cursor *);

/* The next message, as store_read but without the status texts.  Messages
 * that are damaged are logged and passed over.  -E_NOENT at the end; with any
 * other error call again a little later: one that the disk does not give is
 * passed over, too, when it has failed some times, or many have. */
int store_walk_next(
    struct store *, struct store_cursor *, struct store_message *out);

/* Everything is since store_open but for the first block. */
struct store_stats {
	uint64_t messages;    /* live now */
	uint64_t envelopes;   /* of these, not final */
	uint64_t live_bytes;  /* of these: records in the log */
	uint64_t big_bytes;   /* and files of their own */
	uint64_t segments;    /* files of the log in use */
	uint64_t free;        /* and ready to be used */
	uint64_t quarantined; /* files in corrupt/ */
	uint64_t committed;   /* messages */
	uint64_t failed;      /* messages answered with an error */
	uint64_t outcomes;
	uint64_t moved; /* messages moved out of old segments */
	uint64_t batches;
	uint64_t bytes; /* written to the log */
	uint64_t syncs; /* fdatasync and fsync */
	uint64_t sync_failures;
	uint64_t recycled; /* segments */
};

void store_stats(const struct store *, struct store_stats *out);

#endif
