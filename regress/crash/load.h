/* SPDX-License-Identifier: ISC
 *
 * A load: the store at work on a directory, while a journal is kept of what
 * it does to the disk and of what it answers.
 */
#ifndef CRASH_LOAD_H
#define CRASH_LOAD_H

#include "regress/crash/calls.h"
#include "regress/crash/truth.h"

#define LOAD_STARTS 16 /* of the store in one load, at most */

/* The one that runs, or ran last. */
struct load {
	struct rnd rnd;
	struct store_settings set;
	char work[512];
	struct journal journal;
	struct truth truth;                /* while it runs */
	struct truth before;               /* what it begins with, */
	struct truth opened[LOAD_STARTS];  /* what was found at a start, */
	size_t opened_number[LOAD_STARTS]; /* after that many steps */
	size_t starts;
	uint32_t next_id;
	bool retries;     /* little new mail, many outcomes */
	bool faults;      /* calls fail, which is no power cut */
	uint64_t damaged; /* files in corrupt/ that may be there */
	/* figures of all of them */
	unsigned failed_calls, deaths;
};

extern struct load load;

/* Open the queue in the directory path; what store_open said. */
int load_open(const char *path, struct store **out);

/* Messages, outcomes, commits and ticks at random on load.work, of which
 * load.before says what is in it.  With load.faults calls fail at times,
 * else the process dies at times. */
void load_random(void);

/*
 * Always the same: a segment is filled, what is in it is delivered, and it is
 * given back.  Until here plan is in force; a process that dies of it is
 * started again with start in force, if there is one and all but the giving
 * back was done.  Then there are so many outcomes that another segment is
 * taken and given back.  False when nothing failed of start, or of plan if
 * there is no start.
 */
bool load_fill(const struct fault_plan *plan, const struct fault_plan *start);

#endif
