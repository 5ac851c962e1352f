/* SPDX-License-Identifier: ISC
 *
 * sendmail: hands a message from a local program to the daemon, as a small
 * SMTP client of its submission socket.  It is neither set-uid nor set-gid;
 * who submits is what the kernel says of the socket.
 */
#ifndef SMTPCTL_SENDMAIL_H
#define SMTPCTL_SENDMAIL_H

#include <stdbool.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/parameters.h"

#define SENDMAIL_RCPTS_MAX 1000
#define PHRASE_NAME_MAX    256 /* octets of a display name */

/* What the daemon is known to offer on its submission socket. */
#define SENDMAIL_EXT       (EXT_SIZE | EXT_8BITMIME | EXT_SMTPUTF8 | EXT_DSN)

/* What the options say. */
struct sendmail {
	bool ignore_dot;      /* -i: a line of one dot is text */
	bool from_header;     /* -t: recipients out of the header */
	bool sender_given;    /* -f */
	const char *fullname; /* -F, or NULL */
	struct mail_params mail;
	struct rcpt_params rcpt;
	struct mail_address sender;
	struct mail_address rcpts[SENDMAIL_RCPTS_MAX];
	size_t nrcpts;
};

/* --- dialogue.c: the SMTP client --- */

/* Connect and say EHLO; the daemon's host name is in dialogue_host().  The
 * functions of this file end the process, with an exit status of sysexits(3)
 * and a message, when the daemon is not there or refuses. */
void dialogue_open(void);

/* The host name of the daemon, by which addresses are completed. */
struct span dialogue_host(void);

/* MAIL and RCPT for everything in the struct; then DATA. */
void dialogue_envelope(const struct sendmail *);
void dialogue_data(void);

/* Add a line of content, without its end; ended by dialogue_finish(), which
 * returns when the message is safe with the daemon. */
void dialogue_line(struct span line);
void dialogue_finish(void);

/* -bv: say of each recipient what RCPT says.  Returns an exit status. */
int dialogue_verify(const struct sendmail *);

/* -bs: pass the caller's SMTP on.  Returns an exit status. */
int dialogue_pass(void);

/* --- compose.c: the message on standard input --- */

/* Read all of it, which may take as long as its writer likes.  Exits with
 * EX_DATAERR, EX_IOERR or EX_TEMPFAIL when it cannot be read or kept. */
void compose_read(const struct sendmail *);

/* Take recipients from the header (-t), complete it and them. */
void compose_header(struct sendmail *);

/* Send the header, then the body. */
void compose_send(void);

/* Add the addresses of a list as it stands in a header field.  0, or an error
 * of header_list_next(); exits with EX_USAGE when they are too many. */
int compose_add_rcpts(struct sendmail *, struct span text);

/* Complete an address without a domain by the daemon's host name; exits with
 * EX_USAGE when it cannot be one. */
void compose_qualify(struct mail_address *);

/* --- phrase.c --- */

/* Append a display name, as it has to be written after "From: ", and what
 * stands between it and the address: a blank or a fold.  Appends nothing for
 * one that is empty, too long, not UTF-8 or holds controls. */
void phrase_add(struct span name, struct buf *);

#endif
