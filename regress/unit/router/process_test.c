/* SPDX-License-Identifier: ISC
 *
 * The router's process, unconfined, between a master, sessions, delivery, a
 * spool and control that this test plays.  Classes: (a), (c), (e), (g), (h).
 */
#include <sys/ioctl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <poll.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/ipc/ctl.h"
#include "privsep/ipc/terms.h"
#include "regress/unit/ipc/played.h"
#include "regress/unit/router/setup.h"
#include "smtpd/router/router.h"

#define SID 77

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

static uint8_t services; /* of the last session */

/* --- what it waits for -------------------------------------------------- */

static void
expect_reply(
    int fd, enum role self, enum msg_type type, uint64_t id, enum reply reply)
{
	uint16_t got = rd_u16(expect(fd, self, type));

	ATF_CHECK_EQ(id, played.m.id);
	ATF_CHECK_EQ_MSG(reply, got, "%s, wanted %s", reply_name(got),
	    reply_name((uint16_t)reply));
}

static void
expect_closed(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	unsigned char octet;

	ATF_REQUIRE_EQ(1, poll(&pfd, 1, 5000));
	ATF_CHECK_EQ(0, recv(fd, &octet, 1, 0));
}

/* --- the master --------------------------------------------------------- */

static void
start(void)
{
	config_free(setup_config(CONFIG));
	played_start(&router_ops, CONFIG, SETUP_HOST);
}

static void
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

/* --- a session ---------------------------------------------------------- */

#define LOCAL  "127.0.0.1"
#define REMOTE "192.0.2.7" /* another address of this host */

/* A network of this case's own, where every port is free. */
static void
network_own(void)
{
	static bool done;
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd;

	if (done)
		return;
	done = true;
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNET));
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, ioctl(fd, SIOCSIFFLAGS, &ifr));
	ifr = (struct ifreq){ .ifr_name = "lo:1" };
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, REMOTE, &in.sin_addr));
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	ATF_REQUIRE_EQ(0, ioctl(fd, SIOCSIFADDR, &ifr));
	close(fd);
}

/* A client at that address on the port of the listener: its accepted socket. */
static int
connect_client(const char *from)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(2525) };
	struct sockaddr_in there = { .sin_family = AF_INET };
	int l, client, fd, on = 1;

	network_own();
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

static void
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

static void
session_open(int ch, uint64_t sid)
{
	session_open_from(ch, sid, LOCAL);
}

static void
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

static void
send_mail(int ch, uint64_t sid, const char *path, uint64_t size)
{
	send_mail_helo(ch, sid, path, size, "client.example");
}

/* SEND, SOML, SAML. */
static void
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

static void
send_rcpt(int ch, uint64_t sid, const char *path)
{
	begin(TX_RCPT, sid);
	put_str(path);
	buf_put_u8(&played.out, RCPT_NOTIFY_FAILURE);
	put_str("rfc822;typed@example.com");
	send_plain(ch);
}

static void
send_bare(int ch, enum msg_type type, uint64_t sid)
{
	begin(type, sid);
	send_plain(ch);
}

/* An open session with an open transaction; its message id. */
static uint64_t
mail_open(int ch)
{
	session_open(ch, SID);
	send_mail(ch, SID, "<from@example.com>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	return rd_u64(&played.m.body);
}

static void
rcpt_is(int ch, const char *path, enum reply reply)
{
	send_rcpt(ch, SID, path);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, reply);
}

/* --- cases -------------------------------------------------------------- */

static void
check_span(struct span got, const char *want)
{
	ATF_CHECK_EQ_MSG(true, span_eq(got, span_str(want)),
	    "\"%.*s\", wanted \"%s\"", (int)got.len, (const char *)got.p, want);
}

static void
check_envelope(int spool, uint64_t id, const char *path, const char *action,
    const char *user)
{
	struct rd *r = expect(spool, ROLE_SPOOL, SPOOL_ENVELOPE);

	ATF_CHECK_EQ(id, played.m.id);
	check_span(rd_span(r, 512), path);
	check_span(rd_span(r, 512), "rfc822;typed@example.com");
	ATF_CHECK_EQ(RCPT_NOTIFY_FAILURE, rd_u8(r));
	check_span(rd_span(r, 512), action);
	check_span(rd_span(r, 512), user);
	ATF_CHECK(rd_done(r));
}

static void
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
	ATF_CHECK(rd_done(r));
}

ATF_TC_WITHOUT_HEAD(transaction_reaches_the_spool);
ATF_TC_BODY(transaction_reaches_the_spool, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	id = mail_open(ch);
	ATF_CHECK(id != 0);
	send_rcpt(ch, SID, "<list@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("ben", USER_YES);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_RCPT_OK);
	/* known already, and the same mailbox as one of the list's */
	rcpt_is(ch, "<Ann@" SETUP_HOST ">", RP_RCPT_OK);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	rcpt_is(ch, "<other@virtual.example>", RP_TOO_MANY_RCPT);
	send_bare(ch, TX_DATA, SID);
	check_open(spool, id, 3);
	check_envelope(spool, id, "list@" SETUP_HOST, "a", "ann");
	check_envelope(spool, id, "list@" SETUP_HOST, "a", "ben");
	check_envelope(spool, id, "info@virtual.example", "vm", "keeper");
	/* nothing is left of it */
	rcpt_is(ch, "<list@" SETUP_HOST ">", RP_NEED_MAIL);
	send_mail(ch, SID, "<>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	ATF_CHECK(rd_u64(&played.m.body) != id);
	send_bare(ch, TX_DATA, SID);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_NO_RCPT);
	send_mail(ch, SID, "<>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_TOO_MANY_MAILS);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(recipients_are_refused_for_their_reasons);
ATF_TC_BODY(recipients_are_refused_for_their_reasons, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<x@virtual.example>", RP_USER_UNKNOWN);
	rcpt_is(ch, "<x@elsewhere.example>", RP_REJECTED);
	rcpt_is(ch, "<x@@y>", RP_BAD_RCPT);
	rcpt_is(ch, "<x@y> ", RP_BAD_RCPT);
	rcpt_is(ch, "<>", RP_BAD_RCPT);
	rcpt_is(ch, "<\xc3\xa4@" SETUP_HOST ">", RP_UTF8_NEEDED);
	send_rcpt(ch, SID, "<bob@" SETUP_HOST ">");
	answer_user("bob", USER_NO);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_USER_UNKNOWN);
	send_rcpt(ch, SID, "<eve@" SETUP_HOST ">");
	answer_user("eve", USER_TRY_LATER);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_TRY_LATER);
	/* half of a list is not accepted */
	send_rcpt(ch, SID, "<pair@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("nobody", USER_NO);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_SYSTEM);
	send_bare(ch, TX_DATA, SID);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_NO_RCPT);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(postmaster_without_a_domain_is_root_here);
ATF_TC_BODY(postmaster_without_a_domain_is_root_here, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	id = mail_open(ch);
	send_rcpt(ch, SID, "<Postmaster>");
	answer_user("postmaster", USER_NO);
	answer_user("ann", USER_YES);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_RCPT_OK);
	send_bare(ch, TX_DATA, SID);
	check_open(spool, id, 1);
	check_envelope(spool, id, "Postmaster@" SETUP_HOST, "a", "ann");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(answers_come_in_the_order_of_the_questions);
ATF_TC_BODY(answers_come_in_the_order_of_the_questions, tc)
{
	uint64_t id;
	int ch, spool;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	id = mail_open(ch);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_rcpt(ch, SID, "<nobody@virtual.example>");
	send_bare(ch, TX_DATA, SID);
	silent(ch);
	answer_user("ann", USER_YES);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_RCPT_OK);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_USER_UNKNOWN);
	check_open(spool, id, 1);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(late_answer_for_the_dead_is_dropped);
ATF_TC_BODY(late_answer_for_the_dead_is_dropped, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	send_bare(ch, TX_RESET, SID);
	session_open(ch, SID + 1);
	close(ch);
	ch = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	answer_user("ann", USER_YES);
	silent(ch);
	send_bare(ch, SESSION_CLOSE, SID);
	send_bare(ch, SESSION_CLOSE, SID);
	session_open(ch, SID);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(foreign_session_closes_only_its_peer);
ATF_TC_BODY(foreign_session_closes_only_its_peer, tc)
{
	static const enum msg_type types[] = { TX_DATA, TX_RESET };
	int good, bad;
	size_t i;

	start();
	good = join(ROLE_SESSION, 5);
	mail_open(good);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bad = join(ROLE_SESSION, (uint32_t)(6 + i));
		send_bare(bad, types[i], SID);
		expect_closed(bad);
		expect(played.master, ROLE_MASTER, M_BAD_PEER);
		ATF_CHECK_EQ(6 + i, played.m.id);
	}
	bad = join(ROLE_SESSION, 10);
	send_rcpt(bad, SID, "<ann@" SETUP_HOST ">");
	expect_closed(bad);
	bad = join(ROLE_SESSION, 11);
	send_mail(bad, SID, "<>", 0);
	expect_closed(bad);
	rcpt_is(good, "<info@virtual.example>", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(session_cannot_bring_a_client_of_its_own);
ATF_TC_BODY(session_cannot_bring_a_client_of_its_own, tc)
{
	int ch, pair[2], fd;

	start();
	ch = join(ROLE_SESSION, 5);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	begin(SESSION_OPEN, SID);
	buf_put_u32(&played.out, 0);
	send_fds(ch, pair, 1);
	expect_closed(ch);
	/* nor claim another listener: 1 is the implied local socket or none */
	ch = join(ROLE_SESSION, 6);
	fd = connect_client(LOCAL);
	begin(SESSION_OPEN, SID);
	buf_put_u32(&played.out, 1);
	send_fds(ch, &fd, 1);
	expect_reply(ch, ROLE_SESSION, SESSION_OPENED, SID, RP_UNAVAILABLE);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(mail_is_checked);
ATF_TC_BODY(mail_is_checked, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_mail(ch, SID, "<a@b> x", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_BAD_SENDER);
	send_mail(ch, SID, "<;touch pwn;>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_BAD_SENDER);
	send_mail(ch, SID, "<a@b>", UINT64_MAX);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_TOO_BIG);
	send_mail_helo(ch, SID, "<a@b>", 1, "a\nb");
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_BAD_HELO);
	send_mail(ch, SID, "<\xc3\xa4@b>", 1);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_UTF8_NEEDED);
	send_mail(ch, SID, "<a@b>", 1);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	send_bare(ch, TX_DATA, SID);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_NO_RCPT);
	send_mail(ch, SID, "<a@b>", 1);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	send_mail(ch, SID, "<a@b>", 1);
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(without_a_spool_it_is_temporary);
ATF_TC_BODY(without_a_spool_it_is_temporary, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	send_bare(ch, TX_DATA, SID);
	expect_reply(ch, ROLE_SESSION, TX_DATA_REFUSED, SID, RP_TRY_LATER);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(delivery_sends_only_without_a_sender);
ATF_TC_BODY(delivery_sends_only_without_a_sender, tc)
{
	int ch;

	start();
	ch = join(ROLE_DELIVERY, 5);
	send_mail(ch, 1, "<>", 0);
	expect_reply(ch, ROLE_DELIVERY, TX_MAIL_ANSWER, 1, RP_MAIL_OK);
	send_mail(ch, 2, "<>", 0);
	expect_reply(ch, ROLE_DELIVERY, TX_MAIL_ANSWER, 2, RP_MAIL_OK);
	send_rcpt(ch, 2, "<info@virtual.example>");
	expect_reply(ch, ROLE_DELIVERY, TX_RCPT_ANSWER, 2, RP_RCPT_OK);
	send_bare(ch, TX_RESET, 1);
	send_rcpt(ch, 1, "<info@virtual.example>");
	expect_reply(ch, ROLE_DELIVERY, TX_RCPT_ANSWER, 1, RP_NEED_MAIL);
	send_bare(ch, TX_DATA, 2);
	expect_reply(ch, ROLE_DELIVERY, TX_DATA_REFUSED, 2, RP_TRY_LATER);
	send_mail(ch, 3, "<a@b>", 0);
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(new_configuration_holds_for_the_next_recipient);
ATF_TC_BODY(new_configuration_holds_for_the_next_recipient, tc)
{
	int ch, fd;

	start();
	ch = join(ROLE_SESSION, 5);
	mail_open(ch);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	/* one waits while the tables change under it */
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	expect(played.master, ROLE_MASTER, USER_ASK);
	fd = played_config("action b mbox\n"
			   "match from any for domain new.example action b\n",
	    SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_REJECTED);
	rcpt_is(ch, "<info@virtual.example>", RP_REJECTED);
	send_rcpt(ch, SID, "<ann@new.example>");
	silent(ch);
	played_stop();
}

static void
send_who(int ch, enum who_verb verb, const char *mailbox)
{
	begin(WHO_ASK, SID);
	buf_put_u8(&played.out, (uint8_t)verb);
	put_str(mailbox);
	put_str("client.example");
	buf_put_u8(&played.out, 0);
	send_plain(ch);
}

/* The answer: that reply, and these mailboxes divided by blanks. */
static void
expect_who(int ch, enum reply reply, const char *want)
{
	char got[512] = "";
	struct span path;
	unsigned n;

	expect_reply(ch, ROLE_SESSION, WHO_ANSWER, SID, reply);
	for (n = rd_u16(&played.m.body); n > 0; n--) {
		path = rd_span(&played.m.body, ADDRESS_PATH_MAX);
		if (got[0] != '\0')
			strlcat(got, " ", sizeof(got));
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s",
		    (int)path.len, (const char *)path.p);
	}
	ATF_CHECK(rd_done(&played.m.body));
	ATF_CHECK_STREQ(want, got);
}

static void
send_etrn(int ch, const char *node)
{
	begin(ETRN_ASK, SID);
	put_str(node);
	send_plain(ch);
}

ATF_TC_WITHOUT_HEAD(vrfy_and_expn_say_what_rcpt_would);
ATF_TC_BODY(vrfy_and_expn_say_what_rcpt_would, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK_EQ(
	    SERVICE_VRFY | SERVICE_EXPN | SERVICE_ETRN | SERVICE_TERMINAL,
	    services);
	send_who(ch, WHO_VRFY, "Ann");
	answer_user("ann", USER_YES);
	expect_who(ch, RP_MAILBOX, "<Ann@" SETUP_HOST ">");
	send_who(ch, WHO_VRFY, "nobody@" SETUP_HOST);
	answer_user("nobody", USER_NO);
	expect_who(ch, RP_USER_UNKNOWN, "");
	send_who(ch, WHO_EXPN, "list");
	answer_user("ben", USER_YES);
	expect_who(ch, RP_MAILBOX, "<ann@" SETUP_HOST "> <ben@" SETUP_HOST ">");
	/* a list with a hole is not told in part */
	send_who(ch, WHO_EXPN, "pair");
	expect_who(ch, RP_SYSTEM, "");
	send_who(ch, WHO_VRFY, "info@virtual.example");
	expect_who(ch, RP_MAILBOX, "<info@virtual.example>");
	send_who(ch, WHO_VRFY, "ann@elsewhere.example");
	expect_who(ch, RP_REJECTED, "");
	/* whom another host has, it knows; a list is ours to tell */
	send_who(ch, WHO_VRFY, "ann@far.example");
	expect_who(ch, RP_VRFY, "");
	send_who(ch, WHO_EXPN, "ann@far.example");
	expect_who(ch, RP_VRFY, "");
	send_who(ch, WHO_EXPN, "away");
	expect_who(ch, RP_MAILBOX, "<ann@far.example>");
	send_who(ch, WHO_VRFY, "a b");
	expect_who(ch, RP_BAD_RCPT, "");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(who_has_moved_goes_to_the_other_host);
ATF_TC_BODY(who_has_moved_goes_to_the_other_host, tc)
{
	int ch, spool;
	uint64_t id;

	start();
	ch = join(ROLE_SESSION, 5);
	spool = join(ROLE_SPOOL, 6);
	id = mail_open(ch);
	rcpt_is(ch, "<dan@" SETUP_HOST ">", RP_FORWARDED);
	check_span(
	    rd_span(&played.m.body, ADDRESS_PATH_MAX), "<d@far.example>");
	send_bare(ch, TX_DATA, SID);
	check_open(spool, id, 1);
	check_envelope(spool, id, "d@far.example", "out", "far.example");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(a_second_question_closes_the_peer);
ATF_TC_BODY(a_second_question_closes_the_peer, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_who(ch, WHO_VRFY, "ann");
	send_who(ch, WHO_VRFY, "ben");
	expect_closed(ch);
	/* what it waited for comes to nobody */
	answer_user("ann", USER_YES);
	ch = join(ROLE_SESSION, 6);
	send_who(ch, WHO_VRFY, "ann");
	expect_closed(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(what_a_listener_does_not_serve_closes_the_peer);
ATF_TC_BODY(what_a_listener_does_not_serve_closes_the_peer, tc)
{
	int ch, fd;

	start();
	fd = played_config(
	    "listen on 127.0.0.1 port 2525 vrfy any expn none\n", SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK_EQ(SERVICE_VRFY, services);
	send_who(ch, WHO_VRFY, "ann");
	expect_who(ch, RP_REJECTED, "");
	send_who(ch, WHO_EXPN, "ann");
	expect_closed(ch);
	ch = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	expect_closed(ch);
	ch = join(ROLE_SESSION, 7);
	session_open(ch, SID);
	send_mode(ch, TX_SAML);
	expect_closed(ch);
	played_stop();
}

/* What the scheduler is asked to look for; the number of the question. */
static uint64_t
expect_flush(int scheduler, const char *node)
{
	check_span(
	    rd_span(expect(scheduler, ROLE_SCHEDULER, QUEUE_FLUSH), 300), node);
	return played.m.id;
}

static void
expect_etrn(int ch, enum reply reply, uint32_t n)
{
	expect_reply(ch, ROLE_SESSION, ETRN_ANSWER, SID, reply);
	ATF_CHECK_EQ(n, rd_u32(&played.m.body));
}

ATF_TC_WITHOUT_HEAD(etrn_goes_to_the_scheduler_and_back);
ATF_TC_BODY(etrn_goes_to_the_scheduler_and_back, tc)
{
	int ch, scheduler;
	uint64_t request;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	ATF_CHECK((services & SERVICE_ETRN) != 0);
	send_etrn(ch, "Example.org");
	expect_etrn(ch, RP_ETRN_FAILED, 0);
	send_etrn(ch, "example.net");
	expect_etrn(ch, RP_ETRN_DENIED, 0);
	played_stop();
	start();
	ch = join(ROLE_SESSION, 5);
	scheduler = join(ROLE_SCHEDULER, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	request = expect_flush(scheduler, "example.org");
	/* one at a time */
	send_etrn(ch, "example.org");
	expect_closed(ch);
	/* the answer for the dead is dropped, one to nothing is not */
	begin(QUEUE_FLUSHED, request);
	buf_put_u32(&played.out, 3);
	send_plain(scheduler);
	begin(QUEUE_FLUSHED, request + 1);
	buf_put_u32(&played.out, 3);
	send_plain(scheduler);
	expect_closed(scheduler);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(etrn_ends_with_the_scheduler);
ATF_TC_BODY(etrn_ends_with_the_scheduler, tc)
{
	int ch, scheduler;

	start();
	ch = join(ROLE_SESSION, 5);
	scheduler = join(ROLE_SCHEDULER, 6);
	session_open(ch, SID);
	send_etrn(ch, "example.org");
	expect_flush(scheduler, "example.org");
	close(scheduler);
	expect_etrn(ch, RP_ETRN_FAILED, 0);
	send_etrn(ch, "a b");
	expect_closed(ch);
	played_stop();
}

static void
answer_terminal(const char *name, enum user_answer answer)
{
	check_span(rd_span(expect(played.master, ROLE_MASTER, TERMINAL_ASK),
		       USERS_NAME_MAX),
	    name);
	begin(TERMINAL_ANSWER, played.m.id);
	buf_put_u8(&played.out, (uint8_t)answer);
	send_plain(played.master);
}

/* --- names of clients ---------------------------------------------------- */

/* The question for the name of REMOTE; its request. */
static uint64_t
expect_name_ask(int resolver)
{
	static const unsigned char octets[] = { 192, 0, 2, 7 };
	struct rd *r = expect(resolver, ROLE_RESOLVER, DNS_ASK);

	ATF_CHECK_EQ(DNS_CLIENT, rd_u8(r));
	ATF_CHECK(
	    span_eq(rd_span(r, 16), (struct span){ octets, sizeof(octets) }));
	ATF_CHECK(rd_done(r));
	return played.m.id;
}

static void
answer_name(
    int resolver, uint64_t request, enum dns_status status, const char *name)
{
	begin(DNS_ANSWER, request);
	buf_put_u8(&played.out, (uint8_t)status);
	buf_put_u8(&played.out, DNS_INSECURE);
	buf_put_u32(&played.out, 60);
	put_str("");
	put_str("why");
	buf_put_u16(&played.out, name != NULL);
	if (name != NULL)
		put_str(name);
	send_plain(resolver);
}

static void
expect_name(int ch, uint64_t sid, const char *name)
{
	check_span(rd_span(expect(ch, ROLE_SESSION, SESSION_NAME), 255), name);
	ATF_CHECK_EQ(sid, played.m.id);
}

ATF_TC_WITHOUT_HEAD(a_client_is_told_its_name);
ATF_TC_BODY(a_client_is_told_its_name, tc)
{
	int ch, other, resolver;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	ch = join(ROLE_SESSION, 5);
	other = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	silent(resolver);
	session_open_from(ch, SID + 1, REMOTE);
	session_open_from(other, SID + 1, REMOTE);
	answer_name(
	    resolver, expect_name_ask(resolver), DNS_OK, "mail.example.net");
	expect_name(ch, SID + 1, "mail.example.net");
	expect_name(other, SID + 1, "mail.example.net");
	/* it is known to those that come later, and only one asked */
	send_bare(ch, SESSION_CLOSE, SID + 1);
	session_open_from(ch, SID + 2, REMOTE);
	expect_name(ch, SID + 2, "mail.example.net");
	silent(resolver);
	silent(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(a_rule_waits_for_the_name);
ATF_TC_BODY(a_rule_waits_for_the_name, tc)
{
	static const struct {
		enum dns_status status;
		const char *name;
		enum reply reply;
	} answers[] = {
		{ DNS_OK, "dyn.bad.example", RP_REJECTED },
		{ DNS_NO_NAME, NULL, RP_USER_UNKNOWN },
		{ DNS_NO_DATA, NULL, RP_USER_UNKNOWN },
		{ DNS_TRY_LATER, NULL, RP_DNS_TRY_LATER },
		{ DNS_BOGUS, NULL, RP_DNS_TRY_LATER },
		/* what no resolver of ours says is no name */
		{ DNS_OK, "x\r\nX: y.bad.example", RP_USER_UNKNOWN },
	};
	uint64_t request;
	int ch, resolver;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		ch = join(ROLE_SESSION, 5);
		session_open_from(ch, SID, REMOTE);
		request = expect_name_ask(resolver);
		send_mail(ch, SID, "<from@example.com>", 0);
		expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
		/* this one does not depend on it */
		rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
		send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
		silent(ch);
		answer_name(
		    resolver, request, answers[i].status, answers[i].name);
		if (answers[i].reply == RP_REJECTED)
			expect_name(ch, SID, answers[i].name);
		if (answers[i].reply == RP_USER_UNKNOWN)
			answer_user("named", USER_NO);
		expect_reply(
		    ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, answers[i].reply);
		silent(resolver);
		played_stop();
	}
}

/* A client at that address, up to its DATA; the message. */
static uint64_t
data_begin(int ch, uint64_t sid, const char *from)
{
	uint64_t id;

	session_open_from(ch, sid, from);
	send_mail(ch, sid, "<from@example.com>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, sid, RP_MAIL_OK);
	id = rd_u64(&played.m.body);
	send_rcpt(ch, sid, "<info@virtual.example>");
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, sid, RP_RCPT_OK);
	send_bare(ch, TX_DATA, sid);
	return id;
}

ATF_TC_WITHOUT_HEAD(data_waits_for_the_name_and_not_for_ever);
ATF_TC_BODY(data_waits_for_the_name_and_not_for_ever, tc)
{
	uint64_t request, id;
	int ch, resolver, spool;
	int answered;

	for (answered = 0; answered < 2; answered++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		spool = join(ROLE_SPOOL, 6);
		ch = join(ROLE_SESSION, 5);
		id = data_begin(ch, SID, REMOTE);
		request = expect_name_ask(resolver);
		silent(spool);
		if (answered) {
			answer_name(
			    resolver, request, DNS_OK, "mail.example.net");
			expect_name(ch, SID, "mail.example.net");
		}
		expect(spool, ROLE_SPOOL, SPOOL_OPEN);
		ATF_CHECK_EQ(id, played.m.id);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(data_waits_once_for_a_name);
ATF_TC_BODY(data_waits_once_for_a_name, tc)
{
	uint64_t id, other;
	int ch, resolver, spool;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	spool = join(ROLE_SPOOL, 6);
	ch = join(ROLE_SESSION, 5);
	id = data_begin(ch, SID, REMOTE);
	expect_name_ask(resolver);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(id, played.m.id);
	expect(spool, ROLE_SPOOL, SPOOL_ENVELOPE);
	/* it is still not known, and nobody waits any more, nor comes after one
	 * who has none */
	other = data_begin(ch, SID + 1, REMOTE);
	id = data_begin(ch, SID + 2, LOCAL);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(other, played.m.id);
	expect(spool, ROLE_SPOOL, SPOOL_ENVELOPE);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(id, played.m.id);
	silent(resolver);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(who_goes_while_data_waits_sends_nothing);
ATF_TC_BODY(who_goes_while_data_waits_sends_nothing, tc)
{
	static const enum msg_type ends[] = { TX_RESET, SESSION_CLOSE };
	uint64_t id;
	int ch, resolver, spool;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		spool = join(ROLE_SPOOL, 6);
		ch = join(ROLE_SESSION, 5);
		data_begin(ch, SID, REMOTE);
		send_bare(ch, ends[i], SID);
		/* another one waits at least as long as that one would have */
		id = data_begin(ch, SID + 1, REMOTE);
		expect(spool, ROLE_SPOOL, SPOOL_OPEN);
		ATF_CHECK_EQ(id, played.m.id);
		expect_name_ask(resolver);
		silent(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(nothing_comes_between_data_and_its_name);
ATF_TC_BODY(nothing_comes_between_data_and_its_name, tc)
{
	static const enum msg_type types[] = { TX_DATA, TX_RCPT };
	int ch;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		start();
		join(ROLE_RESOLVER, 8);
		ch = join(ROLE_SESSION, 5);
		data_begin(ch, SID, REMOTE);
		if (types[i] == TX_DATA)
			send_bare(ch, TX_DATA, SID);
		else
			send_rcpt(ch, SID, "<info@virtual.example>");
		expect_closed(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(without_a_resolver_a_name_is_not_known);
ATF_TC_BODY(without_a_resolver_a_name_is_not_known, tc)
{
	int ch, resolver;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	ch = join(ROLE_SESSION, 5);
	session_open_from(ch, SID, REMOTE);
	expect_name_ask(resolver);
	send_mail(ch, SID, "<from@example.com>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
	close(resolver);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_DNS_TRY_LATER);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(an_answer_out_of_shape_closes_the_resolver);
ATF_TC_BODY(an_answer_out_of_shape_closes_the_resolver, tc)
{
	static const struct {
		uint64_t request; /* beyond that which was asked */
		unsigned status;
		unsigned security;
		unsigned n;
		bool name;
		bool more;
	} bad[] = {
		{ 1, DNS_OK, 0, 1, true, false },
		{ 0, DNS_STATUS__MAX, 0, 0, false, false },
		{ 0, DNS_OK, DNS_SECURITY__MAX, 1, true, false },
		{ 0, DNS_OK, 0, 0, false, false },
		{ 0, DNS_OK, 0, 2, true, false },
		{ 0, DNS_OK, 0, 1, false, false },
		{ 0, DNS_OK, 0, 1, true, true },
		{ 0, DNS_NO_NAME, 0, 1, true, false },
		{ 0, DNS_TRY_LATER, 0, 0, true, false },
	};
	uint64_t request;
	int ch, resolver;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		ch = join(ROLE_SESSION, 5);
		session_open_from(ch, SID, REMOTE);
		request = expect_name_ask(resolver) + bad[i].request;
		begin(DNS_ANSWER, request);
		buf_put_u8(&played.out, (uint8_t)bad[i].status);
		buf_put_u8(&played.out, (uint8_t)bad[i].security);
		buf_put_u32(&played.out, 60);
		put_str("");
		put_str("");
		buf_put_u16(&played.out, (uint16_t)bad[i].n);
		if (bad[i].name)
			put_str("mail.example.net");
		if (bad[i].more)
			buf_put_u8(&played.out, 0);
		send_plain(resolver);
		expect_closed(resolver);
		expect(played.master, ROLE_MASTER, M_BAD_PEER);
		silent(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(an_answer_for_one_who_has_gone_is_dropped);
ATF_TC_BODY(an_answer_for_one_who_has_gone_is_dropped, tc)
{
	uint64_t request;
	int ch, resolver;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	ch = join(ROLE_SESSION, 5);
	session_open_from(ch, SID, REMOTE);
	request = expect_name_ask(resolver);
	send_mail(ch, SID, "<from@example.com>", 0);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
	send_bare(ch, SESSION_CLOSE, SID);
	session_open(ch, SID);
	answer_name(resolver, request, DNS_OK, "mail.example.net");
	/* and so is one that comes twice */
	answer_name(resolver, request, DNS_OK, "mail.example.net");
	silent(ch);
	session_open_from(ch, SID + 1, REMOTE);
	expect_name(ch, SID + 1, "mail.example.net");
	played_stop();
}

ATF_TC_WITHOUT_HEAD(send_is_for_those_at_a_terminal);
ATF_TC_BODY(send_is_for_those_at_a_terminal, tc)
{
	int ch;

	start();
	ch = join(ROLE_SESSION, 5);
	session_open(ch, SID);
	send_mode(ch, TX_SEND);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	send_rcpt(ch, SID, "<list@" SETUP_HOST ">");
	answer_user("ann", USER_YES);
	answer_user("ben", USER_YES);
	answer_terminal("ann", USER_YES);
	answer_terminal("ben", USER_TRY_LATER);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_USER_AWAY);
	send_rcpt(ch, SID, "<ann@" SETUP_HOST ">");
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_RCPT_OK);
	/* a mailbox alone is not a terminal */
	send_rcpt(ch, SID, "<info@virtual.example>");
	answer_terminal("keeper", USER_TRY_LATER);
	expect_reply(ch, ROLE_SESSION, TX_RCPT_ANSWER, SID, RP_USER_AWAY);
	send_bare(ch, TX_RESET, SID);
	send_mode(ch, TX_SOML);
	expect_reply(ch, ROLE_SESSION, TX_MAIL_ANSWER, SID, RP_MAIL_OK);
	rcpt_is(ch, "<list@" SETUP_HOST ">", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(stats_are_rows);
ATF_TC_BODY(stats_are_rows, tc)
{
	int ch;

	start();
	ch = join(ROLE_CONTROL, 5);
	begin(CTL_ASK, 9);
	buf_put_u8(&played.out, CTL_SHOW_STATS);
	buf_put_u8(&played.out, 0);
	send_plain(ch);
	ATF_CHECK(rd_u16(expect(ch, ROLE_CONTROL, CTL_ROWS)) > 0);
	ATF_CHECK_EQ(CTL_OK, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	played_stop();
}

static void
send_explain(int ch, uint64_t request)
{
	begin(CTL_ASK, request);
	buf_put_u8(&played.out, CTL_EXPLAIN);
	buf_put_u8(&played.out, 3);
	put_str("ann@" SETUP_HOST);
	put_str("tag");
	put_str("in");
	send_plain(ch);
}

ATF_TC_WITHOUT_HEAD(explanations_end_with_who_asked_or_what_they_are_of);
ATF_TC_BODY(explanations_end_with_who_asked_or_what_they_are_of, tc)
{
	uint64_t i;
	int ch, fd;

	start();
	ch = join(ROLE_CONTROL, 5);
	for (i = 1; i <= 9; i++)
		send_explain(ch, i);
	expect(played.master, ROLE_MASTER, USER_ASK);
	/* eight wait for one answer of the master, and that is enough */
	ATF_CHECK_EQ(CTL_FAILED, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(9, played.m.id);
	for (i = 1; i <= 7; i++)
		send_bare(ch, CTL_CANCEL, i);
	silent(ch);
	fd = played_config("action b mbox\n"
			   "match from any for domain new.example action b\n",
	    SETUP_HOST);
	begin(M_CONFIG, 0);
	send_fds(played.master, &fd, 1);
	close(fd);
	ATF_CHECK_EQ(CTL_FAILED, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(8, played.m.id);
	send_explain(ch, 10);
	expect(ch, ROLE_CONTROL, CTL_ROWS);
	ATF_CHECK_EQ(CTL_OK, rd_u8(expect(ch, ROLE_CONTROL, CTL_END)));
	ATF_CHECK_EQ(10, played.m.id);
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, transaction_reaches_the_spool);
	ATF_TP_ADD_TC(tp, recipients_are_refused_for_their_reasons);
	ATF_TP_ADD_TC(tp, postmaster_without_a_domain_is_root_here);
	ATF_TP_ADD_TC(tp, answers_come_in_the_order_of_the_questions);
	ATF_TP_ADD_TC(tp, late_answer_for_the_dead_is_dropped);
	ATF_TP_ADD_TC(tp, foreign_session_closes_only_its_peer);
	ATF_TP_ADD_TC(tp, session_cannot_bring_a_client_of_its_own);
	ATF_TP_ADD_TC(tp, mail_is_checked);
	ATF_TP_ADD_TC(tp, without_a_spool_it_is_temporary);
	ATF_TP_ADD_TC(tp, delivery_sends_only_without_a_sender);
	ATF_TP_ADD_TC(tp, new_configuration_holds_for_the_next_recipient);
	ATF_TP_ADD_TC(tp, vrfy_and_expn_say_what_rcpt_would);
	ATF_TP_ADD_TC(tp, who_has_moved_goes_to_the_other_host);
	ATF_TP_ADD_TC(tp, a_second_question_closes_the_peer);
	ATF_TP_ADD_TC(tp, what_a_listener_does_not_serve_closes_the_peer);
	ATF_TP_ADD_TC(tp, etrn_goes_to_the_scheduler_and_back);
	ATF_TP_ADD_TC(tp, etrn_ends_with_the_scheduler);
	ATF_TP_ADD_TC(tp, a_client_is_told_its_name);
	ATF_TP_ADD_TC(tp, a_rule_waits_for_the_name);
	ATF_TP_ADD_TC(tp, data_waits_for_the_name_and_not_for_ever);
	ATF_TP_ADD_TC(tp, data_waits_once_for_a_name);
	ATF_TP_ADD_TC(tp, who_goes_while_data_waits_sends_nothing);
	ATF_TP_ADD_TC(tp, nothing_comes_between_data_and_its_name);
	ATF_TP_ADD_TC(tp, without_a_resolver_a_name_is_not_known);
	ATF_TP_ADD_TC(tp, an_answer_out_of_shape_closes_the_resolver);
	ATF_TP_ADD_TC(tp, an_answer_for_one_who_has_gone_is_dropped);
	ATF_TP_ADD_TC(tp, send_is_for_those_at_a_terminal);
	ATF_TP_ADD_TC(tp, stats_are_rows);
	ATF_TP_ADD_TC(tp, explanations_end_with_who_asked_or_what_they_are_of);
	return atf_no_error();
}
