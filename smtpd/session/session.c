/* SPDX-License-Identifier: ISC
 *
 * The sessions of this process: their table, and the driver of each, which
 * reads once, runs every command that came, and writes the replies together.
 * Memory is held only while it holds something.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/ipc/role.h"
#include "smtpd/session/session.h"

#define SLOTS_FIRST 64
#define HOLD_MAX    4096 /* octets of replies kept back for the next answer */

static struct {
	struct session **slots;
	uint32_t *unused; /* a stack of free slots */
	size_t nunused;
	size_t nslots;
	size_t count;
	uint32_t generation;
	void (*on_end)(void);
} table;

const struct settings *
session_settings(void)
{
	return &role_config()->set;
}

const struct listener *
session_listener(const struct session *s)
{
	return &role_config()->listeners[s->listener];
}

size_t
session_count(void)
{
	return table.count;
}

struct session *
session_find(uint64_t sid)
{
	uint32_t slot = (uint32_t)sid;
	struct session *s;

	if (slot >= table.nslots || (s = table.slots[slot]) == NULL)
		return NULL;
	return s->sid == sid ? s : NULL;
}

void
session_each(void (*fn)(struct session *))
{
	size_t i;

	for (i = 0; i < table.nslots; i++) {
		if (table.slots[i] != NULL)
			fn(table.slots[i]);
	}
}

void
session_on_end(void (*fn)(void))
{
	table.on_end = fn;
}

/* Make room for more.  False without memory. */
static bool
table_grow(void)
{
	size_t n = table.nslots == 0 ? SLOTS_FIRST : table.nslots * 2;
	struct session **slots;
	uint32_t *unused;

	if (n > UINT32_MAX)
		return false;
	slots = chk_realloc(table.slots, n, sizeof(struct session *));
	if (slots == NULL)
		return false;
	table.slots = slots;
	unused = chk_realloc(table.unused, n, sizeof(*unused));
	if (unused == NULL)
		return false;
	table.unused = unused;
	if (table.nslots == 0)
		table.generation = arc4random();
	while (table.nslots < n) {
		table.slots[table.nslots] = NULL;
		table.unused[table.nunused++] = (uint32_t)table.nslots++;
	}
	return true;
}

static bool
table_add(struct session *s)
{
	uint32_t slot;

	if (table.nunused == 0 && !table_grow())
		return false;
	slot = table.unused[--table.nunused];
	table.slots[slot] = s;
	table.count++;
	s->sid = (uint64_t)table.generation++ << 32 | slot;
	return true;
}

static void
table_remove(struct session *s)
{
	uint32_t slot = (uint32_t)s->sid;

	table.slots[slot] = NULL;
	table.unused[table.nunused++] = slot;
	table.count--;
}

static void session_readable(evutil_socket_t, short, void *);
static void session_writable(evutil_socket_t, short, void *);

static void
session_release(struct session *s)
{
	if (s->ev_read != NULL)
		event_free(s->ev_read);
	if (s->ev_write != NULL)
		event_free(s->ev_write);
	close(s->fd);
	tx_free(s);
	buf_clear(&s->in);
	buf_clear(&s->out);
	free(s->peer);
	free(s->rdns);
	free(s->helo);
	free(s);
}

static void
session_free(struct session *s)
{
	timer_remove(s);
	table_remove(s);
	session_release(s);
	if (table.on_end != NULL)
		table.on_end();
}

struct chan *
session_router(const struct session *s)
{
	return role_peer_instance(ROLE_ROUTER, s->router);
}

struct chan *
tx_spool(const struct tx *tx)
{
	return role_peer_instance(ROLE_SPOOL, tx->spool);
}

/* Ask the router who that is. */
static bool
session_announce(struct session *s)
{
	struct chan *ch = role_peer(ROLE_ROUTER);

	if (ch == NULL)
		return false;
	msg_begin(ch, SESSION_OPEN, s->sid);
	msg_put_u32(ch, s->listener);
	msg_put_fd(ch, s->fd);
	s->router = chan_instance(ch);
	s->known = msg_send(ch) == 0;
	return s->known;
}

/* Send a client away for whom there is no memory, and use none for it. */
static void
session_turn_away(int fd)
{
	char text[REPLY_LINE_MAX + 1];
	int n = snprintf(text, sizeof(text), "%u %s %s\r\n",
	    reply_code(RP_OVERLOADED), reply_enhanced(RP_OVERLOADED),
	    reply_text(RP_OVERLOADED));

	/* what it does not take at once it is not told */
	if (n > 0 && send(fd, text, (size_t)n, MSG_NOSIGNAL) < n)
		shutdown(fd, SHUT_WR);
}

bool
session_open(int fd, unsigned listener)
{
	struct session *s;

	if ((s = chk_calloc(1, sizeof(*s))) == NULL) {
		session_turn_away(fd);
		close(fd);
		return false;
	}
	s->fd = fd;
	s->listener = listener;
	s->state = SESS_OPENING;
	s->opened_ms = s->active_ms = clock_ms();
	buf_init(&s->in, SESSION_READ * 2);
	buf_init(&s->out, SESSION_OUT * 2);
	s->peer = span_dup(span_str(""));
	s->ev_read = event_new(
	    loop_base(), fd, EV_READ | EV_PERSIST, session_readable, s);
	if (s->peer == NULL || s->ev_read == NULL || !table_add(s)) {
		session_turn_away(fd);
		session_release(s);
		return false;
	}
	timer_add(s);
	if (!session_announce(s)) {
		reply_send(s, RP_UNAVAILABLE, NULL);
		session_settle(s);
	}
	return true;
}

void
session_drop(struct session *s, const char *why)
{
	struct chan *ch = session_router(s);

	if (s->state == SESS_DEAD)
		return;
	LOG(EV_SESSION_CLOSE, KI("session", s->sid), KS("peer", s->peer),
	    KS("rdns", s->rdns), KS("why", why), KU("accepted", s->accepted),
	    KU("rejected", s->rejected), KU("errors", s->errors));
	tx_reset(s);
	if (s->known && ch != NULL) {
		msg_begin(ch, SESSION_CLOSE, s->sid);
		msg_send(ch);
	}
	s->known = false;
	session_enter(s, SESS_DEAD);
}

void
session_end(struct session *s, enum reply reply)
{
	if ((state_flags(s->state) & ST_CONTENT) != 0)
		s->ending = reply;
	else
		reply_send(s, reply, NULL);
	session_settle(s);
}

bool
session_listens(const struct session *s)
{
	const struct chan *spool;

	if (s->writing || (state_flags(s->state) & (ST_COMMAND | ST_READ)) == 0)
		return false;
	if (s->state != SESS_DATA)
		return true;
	spool = tx_spool(s->tx);
	return spool == NULL || !chan_full(spool);
}

/* Write what waits.  What the client does not take goes on by its event. */
static void
session_flush(struct session *s)
{
	int flags = MSG_NOSIGNAL;
	ssize_t n;

	if (s->writing || s->state == SESS_DEAD)
		return;
	/* the connection ends right after it: both in one packet */
	if (s->state == SESS_CLOSING)
		flags |= MSG_MORE;
	if (s->out.err != 0) {
		session_drop(s, "out of memory");
		return;
	}
	if (s->out.len == 0)
		return;
	n = send(s->fd, s->out.data, s->out.len, flags);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		session_drop(s, "connection lost");
		return;
	}
	if (n > 0) {
		buf_drop(&s->out, (size_t)n);
		s->active_ms = clock_ms();
	}
	if (s->out.len == 0) {
		buf_clear(&s->out);
		return;
	}
	if (s->ev_write == NULL)
		s->ev_write = event_new(
		    loop_base(), s->fd, EV_WRITE, session_writable, s);
	if (s->ev_write == NULL || event_add(s->ev_write, NULL) != 0)
		session_drop(s, "out of memory");
	else
		s->writing = true;
}

/* Run the next command line.  False when there is no whole one. */
static bool
session_line(struct session *s, struct span in, size_t *used)
{
	size_t path_max = session_settings()->smtp_limit_command_line;
	struct span line;

	switch (line_next(&s->line, in, path_max, used, &line)) {
	case LINE_MORE:
		return false;
	case LINE_OK:
		command_run(s, line, *used < in.len);
		break;
	case LINE_BAD:
		reply_send(s, RP_BAD_SYNTAX, NULL);
		break;
	case LINE_TOO_LONG:
		reply_send(s, RP_CMD_TOO_LONG, NULL);
		break;
	}
	return true;
}

/* Use as much of in as can be used now.  Returns how much. */
static size_t
session_consume(struct session *s, struct span in)
{
	size_t used, total = 0;
	bool more = true;

	while (more && total < in.len && session_listens(s)) {
		struct span rest = { in.p + total, in.len - total };

		if (s->ending != RP_NONE && s->state != SESS_DATA) {
			reply_send(s, s->ending, NULL);
			break;
		}
		if (s->state == SESS_DATA)
			data_feed(s, rest, &used);
		else
			more = session_line(s, rest, &used);
		total += used;
		if (s->out.len > SESSION_OUT)
			session_flush(s);
	}
	return total;
}

/* Fresh input: what cannot be used now is kept. */
static void
session_take(struct session *s, struct span in)
{
	bool kept = s->in.len > 0;
	size_t used;

	if (kept) {
		buf_add(&s->in, in.p, in.len);
		in = buf_span(&s->in);
	}
	used = session_consume(s, in);
	if (!kept)
		buf_add(&s->in, in.p + used, in.len - used);
	else if (s->in.err == 0)
		buf_drop(&s->in, used);
	if (s->in.err != 0)
		session_drop(s, "out of memory");
	else if (s->in.len == 0)
		buf_clear(&s->in);
}

static void
session_readable(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char room[SESSION_READ];
	struct session *s = arg;
	ssize_t n;

	if (!session_listens(s)) {
		/* not now: while we wait for another process, the event is
		 * taken away only when it shows that there is input */
		s->knocked = true;
		s->knocked_ms = clock_ms();
		s->reading = false;
		event_del(s->ev_read);
		return;
	}
	n = recv(fd, room, sizeof(room), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		session_drop(s, n == 0 ? "client closed" : "connection lost");
	else if (s->state == SESS_DELAY)
		reply_send(s, RP_EARLY, NULL);
	else if (s->state == SESS_LINGER) {
		s->drained += (size_t)n;
		if (s->drained >= SESSION_READ)
			session_drop(s, "closed");
	} else {
		s->active_ms = clock_ms();
		session_take(s, (struct span){ room, (size_t)n });
	}
	session_settle(s);
}

static void
session_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	s->writing = false;
	session_flush(s);
	session_resume(s);
}

void
session_resume(struct session *s)
{
	if (s->ending != RP_NONE && (state_flags(s->state) & ST_COMMAND) != 0)
		reply_send(s, s->ending, NULL);
	if (s->in.len > 0 && session_listens(s)) {
		buf_drop(&s->in, session_consume(s, buf_span(&s->in)));
		if (s->in.len == 0)
			buf_clear(&s->in);
	}
	session_settle(s);
}

/* The last reply is out.  A close with input unread would send a reset that
 * overtakes the reply, so the client is given time to read it. */
static void
session_part(struct session *s)
{
	bool unread = s->in.len > 0 || s->knocked;

	buf_clear(&s->in);
	/* the reply that MSG_MORE has kept back leaves here with the end; a
	 * close that finds input would throw it away */
	shutdown(s->fd, SHUT_WR);
	if ((s->quit && !unread) ||
	    session_settings()->smtp_timeout_linger_s == 0) {
		session_drop(s, s->quit ? "quit" : "closed");
		return;
	}
	session_enter(s, SESS_LINGER);
}

void
session_settle(struct session *s)
{
	bool asked = (state_flags(s->state) & ST_ASKED) != 0;

	if (s->state == SESS_DATA)
		data_ship(s, false);
	/* RFC 2920 3.2: replies to a group go together */
	if (!asked || s->out.len > HOLD_MAX)
		session_flush(s);
	if (s->state == SESS_CLOSING && !s->writing)
		session_part(s);
	if (s->state == SESS_DEAD) {
		session_free(s);
		return;
	}
	if (session_listens(s) && !s->reading) {
		s->knocked = false;
		s->reading = event_add(s->ev_read, NULL) == 0;
	}
}
