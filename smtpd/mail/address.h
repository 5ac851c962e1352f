/* SPDX-License-Identifier: ISC
 *
 * The one address parser: reverse-paths, forward-paths and plain mailboxes
 * (RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3) become a struct mail_address, and
 * nothing else in the project judges an address.  Pure functions.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"

#define ADDRESS_LOCAL_MAX  64  /* RFC 5321 4.5.3.1.1, quotes included */
#define ADDRESS_DOMAIN_MAX 255 /* RFC 5321 4.5.3.1.2 */
#define ADDRESS_MAX        254 /* RFC 5321 4.5.3.1.3 less the two brackets */
#define ADDRESS_PATH_MAX   256 /* the same with them */

/* What a parser accepts besides local-part@domain. */
enum address_flag {
	ADDRESS_NULL = 1 << 0,       /* <>, the null reverse-path */
	ADDRESS_POSTMASTER = 1 << 1, /* Postmaster without a domain */
	ADDRESS_BARE = 1 << 2,       /* any local part without a domain */
	ADDRESS_UTF8 = 1 << 3        /* SMTPUTF8: valid UTF-8 in both parts */
};

/*
 * An address, or the null reverse-path when both lengths are 0.  local is
 * the meaning of the local part (quotes and backslashes removed), domain is
 * as it was spelt, an address literal with its brackets.  domain_len is 0
 * for an address without a domain.  Neither part holds a control character.
 * Holds no pointers: copy by assignment.
 */
struct mail_address {
	uint8_t local_len;
	uint8_t domain_len;
	unsigned char local[ADDRESS_LOCAL_MAX];
	unsigned char domain[ADDRESS_DOMAIN_MAX];
};

/* Parse the path in <brackets> at the start of in; a source route in front
 * of the mailbox is checked and dropped (RFC 5321 4.1.1.3).  flags are of
 * enum address_flag.  Gives the octets read in *used: what follows them is
 * for the caller.  0, -E_SYNTAX or -E_TOOLONG; on error nothing is written.
 * Input is hostile. */
int address_parse_path(
    struct span in, unsigned flags, struct mail_address *out, size_t *used);

/* Parse all of in as a mailbox without brackets, for command lines, tables
 * and the configuration.  An empty span is the null reverse-path when flags
 * have ADDRESS_NULL.  Errors as above. */
int address_parse(struct span in, unsigned flags, struct mail_address *out);

/* Make an address of a local part in its meaning (not quoted) and a domain,
 * checked by the same rules; an empty domain needs ADDRESS_BARE, both empty
 * ADDRESS_NULL.  For addresses that come in two parts.  Errors as above. */
int address_make(struct span local, struct span domain, unsigned flags,
    struct mail_address *out);

/* Append the wire form without brackets, with the local part quoted only
 * when it needs it; nothing for the null reverse-path.  What it writes,
 * address_parse reads back to an equal address.  0 or the buffer's error. */
int address_format(const struct mail_address *, struct buf *);

/* The same in brackets, as a path. */
int address_format_path(const struct mail_address *, struct buf *);

/* The same mailbox: local parts are equal to the octet, domains but for
 * ASCII case (RFC 5321 2.4). */
bool address_eq(const struct mail_address *, const struct mail_address *);

/* The null reverse-path. */
bool address_is_null(const struct mail_address *);

/* It holds octets above 127 and needs SMTPUTF8. */
bool address_is_utf8(const struct mail_address *);

/* The parts, borrowed from the address. */
struct span address_local(const struct mail_address *);
struct span address_domain(const struct mail_address *);

/* Check a host name or domain: LDH labels of 1 to 63 octets joined by single
 * dots, none at the ends; with ADDRESS_UTF8 also U-labels (RFC 6531 3.3).
 * No address literal.  0, -E_SYNTAX or -E_TOOLONG. */
int domain_parse(struct span in, unsigned flags);

/* Check an address literal, [192.0.2.1] or [IPv6:2001:db8::1], with its
 * brackets (RFC 5321 4.1.3); no other tag is known.  Errors as above. */
int literal_parse(struct span in);

/* Check the argument of HELO and EHLO: a domain in ASCII (RFC 6531 3.7.1) or
 * an address literal.  Errors as above. */
int helo_parse(struct span in);

#endif
