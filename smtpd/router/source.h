/* SPDX-License-Identifier: ISC
 *
 * Who speaks: the other end of a connected socket as the kernel tells it,
 * never as a session says.
 */
#ifndef ROUTER_SOURCE_H
#define ROUTER_SOURCE_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct config;
struct listener;

enum source_kind {
	SOURCE_OURS,   /* a notification that our delivery writes */
	SOURCE_SOCKET, /* a local socket: uid */
	SOURCE_INET,   /* addr[0..4) */
	SOURCE_INET6   /* addr[0..16), never an IPv4-mapped one */
};

/* Unused octets of addr are zero, so that sources compare as a whole. */
struct source {
	uint8_t kind; /* enum source_kind */
	unsigned char addr[16];
	uid_t uid;
};

#define SOURCE_TEXT_MAX 64 /* octets of its text, NUL included */

/* Read the other end of a connected socket, which is borrowed.  0,
 * -E_UNAVAIL when the client has gone already, -E_PEER when fd is nothing
 * that a listener of ours accepts (a socketpair, a file).  fd comes
 * from a session: hostile. */
int source_attest(int fd, struct source *out);

/* The source of a socket address; an IPv4-mapped one is IPv4.  0 or -E_PEER
 * for another family than AF_INET and AF_INET6, or one that is cut. */
int source_from_sockaddr(
    const struct sockaddr *, socklen_t len, struct source *out);

/* The address back, for matching; false for a source without one. */
bool source_to_sockaddr(const struct source *, struct sockaddr_storage *out);

/* Whether our end of the socket can be that listener's: a session cannot
 * claim another one, whose tag opens other rules. */
bool source_came_by(int fd, const struct listener *);

/* "192.0.2.1", "IPv6:2001:db8::1", "uid 1000", or "localhost" for our own. */
void source_text(const struct source *, char out[SOURCE_TEXT_MAX]);

/* Ours, a local socket, or an address of config.local_sources. */
bool source_is_local(const struct source *, const struct config *);

/* Loopback, a local socket, ours: exempt from limits per client. */
bool source_is_loopback(const struct source *);

/* Its network: the IPv4 /24 or the IPv6 /64.  Only for addresses. */
struct source source_network(const struct source *);

/* An order over sources, for trees: less than, 0, more than. */
int source_cmp(const struct source *, const struct source *);

#endif
