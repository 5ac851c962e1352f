/* SPDX-License-Identifier: ISC
 *
 * Power cuts under a Maildir.  Messages are put and committed while a journal
 * is kept, and now and then a call fails or the mailer dies; what was in hand
 * then is put again, in doubt.  Then, for many moments, states of the disk
 * that a power cut may have left there are built: what was reported delivered
 * is in new/, once and whole; nothing in new/ is not whole; and when the rest
 * is put again, in doubt, all of it is there once.
 *
 *	mailcut [-d directory] [-n states] [-s seed]
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/box.h"
#include "regress/crash/calls.h"

#define MESSAGES      60 /* of one load */
#define VARIANTS      4
#define BROKEN_ENOUGH 10

static struct {
	struct rnd rnd;
	char home[512], state[512];
	struct journal journal;
	uint32_t len[MESSAGES];
	/* as of the moment that is looked at */
	bool put[MESSAGES], delivered[MESSAGES];
	unsigned loads, states, deaths, failures, again, broken;
} run;

static void
note(uint32_t id, bool delivered)
{
	struct op op = { .kind = OP_NOTE, .note = { id, delivered } };

	journal_add(&run.journal, &op);
}

/* Note what was reported since the last time; what was not, or as not
 * delivered, is put again. */
static void
load_reports(bool again[MESSAGES])
{
	uint32_t id;

	for (id = 0; id < MESSAGES; id++) {
		if (box_reported[id] == OUT_DELIVERED)
			note(id, true);
		else if (box_reported[id] != -1)
			again[id] = true;
		box_reported[id] = -1;
	}
}

static void
load_put(uint32_t id, bool in_doubt)
{
	note(id, false);
	box_put(maildir_put, id, run.len[id], in_doubt, id % 3 == 0);
}

/* Put what was in hand once more; at times nothing else comes in that turn. */
static void
load_again(bool again[MESSAGES], uint32_t n)
{
	bool any = false;
	uint32_t id;

	for (id = 0; id < n; id++) {
		if (again[id])
			load_put(id, true);
		any = any || again[id];
		again[id] = false;
	}
	if (any && rnd_once_in(&run.rnd, 2))
		maildir_commit();
}

/* Put and commit until all are delivered. */
static void
load_run(void)
{
	struct fault_plan plan = { .error = EIO };
	bool again[MESSAGES] = { false };
	bool together = run.loads % 2 == 0;
	uint32_t id;

	memset(box_reported, -1, sizeof(box_reported));
	calls_journalled(together);
	calls_record(&run.journal);
	for (id = 0; id < MESSAGES; id++) {
		run.len[id] = rnd_below(&run.rnd, 6000);
		if (rnd_once_in(&run.rnd, 6)) {
			/* for ever: as when the mailer dies there */
			plan.at = 1 + rnd_below(&run.rnd, 12);
			plan.for_ever = rnd_once_in(&run.rnd, 2);
			calls_plan(&plan);
		}
		load_put(id, false);
		if (rnd_once_in(&run.rnd, together ? 16 : 4))
			maildir_commit();
		if (calls_failed() > 0) {
			maildir_commit();
			calls_plan(NULL);
			run.deaths += plan.for_ever;
			run.failures += !plan.for_ever;
		}
		load_reports(again);
		if (calls_seen() == 0)
			load_again(again, id + 1);
	}
	calls_plan(NULL);
	maildir_commit();
	load_reports(again);
	load_again(again, MESSAGES);
	maildir_commit();
	load_reports(again);
	calls_record(NULL);
}

static const char *
state_check(void)
{
	char path[600];
	unsigned n, torn = 0;
	uint32_t id;

	snprintf(path, sizeof(path), "%s/Maildir/new", run.state);
	for (id = 0; id < MESSAGES; id++) {
		n = box_count(path, id, run.len[id], &torn);
		if (torn != 0)
			return "has a file in new/ that is not whole";
		if (run.delivered[id] && n == 0)
			return "has lost a message";
		if (n > 1)
			return "has a message twice";
	}
	/* go on there */
	box_job(run.state, "~/Maildir");
	memset(box_reported, -1, sizeof(box_reported));
	for (id = 0; id < MESSAGES; id++) {
		if (run.put[id] && !run.delivered[id])
			box_put(maildir_put, id, run.len[id], true, false);
	}
	maildir_commit();
	for (id = 0; id < MESSAGES; id++) {
		if (!run.put[id])
			continue;
		n = box_count(path, id, run.len[id], &torn);
		if (n != 1 || torn != 0)
			return "has not each message once in the end";
		run.again++;
	}
	return NULL;
}

static void
load_cut(struct disk *d, unsigned states)
{
	uint32_t every = (uint32_t)(run.journal.len * VARIANTS / states) + 1;
	const struct op *op;
	const char *wrong;
	unsigned v;
	size_t i;

	memset(run.put, 0, sizeof(run.put));
	memset(run.delivered, 0, sizeof(run.delivered));
	for (i = 0; i < run.journal.len; i++) {
		op = &run.journal.ops[i];
		if (op->kind == OP_NOTE && op->note[1])
			run.delivered[op->note[0]] = true;
		else if (op->kind == OP_NOTE)
			run.put[op->note[0]] = true;
		disk_apply(d, op, i + 1);
		if (!rnd_once_in(&run.rnd, every))
			continue;
		for (v = 0; v < VARIANTS; v++, run.states++) {
			tree_empty(run.state);
			disk_build(d,
			    v == 0       ? DISK_LOST
				: v == 1 ? DISK_KEPT
					 : DISK_RANDOM,
			    &run.rnd, run.state);
			if ((wrong = state_check()) == NULL)
				continue;
			fprintf(stderr,
			    "load %u, after step %zu: the state %s\n",
			    run.loads, i, wrong);
			if (++run.broken == BROKEN_ENOUGH)
				return;
		}
	}
}

static void
load(unsigned states)
{
	struct disk *d;

	run.loads++;
	tree_empty(run.home);
	box_job(run.home, "~/Maildir");
	d = disk_load(run.home);
	load_run();
	load_cut(d, states);
	disk_free(d);
	journal_clear(&run.journal);
}

int
main(int argc, char **argv)
{
	const char *dir = "/dev/shm";
	unsigned states = 500, seed = arc4random();
	int c;

	while ((c = getopt(argc, argv, "d:n:s:")) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'n')
			states = number_arg(optarg);
		else if (c == 's')
			seed = number_arg(optarg);
		else
			errx(2,
			    "usage: mailcut [-d dir] [-n states] "
			    "[-s seed]");
	}
	printf("mailcut: seed %u\n", seed);
	fflush(stdout);
	run.rnd.state = seed;
	snprintf(run.home, sizeof(run.home), "%s/mailcut.%d.home", dir,
	    (int)getpid());
	snprintf(run.state, sizeof(run.state), "%s/mailcut.%d.state", dir,
	    (int)getpid());
	while (run.states < states && run.broken < BROKEN_ENOUGH)
		load(states - run.states < 100 ? states - run.states : 100);
	tree_remove(run.home);
	tree_remove(run.state);
	printf("mailcut: %u states of %u loads, %u deaths, %u failed calls, %u "
	       "messages found "
	       "in the end: %u broken\n",
	    run.states, run.loads, run.deaths, run.failures, run.again,
	    run.broken);
	return run.broken > 0;
}
