/* SPDX-License-Identifier: ISC
 *
 * The relay's process and everything around it.  See fake.h.
 */
#include "regress/unit/relay/fake.h"

#include <sys/socket.h>

#include <atf-c.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/base/network.h"

struct fake fake;

void
start(const char *config)
{
	network_own();
	played_start(&relay_ops, config, "relay.example.org");
	fake.scheduler = join(ROLE_SCHEDULER, 3);
	fake.resolver = join(ROLE_RESOLVER, 4);
	/* the last one, so that what it sends finds the others there */
	fake.spool = join(ROLE_SPOOL, 2);
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
	buf_put_u8(&played.out, PURPOSE_RELAY);
	buf_put_u64(&played.out, 1700000000);
	put_str("<a@example.org>");
	buf_put_u8(&played.out, 0);
	buf_put_u8(&played.out, 0);
	put_str("");
	buf_put_u64(&played.out, sizeof(content) - 1);
	buf_put_u16(&played.out, (uint16_t)n);
	for (i = 0; i < n; i++) {
		buf_put_u32(&played.out, i);
		buf_put_u8(&played.out, flags);
		buf_put_u8(&played.out, OUT_DELIVERED);
		put_str("");
		put_str("");
		put_str("");
		snprintf(rcpt, sizeof(rcpt), "<r%u@%s>", i,
		    domain[0] != '\0' ? domain : "example.net");
		put_str(rcpt);
		put_str("");
		buf_put_u8(&played.out, 0);
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

	ATF_CHECK_EQ(id, played.m.id);
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
	return played.m.id;
}

void
answer_begin(uint64_t id, enum dns_status status, unsigned n)
{
	begin(DNS_ANSWER, id);
	buf_put_u8(&played.out, (uint8_t)status);
	buf_put_u8(&played.out, DNS_INSECURE);
	buf_put_u32(&played.out, 3600);
	put_str("");
	put_str("");
	buf_put_u16(&played.out, (uint16_t)n);
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
	buf_put_u16(&played.out, 10);
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
		    &played.out, (struct span){ (void *)&ip.in4.sin_addr, 4 });
	else
		buf_put_span(&played.out,
		    (struct span){ (void *)&ip.in6.sin6_addr, 16 });
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
