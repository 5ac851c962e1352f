/* SPDX-License-Identifier: ISC
 *
 * See fake.h.  Stands in for privsep/ipc: messages are kept and answered in
 * order, by the loop, so that answers come as late as real ones.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>
#include <event2/event.h>

#include "privsep/base/err.h"
#include "regress/unit/session/fake.h"

#define COMMIT_HEAD sizeof(uint64_t) /* before the content in SPOOL_COMMIT */

#define KIB         1024ULL
#define MIB         (1024 * KIB)
#define GIB         (1024 * MIB)
#define MINUTE      60ULL
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)

struct chan {
	enum role role;
	uint32_t instance;
	bool up;
};

struct question {
	TAILQ_ENTRY(question) entry;
	enum role to;
	enum msg_type type;
	uint64_t id;
	struct buf body;
};

struct fake fake;
static struct chan master = { .role = ROLE_MASTER };
/* the first of a role, and who comes after it: see fake_renew() */
static struct chan routers[] = { { ROLE_ROUTER, 1, true },
	{ ROLE_ROUTER, 2, false } };
static struct chan spools[] = { { ROLE_SPOOL, 1, true },
	{ ROLE_SPOOL, 2, false } };
static TAILQ_HEAD(, question) questions = TAILQ_HEAD_INITIALIZER(questions);
static struct question *building;
static struct event_base *base;

/* --- what privsep/ipc would do ----------------------------------------- */

struct event_base *
loop_base(void)
{
	if (base == NULL)
		base = event_base_new();
	return base;
}

const struct config *
role_config(void)
{
	return &fake.config;
}

struct chan *
role_master(void)
{
	return &master;
}

static struct chan *
chans(enum role role)
{
	return role == ROLE_ROUTER ? routers : spools;
}

struct chan *
role_peer_instance(enum role role, uint32_t instance)
{
	struct chan *ch = &chans(role)[instance - 1];

	return ch->up ? ch : NULL;
}

struct chan *
role_peer(enum role role)
{
	struct chan *newest = role_peer_instance(role, 2);

	return newest == NULL ? role_peer_instance(role, 1) : newest;
}

void
role_exit(int status)
{
	fake.exited = true;
}

bool
chan_full(const struct chan *ch)
{
	return ch->role == ROLE_SPOOL && fake.full;
}

enum role
chan_role(const struct chan *ch)
{
	return ch->role;
}

uint32_t
chan_instance(const struct chan *ch)
{
	return ch->instance;
}

int
chan_violation(const struct chan *ch, const char *why)
{
	return -E_PEER;
}

void
msg_begin(struct chan *ch, enum msg_type type, uint64_t id)
{
	building = calloc(1, sizeof(*building));
	ATF_REQUIRE(building != NULL);
	building->to = ch->role;
	building->type = type;
	building->id = id;
	buf_init(&building->body, MSG_FRAME_MAX);
}

void
msg_put_u8(struct chan *ch, uint8_t v)
{
	buf_put_u8(&building->body, v);
}

void
msg_put_u16(struct chan *ch, uint16_t v)
{
	buf_put_u16(&building->body, v);
}

void
msg_put_u32(struct chan *ch, uint32_t v)
{
	buf_put_u32(&building->body, v);
}

void
msg_put_u64(struct chan *ch, uint64_t v)
{
	buf_put_u64(&building->body, v);
}

void
msg_put_span(struct chan *ch, struct span s)
{
	buf_put_span(&building->body, s);
}

void
msg_put_octets(struct chan *ch, struct span s)
{
	buf_add(&building->body, s.p, s.len);
}

void
msg_put_fd(struct chan *ch, int fd)
{
}

int
msg_send(struct chan *ch)
{
	ATF_REQUIRE(building->body.err == 0);
	ATF_REQUIRE(building->body.len <= MSG_CONTENT_MAX + COMMIT_HEAD);
	fake.asked[building->type]++;
	if (ch->instance == 2)
		fake.asked_new[building->type]++;
	TAILQ_INSERT_TAIL(&questions, building, entry);
	building = NULL;
	return 0;
}

/* --- the other processes ----------------------------------------------- */

int
fake_send(
    enum role from, enum msg_type type, uint64_t id, const struct buf *body)
{
	struct chan *ch = role_peer(from);
	struct msg m = { .type = type,
		.id = id,
		.body = rd_init(buf_span(body)),
		.fds = { -1, -1, -1 } };
	const struct msg_handler *h;

	for (h = session_handlers; h->type != MSG_NONE; h++) {
		if (h->type == type)
			return h->fn(ch, &m);
	}
	atf_tc_fail("no handler for message %d", (int)type);
}

static void
fake_opened(struct buf *body)
{
	buf_put_span(body, span_str("192.0.2.1"));
	buf_put_u8(body, fake.services);
}

int
fake_answer(enum msg_type type, uint64_t id, enum reply reply)
{
	enum role from = ROLE_ROUTER;
	struct buf body;
	int error;

	buf_init(&body, 400);
	if (type == SPOOL_GRANT || type == SPOOL_COMMITTED) {
		from = ROLE_SPOOL;
		buf_put_u64(&body, fake.sid);
	}
	buf_put_u16(&body, (uint16_t)reply);
	if (type == TX_RCPT_ANSWER) {
		buf_put_u64(&body,
		    reply_code((uint16_t)reply) / 100 == 2 ? fake.nmessages + 1
							   : 0);
		buf_put_span(&body, span_str(""));
	}
	if (type == SESSION_OPENED)
		fake_opened(&body);
	error = fake_send(from, type, id, &body);
	buf_clear(&body);
	return error;
}

static struct fake_message *
fake_message(uint64_t id)
{
	ATF_REQUIRE(id >= 1 && id <= fake.nmessages);
	return &fake.messages[id - 1];
}

static void
fake_data(uint64_t sid, struct rd body)
{
	struct fake_message *m;

	ATF_CHECK_EQ(chan_instance(role_peer(ROLE_SPOOL)), rd_u32(&body));
	if (fake.refusal != RP_NONE) {
		fake_answer(TX_DATA_REFUSED, sid, fake.refusal);
		return;
	}
	ATF_REQUIRE(fake.nmessages < FAKE_MESSAGES);
	m = &fake.messages[fake.nmessages++];
	m->id = fake.nmessages;
	buf_init(&m->content, MIB);
	fake_answer(SPOOL_GRANT, m->id, fake.grant);
}

/* The last octets, and how many there should have been. */
static void
fake_commit(struct question *q)
{
	struct fake_message *m = fake_message(q->id);
	struct rd r = rd_init(buf_span(&q->body));
	uint64_t size = rd_u64(&r);

	buf_add(
	    &m->content, q->body.data + COMMIT_HEAD, q->body.len - COMMIT_HEAD);
	ATF_CHECK_EQ(size, m->content.len);
}

/* Answer as the real processes would; content is taken in any case. */
static void
fake_reply(struct question *q)
{
	switch ((unsigned)q->type) {
	case SESSION_OPEN:
		fake_answer(SESSION_OPENED, q->id, fake.opened);
		break;
	case TX_RCPT:
		fake_answer(TX_RCPT_ANSWER, q->id, fake.rcpt);
		break;
	case TX_DATA:
		fake_data(q->id, rd_init(buf_span(&q->body)));
		break;
	case SPOOL_COMMIT:
		fake_message(q->id)->committed = true;
		fake_answer(SPOOL_COMMITTED, q->id, fake.commit);
		break;
	default:
		break;
	}
}

static void
fake_serve(struct question *q)
{
	if (q->to == ROLE_ROUTER)
		fake.sid = q->id;
	if (q->type == SPOOL_COMMIT)
		fake_commit(q);
	if (q->type == SPOOL_CONTENT)
		buf_add(
		    &fake_message(q->id)->content, q->body.data, q->body.len);
	else if (q->type == SPOOL_ABORT && q->id <= fake.nmessages)
		fake_message(q->id)->aborted = true;
	else if (!fake.silent)
		fake_reply(q);
}

static bool
fake_serve_all(void)
{
	bool any = false;
	struct question *q;

	while ((q = TAILQ_FIRST(&questions)) != NULL) {
		TAILQ_REMOVE(&questions, q, entry);
		fake_serve(q);
		buf_clear(&q->body);
		free(q);
		any = true;
	}
	return any;
}

/* Take what the session has said.  True when there was anything. */
static bool
fake_hear(void)
{
	unsigned char room[4096];
	ssize_t n = recv(fake.client, room, sizeof(room), MSG_DONTWAIT);

	if (n > 0)
		buf_add(&fake.heard, room, (size_t)n);
	else if (n == 0 || errno == ECONNRESET)
		fake.closed = true;
	return n > 0;
}

void
fake_run(void)
{
	bool more = true;

	while (more) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		more = fake_serve_all();
		more = fake_hear() || more;
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
	fake_hear();
}

void
fake_lose(enum role role)
{
	struct chan *ch = &chans(role)[chans(role)[0].up ? 0 : 1];

	ch->up = false;
	peers_lost(role, ch->instance);
	fake_run();
}

void
fake_renew(enum role role)
{
	chans(role)[1].up = true;
}

/* --- the client -------------------------------------------------------- */

void
fake_setup(void)
{
	static char hostname[] = "mx.example.org";

	fake = (struct fake){
		.config.set = {
#define SETTING(field, words, type, def, min, max, meaning) .field = (def),
#include "privsep/config/settings.def"
#undef SETTING
		},
		.config.hostname = hostname,
		.listener.hostname = hostname,
		.config.nlisteners = 1,
		.client = -1,
		.opened = RP_GREETING,
		.rcpt = RP_RCPT_OK,
		.grant = RP_DATA_GO,
		.commit = RP_QUEUED,
	};
	fake.config.listeners = &fake.listener;
	buf_init(&fake.heard, MIB);
	loop_base();
}

void
fake_connect(void)
{
	int pair[2];

	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	fake.client = pair[0];
	session_open(pair[1], 0);
	fake_run();
}

void
fake_begin(void)
{
	fake_setup();
	fake_connect();
	fake_expect("220");
}

void
fake_say_octets(const void *p, size_t len)
{
	const unsigned char *c = p;

	while (len > 0) {
		ssize_t n = send(fake.client, c, len, MSG_NOSIGNAL);

		/* a session that has closed hears no more */
		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0) {
			c += n;
			len -= (size_t)n;
		}
		fake_run();
	}
	fake_run();
}

void
fake_say(const char *text)
{
	fake_say_octets(text, strlen(text));
}

void
fake_expect(const char *codes)
{
	char got[1024] = "";
	char *line, *end;

	buf_put_u8(&fake.heard, 0);
	line = (char *)fake.heard.data;
	while ((end = strstr(line, "\r\n")) != NULL) {
		*end = '\0';
		ATF_REQUIRE(strlen(line) >= 4);
		if (line[3] == ' ') {
			if (got[0] != '\0')
				strlcat(got, " ", sizeof(got));
			line[3] = '\0';
			strlcat(got, line, sizeof(got));
		}
		line = end + 2;
	}
	ATF_CHECK_STREQ(codes, got);
	buf_clear(&fake.heard);
}

void
fake_dialogue(const char *say, const char *codes)
{
	fake_say(say);
	fake_expect(codes);
}

bool
fake_content_has(size_t i, const char *what)
{
	const struct buf *c = &fake.messages[i].content;

	return c->len > 0 &&
	    memmem(c->data, c->len, what, strlen(what)) != NULL;
}
