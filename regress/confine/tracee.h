/* SPDX-License-Identifier: ISC
 *
 * Making another process do a system call, by ptrace(2).  seccomp(2) is asked
 * after the tracer, so the verdict is the real one of that process's filters.
 */
#ifndef REGRESS_CONFINE_TRACEE_H
#define REGRESS_CONFINE_TRACEE_H

#include "regress/confine/expect.h"

/* How the call enters the kernel. */
enum entry {
	ENTRY_NATIVE,
	ENTRY_INT80 /* x86_64 only: as of i386 */
};

/* What became of it. */
struct result {
	enum {
		RESULT_RETURNED,
		RESULT_KILLED, /* by SIGSYS */
		RESULT_ENDED,  /* otherwise */
		RESULT_BLOCKED
	} how;
	long rc; /* RESULT_RETURNED: as the kernel gives it, -errno */
};

/*
 * Take hold of a child at rest, of which copies are to be made: each has its
 * memory, descriptors, ids and filters.  It stands still from now on.  Its
 * filters are suspended for the making of copies alone, which takes a tracer
 * with CAP_SYS_ADMIN outside of any filter.  Exits on failure, as all here.
 */
void tracee_hold(pid_t mother);

/* Whether the live process has the filters that the mother has, instruction
 * by instruction and no others. */
int tracee_same_filters(pid_t live, pid_t mother);

/* Make a copy of the mother, let it do the call, end it.  With filters, or
 * for comparison without. */
struct result tracee_try(
    pid_t mother, const struct call *, enum entry, int filtered);

/* Let the live process itself do the call, and go on if it survives. */
struct result tracee_live(pid_t live, const struct call *);

/* End the mother. */
void tracee_end(pid_t mother);

#endif
