/* SPDX-License-Identifier: ISC
 *
 * What a server announces in its answer to EHLO (RFC 5321 4.1.1.1).
 */
#ifndef RELAY_EHLO_H
#define RELAY_EHLO_H

#include <stdint.h>

#include "privsep/base/buf.h"
#include "smtpd/mail/parameters.h"

/* Mechanisms of AUTH. */
#define EHLO_AUTH_PLAIN 1U
#define EHLO_AUTH_LOGIN 2U

/* What it has beside extensions that bring parameters (enum param_ext). */
struct ehlo {
	unsigned ext;      /* enum param_ext */
	bool pipelining;   /* RFC 2920 */
	bool starttls;     /* RFC 3207 */
	unsigned auth;     /* RFC 4954: EHLO_AUTH_* */
	uint64_t size;     /* RFC 1870, octets; 0: not said */
	uint64_t rcpt_max; /* RFC 9422 LIMITS; 0: not said */
	uint64_t mail_max;
};

/* Take in the text of one line after the first.  What is not known, or out of
 * shape, says nothing. */
void ehlo_line(struct ehlo *, struct span text);

#endif
