/* SPDX-License-Identifier: ISC
 *
 * What start-up makes of damaged disks: torn tails, flipped octets, headers,
 * files that are no segments.  Classes: (c) forged records, (f) lengths.
 */
#include "regress/unit/store/queue.h"

#define SEGMENT (64 << 10)

/* The directory as it is put before each start: one segment. */
struct image {
	unsigned char was[SEGMENT];
	unsigned char now[SEGMENT];
	size_t used; /* octets up to the end of the last batch */
};

static void
image_load(unsigned char *to)
{
	FILE *f = fopen("q/log/00000001", "r");

	ATF_REQUIRE(f != NULL);
	ATF_REQUIRE_EQ(SEGMENT, fread(to, 1, SEGMENT, f));
	fclose(f);
}

static void
dir_empty(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	ATF_REQUIRE(d != NULL);
	while ((entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
}

static struct store *
image_open(const unsigned char *from)
{
	FILE *f;

	dir_empty("q/log");
	dir_empty("q/corrupt");
	f = fopen("q/log/00000001", "w");
	ATF_REQUIRE_EQ(SEGMENT, fwrite(from, 1, SEGMENT, f));
	fclose(f);
	return queue_open("q");
}

/* Two batches of two messages, kept in was; then a third in now. */
static struct image *
image_make(void)
{
	struct image *im = calloc(1, sizeof(*im));
	struct store *s = queue_open("q");

	put_message(s, 1, 1, 300);
	put_message(s, 2, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	put_message(s, 3, 1, 200);
	put_message(s, 4, 1, 50);
	ATF_REQUIRE_EQ(0, store_commit(s));
	image_load(im->was);
	put_message(s, 5, 1, 150);
	put_outcome(s, 1, 0, STORE_DEFERRED, 1);
	put_message(s, 6, 1, 40);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	image_load(im->now);
	for (im->used = SEGMENT - 512; im->used > 0; im->used--) {
		if (im->now[im->used - 1] != 0)
			break;
	}
	return im;
}

static int
messages_good(struct store *s)
{
	return message_good(s, 1, 1, 300) + message_good(s, 2, 1, 100) +
	    message_good(s, 3, 1, 200) + message_good(s, 4, 1, 50) +
	    message_good(s, 5, 1, 150) + message_good(s, 6, 1, 40);
}

/* Of the third batch only what lies in [from, to) came to the disk. */
static void
torn_case(const struct image *im, size_t from, size_t to)
{
	unsigned char disk[SEGMENT];
	struct store_stats st;
	struct store *s;
	bool five, six;

	memcpy(disk, im->was, SEGMENT);
	memcpy(disk + from, im->now + from, to - from);
	s = image_open(disk);
	store_stats(s, &st);
	ATF_CHECK_EQ(0, st.quarantined);
	five = message_good(s, 5, 1, 150);
	six = message_good(s, 6, 1, 40);
	ATF_CHECK_EQ(4 + five + six, messages_good(s));
	ATF_CHECK_EQ((uint64_t)(4 + five + six), st.messages);
	/* what is written after it makes no difference at the next start */
	put_message(s, 7, 1, 60);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	s = queue_open("q");
	store_stats(s, &st);
	ATF_CHECK_EQ(0, st.quarantined);
	ATF_CHECK_EQ((uint64_t)(5 + five + six), st.messages);
	ATF_CHECK_EQ(4 + five + six, messages_good(s));
	store_close(s);
}

static size_t
image_last_batch(const struct image *im)
{
	size_t i;

	for (i = 512; im->was[i] == im->now[i]; i++)
		;
	return i / 512 * 512;
}

ATF_TC(torn_tail_at_every_octet_ends_the_log_cleanly);
ATF_TC_HEAD(torn_tail_at_every_octet_ends_the_log_cleanly, tc)
{
	atf_tc_set_md_var(tc, "timeout", "120");
}
ATF_TC_BODY(torn_tail_at_every_octet_ends_the_log_cleanly, tc)
{
	struct image *im = image_make();
	size_t start = image_last_batch(im), at;

	for (at = start; at < im->used; at += 3)
		torn_case(im, start, at);
	free(im);
}

ATF_TC_WITHOUT_HEAD(tail_whose_sectors_came_in_any_order_ends_the_log);
ATF_TC_BODY(tail_whose_sectors_came_in_any_order_ends_the_log, tc)
{
	struct image *im = image_make();
	size_t start = image_last_batch(im), from, to;

	for (from = start; from < im->used; from += 512) {
		for (to = from + 512; to < im->used + 512; to += 512)
			torn_case(im, from, to);
	}
	free(im);
}

ATF_TC(flipped_octet_costs_at_most_the_message_it_hits);
ATF_TC_HEAD(flipped_octet_costs_at_most_the_message_it_hits, tc)
{
	atf_tc_set_md_var(tc, "timeout", "300");
}
ATF_TC_BODY(flipped_octet_costs_at_most_the_message_it_hits, tc)
{
	struct image *im = image_make();
	size_t start = image_last_batch(im), i;
	struct store_stats st;
	struct store *s;
	int good;

	for (i = 0; i < SEGMENT; i++) {
		if (i == im->used)
			i = SEGMENT - 512;
		im->now[i] ^= 0x55;
		s = image_open(im->now);
		good = messages_good(s);
		store_stats(s, &st);
		ATF_CHECK_MSG(good >= (i < 512 || i > im->used ? 6 : 5),
		    "octet %zu: %d messages", i, good);
		ATF_CHECK_EQ((uint64_t)good, st.messages);
		if (good == 5 && i < start) {
			ATF_CHECK_EQ(1, st.quarantined);
			ATF_CHECK_EQ(1, files_in("q/corrupt"));
		}
		store_close(s);
		im->now[i] ^= 0x55;
	}
	free(im);
}

ATF_TC_WITHOUT_HEAD(damage_in_a_closed_segment_is_kept_once_and_counted);
ATF_TC_BODY(damage_in_a_closed_segment_is_kept_once_and_counted, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;
	unsigned char disk[SEGMENT];
	uint64_t id, good = 0;
	size_t i;
	FILE *f;

	for (id = 1; id <= 40; id++) {
		put_message(s, id, 1, 4000);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	store_close(s);
	image_load(disk);
	/* the last record of the first segment: nothing follows it there */
	for (i = SEGMENT - 513; disk[i] == 0; i--)
		;
	disk[i] ^= 1;
	f = fopen("q/log/00000001", "w");
	fwrite(disk, 1, SEGMENT, f);
	fclose(f);
	for (i = 0; i < 2; i++) {
		s = queue_open("q");
		store_stats(s, &st);
		ATF_CHECK_EQ(1, st.quarantined);
		ATF_CHECK_EQ(39, st.messages);
		store_close(s);
	}
	s = queue_open("q");
	for (id = 1; id <= 40; id++)
		good += message_good(s, id, 1, 4000);
	ATF_CHECK_EQ(39, good);
	store_close(s);
}

/* Change an octet of the record of the first message. */
static void
record_damage(void)
{
	int fd = open("q/log/00000001", O_RDWR | O_CLOEXEC);
	unsigned char octet;

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ(1, pread(fd, &octet, 1, 512 + 60));
	octet ^= 1;
	ATF_REQUIRE_EQ(1, pwrite(fd, &octet, 1, 512 + 60));
	close(fd);
}

static off_t
size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) == -1 ? -1 : st.st_size;
}

ATF_TC_WITHOUT_HEAD(content_of_a_message_damaged_meanwhile_is_kept);
ATF_TC_BODY(content_of_a_message_damaged_meanwhile_is_kept, tc)
{
	struct store *s = queue_open("q");
	struct store_stats st;
	uint64_t id;

	put_message(s, 1, 3, 20000);
	ATF_REQUIRE_EQ(0, store_commit(s));
	record_damage();
	for (id = 10; id < 100; id++) {
		put_message(s, id, 1, 4000);
		ATF_REQUIRE_EQ(0, store_commit(s));
		put_outcome(s, id, 0, STORE_DELIVERED, 1);
		ATF_REQUIRE_EQ(0, store_commit(s));
	}
	tick_idle(s);
	store_stats(s, &st);
	ATF_CHECK_EQ(0, st.messages);
	ATF_CHECK_EQ(0, st.envelopes);
	ATF_CHECK_EQ(0, st.big_bytes);
	ATF_CHECK_EQ(2, st.quarantined);
	ATF_CHECK_EQ(20000, size_of("q/corrupt/0000000000000001"));
	store_close(s);
	s = queue_open("q");
	store_stats(s, &st);
	ATF_CHECK_EQ(2, st.quarantined);
	ATF_CHECK_EQ(2, files_in("q/corrupt"));
	ATF_CHECK_EQ(20000, size_of("q/corrupt/0000000000000001"));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(content_of_a_damaged_message_outlives_a_start_cut_short);
ATF_TC_BODY(content_of_a_damaged_message_outlives_a_start_cut_short, tc)
{
	struct store *s = queue_open("q");

	put_message(s, 1, 1, 20000);
	ATF_REQUIRE_EQ(0, store_commit(s));
	put_message(s, 2, 1, 100);
	ATF_REQUIRE_EQ(0, store_commit(s));
	store_close(s);
	record_damage();
	store_close(queue_open("q"));
	ATF_CHECK_EQ(20000, size_of("q/corrupt/0000000000000001"));
	/* as if it had died before it came to the content */
	ATF_REQUIRE_EQ(
	    0, rename("q/corrupt/0000000000000001", "q/big/0000000000000001"));
	s = queue_open("q");
	ATF_CHECK_EQ(20000, size_of("q/corrupt/0000000000000001"));
	ATF_CHECK(message_good(s, 2, 1, 100));
	store_close(s);
}

ATF_TC_WITHOUT_HEAD(file_that_is_no_segment_is_put_aside);
ATF_TC_BODY(file_that_is_no_segment_is_put_aside, tc)
{
	struct image *im = image_make();
	struct store_stats st;
	struct store *s;
	FILE *f;

	memset(im->now, 0xff, 512);
	memset(im->now + SEGMENT - 512, 0xff, 512);
	s = image_open(im->now);
	store_stats(s, &st);
	ATF_CHECK_EQ(1, st.quarantined);
	ATF_CHECK_EQ(0, st.messages);
	store_close(s);
	f = fopen("q/log/0000000a", "w");
	fputs("short", f);
	fclose(f);
	ATF_REQUIRE_EQ(0, symlink("/etc/passwd", "q/log/0000000b"));
	ATF_REQUIRE_EQ(0, mkfifo("q/log/0000000c", 0600));
	s = queue_open("q");
	store_stats(s, &st);
	ATF_CHECK_EQ(4, st.quarantined);
	ATF_REQUIRE_EQ(0, put_message(s, 1, 1, 10));
	ATF_CHECK_EQ(0, store_commit(s));
	store_close(s);
	free(im);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, torn_tail_at_every_octet_ends_the_log_cleanly);
	ATF_TP_ADD_TC(tp, tail_whose_sectors_came_in_any_order_ends_the_log);
	ATF_TP_ADD_TC(tp, flipped_octet_costs_at_most_the_message_it_hits);
	ATF_TP_ADD_TC(tp, damage_in_a_closed_segment_is_kept_once_and_counted);
	ATF_TP_ADD_TC(tp, content_of_a_message_damaged_meanwhile_is_kept);
	ATF_TP_ADD_TC(
	    tp, content_of_a_damaged_message_outlives_a_start_cut_short);
	ATF_TP_ADD_TC(tp, file_that_is_no_segment_is_put_aside);
	return atf_no_error();
}
