/* SPDX-License-Identifier: ISC
 *
 * Where an instance of the daemon keeps its things: the system's under /var,
 * /run and /etc, a private one's (smtpd -R DIR) under its directory.
 */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

enum path_id {
	PATH_CONFIG,  /* smtpd.conf */
	PATH_QUEUE,   /* the queue directory */
	PATH_RUN,     /* the directory of the three that follow */
	PATH_CONTROL, /* socket of smtpctl */
	PATH_SUBMIT,  /* socket of sendmail */
	PATH_PID,     /* process id of the master */
	PATH_UTMP,    /* who is logged in */
	PATH__MAX
};

#define PATHS_ROOT_ENV "BULKHEAD_ROOT" /* names the instance to sendmail */

/* Choose the private instance in dir, which must exist.  0 or -E_*. */
int paths_set_root(const char *dir);

/* Whether a private instance was chosen. */
bool paths_private(void);

/* The absolute path; static memory, good until paths_set_root(). */
const char *paths_get(enum path_id);

/* An absolute path out of one that the configuration names: a relative one
 * is below the instance's directory, or below / for the system's.  0 or
 * -E_TOOLONG. */
int paths_resolve(const char *path, char *out, size_t size);

#endif
