/* SPDX-License-Identifier: ISC
 *
 * What a role's policy table promises for a system call, worked out from the
 * rows alone: no seccomp library and no filter takes part.
 */
#ifndef REGRESS_CONFINE_EXPECT_H
#define REGRESS_CONFINE_EXPECT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "privsep/confine/policy.h"
#include "privsep/confine/roles.h"

#define EXPECT_ARGS  6
#define EXPECT_KILL  (-1) /* or an errno, or EXPECT_ALLOW */
#define EXPECT_ALLOW 0

/* A system call to be tried. */
struct call {
	long nr;
	uint64_t arg[EXPECT_ARGS];
};

/* What the filters on a process of the role, whose id is pid, make of the
 * call: its own table and under it the master's, which it inherits. Exits
 * when two rows contradict each other. */
int expect_verdict(enum role, pid_t pid, const struct call *);

/* The calls to try for a number, to be freed: one with arguments that can do
 * no harm, and for each condition of its rows some that meet it and some that
 * just do not. *n is how many. */
struct call *expect_calls(enum role, pid_t pid, long nr, size_t *n);

#endif
