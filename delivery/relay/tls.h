/* SPDX-License-Identifier: ISC
 *
 * TLS (RFC 3207, RFC 8314) towards a server, over a socket that does not
 * block: at least TLS 1.2, with a certificate that the authorities of the
 * system vouch for where that is asked.
 */
#ifndef RELAY_TLS_H
#define RELAY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls;

/* What a call is waiting for. */
enum tls_want {
	TLS_DONE, /* nothing: it has done its work */
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_FAILED /* as tls_error() says */
};

/* Read the authorities of the system, and whatever else the library needs
 * files for.  Before confinement.  0 or -E_NOMEM; where there are no
 * authorities, no certificate will be good. */
int tls_prepare(void);

/* A connection over fd, which stays the caller's, to the host of that name, or
 * that address where it has no name.  With verify it must have a certificate
 * of it.  NULL without memory. */
struct tls *tls_new(int fd, const char *host, bool verify);
void tls_free(struct tls *);

/* Go on with the handshake. */
enum tls_want tls_shake(struct tls *);

/* As read(2) and write(2): the octets, 0 at the end, or -1 with errno, which
 * is EAGAIN while there is nothing to be done. */
ssize_t tls_read(struct tls *, void *, size_t);
ssize_t tls_write(struct tls *, const void *, size_t);

/* Whether there are octets that the socket does not tell of any more. */
bool tls_pending(const struct tls *);

/* "TLSv1.3"; why it failed.  Both last as long as it does. */
const char *tls_version(const struct tls *);
const char *tls_error(const struct tls *);

#endif
