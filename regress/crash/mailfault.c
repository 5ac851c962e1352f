/* SPDX-License-Identifier: ISC
 *
 * Calls that fail under a Maildir and an mbox: each call once, with each of
 * some errors, and each write short.  What was reported delivered is there
 * whole; a Maildir's new/ has nothing else in it, and an mbox is what it was
 * before but for that.  When what was not delivered is put again, in doubt,
 * all of it is there once and was synced.  The mailer's death is that all
 * calls fail from there on.
 *
 *	mailfault [-d directory]
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/box.h"
#include "regress/crash/calls.h"

#define IDS      5  /* 1 and 2 are there before, 3 and 4 are put */
#define TOGETHER 20 /* more */

static const uint32_t lengths[IDS] = { 0, 300, 9000, 12000, 500 };

static const struct {
	const char *name;
	enum fault_kind kind;
	int error;
	bool for_ever;
} faults[] = {
	{ "EIO", FAULT_ERROR, EIO, false },
	{ "ENOSPC", FAULT_ERROR, ENOSPC, false },
	{ "EDQUOT", FAULT_ERROR, EDQUOT, false },
	{ "EMFILE", FAULT_ERROR, EMFILE, false },
	{ "a short write", FAULT_SHORT, 0, false },
	{ "half a write, then ENOSPC", FAULT_HALF, ENOSPC, false },
	{ "death", FAULT_ERROR, EIO, true },
	{ "death in a write", FAULT_HALF, EIO, true },
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct {
	char home[512];
	struct buf records[IDS]; /* what an mbox has of each */
	unsigned cases, deferred, broken;
} run;

/* Whether the mbox consists of the records of these, in this order; 0 is
 * none. */
static bool
mbox_is(const uint32_t ids[IDS - 1])
{
	char path[600];
	struct buf want;
	unsigned char *got;
	ssize_t n = -1;
	bool same;
	int fd, i;

	snprintf(path, sizeof(path), "%s/mbox", run.home);
	buf_init(&want, 1 << 20);
	for (i = 0; i < IDS - 1; i++) {
		if (ids[i] != 0)
			buf_add(&want, run.records[ids[i]].data,
			    run.records[ids[i]].len);
	}
	got = need(want.len + 1, 1);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		n = read(fd, got, want.len + 1);
		close(fd);
	}
	same = n == (ssize_t)want.len &&
	    (n == 0 || memcmp(got, want.data, want.len) == 0);
	free(got);
	buf_clear(&want);
	return same;
}

static const char *
mbox_check(bool settled)
{
	static const uint32_t other[IDS - 1] = { 1, 2, 4, 3 };
	uint32_t ids[IDS - 1] = { 0 }, i;

	for (i = 1; i < IDS; i++)
		ids[i - 1] = box_reported[i] == OUT_DELIVERED ? i : 0;
	if (mbox_is(ids) || (settled && mbox_is(other)))
		return NULL;
	return settled ? "the mbox has not each message once"
		       : "the mbox is not what was reported";
}

static const char *
maildir_check(bool settled)
{
	char path[600];
	unsigned n, torn = 0;
	uint32_t i;

	snprintf(path, sizeof(path), "%s/Maildir/new", run.home);
	for (i = 1; i < IDS; i++) {
		n = box_count(path, i, lengths[i], &torn);
		if (torn != 0)
			return "a file in new/ is not whole";
		if (box_reported[i] == OUT_DELIVERED && n != 1)
			return "a message that was delivered is not there once";
		if (box_reported[i] != OUT_DELIVERED && !settled && n != 0)
			return "a message that was deferred is there";
		if (settled && n != 1)
			return "a message is not there once in the end";
	}
	return NULL;
}

static const struct format {
	const char *name;
	const char *path;
	const char *synced; /* what is synced last */
	bool journalled;    /* the file system that it is on */
	void (*put)(const struct mail *);
	void (*commit)(void);
	const char *(*check)(bool settled);
} formats[] = {
	{ "a Maildir", "~/Maildir", "Maildir/new", false, maildir_put,
	    maildir_commit, maildir_check },
	{ "a Maildir with a journal", "~/Maildir", "Maildir/new", true,
	    maildir_put, maildir_commit, maildir_check },
	{ "an mbox", "~/mbox", "mbox", false, mbox_put, mbox_commit,
	    mbox_check },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct format *const maildir = &formats[0];
static const struct format *const mbox = &formats[2];

/* An empty home, and nothing reported. */
static void
begin(const struct format *f)
{
	tree_empty(run.home);
	box_job(run.home, f->path);
	memset(box_reported, -1, sizeof(box_reported));
}

static void
put_all(const struct format *f, uint32_t from, uint32_t to, bool from_file)
{
	uint32_t i;

	for (i = from; i < to; i++) {
		if (box_reported[i] == -1)
			box_put(f->put, i, lengths[i], false, from_file);
	}
	f->commit();
}

static bool
was_synced(const struct journal *journal, const char *path)
{
	struct stat st;
	size_t at;

	if (stat(path, &st) != 0)
		err(1, "%s", path);
	for (at = 0; at < journal->len; at++) {
		if (journal->ops[at].kind == OP_SYNC &&
		    journal->ops[at].ino == st.st_ino)
			return true;
	}
	return false;
}

/* Put again what was not delivered, in doubt after a death as the scheduler
 * does.  False when some of it is reported as delivered without a sync: it may
 * have been cut before its own. */
static bool
put_again(const struct format *f, bool died)
{
	struct journal journal = { 0 };
	bool synced, told = false;
	char path[600];
	uint32_t i;

	calls_record(&journal);
	for (i = 1; i < IDS; i++) {
		if (box_reported[i] == OUT_DELIVERED)
			continue;
		told = true;
		box_put(f->put, i, lengths[i], died, false);
	}
	f->commit();
	calls_record(NULL);
	snprintf(path, sizeof(path), "%s/%s", run.home, f->synced);
	synced = was_synced(&journal, path);
	journal_clear(&journal);
	return synced || !told;
}

/* One call fails.  False when there are not so many. */
static bool
fault_case(const struct format *f, unsigned at, size_t fault, bool from_file)
{
	struct fault_plan plan = { .at = at,
		.kind = faults[fault].kind,
		.error = faults[fault].error,
		.for_ever = faults[fault].for_ever };
	const char *wrong = NULL;
	char lock[600];
	unsigned seen, syncs, deferred = 0;
	int i;

	begin(f);
	put_all(f, 1, 3, false);
	calls_plan(&plan);
	put_all(f, 3, IDS, from_file);
	seen = calls_seen();
	syncs = calls_syncs_failed();
	calls_plan(NULL);
	for (i = 1; i < IDS; i++) {
		if (box_reported[i] == -1)
			wrong = "a message has no report";
		deferred += box_reported[i] != OUT_DELIVERED;
	}
	run.deferred += deferred;
	if (syncs > 0 && deferred == 0)
		wrong = "a sync that failed is taken for a success";
	if (plan.kind == FAULT_SHORT && deferred > 0)
		wrong = "a short write is taken for a failure";
	/* the dead undo nothing, and report nothing */
	if (wrong == NULL && !plan.for_ever)
		wrong = f->check(false);
	/* a lock that could not be removed would be waited for */
	snprintf(lock, sizeof(lock), "%s/mbox.lock", run.home);
	unlink(lock);
	if (!put_again(f, plan.for_ever))
		wrong = "delivered is said without a sync";
	if (wrong == NULL)
		wrong = f->check(true);
	run.cases++;
	if (wrong != NULL && ++run.broken > 0)
		fprintf(stderr, "%s, call %u, %s%s: %s\n", f->name, at,
		    faults[fault].name, from_file ? ", from a file" : "",
		    wrong);
	return at <= seen;
}

/* What is there is so although there is no room to write it again. */
static void
full_case(const struct format *f)
{
	struct fault_plan plan = {
		.at = 1, .kind = FAULT_FULL, .error = EDQUOT, .for_ever = true
	};

	begin(f);
	put_all(f, 1, IDS, false);
	box_reported[1] = -1;
	calls_plan(&plan);
	box_put(f->put, 1, lengths[1], true, false);
	f->commit();
	calls_plan(NULL);
	run.cases++;
	if (box_reported[1] != OUT_DELIVERED && ++run.broken > 0)
		fprintf(stderr, "%s: what is there is taken to need room\n",
		    f->name);
}

/* What is there is put again, in doubt, and a call fails meanwhile: it is not
 * there twice.  It counts when what it is in was synced. */
static void
doubt_case(const struct format *f, enum fault_kind kind)
{
	struct fault_plan plan = { .kind = kind, .error = EIO };
	struct journal journal;
	unsigned failed = 1;
	const char *wrong;
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", run.home, f->synced);
	for (plan.at = 1; failed > 0; plan.at++) {
		journal = (struct journal){ 0 };
		begin(f);
		put_all(f, 1, IDS, false);
		box_reported[2] = -1;
		calls_record(&journal);
		calls_plan(&plan);
		box_put(f->put, 2, lengths[2], true, plan.at % 2 == 0);
		f->commit();
		failed = calls_failed();
		calls_plan(NULL);
		calls_record(NULL);
		if (box_reported[2] != OUT_DELIVERED) {
			run.deferred++;
			box_put(f->put, 2, lengths[2], true, false);
			f->commit();
		} else if (!was_synced(&journal, path) && ++run.broken > 0) {
			fprintf(stderr, "%s: found and not synced\n", f->name);
		}
		run.cases++;
		if ((wrong = f->check(true)) != NULL && ++run.broken > 0)
			fprintf(stderr, "%s, in doubt, call %u, kind %d: %s\n",
			    f->name, plan.at, (int)kind, wrong);
		journal_clear(&journal);
	}
}

/* A Maildir that this process knew is gone, and making it anew fails once at
 * any call: what is delivered in the end is in directories that are durable. */
static void
made_anew_case(void)
{
	struct fault_plan plan = { .kind = FAULT_ERROR, .error = EIO };
	struct journal journal;
	char path[600];
	unsigned failed = 1;

	snprintf(path, sizeof(path), "%s/Maildir", run.home);
	for (plan.at = 1; failed > 0; plan.at++) {
		journal = (struct journal){ 0 };
		begin(maildir);
		put_all(maildir, 1, 2, false);
		tree_empty(run.home);
		box_reported[1] = -1;
		calls_record(&journal);
		calls_plan(&plan);
		put_all(maildir, 1, 2, false);
		failed = calls_failed();
		calls_plan(NULL);
		if (box_reported[1] != OUT_DELIVERED) {
			box_put(maildir_put, 1, lengths[1], true, false);
			maildir_commit();
		}
		calls_record(NULL);
		run.cases++;
		if ((!was_synced(&journal, run.home) ||
			!was_synced(&journal, path)) &&
		    ++run.broken > 0)
			fprintf(stderr,
			    "call %u of making a Maildir anew: it is not "
			    "durable\n",
			    plan.at);
		journal_clear(&journal);
	}
}

/* A file has no name at first where the file system is one of which that is
 * known to be good, and only there. */
static void
nameless_case(const struct format *f)
{
	struct journal journal = { 0 };
	bool nameless = false;
	size_t i;

	begin(f);
	calls_record(&journal);
	put_all(f, 1, 2, false);
	calls_record(NULL);
	for (i = 0; i < journal.len; i++)
		nameless |= journal.ops[i].kind == OP_CREATE &&
		    journal.ops[i].name == NULL;
	run.cases++;
	if (nameless != f->journalled && ++run.broken > 0)
		fprintf(stderr, "%s: files have %s\n", f->name,
		    nameless ? "no name" : "a name");
	journal_clear(&journal);
}

/* So many that they are synced together, and this fails: none of them is
 * delivered. */
static void
together_case(void)
{
	struct fault_plan plan = { .at = 1, .kind = FAULT_SYNC, .error = EIO };
	unsigned told = 0, failed;
	uint32_t i;

	begin(maildir);
	put_all(maildir, 1, IDS, false);
	calls_journalled(true);
	calls_plan(&plan);
	for (i = IDS; i < IDS + TOGETHER; i++)
		box_put(maildir_put, i, 300, false, false);
	maildir_commit();
	failed = calls_failed();
	calls_plan(NULL);
	calls_journalled(false);
	for (i = IDS; i < IDS + TOGETHER; i++)
		told += box_reported[i] == OUT_DELIVERED;
	run.cases++;
	if ((failed != 1 || told != 0) && ++run.broken > 0)
		fprintf(stderr,
		    "the sync of %d files failed, of which %u are "
		    "reported delivered\n",
		    TOGETHER, told);
}

/* What an mbox gets for each message. */
static void
records_learn(void)
{
	char path[600];
	struct stat st;
	off_t before = 0;
	uint32_t i;
	int fd;

	tree_empty(run.home);
	box_job(run.home, "~/mbox");
	memset(box_reported, -1, sizeof(box_reported));
	snprintf(path, sizeof(path), "%s/mbox", run.home);
	for (i = 1; i < IDS; i++) {
		put_all(mbox, i, i + 1, false);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
		    fstat(fd, &st) != 0)
			err(1, "%s", path);
		buf_init(&run.records[i], 1 << 20);
		buf_reserve(&run.records[i], (size_t)(st.st_size - before));
		run.records[i].len = (size_t)(st.st_size - before);
		if (run.records[i].len < lengths[i] ||
		    pread(fd, run.records[i].data, run.records[i].len,
			before) != st.st_size - before)
			errx(1, "no mbox to begin with");
		before = st.st_size;
		close(fd);
	}
}

int
main(int argc, char **argv)
{
	const char *dir = "/dev/shm";
	const struct format *f;
	unsigned at;
	size_t fault;
	int c;

	while ((c = getopt(argc, argv, "d:")) != -1) {
		if (c != 'd')
			errx(2, "usage: mailfault [-d dir]");
		dir = optarg;
	}
	snprintf(
	    run.home, sizeof(run.home), "%s/mailfault.%d", dir, (int)getpid());
	records_learn();
	made_anew_case();
	together_case();
	for (f = formats; f < formats + FORMATS; f++) {
		calls_journalled(f->journalled);
		nameless_case(f);
		full_case(f);
		doubt_case(f, FAULT_ERROR);
		doubt_case(f, FAULT_READ);
		for (fault = 0; fault < FAULTS; fault++) {
			for (at = 1;
			     fault_case(f, at, fault, (at + fault) % 2 == 0);
			     at++)
				;
		}
	}
	tree_remove(run.home);
	printf("mailfault: %u cases, %u messages deferred: %u broken\n",
	    run.cases, run.deferred, run.broken);
	return run.broken > 0;
}
