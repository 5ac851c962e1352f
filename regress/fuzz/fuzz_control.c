/* SPDX-License-Identifier: ISC
 *
 * The handlers of the control process, and a client of it that says anything;
 * see process.c.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "privsep/control/control.h"
#include "regress/fuzz/process.h"

static struct sockaddr_un where = { .sun_family = AF_UNIX };
static socklen_t where_len;
static int client = -1;

static void
start(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	int n = snprintf(where.sun_path + 1, sizeof(where.sun_path) - 1,
	    "bulkhead-fuzz-%d", (int)getpid());

	/* abstract: no file is left */
	where_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	fuzz_require(fd >= 0 &&
	    bind(fd, (struct sockaddr *)&where, where_len) == 0 &&
	    listen(fd, 8) == 0);
	control_ops.listen(fd, 0);
}

static void
begin(void)
{
	if (client >= 0)
		close(client);
	client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	fuzz_require(client >= 0 &&
	    connect(client, (struct sockaddr *)&where, where_len) == 0);
}

static void
say(struct span frame)
{
	(void)send(client, frame.p, frame.len, MSG_NOSIGNAL);
}

const struct fuzz_process fuzz_process = {
	.ops = &control_ops,
	.start = start,
	.begin = begin,
	.client = say,
};
