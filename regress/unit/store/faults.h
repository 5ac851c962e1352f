/* SPDX-License-Identifier: ISC
 *
 * A disk that fails or is full: the calls of libc that touch it are replaced
 * by those of faults.c, which do what is said here.
 */
#ifndef UNIT_STORE_FAULTS_H
#define UNIT_STORE_FAULTS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct fault {
	int calls;   /* seen so far */
	int fail_at; /* this one fails, 0: none */
	int fail_error;
	bool for_ever; /* and all after it */
	enum {
		WHOLE,
		SHORT,
		HALF
	} writes;        /* instead: a write writes half, */
	bool half;       /* and with HALF the next one fails */
	bool no_files;   /* no new file: the disk is full */
	int refused;     /* messages that were answered with an error */
	off_t bad_off;   /* a place of a file that cannot be read, */
	int bad_reads;   /* or so many reads to come that fail */
	uint64_t room;   /* blocks that statvfs reports, 0: many */
	uint64_t inodes; /* and files, 0: it does not count them */
};

extern struct fault fault;

#endif
