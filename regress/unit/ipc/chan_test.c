/* SPDX-License-Identifier: ISC
 *
 * A channel whose other end sends whatever it likes: the receiver hands on
 * what the table allows, closes that peer for anything else, keeps none of
 * its descriptors, and goes on with the others.
 */
#include <atf-c.h>
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/loop.h"

#define FDS_TRIED (MSG_FDS_MAX + 3)

static struct {
	unsigned handled;
	unsigned down;
	unsigned violations;
	int answer; /* of the handler */
} seen;

static int
handle(struct chan *ch, struct msg *m)
{
	seen.handled++;
	return seen.answer;
}

static void
down(struct chan *ch, bool violation)
{
	seen.down++;
	if (violation)
		seen.violations++;
}

/* Every type has a handler: the table alone decides. */
static const struct msg_handler handlers[] = {
#define MSG(name, text, from, to, min, max, fds) { name, handle },
#include "privsep/ipc/messages.def"
#undef MSG
	{ MSG_NONE, NULL },
};

static const struct chan_ops ops = { .handlers = handlers, .down = down };

static void
quiet(int level, struct span line)
{
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	ATF_REQUIRE(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
setup(void)
{
	ATF_REQUIRE_EQ(0, loop_init());
	log_init("chan_test", quiet);
}

/* Send a frame as nobody who uses chan.h could. */
static void
raw_send(int fd, unsigned type, unsigned reserved, size_t body, unsigned nfds)
{
	static unsigned char frame[MSG_FRAME_MAX + 4096];
	union {
		struct cmsghdr head;
		unsigned char space[CMSG_SPACE(sizeof(int) * FDS_TRIED)];
	} control = { 0 };
	struct iovec iov = { frame, MSG_HEADER_LEN + body };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[FDS_TRIED] = { 0 };

	frame[0] = (unsigned char)(type >> 8);
	frame[1] = (unsigned char)type;
	frame[2] = (unsigned char)(reserved >> 8);
	frame[3] = (unsigned char)reserved;
	if (nfds > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * nfds);
	}
	ATF_REQUIRE_EQ((ssize_t)iov.iov_len, sendmsg(fd, &mh, MSG_NOSIGNAL));
}

static void
turn(void)
{
	ATF_REQUIRE(event_base_loop(loop_base(), EVLOOP_NONBLOCK) >= 0);
}

/* A channel of self to a peer; the peer's end in *fd. */
static struct chan *
join(enum role self, enum role peer, int *fd)
{
	int pair[2], size = 1 << 20;
	struct chan *ch;

	ATF_REQUIRE_EQ(
	    0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ATF_REQUIRE((ch = chan_new(pair[0], self, peer, 7, &ops)) != NULL);
	*fd = pair[1];
	return ch;
}

/* One such frame from peer to self on a channel of its own: is it handed on
 * and the channel kept; or is it not, and the channel closed? */
static void
check_frame(enum role self, enum role peer, unsigned type, unsigned reserved,
    size_t body, unsigned nfds, bool good)
{
	struct chan *ch;
	int fd;

	memset(&seen, 0, sizeof(seen));
	ch = join(self, peer, &fd);
	raw_send(fd, type, reserved, body, nfds);
	turn();
	ATF_REQUIRE_EQ_MSG(good ? 1 : 0, seen.handled,
	    "type %u from %s to %s, %zu octets, %u descriptors", type,
	    roles[peer].name, roles[self].name, body, nfds);
	ATF_REQUIRE_EQ(good ? 0 : 1, seen.violations);
	ATF_REQUIRE_EQ(seen.violations, seen.down);
	if (good)
		chan_free(ch);
	else
		/* the peer sees that it is not wanted any more */
		ATF_REQUIRE(send(fd, "", 1, MSG_NOSIGNAL) < 0);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(every_type_in_every_direction);
ATF_TC_BODY(every_type_in_every_direction, tc)
{
	unsigned t, from, to;
	int before;

	setup();
	before = descriptors();
	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *s = msg_spec(t);

		for (from = 0; from < ROLE__MAX; from++)
			for (to = 0; to < ROLE__MAX; to++)
				check_frame(to, from, t, 0, s->min, s->fds,
				    (s->from & R(from)) != 0 &&
					(s->to & R(to)) != 0);
	}
	ATF_CHECK_EQ(before, descriptors());
}

/* The first pair of roles that the row allows. */
static void
lawful(const struct msg_spec *s, enum role *from, enum role *to)
{
	for (*from = 0; (s->from & R(*from)) == 0;)
		++*from;
	for (*to = 0; (s->to & R(*to)) == 0;)
		++*to;
}

ATF_TC_WITHOUT_HEAD(every_type_in_wrong_sizes);
ATF_TC_BODY(every_type_in_wrong_sizes, tc)
{
	enum role from, to;
	unsigned t;
	int before;

	setup();
	before = descriptors();
	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *s = msg_spec(t);

		lawful(s, &from, &to);
		check_frame(to, from, t, 0, s->max, s->fds, true);
		check_frame(to, from, t, 0, s->max + 1, s->fds, false);
		if (s->min > 0)
			check_frame(to, from, t, 0, s->min - 1, s->fds, false);
	}
	ATF_CHECK_EQ(before, descriptors());
}

ATF_TC_WITHOUT_HEAD(every_type_with_wrong_descriptors);
ATF_TC_BODY(every_type_with_wrong_descriptors, tc)
{
	enum role from, to;
	unsigned t, nfds;
	int before;

	setup();
	before = descriptors();
	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *s = msg_spec(t);

		lawful(s, &from, &to);
		for (nfds = 0; nfds <= FDS_TRIED; nfds++)
			check_frame(
			    to, from, t, 0, s->min, nfds, nfds == s->fds);
	}
	ATF_CHECK_EQ_MSG(before, descriptors(), "descriptors are kept");
}

ATF_TC_WITHOUT_HEAD(what_is_no_message);
ATF_TC_BODY(what_is_no_message, tc)
{
	static const unsigned types[] = { MSG_NONE, MSG__MAX, 0x7fff, 0xffff };
	unsigned i;
	int fd;

	setup();
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		check_frame(
		    ROLE_MASTER, ROLE_SESSION, types[i], 0, 0, 0, false);
	check_frame(ROLE_MASTER, ROLE_SESSION, M_READY, 1, 0, 0, false);
	check_frame(ROLE_MASTER, ROLE_SESSION, M_READY, 0x8000, 0, 0, false);
	/* longer than a frame can be, of the type that may be longest */
	check_frame(ROLE_DELIVERY, ROLE_SPOOL, DELIVER, 0,
	    MSG_FRAME_MAX - MSG_HEADER_LEN + 1, 0, false);
	memset(&seen, 0, sizeof(seen));
	join(ROLE_MASTER, ROLE_SESSION, &fd);
	ATF_REQUIRE_EQ(11, send(fd, "\0\3\0\0\0\0\0\0\0\0\0", 11, 0));
	turn();
	ATF_CHECK_EQ(1, seen.violations);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(closed_channel_hands_nothing_on);
ATF_TC_BODY(closed_channel_hands_nothing_on, tc)
{
	int fd;

	setup();
	join(ROLE_ROUTER, ROLE_SESSION, &fd);
	raw_send(fd, TX_RESET, 0, 0, 0);
	raw_send(fd, SPOOL_GRANT, 0, 10, 0);
	raw_send(fd, TX_RESET, 0, 0, 0);
	turn();
	ATF_CHECK_EQ(1, seen.handled);
	ATF_CHECK_EQ(1, seen.violations);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(handler_can_close_the_peer);
ATF_TC_BODY(handler_can_close_the_peer, tc)
{
	int fd;

	setup();
	seen.answer = -E_PEER;
	join(ROLE_ROUTER, ROLE_SESSION, &fd);
	raw_send(fd, TX_RESET, 0, 0, 0);
	raw_send(fd, TX_RESET, 0, 0, 0);
	turn();
	ATF_CHECK_EQ(1, seen.handled);
	ATF_CHECK_EQ(1, seen.violations);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(other_peers_are_not_touched);
ATF_TC_BODY(other_peers_are_not_touched, tc)
{
	struct chan *good;
	int good_fd, bad_fd;

	setup();
	good = join(ROLE_ROUTER, ROLE_SESSION, &good_fd);
	join(ROLE_ROUTER, ROLE_SESSION, &bad_fd);
	raw_send(bad_fd, SPOOL_OPEN, 0, 60, 0);
	raw_send(good_fd, TX_RESET, 0, 0, 0);
	turn();
	ATF_CHECK_EQ(1, seen.violations);
	ATF_CHECK_EQ(1, seen.handled);
	raw_send(good_fd, TX_RESET, 0, 0, 0);
	turn();
	ATF_CHECK_EQ(2, seen.handled);
	chan_free(good);
	close(good_fd);
	close(bad_fd);
}

/* A peer that has said two things and ends. */
static void
last_words(struct chan *ch, int fd)
{
	raw_send(fd, TX_RESET, 0, 0, 0);
	raw_send(fd, TX_RESET, 0, 0, 0);
	close(fd);
}

static void
check_last_words(void)
{
	ATF_CHECK_EQ(2, seen.handled);
	ATF_CHECK_EQ(1, seen.down);
	ATF_CHECK_EQ(0, seen.violations);
}

ATF_TC_WITHOUT_HEAD(last_words_of_who_did_not_listen);
ATF_TC_BODY(last_words_of_who_did_not_listen, tc)
{
	struct chan *ch;
	int fd;

	setup();
	ch = join(ROLE_ROUTER, ROLE_SESSION, &fd);
	/* it ends with this unread */
	ATF_REQUIRE_EQ(1, send(chan_fd(ch), "", 1, MSG_NOSIGNAL));
	last_words(ch, fd);
	turn();
	check_last_words();
}

ATF_TC_WITHOUT_HEAD(last_words_of_who_is_spoken_to);
ATF_TC_BODY(last_words_of_who_is_spoken_to, tc)
{
	struct chan *ch;
	int fd;

	setup();
	ch = join(ROLE_ROUTER, ROLE_SESSION, &fd);
	last_words(ch, fd);
	msg_begin(ch, TX_DATA_REFUSED, 1);
	msg_put_u16(ch, 0);
	ATF_REQUIRE_EQ(0, msg_send(ch));
	chan_flush_all();
	turn();
	check_last_words();
}

ATF_TC_WITHOUT_HEAD(rest_is_read_at_once);
ATF_TC_BODY(rest_is_read_at_once, tc)
{
	struct chan *ch;
	unsigned i;
	int fd;

	setup();
	ch = join(ROLE_ROUTER, ROLE_SESSION, &fd);
	for (i = 0; i < 100; i++)
		raw_send(fd, TX_RESET, 0, 0, 0);
	close(fd);
	chan_read_rest(ch);
	ATF_CHECK_EQ(100, seen.handled);
	ATF_CHECK_EQ(1, seen.down);
	ATF_CHECK_EQ(0, seen.violations);
}

ATF_TC_WITHOUT_HEAD(start_of_a_process_takes_no_other_message);
ATF_TC_BODY(start_of_a_process_takes_no_other_message, tc)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct msg m;
	int pair[2], before;

	setup();
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	before = descriptors();
	raw_send(pair[1], M_HELLO, 0, 26, 2);
	ATF_CHECK_EQ(-E_PEER,
	    chan_read_blocking(pair[0], ROLE_SPOOL, ROLE_MASTER, buf, &m));
	raw_send(pair[1], M_READY, 0, 0, 0);
	ATF_CHECK_EQ(-E_PEER,
	    chan_read_blocking(pair[0], ROLE_SPOOL, ROLE_MASTER, buf, &m));
	ATF_CHECK_EQ(before, descriptors());
}

/* The next frame: its type, and how many log lines of that text it has. */
static unsigned
next_frame(int fd, const char *text, unsigned *lines)
{
	unsigned char frame[MSG_FRAME_MAX];
	ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);
	struct rd r;

	*lines = 0;
	if (n < MSG_HEADER_LEN)
		return MSG_NONE;
	r = rd_init((struct span){
	    frame + MSG_HEADER_LEN, (size_t)n - MSG_HEADER_LEN });
	while (frame[1] == M_LOG && rd_left(&r) > 0) {
		ATF_CHECK_EQ(LOG_INFO, rd_u8(&r));
		ATF_REQUIRE(span_eq(rd_span(&r, LOG_LINE_MAX), span_str(text)));
		++*lines;
	}
	return (unsigned)frame[0] << 8 | frame[1];
}

ATF_TC_WITHOUT_HEAD(log_lines_of_a_turn_go_together);
ATF_TC_BODY(log_lines_of_a_turn_go_together, tc)
{
	static char text[LOG_LINE_MAX + 1];
	unsigned i, n, lines, frames = 0;
	struct chan *ch;
	int fd;

	setup();
	ch = join(ROLE_SESSION, ROLE_MASTER, &fd);
	memset(text, 'x', LOG_LINE_MAX);
	/* what comes between two lines stays there */
	msg_send_log(ch, LOG_INFO, span_str("a"));
	msg_begin(ch, M_READY, 0);
	msg_send_log(ch, LOG_INFO, span_str("a"));
	msg_send(ch);
	msg_send_log(ch, LOG_INFO, span_str("a"));
	chan_flush(ch);
	ATF_CHECK_EQ(M_LOG, next_frame(fd, "a", &lines));
	ATF_CHECK_EQ(2, lines);
	ATF_CHECK_EQ(M_READY, next_frame(fd, "", &lines));
	ATF_CHECK_EQ(M_LOG, next_frame(fd, "a", &lines));
	ATF_CHECK_EQ(1, lines);
	/* the longest ones fit, and no frame is too long for its row */
	for (i = 0; i < 20; i++)
		msg_send_log(ch, LOG_INFO, span_str(text));
	chan_flush(ch);
	for (n = 0; next_frame(fd, text, &lines) == M_LOG; n += lines)
		frames++;
	ATF_CHECK_EQ(20, n);
	ATF_CHECK(frames > 1 && frames < 20);
	chan_free(ch);
	close(fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_type_in_every_direction);
	ATF_TP_ADD_TC(tp, every_type_in_wrong_sizes);
	ATF_TP_ADD_TC(tp, every_type_with_wrong_descriptors);
	ATF_TP_ADD_TC(tp, what_is_no_message);
	ATF_TP_ADD_TC(tp, closed_channel_hands_nothing_on);
	ATF_TP_ADD_TC(tp, handler_can_close_the_peer);
	ATF_TP_ADD_TC(tp, other_peers_are_not_touched);
	ATF_TP_ADD_TC(tp, last_words_of_who_did_not_listen);
	ATF_TP_ADD_TC(tp, last_words_of_who_is_spoken_to);
	ATF_TP_ADD_TC(tp, rest_is_read_at_once);
	ATF_TP_ADD_TC(tp, start_of_a_process_takes_no_other_message);
	ATF_TP_ADD_TC(tp, log_lines_of_a_turn_go_together);
	return atf_no_error();
}
