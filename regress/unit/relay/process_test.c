/* SPDX-License-Identifier: ISC
 *
 * The relay's process, unconfined, between a master, a spool, a scheduler, a
 * resolver and other hosts that this test plays.  Classes: (a), (h).
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <atf-c.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "delivery/relay/relay.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"

#define MASTER_FD 3
#define FDS       3
#define WAIT_MS   10000
#define QUIET_MS  100

#define CONFIG                                                                 \
	"hostname \"relay.example.org\"\n"                                     \
	"relay limit connections 2\n"                                          \
	"relay timeout idle 1m\n"                                              \
	"table sick { \"sick.example\", \"slow.example\" }\n"                  \
	"action \"smart\" relay host smtp://127.0.0.1:2501\n"                  \
	"action \"out\" relay\n"                                               \
	"action \"named\" relay host smtp://next.example:2501\n"

static struct {
	pid_t pid;
	int master;
	int spool;
	int scheduler;
	int resolver;
	unsigned char frame[MSG_FRAME_MAX];
	struct msg m;
	struct buf out;
} t;

/* --- messages -------------------------------------------------------------- */

static void
begin(enum msg_type type, uint64_t id)
{
	buf_clear(&t.out);
	buf_init(&t.out, MSG_FRAME_MAX);
	buf_put_u16(&t.out, (uint16_t)type);
	buf_put_u16(&t.out, 0);
	buf_put_u64(&t.out, id);
}

static void
put_str(const char *s)
{
	buf_put_span(&t.out, span_str(s));
}

static void
send_fds(int fd, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		unsigned char octets[CMSG_SPACE(sizeof(int) * FDS)];
	} control = { 0 };
	struct iovec iov = { t.out.data, t.out.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	ATF_REQUIRE_EQ((ssize_t)t.out.len, sendmsg(fd, &mh, MSG_NOSIGNAL));
}

static void
readable(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_REQUIRE_EQ_MSG(1, poll(&pfd, 1, WAIT_MS), "no %s in time", what);
}

static void
silent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_CHECK_EQ(0, poll(&pfd, 1, QUIET_MS));
}

/* The next message on fd, which must be of this type; log lines are passed
 * over. */
static struct rd *
expect(int fd, enum role self, enum msg_type type)
{
	do {
		readable(fd, msg_spec(type)->name);
		ATF_REQUIRE_EQ_MSG(0,
		    chan_read_blocking(fd, self, ROLE_RELAY, t.frame, &t.m),
		    "no answer, wanted %s", msg_spec(type)->name);
	} while (t.m.type == M_LOG);
	ATF_REQUIRE_EQ_MSG(type, t.m.type, "%s, wanted %s",
	    msg_spec(t.m.type)->name, msg_spec(type)->name);
	return &t.m.body;
}

/* --- the master ------------------------------------------------------------ */

static int
test_confine(const struct confine_params *p, const char **step)
{
	return 0;
}

static int
join(enum role role, uint32_t instance)
{
	int pair[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	begin(M_PEER, instance);
	buf_put_u8(&t.out, (uint8_t)role);
	buf_put_u64(&t.out, 0);
	send_fds(t.master, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

static int
config_fd(void)
{
	struct cfg_source *src;
	int fd;

	ATF_REQUIRE_EQ(0,
	    cfg_source_from_text(span_str(CONFIG), "relay.example.org", &src));
	ATF_REQUIRE_EQ(0, cfg_source_to_memfd(src, &fd));
	cfg_source_free(src);
	return fd;
}

/* A network of this case's own, where every port is free. */
static void
network_own(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNET));
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

static void
start(void)
{
	static struct role_ops ops;
	int pair[2], fds[FDS], i;

	network_own();
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	if ((t.pid = fork()) == 0) {
		ops = relay_ops;
		ops.confine = test_confine;
		if (pair[1] != MASTER_FD)
			dup2(pair[1], MASTER_FD);
		_exit(role_main(&ops));
	}
	close(pair[1]);
	t.master = pair[0];
	fds[0] = config_fd();
	fds[1] = dup(0);
	fds[2] = dup(0);
	begin(M_HELLO, 1);
	buf_put_u64(&t.out, msg_table_hash());
	buf_put_u8(&t.out, ROLE_RELAY);
	buf_put_u8(&t.out, LOG_NOTICE);
	buf_put_u32(&t.out, getuid());
	buf_put_u32(&t.out, getgid());
	buf_put_u32(&t.out, 0);
	put_str("");
	send_fds(t.master, fds, FDS);
	for (i = 0; i < FDS; i++)
		close(fds[i]);
	expect(t.master, ROLE_MASTER, M_READY);
	begin(M_START, 0);
	send_fds(t.master, NULL, 0);
	t.scheduler = join(ROLE_SCHEDULER, 3);
	t.resolver = join(ROLE_RESOLVER, 4);
	/* the last one, so that what it sends finds the others there */
	t.spool = join(ROLE_SPOOL, 2);
}

static void
ended(void)
{
	int status;

	ATF_REQUIRE_EQ(t.pid, waitpid(t.pid, &status, 0));
	ATF_CHECK_EQ(0, status);
	close(t.master);
	buf_clear(&t.out);
}

static void
stop(void)
{
	begin(M_STOP, 0);
	send_fds(t.master, NULL, 0);
	ended();
}

/* --- spool and scheduler --------------------------------------------------- */

static const char content[] = "Subject: to be sent on\n\nHello.\n.dot\n";

/* Give a message to the relay, with n recipients r0@DOMAIN, r1@DOMAIN, ... */
static void
deliver_doubt(uint64_t id, const char *action, const char *domain, unsigned n,
    uint8_t flags)
{
	char rcpt[300];
	unsigned i;

	begin(DELIVER, id);
	buf_put_u8(&t.out, PURPOSE_RELAY);
	buf_put_u64(&t.out, 1700000000);
	put_str("<a@example.org>");
	buf_put_u8(&t.out, 0);
	buf_put_u8(&t.out, 0);
	put_str("");
	buf_put_u64(&t.out, sizeof(content) - 1);
	buf_put_u16(&t.out, (uint16_t)n);
	for (i = 0; i < n; i++) {
		buf_put_u32(&t.out, i);
		buf_put_u8(&t.out, flags);
		buf_put_u8(&t.out, OUT_DELIVERED);
		put_str("");
		put_str("");
		put_str("");
		snprintf(rcpt, sizeof(rcpt), "<r%u@%s>", i,
		    domain[0] != '\0' ? domain : "example.net");
		put_str(rcpt);
		put_str("");
		buf_put_u8(&t.out, 0);
		put_str(action);
		put_str(domain);
	}
	put_str(content);
	send_fds(t.spool, NULL, 0);
}

static void
deliver(uint64_t id, const char *action, const char *domain, unsigned n)
{
	deliver_doubt(id, action, domain, n, 0);
}

/* The next outcome; its text holds this. */
static void
outcome(uint64_t id, uint32_t index, enum env_outcome outcome,
    enum out_scope scope, const char *status, const char *text)
{
	struct rd *r = expect(t.scheduler, ROLE_SCHEDULER, OUTCOME);
	struct span s, why;

	ATF_CHECK_EQ(id, t.m.id);
	ATF_CHECK_EQ(index, rd_u32(r));
	ATF_CHECK_EQ(outcome, rd_u8(r));
	ATF_CHECK_EQ(scope, rd_u8(r));
	s = rd_span(r, 64);
	why = rd_span(r, 512);
	ATF_CHECK_MSG(span_eq(s, span_str(status)), "%.*s %.*s", (int)s.len,
	    (const char *)s.p, (int)why.len, (const char *)why.p);
	ATF_CHECK_MSG(memmem(why.p, why.len, text, strlen(text)) != NULL,
	    "%.*s", (int)why.len, (const char *)why.p);
}

/* --- the resolver ---------------------------------------------------------- */

static uint64_t
asked(enum dns_kind kind, const char *name)
{
	struct rd *r = expect(t.resolver, ROLE_RESOLVER, DNS_ASK);
	struct span s;

	ATF_CHECK_EQ(kind, rd_u8(r));
	s = rd_span(r, 255);
	ATF_CHECK_MSG(
	    span_eq(s, span_str(name)), "%.*s", (int)s.len, (const char *)s.p);
	return t.m.id;
}

static void
answer_begin(uint64_t id, enum dns_status status, unsigned n)
{
	begin(DNS_ANSWER, id);
	buf_put_u8(&t.out, (uint8_t)status);
	buf_put_u8(&t.out, DNS_INSECURE);
	buf_put_u32(&t.out, 3600);
	put_str("");
	put_str("");
	buf_put_u16(&t.out, (uint16_t)n);
}

static void
answer_nothing(enum dns_kind kind, const char *name, enum dns_status status)
{
	answer_begin(asked(kind, name), status, 0);
	send_fds(t.resolver, NULL, 0);
}

static void
answer_mx(const char *name, const char *host)
{
	answer_begin(asked(DNS_MX, name), DNS_OK, 1);
	buf_put_u16(&t.out, 10);
	put_str(host);
	send_fds(t.resolver, NULL, 0);
}

static void
answer_address(enum dns_kind kind, const char *name, const char *address)
{
	union ip ip;

	ATF_REQUIRE_EQ(0, ip_from_text(span_str(address), 0, &ip));
	answer_begin(asked(kind, name), DNS_OK, 1);
	if (kind == DNS_A)
		buf_put_span(
		    &t.out, (struct span){ (void *)&ip.in4.sin_addr, 4 });
	else
		buf_put_span(
		    &t.out, (struct span){ (void *)&ip.in6.sin6_addr, 16 });
	send_fds(t.resolver, NULL, 0);
}

/* --- another host ---------------------------------------------------------- */

static int
host(const char *address, uint16_t port)
{
	union ip ip;
	int fd, on = 1;

	ATF_REQUIRE_EQ(0, ip_from_text(span_str(address), port, &ip));
	ATF_REQUIRE((fd = socket(ip.sa.sa_family, SOCK_STREAM, 0)) >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ATF_REQUIRE_EQ(0, bind(fd, &ip.sa, ip_len(&ip)));
	ATF_REQUIRE_EQ(0, listen(fd, 10));
	return fd;
}

static int
taken(int listener)
{
	int fd;

	readable(listener, "connection");
	ATF_REQUIRE((fd = accept(listener, NULL, NULL)) >= 0);
	return fd;
}

static void
say(int fd, const char *line)
{
	ATF_REQUIRE_EQ((ssize_t)strlen(line), write(fd, line, strlen(line)));
	ATF_REQUIRE_EQ(2, write(fd, "\r\n", 2));
}

/* A line of the client's, which begins like this. */
static void
hear(int fd, const char *begins)
{
	char line[1024];
	size_t n = 0;

	do {
		readable(fd, begins);
		ATF_REQUIRE_EQ_MSG(
		    1, read(fd, &line[n], 1), "closed before %s", begins);
	} while (line[n++] != '\n' && n < sizeof(line) - 1);
	line[n] = '\0';
	ATF_REQUIRE_MSG(strncasecmp(line, begins, strlen(begins)) == 0,
	    "%s, wanted %s", line, begins);
}

static void
closed(int fd)
{
	char octets[64];
	ssize_t n;

	do {
		readable(fd, "end of the connection");
		n = read(fd, octets, sizeof(octets));
	} while (n > 0);
	close(fd);
}

static void
greet(int fd)
{
	say(fd, "220 next.example");
	hear(fd, "EHLO relay.example.org\r\n");
	say(fd, "250 next.example");
}

/* A transaction with n recipients, which ends in this reply. */
static void
transaction(int fd, unsigned n, const char *reply)
{
	hear(fd, "MAIL FROM:<a@example.org>");
	say(fd, "250 ok");
	while (n-- > 0) {
		hear(fd, "RCPT TO:<r");
		say(fd, "250 ok");
	}
	hear(fd, "DATA");
	say(fd, "354 go");
	hear(fd, "Subject: to be sent on\r\n");
	hear(fd, "\r\n");
	hear(fd, "Hello.\r\n");
	hear(fd, "..dot\r\n");
	hear(fd, ".\r\n");
	say(fd, reply);
}

/* --- the cases ------------------------------------------------------------- */

#define TC(name)                                                               \
	ATF_TC(name);                                                          \
	ATF_TC_HEAD(name, tc)                                                  \
	{                                                                      \
		atf_tc_set_md_var(tc, "require.user", "root");                 \
		atf_tc_set_md_var(tc, "timeout", "60");                        \
	}                                                                      \
	ATF_TC_BODY(name, tc)

TC(a_message_goes_to_the_host_that_is_named)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 2);
	fd = taken(l);
	greet(fd);
	transaction(fd, 2, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	outcome(1, 1, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	stop();
	closed(fd);
}

TC(a_connection_is_used_again)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	deliver(2, "smart", "", 1);
	transaction(fd, 1, "250 2.0.0 taken too");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken too");
	silent(l);
	/* one that is over meanwhile costs nothing: there is another */
	close(fd);
	deliver(3, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken again");
	outcome(3, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken again");
	stop();
}

TC(no_more_connections_than_the_limit)
{
	int l, fd, other;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	deliver(2, "smart", "", 1);
	deliver(3, "smart", "", 1);
	fd = taken(l);
	/* until one stands there is one attempt */
	silent(l);
	greet(fd);
	hear(fd, "MAIL");
	other = taken(l);
	greet(other);
	hear(other, "MAIL");
	silent(l);
	stop();
}

TC(a_host_that_refuses_defers_all_that_waits)
{
	start();
	deliver(1, "smart", "", 2);
	outcome(1, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1",
	    "127.0.0.1 [127.0.0.1]: Connection refused");
	outcome(1, 1, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1", "refused");
	/* and is tried again with the next message */
	deliver(2, "smart", "", 1);
	outcome(2, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.1", "refused");
	stop();
}

TC(one_destination_does_not_wait_for_another)
{
	int slow, l, fd;

	start();
	slow = host("127.0.0.1", 25);
	l = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	asked(DNS_AAAA, "next.example");
	asked(DNS_A, "next.example");
	/* no answer */
	deliver(2, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	close(slow);
	stop();
}

TC(the_other_family_is_tried)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	answer_address(DNS_AAAA, "next.example", "::1");
	answer_address(DNS_A, "next.example", "127.0.0.1");
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	stop();
}

TC(a_greeting_that_refuses_sends_us_to_the_next_address)
{
	int six, four, fd;

	start();
	six = host("::1", 2501);
	four = host("127.0.0.1", 2501);
	deliver(1, "named", "", 1);
	answer_address(DNS_AAAA, "next.example", "::1");
	answer_address(DNS_A, "next.example", "127.0.0.1");
	fd = taken(six);
	say(fd, "554 5.7.1 not from there");
	closed(fd);
	fd = taken(four);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	/* what worked is remembered */
	stop();
}

TC(what_dns_says_for_good_is_for_good)
{
	start();
	deliver(1, "out", "none.example", 1);
	answer_nothing(DNS_MX, "none.example", DNS_NO_NAME);
	outcome(1, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.2", "none.example");
	deliver(2, "out", "null.example", 1);
	answer_mx("null.example", "");
	outcome(2, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.10", "null.example");
	deliver(3, "out", "loop.example", 1);
	answer_mx("loop.example", "relay.example.org");
	outcome(3, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.4.6", "loop.example");
	deliver(4, "out", "bogus.example", 1);
	answer_nothing(DNS_MX, "bogus.example", DNS_BOGUS);
	outcome(4, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "signatures");
	stop();
}

TC(the_end_of_the_resolver_is_temporary)
{
	start();
	deliver(1, "out", "late.example", 1);
	asked(DNS_MX, "late.example");
	close(t.resolver);
	outcome(1, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "resolver");
	deliver(2, "out", "late.example", 1);
	outcome(2, 0, OUT_DEFERRED, SCOPE_DESTINATION, "4.4.3", "resolver");
	t.resolver = join(ROLE_RESOLVER, 5);
	close(t.spool);
	t.spool = join(ROLE_SPOOL, 6);
	deliver(3, "out", "none.example", 1);
	answer_nothing(DNS_MX, "none.example", DNS_NO_NAME);
	outcome(3, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.2", "none.example");
	stop();
}

TC(what_is_in_hand_is_not_sent_twice)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	hear(fd, "MAIL");
	/* a new scheduler does not know */
	close(t.scheduler);
	t.scheduler = join(ROLE_SCHEDULER, 6);
	close(t.spool);
	t.spool = join(ROLE_SPOOL, 7);
	deliver_doubt(1, "smart", "", 1, DELIVER_IN_DOUBT);
	say(fd, "250 ok");
	hear(fd, "RCPT");
	say(fd, "550 5.1.1 no");
	outcome(1, 0, OUT_FAILED, SCOPE_ENVELOPE, "5.1.1", "no");
	silent(t.scheduler);
	/* no other connection for a second copy */
	silent(l);
	stop();
}

TC(what_was_sent_without_a_scheduler_is_told_to_the_next)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	close(t.scheduler);
	transaction(fd, 1, "250 2.0.0 taken");
	silent(fd);
	t.scheduler = join(ROLE_SCHEDULER, 6);
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "no scheduler");
	silent(t.scheduler);
	stop();
}

TC(an_address_is_not_more_than_one_command)
{
	int l;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "example.net>\r\nRSET", 1);
	outcome(1, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.3.0", "address");
	silent(l);
	stop();
}

TC(who_retires_finishes_first)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	begin(M_RETIRE, 0);
	send_fds(t.master, NULL, 0);
	expect(t.scheduler, ROLE_SCHEDULER, QUEUE_LEAVE);
	deliver(2, "smart", "", 1);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	closed(fd);
	ended();
}

/* A server that ends the connection at that point of a transaction, having
 * said this. */
static void
breaks(uint64_t id, int l, unsigned commands, const char *words,
    const char *status, const char *text)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "DATA", "Subj" };
	static const char *const fine[] = { "250 ok", "250 ok", "354 go" };
	unsigned i;
	int fd;

	deliver(id, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	for (i = 0; i < commands; i++) {
		hear(fd, verbs[i]);
		say(fd, fine[i]);
	}
	hear(fd, verbs[commands]);
	if (words != NULL)
		say(fd, words);
	shutdown(fd, SHUT_RDWR);
	close(fd);
	outcome(id, 0, OUT_DEFERRED, SCOPE_DESTINATION, status, text);
}

TC(servers_that_break_off_cost_one_attempt)
{
	int l;

	start();
	l = host("127.0.0.1", 2501);
	breaks(1, l, 0, NULL, "4.4.2", "closed the connection");
	breaks(2, l, 1, NULL, "4.4.2", "closed the connection");
	breaks(3, l, 2, NULL, "4.4.2", "closed the connection");
	breaks(4, l, 0, "421 4.3.2 later", "4.3.2", "421 4.3.2 later");
	breaks(5, l, 1, "no reply at all", "4.5.0", "no reply");
	breaks(6, l, 1, "250-a\r\n251 b", "4.5.0", "no reply");
	/* nothing of it is sent again before it is given again */
	silent(l);
	stop();
}

TC(what_is_said_unasked_ends_the_connection)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "250 2.0.0 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	say(fd, "250 and another");
	closed(fd);
	deliver(2, "smart", "", 1);
	fd = taken(l);
	greet(fd);
	transaction(fd, 1, "450 4.2.0 not now");
	outcome(2, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.2.0", "not now");
	stop();
}

TC(an_old_server_knows_helo_alone)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	say(fd, "220-next.example\r\n220 is old");
	hear(fd, "EHLO ");
	say(fd, "502 what?");
	hear(fd, "HELO relay.example.org\r\n");
	say(fd, "250 next.example");
	transaction(fd, 1, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	stop();
}

TC(a_connection_ends_when_the_server_says)
{
	int l, fd, other;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 1);
	fd = taken(l);
	say(fd, "220 next.example");
	hear(fd, "EHLO ");
	say(fd, "250-next.example\r\n250 LIMITS MAILMAX=1");
	transaction(fd, 1, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	hear(fd, "QUIT");
	deliver(2, "smart", "", 1);
	other = taken(l);
	greet(other);
	transaction(other, 1, "250 taken");
	outcome(2, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	stop();
}

TC(recipients_are_split_as_the_server_says)
{
	int l, fd;

	start();
	l = host("127.0.0.1", 2501);
	deliver(1, "smart", "", 3);
	fd = taken(l);
	say(fd, "220 next.example");
	hear(fd, "EHLO ");
	say(fd, "250-next.example\r\n250 LIMITS RCPTMAX=2");
	transaction(fd, 2, "250 taken");
	outcome(1, 0, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	outcome(1, 1, OUT_DELIVERED, SCOPE_ENVELOPE, "2.0.0", "taken");
	transaction(fd, 1, "554 5.6.0 bad content");
	outcome(1, 2, OUT_FAILED, SCOPE_ENVELOPE, "5.6.0", "bad content");
	stop();
}

TC(an_action_that_is_gone_is_tried_again)
{
	start();
	deliver(1, "gone", "example.net", 1);
	outcome(1, 0, OUT_DEFERRED, SCOPE_ENVELOPE, "4.3.0", "action");
	stop();
}

/* What the spool and the resolver may not say. */
TC(peers_that_break_the_protocol_are_closed)
{
	char octet;

	start();
	begin(DELIVER, 1);
	buf_put_u8(&t.out, PURPOSE_MAILBOX);
	while (t.out.len < 60)
		buf_put_u8(&t.out, 0);
	send_fds(t.spool, NULL, 0);
	readable(t.spool, "end");
	ATF_CHECK_EQ(0, recv(t.spool, &octet, 1, 0));
	answer_begin(77, DNS_OK, 0);
	send_fds(t.resolver, NULL, 0);
	readable(t.resolver, "end");
	ATF_CHECK_EQ(0, recv(t.resolver, &octet, 1, 0));
	stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_message_goes_to_the_host_that_is_named);
	ATF_TP_ADD_TC(tp, a_connection_is_used_again);
	ATF_TP_ADD_TC(tp, no_more_connections_than_the_limit);
	ATF_TP_ADD_TC(tp, a_host_that_refuses_defers_all_that_waits);
	ATF_TP_ADD_TC(tp, one_destination_does_not_wait_for_another);
	ATF_TP_ADD_TC(tp, the_other_family_is_tried);
	ATF_TP_ADD_TC(tp, a_greeting_that_refuses_sends_us_to_the_next_address);
	ATF_TP_ADD_TC(tp, what_dns_says_for_good_is_for_good);
	ATF_TP_ADD_TC(tp, the_end_of_the_resolver_is_temporary);
	ATF_TP_ADD_TC(tp, what_is_in_hand_is_not_sent_twice);
	ATF_TP_ADD_TC(
	    tp, what_was_sent_without_a_scheduler_is_told_to_the_next);
	ATF_TP_ADD_TC(tp, an_address_is_not_more_than_one_command);
	ATF_TP_ADD_TC(tp, who_retires_finishes_first);
	ATF_TP_ADD_TC(tp, servers_that_break_off_cost_one_attempt);
	ATF_TP_ADD_TC(tp, what_is_said_unasked_ends_the_connection);
	ATF_TP_ADD_TC(tp, an_old_server_knows_helo_alone);
	ATF_TP_ADD_TC(tp, a_connection_ends_when_the_server_says);
	ATF_TP_ADD_TC(tp, recipients_are_split_as_the_server_says);
	ATF_TP_ADD_TC(tp, an_action_that_is_gone_is_tried_again);
	ATF_TP_ADD_TC(tp, peers_that_break_the_protocol_are_closed);
	return atf_no_error();
}
