/* SPDX-License-Identifier: ISC
 *
 * See asking.h.
 */
#include <poll.h>
#include <unistd.h>

#include "regress/unit/base/network.h"
#include "regress/unit/router/asking.h"
#include "regress/unit/router/setup.h"
#include "smtpd/router/router.h"

#define CONFIG                                                                 \
	"smtp limit max-rcpt 3\n"                                              \
	"smtp limit max-mails 2\n"                                             \
	"listen on 127.0.0.1 port 2525 tag \"in\" vrfy local expn any "        \
	"terminal any etrn "                                                   \
	"\"example.org\"\n"                                                    \
	"table t { root = ann, list = \"ann, ben\", pair = \"ann, nobody\", "  \
	"away = ann@far.example }\n"                                           \
	"table v { info = x }\n"                                               \
	"table gone { dan = d@far.example }\n"                                 \
	"action out relay\n"                                                   \
	"action a maildir alias <t> moved <gone> forward\n"                    \
	"action vm maildir \"/v/%{dest.user}\" userbase <v> user keeper\n"     \
	"match from rdns \"*.bad.example\" for rcpt-to named@" SETUP_HOST      \
	" reject\n"                                                            \
	"match tag \"in\" from any for local action a\n"                       \
	"match from any for domain virtual.example action vm\n"                \
	"match from any for domain far.example action out\n"

static uint8_t services;

/* --- what it waits for -------------------------------------------------- */

void
expect_reply(
    int fd, enum role self, enum msg_type type, uint64_t id, enum reply reply)
{
	uint16_t got = rd_u16(expect(fd, self, type));

	ATF_CHECK_EQ(id, played.m.id);
	ATF_CHECK_EQ_MSG(reply, got, "%s, wanted %s", reply_name(got),
	    reply_name((uint16_t)reply));
}

void
expect_closed(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	unsigned char octet;

	ATF_REQUIRE_EQ(1, poll(&pfd, 1, 5000));
	ATF_CHECK_EQ(0, recv(fd, &octet, 1, 0));
}

void
check_span(struct span got, const char *want)
{
	ATF_CHECK_EQ_MSG(true, span_eq(got, span_str(want)),
	    "\"%.*s\", wanted \"%s\"", (int)got.len, (const char *)got.p, want);
}

/* --- the master --------------------------------------------------------- */

void
start(void)
{
	config_free(setup_config(CONFIG));
	played_start(&router_ops, CONFIG, SETUP_HOST);
}

void
answer_user(const char *name, enum user_answer answer)
{
	struct span got = rd_span(
	    expect(played.master, ROLE_MASTER, USER_ASK), USERS_NAME_MAX);

	ATF_CHECK_EQ_MSG(true, span_eq(got, span_str(name)), "asked for %.*s",
	    (int)got.len, (const char *)got.p);
	begin(USER_ANSWER, played.m.id);
	buf_put_u8(&played.out, (uint8_t)answer);
	send_plain(played.master);
}

void
answer_terminal(const char *name, enum user_answer answer)
{
	check_span(rd_span(expect(played.master, ROLE_MASTER, TERMINAL_ASK),
		       USERS_NAME_MAX),
	    name);
	begin(TERMINAL_ANSWER, played.m.id);
	buf_put_u8(&played.out, (uint8_t)answer);
	send_plain(played.master);
}

/* --- a session ---------------------------------------------------------- */

/* A network of this case's own, in which REMOTE is an address of this host. */
static void
network_of_two(void)
{
	static bool done;
	struct ifreq ifr = { .ifr_name = "lo:1" };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd;

	if (done)
		return;
	done = true;
	network_own();
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, REMOTE, &in.sin_addr));
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, ioctl(fd, SIOCSIFADDR, &ifr));
	close(fd);
}

int
connect_client(const char *from)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(2525) };
	struct sockaddr_in there = { .sin_family = AF_INET };
	int l, client, fd, on = 1;

	network_of_two();
	ATF_REQUIRE((l = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ATF_REQUIRE_EQ(0, bind(l, (struct sockaddr *)&in, sizeof(in)));
	ATF_REQUIRE_EQ(0, listen(l, 1));
	client = socket(AF_INET, SOCK_STREAM, 0);
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, from, &there.sin_addr));
	ATF_REQUIRE_EQ(
	    0, bind(client, (struct sockaddr *)&there, sizeof(there)));
	ATF_REQUIRE_EQ(0, connect(client, (struct sockaddr *)&in, sizeof(in)));
	fd = accept(l, NULL, NULL);
	ATF_REQUIRE(fd >= 0);
	close(l);
	return fd;
}

void
session_open_from(int ch, uint64_t sid, const char *from)
{
	int fd = connect_client(from);

	begin(SESSION_OPEN, sid);
	buf_put_u32(&played.out, 0);
	send_fds(ch, &fd, 1);
	close(fd);
	expect_reply(ch, ROLE_SESSION, SESSION_OPENED, sid, RP_GREETING);
	ATF_CHECK(
	    span_eq(rd_span(&played.m.body, SOURCE_TEXT_MAX), span_str(from)));
	services = rd_u8(&played.m.body);
}

uint8_t
session_services(void)
{
	return services;
}

void
session_open(int ch, uint64_t sid)
{
	session_open_from(ch, sid, LOCAL);
}

void
send_mail_helo(
    int ch, uint64_t sid, const char *path, uint64_t size, const char *helo)
{
	begin(TX_MAIL, sid);
	put_str(path);
	buf_put_u8(&played.out, 0);
	buf_put_u64(&played.out, size);
	buf_put_u8(&played.out, MAIL_RET_HDRS);
	put_str("env-1");
	put_str(helo);
	buf_put_u8(&played.out, 1);
	send_plain(ch);
}

void
send_mail(int ch, uint64_t sid, const char *path, uint64_t size)
{
	send_mail_helo(ch, sid, path, size, "client.example");
}

void
send_mode(int ch, uint8_t mode)
{
	begin(TX_MAIL, SID);
	put_str("<from@example.com>");
	buf_put_u8(&played.out, mode);
	buf_put_u64(&played.out, 0);
	buf_put_u8(&played.out, MAIL_RET_HDRS);
	put_str("");
	put_str("client.example");
	buf_put_u8(&played.out, 1);
	send_plain(ch);
}

void
send_rcpt(int ch, uint64_t sid, const char *path)
{
	begin(TX_RCPT, sid);
	put_str(path);
	buf_put_u8(&played.out, RCPT_NOTIFY_FAILURE);
	put_str("rfc822;typed@example.com");
	send_plain(ch);
}

void
send_data(int ch, uint64_t sid, uint32_t spool)
{
	begin(TX_DATA, sid);
	buf_put_u32(&played.out, spool);
	send_plain(ch);
}

void
send_bare(int ch, enum msg_type type, uint64_t sid)
{
	begin(type, sid);
	send_plain(ch);
}

void
mail_open(int ch)
{
	session_open(ch, SID);
	send_mail(ch, SID, "<from@example.com>", 0);
}

uint64_t
expect_rcpt(int ch, uint64_t sid, enum reply reply)
{
	uint64_t id;

	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, sid, reply);
	id = rd_u64(&played.m.body);
	ATF_CHECK_EQ(reply_code((uint16_t)reply) / 100 == 2, id != 0);
	return id;
}

uint64_t
rcpt_is(int ch, const char *path, enum reply reply)
{
	send_rcpt(ch, SID, path);
	return expect_rcpt(ch, SID, reply);
}

/* --- the spool ---------------------------------------------------------- */

/* SPOOL_OPEN was read up to the envelope that is in it. */
static bool first;

void
check_envelope(int spool, uint64_t id, const char *path, const char *action,
    const char *user)
{
	struct rd *r = &played.m.body;

	if (!first)
		r = expect(spool, ROLE_SPOOL, SPOOL_ENVELOPE);
	first = false;
	ATF_CHECK_EQ(id, played.m.id);
	check_span(rd_span(r, 512), path);
	check_span(rd_span(r, 512), "rfc822;typed@example.com");
	ATF_CHECK_EQ(RCPT_NOTIFY_FAILURE, rd_u8(r));
	check_span(rd_span(r, 512), action);
	check_span(rd_span(r, 512), user);
	ATF_CHECK(rd_done(r));
}

void
check_open(int spool, uint64_t id, uint32_t n)
{
	struct rd *r = expect(spool, ROLE_SPOOL, SPOOL_OPEN);

	ATF_CHECK_EQ(id, played.m.id);
	ATF_CHECK_EQ(ROLE_SESSION, rd_u8(r));
	ATF_CHECK_EQ(5, rd_u32(r));
	ATF_CHECK_EQ(SID, rd_u64(r));
	ATF_CHECK_EQ(n, rd_u32(r));
	check_span(rd_span(r, 512), "from@example.com");
	ATF_CHECK_EQ(0, rd_u8(r));
	ATF_CHECK_EQ(MAIL_RET_HDRS, rd_u8(r));
	check_span(rd_span(r, 512), "env-1");
	check_span(rd_span(r, 512), "127.0.0.1");
	check_span(rd_span(r, 512), "client.example");
	ATF_CHECK(rd_u64(r) > 0);
	first = true;
}
