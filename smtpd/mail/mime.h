/* SPDX-License-Identifier: ISC
 *
 * The values of Content-Type and Content-Transfer-Encoding (RFC 2045 5.1, 6.1),
 * as header_next() gives them, with comments and folding.  Pure functions.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "privsep/base/buf.h"

#define MIME_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* A type.  Borrows from the value.  One without a subtype, as of old, has an
 * empty one. */
struct mime_type {
	struct span type;
	struct span subtype;
	struct span parameters; /* for mime_parameter() */
};

/* Read a Content-Type.  0, or -E_SYNTAX for what is none.  What follows the
 * type is not looked at.  Input is hostile. */
int mime_type_parse(struct span value, struct mime_type *out);

/* The type is this one, "text/plain", or with that type "text" alone. */
bool mime_type_is(const struct mime_type *, const char *name);

/* The parameter of that name, without quotes, into out, which holds max octets;
 * its length in *len.  0; -E_NOENT without one; -E_TOOLONG; -E_SYNTAX when the
 * parameters cannot be read to their end, so that somebody may read them
 * otherwise: there are two of that name, or one in pieces (RFC 2231).  Input
 * is hostile. */
int mime_parameter(const struct mime_type *, const char *name,
    unsigned char *out, size_t max, size_t *len);

/* A boundary that everybody finds again: printable ASCII, no blank at its end
 * (RFC 2046 5.1.1). */
bool mime_boundary_ok(struct span boundary);

enum mime_encoding {
	MIME_7BIT, /* also what is there without the field */
	MIME_8BIT,
	MIME_BINARY,
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_UNKNOWN
};

/* Read a Content-Transfer-Encoding.  Input is hostile. */
enum mime_encoding mime_encoding_parse(struct span value);

#endif
