/* SPDX-License-Identifier: ISC
 *
 * The batch: everything that one turn of the loop has brought is written and
 * synced together, and only then is anybody told.  Outcomes alone can wait a
 * little for company.
 */
#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/via.h"
#include "spool/writer/writer.h"

#define OUTCOME_WAIT_MS 20
#define RETRY_WAIT_MS   1000 /* after a commit that failed */
#define COMMIT_TEXT_MAX 1300 /* octets of a reply that are taken */
#define ACKS_FIRST      256
#define ACKS_IN_ONE     5000 /* of QUEUE_RECORDED */

/* Have commit_turn() commit after so long, unless it does before. */
static void
commit_after(unsigned ms)
{
	struct writer *w = writer_self();
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	if (w->sync_armed)
		return;
	w->sync_armed = true;
	evtimer_add(w->sync, &tv);
}

void
commit_timer(evutil_socket_t fd, short what, void *arg)
{
	writer_self()->sync_armed = false;
	writer_self()->sync_due = true;
}

static bool
commit_ack_room(struct writer *w)
{
	struct record_ack *grown;
	size_t cap = w->acks_cap == 0 ? ACKS_FIRST : w->acks_cap * 2;

	if (w->nacks < w->acks_cap)
		return true;
	if ((grown = chk_realloc(w->acks, cap, sizeof(*grown))) == NULL)
		return false;
	w->acks = grown;
	w->acks_cap = cap;
	return true;
}

/* The reply that is on disk, when there is no newer one: a scheduler that has
 * started after an attempt does not know it. */
static void
commit_keep(struct writer *w, uint64_t id, uint32_t index,
    const struct store_outcome *out, struct buf *kept)
{
	struct store_message m = { 0 };

	if (out->attempts == 0 || store_state_final(out->state) ||
	    store_read(w->store, id, &m) != 0)
		return;
	if (index < m.env_len)
		buf_add(kept, m.env[index].now.status.p,
		    m.env[index].now.status.len);
	store_message_clear(&m);
}

static int
commit_record(struct writer *w, uint64_t id, uint32_t index,
    const struct last_reply *reply, struct store_outcome *out)
{
	struct buf kept;
	int error;

	buf_init(&kept, STORE_STATUS_MAX + VIA_MAX + COMMIT_TEXT_MAX);
	if (reply->text.len + reply->via.len > 0 || reply->tried_s != 0)
		reply_pack(reply, &kept);
	else
		commit_keep(w, id, index, out, &kept);
	/* without memory it is the state alone that is recorded */
	if (kept.err == 0)
		out->status = buf_span(&kept);
	error = store_outcome(w->store, id, index, out);
	buf_clear(&kept);
	return error;
}

int
commit_outcome(struct chan *ch, struct msg *m)
{
	struct writer *w = writer_self();
	struct store_outcome out = { 0 };
	uint32_t index = rd_u32(&m->body);
	unsigned state = rd_u8(&m->body);
	struct last_reply reply;
	uint16_t attempts;
	uint8_t crashes;
	int error;

	out.next_s = rd_u64(&m->body);
	attempts = rd_u16(&m->body);
	crashes = rd_u8(&m->body);
	reply.tried_s = rd_u64(&m->body);
	reply.text = rd_span(&m->body, COMMIT_TEXT_MAX);
	reply.via = rd_span(&m->body, VIA_MAX);
	if (!rd_done(&m->body) || state >= ENV__MAX)
		return chan_violation(ch, "bad outcome");
	if (w->store == NULL || !commit_ack_room(w))
		return 0; /* the scheduler tells it again */
	state_to_store((enum env_state)state, attempts, crashes, &out);
	error = commit_record(w, m->id, index, &reply, &out);
	/* recorded before, and told again after a loss: that is confirmed */
	if (error != 0 && error != -E_NOENT && error != -E_DENIED) {
		LOG(EV_WARN, KS("doing", "recording an outcome"),
		    KS("why", err_text(error)), KI("message", m->id));
		return 0;
	}
	w->acks[w->nacks++] = (struct record_ack){ m->id, index };
	commit_after(OUTCOME_WAIT_MS);
	return 0;
}

/* A message of the batch is durable, or is not. */
static void
commit_done(struct writer *w, const struct store_done *done)
{
	struct transaction *t = tx_find(done->msgid);
	struct chan *scheduler = role_peer(ROLE_SCHEDULER);

	if (w->committing > 0)
		w->committing--;
	if (t == NULL)
		return;
	if (done->status != 0) {
		tx_end(t, tx_reply(done->status));
		return;
	}
	LOG(EV_QUEUED, KI("message", t->id), KB("from", buf_span(&t->sender)),
	    KU("size", t->size), KU("envelopes", t->expected));
	/* a scheduler that does not read is told everything when it does */
	if (scheduler != NULL &&
	    walk_tell(scheduler, t->id, t->created_s, t->size, false,
		buf_span(&t->sender), buf_span(&t->news)) != 0)
		walk_begin();
	tx_end(t, RP_QUEUED);
}

void
commit_answer(void)
{
	struct writer *w = writer_self();
	struct store_done done;

	while (store_done_next(w->store, &done))
		commit_done(w, &done);
}

static void
commit_acknowledge(struct writer *w)
{
	struct chan *scheduler = role_peer(ROLE_SCHEDULER);
	size_t i, n, sent;

	for (sent = 0; scheduler != NULL && sent < w->nacks; sent += n) {
		n = w->nacks - sent;
		if (n > ACKS_IN_ONE)
			n = ACKS_IN_ONE;
		msg_begin(scheduler, QUEUE_RECORDED, 0);
		msg_put_u16(scheduler, (uint16_t)n);
		for (i = sent; i < sent + n; i++) {
			msg_put_u64(scheduler, w->acks[i].id);
			msg_put_u32(scheduler, w->acks[i].index);
		}
		msg_send(scheduler);
	}
	w->nacks = 0;
}

void
commit_now(void)
{
	struct writer *w = writer_self();
	int error;

	w->sync_due = false;
	error = store_commit(w->store);
	commit_answer();
	if (error == 0)
		commit_acknowledge(w);
	else if (w->nacks > 0)
		commit_after(RETRY_WAIT_MS);
	writer_hurry();
}

void
commit_turn(void)
{
	struct writer *w = writer_self();

	if (w->store == NULL)
		return;
	if (w->committing > 0 ||
	    (w->sync_due && (w->nacks > 0 || store_pending(w->store) > 0)))
		commit_now();
}

void
commit_forget(void)
{
	writer_self()->nacks = 0;
}
