/* SPDX-License-Identifier: ISC
 *
 * Which system calls a role may make: tables of rows, one table per role.
 * Whatever has no row kills the process.  filter.c turns a table into the
 * kernel's filter.
 *
 * Numbers are the kernel's own (__NR_*), so that nothing depends on what the
 * seccomp library happens to know.
 */
#ifndef CONFINE_POLICY_H
#define CONFINE_POLICY_H

#include <sys/syscall.h>

#include <stdint.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "policies are written for x86_64 and aarch64"
#endif

enum policy_act {
	POLICY_END,
	POLICY_ALLOW,
	POLICY_ERRNO,
	POLICY_KILL,
	POLICY_INCLUDE
};

enum policy_op {
	POLICY_ANY,  /* no condition */
	POLICY_BITS, /* (argument & mask) == value */
	POLICY_SELF  /* argument is the process's own id */
};

struct policy_cond {
	enum policy_op op;
	unsigned arg; /* from 0 */
	uint64_t mask;
	uint64_t value;
};

#define POLICY_CONDS 3

/* A row: all its conditions hold.  Several rows of one call are
 * alternatives. */
struct policy_rule {
	enum policy_act act;
	int nr;
	int err; /* POLICY_ERRNO */
	struct policy_cond cond[POLICY_CONDS];
	const struct policy_rule *table; /* POLICY_INCLUDE */
};

/* clang-format off */
#define ALLOW(name)      { .act = POLICY_ALLOW, .nr = __NR_##name }
#define ALLOW_IF(name, ...) \
	{ .act = POLICY_ALLOW, .nr = __NR_##name, .cond = { __VA_ARGS__ } }
#define REFUSE(name, e)  { .act = POLICY_ERRNO, .nr = __NR_##name, .err = (e) }
#define REFUSE_IF(name, e, ...) \
	{ .act = POLICY_ERRNO, .nr = __NR_##name, .err = (e), \
	  .cond = { __VA_ARGS__ } }
#define KILL(name)       { .act = POLICY_KILL, .nr = __NR_##name }
#define INCLUDE(rows)    { .act = POLICY_INCLUDE, .table = (rows) }
#define END              { .act = POLICY_END }

/* Conditions.  An int argument is compared in 32 bits, since that is what the
 * kernel looks at and the upper half of the register is nobody's. */
#define MASK32           0xffffffffULL
#define IS(n, v)         { POLICY_BITS, (n), MASK32, (uint64_t)(v) & MASK32 }
#define NULL_PTR(n)      { POLICY_BITS, (n), UINT64_MAX, 0 }
#define ONLY(n, bits)    { POLICY_BITS, (n), ~(uint64_t)(bits) & MASK32, 0 }
#define HAS(n, bits)     { POLICY_BITS, (n), (bits), (bits) }
#define LACKS(n, bits)   { POLICY_BITS, (n), (bits), 0 }
#define OWN_PID(n)       { POLICY_SELF, (n), UINT64_MAX, 0 }
/* clang-format on */

/* Shared parts. */
extern const struct policy_rule policy_base[];     /* every role */
extern const struct policy_rule policy_no_files[]; /* cannot name a file */
extern const struct policy_rule policy_config[];   /* reads a sealed memfd */

/* One per role. */
extern const struct policy_rule policy_session[];
extern const struct policy_rule policy_router[];
extern const struct policy_rule policy_spool[];
extern const struct policy_rule policy_scheduler[];
extern const struct policy_rule policy_delivery[];
extern const struct policy_rule policy_mailer[];
extern const struct policy_rule policy_relay[];
extern const struct policy_rule policy_resolver[];
extern const struct policy_rule policy_control[];

/* The master's: what is denied to it and to all that it starts. */
extern const struct policy_rule policy_master[];

/*
 * Load the table's filter for this process, after no_new_privs: what the
 * table does not name kills (confine_allow_list) or passes
 * (confine_deny_list).  0 or -E_*.  The sanitizer build loads none.
 */
int confine_allow_list(const struct policy_rule *);
int confine_deny_list(const struct policy_rule *);

#endif
