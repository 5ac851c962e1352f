/* SPDX-License-Identifier: ISC
 *
 * One request to the control socket, and the rows of its answer.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "privsep/base/paths.h"
#include "privsep/ipc/loop.h"
#include "smtpd/smtpctl/smtpctl.h"

static struct {
	struct printer *printer;
	bool unconfined; /* show roles has found a difference */
} query;

static const int exits[CTL_STATUS__MAX] = {
	[CTL_OK] = EX_OK,
	[CTL_NO_SUCH] = EX_DATAERR,
	[CTL_USAGE] = EX_USAGE,
	[CTL_FAILED] = EX_TEMPFAIL,
	[CTL_DENIED] = EX_NOPERM,
};

/* False when it cannot be one. */
static bool
query_row(const struct row *row)
{
	switch ((unsigned)query.printer->verb) {
	case CTL_SHOW_STATS:
		return stats_row(row);
	case CTL_SHOW_ROLES:
		if (!procs_row(query.printer, row))
			query.unconfined = true;
		return true;
	case CTL_EXPLAIN:
		explain_row(row);
		break;
	default:
		break;
	}
	print_row(query.printer, row, NULL, NULL);
	return true;
}

static int
query_rows(struct chan *ch, struct msg *m)
{
	unsigned i, f, n = rd_u16(&m->body);

	for (i = 0; i < n; i++) {
		struct row row = { .n = rd_u8(&m->body) };

		if (row.n > FIELDS_MAX)
			return chan_violation(ch, "a row of too many fields");
		for (f = 0; f < row.n; f++) {
			unsigned type;

			row.fields[f].key = rd_span(&m->body, CTL_ARG_MAX);
			type = rd_u8(&m->body);
			if (type >= CTL_T__MAX)
				return chan_violation(ch, "no such type");
			row.fields[f].type = (enum ctl_type)type;
			row.fields[f].value = rd_span(&m->body, MSG_FRAME_MAX);
		}
		if (m->body.bad)
			return chan_violation(ch, "rows out of shape");
		if (!query_row(&row))
			return chan_violation(ch, "no row of this answer");
	}
	return 0;
}

static int
query_end(struct chan *ch, struct msg *m)
{
	unsigned status = rd_u8(&m->body);
	struct span text = rd_span(&m->body, CTL_ARG_MAX);
	struct ctl_request req;

	if (!rd_done(&m->body) || status >= CTL_STATUS__MAX)
		return chan_violation(ch, "end out of shape");
	stats_print(query.printer);
	fflush(stdout);
	print_end(query.printer, (enum ctl_status)status, text);
	if (explain_next(query.printer, &req))
		return ctl_request_send(ch, CTL_REQUEST, m->id + 1, &req);
	loop_end(
	    query.unconfined && status == CTL_OK ? EX_SOFTWARE : exits[status]);
	return 0;
}

static void
query_down(struct chan *ch, bool violation)
{
	fprintf(stderr, "smtpctl: the daemon closed the connection\n");
	loop_end(EX_TEMPFAIL);
}

static int
query_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = paths_get(PATH_CONTROL);
	int fd;

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errno = ENAMETOOLONG;
	else if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) >=
	    0) {
		if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
			return fd;
		close(fd);
	}
	fprintf(stderr, "smtpctl: %s: %s\n", path,
	    errno == ENOENT || errno == ECONNREFUSED ? "smtpd is not running"
						     : strerror(errno));
	return -1;
}

int
query_run(const struct ctl_request *req, struct printer *printer)
{
	static const struct msg_handler handlers[] = {
		{ CTL_ROWS, query_rows },
		{ CTL_END, query_end },
		{ MSG_NONE, NULL },
	};
	static const struct chan_ops ops = {
		.handlers = handlers,
		.down = query_down,
	};
	struct chan *ch;
	int fd;

	query.printer = printer;
	if ((fd = query_connect()) < 0)
		return EX_UNAVAILABLE;
	if (loop_init() != 0 ||
	    (ch = chan_new(fd, ROLE_CLIENT, ROLE_CONTROL, 0, &ops)) == NULL ||
	    ctl_request_send(ch, CTL_REQUEST, 1, req) != 0)
		return EX_OSERR;
	return loop_run();
}
