/* SPDX-License-Identifier: ISC
 *
 * The project's error values, their class and their text.  A function that
 * can fail returns 0 or a negative value of this list, as in return -E_NOMEM.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	E_OK,
#define ERR(name, class, text) name,
#include "privsep/base/err.def"
#undef ERR
	E__MAX
};

enum err_class {
	ERR_TEMPORARY,
	ERR_PERMANENT,
	ERR_PEER
};

/* The class of a negative error value; TEMPORARY for one out of the list. */
enum err_class err_class(int error);

/* A static English text for a negative error value, without a full stop. */
const char *err_text(int error);

/* The error value, negative, that stands for an errno: ENOSPC and EDQUOT are
 * -E_NOSPACE, ENOMEM -E_NOMEM, ENOENT -E_NOENT, EACCES and EPERM -E_DENIED,
 * EEXIST -E_EXIST, everything else -E_IO. */
int err_from_errno(int errnum);

#endif
