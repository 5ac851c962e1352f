/* SPDX-License-Identifier: ISC
 *
 * Delivery status notifications on their way into the queue: composed from
 * what failed, then submitted like any other message, with the null
 * reverse-path, over router and spool.  What fails and has no sender itself is told to the
 * postmaster, and that once: a report never leads to another to its sender.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "delivery/local/report_int.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/mail/replies.h"

#define REPORT_POSTMASTER "<postmaster>"

/* The original recipient of what is told to the postmaster.  If that fails,
 * too, nobody is told. */
#define REPORT_LAST       "rfc822;postmaster"

static const char *const kinds[] = {
	[DSN_FAILED] = "failed",
	[DSN_DELAYED] = "delayed",
	[DSN_DELIVERED] = "delivered",
	[DSN_RELAYED] = "relayed",
	[DSN_ORPHANED] = "orphaned",
};

/* A report of success that could not go is tried again, in this memory alone:
 * its message has left the queue.  So many wait, at first for a second, then
 * twice as long each time up to the longest wait, and for a day at most. */
#define KEPT_MAX    256
#define KEPT_LOOK_S 1
#define KEPT_WAIT_S 300
#define KEPT_S      (24 * 3600)

static struct {
	TAILQ_HEAD(report_list, report) list;
	uint64_t last_id;
	size_t kept; /* of those in list that were put off */
	struct event *timer;
	bool ready;
} reports;

static void report_send(struct report *);

static struct report_list *
report_all(void)
{
	if (!reports.ready)
		TAILQ_INIT(&reports.list);
	reports.ready = true;
	return &reports.list;
}

static void
report_free(struct report *r)
{
	TAILQ_REMOVE(report_all(), r, entry);
	if (r->put_off > 0)
		reports.kept--;
	parcel_release(r->parcel);
	buf_clear(&r->texts);
	buf_clear(&r->message);
	free(r->rcpts);
	free(r->indexes);
	free(r);
}

static void
report_tell(struct report *r, enum env_outcome outcome, const char *why)
{
	size_t i;

	for (i = 0; i < r->n && !r->told; i++)
		delivery_outcome(r->parcel->msgid, r->indexes[i], outcome,
		    r->rcpts[i].status,
		    outcome == OUT_DEFERRED ? span_str(why) : r->rcpts[i].text);
	r->told = true;
}

/* Those whose time has come. */
static void
report_again(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { .tv_sec = KEPT_LOOK_S };
	uint64_t now_ms = clock_ms();
	struct report *r, *next;

	TAILQ_FOREACH_SAFE(r, report_all(), entry, next) {
		if (r->state == REPORT_KEPT && r->again_ms <= now_ms)
			report_send(r);
	}
	if (reports.kept > 0)
		evtimer_add(reports.timer, &tv);
}

/* Keep it for later.  False when it has waited for too long, or too many
 * others do. */
static bool
report_put_off(struct report *r)
{
	struct timeval tv = { .tv_sec = KEPT_LOOK_S };
	uint64_t now_ms = clock_ms(), wait_s = KEPT_WAIT_S;

	if (r->put_off == 0 && reports.kept == KEPT_MAX)
		return false;
	if (r->put_off > 0 && now_ms - r->since_ms >= KEPT_S * UINT64_C(1000))
		return false;
	if (reports.timer == NULL)
		reports.timer = evtimer_new(loop_base(), report_again, NULL);
	if (reports.timer == NULL)
		return false;
	if (!evtimer_pending(reports.timer, NULL))
		evtimer_add(reports.timer, &tv);
	if (r->put_off == 0) {
		reports.kept++;
		r->since_ms = now_ms;
	}
	if (r->put_off < 8)
		wait_s = UINT64_C(1) << r->put_off;
	r->put_off++;
	r->again_ms = now_ms + wait_s * 1000;
	buf_clear(&r->message);
	r->state = REPORT_KEPT;
	return true;
}

/* The end of a report: every envelope of it has this outcome.  One that was
 * delivered stays so, and for its report the scheduler cannot be asked to come
 * again; but it is to be issued (RFC 3461 4.1). */
static void
report_end(struct report *r, enum env_outcome outcome, const char *why)
{
	if (r->kind != DSN_DELIVERED) {
		report_tell(r, outcome, why);
		report_free(r);
		return;
	}
	report_tell(r, OUT_DELIVERED, why);
	if (outcome == OUT_DEFERRED && report_put_off(r))
		return;
	if (outcome == OUT_DEFERRED)
		LOG(EV_DSN_UNDELIVERABLE, KI("message", r->parcel->msgid),
		    KB("to", buf_span(&r->parcel->sender)), KS("why", why));
	report_free(r);
}

/* A span that lives as long as the report. */
static struct span
report_keep(struct report *r, struct span s)
{
	struct span kept = { r->texts.data + r->texts.len, s.len };

	buf_add(&r->texts, s.p, s.len);
	return kept;
}

static size_t
report_text_size(const struct envelope *e)
{
	return e->rcpt.len + e->orcpt.len + e->status.len + e->text.len +
	    e->via.len;
}

bool
report_wanted(enum dsn_kind kind, uint8_t notify)
{
	static const unsigned bits[] = {
		[DSN_FAILED] = RCPT_NOTIFY_FAILURE,
		[DSN_DELAYED] = RCPT_NOTIFY_DELAY,
		[DSN_DELIVERED] = RCPT_NOTIFY_SUCCESS,
		[DSN_RELAYED] = RCPT_NOTIFY_SUCCESS,
	};

	/* without NOTIFY, failures and delays are told */
	if (notify == 0)
		return bits[kind] != RCPT_NOTIFY_SUCCESS;
	return (notify & bits[kind]) != 0;
}

/* How long an envelope is tried, as the scheduler says. */
static uint64_t
report_ttl_s(const struct envelope *e)
{
	const struct action *a = config_action(role_config(), e->action);

	return a != NULL ? a->ttl_s : role_config()->set.queue_ttl_s;
}

static struct report *
report_new(enum dsn_kind kind, struct parcel *p, const struct envelope *envs,
    const size_t *which, size_t n)
{
	struct report *r;
	size_t i, size = 0;

	for (i = 0; i < n; i++)
		size += report_text_size(&envs[which[i]]);
	if ((r = chk_calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->kind = kind;
	r->parcel = parcel_keep(p);
	buf_init(&r->texts, size + 1);
	buf_init(&r->message, DSN_MAX);
	r->rcpts = chk_calloc(n, sizeof(*r->rcpts));
	r->indexes = chk_calloc(n, sizeof(*r->indexes));
	TAILQ_INSERT_TAIL(report_all(), r, entry);
	/* one allocation, so that the spans into it stay where they are */
	if (r->rcpts == NULL || r->indexes == NULL ||
	    buf_reserve(&r->texts, size + 1) != 0) {
		report_free(r);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		const struct envelope *e = &envs[which[i]];

		r->indexes[i] = e->index;
		r->rcpts[i].rcpt = report_keep(r, e->rcpt);
		r->rcpts[i].orcpt = report_keep(r, e->orcpt);
		r->rcpts[i].status = report_keep(r, e->status);
		r->rcpts[i].text = report_keep(r, e->text);
		r->rcpts[i].via = report_keep(r, e->via);
		r->rcpts[i].expires = (time_t)(p->created_s + report_ttl_s(e));
	}
	r->n = n;
	r->to_postmaster = kind == DSN_ORPHANED;
	return r;
}

static void
report_send_mail(struct report *r)
{
	struct chan *router = role_peer(ROLE_ROUTER);

	msg_begin(router, TX_MAIL, r->id);
	msg_put_span(router, span_str("<>"));
	msg_put_u8(router, TX_8BITMIME | (report_is_utf8(r) ? TX_SMTPUTF8 : 0));
	msg_put_u64(router, 0);
	msg_put_u8(router, 0);
	msg_put_span(router, span_str(""));
	msg_put_span(router, span_str(role_config()->hostname));
	msg_put_u8(router, 1);
	msg_send(router);
}

static void
report_send_rcpt(struct report *r)
{
	struct chan *router = role_peer(ROLE_ROUTER);
	struct buf path;

	r->state = REPORT_RCPT;
	buf_init(&path, PARCEL_ADDRESS_MAX + 2);
	if (r->to_postmaster)
		buf_add_str(&path, REPORT_POSTMASTER);
	else {
		buf_put_u8(&path, '<');
		buf_add(&path, r->parcel->sender.data, r->parcel->sender.len);
		buf_put_u8(&path, '>');
	}
	msg_begin(router, TX_RCPT, r->id);
	msg_put_span(router, buf_span(&path));
	/* RFC 3461 4.1: nobody wants to hear about it */
	msg_put_u8(router, RCPT_NOTIFY_NEVER);
	msg_put_span(router, span_str(r->to_postmaster ? REPORT_LAST : ""));
	msg_send(router);
	buf_clear(&path);
}

/* Begin with it, or begin anew. */
static void
report_send(struct report *r)
{
	r->id = ++reports.last_id;
	buf_reset(&r->message);
	if (role_peer(ROLE_ROUTER) == NULL) {
		report_end(r, OUT_DEFERRED, "the router is not there");
		return;
	}
	report_send_mail(r);
	report_send_rcpt(r);
}

/* Whether somebody is to be told of this envelope. */
static bool
report_has_reader(
    enum dsn_kind kind, const struct parcel *p, const struct envelope *e)
{
	if (kind != DSN_ORPHANED)
		return p->sender.len > 0 && report_wanted(kind, e->notify);
	LOG(EV_DOUBLE_BOUNCE, KI("message", p->msgid), KB("rcpt", e->rcpt),
	    KB("why", e->text));
	return !span_eq(e->orcpt, span_str(REPORT_LAST));
}

void
report_begin(
    enum dsn_kind kind, struct parcel *p, const struct envelope *envs, size_t n)
{
	static size_t which[UINT16_MAX];
	struct report *r;
	size_t i, wanted = 0;

	if (kind == DSN_FAILED && p->sender.len == 0)
		kind = DSN_ORPHANED;
	for (i = 0; i < n; i++) {
		if (report_has_reader(kind, p, &envs[i]))
			which[wanted++] = i;
		else
			delivery_outcome(p->msgid, envs[i].index, OUT_REPORTED,
			    envs[i].status, envs[i].text);
	}
	if (wanted == 0)
		return;
	if ((r = report_new(kind, p, envs, which, wanted)) != NULL) {
		report_send(r);
		return;
	}
	/* without memory; what was delivered is not delivered again for that */
	for (i = 0; i < wanted; i++)
		delivery_outcome(p->msgid, envs[which[i]].index,
		    kind == DSN_DELIVERED ? OUT_DELIVERED : OUT_DEFERRED,
		    span_str(kind == DSN_DELIVERED ? "2.0.0" : "4.3.0"),
		    span_str(err_text(-E_NOMEM)));
}

/* The report that an answer is for; NULL for one that has ended meanwhile. */
static struct report *
report_find(uint64_t id, enum report_state state)
{
	struct report *r;

	TAILQ_FOREACH(r, report_all(), entry) {
		if (r->id == id && r->state == state)
			return r;
	}
	return NULL;
}

static void
report_reset(const struct report *r)
{
	struct chan *router = role_peer(ROLE_ROUTER);

	if (router == NULL)
		return;
	msg_begin(router, TX_RESET, r->id);
	msg_send(router);
}

int
report_rcpt_answer(struct chan *ch, struct msg *m)
{
	unsigned reply = rd_u16(&m->body);
	uint64_t id = rd_u64(&m->body);
	struct report *r = report_find(m->id, REPORT_RCPT);
	const struct chan *spool = role_peer(ROLE_SPOOL);
	unsigned class;

	/* where it has moved to is the router's own business to follow */
	rd_span(&m->body, PARCEL_ADDRESS_MAX);
	if (!rd_done(&m->body) || !reply_valid((uint16_t)reply))
		return chan_violation(ch, "answer out of shape");
	if (r == NULL)
		return 0;
	class = reply_code((uint16_t)reply) / 100;
	if (class == 2 && spool != NULL) {
		r->reportid = id;
		r->state = REPORT_DATA;
		msg_begin(ch, TX_DATA, r->id);
		msg_put_u32(ch, chan_instance(spool));
		msg_send(ch);
	} else if (class == 2) {
		report_reset(r);
		report_end(r, OUT_DEFERRED, "the queue is not there");
	} else if (class == 4) {
		report_reset(r);
		report_end(r, OUT_DEFERRED, "the report cannot be routed now");
	} else if (!r->to_postmaster) {
		/* the sender cannot be reached from here: somebody should
		 * hear of it, once */
		r->to_postmaster = true;
		report_send_rcpt(r);
	} else {
		LOG(EV_DSN_UNDELIVERABLE, KI("message", r->parcel->msgid),
		    KB("to", buf_span(&r->parcel->sender)));
		report_reset(r);
		report_end(r, OUT_REPORTED, "");
	}
	return 0;
}

int
report_data_refused(struct chan *ch, struct msg *m)
{
	struct report *r = report_find(m->id, REPORT_DATA);

	if (r != NULL)
		report_end(r, OUT_DEFERRED, "the queue takes nothing now");
	return 0;
}

/* The spool takes the content now. */
static void
report_send_content(struct report *r, struct chan *spool)
{
	struct span rest = buf_span(&r->message);
	uint64_t total = rest.len;

	while (rest.len > 0) {
		size_t n =
		    rest.len < MSG_CONTENT_MAX ? rest.len : MSG_CONTENT_MAX;

		msg_begin(spool, SPOOL_CONTENT, r->reportid);
		msg_put_octets(spool, (struct span){ rest.p, n });
		msg_send(spool);
		rest.p += n;
		rest.len -= n;
	}
	r->state = REPORT_COMMIT;
	msg_begin(spool, SPOOL_COMMIT, r->reportid);
	msg_put_u64(spool, total);
	msg_send(spool);
}

int
report_grant(struct chan *ch, struct msg *m)
{
	uint64_t id = rd_u64(&m->body);
	unsigned reply = rd_u16(&m->body);
	struct report *r = report_find(id, REPORT_DATA);

	if (!rd_done(&m->body) || !reply_valid((uint16_t)reply))
		return chan_violation(ch, "grant out of shape");
	if (r == NULL || r->reportid != m->id) {
		msg_begin(ch, SPOOL_ABORT, m->id);
		msg_send(ch);
		return 0;
	}
	if (reply != RP_DATA_GO) {
		report_end(r, OUT_DEFERRED, "the queue takes nothing now");
		return 0;
	}
	if (report_compose(r) != 0) {
		msg_begin(ch, SPOOL_ABORT, m->id);
		msg_send(ch);
		report_end(r, OUT_DEFERRED, err_text(-E_NOMEM));
		return 0;
	}
	report_send_content(r, ch);
	return 0;
}

/* The queue will never take it so: as a rule it is too big.  Somebody is to
 * hear of it all the same. */
static void
report_shorten(struct report *r)
{
	if (r->size == SIZE_BARE) {
		LOG(EV_DSN_UNDELIVERABLE, KI("message", r->parcel->msgid),
		    KB("to", buf_span(&r->parcel->sender)),
		    KS("why", "the queue refuses it"));
		report_end(r, OUT_REPORTED, "");
		return;
	}
	r->size++;
	report_send(r);
}

int
report_committed(struct chan *ch, struct msg *m)
{
	uint64_t id = rd_u64(&m->body);
	unsigned reply = rd_u16(&m->body);
	struct report *r = report_find(id, REPORT_COMMIT);
	unsigned class;

	if (!rd_done(&m->body) || !reply_valid((uint16_t)reply))
		return chan_violation(ch, "answer out of shape");
	if (r == NULL)
		return 0;
	class = reply_code((uint16_t)reply) / 100;
	if (class == 5) {
		report_shorten(r);
		return 0;
	}
	if (class != 2) {
		report_end(r, OUT_DEFERRED, "the queue did not take it");
		return 0;
	}
	delivery_stats.reports++;
	LOG(EV_DSN_SENT, KI("message", r->parcel->msgid),
	    KI("report", r->reportid), KS("kind", kinds[r->kind]),
	    KB("to",
		r->to_postmaster ? span_str("postmaster")
				 : buf_span(&r->parcel->sender)));
	report_end(r, OUT_REPORTED, "");
	return 0;
}

void
report_abort(enum role lost)
{
	struct report *r, *next;

	TAILQ_FOREACH_SAFE(r, report_all(), entry, next) {
		if (r->state == REPORT_KEPT)
			continue;
		/* that is between the spool and us alone, and the spool may
		 * have it: it would be sent twice */
		if (lost == ROLE_ROUTER && r->state == REPORT_COMMIT)
			continue;
		report_end(r, OUT_DEFERRED, "a process that it needs is gone");
	}
}
