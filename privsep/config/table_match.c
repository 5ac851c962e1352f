/* SPDX-License-Identifier: ISC
 *
 * What rules ask of tables.  Each question is a few exact look-ups: a name has
 * few labels, and a table few lengths of networks.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/table_int.h"

#define MATCH_MAX 512 /* octets of a key that is made of parts */

bool
table_match_string(const struct table *t, struct span key)
{
	struct span value;

	return table_lookup(t, key, &value) == 0;
}

/* The key of up to three parts is in the table, with this value. */
static bool
find_parts(const struct table *t, struct span a, struct span b, struct span c,
    struct span *value)
{
	unsigned char key[MATCH_MAX];
	size_t len = 0, i;
	struct span part[3] = { a, b, c };

	for (i = 0; i < 3; i++) {
		if (part[i].len > sizeof(key) - len)
			return false;
		if (part[i].len > 0)
			memcpy(key + len, part[i].p, part[i].len);
		len += part[i].len;
	}
	return table_lookup(t, (struct span){ key, len }, value) == 0;
}

static bool
match_parts(const struct table *t, struct span a, struct span b, struct span c)
{
	struct span value;

	return find_parts(t, a, b, c, &value);
}

/* prefix and domain, or a pattern over domain, are in the table. */
static bool
find_domain(const struct table *t, struct span prefix, struct span domain,
    struct span *value)
{
	struct span none = { 0 }, rest = domain;
	const unsigned char *dot;

	if (find_parts(t, prefix, domain, none, value))
		return true;
	/* *.b.c, then *.c for a.b.c; never *.a.b.c, which is below it */
	while (rest.len > 0 && (dot = memchr(rest.p, '.', rest.len)) != NULL) {
		rest.len -= (size_t)(dot - rest.p);
		rest.p = dot;
		if (find_parts(t, prefix, span_str("*"), rest, value))
			return true;
		rest.p++;
		rest.len--;
	}
	return find_parts(t, prefix, span_str("*"), none, value);
}

static bool
match_domain(const struct table *t, struct span prefix, struct span domain)
{
	struct span value;

	return find_domain(t, prefix, domain, &value);
}

bool
table_match_domain(const struct table *t, struct span domain)
{
	struct span none = { 0 };

	return domain.len > 0 && match_domain(t, none, domain);
}

int
table_lookup_domain(
    const struct table *t, struct span domain, struct span *value)
{
	struct span none = { 0 }, found;

	if (domain.len == 0 || !find_domain(t, none, domain, &found))
		return -E_NOENT;
	*value = found;
	return 0;
}

static bool
match_local(const struct table *t, struct span local, struct span domain)
{
	struct span none = { 0 };
	unsigned char prefix[MATCH_MAX];

	if (local.len == 0 || local.len >= sizeof(prefix))
		return false;
	if (match_parts(t, local, none, none))
		return true;
	memcpy(prefix, local.p, local.len);
	prefix[local.len] = '@';
	return match_domain(t, (struct span){ prefix, local.len + 1 }, domain);
}

bool
table_match_mailaddr(
    const struct table *t, struct span local, struct span domain, char delim)
{
	const unsigned char *cut = NULL;

	if (local.len == 0 && domain.len == 0)
		return table_match_string(t, span_str("<>"));
	if (match_local(t, local, domain) ||
	    match_domain(t, span_str("@"), domain))
		return true;
	/* a delimiter at the very start parts nothing */
	if (delim != '\0' && local.len > 1)
		cut = memchr(local.p + 1, delim, local.len - 1);
	if (cut == NULL)
		return false;
	local.len = (size_t)(cut - local.p);
	return match_local(t, local, domain);
}

/* Clear all but the first bits of an address of len octets. */
static void
net_mask(unsigned char *addr, size_t len, unsigned bits)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (bits >= 8)
			bits -= 8;
		else {
			addr[i] &= (unsigned char)(0xff00U >> bits);
			bits = 0;
		}
	}
}

int
table_net_parse(struct span text, struct table_net *net, bool *v6)
{
	char addr[INET6_ADDRSTRLEN + 2];
	const unsigned char *slash;
	unsigned bits = 0, max;
	size_t len = text.len, i;

	*net = (struct table_net){ 0 };
	if (len > 0 && (slash = memchr(text.p, '/', len)) != NULL)
		len = (size_t)(slash - text.p);
	if (len == 0 || len >= sizeof(addr))
		return -E_SYNTAX;
	memcpy(addr, text.p, len);
	addr[len] = '\0';
	if (strlen(addr) != len)
		return -E_SYNTAX;
	if (addr[0] == '[' && addr[len - 1] == ']') {
		addr[len - 1] = '\0';
		memmove(addr, addr + 1, len - 1);
	}
	*v6 = strchr(addr, ':') != NULL;
	max = *v6 ? 128 : 32;
	if (inet_pton(*v6 ? AF_INET6 : AF_INET, addr, net->addr) != 1)
		return -E_SYNTAX;
	if (len == text.len) {
		bits = max;
	} else if (len + 1 == text.len || text.len - len > 4) {
		return -E_SYNTAX;
	}
	for (i = len + 1; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -E_SYNTAX;
		bits = bits * 10 + (text.p[i] - '0');
	}
	if (bits > max)
		return -E_SYNTAX;
	net->bits = (uint8_t)bits;
	net_mask(net->addr, max / 8, bits);
	return 0;
}

static int
net_order(const void *va, const void *vb)
{
	const struct table_net *a = va, *b = vb;

	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}

int
table_net_index(struct table *t)
{
	struct table_net net;
	struct span key, value;
	size_t i;
	bool v6;

	if (t->nents == 0 || t->net4 != NULL)
		return 0;
	t->net4 = chk_calloc(t->nents, sizeof(*t->net4));
	t->net6 = chk_calloc(t->nents, sizeof(*t->net6));
	if (t->net4 == NULL || t->net6 == NULL)
		return -E_NOMEM;
	for (i = 0; i < t->nents; i++) {
		table_entry(t, i, &key, &value);
		if (table_net_parse(key, &net, &v6) != 0)
			continue;
		if (v6) {
			t->has6[net.bits] = true;
			t->net6[t->nnet6++] = net;
		} else {
			t->has4[net.bits] = true;
			t->net4[t->nnet4++] = net;
		}
	}
	qsort(t->net4, t->nnet4, sizeof(*t->net4), net_order);
	qsort(t->net6, t->nnet6, sizeof(*t->net6), net_order);
	return 0;
}

/* Try each length of network that the table has. */
static bool
net_match(const struct table_net *nets, size_t n, const bool *has,
    const unsigned char *addr, size_t len)
{
	struct table_net want;
	unsigned bits;

	for (bits = 0; bits <= len * 8 && n > 0; bits++) {
		if (!has[bits])
			continue;
		want = (struct table_net){ .bits = (uint8_t)bits };
		memcpy(want.addr, addr, len);
		net_mask(want.addr, len, bits);
		if (bsearch(&want, nets, n, sizeof(*nets), net_order) != NULL)
			return true;
	}
	return false;
}

bool
table_match_netaddr(const struct table *t, const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const unsigned char *a;

	if (sa->sa_family == AF_INET)
		return net_match(t->net4, t->nnet4, t->has4,
		    (const unsigned char *)&in4->sin_addr, 4);
	if (sa->sa_family != AF_INET6)
		return false;
	a = in6->sin6_addr.s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return net_match(t->net4, t->nnet4, t->has4, a + 12, 4);
	return net_match(t->net6, t->nnet6, t->has6, a, 16);
}
