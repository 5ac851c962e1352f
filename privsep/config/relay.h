/* SPDX-License-Identifier: ISC
 *
 * What a relay action says, asked by the process that sends: hosts, names and
 * addresses that stand in tables.  All was checked when the configuration was
 * read, but the functions say so if it does not fit all the same.
 */
#ifndef CONFIG_RELAY_H
#define CONFIG_RELAY_H

#include "privsep/config/config.h"

/* Parse [proto://][label@]host[:port], as in smtps://me@mx.example.org:465 or
 * [2001:db8::1].  Gives *out (relay_host_clear).  0, -E_NOMEM, or -E_SYNTAX
 * with *why, a fixed text, and *at, the octet that it is about. */
int relay_host_parse(
    struct span text, struct relay_host *out, const char **why, size_t *at);
void relay_host_clear(struct relay_host *host);

/* Append it in the form that relay_host_parse reads, with its port. */
void relay_host_format(const struct relay_host *host, struct buf *out);

/* Which TLS holds towards that host of the action; NULL for a host that MX
 * records gave. */
enum relay_tls relay_host_tls(
    const struct relay *relay, const struct relay_host *host);

/* The host for a domain (lower case) by the `domain' table of the action: as
 * the domain itself, "*.parent", or "*".  Gives *out (relay_host_clear).  0,
 * -E_NOENT when there is none, or -E_NOMEM. */
int relay_domain_host(
    const struct relay *relay, struct span domain, struct relay_host *out);

/* User and password of a label, borrowed from the configuration.  0 or
 * -E_NOENT. */
int relay_credentials(const struct relay *relay, struct span label,
    struct span *user, struct span *password);

/* Address i of `src', with port 0; i < table_count(relay->src).  Gives its
 * length in *len.  0 or -E_NOENT. */
int relay_source(const struct relay *relay, size_t i,
    struct sockaddr_storage *out, socklen_t *len);

/* The argument of EHLO from that address of ours: by `helo-src', `helo', or
 * the host's name.  Borrowed from cfg. */
struct span relay_helo(const struct config *cfg, const struct relay *relay,
    const struct sockaddr *src);

#endif
