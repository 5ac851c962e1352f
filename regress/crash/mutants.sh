#! /bin/sh
# SPDX-License-Identifier: ISC
#
# Take away the guards of the queue and of the mailer one by one, in a copy of
# the sources, and see that the programs of this directory notice each:
# mutants.sh [PATTERN], from the top of the sources.
set -u

pattern=${1:-.}
tmp=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
cp -r Makefile privsep smtpd spool delivery regress "$tmp"
cd "$tmp" || exit 1
missed=0

# mutant NAME FILE SCRIPT PROGRAM [ARGUMENT...]: the sed script must change
# the file, and the program must fail then and not before.
mutant()
{
	name=$1 file=$2 script=$3 program=$4
	shift 4
	echo "$name" | grep -q -e "$pattern" || return 0
	cp "$file" saved
	sed -i "$script" "$file"
	if cmp -s saved "$file"; then
		verdict="DOES NOT APPLY"
	elif ! make -s O="$tmp/o" "$tmp/o/regress/crash/$program" \
	    >make.out 2>&1; then
		verdict="DOES NOT COMPILE"
	elif timeout 300 "$tmp/o/regress/crash/$program" -d "$tmp" "$@" \
	    >run.out 2>&1; then
		verdict="NOT NOTICED"
	else
		verdict=red
	fi
	[ "$verdict" = red ] || missed=$((missed + 1))
	first=$(grep -v '^powercut: \|^mail[a-z]*: ' run.out 2>/dev/null |
	    head -n 1)
	printf '%-16s %-10s %s: %s\n' "$verdict" "$program" "$name" "$first"
	cp saved "$file"
	rm -rf run.out "$tmp"/*.broken*
}

store=spool/store
cut="powercut -n 3000 -s 11"
mutant "no sync of a batch" $store/commit.c \
    '/io_writev/,/return error/s/io_sync_data(seg->fd)/0/' $cut
mutant "moves are not synced" $store/commit.c \
    '/io_writev/,/return error/s/if (error == 0)/if (error == 0 \&\& TAILQ_FIRST(\&s->queue)->kind != ITEM_MOVE)/' $cut
mutant "segment's name not synced" $store/segment.c \
    's/(error = io_sync_dir(s->log_fd)) != 0/(error = 0) != 0/' $cut
mutant "names in big/ not synced" $store/content.c \
    's/(error = io_sync_dir(s->big_fd)) == 0/(error = 0) == 0/' $cut
mutant "big content not synced" $store/content.c \
    's/(error = io_sync_data(item->big_fd)) != 0/(error = 0) != 0/' $cut
mutant "segment headers not synced" $store/segment.c \
    's/return io_sync_data(fd);/return 0;/' $cut
mutant "no CRC" $store/record.c \
    's/crc != rec_crc(in.p, seq, \*body, none)/crc == 0/' $cut
mutant "no end in the successor" $store/segment.c \
    's/s->prev_cut = seg->off;/s->prev_cut = 0;/' $cut
mutant "recovery writes down no end" $store/recover.c \
    's/s->prev_cut = found->end;/s->prev_cut = 0;/' $cut
mutant "recovery writes down no torn batch" $store/recover.c \
    's/s->prev_torn = found->torn;/s->prev_torn = 0;/' $cut
mutant "recovery does not sync the last segment" $store/recover.c \
    's/error = io_sync_data(fd);/error = 0;/' $cut
mutant "torn segment is written to again" $store/recover.c \
    's/error == 0 && found->clean && /error == 0 \&\& /' $cut
mutant "outcomes of a torn batch count" $store/scan.c \
    's/if (sc->gap && h->batch == sc->torn)/if (false)/' powercut -n 8000 -s 11
mutant "content removed before the outcome is durable" $store/tx.c \
    's/item->kills = --m->open == 0;/if ((item->kills = --m->open == 0) \&\& m->big) big_unlink(s, msgid, false);/' $cut
mutant "any segment is retired" $store/compact.c \
    's/seg = TAILQ_FIRST(&s->log)) != NULL &&/seg = TAILQ_LAST(\&s->log, seg_list) == NULL ? NULL : TAILQ_PREV(TAILQ_LAST(\&s->log, seg_list), seg_list, entry)) != NULL \&\&/' $cut
mutant "retired before the move" $store/compact.c \
    's/seg != s->current && LIST_EMPTY(&seg->msgs)/seg != s->current \&\& (LIST_EMPTY(\&seg->msgs) || s->queue_len > 0)/' $cut
mutant "failed segment is written to again" $store/commit.c \
    's/^\tseg_end_current(s);$/\ts->current->off += REC_SECTOR;/; s/^\t(void)seg_switch(s, true);$//' $cut
mutant "log/ not synced at start" $store/store.c \
    's/(error = io_sync_dir(s->log_fd)) != 0/(error = 0) != 0/' $cut
mutant "answered before the sync" $store/commit.c \
    's/if (error == 0)\(.*\)$/if (error == 0 \&\& s->next_batch % 2 == 0)/' $cut

local=delivery/local
box="mailcut -n 600 -s 11"
mutant "mail not synced" $local/maildir.c \
    's/bool synced = fsync(p->fd) == 0;/bool synced = true;/' $box
mutant "new/ not synced" $local/maildir.c \
    's/if (fsync(maildir.box.new_fd) != 0)/if (false)/' $box
mutant "moved before it is synced" $local/maildir.c \
    's/bool synced = fsync(p->fd) == 0;/bool synced = (renameat2(maildir.box.tmp_fd, p->name, maildir.box.new_fd, p->name, 0), fsync(p->fd) == 0); return close(p->fd) == 0 \&\& synced;/' $box
mutant "reported before the commit" $local/maildir.c \
    's/^\tif (++maildir.npending == MAILDIR_BATCH)/\tmail_result_set(\&result, OUT_DELIVERED, "2.0.0", "x"); mailer_report(m->msgid, m->index, \&result);\n&/' $box
mutant "found, but not synced" $local/maildir.c \
    '/^maildir_delivered/,/^}/s/fsync(maildir.box.[a-z]*_fd) == 0/true/' $box
mutant "the Maildir itself not synced" $local/maildir.c \
    's/(made && fsync(box) != 0)/false/' $box
mutant "the Maildir's name not synced" $local/maildir.c \
    's/(!made || place_sync(dir) == 0 || errno == EACCES)/true/' $box
mutant "not looked for in doubt" $local/maildir.c \
    's/(m->flags & DELIVER_IN_DOUBT) == 0/true/' $box
mutant "failed sync of mail ignored" $local/maildir.c \
    's/bool synced = fsync(p->fd) == 0;/bool synced = fsync(p->fd) == 0 || true;/' mailfault
mutant "failed sync of new/ ignored" $local/maildir.c \
    's/if (fsync(maildir.box.new_fd) != 0)/if (fsync(maildir.box.new_fd) != 0 \&\& false)/' $box
mutant "failed write ignored" $local/maildir.c \
    's/p->fd < 0 || maildir_write(m, p->fd) != 0/p->fd < 0 || (maildir_write(m, p->fd) \&\& false)/' mailfault
mutant "short write is the end" $local/content.c \
    's/s.len -= (size_t)n;/s.len = 0;/' mailfault
mutant "mbox not cut back" $local/mbox.c \
    's/ftruncate(mbox.fd, before) != 0/false/' mailfault
mutant "mbox not cut back after a failed sync" $local/mbox.c \
    's/ftruncate(mbox.fd, mbox.start) != 0/false/' mailfault
mutant "mbox found, but not synced" $local/mbox.c \
    's/whole && fsync(mbox.fd) == 0 && place_sync(mbox.dir_fd) == 0/whole/' mailfault
mutant "half a record not found" $local/mbox.c \
    's/keep >= strlen("From ")/keep > sizeof(window)/' mailfault
mutant "failed sync of an mbox ignored" $local/mbox.c \
    's/(fsync(mbox.fd) != 0 || place_sync(mbox.dir_fd) != 0)/(fsync(mbox.fd) \&\& false)/' mailfault

exit $((missed > 0))
