/* SPDX-License-Identifier: ISC
 *
 * The queue in memory: messages by id, their envelopes by index, and the
 * destinations that envelopes wait for.  Kept small: there can be millions.
 * Nothing here knows of processes or channels.
 */
#ifndef SCHEDULER_QUEUE_H
#define SCHEDULER_QUEUE_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "privsep/base/buf.h"
#include "privsep/ipc/terms.h"
#include "spool/scheduler/heap.h"
#include "spool/scheduler/note.h"

enum sched_state {
#define STATE(name, word, recorded) name,
#include "spool/scheduler/states.def"
#undef STATE
	SE__MAX
};

/* Flags of an envelope. */
#define ENVF_IN_DOUBT 0x01 /* an attempt was cut: it may be in the mailbox */
#define ENVF_EXPIRED  0x02 /* failed since its time was over */
#define ENVF_SUSPECT  0x04 /* counted among the suspects in flight */
#define ENVF_HOLD     0x08 /* hold it when it comes back */
#define ENVF_REMOVE   0x10 /* remove it when it comes back */
#define ENVF_RELAYING 0x20 /* a relay has it, not the delivery process */
#define ENVF_TAKEN    0x80 /* sent by an earlier relay: never again */
#define ENVF_RELAYED                                                           \
	0x40 /* the next host has it: failed is not what is to
			      be reported */

/* Mail that stays and mail that leaves share nothing that could be full. */
enum lane {
	LANE_LOCAL,
	LANE_RELAY,
	LANE__MAX
};

struct message;
struct dest;

/* note is of the last outcome while one is kept; rcpt the forward-path. */
struct envelope {
	struct heap_item due; /* first, see queue_envelope_due() */
	TAILQ_ENTRY(envelope) ready;
	struct message *msg;
	struct dest *dest;
	struct note *note;
	uint32_t index;
	uint32_t next_s;
	uint32_t tried_s; /* the last attempt that is known of, or 0 */
	uint16_t attempts;
	uint16_t unrecorded; /* outcomes that the spool has not confirmed */
	uint8_t state;       /* enum sched_state */
	uint8_t final;       /* enum env_state while SE_RECORDING */
	uint8_t crashes;
	uint8_t flags;
	uint16_t rcpt_len;
	unsigned char rcpt[];
};
TAILQ_HEAD(envelope_list, envelope);

struct message {
	RB_ENTRY(message) entry;
	uint64_t id;
	uint64_t size;
	uint32_t created_s;
	uint32_t nenv;
	struct envelope **env; /* by index */
	uint32_t flying;       /* envelopes that are in hand */
	uint16_t sender_len;
	uint8_t warned; /* delay warnings that were given */
	uint8_t round;  /* of the loading that named it last */
	unsigned char sender[];
};
RB_HEAD(message_tree, message);

/* What came of mail for a destination on another host.  A part of its own:
 * most destinations are mailboxes here, which have none. */
struct fate {
	uint32_t delivered;
	uint32_t failed;   /* for good */
	struct note *note; /* of the last that it did not take */
};

/* Where envelopes go: an action as a user, or an action and a domain.  Freed
 * with its last envelope.  text holds the action, then the user. */
struct dest {
	RB_ENTRY(dest) entry;
	TAILQ_ENTRY(dest) turn;
	struct envelope_list ready;
	uint32_t envelopes;
	uint32_t flying;
	uint32_t window;   /* that may fly, of LANE_RELAY */
	uint32_t hold_s;   /* nothing of it is due before that */
	uint32_t instance; /* of the relay that has what flies */
	uint32_t failures; /* of the destination as a whole, in a row */
	struct fate *fate; /* NULL while nothing is known of it */
	uint8_t lane;
	bool paused;  /* by order */
	bool suspect; /* one that was in hand at a crash flies */
	bool listed;  /* on a list of those whose turn comes */
	bool laden;   /* and that is the one of those with much flying */
	uint16_t action_len;
	uint16_t user_len;
	unsigned char text[];
};
RB_HEAD(dest_tree, dest);
TAILQ_HEAD(dest_list, dest);

struct queue {
	struct message_tree messages;
	struct dest_tree dests;
	struct note_tree notes;
	struct heap due;
	size_t envelopes;
	size_t in_state[SE__MAX];
	uint8_t round; /* of loading */
};

/* An envelope as the spool tells it. */
struct envelope_news {
	uint32_t index;
	enum env_state state;
	uint64_t next_s;
	uint16_t attempts;
	uint8_t crashes;
	enum lane lane; /* of the action */
	struct span rcpt;
	struct span action;
	struct span user;
};

void queue_init(struct queue *);

/* Free everything. */
void queue_clear(struct queue *);

/* The message of that id; NULL when there is none. */
struct message *queue_message(struct queue *, uint64_t id);

/* The first message with an id of at least that; NULL at the end.  A walk
 * that keeps the last id survives every change. */
struct message *queue_message_from(struct queue *, uint64_t id);

/* The message after that one; NULL at the end. */
struct message *queue_message_next(struct message *);

/* The message of that id, made if there is none; it goes away with its last
 * envelope, or by queue_message_drop().  NULL without memory. */
struct message *queue_message_add(struct queue *, uint64_t id,
    uint64_t created_s, uint64_t size, struct span sender);

/* Free a message and all its envelopes. */
void queue_message_drop(struct queue *, struct message *);

/* The envelope of that index; NULL when there is none. */
struct envelope *queue_envelope(const struct message *, uint32_t index);

/* Where that index stands in the message's array, or would stand. */
uint32_t queue_envelope_place(const struct message *, uint32_t index);

/* A new envelope, in SE_WAITING, SE_HELD or SE_QUARANTINED and in no heap.
 * There must be none of that index.  NULL without memory. */
struct envelope *queue_envelope_add(
    struct queue *, struct message *, const struct envelope_news *);

/* Free it, and its message with the last one.  It must be in no list of
 * dispatch.h. */
void queue_envelope_free(struct queue *, struct envelope *);

/* The envelope whose heap item that is. */
struct envelope *queue_envelope_due(struct heap_item *);

/* Set the state, and the time at which it is looked at again (0: never). */
void queue_envelope_state(
    struct queue *, struct envelope *, enum sched_state, uint32_t due_s);

/* Keep status, text and via of the last outcome, as note_get() does; or forget
 * them (all empty). */
void queue_note_set(struct queue *, struct envelope *, struct span status,
    struct span text, size_t text_max, struct span via);

/* What is known of a destination, to be added to; NULL without memory, and for
 * one of LANE_LOCAL. */
struct fate *queue_fate(struct dest *);

/* Its destination did not take the envelope, as the note says. */
void queue_fate_refused(struct queue *, const struct envelope *);

/* All destinations, in some order. */
struct dest *queue_dest_first(struct queue *);
struct dest *queue_dest_next(struct dest *);

struct span queue_sender(const struct message *);
struct span queue_rcpt(const struct envelope *);
struct span queue_action(const struct dest *);
struct span queue_user(const struct dest *);

/* The word for a state, and what is recorded of it. */
const char *queue_state_word(enum sched_state);
enum env_state queue_state_recorded(enum sched_state);

#endif
