/* SPDX-License-Identifier: ISC
 *
 * The sender's side of SMTP (RFC 5321) and LMTP (RFC 2033) over one connection
 * that stands: greeting, EHLO, then one transaction after another.  It knows
 * nothing of where the connection goes or why.  The other side is hostile:
 * whatever it says costs this connection at most.
 */
#ifndef RELAY_CLIENT_H
#define RELAY_CLIENT_H

#include "delivery/relay/ip.h"
#include "delivery/relay/relay.h"

struct client;

struct client_params {
	enum relay_proto proto;
	enum relay_tls tls;
	const char *host;   /* its name, for certificates and reports */
	const union ip *ip; /* where it is */
	struct span helo;   /* our name */
	struct span user;   /* empty: no AUTH */
	struct span password;
	bool refuse_8bit; /* rather than convert */
};

/* What it tells; it may be freed from any of these. */
struct client_ops {
	/* The other side will take a job: client_send() may be called from
	 * here. */
	void (*ready)(void *arg);
	/* Recipient i of the job has its outcome. */
	void (*settled)(void *arg, size_t i, const struct verdict *);
	/* The job is over: every recipient has its outcome; or, with taken
	 * false, the connection ended before the other side had said a word
	 * about it, and none has.  ready() or failed() follows. */
	void (*sent)(void *arg, bool taken);
	/* The connection is of no more use. */
	void (*failed)(void *arg, const struct verdict *);
};

/* Begin, over fd, which it takes.  Nothing is called from here.  The strings
 * of params are copied.  NULL without memory (fd is closed then). */
struct client *client_new(
    int fd, const struct client_params *, const struct client_ops *, void *arg);

/* Send the job, which is borrowed until sent().  Only after ready(). */
void client_send(struct client *, struct job *);

/* How many recipients one transaction may have there, and how many transactions
 * one connection; 0: not said (RFC 9422). */
size_t client_rcpt_max(const struct client *);
uint64_t client_mail_max(const struct client *);

/* The other side's TLS as in via.h, "" without. */
const char *client_tls(const struct client *);

/* Whether it has failed in a TLS handshake that was as good as none: the host
 * may be reached without. */
bool client_plain_next(const struct client *);

/* No more is wanted of it: QUIT where that is in order, and the end. */
void client_free(struct client *);

#endif
