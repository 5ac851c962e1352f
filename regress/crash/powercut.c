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
#include "regress/crash/calls.h"
#include "regress/crash/truth.h"

#define STEPS         300 /* of one load */
#define STARTS_MAX    16
#define STATES        500 /* at most, tried of one load */
#define EACH_STATES   12  /* tried of the load that is always the same: */
#define FILL          20  /* messages that are more than a segment, */
#define ATTEMPTS      140 /* and commits of an outcome that are, too */
#define VARIANTS      4   /* of one moment */
#define LIVE_TARGET   40  /* messages in the queue */
#define BROKEN_ENOUGH 10

static struct {
	struct rnd rnd;
	struct store_settings set;
	char work[512], state[512];
	struct journal journal;
	struct truth truth;               /* of the load, while it runs */
	struct truth before;              /* what it began with, */
	struct truth opened[STARTS_MAX];  /* what was found at a start, */
	size_t opened_number[STARTS_MAX]; /* after that many steps */
	size_t starts;
	uint32_t next_id;
	bool retries;     /* this load has little new mail, many outcomes */
	bool faults;      /* calls of this load fail now and then */
	uint64_t damaged; /* files in corrupt/ that may be there */
	bool verbose;
	/* figures */
	unsigned loads, states, kinds[3], again, worked, failed_calls;
	unsigned broken, deaths;
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

static void
note(enum note kind, uint32_t a, uint32_t b, uint32_t c)
{
	struct op op = { .kind = OP_NOTE, .note = { a, b, c, kind } };

	truth_note(&run.truth, op.note, kind);
	journal_add(&run.journal, &op);
}

static int
queue_open(const char *path, struct store **out)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return store_open(fd, &run.set, out);
}

static uint32_t
live_count(const struct truth *t)
{
	uint32_t i, n = 0;

	for (i = 0; i < t->len; i++)
		n += t->msgs[i].fate == FATE_SURE;
	return n;
}

/* Give the queue a message; its id, or 0 if it was refused. */
static uint32_t
load_put(struct store *s, uint32_t envs, uint32_t len)
{
	uint32_t id = run.next_id++;
	int error;

	note(NOTE_TRY, id, envs, len);
	error = truth_put(s, id, envs, len, &run.rnd);
	if (error != 0)
		note(NOTE_REFUSED, id, false, 0);
	return error == 0 ? id : 0;
}

static uint32_t
load_message(struct store *s)
{
	uint32_t envs = 1 + rnd_below(&run.rnd, TRUTH_ENVS), len;

	switch (rnd_below(&run.rnd, 8)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = rnd_below(&run.rnd, 4 * run.set.inline_max);
		break;
	case 2:
	case 3:
		len = rnd_below(&run.rnd, run.set.inline_max);
		break;
	default:
		len = rnd_below(&run.rnd, 1500);
		break;
	}
	return load_put(s, envs, len);
}

static void
load_outcome_of(struct store *s, uint32_t id, uint32_t idx, uint32_t rests,
    struct env_now now)
{
	if (truth_outcome(s, id, idx, &now) == 0)
		note(NOTE_OUTCOME, id, idx << 24 | rests,
		    (uint32_t)now.state << 16 | now.attempts);
}

/* An outcome of a message that the queue has, unless there is none.  Some
 * rest on a message, such as a notification, that is queued just before. */
static void
load_outcome(struct store *s)
{
	static const enum store_state finals[] = { STORE_DELIVERED,
		STORE_FAILED, STORE_REMOVED };
	static const enum store_state others[] = { STORE_DEFERRED, STORE_HELD,
		STORE_QUEUED };
	struct truth *t = &run.truth;
	struct env_truth *e = NULL;
	struct env_now now, last;
	uint32_t start = rnd_below(&run.rnd, t->len + 1), i, id = 0, idx;
	uint32_t rests = 0;
	uint32_t kind = rnd_below(&run.rnd, 3);
	bool final = run.retries
	    ? rnd_once_in(&run.rnd, 8)
	    : rnd_below(&run.rnd, 2 * LIVE_TARGET) < live_count(t);

	for (i = 0; i < t->len && e == NULL; i++) {
		id = (start + i) % t->len;
		if (t->msgs[id].fate != FATE_SURE)
			continue;
		idx = rnd_below(&run.rnd, t->msgs[id].envs);
		e = &t->msgs[id].env[idx];
		last = e->maybes > 0 ? e->maybe[e->maybes - 1] : e->sure;
		if (e->maybes == TRUTH_MAYBES || store_state_final(last.state))
			e = NULL;
	}
	if (e == NULL)
		return;
	if (final && !run.faults && rnd_once_in(&run.rnd, 2))
		rests = load_message(s);
	now.state = (uint8_t)(final ? finals[kind] : others[kind]);
	now.attempts = (uint16_t)(last.attempts + 1);
	load_outcome_of(s, id, idx, rests, now);
}

/* After a commit: what the queue says of it.  What was refused while the log
 * could go on elsewhere does not come back. */
static void
load_answers(struct store *s)
{
	bool stuck = store_room(s) == -E_IO;
	struct store_done d;

	while (store_done_next(s, &d)) {
		if (d.status == 0)
			note(NOTE_DURABLE, (uint32_t)d.msgid, 0, 0);
		else
			note(NOTE_REFUSED, (uint32_t)d.msgid, stuck, 0);
	}
	if (store_pending(s) == 0)
		note(NOTE_SETTLED, 0, 0, 0);
}

static void
load_step(struct store *s, uint64_t step)
{
	uint32_t what = rnd_below(&run.rnd, 100);

	if (what < (run.retries ? 10 : 40)) {
		load_message(s);
	} else if (what < 75) {
		load_outcome(s);
	} else if (what < 90) {
		store_commit(s);
		load_answers(s);
	} else {
		store_tick(s, step * 500);
		load_answers(s);
	}
}

/* A start of the store on the work directory.  What is seen then has to be
 * durable. */
static struct store *
load_start(void)
{
	struct store *s;
	uint64_t digest;
	int error;

	if ((error = queue_open(run.work, &s)) != 0)
		errx(1, "a load cannot go on: %s", err_text(error));
	if (truth_check(&run.truth, s, &digest) != 0)
		errx(1, "a load goes on with another queue");
	run.opened_number[run.starts] = run.journal.len;
	truth_copy(&run.opened[run.starts++], &run.truth);
	return s;
}

/* The process dies at one of the next calls: no call changes anything from
 * there on.  Then it starts again, with what the kernel has in memory. */
static struct store *
load_die(struct store *s, uint64_t step)
{
	struct fault_plan dead = { .error = EIO, .for_ever = true };
	unsigned i;

	dead.at = 1 + rnd_below(&run.rnd, 20);
	calls_plan(&dead);
	for (i = 0; i < 100 && calls_failed() == 0; i++)
		load_step(s, step);
	store_close(s);
	calls_plan(NULL);
	return load_start();
}

/* Begin a load on the work directory, of which run.before says what is in
 * it. */
static struct store *
load_begin(void)
{
	struct store_stats stats;
	struct store *s;

	calls_seed(rnd_next(&run.rnd));
	calls_record(&run.journal);
	truth_faults(&run.before, run.faults);
	truth_copy(&run.truth, &run.before);
	run.starts = 0;
	s = load_start();
	/* a record that was refused while nothing could be written may be
	 * without its content; no power cut alone looks like damage */
	store_stats(s, &stats);
	run.damaged = run.faults ? UINT64_MAX : stats.quarantined;
	return s;
}

static void
load_end(struct store *s)
{
	run.failed_calls += calls_failed();
	calls_plan(NULL);
	calls_record(NULL);
	store_close(s);
}

static void
load_run(void)
{
	static const struct fault_plan faults = { .error = EIO, .every = 25 };
	struct store *s = load_begin();
	uint64_t step;

	if (run.faults)
		calls_plan(&faults);
	for (step = 1; step <= STEPS; step++) {
		load_step(s, step);
		if (!run.faults && run.starts < STARTS_MAX &&
		    rnd_once_in(&run.rnd, STEPS / STARTS_MAX))
			s = load_die(s, step);
	}
	run.deaths += (unsigned)run.starts - 1;
	load_end(s);
}

/* More messages than a segment holds; then, without one, so many outcomes
 * that they alone need the next segment.  The process dies at a call, or the
 * call fails.  False when there is no such call. */
static bool
load_fill(const struct fault_plan *plan)
{
	struct store *s = load_begin();
	uint32_t i, id;
	bool failed;

	calls_plan(plan);
	for (i = 0; i < FILL; i++) {
		load_put(s, 1, 4000);
		store_commit(s);
		load_answers(s);
	}
	failed = calls_failed() > 0;
	if (plan->for_ever) {
		store_close(s);
		calls_plan(NULL);
		s = load_start();
	}
	for (id = 1; id < run.truth.len; id++) {
		if (run.truth.msgs[id].fate == FATE_SURE)
			break;
	}
	for (i = 1; id < run.truth.len && i <= ATTEMPTS; i++) {
		load_outcome_of(s, id, 0, 0,
		    (struct env_now){ STORE_DEFERRED, (uint16_t)i });
		store_commit(s);
		load_answers(s);
	}
	load_end(s);
	return failed;
}

/* Open the queue of a state and hold it against the truth, which is then
 * what was found. */
static struct store *
state_open(struct state *st, uint64_t *digest)
{
	struct store_stats stats;
	struct store *s;
	int error;

	if ((error = queue_open(run.state, &s)) != 0) {
		fprintf(stderr, "open: %s\n", err_text(error));
		st->wrong = "does not open";
		return NULL;
	}
	if (truth_check(&st->truth, s, digest) != 0)
		st->wrong = "broke a promise";
	store_stats(s, &stats);
	if (stats.quarantined > run.damaged)
		st->wrong = "is taken for damage";
	return s;
}

/* Go on with work in the queue of a state. */
static void
state_work(struct state *st, struct store *s)
{
	uint32_t try[4] = { run.next_id, 1, 700 };
	uint32_t i;

	for (i = 0; i < st->truth.len; i++) {
		const struct env_truth *e = &st->truth.msgs[i].env[0];
		struct env_now now = { STORE_DELIVERED,
			(uint16_t)(e->sure.attempts + 1) };
		uint32_t what[4] = { i, 0,
			(uint32_t)STORE_DELIVERED << 16 | now.attempts };

		if (st->truth.msgs[i].fate == FATE_SURE &&
		    rnd_once_in(&run.rnd, 8) &&
		    truth_outcome(s, i, 0, &now) == 0)
			truth_note(&st->truth, what, NOTE_OUTCOME);
	}
	truth_note(&st->truth, try, NOTE_TRY);
	if (truth_put(s, try[0], try[1], try[2], &run.rnd) != 0 ||
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
	if (st->wrong == NULL && rnd_once_in(&run.rnd, 4)) {
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
	const struct op *op = &run.journal.ops[st->number];
	char path[600];

	snprintf(path, sizeof(path), "%s.broken%u", run.state, ++run.broken);
	tree_empty(path);
	disk_build(d, st->luck, &rnd, path);
	fprintf(stderr,
	    "load %u%s, after step %zu (kind %d, %s): the state %s %s\n",
	    run.loads, run.faults ? " with faults" : "", st->number,
	    (int)op->kind, op->name == NULL ? "" : op->name, path, st->wrong);
}

static void
state_try(const struct disk *d, const struct truth *t, size_t number,
    enum disk_luck luck)
{
	static struct state st;
	struct rnd rnd = run.rnd;

	st.luck = luck;
	st.number = number;
	st.wrong = NULL;
	truth_copy(&st.truth, t);
	tree_empty(run.state);
	disk_build(d, luck, &run.rnd, run.state);
	state_check(&st);
	run.states++;
	run.kinds[luck]++;
	if (st.wrong != NULL)
		state_report(&st, d, rnd);
}

/* Cut the power at many moments of the journal, and at its end.  One of the
 * states becomes the beginning of the next load. */
static void
load_cut(struct disk *d, unsigned states)
{
	static struct truth t;
	size_t i, start = 0,
		  next = rnd_below(&run.rnd, (uint32_t)run.journal.len);
	uint32_t every = (uint32_t)(run.journal.len * VARIANTS / states) + 1;
	const struct op *op;
	unsigned v;

	truth_copy(&t, &run.before);
	for (i = 0; i < run.journal.len; i++) {
		op = &run.journal.ops[i];
		if (start < run.starts && i == run.opened_number[start])
			truth_copy(&t, &run.opened[start++]);
		if (op->kind == OP_NOTE)
			truth_note(&t, op->note, (enum note)op->note[3]);
		disk_apply(d, op, i + 1);
		if (i == next) {
			tree_empty(run.work);
			disk_build(d, (enum disk_luck)rnd_below(&run.rnd, 3),
			    &run.rnd, run.work);
			truth_copy(&run.before, &t);
		}
		if (i + 1 < run.journal.len && !rnd_once_in(&run.rnd, every))
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

/* The same load again for each call of it. */
static void
each_call(bool dies)
{
	static const struct truth nothing;
	struct fault_plan plan = { .error = EIO, .for_ever = dies };
	bool more = true;
	struct disk *d;

	store_settings_default(&run.set);
	run.set.reserve_bytes = run.set.reserve_inodes = 0;
	run.set.segment_size = 64u << 10;
	run.faults = !dies;
	for (plan.at = 1; more && run.broken < BROKEN_ENOUGH; plan.at++) {
		run.next_id = 1;
		truth_copy(&run.before, &nothing);
		tree_empty(run.work);
		d = disk_load(run.work);
		more = load_fill(&plan);
		load_cut(d, EACH_STATES);
		disk_free(d);
		journal_clear(&run.journal);
	}
	run.calls += plan.at;
	run.next_id = 1;
	truth_copy(&run.before, &nothing);
	tree_empty(run.work);
}

static void
load(unsigned states)
{
	struct disk *d;

	run.loads++;
	run.faults = rnd_once_in(&run.rnd, 2);
	run.retries = rnd_once_in(&run.rnd, 3);
	run.set.segment_size = (64u << 10) << rnd_below(&run.rnd, 2);
	run.set.inline_max = 2048u << rnd_below(&run.rnd, 3);
	run.set.memory_max = rnd_once_in(&run.rnd, 4) ? 4096 : 1 << 20;
	d = disk_load(run.work);
	load_run();
	if (run.verbose)
		printf("load %u: %zu steps, %u messages so far%s\n", run.loads,
		    run.journal.len, run.next_id - 1,
		    run.faults ? ", calls fail" : "");
	load_cut(d, states);
	disk_free(d);
	journal_clear(&run.journal);
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
	run.rnd.state = seed;
	run.next_id = 1;
	snprintf(run.work, sizeof(run.work), "%s/powercut.%d.work", dir,
	    (int)getpid());
	snprintf(run.state, sizeof(run.state), "%s/powercut.%d.state", dir,
	    (int)getpid());
	each_call(true);
	each_call(false);
	states += run.states;
	while (run.states < states && run.broken < BROKEN_ENOUGH)
		load(states - run.states < STATES ? states - run.states
						  : STATES);
	tree_remove(run.work);
	tree_remove(run.state);
	printf("powercut: %u states of %u loads (%u lost, %u kept, %u random), "
	       "%u opened again, %u worked on, %u messages, %u calls failed, "
	       "%u deaths, %u calls in turn: %u broken\n",
	    run.states, run.loads, run.kinds[DISK_LOST], run.kinds[DISK_KEPT],
	    run.kinds[DISK_RANDOM], run.again, run.worked, run.next_id - 1,
	    run.failed_calls, run.deaths, run.calls, run.broken);
	return run.broken > 0;
}
