/* SPDX-License-Identifier: ISC
 *
 * The recipe: how a process of a role loses every right that the table does
 * not give it, and how the master verifies from outside that it did.
 */
#ifndef CONFINE_CONFINE_H
#define CONFINE_CONFINE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "privsep/confine/roles.h"

/* What the table does not know: the ids, and the places. */
struct confine_params {
	enum role role;
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* borrowed; further groups, none for a service */
	size_t ngroups;
	int net_fd;       /* empty network namespace */
	int root_fd;      /* mount namespace with the empty root */
	const char *root; /* ROOT_QUEUE: the directory that becomes / */
	/* ROOT_HOST: directories under which this process may read and
	 * write, NULL-terminated; nothing else is left to it. */
	const char *const *dirs;
	/* Ports that it may connect to with TCP, ending with 0; NULL: none. */
	const uint16_t *ports;
};

/*
 * Confine this process, in the order of the recipe, and for good.  Returns 0,
 * or -E_* with *step (a static string) naming the step that failed, on which
 * the process must exit.  Close-on-exec and closing of descriptors is done
 * before, by confine_close_fds().
 */
int confine_enter(const struct confine_params *, const char **step);

/* For a process whose root is the machine's: the same, called in two halves
 * so that it can look at places as the user in between (mailer).  The first
 * ends with the change of user, the second closes the rest. */
int confine_become(const struct confine_params *, const char **step);
int confine_lock(const struct confine_params *, const char **step);

/* Close every descriptor from lowest on. */
void confine_close_fds(int lowest);

/* Make the namespaces that roles join: an empty network, and a mount
 * namespace whose root is an empty read-only directory.  Each descriptor is
 * given to the caller.  0 or -E_*, with *step as above. */
int confine_make_namespaces(int *net_fd, int *root_fd, const char **step);

/*
 * Hold a live process against the table, by its /proc/PID: ids, groups,
 * no_new_privs, seccomp mode, capability sets, umask, limits, root directory,
 * namespaces, not dumpable.  Appends one line "what: expected X, is Y" for each
 * difference to out.  0 when there is none, -E_DENIED when there is,
 * -E_NOENT when there is no such process.  uid and gid as given in M_HELLO.
 * A sanitizer build does not ask for the filter (smtpd -V says so).
 */
int confine_verify(pid_t pid, enum role, uid_t uid, gid_t gid, struct buf *out);

/* Reduce the master itself to what it needs, after start-up. */
int confine_master(const char **step);

/* "enforced", or what a special build relaxes: for smtpd -V. */
const char *confine_build(void);

#endif
