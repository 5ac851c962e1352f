/* SPDX-License-Identifier: ISC
 *
 * Power cuts under the queue.  The store works under a random load while a
 * journal is kept; then, for many moments of it, states of the disk that a
 * power cut may have left there are built, and the store is opened on them:
 * all that was answered for is there, once and whole, nothing that was dead
 * is back, nothing stops the start, and a second start sees the same.  One of
 * the states is where the next load begins.
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

#define STEPS        300 /* of one load */
#define STATES       500 /* at most, tried of one load */
#define VARIANTS     4   /* of one moment */
#define LIVE_TARGET  40  /* messages in the queue */
#define BROKEN_ENOUGH 20

static struct {
	struct rnd rnd;
	struct store_settings set;
	char work[512], state[512];
	struct journal journal;
	struct truth truth;  /* of the load, while it runs */
	struct truth before; /* what it began with */
	uint32_t next_id;
	bool faults; /* calls of this load fail now and then */
	bool verbose;
	/* figures */
	unsigned loads, states, kinds[3], again, worked, failed_calls;
	unsigned broken, quarantined;
} run;

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

static void
load_message(struct store *s)
{
	uint32_t id = run.next_id++, len;
	uint32_t envs = 1 + rnd_below(&run.rnd, TRUTH_ENVS);
	int error;

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
	note(NOTE_TRY, id, envs, len);
	if ((error = truth_put(s, id, envs, len, &run.rnd)) != 0)
		note(NOTE_REFUSED, id, false, 0);
}

/* An outcome of a message that the queue has, unless there is none. */
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
	uint32_t kind = rnd_below(&run.rnd, 3);
	bool final = rnd_below(&run.rnd, 2 * LIVE_TARGET) < live_count(t);

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
	now.state = (uint8_t)(final ? finals[kind] : others[kind]);
	now.attempts = (uint16_t)(last.attempts + 1);
	if (truth_outcome(s, id, idx, &now) == 0)
		note(NOTE_OUTCOME, id, idx,
		    (uint32_t)now.state << 16 | now.attempts);
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

	if (what < 40) {
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

/* Run the store on the work directory, whose state run.truth describes. */
static void
load_run(void)
{
	struct fault_plan faults = { .error = EIO, .every = 60 };
	struct store *s = NULL;
	uint64_t digest, step;
	int error;

	calls_seed(rnd_next(&run.rnd));
	calls_record(&run.journal);
	if ((error = queue_open(run.work, &s)) != 0)
		errx(1, "a load cannot begin: %s", err_text(error));
	if (truth_check(&run.truth, s, true, &digest) != 0)
		errx(1, "a load begins with another queue");
	/* all that was seen has to be durable, too */
	for (step = 0; step < run.truth.len; step++) {
		const struct msg_truth *m = &run.truth.msgs[step];

		if (m->fate == FATE_SURE)
			note(NOTE_DURABLE, (uint32_t)step, 0, 0);
	}
	if (run.faults)
		calls_plan(&faults);
	for (step = 1; step <= STEPS; step++) {
		if (rnd_once_in(&run.rnd, 100) && !run.faults) {
			/* killed, as far as the disk can tell */
			calls_record(NULL);
			store_close(s);
			calls_record(&run.journal);
			if ((error = queue_open(run.work, &s)) != 0)
				errx(1, "reopen: %s", err_text(error));
			if (truth_check(&run.truth, s, true, &digest) != 0)
				errx(1, "reopen: another queue");
		}
		load_step(s, step);
	}
	run.failed_calls += calls_failed();
	calls_plan(NULL);
	calls_record(NULL);
	store_close(s);
}
