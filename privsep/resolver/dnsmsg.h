/* SPDX-License-Identifier: ISC
 *
 * The answer of the DNS, read with a bound on everything (RFC 1035 4).
 */
#ifndef RESOLVER_DNSMSG_H
#define RESOLVER_DNSMSG_H

#include <stdint.h>

#include "privsep/base/buf.h"

#define DNSMSG_NAME_MAX    255 /* octets of a name as text, without final dot */
#define DNSMSG_RECORDS_MAX 100 /* that are given; further ones are left */

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_AAAA = 28
};

/* A name as text, lower case; the root is "". */
struct dnsmsg_name {
	uint8_t len;
	unsigned char text[DNSMSG_NAME_MAX];
};

struct dnsmsg_record {
	uint16_t preference; /* of MX */
	uint8_t len;         /* of A and AAAA */
	unsigned char octets[16];
	struct dnsmsg_name name; /* of MX and PTR */
};

struct dnsmsg {
	unsigned rcode;
	uint32_t ttl_s;           /* the least of what was used */
	struct dnsmsg_name owner; /* of the records, after CNAMEs */
	size_t unfit;             /* that say nothing that can be used */
	size_t n;
	struct dnsmsg_record record[DNSMSG_RECORDS_MAX];
};

/*
 * Read a packet that answers a question for records of that type (not CNAME)
 * of the name: aliases are followed as far as the packet has them, at most 8,
 * and what belongs to other names is left.  A record whose name cannot be that
 * of a host is passed over, and counted.  0 with *out given, or -E_SYNTAX.
 */
int dnsmsg_read(struct span packet, struct span name, enum dns_type type,
    struct dnsmsg *out);

#endif
