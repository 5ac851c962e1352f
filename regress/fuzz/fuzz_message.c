/* SPDX-License-Identifier: ISC
 *
 * Any octets as frames from a process that has been taken over: every pair of
 * roles through the check against the table, and what passes through the
 * session's handlers and the reader of requests; the handlers of the other
 * processes are process.c's.  Classes: (f) lengths, (h) one bad message ends
 * nobody but its sender.
 *
 * An input is a series of frames, each after four octets: from, to, how many
 * descriptors, and its length in units of 4 octets.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/config/config.h"
#include "privsep/ipc/ctl.h"
#include "privsep/ipc/role.h"
#include "smtpd/session/session.h"

#define FUZZ_FRAMES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	struct config *config;
	struct chan *master;
	struct span frame; /* being handled */
} fuzz;

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* --- the life of a role, in which nobody else is there ------------------- */

const struct config *
role_config(void)
{
	return fuzz.config;
}

struct chan *
role_master(void)
{
	return fuzz.master;
}

struct chan *
role_peer(enum role role)
{
	return NULL;
}

struct chan *
role_peer_instance(enum role role, uint32_t instance)
{
	return NULL;
}

void
role_exit(int status)
{
}

/* --- what handlers have read --------------------------------------------- */

static void
fuzz_inside(struct span s, size_t max)
{
	require(s.len <= max);
	require(s.len == 0 ||
	    (s.p >= fuzz.frame.p &&
		s.p + s.len <= fuzz.frame.p + fuzz.frame.len));
}

/* --- handlers ------------------------------------------------------------ */

/* What every role does first with a request. */
static int
fuzz_request(struct chan *ch, struct msg *m)
{
	struct ctl_request req;
	size_t i;

	if (ctl_request_read(m, &req) != 0)
		return -E_PEER;
	require(req.verb < CTL__MAX && req.nargs <= CTL_ARGS_MAX);
	for (i = 0; i < req.nargs; i++)
		fuzz_inside(req.args[i], CTL_ARG_MAX);
	return 0;
}

static const struct msg_handler fuzz_others[] = {
	{ CTL_ASK, fuzz_request },
	{ CTL_REQUEST, fuzz_request },
	{ MSG_NONE, NULL },
};

static const struct msg_handler *
fuzz_handlers(enum role to)
{
	return to == ROLE_SESSION ? session_handlers : fuzz_others;
}

/* --- frames -------------------------------------------------------------- */

static void
fuzz_no_log(int level, struct span line)
{
}

/* A channel whose other end nobody reads. */
static struct chan *
fuzz_channel(enum role self, enum role peer)
{
	static const struct chan_ops ops = { .handlers = NULL };
	struct chan *ch;
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
	close(fds[1]);
	ch = chan_new(fds[0], self, peer, 1, &ops);
	require(ch != NULL);
	return ch;
}

static void
fuzz_setup(void)
{
	static const char text[] = "listen on 127.0.0.1\n"
				   "action \"a\" maildir\n"
				   "match from any for any action \"a\"\n";
	struct cfg_source *src;
	struct cfg_errors errs;

	log_init("fuzz", fuzz_no_log);
	cfg_errors_init(&errs);
	require(cfg_source_from_text(
		    span_str(text), "host.example.org", &src) == 0 &&
	    config_parse(src, &fuzz.config, &errs) == 0);
	cfg_source_free(src);
	cfg_errors_clear(&errs);
	require(loop_init() == 0);
	fuzz.master = fuzz_channel(ROLE_SESSION, ROLE_MASTER);
}

/* Hand a message to its handler. */
static int
fuzz_dispatch(enum role from, enum role to, struct msg *m)
{
	const struct msg_handler *h = fuzz_handlers(to);
	struct chan *ch;
	int error = 0;

	while (h->type != MSG_NONE && h->type != m->type)
		h++;
	if (h->fn == NULL)
		return 0;
	ch = fuzz_channel(to, from);
	error = h->fn(ch, m);
	require(error == 0 || error == -E_PEER);
	chan_free(ch);
	return error;
}

/* One frame.  -E_PEER when its sender would be cut off for it. */
static int
fuzz_frame(enum role from, enum role to, unsigned nfds, struct span frame)
{
	struct msg m = { .fds = { -1, -1, -1 } };
	const struct msg_spec *spec;
	int error;
	unsigned i;

	if (msg_decode(frame, from, to, nfds, &m) != 0)
		return -E_PEER;
	spec = msg_spec(m.type);
	require(spec != NULL && nfds == spec->fds);
	require((spec->from & R(from)) != 0 && (spec->to & R(to)) != 0);
	require(rd_left(&m.body) + MSG_HEADER_LEN == frame.len);
	require(rd_left(&m.body) >= spec->min && rd_left(&m.body) <= spec->max);
	for (i = 0; i < nfds; i++)
		m.fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	m.nfds = nfds;
	fuzz.frame = frame;
	error = fuzz_dispatch(from, to, &m);
	for (i = 0; i < nfds; i++) {
		if (m.fds[i] >= 0)
			close(m.fds[i]);
	}
	return error;
}

/* The same frame between all pairs: no pair gets more than its rows say. */
static void
fuzz_pairs(unsigned nfds, struct span frame)
{
	const struct msg_spec *spec;
	struct msg m;
	unsigned from, to;

	for (from = 0; from < ROLE__MAX; from++) {
		for (to = 0; to < ROLE__MAX; to++) {
			if (msg_decode(frame, (enum role)from, (enum role)to,
				nfds, &m) != 0)
				continue;
			spec = msg_spec(m.type);
			require((spec->from & R(from)) != 0 &&
			    (spec->to & R(to)) != 0);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned n;

	if (fuzz.config == NULL)
		fuzz_setup();
	for (n = 0; n < FUZZ_FRAMES && len >= 4; n++) {
		enum role from = (enum role)(data[0] % ROLE__MAX);
		enum role to = (enum role)(data[1] % ROLE__MAX);
		unsigned nfds = data[2] % (MSG_FDS_MAX + 1);
		size_t size = (size_t)data[3] * 4;
		struct span frame = { data + 4,
			size < len - 4 ? size : len - 4 };

		fuzz_pairs(nfds, frame);
		if (fuzz_frame(from, to, nfds, frame) != 0)
			break;
		data += 4 + frame.len;
		len -= 4 + frame.len;
	}
	return 0;
}
