/* SPDX-License-Identifier: ISC
 *
 * The queue in memory.  See queue.h.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "spool/scheduler/queue.h"

#define DEST_WINDOW_FIRST 4 /* in flight to a host of which nothing is known */

static int
message_cmp(struct message *a, struct message *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

static int
span_cmp(struct span a, struct span b)
{
	int c;

	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	c = a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
	return c;
}

static int
dest_cmp(struct dest *a, struct dest *b)
{
	int c = span_cmp(queue_user(a), queue_user(b));

	return c != 0 ? c : span_cmp(queue_action(a), queue_action(b));
}

RB_GENERATE_INTERNAL(
    message_tree, message, entry, message_cmp, static __attribute__((unused)))
RB_GENERATE_INTERNAL(
    dest_tree, dest, entry, dest_cmp, static __attribute__((unused)))

/* No string of the queue is longer than 16 bits can say: what the spool
 * tells is held to less. */
static uint16_t
text_copy(unsigned char *to, struct span s)
{
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	return (uint16_t)s.len;
}

static uint32_t
seconds32(uint64_t s)
{
	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

void
queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	RB_INIT(&q->messages);
	RB_INIT(&q->dests);
	RB_INIT(&q->notes);
}

void
queue_clear(struct queue *q)
{
	struct message *m;

	while ((m = RB_MIN(message_tree, &q->messages)) != NULL)
		queue_message_drop(q, m);
	heap_clear(&q->due);
}

struct message *
queue_message(struct queue *q, uint64_t id)
{
	struct message key = { .id = id };

	return RB_FIND(message_tree, &q->messages, &key);
}

struct message *
queue_message_from(struct queue *q, uint64_t id)
{
	struct message key = { .id = id };

	return RB_NFIND(message_tree, &q->messages, &key);
}

struct message *
queue_message_add(struct queue *q, uint64_t id, uint64_t created_s,
    uint64_t size, struct span sender)
{
	struct message *m = queue_message(q, id);

	if (m != NULL)
		return m;
	m = chk_calloc(1, sizeof(*m) + sender.len);
	if (m == NULL)
		return NULL;
	m->id = id;
	m->created_s = seconds32(created_s);
	m->size = size;
	m->sender_len = text_copy(m->sender, sender);
	m->round = q->round;
	RB_INSERT(message_tree, &q->messages, m);
	return m;
}

struct message *
queue_message_next(struct message *m)
{
	return RB_NEXT(message_tree, NULL, m);
}

uint32_t
queue_envelope_place(const struct message *m, uint32_t index)
{
	uint32_t low = 0, high = m->nenv;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->env[mid]->index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct envelope *
queue_envelope(const struct message *m, uint32_t index)
{
	uint32_t i = queue_envelope_place(m, index);

	return i < m->nenv && m->env[i]->index == index ? m->env[i] : NULL;
}

static struct dest *
dest_get(struct queue *q, struct span action, struct span user, enum lane lane)
{
	struct dest *d, *old;

	d = chk_calloc(1, sizeof(*d) + action.len + user.len);
	if (d == NULL)
		return NULL;
	d->action_len = text_copy(d->text, action);
	d->user_len = text_copy(d->text + action.len, user);
	d->lane = (uint8_t)lane;
	d->window = DEST_WINDOW_FIRST;
	TAILQ_INIT(&d->ready);
	if ((old = RB_INSERT(dest_tree, &q->dests, d)) != NULL) {
		free(d);
		return old;
	}
	return d;
}

static void
dest_put(struct queue *q, struct dest *d)
{
	if (d->envelopes > 0)
		return;
	RB_REMOVE(dest_tree, &q->dests, d);
	if (d->fate != NULL)
		note_put(&q->notes, d->fate->note);
	free(d->fate);
	free(d);
}

/* Doubling up to 64, then by a quarter: most messages have one envelope. */
static bool
message_grow(struct message *m)
{
	struct envelope **grown;
	size_t cap;

	if ((m->nenv & (m->nenv - 1)) != 0 && m->nenv % 64 != 0)
		return true;
	cap = m->nenv < 64 ? (m->nenv == 0 ? 1 : (size_t)m->nenv * 2)
			   : (size_t)m->nenv + 64;
	grown = chk_realloc(m->env, cap, sizeof(struct envelope *));
	if (grown == NULL)
		return false;
	m->env = grown;
	return true;
}

struct dest *
queue_dest_first(struct queue *q)
{
	return RB_MIN(dest_tree, &q->dests);
}

struct dest *
queue_dest_next(struct dest *d)
{
	return RB_NEXT(dest_tree, NULL, d);
}

static enum sched_state
state_of_news(enum env_state state)
{
	if (state == ENV_RELAYED)
		return SE_FAILED;
	if (state == ENV_HELD)
		return SE_HELD;
	return state == ENV_QUARANTINED ? SE_QUARANTINED : SE_WAITING;
}

struct envelope *
queue_envelope_add(
    struct queue *q, struct message *m, const struct envelope_news *news)
{
	struct envelope *e;
	uint32_t i;

	if (heap_reserve(&q->due, q->envelopes + 1) != 0 || !message_grow(m))
		return NULL;
	e = chk_calloc(1, sizeof(*e) + news->rcpt.len);
	if (e == NULL)
		return NULL;
	if ((e->dest = dest_get(q, news->action, news->user, news->lane)) ==
	    NULL) {
		free(e);
		return NULL;
	}
	e->dest->envelopes++;
	e->msg = m;
	e->index = news->index;
	e->next_s = seconds32(news->next_s);
	e->attempts = news->attempts;
	e->crashes = news->crashes;
	e->rcpt_len = text_copy(e->rcpt, news->rcpt);
	e->state = (uint8_t)state_of_news(news->state);
	if (news->state == ENV_RELAYED)
		e->flags |= ENVF_RELAYED;
	q->in_state[e->state]++;
	q->envelopes++;
	i = queue_envelope_place(m, e->index);
	memmove(&m->env[i + 1], &m->env[i],
	    (m->nenv - i) * sizeof(struct envelope *));
	m->env[i] = e;
	m->nenv++;
	return e;
}

/* Free it without a look at its message. */
static void
envelope_release(struct queue *q, struct envelope *e)
{
	heap_remove(&q->due, &e->due);
	q->in_state[e->state]--;
	q->envelopes--;
	e->dest->envelopes--;
	dest_put(q, e->dest);
	note_put(&q->notes, e->note);
	free(e);
}

static void
message_free(struct queue *q, struct message *m)
{
	RB_REMOVE(message_tree, &q->messages, m);
	free(m->env);
	free(m);
}

void
queue_message_drop(struct queue *q, struct message *m)
{
	while (m->nenv > 0)
		envelope_release(q, m->env[--m->nenv]);
	message_free(q, m);
}

void
queue_envelope_free(struct queue *q, struct envelope *e)
{
	struct message *m = e->msg;
	uint32_t i = queue_envelope_place(m, e->index);

	m->nenv--;
	memmove(&m->env[i], &m->env[i + 1],
	    (m->nenv - i) * sizeof(struct envelope *));
	envelope_release(q, e);
	if (m->nenv == 0)
		message_free(q, m);
}

struct envelope *
queue_envelope_due(struct heap_item *it)
{
	_Static_assert(offsetof(struct envelope, due) == 0, "due is first");
	return (struct envelope *)it;
}

void
queue_envelope_state(
    struct queue *q, struct envelope *e, enum sched_state state, uint32_t due_s)
{
	q->in_state[e->state]--;
	q->in_state[state]++;
	e->state = (uint8_t)state;
	if (due_s == 0)
		heap_remove(&q->due, &e->due);
	else
		heap_set(&q->due, &e->due, due_s);
}

void
queue_note_set(struct queue *q, struct envelope *e, struct span status,
    struct span text, size_t text_max, struct span via)
{
	struct note *old = e->note;

	/* the new one may be made of the old one */
	e->note = note_get(&q->notes, status, text, text_max, via);
	note_put(&q->notes, old);
}

struct fate *
queue_fate(struct dest *d)
{
	if (d->fate == NULL && d->lane == LANE_RELAY)
		d->fate = chk_calloc(1, sizeof(*d->fate));
	return d->fate;
}

void
queue_fate_refused(struct queue *q, const struct envelope *e)
{
	struct fate *fate = queue_fate(e->dest);
	struct note *old;

	if (fate == NULL)
		return;
	old = fate->note;
	fate->note = note_again(e->note);
	note_put(&q->notes, old);
}

struct span
queue_sender(const struct message *m)
{
	return (struct span){ m->sender, m->sender_len };
}

struct span
queue_rcpt(const struct envelope *e)
{
	return (struct span){ e->rcpt, e->rcpt_len };
}

struct span
queue_action(const struct dest *d)
{
	return (struct span){ d->text, d->action_len };
}

struct span
queue_user(const struct dest *d)
{
	return (struct span){ d->text + d->action_len, d->user_len };
}

static const struct {
	const char *word;
	enum env_state recorded;
} states[SE__MAX] = {
#define STATE(name, word, recorded) [name] = { word, recorded },
#include "spool/scheduler/states.def"
#undef STATE
};

const char *
queue_state_word(enum sched_state state)
{
	return states[state].word;
}

enum env_state
queue_state_recorded(enum sched_state state)
{
	return states[state].recorded;
}
