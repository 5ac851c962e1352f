/* SPDX-License-Identifier: ISC
 *
 * Addresses of hosts, IPv4 and IPv6, with a port.
 */
#ifndef RELAY_IP_H
#define RELAY_IP_H

#include <sys/socket.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "privsep/base/buf.h"

#define IP_TEXT_MAX 64 /* octets of an address and a port as text, with NUL */

/* One of the two by sa.sa_family; AF_UNSPEC for none. */
union ip {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* Of 4 or 16 octets in network order.  0 or -E_SYNTAX. */
int ip_from_octets(struct span, uint16_t port, union ip *out);

/* Of text: 192.0.2.1, 2001:db8::1, without brackets; or of an address literal
 * of a domain (RFC 5321 4.1.3), as in [192.0.2.1], [IPv6:2001:db8::1].  0 or
 * -E_SYNTAX. */
int ip_from_text(struct span, uint16_t port, union ip *out);
int ip_from_literal(struct span, uint16_t port, union ip *out);

/* Of a socket address; false for another family. */
bool ip_from_sockaddr(const struct sockaddr *, union ip *out);

/* As in a log line: "192.0.2.1", "2001:db8::1"; and with its port after it,
 * "192.0.2.1:25", "[2001:db8::1]:25". */
void ip_text(const union ip *, char out[IP_TEXT_MAX]);
void ip_text_port(const union ip *, char out[IP_TEXT_MAX]);

/* Whether mail may be sent there because a name has it: neither multicast nor
 * broadcast, nor of this network or link alone, nor IPv4 as IPv6. */
bool ip_is_far(const union ip *);

socklen_t ip_len(const union ip *);

/* The same address, whatever the ports; the same with its port. */
bool ip_same(const union ip *, const union ip *);
bool ip_equal(const union ip *, const union ip *);

#endif
