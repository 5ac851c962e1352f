/* SPDX-License-Identifier: ISC
 *
 * Error values: class and text from err.def.
 */
#include <errno.h>
#include <stddef.h>

#include "privsep/base/err.h"

static const struct {
	enum err_class class;
	const char *text;
} errors[E__MAX] = {
	[E_OK] = { ERR_TEMPORARY, "no error" },
#define ERR(name, class, text) [name] = { ERR_##class, text },
#include "privsep/base/err.def"
#undef ERR
};

static size_t
err_index(int error)
{
	if (error > 0 || error <= -(int)E__MAX)
		return E_OK;
	return (size_t)-error;
}

enum err_class
err_class(int error)
{
	return errors[err_index(error)].class;
}

const char *
err_text(int error)
{
	return errors[err_index(error)].text;
}

int
err_from_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return -E_NOSPACE;
	case ENOMEM:
		return -E_NOMEM;
	case ENOENT:
		return -E_NOENT;
	case EACCES:
	case EPERM:
		return -E_DENIED;
	case EEXIST:
		return -E_EXIST;
	default:
		return -E_IO;
	}
}
