/* SPDX-License-Identifier: ISC
 *
 * A network of a case's own.
 */
#ifndef UNIT_BASE_NETWORK_H
#define UNIT_BASE_NETWORK_H

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

/* From now on this process is in a network where every port is free, and
 * loopback has its addresses of IPv4 and IPv6. */
static inline void
network_own(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNET));
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

#endif
