/* SPDX-License-Identifier: ISC
 *
 * smtpctl: a queued message, its envelopes, and counters.  A long answer is a
 * job that keeps its place and goes on when control has read what it has.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/via.h"
#include "spool/writer/writer.h"

#define CTL_CHUNK 16384 /* octets of content in a row */
#define JOBS_MAX  32

struct job {
	TAILQ_ENTRY(job) entry;
	uint64_t request;
	uint64_t id;            /* message */
	int64_t envelope;       /* the one that is wanted, or -1 */
	uint64_t at;            /* octets or envelopes that were told */
	bool content;           /* what is wanted: this, or the envelopes */
	int fd;                 /* of content in a file of its own, or -1: */
	struct store_message m; /* its content */
};

static void
job_free(struct job *j)
{
	TAILQ_REMOVE(&writer_self()->jobs, j, entry);
	if (j->fd >= 0)
		close(j->fd);
	store_message_clear(&j->m);
	free(j);
}

static void
job_end(struct job *j, struct ctl_answer *a, enum ctl_status status,
    const char *text)
{
	ctl_answer_end(a, status, text);
	job_free(j);
}

/* The next octets of the content; less than 0 with errno. */
static ssize_t
job_read(struct job *j, unsigned char chunk[CTL_CHUNK], struct span *out)
{
	size_t left;
	ssize_t n;

	if (j->fd >= 0) {
		n = pread(j->fd, chunk, CTL_CHUNK, (off_t)j->at);
		*out = (struct span){ chunk, n > 0 ? (size_t)n : 0 };
		return n;
	}
	left = j->m.content.len - (size_t)j->at;
	*out = (struct span){ j->m.content.p + j->at,
		left < CTL_CHUNK ? left : CTL_CHUNK };
	return (ssize_t)out->len;
}

static void
job_content(struct job *j, struct chan *ch)
{
	unsigned char chunk[CTL_CHUNK];
	struct ctl_answer a;
	struct span octets;
	ssize_t n;

	ctl_answer_begin(&a, ch, j->request);
	while (!chan_full(ch)) {
		if ((n = job_read(j, chunk, &octets)) <= 0) {
			job_end(j, &a, n == 0 ? CTL_OK : CTL_FAILED,
			    n == 0 ? "" : err_text(err_from_errno(errno)));
			return;
		}
		ctl_row_begin(&a);
		ctl_field_octets(&a, "content", octets);
		ctl_row_end(&a);
		j->at += octets.len;
	}
	ctl_answer_pause(&a);
}

static void
job_row(struct ctl_answer *a, const struct store_meta *meta, uint32_t index,
    const struct store_envelope *e)
{
	struct last_reply reply = reply_unpack(e->now.status);
	struct via via = via_parse(reply.via);

	ctl_row_begin(a);
	ctl_field_id(a, "message", meta->msgid);
	ctl_field_uint(a, "envelope", index);
	ctl_field_text(a, "state", span_str(store_state_name(e->now.state)));
	ctl_field_text(a, "sender", meta->sender);
	ctl_field_text(a, "recipient", e->rcpt);
	ctl_field_text(a, "orcpt", e->orcpt);
	ctl_field_uint(a, "notify", e->notify);
	ctl_field_text(a, "action", e->action);
	ctl_field_text(a, "user", e->user);
	ctl_field_time(a, "created", meta->created_s);
	ctl_field_time(a, "next", e->now.next_s);
	ctl_field_uint(a, "attempts", e->now.attempts);
	ctl_field_uint(a, "crashes", state_crashes(&e->now));
	ctl_field_text(a, "envid", meta->envid);
	ctl_field_text(a, "peer", meta->peer);
	ctl_field_text(a, "helo", meta->helo);
	ctl_field_text(a, "error", reply.text);
	ctl_field_text(a, "host", via.host);
	ctl_field_text(a, "address", via.address);
	ctl_field_text(a, "tls", via.tls);
	ctl_field_time(a, "tried", reply.tried_s);
	ctl_row_end(a);
}

static void
job_envelopes(struct job *j, struct chan *ch)
{
	struct store_message m = { 0 };
	struct ctl_answer a;
	int error;

	ctl_answer_begin(&a, ch, j->request);
	error = store_read(writer_self()->store, j->id, &m);
	if (error != 0) {
		/* it was delivered while it was shown: that was all then */
		job_end(j, &a, j->at > 0 ? CTL_OK : CTL_NO_SUCH,
		    j->at > 0 ? "" : err_text(error));
		return;
	}
	for (; j->at < m.env_len && !chan_full(ch); j->at++) {
		if (j->envelope < 0 || (uint64_t)j->envelope == j->at)
			job_row(&a, &m.meta, (uint32_t)j->at, &m.env[j->at]);
	}
	if (j->at < m.env_len)
		ctl_answer_pause(&a);
	else if (j->envelope >= 0 && (uint64_t)j->envelope >= m.env_len)
		job_end(j, &a, CTL_NO_SUCH, "no such envelope");
	else
		job_end(j, &a, CTL_OK, "");
	store_message_clear(&m);
}

void
ctl_run(void)
{
	struct chan *ch = role_peer(ROLE_CONTROL);
	struct job *j, *next;

	if (ch == NULL)
		return;
	TAILQ_FOREACH_SAFE(j, &writer_self()->jobs, entry, next) {
		if (j->content)
			job_content(j, ch);
		else
			job_envelopes(j, ch);
	}
}

static struct job *
job_new(uint64_t request, uint64_t id, int64_t envelope, bool content)
{
	struct job *j;
	size_t n = 0;

	TAILQ_FOREACH(j, &writer_self()->jobs, entry)
		n++;
	if (n >= JOBS_MAX || (j = chk_calloc(1, sizeof(*j))) == NULL)
		return NULL;
	j->request = request;
	j->id = id;
	j->envelope = envelope;
	j->content = content;
	j->fd = -1;
	TAILQ_INSERT_TAIL(&writer_self()->jobs, j, entry);
	return j;
}

static int
job_load(struct job *j)
{
	struct store *store = writer_self()->store;
	int error;

	if ((error = store_read(store, j->id, &j->m)) != 0)
		return error;
	if (j->m.big && (j->fd = store_big(store, j->id)) < 0)
		return j->fd;
	return 0;
}

static void
ctl_show(struct chan *ch, uint64_t request, const struct ctl_request *req)
{
	struct writer *w = writer_self();
	bool content = req->verb == CTL_SHOW_MESSAGE;
	struct job *j;
	uint64_t id;
	int64_t envelope;
	int error = 0;

	if (req->nargs != 1 ||
	    ctl_parse_id(req->args[0], &id, &envelope) != 0) {
		ctl_reply(ch, request, CTL_USAGE, "a message id is needed");
		return;
	}
	if (w->store == NULL ||
	    (j = job_new(request, id, envelope, content)) == NULL) {
		ctl_reply(ch, request, CTL_FAILED, "try again later");
		return;
	}
	if (content)
		error = job_load(j);
	if (error != 0) {
		ctl_reply(ch, request,
		    error == -E_NOENT ? CTL_NO_SUCH : CTL_FAILED,
		    error == -E_NOENT ? "not in the queue" : err_text(error));
		job_free(j);
		return;
	}
	ctl_run();
}

static void
ctl_stats(struct chan *ch, uint64_t request)
{
	struct writer *w = writer_self();
	struct store_stats st = { 0 };
	struct ctl_answer a;

	if (w->store != NULL)
		store_stats(w->store, &st);
	ctl_answer_begin(&a, ch, request);
	ctl_counter(&a, "spool.messages", st.messages);
	ctl_counter(&a, "spool.envelopes", st.envelopes);
	ctl_counter(&a, "spool.live-bytes", st.live_bytes);
	ctl_counter(&a, "spool.big-bytes", st.big_bytes);
	ctl_counter(&a, "spool.segments", st.segments);
	ctl_counter(&a, "spool.free-segments", st.free);
	ctl_counter(&a, "spool.corrupt", st.quarantined);
	ctl_counter(&a, "spool.committed", st.committed);
	ctl_counter(&a, "spool.commit-failures", st.failed);
	ctl_counter(&a, "spool.refused", w->tx_refused);
	ctl_counter(&a, "spool.outcomes", st.outcomes);
	ctl_counter(&a, "spool.moved", st.moved);
	ctl_counter(&a, "spool.batches", st.batches);
	ctl_counter(&a, "spool.bytes", st.bytes);
	ctl_counter(&a, "spool.syncs", st.syncs);
	ctl_counter(&a, "spool.sync-failures", st.sync_failures);
	ctl_counter(&a, "spool.recycled", st.recycled);
	ctl_answer_end(&a, CTL_OK, "");
}

int
ctl_ask(struct chan *ch, struct msg *m)
{
	struct ctl_request req;

	if (ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "bad request");
	switch ((unsigned)req.verb) {
	case CTL_SHOW_MESSAGE:
	case CTL_SHOW_ENVELOPE:
		ctl_show(ch, m->id, &req);
		return 0;
	case CTL_SHOW_STATS:
		ctl_stats(ch, m->id);
		return 0;
	default:
		return chan_violation(ch, "a request for another role");
	}
}

int
ctl_cancel(struct chan *ch, struct msg *m)
{
	struct job *j, *next;

	TAILQ_FOREACH_SAFE(j, &writer_self()->jobs, entry, next) {
		if (j->request == m->id)
			job_free(j);
	}
	return 0;
}

void
ctl_lost(void)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&writer_self()->jobs)) != NULL)
		job_free(j);
}
