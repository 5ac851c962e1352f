/* SPDX-License-Identifier: ISC
 *
 * The fields that we write ourselves: Received, Return-Path and Delivered-To
 * (RFC 5321 4.4), Message-ID and Date for mail that is submitted without.
 * Each value is checked again here; what does not pass is not written.  Lines
 * end in LF, are folded, and hold ASCII unless the message is SMTPUTF8.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/address.h"

#define TRACE_MAX 2048 /* octets of the longest field made here */

/* What a Received field says.  Borrows everything. */
struct trace_received {
	struct span helo; /* argument of HELO or EHLO; empty: none was given */
	struct span name; /* name of the peer's address; empty: unknown */
	struct span addr; /* that address as inet_ntop(3) gives it; empty: the
			       peer is a local user */
	uint32_t uid;     /* that user */
	struct span by;   /* our host name */
	bool esmtp;       /* EHLO was said */
	bool tls;         /* the session has TLS */
	bool authenticated; /* the client has authenticated */
	bool utf8;          /* MAIL had SMTPUTF8 */
	uint64_t msgid;
	const struct mail_address *rcpt; /* the only recipient, or NULL */
	time_t date;
};

/* Append the Received field.  0 or the buffer's error. */
int trace_received(const struct trace_received *, struct buf *);

/* Append Return-Path for final delivery; sender may be the null one. */
int trace_return_path(const struct mail_address *sender, struct buf *);

/* Append Delivered-To, by which loops are seen. */
int trace_delivered_to(const struct mail_address *rcpt, struct buf *);

/* Append Message-ID: <msgid@host>.  -E_SYNTAX if host is no domain. */
int trace_message_id(uint64_t msgid, struct span host, struct buf *);

/* Append Date. */
int trace_date(time_t, struct buf *);

/* The protocol's name for "with": SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA (RFC
 * 3848) and the UTF8 forms (RFC 6531 4.3). */
const char *trace_protocol(bool esmtp, bool tls, bool authenticated, bool utf8);

#endif
