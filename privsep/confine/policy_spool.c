/* SPDX-License-Identifier: ISC
 *
 * spool: files, of which it sees none but the queue's (its root directory),
 * and sealed memfds to give content away.  No call that makes a socket.
 */
#include <sys/mman.h>

#include <fcntl.h>

#include "privsep/confine/policy.h"

#define MEMFD_BITS (MFD_CLOEXEC | MFD_ALLOW_SEALING | 8U /* NOEXEC_SEAL */)

/* clang-format off */
const struct policy_rule policy_spool[] = {
	INCLUDE(policy_base),
	INCLUDE(policy_config),
	ALLOW(openat),
	ALLOW(newfstatat),
	ALLOW(lseek),
	ALLOW(preadv),
	ALLOW(pwrite64),
	ALLOW(pwritev),
	ALLOW(getdents64),
	ALLOW(mkdirat),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW(linkat),
	ALLOW(unlinkat),
	ALLOW(ftruncate),
	ALLOW(fallocate),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(sync_file_range),
	ALLOW(fstatfs),
	ALLOW(flock),
	ALLOW_IF(memfd_create, ONLY(1, MEMFD_BITS)),
	ALLOW_IF(fcntl, IS(1, F_ADD_SEALS)),
	END
};
/* clang-format on */
