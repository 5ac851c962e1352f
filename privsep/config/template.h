/* SPDX-License-Identifier: ISC
 *
 * Path templates of actions, such as "/var/vmail/%{rcpt.domain}/%{rcpt.user}".
 * The text between the variables is the administrator's; the values come from
 * the network and can never leave the path component that they stand in.
 */
#ifndef CONFIG_TEMPLATE_H
#define CONFIG_TEMPLATE_H

#include <stddef.h>

#include "privsep/base/buf.h"

struct template;

enum template_var {
#define TEMPLATE_VAR(id, name, meaning) id,
#include "privsep/config/template.def"
#undef TEMPLATE_VAR
	TV__MAX
};

/* The values, borrowed; one that was not set (p NULL) expands to "". */
struct template_values {
	struct span v[TV__MAX];
	char delim; /* of sub-addresses, for the modifier strip */
};

#define TEMPLATE_TEXT_MAX 1024 /* octets of a template as written */
#define TEMPLATE_PATH_MAX 4095 /* octets of an expanded path */

/*
 * Parse text (a path that begins with "/", "~/" or "%{user.directory}").
 * Gives *out (template_free).  0, or -E_SYNTAX, -E_TOOLONG or -E_NOMEM with
 * *out untouched and *why, a static text, and *at, an offset into text, set.
 */
int template_parse(
    struct span text, struct template **out, const char **why, size_t *at);

/* NULL is allowed. */
void template_free(struct template *t);

/* The text as it was written, borrowed. */
struct span template_text(const struct template *t);

/*
 * Append the path, without a NUL, to out.  A leading "~" is the value of
 * user.directory.  user.directory is put in as it is and must be an absolute
 * path without "." or ".." components; in every other value "/", control
 * characters and a leading "." become "_", and an empty one is "_".
 * 0, -E_DENIED for a bad user.directory, -E_TOOLONG or -E_NOMEM.
 */
int template_expand(
    const struct template *t, const struct template_values *v, struct buf *out);

/* The words of a variable, as in "rcpt.user". */
const char *template_var_name(enum template_var var);

#endif
