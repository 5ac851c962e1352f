/* SPDX-License-Identifier: ISC
 *
 * What every role needs to be a process with a loop, channels and memory, and
 * no more.  Nothing here opens, creates or reaches anything that the process
 * does not hold already.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "privsep/confine/policy.h"

#define NEVER_SENT (MSG_OOB | MSG_FASTOPEN) /* the latter would connect */
#define MAP_BITS                                                               \
	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK |             \
	    MAP_FIXED_NOREPLACE)

/* clang-format off */
#define FUTEX(op) \
	ALLOW_IF(futex, { POLICY_BITS, 1, \
	    MASK32 & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), \
	    (op) })

/* The kernel answers in the C library's stead, where that tries something
 * lazily and copes with a refusal. */
static const struct policy_rule libc_errno[] = {
	REFUSE(ioctl, ENOTTY),
	REFUSE(clone3, ENOSYS),		/* EPERM would stop its falling back */
	REFUSE(clone, EAGAIN),
	REFUSE(rseq, ENOSYS),
	REFUSE(set_robust_list, ENOSYS),
	REFUSE(openat2, ENOSYS),
	REFUSE(futex_waitv, ENOSYS),
	REFUSE(faccessat2, ENOSYS),
	REFUSE(statx, ENOSYS),
	REFUSE(prctl, EINVAL),
	REFUSE(sysinfo, EPERM),
	REFUSE(sched_getaffinity, EPERM),
	REFUSE(readlinkat, EINVAL),
	REFUSE(shmget, EACCES),
#ifdef __x86_64__
	REFUSE(open, EACCES),
	REFUSE(stat, EACCES),
	REFUSE(lstat, EACCES),
	REFUSE(access, EACCES),
	REFUSE(readlink, EINVAL),
#endif
	END
};

const struct policy_rule policy_base[] = {
	/* descriptors that it has */
	ALLOW(read),
	ALLOW(write),
	ALLOW(readv),
	ALLOW(writev),
	ALLOW(close),
	ALLOW(fstat),
	ALLOW_IF(fcntl, IS(1, F_GETFL)),
	ALLOW_IF(fcntl, IS(1, F_SETFL)),
	ALLOW_IF(fcntl, IS(1, F_GETFD)),
	ALLOW_IF(fcntl, IS(1, F_SETFD)),
	ALLOW_IF(fcntl, IS(1, F_DUPFD_CLOEXEC)),

	/* channels and connections */
	ALLOW_IF(recvmsg, LACKS(2, MSG_OOB)),
	ALLOW_IF(sendmsg, LACKS(2, NEVER_SENT)),
	ALLOW_IF(recvmmsg, LACKS(3, MSG_OOB)),
	ALLOW_IF(sendmmsg, LACKS(3, NEVER_SENT)),
	ALLOW_IF(recvfrom, LACKS(3, MSG_OOB)),
	ALLOW_IF(sendto, LACKS(3, NEVER_SENT), NULL_PTR(4)),
	ALLOW(shutdown),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_ERROR)),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_TYPE)),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_DOMAIN)),

	/* the loop */
	ALLOW(epoll_ctl),
	ALLOW(epoll_pwait),
	ALLOW(epoll_pwait2),
	ALLOW(ppoll),
#ifdef __x86_64__
	ALLOW(epoll_wait),
	ALLOW(poll),
	ALLOW(time),
#endif

	/* memory: anonymous, and never executable */
	ALLOW(brk),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW_IF(mmap, LACKS(2, PROT_EXEC), ONLY(3, MAP_BITS), IS(4, -1)),
	ALLOW_IF(mprotect, LACKS(2, PROT_EXEC)),
	ALLOW_IF(madvise, IS(2, MADV_DONTNEED)),
	ALLOW_IF(madvise, IS(2, MADV_FREE)),
	ALLOW_IF(madvise, IS(2, MADV_DONTDUMP)),
	ALLOW_IF(madvise, IS(2, MADV_WIPEONFORK)),
	ALLOW_IF(madvise, IS(2, MADV_HUGEPAGE)),
	ALLOW_IF(madvise, IS(2, MADV_NOHUGEPAGE)),

	/* time, chance, who am I */
	ALLOW(clock_gettime),
	ALLOW(gettimeofday),
	ALLOW(clock_nanosleep),
	ALLOW(nanosleep),
	ALLOW(getrandom),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(uname),

	/* signals handled before, the end, and abort(3) seen as what it is */
	ALLOW(rt_sigreturn),
	ALLOW(rt_sigprocmask),
	ALLOW(restart_syscall),
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW_IF(tgkill, OWN_PID(0), IS(2, SIGABRT)),
	FUTEX(FUTEX_WAIT),
	FUTEX(FUTEX_WAKE),
	FUTEX(FUTEX_REQUEUE),
	FUTEX(FUTEX_CMP_REQUEUE),
	FUTEX(FUTEX_WAIT_BITSET),
	FUTEX(FUTEX_WAKE_BITSET),
	INCLUDE(libc_errno),
	END
};

const struct policy_rule policy_no_files[] = {
	REFUSE(openat, EACCES),
	ALLOW_IF(newfstatat, HAS(3, AT_EMPTY_PATH)),	/* is fstat(3) */
	REFUSE_IF(newfstatat, EACCES, LACKS(3, AT_EMPTY_PATH)),
	REFUSE(lseek, ESPIPE),
	END
};

const struct policy_rule policy_config[] = {
	ALLOW_IF(mmap, IS(2, PROT_READ), IS(3, MAP_PRIVATE)),
	ALLOW(pread64),
	ALLOW_IF(fcntl, IS(1, F_GET_SEALS)),
	END
};
/* clang-format on */
