/* SPDX-License-Identifier: ISC
 *
 * Messages in hand: what the spool gives becomes jobs, one for each
 * destination, and each recipient has its outcome sooner or later.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/relay/relay.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"

#define OWED_MAX 50000 /* outcomes that are kept for a scheduler to come */
/* More than a channel holds: a datagram costs the kernel about a kilobyte of
 * the 208 that it gives to a socket. */
#define TOLD_MAX 512

static size_t jobs;

struct owed {
	uint64_t msgid;
	uint32_t index;
	enum env_outcome outcome;
};

/* What went on while there was no scheduler to be told.  All else is tried
 * again, but this may not go twice. */
static struct {
	struct owed *p;
	size_t n;
} owed;

/* What a scheduler was told last.  If it dies, it may not have read that: the
 * next one is told again. */
static struct {
	struct owed p[TOLD_MAX];
	size_t n; /* in all, also those that others took the place of */
} told;

static bool
job_went(enum env_outcome outcome)
{
	return outcome == OUT_DELIVERED || outcome == OUT_RELAYED;
}

size_t
job_count(void)
{
	return jobs;
}

static void
job_owe(uint64_t msgid, uint32_t index, enum env_outcome outcome)
{
	struct owed *grown;

	if (!job_went(outcome) || owed.n == OWED_MAX)
		return;
	/* room doubles when the number is a power of two */
	if ((owed.n & (owed.n - 1)) == 0) {
		grown = chk_realloc(
		    owed.p, owed.n == 0 ? 1 : 2 * owed.n, sizeof(*grown));
		if (grown == NULL)
			return;
		owed.p = grown;
	}
	owed.p[owed.n++] = (struct owed){ msgid, index, outcome };
}

static void
job_tell(uint64_t msgid, uint32_t index, const struct verdict *v)
{
	struct chan *ch = role_peer(ROLE_SCHEDULER);
	struct buf via;

	if (ch == NULL) {
		job_owe(msgid, index, v->outcome);
		return;
	}
	if (job_went(v->outcome))
		told.p[told.n++ % TOLD_MAX] =
		    (struct owed){ msgid, index, v->outcome };
	buf_init(&via, VIA_MAX);
	via_format(&v->via, &via);
	msg_begin(ch, OUTCOME, msgid);
	msg_put_u32(ch, index);
	msg_put_u8(ch, (uint8_t)v->outcome);
	msg_put_u8(ch, (uint8_t)v->scope);
	msg_put_span(ch, v->status);
	msg_put_span(ch, v->text);
	msg_put_span(ch, buf_span(&via));
	msg_send(ch);
	buf_clear(&via);
}

static void
job_tell_again(const struct owed *o, const char *text)
{
	struct verdict v = {
		.outcome = o->outcome,
		.scope = SCOPE_ENVELOPE,
		.status = span_str("2.0.0"),
		.text = span_str(text),
	};

	job_tell(o->msgid, o->index, &v);
}

void
job_scheduler_up(void)
{
	size_t i, n = told.n < TOLD_MAX ? told.n : TOLD_MAX;
	struct owed again[TOLD_MAX];

	memcpy(again, told.p, sizeof(again));
	told.n = 0;
	for (i = 0; i < n; i++)
		job_tell_again(
		    &again[i], "sent before the scheduler was there");
	for (i = 0; i < owed.n; i++)
		job_tell_again(&owed.p[i], "sent while there was no scheduler");
	free(owed.p);
	owed.p = NULL;
	owed.n = 0;
}

static void
job_log(const struct job *j, const struct job_rcpt *r, const struct verdict *v)
{
	const char *result = "sent";

	if (v->outcome == OUT_DEFERRED)
		result = "deferred";
	else if (v->outcome == OUT_FAILED)
		result = "failed";
	LOG(EV_RELAY, KI("message", j->parcel->msgid), KU("envelope", r->index),
	    KB("from", buf_span(&j->parcel->sender)), KB("rcpt", r->rcpt),
	    KS("result", result), KB("host", v->via.host),
	    KB("address", v->via.address), KB("tls", v->via.tls),
	    KB("status", v->status), KB("reply", v->text),
	    KU("delay", clock_wall(NULL) - j->parcel->created_s));
}

void
job_settle(struct job *j, size_t i, const struct verdict *v)
{
	struct job_rcpt *r = &j->rcpt[i];

	if (r->done)
		return;
	r->done = true;
	j->left--;
	if (v->outcome == OUT_DEFERRED)
		relay_counters[RC_DEFERRED]++;
	else if (v->outcome == OUT_FAILED)
		relay_counters[RC_FAILED]++;
	else
		relay_counters[RC_SENT]++;
	job_log(j, r, v);
	job_tell(j->parcel->msgid, r->index, v);
}

void
job_settle_all(struct job *j, const struct verdict *v)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		job_settle(j, i, v);
}

void
job_free(struct job *j)
{
	parcel_release(j->parcel);
	family_clear(j);
	free(j);
	jobs--;
	relay_job_gone();
}

static struct span
job_copy(unsigned char **at, struct span s)
{
	struct span copy = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
	return copy;
}

/* Of envelopes that share a destination.  NULL without memory. */
static struct job *
job_new(struct parcel *p, const struct envelope *const *envs, size_t n)
{
	size_t i, size = sizeof(struct job) + n * sizeof(struct job_rcpt);
	unsigned char *at;
	struct job *j;

	for (i = 0; i < n; i++)
		size += envs[i]->rcpt.len + envs[i]->orcpt.len;
	if ((j = chk_calloc(1, size)) == NULL)
		return NULL;
	j->rcpt = (struct job_rcpt *)(j + 1);
	at = (unsigned char *)(j->rcpt + n);
	for (i = 0; i < n; i++) {
		j->rcpt[i].index = envs[i]->index;
		j->rcpt[i].notify = envs[i]->notify;
		j->rcpt[i].rcpt = job_copy(&at, envs[i]->rcpt);
		j->rcpt[i].orcpt = job_copy(&at, envs[i]->orcpt);
	}
	j->parcel = parcel_keep(p);
	j->since_ms = clock_ms();
	j->n = j->left = n;
	jobs++;
	return j;
}

static void
job_refuse(struct parcel *p, const struct envelope *const *envs, size_t n,
    const char *why)
{
	struct verdict v = { OUT_DEFERRED, SCOPE_ENVELOPE, span_str("4.3.0"),
		span_str(why), { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } } };
	size_t i;

	for (i = 0; i < n; i++)
		job_tell(p->msgid, envs[i]->index, &v);
}

/* An address was checked when it came.  What came back from the disk may still
 * not be more than one command. */
static bool
job_all_clean(
    const struct parcel *p, const struct envelope *const *envs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!span_is_text(envs[i]->rcpt) ||
		    !span_is_text(envs[i]->user))
			return false;
	}
	return span_is_text(buf_span(&p->sender));
}

static void
job_add(struct dest *d, struct parcel *p, const struct envelope *const *envs,
    size_t n)
{
	struct job *j;

	if ((j = job_new(p, envs, n)) == NULL)
		job_refuse(p, envs, n, err_text(-E_NOMEM));
	else
		dest_add(d, j);
}

/* Those of them that are for one destination. */
static void
job_begin(struct parcel *p, const struct envelope *const *envs, size_t n)
{
	static const struct envelope *fresh[PARCEL_ENVELOPES_MAX];
	struct dest *d;
	size_t i, k = 0;

	if (!job_all_clean(p, envs, n)) {
		job_refuse(p, envs, n, "an address of it is none");
		return;
	}
	if ((d = dest_get(envs[0]->action, envs[0]->user)) == NULL) {
		job_refuse(p, envs, n, "the action is not there any more");
		return;
	}
	for (i = 0; i < n; i++) {
		/* what is in hand for a scheduler that is gone has its outcome
		 * from that; to send it again would be to send it twice */
		if ((envs[i]->flags & DELIVER_IN_DOUBT) == 0 ||
		    !dest_has(d, p->msgid, envs[i]->index))
			fresh[k++] = envs[i];
	}
	for (i = 0; i < k; i += n) {
		/* as many as one transaction may have */
		n = k - i < d->limits.rcpts ? k - i : d->limits.rcpts;
		job_add(d, p, fresh + i, n);
	}
}

static bool
job_same_dest(const struct envelope *a, const struct envelope *b)
{
	return span_eq(a->action, b->action) && span_eq(a->user, b->user);
}

static void
job_sort(const struct assignment *a)
{
	static const struct envelope *group[PARCEL_ENVELOPES_MAX];
	static bool taken[PARCEL_ENVELOPES_MAX];
	size_t i, k, n;

	memset(taken, 0, a->n * sizeof(taken[0]));
	for (i = 0; i < a->n; i++) {
		if (taken[i])
			continue;
		for (k = i, n = 0; k < a->n; k++) {
			if (taken[k] ||
			    !job_same_dest(&a->envs[i], &a->envs[k]))
				continue;
			taken[k] = true;
			group[n++] = &a->envs[k];
		}
		job_begin(a->parcel, group, n);
	}
}

int
job_deliver(struct chan *ch, struct msg *m)
{
	const struct envelope *one;
	struct assignment a;
	size_t i;
	int error = parcel_read(m, &a);

	if (error == -E_PEER || (error == 0 && a.purpose != PURPOSE_RELAY)) {
		parcel_release(a.parcel);
		return chan_violation(ch, "message out of shape");
	}
	relay_counters[RC_MESSAGES]++;
	if (error == 0)
		job_sort(&a);
	for (i = 0; error != 0 && i < a.n; i++) {
		one = &a.envs[i];
		job_refuse(a.parcel, &one, 1, err_text(error));
	}
	parcel_release(a.parcel);
	return 0;
}
