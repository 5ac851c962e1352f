/* SPDX-License-Identifier: ISC
 *
 * inject ROLE PID: is the filter of that live process what the role's table
 * says?  A child confines itself as the role by the recipe that all processes
 * use; the live process must have the same filters, instruction by
 * instruction; and every system call, with telling arguments, is tried on
 * copies of the child and its verdict held against the table.  What only
 * returns an error is tried on the live process too.  Prints what differs;
 * the last line says how much was tried.
 *
 * inject -k NUMBER PID: let the live process itself make that call.  Prints
 * what became of it: "killed", "ended", "blocked", or what it returned.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "regress/confine/tracee.h"

#define NR_END  600        /* past what any kernel has by now */
#define X32_BIT 0x40000000 /* x86_64: numbers of the x32 ABI */

static struct {
	enum role role;
	pid_t live;
	pid_t mother;
	unsigned tried;
	unsigned killed;
	unsigned differ;
} self;

/* In the C library's stead: the one limit that would keep copies from being
 * made is left out. */
int
setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
	return what == RLIMIT_NPROC ? 0 : prlimit(0, what, limit, NULL);
}

/* In the child: confined as the role, and at rest. */
static _Noreturn void
mother_main(struct confine_params *p, int fd)
{
	const char *step = "none";
	char c;

	if (confine_master(&step) != 0 ||
	    (p->role != ROLE_MASTER && confine_enter(p, &step) != 0))
		errx(1, "confining: %s", step);
	if (write(fd, "r", 1) == 1)
		(void)!read(fd, &c, 1);
	_exit(0);
}

static pid_t
mother_start(enum role role)
{
	static const char *const dirs[] = { "/tmp", NULL };
	struct confine_params p = { .role = role,
		.uid = role_reserved_id(role),
		.gid = role_reserved_id(role),
		.root = "/tmp",
		.dirs = role == ROLE_MAILER ? dirs : NULL };
	const char *step = "none";
	int pair[2];
	pid_t pid;
	char c;

	if (confine_make_namespaces(&p.net_fd, &p.root_fd, &step) != 0)
		errx(1, "%s", step);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0 ||
	    (pid = fork()) < 0)
		err(1, "fork");
	if (pid == 0) {
		close(pair[0]);
		mother_main(&p, pair[1]);
	}
	close(pair[1]);
	if (read(pair[0], &c, 1) != 1)
		errx(1, "no process to copy");
	return pid;
}

static const char *
result_text(const struct result *r, char *text, size_t size)
{
	switch (r->how) {
	case RESULT_KILLED:
		return "killed";
	case RESULT_ENDED:
		return "ended";
	case RESULT_BLOCKED:
		return "blocked";
	case RESULT_RETURNED:
		break;
	}
	snprintf(text, size, "%ld", r->rc);
	return text;
}

static void
complain(const struct call *c, const char *how, const char *expected,
    const struct result *r)
{
	char text[32];

	self.differ++;
	printf("%s: call %ld%s (%lx %lx %lx %lx %lx %lx): expected %s, is %s\n",
	    roles[self.role].name, c->nr & ~X32_BIT, how,
	    (unsigned long)c->arg[0], (unsigned long)c->arg[1],
	    (unsigned long)c->arg[2], (unsigned long)c->arg[3],
	    (unsigned long)c->arg[4], (unsigned long)c->arg[5], expected,
	    result_text(r, text, sizeof(text)));
}

static struct result
attempt(const struct call *c, enum entry entry)
{
	struct result r = tracee_try(self.mother, c, entry, 1);

	self.tried++;
	if (r.how == RESULT_KILLED)
		self.killed++;
	return r;
}

/* uretprobe and uprobe of x86_64 (Linux 6.11, 6.18): the kernel's own
 * trampolines make them, so that it lets them past every filter, and refuses
 * them to whoever else does: SIGILL and ENXIO. */
static int
past_filters(const struct call *c, const struct result *r)
{
#ifdef __x86_64__
	return (c->nr == 335 && r->how == RESULT_ENDED) ||
	    (c->nr == 336 && r->how == RESULT_RETURNED && r->rc == -ENXIO);
#else
	return 0;
#endif
}

static void
check_killed(const struct call *c, enum entry entry, const char *how)
{
	struct result r = attempt(c, entry);

	if (r.how != RESULT_KILLED && !past_filters(c, &r))
		complain(c, how, "killed", &r);
}

/* Let through: it does what it would do without a filter, as far as that is
 * an error. */
static void
check_allowed(const struct call *c)
{
	struct result free, r = attempt(c, ENTRY_NATIVE);
	char text[32];

	if (r.how == RESULT_KILLED)
		complain(c, "", "allowed", &r);
	if (r.how != RESULT_RETURNED || r.rc >= 0)
		return;
	free = tracee_try(self.mother, c, ENTRY_NATIVE, 0);
	if (free.how != RESULT_RETURNED || free.rc != r.rc)
		complain(c, "", result_text(&free, text, sizeof(text)), &r);
}

/* Refused: just so, and not for the kernel's own reasons. */
static void
check_errno(const struct call *c, int expected)
{
	struct result free, r = attempt(c, ENTRY_NATIVE);
	char text[32];

	snprintf(text, sizeof(text), "%d", -expected);
	if (r.how != RESULT_RETURNED || r.rc != -expected)
		complain(c, "", text, &r);
	free = tracee_try(self.mother, c, ENTRY_NATIVE, 0);
	if (free.how == RESULT_RETURNED && free.rc == -expected)
		complain(c, " without a filter", "another result", &free);
	r = tracee_live(self.live, c);
	if (r.how != RESULT_RETURNED || r.rc != -expected)
		complain(c, " live", text, &r);
}

static void
check(const struct call *c)
{
	int verdict = expect_verdict(self.role, self.mother, c);

	if (verdict == EXPECT_KILL)
		check_killed(c, ENTRY_NATIVE, "");
	else if (self.role == ROLE_MASTER)
		return; /* it is root: nothing is to happen by accident */
	else if (verdict == EXPECT_ALLOW)
		check_allowed(c);
	else
		check_errno(c, verdict);
}

#ifdef __x86_64__
static void
check_foreign(long nr)
{
	struct call c = { .nr = nr };

	check_killed(&c, ENTRY_INT80, " by int 0x80");
	memset(c.arg, 0xff, sizeof(c.arg));
	c.nr |= X32_BIT;
	check_killed(&c, ENTRY_NATIVE, " of x32");
}
#else
static void
check_foreign(long nr)
{
}
#endif

static int
inject_all(void)
{
	struct call *calls;
	size_t i, n;
	long nr;

	self.mother = mother_start(self.role);
	tracee_hold(self.mother);
	if (!tracee_same_filters(self.live, self.mother)) {
		printf("%s: process %d has other filters\n",
		    roles[self.role].name, (int)self.live);
		self.differ++;
	}
	for (nr = 0; nr < NR_END; nr++) {
		calls = expect_calls(self.role, self.mother, nr, &n);
		for (i = 0; i < n; i++)
			check(&calls[i]);
		free(calls);
		check_foreign(nr);
	}
	tracee_end(self.mother);
	printf("%s: %u tried, %u killed, %u differ\n", roles[self.role].name,
	    self.tried, self.killed, self.differ);
	return self.differ > 0 || self.tried == 0;
}

static int
inject_live(long nr, pid_t pid)
{
	struct call c = { .nr = nr };
	struct result r;
	char text[32];

	memset(c.arg, 0xff, sizeof(c.arg));
	r = tracee_live(pid, &c);
	printf("%s\n", result_text(&r, text, sizeof(text)));
	return 0;
}

int
main(int argc, char **argv)
{
	const char *bad = NULL;
	long long nr;

	if (argc == 4 && strcmp(argv[1], "-k") == 0) {
		nr = strtonum(argv[2], 0, X32_BIT * 2LL, &bad);
		self.live = (pid_t)strtonum(argv[3], 1, 1 << 30, &bad);
		if (bad == NULL)
			return inject_live((long)nr, self.live);
	} else if (argc == 3) {
		self.role = role_by_name(argv[1]);
		self.live = (pid_t)strtonum(argv[2], 1, 1 << 30, &bad);
		if (bad == NULL && self.role != ROLE__MAX)
			return inject_all();
	}
	errx(1, "usage: inject ROLE PID | inject -k NUMBER PID");
}
