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
 * Take hold of a live process at rest, make a copy of it, and let it go as it
 * was.  The copy has the process's memory, descriptors, ids and filters, and
 * stands still; further copies are made of it.  Its limit on processes is
 * lifted, and the filters are suspended for the making of copies alone, which
 * takes a tracer with CAP_SYS_ADMIN outside of any filter.  Exits on failure.
 */
pid_t tracee_mother(pid_t live);

/* Make a copy of the mother, let it do the call, end it.  With filters, or
 * for comparison without. */
struct result tracee_try(
    pid_t mother, const struct call *, enum entry, int filtered);

/* Let the live process itself do the call, and go on if it survives. */
struct result tracee_live(pid_t live, const struct call *);

/* End the mother. */
void tracee_end(pid_t mother);

#endif
