/* SPDX-License-Identifier: ISC
 *
 * Attestation of clients.  It trusts the kernel alone: a descriptor comes
 * from a session, which may be hostile and may pass anything.
 */
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/config.h"
#include "smtpd/router/source.h"

#define INET_LEN       4
#define INET6_LEN      16
#define INET_NET_LEN   3 /* octets of a /24 */
#define INET6_NET_LEN  8 /* octets of a /64 */
#define LOOPBACK_FIRST 127

int
source_from_sockaddr(
    const struct sockaddr *sa, socklen_t len, struct source *out)
{
	struct source s = { 0 };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		s.kind = SOURCE_INET;
		memcpy(s.addr, &in.sin_addr, INET_LEN);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			s.kind = SOURCE_INET;
			memcpy(s.addr, &in6.sin6_addr.s6_addr[12], INET_LEN);
		} else {
			s.kind = SOURCE_INET6;
			memcpy(s.addr, &in6.sin6_addr, INET6_LEN);
		}
	} else
		return -E_PEER;
	*out = s;
	return 0;
}

bool
source_to_sockaddr(const struct source *s, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(out, 0, sizeof(*out));
	if (s->kind == SOURCE_INET) {
		memcpy(&in.sin_addr, s->addr, INET_LEN);
		memcpy(out, &in, sizeof(in));
		return true;
	}
	if (s->kind == SOURCE_INET6) {
		memcpy(&in6.sin6_addr, s->addr, INET6_LEN);
		memcpy(out, &in6, sizeof(in6));
		return true;
	}
	return false;
}

/* What a listener accepts has the listener's name as its own; a socketpair,
 * which any process can make to be its own client, has none. */
static int
source_attest_local(int fd, struct source *out)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);

	if (getsockname(fd, (struct sockaddr *)&un, &len) != 0 ||
	    len <= offsetof(struct sockaddr_un, sun_path) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) != 0 ||
	    cred_len != sizeof(cred))
		return -E_PEER;
	*out = (struct source){ .kind = SOURCE_SOCKET, .uid = cred.uid };
	return 0;
}

int
source_attest(int fd, struct source *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (getpeername(fd, (struct sockaddr *)&ss, &len) != 0)
		return errno == ENOTCONN ? -E_UNAVAIL : -E_PEER;
	if (ss.ss_family == AF_UNIX)
		return source_attest_local(fd, out);
	return source_from_sockaddr((struct sockaddr *)&ss, len, out);
}

/* Port in host order; 0 for a family without. */
static uint16_t
source_port(const struct sockaddr_storage *ss)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		return ntohs(in.sin_port);
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

static bool
source_is_wildcard(const struct source *s)
{
	static const unsigned char zero[INET6_LEN];

	return memcmp(s->addr, zero, sizeof(zero)) == 0;
}

bool
source_came_by(int fd, const struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct source here, wanted;

	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return false;
	if (l->kind == LISTEN_SOCKET || ss.ss_family == AF_UNIX)
		return l->kind == LISTEN_SOCKET && ss.ss_family == AF_UNIX;
	if (l->port != 0 && source_port(&ss) != l->port)
		return false;
	if (l->kind == LISTEN_INTERFACE)
		return true;
	if (source_from_sockaddr((struct sockaddr *)&ss, len, &here) != 0 ||
	    source_from_sockaddr((const struct sockaddr *)&l->addr,
		sizeof(l->addr), &wanted) != 0)
		return false;
	return source_is_wildcard(&wanted) || source_cmp(&here, &wanted) == 0;
}

void
source_text(const struct source *s, char out[SOURCE_TEXT_MAX])
{
	static const char tag[] = "IPv6:"; /* RFC 5321 4.1.3 */

	switch ((enum source_kind)s->kind) {
	case SOURCE_OURS:
		snprintf(out, SOURCE_TEXT_MAX, "localhost");
		break;
	case SOURCE_SOCKET:
		snprintf(out, SOURCE_TEXT_MAX, "uid %u", s->uid);
		break;
	case SOURCE_INET:
		inet_ntop(AF_INET, s->addr, out, SOURCE_TEXT_MAX);
		break;
	case SOURCE_INET6:
		memcpy(out, tag, sizeof(tag));
		inet_ntop(AF_INET6, s->addr, out + sizeof(tag) - 1,
		    SOURCE_TEXT_MAX - sizeof(tag) + 1);
		break;
	}
}

bool
source_is_local(const struct source *s, const struct config *cfg)
{
	struct sockaddr_storage ss;

	if (!source_to_sockaddr(s, &ss))
		return true;
	return table_match_netaddr(
	    cfg->local_sources, (const struct sockaddr *)&ss);
}

bool
source_is_loopback(const struct source *s)
{
	static const unsigned char one[INET6_LEN] = { [INET6_LEN - 1] = 1 };

	if (s->kind == SOURCE_INET)
		return s->addr[0] == LOOPBACK_FIRST;
	if (s->kind == SOURCE_INET6)
		return memcmp(s->addr, one, sizeof(one)) == 0;
	return true;
}

struct source
source_network(const struct source *s)
{
	struct source net = { .kind = s->kind };

	memcpy(net.addr, s->addr,
	    s->kind == SOURCE_INET ? INET_NET_LEN : INET6_NET_LEN);
	return net;
}

int
source_cmp(const struct source *a, const struct source *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}
