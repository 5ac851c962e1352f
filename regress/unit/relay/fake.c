/* SPDX-License-Identifier: ISC
 *
 * The relay's process and everything around it.  See fake.h.
 */
#include "regress/unit/relay/fake.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <atf-c.h>
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

struct fake fake;

/* --- messages -------------------------------------------------------------- */

void
begin(enum msg_type type, uint64_t id)
{
	buf_clear(&fake.out);
	buf_init(&fake.out, MSG_FRAME_MAX);
	buf_put_u16(&fake.out, (uint16_t)type);
	buf_put_u16(&fake.out, 0);
	buf_put_u64(&fake.out, id);
}

static void
put_str(const char *s)
{
	buf_put_span(&fake.out, span_str(s));
}

void
send_fds(int fd, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		unsigned char octets[CMSG_SPACE(sizeof(int) * FDS)];
	} control = { 0 };
	struct iovec iov = { fake.out.data, fake.out.len };
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
	ATF_REQUIRE_EQ((ssize_t)fake.out.len, sendmsg(fd, &mh, MSG_NOSIGNAL));
}

void
readable(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_REQUIRE_EQ_MSG(1, poll(&pfd, 1, WAIT_MS), "no %s in time", what);
}

void
silent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_CHECK_EQ(0, poll(&pfd, 1, QUIET_MS));
}

/* The next message on fd, which must be of this type; log lines are passed
 * over. */
struct rd *
expect(int fd, enum role self, enum msg_type type)
{
	do {
		readable(fd, msg_spec(type)->name);
		ATF_REQUIRE_EQ_MSG(0,
		    chan_read_blocking(
			fd, self, ROLE_RELAY, fake.frame, &fake.m),
		    "no answer, wanted %s", msg_spec(type)->name);
	} while (fake.m.type == M_LOG);
	ATF_REQUIRE_EQ_MSG(type, fake.m.type, "%s, wanted %s",
	    msg_spec(fake.m.type)->name, msg_spec(type)->name);
	return &fake.m.body;
}

/* --- the master ------------------------------------------------------------ */

static int
test_confine(const struct confine_params *p, const char **step)
{
	return 0;
}

int
join(enum role role, uint32_t instance)
{
	int pair[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	begin(M_PEER, instance);
	buf_put_u8(&fake.out, (uint8_t)role);
	buf_put_u64(&fake.out, 0);
	send_fds(fake.master, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

static int
config_fd(const char *config)
{
	struct cfg_source *src;
	int fd;

	ATF_REQUIRE_EQ(0,
	    cfg_source_from_text(span_str(config), "relay.example.org", &src));
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

void
start(const char *config)
{
	static struct role_ops ops;
	int pair[2], fds[FDS], i;

	network_own();
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	if ((fake.pid = fork()) == 0) {
		ops = relay_ops;
		ops.confine = test_confine;
		if (pair[1] != MASTER_FD)
			dup2(pair[1], MASTER_FD);
		_exit(role_main(&ops));
	}
	close(pair[1]);
	fake.master = pair[0];
	fds[0] = config_fd(config);
	fds[1] = dup(0);
	fds[2] = dup(0);
	begin(M_HELLO, 1);
	buf_put_u64(&fake.out, msg_table_hash());
	buf_put_u8(&fake.out, ROLE_RELAY);
	buf_put_u8(&fake.out, LOG_NOTICE);
	buf_put_u32(&fake.out, getuid());
	buf_put_u32(&fake.out, getgid());
	buf_put_u32(&fake.out, 0);
	put_str("");
	send_fds(fake.master, fds, FDS);
	for (i = 0; i < FDS; i++)
		close(fds[i]);
	expect(fake.master, ROLE_MASTER, M_READY);
	begin(M_START, 0);
	send_fds(fake.master, NULL, 0);
	fake.scheduler = join(ROLE_SCHEDULER, 3);
	fake.resolver = join(ROLE_RESOLVER, 4);
	/* the last one, so that what it sends finds the others there */
	fake.spool = join(ROLE_SPOOL, 2);
}

void
ended(void)
{
	int status;

	ATF_REQUIRE_EQ(fake.pid, waitpid(fake.pid, &status, 0));
	ATF_CHECK_EQ(0, status);
	close(fake.master);
	buf_clear(&fake.out);
}

void
stop(void)
{
	begin(M_STOP, 0);
	send_fds(fake.master, NULL, 0);
	ended();
}

/* --- spool and scheduler --------------------------------------------------- */

static const char content[] = "Subject: to be sent on\n\nHello.\n.dot\n";

/* Give a message to the relay, with n recipients r0@DOMAIN, r1@DOMAIN, ... */
void
deliver_doubt(uint64_t id, const char *action, const char *domain, unsigned n,
    uint8_t flags)
{
	char rcpt[300];
	unsigned i;

	begin(DELIVER, id);
	buf_put_u8(&fake.out, PURPOSE_RELAY);
	buf_put_u64(&fake.out, 1700000000);
	put_str("<a@example.org>");
	buf_put_u8(&fake.out, 0);
	buf_put_u8(&fake.out, 0);
	put_str("");
	buf_put_u64(&fake.out, sizeof(content) - 1);
	buf_put_u16(&fake.out, (uint16_t)n);
	for (i = 0; i < n; i++) {
		buf_put_u32(&fake.out, i);
		buf_put_u8(&fake.out, flags);
		buf_put_u8(&fake.out, OUT_DELIVERED);
		put_str("");
		put_str("");
		put_str("");
		snprintf(rcpt, sizeof(rcpt), "<r%u@%s>", i,
		    domain[0] != '\0' ? domain : "example.net");
		put_str(rcpt);
		put_str("");
		buf_put_u8(&fake.out, 0);
		put_str(action);
		put_str(domain);
	}
	put_str(content);
	send_fds(fake.spool, NULL, 0);
}

void
deliver(uint64_t id, const char *action, const char *domain, unsigned n)
{
	deliver_doubt(id, action, domain, n, 0);
}

/* The next outcome; its text holds this. */
void
outcome(uint64_t id, uint32_t index, enum env_outcome outcome,
    enum out_scope scope, const char *status, const char *text)
{
	struct rd *r = expect(fake.scheduler, ROLE_SCHEDULER, OUTCOME);
	struct span s, why;

	ATF_CHECK_EQ(id, fake.m.id);
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

uint64_t
asked(enum dns_kind kind, const char *name)
{
	struct rd *r = expect(fake.resolver, ROLE_RESOLVER, DNS_ASK);
	struct span s;

	ATF_CHECK_EQ(kind, rd_u8(r));
	s = rd_span(r, 255);
	ATF_CHECK_MSG(
	    span_eq(s, span_str(name)), "%.*s", (int)s.len, (const char *)s.p);
	return fake.m.id;
}

void
answer_begin(uint64_t id, enum dns_status status, unsigned n)
{
	begin(DNS_ANSWER, id);
	buf_put_u8(&fake.out, (uint8_t)status);
	buf_put_u8(&fake.out, DNS_INSECURE);
	buf_put_u32(&fake.out, 3600);
	put_str("");
	put_str("");
	buf_put_u16(&fake.out, (uint16_t)n);
}

void
answer_nothing(enum dns_kind kind, const char *name, enum dns_status status)
{
	answer_begin(asked(kind, name), status, 0);
	send_fds(fake.resolver, NULL, 0);
}

void
answer_mx(const char *name, const char *host)
{
	answer_begin(asked(DNS_MX, name), DNS_OK, 1);
	buf_put_u16(&fake.out, 10);
	put_str(host);
	send_fds(fake.resolver, NULL, 0);
}

void
answer_address(enum dns_kind kind, const char *name, const char *address)
{
	union ip ip;

	ATF_REQUIRE_EQ(0, ip_from_text(span_str(address), 0, &ip));
	answer_begin(asked(kind, name), DNS_OK, 1);
	if (kind == DNS_A)
		buf_put_span(
		    &fake.out, (struct span){ (void *)&ip.in4.sin_addr, 4 });
	else
		buf_put_span(
		    &fake.out, (struct span){ (void *)&ip.in6.sin6_addr, 16 });
	send_fds(fake.resolver, NULL, 0);
}

/* --- another host ---------------------------------------------------------- */

int
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

int
taken(int listener)
{
	int fd;

	readable(listener, "connection");
	ATF_REQUIRE((fd = accept(listener, NULL, NULL)) >= 0);
	return fd;
}

void
say(int fd, const char *line)
{
	/* at once: the second of two would wait until the first is known to be
	 * there */
	ATF_REQUIRE_EQ((int)strlen(line) + 2, dprintf(fd, "%s\r\n", line));
}

/* A line of the client's, which begins like this. */
void
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

void
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

void
greet(int fd)
{
	say(fd, "220 next.example");
	hear(fd, "EHLO relay.example.org\r\n");
	say(fd, "250 next.example");
}

/* A transaction with n recipients, which ends in this reply. */
void
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
