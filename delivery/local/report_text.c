/* SPDX-License-Identifier: ISC
 *
 * A report as a message: what the notification is told of it.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <unistd.h>

#include "delivery/local/report_int.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/config/config.h"
#include "smtpd/mail/parameters.h"

bool
report_is_utf8(const struct report *r)
{
	return (r->parcel->flags & TX_SMTPUTF8) != 0;
}

/* The original message, or as much of its start as the report can use.  Gives
 * *copy when it had to be read. */
static struct span
report_original(const struct parcel *p, size_t max, unsigned char **copy)
{
	struct stat st;
	ssize_t n;

	*copy = NULL;
	if (p->fd < 0)
		return buf_span(&p->content);
	if (fstat(p->fd, &st) != 0 || st.st_size < 0)
		return (struct span){ NULL, 0 };
	if ((uint64_t)st.st_size < max)
		max = (size_t)st.st_size;
	if ((*copy = chk_malloc(max, 1)) == NULL ||
	    (n = pread(p->fd, *copy, max, 0)) < 0)
		return (struct span){ NULL, 0 };
	return (struct span){ *copy, (size_t)n };
}

int
report_compose(struct report *r)
{
	const struct settings *set = &role_config()->set;
	unsigned char *copy;
	struct dsn d = {
		.kind = r->kind,
		.msgid = r->parcel->msgid,
		.reportid = r->reportid,
		.created = (time_t)r->parcel->created_s,
		.now = (time_t)clock_wall(NULL),
		.hostname = span_str(role_config()->hostname),
		.to = r->to_postmaster ? span_str("postmaster")
				       : buf_span(&r->parcel->sender),
		.envid = buf_span(&r->parcel->envid),
		.full =
		    r->parcel->ret == MAIL_RET_FULL && r->size == SIZE_ASKED,
		.bare = r->size == SIZE_BARE,
		.utf8 = report_is_utf8(r),
		.return_max = set->bounce_max_size,
		.rcpts = r->rcpts,
		.nrcpts = r->n,
	};
	int error;

	/* one octet more, so that a longer message is seen to be longer */
	d.content = report_original(r->parcel, d.return_max + 1, &copy);
	error = dsn_compose(&d, &r->message);
	free(copy);
	return error;
}
