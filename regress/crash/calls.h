/* SPDX-License-Identifier: ISC
 *
 * The calls of libc that change the disk, replaced: they go on to the
 * kernel, are noted in a journal, and fail when they are told to.  The program
 * under test is linked as it is.
 */
#ifndef CRASH_CALLS_H
#define CRASH_CALLS_H

#include "regress/crash/disk.h"

enum fault_kind {
	FAULT_ERROR, /* the call does nothing and fails */
	FAULT_SHORT, /* a write writes half; the next one goes on */
	FAULT_HALF,  /* a write writes half, and the next one fails */
	FAULT_FULL,  /* a write fails, and nothing else does */
	FAULT_SYNC,  /* a sync fails; no other call counts */
	FAULT_READ   /* a pread fails; no other call counts */
};

/* What is to fail. */
struct fault_plan {
	unsigned at; /* this call, counted from 1; 0: none */
	enum fault_kind kind;
	int error;
	bool for_ever;  /* and all calls after it */
	uint32_t every; /* else, if not 0, one in so many by chance */
};

/* Put the plan into force and count from 0; NULL: nothing fails. */
void calls_plan(const struct fault_plan *);

/* Calls since then, and how many of them failed. */
unsigned calls_seen(void);
unsigned calls_failed(void);
unsigned calls_syncs_failed(void);

/* Note what is done in the journal; NULL: no more. */
void calls_record(struct journal *);

/* From now on the file system is one whose syncfs(2) is relied on, or not. */
void calls_journalled(bool);

/* Where chance and arc4random_buf(3) begin. */
void calls_seed(uint64_t seed);

#endif
