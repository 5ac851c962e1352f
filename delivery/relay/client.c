/* SPDX-License-Identifier: ISC
 *
 * The life of a client: its state, its octets, its time-outs.
 *
 *	[HANDSHAKE ->] GREETING -> EHLO [-> HELO] -> READY
 *	EHLO -> STARTTLS -> HANDSHAKE -> EHLO
 *	EHLO -> AUTH -> READY
 *	READY [-> LOOK] -> ENVELOPE -> DATA -> CONTENT -> END -> READY
 *	                       \---------\-> RESET -> READY
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/relay/client_int.h"
#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/ipc/loop.h"
#include "privsep/ipc/role.h"

#define CLIENT_IN_MAX   (64U * 1024)
#define CLIENT_READ_MAX 8192 /* octets at a time */

static const struct {
	const char *word;
	size_t timeout; /* offset of the setting */
} client_states[CL__MAX] = {
#define CLIENT_STATE(name, text, field)                                        \
	[name] = { text, offsetof(struct settings, field) },
#include "delivery/relay/client_states.def"
#undef CLIENT_STATE
};

/* How long is left for the transaction, if it is less than that.  Once its end
 * is sent, the other side may have taken it: that wait is the one of RFC 5321
 * 4.5.3.2.6 and is not cut. */
static uint64_t
client_cut_ms(const struct client *c, uint64_t wait_ms)
{
	uint64_t now_ms;

	if (c->deadline_ms == 0 ||
	    (c->state != CL_ENVELOPE && c->state != CL_DATA &&
		c->state != CL_CONTENT))
		return wait_ms;
	now_ms = clock_ms();
	if (c->deadline_ms <= now_ms)
		return 0;
	return c->deadline_ms - now_ms < wait_ms ? c->deadline_ms - now_ms
						 : wait_ms;
}

void
client_enter(struct client *c, enum client_state state)
{
	const char *set = (const char *)&role_config()->set;
	struct timeval tv;
	uint64_t wait_s, wait_ms;

	memcpy(&wait_s, set + client_states[state].timeout, sizeof(wait_s));
	c->state = state;
	wait_ms = client_cut_ms(c, wait_s * 1000);
	c->cut = wait_ms < wait_s * 1000;
	tv = (struct timeval){ (time_t)(wait_ms / 1000),
		(suseconds_t)(wait_ms % 1000 * 1000) };
	if (state == CL_READY)
		/* for how long that is kept is not ours to say */
		evtimer_del(c->timer);
	else
		evtimer_add(c->timer, &tv);
}

/* --- the end --------------------------------------------------------------- */

/* A password that was sent, or will not be any more. */
static void
client_wipe(struct client *c)
{
	if (c->secret && c->out.data != NULL)
		explicit_bzero(c->out.data, c->out.len);
	c->secret = false;
}

static void
client_destroy(struct client *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->timer != NULL)
		event_free(c->timer);
	tls_free(c->tls);
	client_wipe(c);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	form_clear(&c->form);
	free(c);
}

static void
client_unbusy(struct client *c)
{
	if (--c->busy == 0 && c->dead)
		client_destroy(c);
}

/* As read(2) and write(2), through TLS where there is. */
static ssize_t
client_get(struct client *c, void *data, size_t len)
{
	if (c->tls != NULL)
		return tls_read(c->tls, data, len);
	return read(c->fd, data, len);
}

static ssize_t
client_put(struct client *c, const void *data, size_t len)
{
	if (c->tls != NULL)
		return tls_write(c->tls, data, len);
	return write(c->fd, data, len);
}

void
client_free(struct client *c)
{
	static const char quit[] = "QUIT\r\n";

	/* RFC 5321 4.1.1.10; nobody waits for the answer */
	if (c->state == CL_READY && !c->dead)
		(void)!client_put(c, quit, sizeof(quit) - 1);
	c->dead = true;
	event_del(c->readable);
	event_del(c->writable);
	event_del(c->timer);
	if (c->busy == 0)
		client_destroy(c);
}

void
client_fail(struct client *c, const struct verdict *v)
{
	bool untouched = c->job != NULL && !c->heard && c->jobs > 1;

	/* an old connection may have ended before it was used again */
	if (c->job != NULL && !untouched)
		tx_settle(c, v);
	c->plain_next = c->state == CL_HANDSHAKE && c->p.tls == RELAY_TLS_MAY;
	c->state = CL_END; /* whoever frees it now says no QUIT */
	if (c->job != NULL && !c->dead) {
		c->job = NULL;
		c->ops->sent(c->arg, !untouched);
	}
	if (!c->dead)
		c->ops->failed(c->arg, v);
}

void
client_fail_text(struct client *c, const char *status, const char *text)
{
	struct verdict v = {
		.outcome = OUT_DEFERRED,
		.scope = SCOPE_DESTINATION,
		.status = span_str(status),
		.text = span_str(text),
		.via = client_via(c),
	};

	client_fail(c, &v);
}

static void
client_fail_while(struct client *c, const char *what)
{
	char text[ROUTE_TEXT_MAX];

	snprintf(text, sizeof(text), "%s while waiting for the reply to %s",
	    what, client_states[c->state].word);
	client_fail_text(c, "4.4.2", text);
}

struct via
client_via(const struct client *c)
{
	return (struct via){ span_str(c->host), span_str(c->address),
		span_str(client_tls(c)) };
}

/* --- replies --------------------------------------------------------------- */

struct verdict
client_verdict(const struct client *c)
{
	static const char *const statuses[] = {
		[2] = "2.0.0", [3] = "4.5.0", [4] = "4.0.0", [5] = "5.0.0"
	};
	const struct response *r = &c->reply;
	struct verdict v = {
		.outcome = OUT_DELIVERED,
		.scope = SCOPE_ENVELOPE,
		.status = span_str(
		    r->status[0] != '\0' ? r->status : statuses[r->code / 100]),
		.text = span_str(r->text),
		.via = client_via(c),
	};

	if (r->code >= 500)
		v.outcome = OUT_FAILED;
	else if (r->code >= 400)
		v.outcome = OUT_DEFERRED;
	return v;
}

void
client_say_helo(struct client *c, const char *verb)
{
	buf_addf(&c->out, "%s %s\r\n", verb, c->helo);
}

void
client_refused(struct client *c)
{
	struct verdict v = client_verdict(c);
	char text[RESPONSE_TEXT_MAX + 64];

	v.outcome = OUT_DEFERRED;
	v.scope = SCOPE_DESTINATION;
	if (v.status.p[0] != '4')
		v.status = span_str("4.3.2");
	snprintf(text, sizeof(text), "%s to %s", c->reply.text,
	    client_states[c->state].word);
	v.text = span_str(text);
	client_fail(c, &v);
}

static void
client_greeted(struct client *c)
{
	if (c->reply.code != 220) {
		client_refused(c);
		return;
	}
	if (!client_quiet(c))
		return;
	client_say_helo(c, c->p.proto == RELAY_LMTP ? "LHLO" : "EHLO");
	client_enter(c, CL_EHLO);
}

bool
client_quiet(struct client *c)
{
	if (c->in.len == c->in_used)
		return true;
	client_fail_text(c, "4.5.0", "the host spoke when it was not asked");
	return false;
}

void
client_ready(struct client *c)
{
	if (!client_quiet(c))
		return;
	client_enter(c, CL_READY);
	c->ops->ready(c->arg);
}

static void
client_ehlo_reply(struct client *c)
{
	if (c->reply.code == 250) {
		start_introduced(c);
		return;
	}
	/* RFC 5321 3.2: an old server knows HELO alone */
	if (c->state == CL_HELO || c->reply.code < 500 ||
	    c->p.proto == RELAY_LMTP) {
		client_refused(c);
		return;
	}
	c->ehlo = (struct ehlo){ 0 };
	client_say_helo(c, "HELO");
	client_enter(c, CL_HELO);
}

/* A whole reply is there. */
static void
client_reply(struct client *c)
{
	struct verdict v;

	if (c->reply.code == 421) {
		/* RFC 5321 3.8 */
		v = client_verdict(c);
		v.scope = SCOPE_DESTINATION;
		client_fail(c, &v);
		return;
	}
	/* RFC 5321 4.2.1, RFC 4954 4: these have answers that ask for more */
	if (c->reply.code / 100 == 3 && c->state != CL_DATA &&
	    c->state != CL_AUTH) {
		client_fail_text(c, "4.5.0", "the host sent what is no reply");
		return;
	}
	switch (c->state) {
	case CL_GREETING:
		client_greeted(c);
		return;
	case CL_EHLO:
	case CL_HELO:
		client_ehlo_reply(c);
		return;
	case CL_STARTTLS:
		start_tls_reply(c);
		return;
	case CL_AUTH:
		auth_reply(c);
		return;
	case CL_ENVELOPE:
	case CL_DATA:
		tx_reply(c);
		return;
	case CL_END:
		tx_end_reply(c);
		return;
	case CL_RESET:
		tx_reset_reply(c);
		return;
	case CL_HANDSHAKE:
	case CL_LOOK:
	case CL_CONTENT:
	case CL_READY:
	case CL__MAX:
	default:
		client_fail_text(
		    c, "4.5.0", "the host spoke when it was not asked");
		return;
	}
}

/* --- octets ---------------------------------------------------------------- */

/* Send what there is, and go on with content when all of it is gone. */
static void
client_flush(struct client *c)
{
	ssize_t n;

	while (!c->dead) {
		if (c->out_sent == c->out.len) {
			client_wipe(c);
			buf_reset(&c->out);
			c->out_sent = 0;
			if (c->state == CL_CONTENT)
				tx_content(c);
			if (c->dead || c->out.len == 0)
				break;
		}
		n = client_put(
		    c, c->out.data + c->out_sent, c->out.len - c->out_sent);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			event_add(c->writable, NULL);
			return;
		}
		if (n < 0) {
			client_fail_while(c, strerror(errno));
			return;
		}
		c->out_sent += (size_t)n;
		if (c->state == CL_CONTENT)
			client_enter(c, CL_CONTENT);
	}
}

/* Handle one line of those that were read.  False when there is none, or it
 * is all over. */
static bool
client_line(struct client *c)
{
	struct span in = { c->in.data + c->in_used, c->in.len - c->in_used };
	struct response_line line;
	size_t used;
	enum response_status status = response_read(in, &line, &used);

	if (status == RESPONSE_MORE)
		return false;
	if (status == RESPONSE_BAD || !response_add(&c->reply, &line)) {
		client_fail_text(c, "4.5.0", "the host sent what is no reply");
		return false;
	}
	c->in_used += used;
	if (c->state == CL_EHLO && c->reply.lines > 1)
		ehlo_line(&c->ehlo, line.text);
	if (line.last) {
		client_reply(c);
		if (!c->dead)
			response_begin(&c->reply);
	}
	return !c->dead;
}

static void
client_lines(struct client *c)
{
	while (client_line(c))
		continue;
	if (c->dead)
		return;
	buf_drop(&c->in, c->in_used);
	c->in_used = 0;
	if (c->state == CL_READY)
		client_quiet(c);
}

/* Take in what there is; of TLS a whole record, since the socket tells of one
 * but once.  As read(2). */
static ssize_t
client_fill(struct client *c)
{
	ssize_t n = -1;

	do {
		errno = ENOMEM;
		if (buf_reserve(&c->in, CLIENT_READ_MAX) != 0)
			return -1;
		n = client_get(c, c->in.data + c->in.len, CLIENT_READ_MAX);
		if (n > 0)
			c->in.len += (size_t)n;
	} while (n > 0 && c->tls != NULL && tls_pending(c->tls));
	return n;
}

static void
client_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	ssize_t n;

	c->busy++;
	if (c->state == CL_HANDSHAKE) {
		start_shake(c);
		if (!c->dead)
			client_flush(c);
	} else if ((n = client_fill(c)) > 0) {
		client_lines(c);
		if (!c->dead)
			client_flush(c);
	} else if (n == 0)
		client_fail_while(c, "the host closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		client_fail_while(c, strerror(errno));
	client_unbusy(c);
}

static void
client_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	c->busy++;
	if (c->state == CL_HANDSHAKE)
		start_shake(c);
	else if (c->state == CL_LOOK)
		form_look(c);
	if (!c->dead)
		client_flush(c);
	client_unbusy(c);
}

static void
client_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	c->busy++;
	client_fail_while(
	    c, c->cut ? "the host is too slow" : "no answer in time");
	client_unbusy(c);
}

/* --- for links ------------------------------------------------------------- */

struct client *
client_new(int fd, const struct client_params *p, const struct client_ops *ops,
    void *arg)
{
	struct client *c = chk_calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->fd = fd;
	c->p = *p;
	strlcpy(c->host, p->host, sizeof(c->host));
	ip_text(p->ip, c->address);
	snprintf(c->helo, sizeof(c->helo), "%.*s", (int)p->helo.len,
	    (const char *)p->helo.p);
	c->ops = ops;
	c->arg = arg;
	buf_init(&c->in, CLIENT_IN_MAX);
	buf_init(&c->out, CLIENT_OUT_MAX);
	form_init(&c->form);
	response_begin(&c->reply);
	c->readable = event_new(
	    loop_base(), fd, EV_READ | EV_PERSIST, client_readable, c);
	c->writable = event_new(loop_base(), fd, EV_WRITE, client_writable, c);
	c->timer = evtimer_new(loop_base(), client_timeout, c);
	if (c->readable == NULL || c->writable == NULL || c->timer == NULL ||
	    event_add(c->readable, NULL) != 0) {
		client_destroy(c);
		return NULL;
	}
	client_enter(c, CL_GREETING);
	if (p->proto == RELAY_SMTPS && !start_tls(c)) {
		client_destroy(c);
		return NULL;
	}
	return c;
}

void
client_send(struct client *c, struct job *j)
{
	c->job = j;
	c->jobs++;
	c->heard = false;
	c->from = 0;
	c->busy++;
	form_begin(c);
	/* from within a handler, that sends it */
	if (c->busy == 1)
		client_flush(c);
	client_unbusy(c);
}

size_t
client_rcpt_max(const struct client *c)
{
	return (size_t)c->ehlo.rcpt_max;
}

uint64_t
client_mail_max(const struct client *c)
{
	return c->ehlo.mail_max;
}

const char *
client_tls(const struct client *c)
{
	return c->tls != NULL ? tls_version(c->tls) : "";
}

bool
client_plain_next(const struct client *c)
{
	return c->plain_next;
}
