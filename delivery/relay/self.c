/* SPDX-License-Identifier: ISC
 *
 * The addresses of this host.  See self.h.
 */
#include "delivery/relay/self.h"

#include <ifaddrs.h>
#include <stdlib.h>

#define SELF_MAX 1024 /* addresses */

static struct {
	union ip ip[SELF_MAX];
	size_t n;
} self;

void
self_learn(void)
{
	struct ifaddrs *all, *i;

	self.n = 0;
	if (getifaddrs(&all) != 0)
		return;
	for (i = all; i != NULL && self.n < SELF_MAX; i = i->ifa_next) {
		if (i->ifa_addr != NULL &&
		    ip_from_sockaddr(i->ifa_addr, &self.ip[self.n]))
			self.n++;
	}
	freeifaddrs(all);
}

/* "This host" in any case (RFC 1122 3.2.1.3, RFC 4291 2.5.2 and 3). */
static bool
self_always(const union ip *ip)
{
	uint32_t v4;

	if (ip->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&ip->in6.sin6_addr) ||
		    IN6_IS_ADDR_UNSPECIFIED(&ip->in6.sin6_addr);
	v4 = ntohl(ip->in4.sin_addr.s_addr);
	return v4 == INADDR_ANY || v4 >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

bool
self_has(const union ip *ip)
{
	size_t i;

	for (i = 0; i < self.n; i++) {
		if (ip_same(&self.ip[i], ip))
			return true;
	}
	return self_always(ip);
}

bool
self_met(int fd, const union ip *ip)
{
	union ip here = { .sa = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof(here);

	if (getsockname(fd, &here.sa, &len) != 0 || !ip_same(&here, ip))
		return false;
	if (!self_has(ip)) {
		if (self.n == SELF_MAX)
			return false;
		self.ip[self.n++] = *ip;
	}
	return true;
}
