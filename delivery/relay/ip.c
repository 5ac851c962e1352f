/* SPDX-License-Identifier: ISC
 *
 * Addresses of hosts.  See ip.h.
 */
#include "delivery/relay/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "privsep/base/err.h"

int
ip_from_octets(struct span s, uint16_t port, union ip *out)
{
	memset(out, 0, sizeof(*out));
	if (s.len == sizeof(out->in4.sin_addr)) {
		out->in4.sin_family = AF_INET;
		out->in4.sin_port = htons(port);
		memcpy(&out->in4.sin_addr, s.p, s.len);
		return 0;
	}
	if (s.len == sizeof(out->in6.sin6_addr)) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		memcpy(&out->in6.sin6_addr, s.p, s.len);
		return 0;
	}
	return -E_SYNTAX;
}

int
ip_from_text(struct span s, uint16_t port, union ip *out)
{
	unsigned char octets[16];
	char text[INET6_ADDRSTRLEN];

	if (s.len == 0 || s.len >= sizeof(text) ||
	    memchr(s.p, '\0', s.len) != NULL)
		return -E_SYNTAX;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, octets) == 1)
		return ip_from_octets((struct span){ octets, 4 }, port, out);
	if (inet_pton(AF_INET6, text, octets) == 1)
		return ip_from_octets((struct span){ octets, 16 }, port, out);
	return -E_SYNTAX;
}

int
ip_from_literal(struct span s, uint16_t port, union ip *out)
{
	static const struct span tag = { (const unsigned char *)"IPv6:", 5 };

	if (s.len < 2 || s.p[0] != '[' || s.p[s.len - 1] != ']')
		return -E_SYNTAX;
	s.p++;
	s.len -= 2;
	if (s.len > tag.len &&
	    span_caseeq((struct span){ s.p, tag.len }, tag)) {
		s.p += tag.len;
		s.len -= tag.len;
	}
	return ip_from_text(s, port, out);
}

bool
ip_from_sockaddr(const struct sockaddr *sa, union ip *out)
{
	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET)
		memcpy(&out->in4, sa, sizeof(out->in4));
	else if (sa->sa_family == AF_INET6)
		memcpy(&out->in6, sa, sizeof(out->in6));
	else
		return false;
	return true;
}

void
ip_text(const union ip *ip, char out[IP_TEXT_MAX])
{
	const void *octets = ip->sa.sa_family == AF_INET6
	    ? (const void *)&ip->in6.sin6_addr
	    : (const void *)&ip->in4.sin_addr;

	if (ip->sa.sa_family == AF_UNSPEC ||
	    inet_ntop(ip->sa.sa_family, octets, out, IP_TEXT_MAX) == NULL)
		strlcpy(out, "-", IP_TEXT_MAX);
}

void
ip_text_port(const union ip *ip, char out[IP_TEXT_MAX])
{
	bool v6 = ip->sa.sa_family == AF_INET6;
	char text[IP_TEXT_MAX];

	ip_text(ip, text);
	/* the longest is 39 octets and 8 */
	if (snprintf(out, IP_TEXT_MAX, v6 ? "[%.45s]:%u" : "%.45s:%u", text,
		ntohs(v6 ? ip->in6.sin6_port : ip->in4.sin_port)) < 0)
		out[0] = '\0';
}

bool
ip_is_far(const union ip *ip)
{
	const struct in6_addr *a = &ip->in6.sin6_addr;
	uint32_t v4;

	if (ip->sa.sa_family == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_LINKLOCAL(a) &&
		    !IN6_IS_ADDR_V4MAPPED(a);
	v4 = ntohl(ip->in4.sin_addr.s_addr);
	/* 0/8, 169.254/16, 224/4 and 240/4: RFC 6890 2.2.2 */
	return (v4 >> 24 != 0 || v4 == INADDR_ANY) && v4 >> 16 != 0xa9fe &&
	    v4 >> 28 < 0xe;
}

socklen_t
ip_len(const union ip *ip)
{
	return ip->sa.sa_family == AF_INET6 ? sizeof(ip->in6) : sizeof(ip->in4);
}

bool
ip_same(const union ip *a, const union ip *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return a->sa.sa_family == AF_INET6 &&
	    memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
		sizeof(a->in6.sin6_addr)) == 0;
}

bool
ip_equal(const union ip *a, const union ip *b)
{
	if (!ip_same(a, b))
		return false;
	return a->sa.sa_family == AF_INET6
	    ? a->in6.sin6_port == b->in6.sin6_port
	    : a->in4.sin_port == b->in4.sin_port;
}
