/* SPDX-License-Identifier: ISC
 *
 * See tracee.h.
 */
#include "regress/confine/tracee.h"

#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACE_OPTIONS                                                          \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
	    PTRACE_O_TRACESYSGOOD)
#define SUSPEND_SECCOMP    0x00200000 /* PTRACE_O_SUSPEND_SECCOMP */
#define SECCOMP_GET_FILTER 0x420c     /* PTRACE_SECCOMP_GET_FILTER */
#define STOP_EVENT         128        /* PTRACE_EVENT_STOP */
#define BLOCKED_US         500000
#define REST_TRIES         500

#if defined(__x86_64__)
typedef struct user_regs_struct regs_t;
#define INSN_LEN     2
#define INSN_MASK    0xffffUL
#define INSN_SYSCALL 0x050fUL
#define INSN_BOTH    0x80cd050fUL /* syscall; int $0x80 */

static unsigned long
regs_pc(const regs_t *r)
{
	return r->rip;
}

static void
regs_call(regs_t *r, unsigned long pc, const struct call *c, enum entry entry)
{
	r->rip = pc;
	r->rax = (unsigned long)c->nr;
	r->orig_rax = (unsigned long)-1;
	if (entry == ENTRY_INT80) {
		r->rip += INSN_LEN;
		r->rbx = r->rcx = r->rdx = (unsigned long)-1;
		r->rsi = r->rdi = r->rbp = (unsigned long)-1;
		return;
	}
	r->rdi = c->arg[0];
	r->rsi = c->arg[1];
	r->rdx = c->arg[2];
	r->r10 = c->arg[3];
	r->r8 = c->arg[4];
	r->r9 = c->arg[5];
}

static long
regs_result(const regs_t *r)
{
	return (long)r->rax;
}

/* The call in which it was at rest is not begun again for it. */
static void
regs_interrupted(regs_t *r)
{
	if ((long)r->rax <= -512 && (long)r->rax >= -516)
		r->rax = (unsigned long)-EINTR;
	r->orig_rax = (unsigned long)-1;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct regs_t;
#define INSN_LEN     4
#define INSN_MASK    0xffffffffUL
#define INSN_SYSCALL 0xd4000001UL /* svc #0 */

static unsigned long
regs_pc(const regs_t *r)
{
	return r->pc;
}

static void
regs_call(regs_t *r, unsigned long pc, const struct call *c, enum entry entry)
{
	int i;

	r->pc = pc;
	r->regs[8] = (unsigned long)c->nr;
	for (i = 0; i < EXPECT_ARGS; i++)
		r->regs[i] = c->arg[i];
}

static long
regs_result(const regs_t *r)
{
	return (long)r->regs[0];
}

static void
regs_interrupted(regs_t *r)
{
	if ((long)r->regs[0] <= -512 && (long)r->regs[0] >= -516)
		r->regs[0] = (unsigned long)-EINTR;
}
#endif

static void
regs_get(pid_t pid, regs_t *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) != 0)
		err(1, "registers of %d", (int)pid);
}

static void
regs_set(pid_t pid, regs_t *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) != 0)
		err(1, "setting registers of %d", (int)pid);
}

/* Wait for it; false when that takes too long. */
static int
trace_wait(pid_t pid, int *status)
{
	struct itimerval soon = { .it_value = { 0, BLOCKED_US },
		.it_interval = { 0, BLOCKED_US } };
	struct itimerval off = { 0 };
	pid_t rc;

	if ((rc = waitpid(pid, status, __WALL | WNOHANG)) == 0) {
		setitimer(ITIMER_REAL, &soon, NULL);
		rc = waitpid(pid, status, __WALL);
		setitimer(ITIMER_REAL, &off, NULL);
	}
	if (rc < 0 && errno != EINTR)
		err(1, "waiting for %d", (int)pid);
	return rc == pid;
}

static void
trace_go(int request, pid_t pid)
{
	if (ptrace((enum __ptrace_request)request, pid, 0, 0) != 0)
		err(1, "letting %d go on", (int)pid);
}

static void
trace_options(pid_t pid, unsigned long options)
{
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, options) != 0)
		err(1, "options of %d", (int)pid);
}

static void
trace_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (!trace_wait(pid, &status) ||
	    (!WIFEXITED(status) && !WIFSIGNALED(status)))
		continue;
}

static void
on_alarm(int sig)
{
}

/* Stop it where it waits in a system call, so that there is one to repeat. */
static void
trace_rest(pid_t pid, unsigned long options, regs_t *r)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int status, tries;
	long insn;

	sigaction(SIGALRM, &sa, NULL);
	if (ptrace(PTRACE_SEIZE, pid, 0, options) != 0)
		err(1, "seizing %d", (int)pid);
	for (tries = 0; tries < REST_TRIES; tries++) {
		trace_go(PTRACE_INTERRUPT, pid);
		if (!trace_wait(pid, &status) || !WIFSTOPPED(status))
			errx(1, "%d does not stop", (int)pid);
		regs_get(pid, r);
		insn =
		    ptrace(PTRACE_PEEKTEXT, pid, regs_pc(r) - INSN_LEN, NULL);
		if (((unsigned long)insn & INSN_MASK) == INSN_SYSCALL)
			return;
		trace_go(PTRACE_CONT, pid);
		usleep(2000);
	}
	errx(1, "%d never rests", (int)pid);
}

/* Let it go on as it was. */
static void
trace_release(pid_t pid, regs_t *r)
{
	regs_interrupted(r);
	regs_set(pid, r);
	trace_go(PTRACE_DETACH, pid);
}

/* From a stop at pc: fork it, with its own parent as the copy's. */
static pid_t
trace_fork(pid_t pid, regs_t *rest)
{
	struct call c = { .nr = __NR_clone, .arg = { CLONE_PARENT | SIGCHLD } };
	unsigned long copy = 0;
	regs_t r = *rest;
	int status;

	regs_call(&r, regs_pc(rest) - INSN_LEN, &c, ENTRY_NATIVE);
	regs_set(pid, &r);
	trace_go(PTRACE_CONT, pid);
	if (!trace_wait(pid, &status) || !WIFSTOPPED(status) ||
	    status >> 16 == 0)
		errx(1, "%d does not fork", (int)pid);
	if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &copy) != 0)
		err(1, "the copy of %d", (int)pid);
	trace_go(PTRACE_SYSCALL, pid);
	if (!trace_wait(pid, &status) || !WIFSTOPPED(status))
		errx(1, "%d does not come back", (int)pid);
	if (!trace_wait((pid_t)copy, &status) || status >> 16 != STOP_EVENT)
		errx(1, "the copy of %d does not stop", (int)pid);
	return (pid_t)copy;
}

/* The site of the mother's instructions, for all her copies. */
static regs_t mother_rest;

void
tracee_hold(pid_t mother)
{
	trace_rest(mother, TRACE_OPTIONS | SUSPEND_SECCOMP | PTRACE_O_EXITKILL,
	    &mother_rest);
#ifdef __x86_64__
	/* she runs nothing else any more */
	if (ptrace(PTRACE_POKETEXT, mother, regs_pc(&mother_rest) - INSN_LEN,
		INSN_BOTH) != 0)
		err(1, "writing to %d", (int)mother);
#endif
}

/* The nth filter of a stopped process from the newest; how many
 * instructions, or -1 when there is none. */
static long
trace_filter(pid_t pid, unsigned long nth, struct sock_filter *f)
{
	long len =
	    ptrace((enum __ptrace_request)SECCOMP_GET_FILTER, pid, nth, NULL);

	if (len < 0 && errno == ENOENT)
		return -1;
	if (len < 0 || len > BPF_MAXINSNS ||
	    ptrace((enum __ptrace_request)SECCOMP_GET_FILTER, pid, nth, f) !=
		len)
		err(1, "filter of %d", (int)pid);
	return len;
}

/* Alike but for the process's own id, which is a constant in both. */
static int
filters_alike(const struct sock_filter *a, pid_t a_pid,
    const struct sock_filter *b, pid_t b_pid, long len)
{
	long i;

	for (i = 0; i < len; i++) {
		if (a[i].code != b[i].code || a[i].jt != b[i].jt ||
		    a[i].jf != b[i].jf)
			return 0;
		if (a[i].k != b[i].k &&
		    (a[i].k != (uint32_t)a_pid || b[i].k != (uint32_t)b_pid))
			return 0;
	}
	return 1;
}

int
tracee_same_filters(pid_t live, pid_t mother)
{
	static struct sock_filter a[BPF_MAXINSNS], b[BPF_MAXINSNS];
	unsigned long nth;
	int same = 1;
	regs_t r;
	long len;

	trace_rest(live, TRACE_OPTIONS, &r);
	for (nth = 0, len = 0; same && len >= 0; nth++) {
		len = trace_filter(live, nth, a);
		same = trace_filter(mother, nth, b) == len &&
		    filters_alike(a, live, b, mother, len);
	}
	trace_release(live, &r);
	return same && nth > 1;
}

/* One call of a stopped process. */
static struct result
trace_call(pid_t pid, unsigned long pc, regs_t *r, const struct call *c,
    enum entry entry)
{
	struct result result = { .how = RESULT_ENDED };
	int status;

	regs_call(r, pc, c, entry);
	regs_set(pid, r);
	trace_go(PTRACE_SINGLESTEP, pid);
	if (!trace_wait(pid, &status))
		result.how = RESULT_BLOCKED;
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		result.how = RESULT_KILLED;
	else if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
	    status >> 16 == 0) {
		regs_get(pid, r);
		result.how = RESULT_RETURNED;
		result.rc = regs_result(r);
		return result;
	}
	if (result.how == RESULT_BLOCKED || WIFSTOPPED(status))
		trace_kill(pid);
	return result;
}

struct result
tracee_try(pid_t mother, const struct call *c, enum entry entry, int filtered)
{
	unsigned long options = TRACE_OPTIONS | PTRACE_O_EXITKILL;
	regs_t r = mother_rest;
	struct result result;
	pid_t copy;

	copy = trace_fork(mother, &mother_rest);
	trace_options(copy, filtered ? options : options | SUSPEND_SECCOMP);
	result =
	    trace_call(copy, regs_pc(&mother_rest) - INSN_LEN, &r, c, entry);
	if (result.how == RESULT_RETURNED)
		trace_kill(copy);
	return result;
}

struct result
tracee_live(pid_t live, const struct call *c)
{
	struct result result;
	regs_t rest, r;

	trace_rest(live, TRACE_OPTIONS, &rest);
	r = rest;
	result =
	    trace_call(live, regs_pc(&rest) - INSN_LEN, &r, c, ENTRY_NATIVE);
	if (result.how != RESULT_RETURNED)
		return result;
	trace_release(live, &rest);
	return result;
}

void
tracee_end(pid_t mother)
{
	trace_kill(mother);
}
