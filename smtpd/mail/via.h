/* SPDX-License-Identifier: ISC
 *
 * Who an outcome comes from, as it is kept beside a reply: the next host's
 * name, its address, and the TLS version that was spoken, with blanks between
 * them and "-" for what there is none of.
 */
#ifndef MAIL_VIA_H
#define MAIL_VIA_H

#include "privsep/base/buf.h"

#define VIA_MAX 512 /* octets */

/* The three parts, each borrowed; empty for "-" or what is missing. */
struct via {
	struct span host;
	struct span address;
	struct span tls;
};

/* Append it; a part with a blank or a control character in it becomes "-".
 * Nothing is appended when all three are empty. */
void via_format(const struct via *, struct buf *out);

/* Take it apart; whatever it holds gives some struct via. */
struct via via_parse(struct span text);

#endif
