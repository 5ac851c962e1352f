/* SPDX-License-Identifier: ISC
 *
 * Any octets as frames from the peers of a process, to the handlers of that
 * process, as they are, with what it keeps from one to the next.  It stands
 * in for role.c and loop.c: peers come, break the rules, go and come again.
 *
 * An input is a series of frames, each after four octets: the sender, how
 * many descriptors, and the length.  Classes: (e), (f), (h).
 */
#include <sys/socket.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "regress/fuzz/process.h"

#define FUZZ_FRAMES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	struct config *config;
	struct event_base *base;
	void (*at_turn)(void);
	struct chan *peers[ROLE__MAX];
	int other_ends[ROLE__MAX];
	bool closed;      /* by the handler that runs */
	uint64_t request; /* for a mailer, the last one */
} fuzz;

void
fuzz_require(bool ok)
{
	if (!ok)
		abort();
}

/* --- loop.c -------------------------------------------------------------- */

int
loop_init(void)
{
	fuzz.base = event_base_new();
	return fuzz.base == NULL ? -E_NOMEM : 0;
}

struct event_base *
loop_base(void)
{
	return fuzz.base;
}

void
loop_at_turn(void (*fn)(void))
{
	fuzz.at_turn = fn;
}

/* Nothing that a peer sends may end a process. */
void
loop_end(int status)
{
	abort();
}

/* --- role.c -------------------------------------------------------------- */

const struct config *
role_config(void)
{
	return fuzz.config;
}

uint32_t
role_instance(void)
{
	return 1;
}

struct chan *
role_peer(enum role role)
{
	return fuzz.peers[role];
}

struct chan *
role_master(void)
{
	return fuzz.peers[ROLE_MASTER];
}

struct chan *
role_peer_instance(enum role role, uint32_t instance)
{
	return instance == 1 ? fuzz.peers[role] : NULL;
}

struct chan *
role_peer_named(enum role role, uint32_t instance)
{
	return role_peer_instance(role, instance);
}

struct chan *
role_peer_next(enum role role, const struct chan *after)
{
	return after == NULL ? fuzz.peers[role] : NULL;
}

void
role_peer_close(struct chan *ch)
{
	enum role r = chan_role(ch);

	fuzz.peers[r] = NULL;
	close(fuzz.other_ends[r]);
	fuzz.closed = true;
	chan_free(ch);
}

void
role_peer_bad(const struct chan *ch)
{
}

void
role_exit(int status)
{
	fuzz_require(fuzz_process.ends);
}

/* --- peers --------------------------------------------------------------- */

static void
fuzz_no_log(int level, struct span line)
{
}

static bool
fuzz_is_peer(enum role r)
{
	return r == ROLE_MASTER ||
	    (roles[fuzz_process.ops->role].peers & R(r)) != 0;
}

static void
fuzz_join(enum role r)
{
	static const struct chan_ops ops = { .handlers = NULL };
	int fds[2];

	if (fuzz.peers[r] != NULL)
		return;
	fuzz_require(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, fds) == 0);
	fuzz.other_ends[r] = fds[1];
	fuzz.peers[r] = chan_new(fds[0], fuzz_process.ops->role, r, 1, &ops);
	fuzz_require(fuzz.peers[r] != NULL);
	if (r != ROLE_MASTER && fuzz_process.ops->peer_up != NULL)
		fuzz_process.ops->peer_up(
		    fuzz.peers[r], r == ROLE_MAILER ? fuzz.request : 0);
}

static void
fuzz_leave(enum role r)
{
	struct chan *ch = fuzz.peers[r];

	if (ch == NULL)
		return;
	fuzz.peers[r] = NULL;
	if (r != ROLE_MASTER && fuzz_process.ops->peer_down != NULL)
		fuzz_process.ops->peer_down(ch);
	chan_free(ch);
	close(fuzz.other_ends[r]);
}

/* What the process has said is read, and is what the table lets it say. */
static void
fuzz_listen(void)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct msg m;
	enum role r;
	ssize_t n;

	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		while (fuzz.peers[r] != NULL &&
		    (n = recv(fuzz.other_ends[r], buf, sizeof(buf), 0)) > 0) {
			struct span frame = { buf, (size_t)n };
			const struct msg_spec *spec =
			    msg_spec((enum msg_type)(buf[0] << 8 | buf[1]));

			fuzz_require(spec != NULL &&
			    msg_decode(frame, fuzz_process.ops->role, r,
				spec->fds, &m) == 0);
			if (m.type == MAILER_START)
				fuzz.request = m.id;
		}
	}
}

/* One turn of the loop. */
static void
fuzz_turn(void)
{
	event_base_loop(fuzz.base, EVLOOP_NONBLOCK);
	if (fuzz.at_turn != NULL)
		fuzz.at_turn();
	chan_flush_all();
	fuzz_listen();
}

/* --- frames -------------------------------------------------------------- */

static void
fuzz_handle(enum role from, struct msg *m)
{
	const struct msg_handler *h = fuzz_process.ops->handlers;
	int error;

	while (h->type != MSG_NONE && h->type != m->type)
		h++;
	if (h->fn == NULL)
		return;
	fuzz.closed = false;
	error = h->fn(fuzz.peers[from], m);
	fuzz_require(error == 0 || error == -E_PEER);
	if (error == -E_PEER && !fuzz.closed && from != ROLE_MASTER)
		fuzz_leave(from);
}

static void
fuzz_frame(enum role from, unsigned nfds, struct span frame)
{
	struct msg m = { .fds = { -1, -1, -1 } };
	unsigned i;

	if (from == ROLE_CLIENT && fuzz_process.client != NULL) {
		fuzz_process.client(frame);
		return;
	}
	if (!fuzz_is_peer(from) ||
	    msg_decode(frame, from, fuzz_process.ops->role, nfds, &m) != 0)
		return;
	for (i = 0; i < nfds; i++)
		m.fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	m.nfds = nfds;
	fuzz_join(from);
	/* it may not be wanted at all */
	if (fuzz.peers[from] != NULL)
		fuzz_handle(from, &m);
	for (i = 0; i < nfds; i++) {
		if (m.fds[i] >= 0)
			close(m.fds[i]);
	}
}

static void
fuzz_setup(void)
{
	static const char text[] =
	    "listen on 127.0.0.1\n"
	    "table t { ann = \"ben, eve\", root = ann }\n"
	    "action \"a\" maildir alias <t>\n"
	    "match from rdns x.example for domain example.org reject\n"
	    "match from any for domain example.org action \"a\"\n";
	struct role_hello hello = { .role = fuzz_process.ops->role };
	struct cfg_source *src;
	struct cfg_errors errs;

	log_init("fuzz", fuzz_no_log);
	cfg_errors_init(&errs);
	fuzz_require(cfg_source_from_text(span_str(fuzz_process.config == NULL
						  ? text
						  : fuzz_process.config),
			 "host.example.org", &src) == 0 &&
	    config_parse(src, &fuzz.config, &errs) == 0);
	cfg_source_free(src);
	cfg_errors_clear(&errs);
	fuzz_require(loop_init() == 0);
	fuzz_join(ROLE_MASTER);
	if (fuzz_process.ops->prepare != NULL)
		fuzz_require(fuzz_process.ops->prepare(&hello) == 0);
	if (fuzz_process.start != NULL)
		fuzz_process.start();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum role r;
	unsigned n;

	if (fuzz.config == NULL)
		fuzz_setup();
	if (fuzz_process.begin != NULL)
		fuzz_process.begin();
	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		if (fuzz_is_peer(r) && r != ROLE_CLIENT && r != ROLE_MAILER)
			fuzz_join(r);
	}
	for (n = 0; n < FUZZ_FRAMES && len >= 4; n++) {
		enum role from = (enum role)(data[0] % ROLE__MAX);
		unsigned nfds = data[1] % (MSG_FDS_MAX + 1);
		size_t size = (size_t)data[2] << 8 | data[3];
		struct span frame = { data + 4,
			size < len - 4 ? size : len - 4 };

		fuzz_frame(from, nfds, frame);
		fuzz_turn();
		data += 4 + frame.len;
		len -= 4 + frame.len;
	}
	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		if (r != ROLE_MASTER)
			fuzz_leave(r);
	}
	fuzz_turn();
	return 0;
}
