/* SPDX-License-Identifier: ISC
 *
 * master: a list of what is denied to it and to all that it starts: ways into
 * other processes, into the kernel, and around a filter.
 */
#include "privsep/confine/policy.h"

/* clang-format off */
const struct policy_rule policy_master[] = {
	KILL(ptrace),
	KILL(process_vm_readv),
	KILL(process_vm_writev),
	KILL(process_madvise),
	KILL(kcmp),
	KILL(pidfd_getfd),
	KILL(io_uring_setup),
	KILL(io_uring_enter),
	KILL(io_uring_register),
	KILL(bpf),
	KILL(perf_event_open),
	KILL(userfaultfd),
	KILL(kexec_load),
	KILL(kexec_file_load),
	KILL(init_module),
	KILL(finit_module),
	KILL(delete_module),
	KILL(keyctl),
	KILL(add_key),
	KILL(request_key),
	KILL(open_by_handle_at),
	KILL(name_to_handle_at),
	KILL(reboot),
	KILL(swapon),
	KILL(swapoff),
	KILL(acct),
	KILL(quotactl),
	KILL(settimeofday),
	KILL(clock_settime),
	KILL(adjtimex),
	KILL(syslog),
	KILL(personality),
	KILL(vhangup),
#ifdef __x86_64__
	KILL(iopl),
	KILL(ioperm),
	KILL(modify_ldt),
#endif
	END
};
/* clang-format on */
