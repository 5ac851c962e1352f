/* SPDX-License-Identifier: ISC
 *
 * Who is at the other end, as the kernel says it.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "regress/unit/base/network.h"
#include "regress/unit/router/setup.h"

/* Connect to a new listener; the accepted descriptor. */
static int
accept_from(struct sockaddr *sa, socklen_t len, int *client)
{
	int l, fd;

	network_own();
	ATF_REQUIRE((l = socket(sa->sa_family, SOCK_STREAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, bind(l, sa, len));
	ATF_REQUIRE_EQ(0, listen(l, 1));
	ATF_REQUIRE_EQ(0, getsockname(l, sa, &len));
	*client = socket(sa->sa_family, SOCK_STREAM, 0);
	ATF_REQUIRE_EQ(0, connect(*client, sa, len));
	fd = accept(l, NULL, NULL);
	ATF_REQUIRE(fd >= 0);
	close(l);
	return fd;
}

static void
check_text(int fd, int kind, const char *text)
{
	char got[SOURCE_TEXT_MAX];
	struct source s;

	ATF_REQUIRE_EQ(0, source_attest(fd, &s));
	ATF_CHECK_EQ(kind, s.kind);
	source_text(&s, got);
	ATF_CHECK_STREQ(text, got);
}

ATF_TC_WITHOUT_HEAD(ipv4_client);
ATF_TC_BODY(ipv4_client, tc)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct listener l = { .kind = LISTEN_ADDRESS };
	int client, fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = accept_from((struct sockaddr *)&in, sizeof(in), &client);
	check_text(fd, SOURCE_INET, "127.0.0.1");
	memcpy(&l.addr, &in, sizeof(in));
	l.port = ntohs(in.sin_port);
	ATF_CHECK(source_came_by(fd, &l));
	l.port++;
	ATF_CHECK(!source_came_by(fd, &l));
	l.port--;
	((struct sockaddr_in *)&l.addr)->sin_addr.s_addr = htonl(0x7f000002);
	ATF_CHECK(!source_came_by(fd, &l));
	((struct sockaddr_in *)&l.addr)->sin_addr.s_addr = 0;
	ATF_CHECK(source_came_by(fd, &l));
	l.kind = LISTEN_SOCKET;
	ATF_CHECK(!source_came_by(fd, &l));
	close(client);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(ipv4_client_of_an_ipv6_socket);
ATF_TC_BODY(ipv4_client_of_an_ipv6_socket, tc)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int client, fd;

	ATF_REQUIRE_EQ(
	    1, inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr));
	fd = accept_from((struct sockaddr *)&in6, sizeof(in6), &client);
	check_text(fd, SOURCE_INET, "127.0.0.1");
	close(client);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(ipv6_client);
ATF_TC_BODY(ipv6_client, tc)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int client, fd;

	in6.sin6_addr = in6addr_loopback;
	fd = accept_from((struct sockaddr *)&in6, sizeof(in6), &client);
	check_text(fd, SOURCE_INET6, "IPv6:::1");
	close(client);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(local_client_is_its_uid);
ATF_TC_BODY(local_client_is_its_uid, tc)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct listener l = { .kind = LISTEN_SOCKET };
	char text[32];
	int client, fd;

	strlcpy(un.sun_path, "s", sizeof(un.sun_path));
	fd = accept_from((struct sockaddr *)&un, sizeof(un), &client);
	snprintf(text, sizeof(text), "uid %u", getuid());
	check_text(fd, SOURCE_SOCKET, text);
	ATF_CHECK(source_came_by(fd, &l));
	l.kind = LISTEN_ADDRESS;
	ATF_CHECK(!source_came_by(fd, &l));
	close(client);
	close(fd);
}

ATF_TC_WITHOUT_HEAD(what_no_listener_accepts_is_refused);
ATF_TC_BODY(what_no_listener_accepts_is_refused, tc)
{
	struct source s;
	int pair[2], null;

	/* a process can be its own client over a socketpair */
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ATF_CHECK_EQ(-E_PEER, source_attest(pair[0], &s));
	null = open("/dev/null", O_RDWR);
	ATF_CHECK_EQ(-E_PEER, source_attest(null, &s));
	ATF_CHECK_EQ(-E_PEER, source_attest(-1, &s));
	close(null);
	close(pair[0]);
	close(pair[1]);
}

ATF_TC_WITHOUT_HEAD(client_that_has_gone_is_temporary);
ATF_TC_BODY(client_that_has_gone_is_temporary, tc)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct linger linger = { .l_onoff = 1 };
	struct source s;
	int client, fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = accept_from((struct sockaddr *)&in, sizeof(in), &client);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client);
	ATF_CHECK_EQ(-E_UNAVAIL, source_attest(fd, &s));
	close(fd);
}

ATF_TC_WITHOUT_HEAD(networks_are_24_and_64_bits);
ATF_TC_BODY(networks_are_24_and_64_bits, tc)
{
	struct source a = setup_source("192.0.2.1");
	struct source b = setup_source("192.0.2.254");
	struct source c = setup_source("192.0.3.1");
	struct source d = setup_source("2001:db8:0:1::1");
	struct source e = setup_source("2001:db8:0:1:ffff::2");
	struct source f = setup_source("2001:db8:0:2::1");

	a = source_network(&a);
	b = source_network(&b);
	c = source_network(&c);
	d = source_network(&d);
	e = source_network(&e);
	f = source_network(&f);
	ATF_CHECK_EQ(0, source_cmp(&a, &b));
	ATF_CHECK(source_cmp(&a, &c) != 0);
	ATF_CHECK_EQ(0, source_cmp(&d, &e));
	ATF_CHECK(source_cmp(&d, &f) != 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ipv4_client);
	ATF_TP_ADD_TC(tp, ipv4_client_of_an_ipv6_socket);
	ATF_TP_ADD_TC(tp, ipv6_client);
	ATF_TP_ADD_TC(tp, local_client_is_its_uid);
	ATF_TP_ADD_TC(tp, what_no_listener_accepts_is_refused);
	ATF_TP_ADD_TC(tp, client_that_has_gone_is_temporary);
	ATF_TP_ADD_TC(tp, networks_are_24_and_64_bits);
	return atf_no_error();
}
