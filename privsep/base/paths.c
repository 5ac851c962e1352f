/* SPDX-License-Identifier: ISC
 *
 * The places of an instance.  See paths.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "privsep/base/err.h"
#include "privsep/base/paths.h"

static const struct {
	const char *system;
	const char *instance;
} places[PATH__MAX] = {
	[PATH_CONFIG] = { SYSCONFDIR "/bulkhead/smtpd.conf", "smtpd.conf" },
	[PATH_QUEUE] = { "/var/spool/bulkhead", "queue" },
	[PATH_RUN] = { "/run/bulkhead", "run" },
	[PATH_CONTROL] = { "/run/bulkhead/control.sock", "run/control.sock" },
	[PATH_SUBMIT] = { "/run/bulkhead/submit.sock", "run/submit.sock" },
	[PATH_PID] = { "/run/bulkhead/smtpd.pid", "run/smtpd.pid" },
	[PATH_UTMP] = { "/run/utmp", "run/utmp" },
};

static struct {
	char *root; /* NULL: the system's instance */
	char path[PATH__MAX][PATH_MAX];
} paths;

int
paths_set_root(const char *dir)
{
	char *root;
	size_t i;

	if ((root = realpath(dir, NULL)) == NULL)
		return err_from_errno(errno);
	for (i = 0; i < PATH__MAX; i++) {
		if ((size_t)snprintf(paths.path[i], sizeof(paths.path[i]),
			"%s/%s", root,
			places[i].instance) >= sizeof(paths.path[i])) {
			free(root);
			return -E_TOOLONG;
		}
	}
	free(paths.root);
	paths.root = root;
	return 0;
}

bool
paths_private(void)
{
	return paths.root != NULL;
}

const char *
paths_get(enum path_id id)
{
	return paths.root == NULL ? places[id].system : paths.path[id];
}

int
paths_resolve(const char *path, char *out, size_t size)
{
	int n;

	if (path[0] == '/')
		n = snprintf(out, size, "%s", path);
	else
		n = snprintf(out, size, "%s/%s",
		    paths.root == NULL ? "" : paths.root, path);
	return n < 0 || (size_t)n >= size ? -E_TOOLONG : 0;
}
