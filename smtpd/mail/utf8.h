/* SPDX-License-Identifier: ISC
 *
 * Strict UTF-8 (RFC 3629): one sequence at a time, nothing overlong, no
 * surrogates, nothing above U+10FFFF.
 */
#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"

#define UTF8_MAX 4 /* octets of one sequence */

/* Decode the sequence at the start of s.  Returns its length, 1 to 4, and
 * gives the code point; 0 when s is empty or does not begin with a whole and
 * valid sequence. */
size_t utf8_decode(struct span s, uint32_t *point);

/* Encode a code point.  Returns the octets written, 0 for a surrogate or one
 * above U+10FFFF. */
size_t utf8_encode(uint32_t point, unsigned char out[UTF8_MAX]);

/* All of s is valid UTF-8. */
bool utf8_valid(struct span s);

/* All of s is ASCII. */
bool utf8_is_ascii(struct span s);

#endif
