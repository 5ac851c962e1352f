/* SPDX-License-Identifier: ISC
 *
 * mailer: files as the recipient, of whose reach Landlock leaves it the
 * mailbox's directories.  No call that makes a socket or runs a program.
 */
#include <fcntl.h>

#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_mailer[] = {
	INCLUDE(policy_base),
	ALLOW(openat),
	ALLOW(newfstatat),
	ALLOW(lseek),
	ALLOW(pread64),
	ALLOW(pwrite64),
	ALLOW(getdents64),
	ALLOW(mkdirat),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW(linkat),
	ALLOW(unlinkat),
	ALLOW(fchmod),
	ALLOW(ftruncate),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(syncfs),
	ALLOW(fstatfs),
	ALLOW(sync_file_range),
	ALLOW(copy_file_range),
	ALLOW(sendfile),
	ALLOW(flock),
	ALLOW_IF(fcntl, IS(1, F_GETLK)),
	ALLOW_IF(fcntl, IS(1, F_SETLK)),
	ALLOW_IF(fcntl, IS(1, F_SETLKW)),
	ALLOW_IF(fcntl, IS(1, F_OFD_SETLK)),
	ALLOW_IF(fcntl, IS(1, F_GET_SEALS)),
	END
};
/* clang-format on */
