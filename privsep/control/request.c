/* SPDX-License-Identifier: ISC
 *
 * Requests under way: passed to the roles that the table of verbs names,
 * their rows passed back as they come, and one end for all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/control/control.h"
#include "privsep/ipc/role.h"

#define REQUEST_TEXT_MAX 500 /* octets of the text of an end */

struct request {
	TAILQ_ENTRY(request) entry;
	uint64_t id;        /* ours */
	uint64_t client_id; /* the client's own */
	uint32_t client;    /* number */
	unsigned waiting;   /* roles that have not ended their answer */
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

static struct chan *
request_chan(enum role role)
{
	return role == ROLE_MASTER ? role_master() : role_peer(role);
}

static void
request_free(struct request *r)
{
	TAILQ_REMOVE(request_all(), r, entry);
	free(r);
}

/* One role is done.  The first text and the worst status count. */
static void
request_role_done(
    struct request *r, enum role role, enum ctl_status status, struct span text)
{
	struct client *c = client_find(r->client);

	r->waiting &= ~R(role);
	if (status > r->status)
		r->status = status;
	if (r->text[0] == '\0' && text.len <= REQUEST_TEXT_MAX &&
	    (text.len == 0 || memchr(text.p, '\0', text.len) == NULL)) {
		memcpy(r->text, text.p, text.len);
		r->text[text.len] = '\0';
	}
	if (r->waiting != 0)
		return;
	if (c != NULL) {
		ctl_reply(c->chan, r->client_id, r->status, r->text);
		client_count(c, -1);
	}
	request_free(r);
}

static void
request_pass(struct request *r, const struct ctl_request *req)
{
	unsigned targets = ctl_verbs[req->verb].roles;
	enum role role;

	r->waiting = targets;
	for (role = ROLE_MASTER; role < ROLE__MAX; role++) {
		struct chan *ch;

		if ((targets & R(role)) == 0)
			continue;
		ch = request_chan(role);
		if (ch == NULL ||
		    ctl_request_send(ch, CTL_ASK, r->id, req) != 0)
			/* may free r, but only with the last target */
			request_role_done(r, role, CTL_FAILED,
			    span_str("a process that was asked is not there"));
	}
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
	if ((r->waiting & R(chan_role(ch))) == 0)
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

	if (!rd_done(&m->body) || status >= CTL_STATUS__MAX)
		return chan_violation(ch, "end out of shape");
	if (r == NULL)
		return 0;
	if ((r->waiting & R(chan_role(ch))) == 0)
		return chan_violation(ch, "a second end");
	request_role_done(r, chan_role(ch), (enum ctl_status)status, text);
	return 0;
}

void
request_client_gone(const struct client *c)
{
	struct request *r, *next;
	enum role role;

	TAILQ_FOREACH_SAFE(r, request_all(), entry, next) {
		if (r->client != c->number)
			continue;
		for (role = ROLE_MASTER; role < ROLE__MAX; role++) {
			struct chan *ch;

			if ((r->waiting & R(role)) == 0 ||
			    (ch = request_chan(role)) == NULL)
				continue;
			msg_begin(ch, CTL_CANCEL, r->id);
			msg_send(ch);
		}
		request_free(r);
	}
}

void
request_role_gone(enum role role)
{
	struct request *r, *next;

	TAILQ_FOREACH_SAFE(r, request_all(), entry, next) {
		if ((r->waiting & R(role)) != 0)
			request_role_done(r, role, CTL_FAILED,
			    span_str("a process that was asked is gone"));
	}
}
