/* SPDX-License-Identifier: ISC
 *
 * For the tests of confinement: run a function in a child that is confined as
 * a role.  Nothing is skipped where the machine cannot confine: that fails.
 */
#ifndef UNIT_CONFINE_CONFINED_H
#define UNIT_CONFINE_CONFINED_H

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "regress/unit/base/root_case.h"

/* In a child: end it with a status that leads to this line. */
#define NEED(what)                                                             \
	do {                                                                   \
		if (!(what))                                                   \
			_exit(1 + __LINE__ % 250);                             \
	} while (0)

static const enum role running[] = { ROLE_SESSION, ROLE_ROUTER, ROLE_SPOOL,
	ROLE_SCHEDULER, ROLE_DELIVERY, ROLE_MAILER, ROLE_RELAY, ROLE_RESOLVER,
	ROLE_CONTROL };
#define RUNNING (sizeof(running) / sizeof(running[0]))

static struct {
	int net_fd;
	int root_fd;
	char queue[256];
	char home[256];
	const char *dirs[2];
} place;

static inline void
place_make(void)
{
	const char *step = "none";
	char here[200];

	ATF_REQUIRE(getcwd(here, sizeof(here)) != NULL);
	ATF_REQUIRE_EQ(0, chmod(here, 0755));
	snprintf(place.queue, sizeof(place.queue), "%s/queue", here);
	snprintf(place.home, sizeof(place.home), "%s/home", here);
	place.dirs[0] = place.home;
	ATF_REQUIRE_EQ(0, mkdir(place.queue, 0700));
	ATF_REQUIRE_EQ(0, mkdir(place.home, 0700));
	ATF_REQUIRE_EQ(0,
	    chown(place.queue, role_reserved_id(ROLE_SPOOL),
		role_reserved_id(ROLE_SPOOL)));
	ATF_REQUIRE_EQ(0,
	    chown(place.home, role_reserved_id(ROLE_MAILER),
		role_reserved_id(ROLE_MAILER)));
	ATF_REQUIRE_EQ_MSG(0,
	    confine_make_namespaces(&place.net_fd, &place.root_fd, &step), "%s",
	    step);
}

static inline struct confine_params
params_for(enum role role)
{
	return (struct confine_params){
		.role = role,
		.uid = role_reserved_id(role),
		.gid = role_reserved_id(role),
		.net_fd = place.net_fd,
		.root_fd = place.root_fd,
		.root = place.queue,
		.dirs = role == ROLE_MAILER ? place.dirs : NULL,
	};
}

/* In a child, before it is confined. */
static inline void
confine_or_die(enum role role)
{
	struct confine_params p = params_for(role);
	const char *step = "none";
	int error;

	if ((error = confine_enter(&p, &step)) == 0)
		return;
	fprintf(stderr, "%s: %s\n", step, err_text(error));
	_exit(255);
}

/* The status of wait(2) of a child that is confined and runs fn(arg). */
static inline int
run_as(enum role role, void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) >= 0);
	if (pid == 0) {
		confine_or_die(role);
		fn(arg);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	return status;
}

static inline void
check_works(enum role role, void (*fn)(void *), void *arg)
{
	int status = run_as(role, fn, arg);

	ATF_CHECK_MSG(status == 0, "%s: signal %d, status (line %% 250) %d",
	    roles[role].name, WTERMSIG(status), WEXITSTATUS(status) - 1);
}

static inline void
check_dies(
    enum role role, const char *what, void (*fn)(void *), void *arg, int sig)
{
	int status = run_as(role, fn, arg);

	ATF_CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == sig,
	    "%s, %s: signal %d, status %d", roles[role].name, what,
	    WTERMSIG(status), WEXITSTATUS(status));
}

#endif
