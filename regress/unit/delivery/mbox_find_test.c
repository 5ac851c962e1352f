/* SPDX-License-Identifier: ISC
 *
 * Where a record of an mbox begins, and how much of the file is read to find
 * out.  pread(2) is this test's own.  Classes: (f).
 */
#undef _FORTIFY_SOURCE
#include <sys/syscall.h>

#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"

#define MANY 5000

static int fd = -1;
static size_t octets_read;

ssize_t
pread(int from, void *to, size_t len, off_t off)
{
	ssize_t n = syscall(SYS_pread64, from, to, len, off);

	octets_read += n > 0 ? (size_t)n : 0;
	return n;
}

static void
mbox(void)
{
	ATF_REQUIRE((fd = open("mbox", O_RDWR | O_CREAT | O_TRUNC | O_APPEND,
			 0600)) >= 0);
}

static void
append(const char *s)
{
	ATF_REQUIRE_EQ((ssize_t)strlen(s), write(fd, s, strlen(s)));
}

static off_t
size(void)
{
	return lseek(fd, 0, SEEK_END);
}

/* A record as it begins: the senders are few, the ids are not. */
static const char *
first(unsigned id)
{
	static char s[200];

	snprintf(s, sizeof(s),
	    "From s%u@example.net Thu Jan  1 00:00:00 1970\n"
	    "Received: by mx.example.org id %08u\n",
	    id % 3, id);
	return s;
}

static void
record(unsigned id)
{
	append(first(id));
	append("\nHello.\n>From here\n\n");
}

static off_t
find(const char *needle)
{
	off_t at = -2;

	ATF_REQUIRE_EQ(0, mbox_find(fd, span_str(needle), &at));
	return at;
}

ATF_TC_WITHOUT_HEAD(each_of_many_is_found_and_the_file_is_read_once);
ATF_TC_BODY(each_of_many_is_found_and_the_file_is_read_once, tc)
{
	static off_t at[MANY];
	unsigned id;

	mbox();
	for (id = 0; id < MANY; id++) {
		at[id] = size();
		record(id);
	}
	/* the newest first: what is in doubt has come late */
	for (id = MANY; id-- > MANY - 100;)
		ATF_CHECK_EQ(at[id], find(first(id)));
	ATF_CHECK_MSG(octets_read < (size_t)size() * 2,
	    "%zu octets read of %jd", octets_read, (intmax_t)size());
	ATF_CHECK_EQ(at[0], find(first(0)));
	ATF_CHECK_EQ(-1, find(first(MANY)));
	/* what comes meanwhile is seen, too */
	record(MANY);
	ATF_CHECK(find(first(MANY)) > at[MANY - 1]);
}

ATF_TC_WITHOUT_HEAD(lines_of_any_length_are_passed_over);
ATF_TC_BODY(lines_of_any_length_are_passed_over, tc)
{
	char line[1025];
	off_t at;
	int i;

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	mbox();
	record(1);
	/* in a line it is none, also where a read begins: after 64 KiB of it */
	for (i = 0; i < 64; i++)
		append(line);
	append(first(2));
	for (i = 0; i < 200; i++)
		append(line);
	append("\n\n");
	at = size();
	record(3);
	ATF_CHECK_EQ(0, find(first(1)));
	ATF_CHECK_EQ(-1, find(first(2)));
	ATF_CHECK_EQ(at, find(first(3)));
}

ATF_TC_WITHOUT_HEAD(record_that_is_cut_is_found_wherever_that_is);
ATF_TC_BODY(record_that_is_cut_is_found_wherever_that_is, tc)
{
	const char *whole;
	off_t at, want;
	size_t n;

	mbox();
	record(1);
	at = size();
	whole = first(7);
	for (n = 0; n < strlen(whole); n++) {
		mbox_find_forget();
		ATF_REQUIRE_EQ(0, ftruncate(fd, at));
		ATF_REQUIRE_EQ((ssize_t)n, write(fd, whole, n));
		want = n < strlen("From ") ? -1 : at;
		ATF_CHECK_EQ_MSG(want, find(whole), "cut after %zu", n);
	}
}

ATF_TC_WITHOUT_HEAD(file_is_read_anew_when_others_had_it);
ATF_TC_BODY(file_is_read_anew_when_others_had_it, tc)
{
	off_t at;

	mbox();
	record(1);
	record(2);
	ATF_CHECK_EQ(0, find(first(1)));
	at = find(first(2));
	mbox_find_leave(fd);
	/* nobody had it */
	octets_read = 0;
	ATF_CHECK_EQ(at, find(first(2)));
	ATF_CHECK(octets_read < (size_t)size());
	mbox_find_leave(fd);
	/* one has removed the first; the size is what it was */
	ATF_REQUIRE_EQ(0, ftruncate(fd, 0));
	record(2);
	record(3);
	ATF_CHECK_EQ(0, find(first(2)));
	ATF_CHECK_EQ(-1, find(first(1)));
	ATF_CHECK_EQ(at, find(first(3)));
	/* it was left without a look: whose it is now is not known */
	mbox_find_leave(fd);
	mbox_find_leave(fd);
	octets_read = 0;
	ATF_CHECK_EQ(at, find(first(3)));
	ATF_CHECK(octets_read >= (size_t)size());
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, each_of_many_is_found_and_the_file_is_read_once);
	ATF_TP_ADD_TC(tp, lines_of_any_length_are_passed_over);
	ATF_TP_ADD_TC(tp, record_that_is_cut_is_found_wherever_that_is);
	ATF_TP_ADD_TC(tp, file_is_read_anew_when_others_had_it);
	return atf_no_error();
}
