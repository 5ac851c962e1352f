/* SPDX-License-Identifier: ISC
 *
 * Who is logged in where, by the records of utmp(5): for SEND, SOML and SAML
 * (RFC 821 3.4).  Only names come from here.  The terminal is opened by a
 * mailer that has become the user and looks again at what it opens.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include "privsep/base/paths.h"
#include "privsep/master/master.h"

#define TERMINAL_RECORDS_MAX 10000 /* that are looked at */

/* "pts/3", "tty1": nothing that leads elsewhere. */
static bool
terminal_line_valid(const char *line)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (strncmp(line, "pts/", 4) == 0)
		line += 4;
	else if (strncmp(line, "tty", 3) != 0)
		return false;
	return line[0] != '\0' && strspn(line, set) == strlen(line);
}

/* When it was last typed at, if it is a terminal whose user lets others
 * write (mesg(1)). */
static bool
terminal_listens(const char *line, time_t *typed)
{
	char path[sizeof("/dev/") + TERMINAL_LINE_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", line);
	if (lstat(path, &st) != 0 || !S_ISCHR(st.st_mode) ||
	    (st.st_mode & S_IWGRP) == 0)
		return false;
	*typed = st.st_atime;
	return true;
}

bool
terminal_find(const char *user, char line[TERMINAL_LINE_MAX + 1])
{
	char at[TERMINAL_LINE_MAX + 1];
	time_t typed, latest = 0;
	struct utmp u;
	unsigned n;
	bool found = false;
	int fd = open(paths_get(PATH_UTMP), O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	for (n = 0; n < TERMINAL_RECORDS_MAX &&
	     read(fd, &u, sizeof(u)) == (ssize_t)sizeof(u);
	     n++) {
		if (u.ut_type != USER_PROCESS ||
		    strncmp(u.ut_user, user, sizeof(u.ut_user)) != 0)
			continue;
		snprintf(
		    at, sizeof(at), "%.*s", (int)sizeof(u.ut_line), u.ut_line);
		if (!terminal_line_valid(at) || !terminal_listens(at, &typed) ||
		    (found && typed < latest))
			continue;
		found = true;
		latest = typed;
		strlcpy(line, at, TERMINAL_LINE_MAX + 1);
	}
	close(fd);
	return found;
}
