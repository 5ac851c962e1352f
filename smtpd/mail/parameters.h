/* SPDX-License-Identifier: ISC
 *
 * The parameters of MAIL and RCPT (RFC 5321 4.1.2): which there are, with
 * which extension they come and what values they take stands in
 * parameters.def.  Pure functions.
 */
#ifndef MAIL_PARAMETERS_H
#define MAIL_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/replies.h"

#define PARAM_ENVID_MAX 100 /* RFC 3461 4.4, encoded octets */
#define PARAM_ORCPT_MAX 500 /* RFC 3461 4.2, encoded octets */

/* Extensions that bring parameters: what the server announced to this
 * client, or what the server that we send to announced. */
enum param_ext {
	EXT_SIZE = 1 << 0,     /* RFC 1870 */
	EXT_8BITMIME = 1 << 1, /* RFC 6152 */
	EXT_SMTPUTF8 = 1 << 2, /* RFC 6531 */
	EXT_DSN = 1 << 3,      /* RFC 3461 */
	EXT_AUTH = 1 << 4      /* RFC 4954 */
};

enum mail_body {
	MAIL_BODY_UNSET,
	MAIL_BODY_7BIT,
	MAIL_BODY_8BITMIME
};

enum mail_ret {
	MAIL_RET_UNSET,
	MAIL_RET_FULL,
	MAIL_RET_HDRS
};

/* Bits of rcpt_params.notify; 0 when NOTIFY was not given.  NEVER stands
 * alone. */
enum rcpt_notify {
	RCPT_NOTIFY_NEVER = 1 << 0,
	RCPT_NOTIFY_SUCCESS = 1 << 1,
	RCPT_NOTIFY_FAILURE = 1 << 2,
	RCPT_NOTIFY_DELAY = 1 << 3
};

/* Parameters of MAIL.  envid is decoded and printable; AUTH= is checked and
 * then forgotten, as RFC 4954 5 lets a server that trusts no such claim. */
struct mail_params {
	uint64_t size; /* as declared, octets; see size_given */
	bool size_given;
	bool smtputf8;
	enum mail_body body;
	enum mail_ret ret;
	uint8_t envid_len; /* 0: not given */
	unsigned char envid[PARAM_ENVID_MAX];
};

/* Parameters of RCPT.  orcpt is the whole value, decoded: "rfc822;a@b" in
 * printable ASCII, or "utf-8;..." in UTF-8 without control characters. */
struct rcpt_params {
	uint8_t notify;     /* enum rcpt_notify */
	uint16_t orcpt_len; /* 0: not given */
	unsigned char orcpt[PARAM_ORCPT_MAX];
};

/* Parse what follows the path of MAIL or RCPT: nothing, or parameters each
 * after a space; ext has the bits of enum param_ext that were announced, in
 * RCPT EXT_SMTPUTF8 only when the transaction's MAIL had SMTPUTF8.  Returns 0
 * (RP_NONE) or the reply to give: RP_BAD_ARGUMENT for a bad value or one
 * given twice, RP_PARAM_UNKNOWN for a keyword that is not known or not
 * announced.  *out is written only on success.  Input is hostile. */
enum reply mail_params_parse(
    struct span in, unsigned ext, struct mail_params *out);
enum reply rcpt_params_parse(
    struct span in, unsigned ext, struct rcpt_params *out);

/* Append the parameters that were given and that ext knows, each with its
 * leading space: what a client adds to its command, and the form in which
 * they travel and are kept, since parsing it gives the same struct again.
 * 0 or the buffer's error. */
int mail_params_format(const struct mail_params *, unsigned ext, struct buf *);
int rcpt_params_format(const struct rcpt_params *, unsigned ext, struct buf *);

#endif
