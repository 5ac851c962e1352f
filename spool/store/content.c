/* SPDX-License-Identifier: ISC
 *
 * Contents with a file of their own, big/ID.  Such a file has its final name
 * and is durable before the record that names it is written; it is removed
 * after the outcome that makes the message dead is durable.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

void
big_name(uint64_t msgid, bool tmp, char out[BIG_NAME_SIZE])
{
	snprintf(
	    out, BIG_NAME_SIZE, "%016" PRIx64 "%s", msgid, tmp ? ".tmp" : "");
}

int
big_create(struct store *s, uint64_t msgid)
{
	char name[BIG_NAME_SIZE];

	big_name(msgid, true, name);
	return io_open(s->big_fd, name, O_WRONLY | O_CREAT | O_EXCL);
}

void
big_unlink(struct store *s, uint64_t msgid, bool tmp)
{
	char name[BIG_NAME_SIZE];
	int error;

	big_name(msgid, tmp, name);
	/* what stays is removed at the next start */
	if ((error = io_unlink(s->big_fd, name)) != 0)
		LOG(EV_SPOOL_IO, KS("doing", "unlink"), KS("file", name),
		    KS("error", err_text(error)));
}

static int
big_rename(struct store *s, struct item *item)
{
	char from[BIG_NAME_SIZE], to[BIG_NAME_SIZE];
	int error;

	s->stats.syncs++;
	if ((error = io_sync_data(item->big_fd)) != 0) {
		s->stats.sync_failures++;
		return error;
	}
	big_name(item->msg->msgid, true, from);
	big_name(item->msg->msgid, false, to);
	error = io_rename(s->big_fd, from, s->big_fd, to);
	if (error != 0)
		return error;
	close(item->big_fd);
	item->big_fd = -1;
	return 0;
}

void
big_settle(struct store *s, int *result)
{
	struct item *item, *next;
	bool renamed = false;
	int error;

	TAILQ_FOREACH_SAFE(item, &s->queue, entry, next) {
		if (item->kind != ITEM_MESSAGE || item->big_fd < 0)
			continue;
		if ((error = big_rename(s, item)) == 0) {
			renamed = true;
			continue;
		}
		LOG(EV_SPOOL_IO, KS("doing", "sync of content"),
		    KI("message", item->msg->msgid),
		    KS("error", err_text(error)));
		*result = error;
		item_fail(s, item, error);
	}
	if (!renamed)
		return;
	s->stats.syncs++;
	if ((error = io_sync_dir(s->big_fd)) == 0)
		return;
	s->stats.sync_failures++;
	*result = error;
	TAILQ_FOREACH_SAFE(item, &s->queue, entry, next) {
		if (item->kind == ITEM_MESSAGE && item->msg->big)
			item_fail(s, item, error);
	}
}
