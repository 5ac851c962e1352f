/* SPDX-License-Identifier: ISC
 *
 * The capability sets, by the kernel's own calls.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/capability.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine_int.h"

int
caps_bound(uint64_t keep)
{
	unsigned long cap;

	/* The kernel may know more of them than its headers here did. */
	for (cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			break;
		if ((keep >> cap & 1) == 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return err_from_errno(errno);
	}
	return cap == 0 ? -E_DENIED : 0;
}

int
caps_keep(uint64_t keep)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t part;
	int i;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return err_from_errno(errno);
	if (syscall(__NR_capget, &head, data) != 0)
		return err_from_errno(errno);
	for (i = 0; i < 2; i++) {
		part = (uint32_t)(keep >> (32 * i));
		data[i].permitted &= part;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(__NR_capset, &head, data) != 0)
		return err_from_errno(errno);
	return 0;
}
