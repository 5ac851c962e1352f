/* SPDX-License-Identifier: ISC
 *
 * The two encodings in parameters of delivery status notification: xtext
 * (RFC 3461 4) and the utf-8 address type of RFC 6533 3.  Both are read and
 * written one character at a time, with the bound in the reader.
 */
#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "privsep/base/buf.h"

/* Decode xtext into out, which holds max octets and gives its length in *len.
 * -E_SYNTAX for what is no xtext or decodes to anything but printable ASCII
 * and spaces, -E_TOOLONG when it does not fit; then out is not to be read. */
int xtext_decode(struct span in, unsigned char *out, size_t max, size_t *len);

/* Append s as xtext.  0 or the buffer's error. */
int xtext_encode(struct span s, struct buf *out);

/* Decode the address of an ORCPT of type utf-8: \x{HEX} stands for a code
 * point, and with raw set UTF-8 may stand for itself.  No controls come out.
 * Errors as above. */
int utf8_addr_decode(
    struct span in, bool raw, unsigned char *out, size_t max, size_t *len);

/* Append valid UTF-8 in that form, with raw as itself where it may be.  0 or
 * the buffer's error. */
int utf8_addr_encode(struct span s, bool raw, struct buf *out);

#endif
