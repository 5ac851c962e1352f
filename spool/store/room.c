/* SPDX-License-Identifier: ISC
 *
 * Whether there is room for more mail.  Refusing early keeps enough of the
 * disk to record what becomes of the mail that is here.
 */
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define ROOM_EVERY 1000 /* ms between two looks */

bool
room_for(const struct store *s, uint64_t octets)
{
	uint64_t have, inodes;

	if (io_room(s->dir_fd, &have, &inodes) != 0)
		return false;
	return have >= octets && have - octets >= s->set.reserve_bytes &&
	    inodes > s->set.reserve_inodes;
}

bool
room_for_own(const struct store *s, uint64_t octets)
{
	uint64_t have, inodes;

	if (io_room(s->dir_fd, &have, &inodes) != 0)
		return false;
	return have >= octets && have - octets >= s->set.reserve_bytes / 2;
}

/* In the log itself: a segment may be had, or the current one is not yet
 * half full, and the reserve for outcomes is whole. */
static bool
room_in_log(const struct store *s)
{
	if (s->free_len >= SEG_FREE_TARGET || room_for(s, s->set.segment_size))
		return true;
	return s->free_len > 0 && s->current != NULL &&
	    s->current->off < s->set.segment_size / 2;
}

void
room_check(struct store *s, uint64_t now_ms)
{
	int room = 0;

	if (s->room_known && now_ms - s->room_checked_ms < ROOM_EVERY)
		return;
	if (!room_for(s, 0) || !room_in_log(s))
		room = -E_NOSPACE;
	if (room != s->room)
		LOG(EV_SPOOL_ROOM, KS("room", room == 0 ? "yes" : "no"));
	s->room = room;
	s->room_checked_ms = now_ms;
	s->room_known = true;
}

int
store_room(const struct store *s)
{
	return s->failing ? -E_IO : s->room;
}
