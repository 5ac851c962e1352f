/* SPDX-License-Identifier: ISC
 *
 * See load.h.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>

#include "privsep/base/err.h"
#include "regress/crash/calls.h"
#include "regress/crash/load.h"

#define STEPS       300 /* of a random load */
#define LIVE_TARGET 40  /* messages in the queue */
#define FILL        20  /* messages that are more than a segment, */
#define ATTEMPTS    140 /* and commits of an outcome that are, too */

struct load load;

int
load_open(const char *path, struct store **out)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return store_open(fd, &load.set, out);
}

static void
note(enum note kind, uint32_t a, uint32_t b, uint32_t c)
{
	struct op op = { .kind = OP_NOTE, .note = { a, b, c, kind } };

	truth_note(&load.truth, op.note, kind);
	journal_add(&load.journal, &op);
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
	uint32_t id = load.next_id++;
	int error;

	note(NOTE_TRY, id, envs, len);
	error = truth_put(s, id, envs, len, &load.rnd);
	if (error != 0)
		note(NOTE_REFUSED, id, false, 0);
	return error == 0 ? id : 0;
}

static uint32_t
load_message(struct store *s)
{
	uint32_t envs = 1 + rnd_below(&load.rnd, TRUTH_ENVS), len;

	switch (rnd_below(&load.rnd, 8)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = rnd_below(&load.rnd, 4 * load.set.inline_max);
		break;
	case 2:
	case 3:
		len = rnd_below(&load.rnd, load.set.inline_max);
		break;
	default:
		len = rnd_below(&load.rnd, 1500);
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
	struct truth *t = &load.truth;
	struct env_truth *e = NULL;
	struct env_now now, last;
	uint32_t start = rnd_below(&load.rnd, t->len + 1), i, id = 0, idx;
	uint32_t rests = 0;
	uint32_t kind = rnd_below(&load.rnd, 3);
	bool final = load.retries
	    ? rnd_once_in(&load.rnd, 8)
	    : rnd_below(&load.rnd, 2 * LIVE_TARGET) < live_count(t);

	for (i = 0; i < t->len && e == NULL; i++) {
		id = (start + i) % t->len;
		if (t->msgs[id].fate != FATE_SURE)
			continue;
		idx = rnd_below(&load.rnd, t->msgs[id].envs);
		e = &t->msgs[id].env[idx];
		last = e->maybes > 0 ? e->maybe[e->maybes - 1] : e->sure;
		if (e->maybes == TRUTH_MAYBES || store_state_final(last.state))
			e = NULL;
	}
	if (e == NULL)
		return;
	if (final && !load.faults && rnd_once_in(&load.rnd, 2))
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
	uint32_t what = rnd_below(&load.rnd, 100);

	if (what < (load.retries ? 10 : 40)) {
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

/* A start of the store on the work directory; one that fails at a call is
 * followed by another.  What is seen then has to be durable. */
static struct store *
load_start(const struct fault_plan *plan)
{
	struct store *s;
	uint64_t digest;
	int error;

	calls_plan(plan);
	error = load_open(load.work, &s);
	if (error != 0 && calls_failed() > 0)
		error = load_open(load.work, &s);
	if (error != 0)
		errx(1, "a load cannot go on: %s", err_text(error));
	if (truth_check(&load.truth, s, &digest) != 0)
		errx(1, "a load goes on with another queue");
	load.opened_number[load.starts] = load.journal.len;
	truth_copy(&load.opened[load.starts++], &load.truth);
	return s;
}

/* The process dies at one of the next calls: no call changes anything from
 * there on.  Then it starts again, with what the kernel has in memory. */
static struct store *
load_die(struct store *s, uint64_t step)
{
	struct fault_plan dead = { .error = EIO, .for_ever = true };
	unsigned i;

	dead.at = 1 + rnd_below(&load.rnd, 20);
	calls_plan(&dead);
	for (i = 0; i < 100 && calls_failed() == 0; i++)
		load_step(s, step);
	store_close(s);
	load.deaths++;
	return load_start(NULL);
}

/* Begin a load on the work directory, of which load.before says what is in
 * it. */
static struct store *
load_begin(void)
{
	struct store_stats stats;
	struct store *s;

	calls_seed(rnd_next(&load.rnd));
	calls_record(&load.journal);
	truth_faults(&load.before, load.faults);
	truth_copy(&load.truth, &load.before);
	load.starts = 0;
	s = load_start(NULL);
	/* a record that was refused while nothing could be written may be
	 * without its content; no power cut alone looks like damage */
	store_stats(s, &stats);
	load.damaged = load.faults ? UINT64_MAX : stats.quarantined;
	return s;
}

static void
load_end(struct store *s)
{
	load.failed_calls += calls_failed();
	calls_plan(NULL);
	calls_record(NULL);
	store_close(s);
}

void
load_random(void)
{
	static const struct fault_plan faults = { .error = EIO, .every = 25 };
	struct store *s = load_begin();
	uint64_t step;

	if (load.faults)
		calls_plan(&faults);
	for (step = 1; step <= STEPS; step++) {
		load_step(s, step);
		if (!load.faults && load.starts < LOAD_STARTS &&
		    rnd_once_in(&load.rnd, STEPS / LOAD_STARTS))
			s = load_die(s, step);
	}
	load_end(s);
}

static void
load_settle(struct store *s)
{
	store_commit(s);
	load_answers(s);
}

/* Attempts at the oldest message, a commit for each, so many that they alone
 * need another segment; then it is delivered.  What is empty by then is given
 * back. */
static void
load_attempts(struct store *s)
{
	struct env_now now = { STORE_DEFERRED, 1 };
	uint32_t id;

	for (id = 1; id < load.truth.len; id++) {
		if (load.truth.msgs[id].fate == FATE_SURE)
			break;
	}
	if (id == load.truth.len)
		return;
	for (; now.attempts <= ATTEMPTS; now.attempts++) {
		load_outcome_of(s, id, 0, 0, now);
		load_settle(s);
	}
	now.state = STORE_DELIVERED;
	load_outcome_of(s, id, 0, 0, now);
	load_settle(s);
	store_tick(s, 1000);
}

bool
load_fill(const struct fault_plan *plan, const struct fault_plan *start)
{
	struct env_now delivered = { STORE_DELIVERED, 1 };
	struct store *s = load_begin();
	bool failed, in_hand;
	uint32_t i;

	calls_plan(plan);
	for (i = 0; i < FILL; i++) {
		load_put(s, 1, 4000);
		load_settle(s);
	}
	for (i = 1; i < FILL; i++) {
		if (load.truth.msgs[i].fate == FATE_SURE)
			load_outcome_of(s, i, 0, 0, delivered);
	}
	load_settle(s);
	/* what was in hand when a sync fails is promised to nobody */
	in_hand = calls_failed() > 0;
	store_tick(s, 500);
	failed = calls_failed() > 0;
	if (plan->for_ever) {
		store_close(s);
		load.deaths++;
		s = load_start(in_hand ? NULL : start);
		if (start != NULL)
			failed = calls_failed() > 0;
	}
	load_attempts(s);
	load_end(s);
	return failed;
}
