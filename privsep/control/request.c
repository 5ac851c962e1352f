/* SPDX-License-Identifier: ISC
 *
 * Requests under way: passed to the processes of the roles that the table of
 * verbs names, their rows passed back as they come, and one end for all of
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/control/control.h"
#include "privsep/ipc/role.h"

#define REQUEST_TEXT_MAX  500 /* octets of the text of an end */
#define REQUEST_ASKED_MAX 160 /* processes: each relay, also those that end */

/* A process that has not ended its answer. */
struct asked {
	enum role role;
	uint32_t instance;
};

struct request {
	TAILQ_ENTRY(request) entry;
	uint64_t id;        /* ours */
	uint64_t client_id; /* the client's own */
	uint32_t client;    /* number */
	struct asked asked[REQUEST_ASKED_MAX];
	size_t waiting; /* of asked */
	bool passing;   /* there will be more */
	enum ctl_status status;
	char text[REQUEST_TEXT_MAX + 1];
};

static struct {
	TAILQ_HEAD(request_list, request) list;
	uint64_t last_id;
	bool ready;
} requests;

static struct request_list *
request_all(void)
{
	if (!requests.ready)
		TAILQ_INIT(&requests.list);
	requests.ready = true;
	return &requests.list;
}

static struct request *
request_find(uint64_t id)
{
	struct request *r;

	TAILQ_FOREACH(r, request_all(), entry) {
		if (r->id == id)
			return r;
	}
	return NULL;
}

/* The process behind a channel; the master's instance is none. */
static uint32_t
request_instance(const struct chan *ch)
{
	return chan_role(ch) == ROLE_MASTER ? 0 : chan_instance(ch);
}

static struct chan *
request_chan(const struct asked *a)
{
	return a->role == ROLE_MASTER
	    ? role_master()
	    : role_peer_instance(a->role, a->instance);
}

/* Whether that process has still to answer. */
static struct asked *
request_waits(struct request *r, const struct chan *ch)
{
	size_t i;

	for (i = 0; i < r->waiting; i++) {
		if (r->asked[i].role == chan_role(ch) &&
		    r->asked[i].instance == request_instance(ch))
			return &r->asked[i];
	}
	return NULL;
}

static void
request_free(struct request *r)
{
	TAILQ_REMOVE(request_all(), r, entry);
	free(r);
}

/* How a process has ended its answer.  The first text and the worst status
 * count. */
static void
request_note(struct request *r, enum ctl_status status, struct span text)
{
	if (status > r->status)
		r->status = status;
	if (r->text[0] == '\0' && text.len <= REQUEST_TEXT_MAX &&
	    (text.len == 0 || memchr(text.p, '\0', text.len) == NULL)) {
		memcpy(r->text, text.p, text.len);
		r->text[text.len] = '\0';
	}
}

/* That was all, if nobody has still to answer. */
static void
request_finish(struct request *r)
{
	struct client *c = client_find(r->client);

	if (r->waiting != 0 || r->passing)
		return;
	if (c != NULL) {
		ctl_reply(c->chan, r->client_id, r->status, r->text);
		client_count(c, -1);
	}
	request_free(r);
}

static void
request_done(struct request *r, struct asked *a, enum ctl_status status,
    struct span text)
{
	*a = r->asked[--r->waiting];
	request_note(r, status, text);
	request_finish(r);
}

/* False when it could not be asked. */
static bool
request_ask(struct request *r, const struct ctl_request *req, struct chan *ch)
{
	if (ch == NULL || r->waiting == REQUEST_ASKED_MAX ||
	    ctl_request_send(ch, CTL_ASK, r->id, req) != 0)
		return false;
	r->asked[r->waiting++] =
	    (struct asked){ chan_role(ch), request_instance(ch) };
	return true;
}

/* Ask every process of the role, or with one any. */
static bool
request_ask_role(
    struct request *r, const struct ctl_request *req, enum role role, bool one)
{
	struct chan *ch = role_peer_next(role, NULL);
	bool all;

	if (role == ROLE_MASTER)
		ch = role_master();
	all = request_ask(r, req, ch);
	while (role != ROLE_MASTER && !one && ch != NULL &&
	    (ch = role_peer_next(role, ch)) != NULL)
		all = request_ask(r, req, ch) && all;
	return all;
}

static void
request_pass(struct request *r, const struct ctl_request *req)
{
	unsigned targets = ctl_verbs[req->verb].roles;
	bool one = (targets & CTL_ONE) != 0;
	enum role role;

	r->passing = true;
	for (role = ROLE_MASTER; role < ROLE__MAX; role++) {
		if ((targets & R(role)) != 0 &&
		    !request_ask_role(r, req, role, one))
			request_note(r, CTL_FAILED,
			    span_str("a process that was asked is not there"));
	}
	r->passing = false;
	request_finish(r);
}

int
request_begin(struct chan *ch, struct msg *m)
{
	struct client *c = chan_data(ch);
	struct ctl_request req;
	struct request *r;

	if (c == NULL || ctl_request_read(m, &req) != 0)
		return chan_violation(ch, "request out of shape");
	if (!c->allowed) {
		ctl_reply(ch, m->id, CTL_DENIED, "only root may ask this");
		return 0;
	}
	if ((r = chk_calloc(1, sizeof(*r))) == NULL) {
		ctl_reply(ch, m->id, CTL_FAILED, "out of memory");
		return 0;
	}
	r->id = ++requests.last_id;
	r->client_id = m->id;
	r->client = c->number;
	TAILQ_INSERT_TAIL(request_all(), r, entry);
	client_count(c, 1);
	request_pass(r, &req);
	return 0;
}

int
request_rows(struct chan *ch, struct msg *m)
{
	struct request *r = request_find(m->id);
	struct client *c;

	if (r == NULL || (c = client_find(r->client)) == NULL)
		return 0;
	if (request_waits(r, ch) == NULL)
		return chan_violation(ch, "rows after the end");
	msg_begin(c->chan, CTL_ROWS, r->client_id);
	msg_put_octets(c->chan, rd_octets(&m->body, rd_left(&m->body)));
	if (msg_send(c->chan) != 0)
		/* it asks and does not read */
		client_close(c);
	return 0;
}

int
request_end(struct chan *ch, struct msg *m)
{
	struct request *r = request_find(m->id);
	unsigned status = rd_u8(&m->body);
	struct span text = rd_span(&m->body, REQUEST_TEXT_MAX);
	struct asked *a;

	if (!rd_done(&m->body) || status >= CTL_STATUS__MAX)
		return chan_violation(ch, "end out of shape");
	if (r == NULL)
		return 0;
	if ((a = request_waits(r, ch)) == NULL)
		return chan_violation(ch, "a second end");
	request_done(r, a, (enum ctl_status)status, text);
	return 0;
}

void
request_client_gone(const struct client *c)
{
	struct request *r, *next;
	struct chan *ch;
	size_t i;

	TAILQ_FOREACH_SAFE(r, request_all(), entry, next) {
		if (r->client != c->number)
			continue;
		for (i = 0; i < r->waiting; i++) {
			if ((ch = request_chan(&r->asked[i])) == NULL)
				continue;
			msg_begin(ch, CTL_CANCEL, r->id);
			msg_send(ch);
		}
		request_free(r);
	}
}

void
request_peer_gone(const struct chan *ch)
{
	struct request *r, *next;
	struct asked *a;

	TAILQ_FOREACH_SAFE(r, request_all(), entry, next) {
		if ((a = request_waits(r, ch)) != NULL)
			request_done(r, a, CTL_FAILED,
			    span_str("a process that was asked is gone"));
	}
}
