/* SPDX-License-Identifier: ISC
 *
 * Power cuts under the queue.  The store works under a random load while a
 * journal is kept; then, for many moments of it, states of the disk that a
 * power cut may have left there are built, and the store is opened on them:
 * all that was answered for is there, once and whole, nothing that was dead
 * is back, nothing stops the start, and a second start sees the same.  One of
 * the states is where the next load begins.  Before that, a load that is
 * always the same dies at each of its calls, and has each of them fail.
 *
 *	powercut [-d directory] [-n states] [-s seed] [-v]
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "regress/crash/load.h"

#define STATES           500 /* at most, tried of one load */
#define EACH_STATES      16  /* of the load that is always the same, */
#define GIVEN_BACK       5   /* of which the last calls are this, */
#define GIVEN_BACK_STEPS 40  /* and so the last steps of the journal */
#define VARIANTS         4   /* of one moment */
#define BROKEN_ENOUGH    10

static struct {
	char state[512];
	bool verbose;
	/* figures */
	unsigned loads, states, kinds[3], again, worked, broken;
	unsigned calls; /* of the load that is always the same */
} run;

/* One state, while it is held against the truth. */
struct state {
	struct truth truth;
	enum disk_luck luck;
	size_t number; /* of the last step before the power cut */
	const char *wrong;
};

static void
quiet(int level, struct span line)
{
	(void)level;
	(void)line;
}

static void
loud(int level, struct span line)
{
	(void)level;
	fprintf(stderr, "%.*s\n", (int)line.len, (const char *)line.p);
}

/* Open the queue of a state and hold it against the truth, which is then
 * what was found. */
static struct store *
state_open(struct state *st, uint64_t *digest)
{
	struct store_stats stats;
	struct store *s;
	int error;

	if ((error = load_open(run.state, &s)) != 0) {
		fprintf(stderr, "open: %s\n", err_text(error));
		st->wrong = "does not open";
		return NULL;
	}
	if (truth_check(&st->truth, s, digest) != 0)
		st->wrong = "broke a promise";
	store_stats(s, &stats);
	if (stats.quarantined > load.damaged)
		st->wrong = "is taken for damage";
	return s;
}

/* Go on with work in the queue of a state. */
static void
state_work(struct state *st, struct store *s)
{
	uint32_t try[4] = { load.next_id, 1, 700 };
	uint32_t i;

	for (i = 0; i < st->truth.len; i++) {
		const struct env_truth *e = &st->truth.msgs[i].env[0];
		struct env_now now = { STORE_DELIVERED,
			(uint16_t)(e->sure.attempts + 1) };
		uint32_t what[4] = { i, 0,
			(uint32_t)STORE_DELIVERED << 16 | now.attempts };

		if (st->truth.msgs[i].fate == FATE_SURE &&
		    rnd_once_in(&load.rnd, 8) &&
		    truth_outcome(s, i, 0, &now) == 0)
			truth_note(&st->truth, what, NOTE_OUTCOME);
	}
	truth_note(&st->truth, try, NOTE_TRY);
	if (truth_put(s, try[0], try[1], try[2], &load.rnd) != 0 ||
	    store_commit(s) != 0)
		st->wrong = "takes no more mail";
	truth_note(&st->truth, try, NOTE_DURABLE);
	truth_note(&st->truth, try, NOTE_SETTLED);
	run.worked++;
}

static void
state_check(struct state *st)
{
	uint64_t first, second;
	struct store *s;

	if ((s = state_open(st, &first)) == NULL)
		return;
	store_close(s);
	if ((s = state_open(st, &second)) == NULL)
		return;
	run.again++;
	if (first != second && st->wrong == NULL)
		st->wrong = "is another one at the second start";
	if (st->wrong == NULL && rnd_once_in(&load.rnd, 4)) {
		state_work(st, s);
		store_close(s);
		if ((s = state_open(st, &first)) == NULL)
			return;
	}
	store_close(s);
}

/* A broken state is kept beside the others to look at. */
static void
state_report(const struct state *st, const struct disk *d, struct rnd rnd)
{
	const struct op *op = &load.journal.ops[st->number];
	char path[600];

	snprintf(path, sizeof(path), "%s.broken%u", run.state, ++run.broken);
	tree_empty(path);
	disk_build(d, st->luck, &rnd, path);
	fprintf(stderr,
	    "load %u%s, after step %zu (kind %d, %s): the state %s %s\n",
	    run.loads, load.faults ? " with faults" : "", st->number,
	    (int)op->kind, op->name == NULL ? "" : op->name, path, st->wrong);
}

static void
state_try(const struct disk *d, const struct truth *t, size_t number,
    enum disk_luck luck)
{
	static struct state st;
	struct rnd rnd = load.rnd;

	st.luck = luck;
	st.number = number;
	st.wrong = NULL;
	truth_copy(&st.truth, t);
	tree_empty(run.state);
	disk_build(d, luck, &load.rnd, run.state);
	state_check(&st);
	run.states++;
	run.kinds[luck]++;
	if (st.wrong != NULL)
		state_report(&st, d, rnd);
}

/* Cut the power at many moments of the journal, and at each of the last ones.
 * One of the states becomes the beginning of the next load. */
static void
load_cut(struct disk *d, unsigned states, size_t last)
{
	static struct truth t;
	size_t i, start = 0,
		  next = rnd_below(&load.rnd, (uint32_t)load.journal.len);
	uint32_t every = (uint32_t)(load.journal.len * VARIANTS / states) + 1;
	const struct op *op;
	unsigned v;

	truth_copy(&t, &load.before);
	for (i = 0; i < load.journal.len; i++) {
		op = &load.journal.ops[i];
		if (start < load.starts && i == load.opened_number[start])
			truth_copy(&t, &load.opened[start++]);
		if (op->kind == OP_NOTE)
			truth_note(&t, op->note, (enum note)op->note[3]);
		disk_apply(d, op, i + 1);
		if (i == next) {
			tree_empty(load.work);
			disk_build(d, (enum disk_luck)rnd_below(&load.rnd, 3),
			    &load.rnd, load.work);
			truth_copy(&load.before, &t);
		}
		if (i + last < load.journal.len &&
		    !rnd_once_in(&load.rnd, every))
			continue;
		for (v = 0; v < VARIANTS; v++)
			state_try(d, &t, i,
			    v == 0       ? DISK_LOST
				: v == 1 ? DISK_KEPT
					 : DISK_RANDOM);
		if (run.broken >= BROKEN_ENOUGH)
			return;
	}
}

/* The load that is always the same, on a queue of its own.  False at the
 * end: nothing failed in it. */
static bool
fill_and_cut(const struct fault_plan *plan, const struct fault_plan *start)
{
	static const struct truth nothing;
	struct disk *d;
	bool failed;

	load.next_id = 1;
	truth_copy(&load.before, &nothing);
	tree_empty(load.work);
	d = disk_load(load.work);
	failed = load_fill(plan, start);
	load_cut(d, EACH_STATES, start == NULL ? 1 : GIVEN_BACK_STEPS);
	disk_free(d);
	journal_clear(&load.journal);
	return failed && run.broken < BROKEN_ENOUGH;
}

/* Each call of it is the one which fails, or at which the process dies; and
 * where it dies while the segment is given back, each sync of the start that
 * follows fails. */
static void
each_call(void)
{
	struct fault_plan plan = { .at = 1, .error = EIO };
	struct fault_plan start = { .kind = FAULT_SYNC, .error = EIO };

	load.faults = true;
	while (fill_and_cut(&plan, NULL))
		plan.at++;
	load.faults = false;
	plan.for_ever = true;
	for (plan.at = 1; fill_and_cut(&plan, NULL); plan.at++)
		;
	run.calls = plan.at - 1;
	for (plan.at -= GIVEN_BACK; plan.at <= run.calls; plan.at++) {
		for (start.at = 1; fill_and_cut(&plan, &start); start.at++)
			;
	}
}

static void
random_load(unsigned states)
{
	struct disk *d;

	run.loads++;
	load.faults = rnd_once_in(&load.rnd, 2);
	load.retries = rnd_once_in(&load.rnd, 3);
	load.set.segment_size = (64u << 10) << rnd_below(&load.rnd, 2);
	load.set.inline_max = 2048u << rnd_below(&load.rnd, 3);
	load.set.memory_max = rnd_once_in(&load.rnd, 4) ? 4096 : 1 << 20;
	d = disk_load(load.work);
	load_random();
	if (run.verbose)
		printf("load %u: %zu steps, %u messages so far%s\n", run.loads,
		    load.journal.len, load.next_id - 1,
		    load.faults ? ", calls fail" : "");
	load_cut(d, states, 1);
	disk_free(d);
	journal_clear(&load.journal);
}

int
main(int argc, char **argv)
{
	const char *dir = "/dev/shm";
	unsigned states = 1500, seed = arc4random();
	int c;

	while ((c = getopt(argc, argv, "d:n:s:v")) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'n')
			states = number_arg(optarg);
		else if (c == 's')
			seed = number_arg(optarg);
		else if (c == 'v')
			run.verbose = true;
		else
			errx(2,
			    "usage: powercut [-d dir] [-n states] "
			    "[-s seed] [-v]");
	}
	printf("powercut: seed %u\n", seed);
	fflush(stdout);
	log_init("powercut", run.verbose ? loud : quiet);
	store_settings_default(&load.set);
	load.set.reserve_bytes = load.set.reserve_inodes = 0;
	load.set.segment_size = 64u << 10;
	load.rnd.state = seed;
	snprintf(load.work, sizeof(load.work), "%s/powercut.%d.work", dir,
	    (int)getpid());
	snprintf(run.state, sizeof(run.state), "%s/powercut.%d.state", dir,
	    (int)getpid());
	each_call();
	states += run.states;
	while (run.states < states && run.broken < BROKEN_ENOUGH)
		random_load(states - run.states < STATES ? states - run.states
							 : STATES);
	tree_remove(load.work);
	tree_remove(run.state);
	printf("powercut: %u states of %u loads (%u lost, %u kept, %u random), "
	       "%u opened again, %u worked on, %u messages, %u calls failed, "
	       "%u deaths, %u calls in turn: %u broken\n",
	    run.states, run.loads, run.kinds[DISK_LOST], run.kinds[DISK_KEPT],
	    run.kinds[DISK_RANDOM], run.again, run.worked, load.next_id - 1,
	    load.failed_calls, load.deaths, run.calls, run.broken);
	return run.broken > 0;
}
