/* SPDX-License-Identifier: ISC
 *
 * See truth.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "regress/crash/truth.h"

static unsigned char
octet_at(uint32_t id, size_t i)
{
	return (unsigned char)(id * 31 + i * 7 + (i >> 8));
}

static struct msg_truth *
truth_msg(struct truth *t, uint32_t id)
{
	while (t->len <= id) {
		GROW(t->msgs, t->len, t->cap);
		memset(&t->msgs[t->len++], 0, sizeof(t->msgs[0]));
	}
	return &t->msgs[id];
}

/* All outcomes that were queued count. */
static void
msg_settle(struct msg_truth *m)
{
	struct env_truth *e;
	bool dead = m->fate == FATE_SURE;
	uint32_t i;

	for (i = 0; i < m->envs; i++) {
		e = &m->env[i];
		if (e->maybes > 0)
			e->sure = e->maybe[e->maybes - 1];
		e->maybes = e->rests = 0;
		if (!store_state_final(e->sure.state))
			dead = false;
	}
	if (dead)
		m->fate = FATE_ABSENT;
}

void
truth_note(struct truth *t, const uint32_t what[4], enum note note)
{
	struct msg_truth *m = truth_msg(t, what[0]);
	struct env_truth *e;
	uint32_t i;

	switch (note) {
	case NOTE_TRY:
		memset(m, 0, sizeof(*m));
		m->fate = FATE_MAYBE;
		m->envs = what[1];
		m->len = what[2];
		m->textless = t->textless;
		break;
	case NOTE_DURABLE:
		m->fate = FATE_SURE;
		break;
	case NOTE_REFUSED:
		m->fate = what[1] ? FATE_MAYBE : FATE_ABSENT;
		break;
	case NOTE_OUTCOME:
		e = &m->env[what[1] >> 24];
		e->rests = what[1] & 0xffffff;
		e->maybe[e->maybes].state = (uint8_t)(what[2] >> 16);
		e->maybe[e->maybes++].attempts = (uint16_t)what[2];
		break;
	case NOTE_SETTLED:
		for (i = 0; i < t->len; i++)
			msg_settle(&t->msgs[i]);
		break;
	}
}

void
truth_faults(struct truth *t, bool faults)
{
	uint32_t i;

	t->textless = faults;
	for (i = 0; faults && i < t->len; i++)
		t->msgs[i].textless = true;
}

void
truth_copy(struct truth *to, const struct truth *from)
{
	to->msgs = need_more(to->msgs, from->len + 1, sizeof(*to->msgs));
	to->cap = from->len + 1;
	to->len = from->len;
	to->textless = from->textless;
	if (from->len > 0)
		memcpy(to->msgs, from->msgs, from->len * sizeof(*to->msgs));
}

static void
status_text(char *out, size_t size, uint32_t id, const struct env_now *now)
{
	/* some are long, so that a segment may hold little else */
	snprintf(out, size, "4.2.0 attempt %u of %u%*s", now->attempts, id,
	    now->attempts % 3 == 0 ? 0 : 400, "");
}

int
truth_put(
    struct store *s, uint32_t id, uint32_t envs, uint32_t len, struct rnd *rnd)
{
	struct store_meta meta = { .msgid = id,
		.created_s = 1000 + id,
		.wire_size = len,
		.sender = span_str("from@example.org") };
	struct store_envelope e = { .action = span_str("relay") };
	unsigned char frame[4096];
	struct store_tx *tx;
	char rcpt[64];
	uint32_t i, n, at;
	int error;

	if ((error = store_tx_open(s, &meta, id + 7, &tx)) != 0)
		return error;
	for (i = 0; i < envs; i++) {
		snprintf(rcpt, sizeof(rcpt), "r%u.%u@example.com", id, i);
		e.rcpt = span_str(rcpt);
		store_tx_envelope(tx, &e);
	}
	for (at = 0; at < len; at += n) {
		n = 1 + rnd_below(rnd, sizeof(frame));
		if (n > len - at)
			n = len - at;
		for (i = 0; i < n; i++)
			frame[i] = octet_at(id, at + i);
		error = store_tx_write(tx, (struct span){ frame, n });
		if (error != 0) {
			store_tx_abort(tx);
			return error;
		}
	}
	return store_tx_commit(tx);
}

int
truth_outcome(
    struct store *s, uint32_t id, uint32_t idx, const struct env_now *now)
{
	struct store_outcome o = { .state = (enum store_state)now->state,
		.attempts = now->attempts,
		.next_s = 5000u + now->attempts };
	char text[512];

	status_text(text, sizeof(text), id, now);
	o.status = span_str(text);
	return store_outcome(s, id, idx, &o);
}

static void
digest_add(uint64_t *digest, const void *from, size_t len)
{
	const unsigned char *p = from;

	while (len-- > 0)
		*digest = (*digest ^ *p++) * 0x100000001b3u;
}

static void
env_tell(uint32_t id, const struct env_truth *t, const struct store_outcome *o)
{
	uint32_t i;

	fprintf(stderr,
	    "message %u: state %d, attempt %u, text \"%.*s\"; not "
	    "%d, %u",
	    id, (int)o->state, o->attempts, (int)o->status.len,
	    (const char *)o->status.p, t->sure.state, t->sure.attempts);
	for (i = 0; i < t->maybes; i++)
		fprintf(stderr, " or %d, %u", t->maybe[i].state,
		    t->maybe[i].attempts);
	fprintf(stderr, "\n");
}

/* Whether an envelope was found in a state that it may have. */
static bool
env_good(uint32_t id, const struct env_truth *t, const struct store_outcome *o,
    bool textless)
{
	char text[512] = "";
	bool found;
	uint32_t i;

	found = t->sure.state == o->state && t->sure.attempts == o->attempts;
	for (i = 0; i < t->maybes; i++)
		found |= t->maybe[i].state == o->state &&
		    t->maybe[i].attempts == o->attempts;
	if (o->attempts > 0)
		status_text(text, sizeof(text), id,
		    &(struct env_now){ (uint8_t)o->state, o->attempts });
	if (textless && o->status.len == 0)
		text[0] = '\0';
	if (found && span_eq(o->status, span_str(text)) &&
	    o->next_s == (o->attempts > 0 ? 5000u + o->attempts : 0))
		return true;
	env_tell(id, t, o);
	return false;
}

/* Whether the message may be gone, given what was queued. */
static bool
msg_may_be_dead(const struct msg_truth *m)
{
	bool final;
	uint32_t i, j;

	for (i = 0; i < m->envs; i++) {
		final = store_state_final(m->env[i].sure.state);
		for (j = 0; j < m->env[i].maybes; j++)
			final |= store_state_final(m->env[i].maybe[j].state);
		if (!final)
			return false;
	}
	return true;
}

static bool
content_good(struct store *s, uint32_t id, uint32_t len, uint64_t *digest)
{
	struct store_message m = { 0 };
	struct buf content;
	bool good;
	size_t i;
	int fd = -1;

	buf_init(&content, 1 << 22);
	good = store_read(s, id, &m) == 0 && m.content_len == len &&
	    buf_add(&content, m.content.p, m.content.len) == 0 &&
	    (!m.big || (fd = store_big(s, id)) >= 0);
	if (good && m.big) {
		buf_reserve(&content, len + 1u);
		good = pread(fd, content.data, len + 1u, 0) == (ssize_t)len;
		content.len = len;
	}
	if (fd >= 0)
		close(fd);
	for (i = 0; good && i < len && i < content.len; i++)
		good = content.data[i] == octet_at(id, i);
	good = good && content.len == len;
	digest_add(digest, content.data, content.len);
	buf_clear(&content);
	store_message_clear(&m);
	return good;
}

/* One message that is in the queue.  NULL or what is wrong with it. */
static const char *
found_check(struct truth *t, struct store *s, uint64_t id, uint64_t *digest)
{
	struct store_message m = { 0 };
	struct msg_truth *want;
	const char *wrong = NULL;
	char rcpt[64];
	uint32_t i;

	if (id >= t->len || t->msgs[id].fate == FATE_ABSENT)
		return "is there and must not be";
	want = &t->msgs[id];
	if (store_read(s, id, &m) != 0)
		return "cannot be read";
	if (m.env_len != want->envs || m.content_len != want->len ||
	    m.meta.created_s != 1000 + id ||
	    !span_eq(m.meta.sender, span_str("from@example.org")))
		wrong = "is not what it was";
	for (i = 0; wrong == NULL && i < m.env_len; i++) {
		snprintf(
		    rcpt, sizeof(rcpt), "r%u.%u@example.com", (unsigned)id, i);
		if (!span_eq(m.env[i].rcpt, span_str(rcpt)) ||
		    !env_good((uint32_t)id, &want->env[i], &m.env[i].now,
			want->textless))
			wrong = "has an envelope in a wrong state";
		digest_add(digest, &m.env[i].now.state, sizeof(int));
		digest_add(digest, &m.env[i].now.attempts, sizeof(uint16_t));
	}
	if (wrong == NULL && !content_good(s, (uint32_t)id, want->len, digest))
		wrong = "has other content";
	for (i = 0; wrong == NULL && i < m.env_len; i++) {
		want->env[i].sure =
		    (struct env_now){ (uint8_t)m.env[i].now.state,
			    m.env[i].now.attempts };
		want->env[i].maybes = 0;
		want->fate = FATE_SURE;
	}
	digest_add(digest, &id, sizeof(id));
	store_message_clear(&m);
	return wrong;
}

/* An outcome that counts although the message that was queued before it, in
 * the same batch, is not there. */
static unsigned
rests_check(struct truth *t, const unsigned char *seen)
{
	struct env_truth *e;
	unsigned broken = 0;
	uint32_t i, j;

	for (i = 0; i < t->len; i++) {
		for (j = 0; j < t->msgs[i].envs; j++) {
			e = &t->msgs[i].env[j];
			if (e->rests != 0 &&
			    t->msgs[e->rests].fate == FATE_MAYBE &&
			    !seen[e->rests] &&
			    (!seen[i] || store_state_final(e->sure.state))) {
				fprintf(stderr,
				    "message %u is done without %u\n", i,
				    e->rests);
				broken++;
			}
			e->rests = 0;
		}
	}
	return broken;
}

unsigned
truth_check(struct truth *t, struct store *s, uint64_t *digest)
{
	unsigned char *seen = need(t->len + 1u, 1);
	struct store_cursor c;
	struct store_message m;
	const char *wrong;
	unsigned broken = 0;
	uint64_t id;
	uint32_t i;

	*digest = 0xcbf29ce484222325u;
	store_walk_start(s, &c);
	while (store_walk_next(s, &c, &m) == 0) {
		id = m.meta.msgid;
		store_message_clear(&m);
		wrong = id < t->len && seen[id] ? "is there twice"
						: found_check(t, s, id, digest);
		if (id < t->len)
			seen[id] = 1;
		if (wrong == NULL)
			continue;
		fprintf(stderr, "message %u %s\n", (unsigned)id, wrong);
		broken++;
	}
	broken += rests_check(t, seen);
	for (i = 0; i < t->len; i++) {
		if (seen[i])
			continue;
		if (t->msgs[i].fate == FATE_SURE &&
		    !msg_may_be_dead(&t->msgs[i])) {
			fprintf(stderr, "message %u is lost\n", i);
			broken++;
		}
		t->msgs[i].fate = FATE_ABSENT;
	}
	free(seen);
	return broken;
}
