/* SPDX-License-Identifier: ISC
 *
 * What the queue has promised so far, and whether a queue that was opened
 * keeps to it.  The content of a message follows from its id.
 */
#ifndef CRASH_TRUTH_H
#define CRASH_TRUTH_H

#include "regress/crash/disk.h"
#include "spool/store/store.h"

#define TRUTH_ENVS   3
#define TRUTH_MAYBES 6 /* outcomes of an envelope between two commits */

enum fate {
	FATE_ABSENT, /* never came, was refused, or is dead for good */
	FATE_MAYBE,  /* whole or not at all */
	FATE_SURE    /* was answered for */
};

struct env_now {
	uint8_t state; /* enum store_state */
	uint16_t attempts;
};

struct env_truth {
	struct env_now sure;
	struct env_now maybe[TRUTH_MAYBES]; /* queued after that */
	uint32_t maybes;
	uint32_t rests; /* the last of them rests on this message, or 0 */
};

struct msg_truth {
	enum fate fate;
	uint32_t envs;
	uint32_t len;
	bool textless; /* a status text may be missing */
	struct env_truth env[TRUTH_ENVS];
};

struct truth {
	struct msg_truth *msgs; /* by id */
	uint32_t len, cap;
	bool textless; /* those to come */
};

/* Notes in the journal: each is what truth_note is told. */
enum note {
	NOTE_TRY,     /* id, envelopes, octets: given to the queue */
	NOTE_DURABLE, /* id */
	NOTE_REFUSED, /* id, whether it may come back all the same */
	NOTE_OUTCOME, /* id, index << 24 | rests, state << 16 | attempts */
	NOTE_SETTLED, /* all outcomes are durable */
};

void truth_note(struct truth *, const uint32_t what[4], enum note);

/* From now on calls fail, or no longer.  A status text, which is for people
 * only, gets lost where a move cannot read it. */
void truth_faults(struct truth *, bool faults);

void truth_copy(struct truth *to, const struct truth *from);

/*
 * Hold the queue against it.  0, or a line on standard error for each broken
 * promise and their number.  *digest stands for all that is in the queue.
 * What was in doubt is no longer: it is as it was found.
 */
unsigned truth_check(struct truth *, struct store *, uint64_t *digest);

/* Begin a message of that id and give it to the queue; what the call that
 * failed said. */
int truth_put(
    struct store *, uint32_t id, uint32_t envs, uint32_t len, struct rnd *);
int truth_outcome(
    struct store *, uint32_t id, uint32_t idx, const struct env_now *);

#endif
