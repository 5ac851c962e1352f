/* SPDX-License-Identifier: ISC
 *
 * Every process as it is installed, confined, between peers that send it
 * whatever they like: each message from each role in wrong sizes, with wrong
 * descriptors, in wrong states, with any numbers in it.  What the table of
 * messages does not allow costs the sender its channel, and the master is
 * told; nothing at all ends the process or keeps it from its work.  Classes:
 * (c), (e), (f), (h).
 */
#include <sys/socket.h>

#include <poll.h>
#include <syslog.h>

#include "privsep/config/config.h"
#include "privsep/ipc/chan.h"
#include "regress/unit/confine/confined.h"

#define MASTER_FD 3
#define WAIT_MS   10000
#define RANDOMS   40 /* frames of any octets for each type and sender */

#define CONFIG                                                                 \
	"hostname \"mx.example.org\"\n"                                        \
	"listen on 127.0.0.1 port 2525\n"                                      \
	"action \"box\" maildir\n"                                             \
	"match from any for any action \"box\"\n"

static struct {
	enum role role;
	char program[1024];
	pid_t pid;
	int master;
	uint32_t instances; /* of peers, so far */
	uint32_t last_bad;  /* the instance that M_BAD_PEER named last */
	unsigned seed;
	unsigned char frame[MSG_FRAME_MAX + 16];
	size_t len;
} t;

static void
put(uint64_t v, unsigned octets)
{
	while (octets-- > 0)
		t.frame[t.len++] = (unsigned char)(v >> (8 * octets));
}

static void
put_text(const char *s)
{
	put(strlen(s), 4);
	memcpy(t.frame + t.len, s, strlen(s));
	t.len += strlen(s);
}

static void
begin(unsigned type, uint64_t id)
{
	t.len = 0;
	put(type, 2);
	put(0, 2);
	put(id, 8);
}

/* Send the frame.  False when the other end has closed. */
static bool
send_frame(int fd, const int *fds, unsigned n)
{
	union {
		struct cmsghdr head;
		unsigned char space[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { t.frame, t.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * n);
	}
	return sendmsg(fd, &mh, MSG_NOSIGNAL) == (ssize_t)t.len;
}

/* Read what the process has told the master, whose only business here is who
 * was denounced.  False when it has ended. */
static bool
master_read(void)
{
	static unsigned char buf[MSG_FRAME_MAX];
	ssize_t n;

	while ((n = recv(t.master, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		struct rd r = rd_init((struct span){ buf, (size_t)n });

		if (rd_u16(&r) != M_BAD_PEER)
			continue;
		rd_u16(&r);
		t.last_bad = (uint32_t)rd_u64(&r);
	}
	return n < 0;
}

static void
config_and_places(int fds[3])
{
	struct cfg_source *src;

	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(CONFIG), "mx.example.org", &src));
	ATF_REQUIRE_EQ(0, cfg_source_to_memfd(src, &fds[0]));
	cfg_source_free(src);
	fds[1] = place.net_fd;
	fds[2] = place.root_fd;
}

static void
say_hello(void)
{
	int fds[3];

	config_and_places(fds);
	begin(M_HELLO, 1);
	put(msg_table_hash(), 8);
	put(t.role, 1);
	put(LOG_ERR, 1);
	put(role_reserved_id(t.role), 4);
	put(role_reserved_id(t.role), 4);
	put(0, 4);
	put_text(roles[t.role].root == ROOT_QUEUE ? place.queue : "");
	ATF_REQUIRE(send_frame(t.master, fds, 3));
	close(fds[0]);
	if (t.role != ROLE_MAILER)
		return;
	begin(M_MAILER, 0);
	put(ACTION_MAILDIR, 1);
	put_text("jones");
	put_text(place.home);
	put_text("~/Maildir");
	put_text("mx.example.org");
	put('+', 1);
	put(1, 4);
	ATF_REQUIRE(send_frame(t.master, NULL, 0));
}

/* Wait for a message of that type to the master. */
static void
master_expect(enum msg_type type)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct msg m;

	do {
		ATF_REQUIRE_EQ_MSG(0,
		    chan_read_blocking(t.master, ROLE_MASTER, t.role, buf, &m),
		    "%s does not start", roles[t.role].name);
	} while (m.type != type);
}

static void
start(void)
{
	int pair[2], size = 1 << 20;

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	ATF_REQUIRE((t.pid = fork()) >= 0);
	if (t.pid == 0) {
		int fd = fcntl(pair[1], F_DUPFD, MASTER_FD + 1);

		if (dup2(fd, MASTER_FD) == MASTER_FD)
			execl(t.program, roles[t.role].program, (char *)NULL);
		_exit(111);
	}
	close(pair[1]);
	t.master = pair[0];
	say_hello();
	master_expect(M_READY);
	begin(M_START, 0);
	ATF_REQUIRE(send_frame(t.master, NULL, 0));
}

static void
stop(void)
{
	int status;

	begin(M_STOP, 0);
	(void)send_frame(t.master, NULL, 0);
	ATF_REQUIRE_EQ(t.pid, waitpid(t.pid, &status, 0));
	ATF_CHECK_EQ_MSG(
	    0, status, "%s ends with %d", roles[t.role].name, status);
	close(t.master);
}

/* A channel to the process from a peer of that role.  A mailer has one in its
 * life, and ends with it. */
static int
join(enum role peer)
{
	int pair[2], size = 1 << 20;

	if (t.role == ROLE_MAILER && t.instances > 0) {
		stop();
		start();
	}
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	begin(M_PEER, ++t.instances);
	put(peer, 1);
	put(0, 8);
	ATF_REQUIRE_MSG(master_read() && send_frame(t.master, &pair[1], 1),
	    "%s has ended", roles[t.role].name);
	close(pair[1]);
	return pair[0];
}

/* Wait until the process closes its end of fd, reading what it says. */
static bool
closes(int fd)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	do {
		if (poll(&pfd, 1, WAIT_MS) != 1)
			return false;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (n > 0);
	return true;
}

/* Wait until the master has heard of the last peer that joined. */
static bool
denounced(void)
{
	struct pollfd pfd = { .fd = t.master, .events = POLLIN };

	do {
		if (poll(&pfd, 1, WAIT_MS) != 1)
			return false;
	} while (master_read() && t.last_bad != t.instances);
	return t.last_bad == t.instances;
}

/* A frame of that type from a peer: octets of body, all fill, or any when
 * that is negative. */
static void
compose(unsigned type, size_t octets, int fill)
{
	size_t i;
	uint64_t id = fill < 0 ? (uint64_t)rand_r(&t.seed) : (uint64_t)fill;

	begin(type, id);
	for (i = 0; i < octets; i++)
		t.frame[t.len++] =
		    (unsigned char)(fill < 0 ? rand_r(&t.seed) >> 8 : fill);
}

/* Delivery has asked for no mailer here, and wants none. */
static bool
uninvited(enum role peer)
{
	return t.role == ROLE_DELIVERY && peer == ROLE_MAILER;
}

/* What no row allows: the sender is cut off and denounced. */
static void
refused(enum role peer, const struct msg_spec *spec, unsigned type,
    size_t octets, unsigned nfds, const char *what)
{
	int fds[MSG_FDS_MAX + 1] = { 0 };
	int fd = join(peer);

	compose(type, octets, 0);
	ATF_REQUIRE(send_frame(fd, fds, nfds) || uninvited(peer));
	ATF_REQUIRE_MSG(closes(fd), "%s keeps %s after %s (%s)",
	    roles[t.role].name, roles[peer].name,
	    spec == NULL ? "no message" : spec->name, what);
	ATF_REQUIRE_MSG(uninvited(peer) || denounced(),
	    "%s does not tell of %s after %s (%s)", roles[t.role].name,
	    roles[peer].name, spec == NULL ? "no message" : spec->name, what);
	close(fd);
}

/* What a row allows, with nothing true in it.  Whatever comes of it, the
 * process goes on; that is seen at the next refusal. */
static void
endured(enum role peer, const struct msg_spec *spec, unsigned type,
    size_t octets, int fill)
{
	int fds[MSG_FDS_MAX] = { 0 };
	int fd = join(peer);

	compose(type, octets, fill);
	(void)send_frame(fd, fds, spec->fds);
	/* again: a replay, or the same number twice */
	(void)send_frame(fd, fds, spec->fds);
	close(fd);
}

static void
sizes(enum role peer, const struct msg_spec *spec, unsigned type)
{
	static const int fills[] = { 0, 1, 0xff, -1 };
	size_t i, n;

	for (i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		endured(peer, spec, type, spec->min, fills[i]);
		endured(peer, spec, type, spec->max, fills[i]);
	}
	for (i = 0; i < RANDOMS; i++) {
		n = spec->min +
		    (size_t)rand_r(&t.seed) % (spec->max - spec->min + 1);
		endured(peer, spec, type, i % 2 == 0 ? spec->min : n, -1);
	}
	if (spec->min > 0)
		refused(peer, spec, type, spec->min - 1, spec->fds, "short");
	if (spec->max + 1 <= MSG_FRAME_MAX - MSG_HEADER_LEN)
		refused(peer, spec, type, spec->max + 1, spec->fds, "long");
	if (spec->fds < MSG_FDS_MAX)
		refused(peer, spec, type, spec->min, spec->fds + 1,
		    "a descriptor too many");
	if (spec->fds > 0)
		refused(peer, spec, type, spec->min, spec->fds - 1,
		    "a descriptor too few");
}

static void
every_type(enum role peer)
{
	unsigned type;

	for (type = 0; type <= MSG__MAX; type++) {
		const struct msg_spec *spec = msg_spec((enum msg_type)type);

		if (spec == NULL)
			refused(peer, NULL, type, 0, 0, "no type");
		else if ((spec->from & R(peer)) == 0 ||
		    (spec->to & R(t.role)) == 0)
			refused(
			    peer, spec, type, spec->min, spec->fds, "no row");
		else
			sizes(peer, spec, type);
	}
}

static void
stands(const atf_tc_t *tc, enum role role)
{
	enum role peer;

	t.seed = 1;
	t.role = role;
	snprintf(t.program, sizeof(t.program), "%s/libexec/bulkhead/%s",
	    atf_tc_get_config_var(tc, "objdir"), roles[role].program);
	place_make();
	start();
	for (peer = ROLE_MASTER; peer < ROLE__MAX; peer++) {
		if (peer != ROLE_MASTER && (roles[role].peers & R(peer)) != 0)
			every_type(peer);
	}
	(void)master_read();
	stop();
}

#define PROCESSES(X)                                                           \
	X(session, ROLE_SESSION)                                               \
	X(router, ROLE_ROUTER)                                                 \
	X(spool, ROLE_SPOOL)                                                   \
	X(scheduler, ROLE_SCHEDULER)                                           \
	X(delivery, ROLE_DELIVERY)                                             \
	X(mailer, ROLE_MAILER)                                                 \
	X(relay, ROLE_RELAY)                                                   \
	X(resolver, ROLE_RESOLVER)                                             \
	X(control, ROLE_CONTROL)

#define PROCESS_TC(name, role)                                                 \
	ROOT_TC(name)                                                          \
	{                                                                      \
		stands(tc, role);                                              \
	}
PROCESSES(PROCESS_TC)

/* A role that is started is here. */
ROOT_TC(all_are_here)
{
	unsigned here = 0;
	enum role r;

#define PROCESS_BIT(name, role) here |= R(role);
	PROCESSES(PROCESS_BIT)
	for (r = ROLE_MASTER; r < ROLE__MAX; r++)
		ATF_CHECK_EQ_MSG(roles[r].start != START_NEVER,
		    (here & R(r)) != 0, "%s", roles[r].name);
}

ATF_TP_ADD_TCS(tp)
{
#define PROCESS_ADD(name, role) ATF_TP_ADD_TC(tp, name);
	PROCESSES(PROCESS_ADD)
	ATF_TP_ADD_TC(tp, all_are_here);
	return atf_no_error();
}
