/* SPDX-License-Identifier: ISC
 *
 * The roles: the table of who runs as whom, speaks with whom, and may do
 * what.  Whoever reads roles.c sees the whole ship.
 */
#ifndef CONFINE_ROLES_H
#define CONFINE_ROLES_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct policy_rule;

enum role {
	ROLE_MASTER,
	ROLE_SESSION,
	ROLE_ROUTER,
	ROLE_AUTH,
	ROLE_KEYS,
	ROLE_SPOOL,
	ROLE_SCHEDULER,
	ROLE_DELIVERY,
	ROLE_MAILER,
	ROLE_RELAY,
	ROLE_RESOLVER,
	ROLE_CONTROL,
	ROLE_CLIENT, /* smtpctl at the control socket: no process of ours */
	ROLE__MAX
};

/* Sets of roles. */
#define R(role)     (1U << (role))
#define R_MASTER    R(ROLE_MASTER)
#define R_SESSION   R(ROLE_SESSION)
#define R_ROUTER    R(ROLE_ROUTER)
#define R_AUTH      R(ROLE_AUTH)
#define R_KEYS      R(ROLE_KEYS)
#define R_SPOOL     R(ROLE_SPOOL)
#define R_SCHEDULER R(ROLE_SCHEDULER)
#define R_DELIVERY  R(ROLE_DELIVERY)
#define R_MAILER    R(ROLE_MAILER)
#define R_RELAY     R(ROLE_RELAY)
#define R_RESOLVER  R(ROLE_RESOLVER)
#define R_CONTROL   R(ROLE_CONTROL)
#define R_CLIENT    R(ROLE_CLIENT)
#define R_CHILDREN                                                             \
	(R_SESSION | R_ROUTER | R_AUTH | R_KEYS | R_SPOOL | R_SCHEDULER |      \
	    R_DELIVERY | R_MAILER | R_RELAY | R_RESOLVER | R_CONTROL)

/* What the process finds as its root directory. */
enum role_root {
	ROOT_HOST,  /* the machine's own (master; mailer, held by Landlock) */
	ROOT_EMPTY, /* an empty directory that nobody can write to */
	ROOT_QUEUE  /* the queue directory and nothing else */
};

/* How many processes of a role there are. */
enum role_start {
	START_NEVER, /* no process of this role is started */
	START_ONE,   /* one, restarted when it dies */
	START_POOL,  /* as many as the configuration says */
	START_DEMAND /* when there is work for it */
};

struct role_limits {
	uint64_t nofile;
	uint64_t data;  /* octets of memory, RLIMIT_DATA */
	uint64_t fsize; /* octets of a file it may write; 0: none */
};

struct role_spec {
	const char *name;    /* as in logs and in smtpctl show roles */
	const char *user;    /* system user; NULL: root or the recipient */
	const char *program; /* under libexec/bulkhead */
	enum role_start start;
	unsigned peers; /* set of roles it has a channel with */
	enum role_root root;
	bool own_net;                     /* in the empty network namespace */
	bool batch;                       /* under SCHED_BATCH: sched(7) */
	const struct policy_rule *policy; /* seccomp allow list */
	struct role_limits limits;
};

/* The table, indexed by role. */
extern const struct role_spec roles[ROLE__MAX];

/* The ids a role runs under in an instance where the service users do not
 * exist (smtpd -R): one of a reserved range, the same for uid and gid. */
#define ROLE_RESERVED_BASE 1900000000U
uid_t role_reserved_id(enum role);

/* The role of that name, or ROLE__MAX. */
enum role role_by_name(const char *name);

#endif
