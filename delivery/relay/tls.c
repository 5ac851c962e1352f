/* SPDX-License-Identifier: ISC
 *
 * TLS towards a server.  See tls.h.
 */
#include "delivery/relay/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"

#define TLS_BUNDLE    "ca-certificates.crt" /* of all authorities, in one */
#define TLS_ERROR_MAX 200

struct tls {
	SSL *ssl;
	char error[TLS_ERROR_MAX];
};

static SSL_CTX *tls_ctx;

/* A handshake with nobody, so that what the library sets up when it is first
 * used is there. */
static void
tls_warm(void)
{
	unsigned char chance[16];
	SSL *ssl = SSL_new(tls_ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	RAND_bytes(chance, sizeof(chance));
	RAND_priv_bytes(chance, sizeof(chance));
	if (ssl != NULL && in != NULL && out != NULL) {
		SSL_set_bio(ssl, in, out);
		SSL_connect(ssl);
	} else {
		BIO_free(in);
		BIO_free(out);
	}
	SSL_free(ssl);
	ERR_clear_error();
}

int
tls_prepare(void)
{
	char bundle[PATH_MAX];

	tls_ctx = SSL_CTX_new(TLS_client_method());
	if (tls_ctx == NULL ||
	    SSL_CTX_set_min_proto_version(tls_ctx, TLS1_2_VERSION) != 1)
		return -E_NOMEM;
	/* SMTP says itself where its lines and messages end */
	SSL_CTX_set_options(tls_ctx,
	    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls_ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(tls_ctx, SSL_SESS_CACHE_OFF);
	/* all at once: the directory would be read when it is too late */
	snprintf(bundle, sizeof(bundle), "%s/%s", X509_get_default_cert_dir(),
	    TLS_BUNDLE);
	if (SSL_CTX_load_verify_file(tls_ctx, bundle) != 1)
		LOG(EV_WARN, KS("doing", "reading certificate authorities"),
		    KS("file", bundle),
		    KS("why", "it has none; no certificate will do"));
	tls_warm();
	return 0;
}

/* Whom the certificate has to be of (RFC 6125), and who is asked for (RFC
 * 6066 3, which has names alone). */
static bool
tls_expect(SSL *ssl, const char *host, bool verify)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	unsigned char ip[sizeof(struct in6_addr)];

	if (verify)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1)
		return !verify || X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(
	    p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (verify && X509_VERIFY_PARAM_set1_host(p, host, 0) != 1)
		return false;
	return SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls *
tls_new(int fd, const char *host, bool verify)
{
	struct tls *t;

	/* no name at all would be any name */
	if (host[0] == '\0' || (t = chk_calloc(1, sizeof(*t))) == NULL)
		return NULL;
	ERR_clear_error();
	t->ssl = SSL_new(tls_ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 ||
	    !tls_expect(t->ssl, host, verify)) {
		tls_free(t);
		return NULL;
	}
	SSL_set_connect_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* Put down why the last call failed; err is what SSL_get_error() said. */
static void
tls_note(struct tls *t, int err, int saved)
{
	long verify = SSL_get_verify_result(t->ssl);
	unsigned long e = ERR_peek_error();
	const char *why = ERR_reason_error_string(e);

	if (err == SSL_ERROR_SSL && verify != X509_V_OK &&
	    ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		why = X509_verify_cert_error_string(verify);
	else if (err == SSL_ERROR_ZERO_RETURN ||
	    (err == SSL_ERROR_SYSCALL && saved == 0))
		why = "the host closed the connection";
	else if (err == SSL_ERROR_SYSCALL)
		why = strerror(saved);
	strlcpy(t->error, why != NULL ? why : "it makes no sense",
	    sizeof(t->error));
}

enum tls_want
tls_shake(struct tls *t)
{
	int r, err;

	ERR_clear_error();
	errno = 0;
	if ((r = SSL_do_handshake(t->ssl)) == 1)
		return TLS_DONE;
	err = SSL_get_error(t->ssl, r);
	if (err == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (err == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	tls_note(t, err, errno);
	return TLS_FAILED;
}

/* What a call that did not move an octet means. */
static ssize_t
tls_stuck(struct tls *t, int saved)
{
	int err = SSL_get_error(t->ssl, 0);

	if (err == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = EAGAIN;
	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
		return -1;
	tls_note(t, err, saved);
	errno = err == SSL_ERROR_SYSCALL && saved != 0 ? saved : EPROTO;
	return -1;
}

ssize_t
tls_read(struct tls *t, void *data, size_t len)
{
	size_t n;

	ERR_clear_error();
	errno = 0;
	if (SSL_read_ex(t->ssl, data, len, &n) == 1)
		return (ssize_t)n;
	return tls_stuck(t, errno);
}

ssize_t
tls_write(struct tls *t, const void *data, size_t len)
{
	size_t n;

	ERR_clear_error();
	errno = 0;
	if (SSL_write_ex(t->ssl, data, len, &n) == 1)
		return (ssize_t)n;
	/* to an end that was told before; 0 would be tried for ever */
	if (tls_stuck(t, errno) == 0)
		errno = EPIPE;
	return -1;
}

bool
tls_pending(const struct tls *t)
{
	return SSL_pending(t->ssl) > 0;
}

const char *
tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
tls_error(const struct tls *t)
{
	return t->error;
}
