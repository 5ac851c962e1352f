/* SPDX-License-Identifier: ISC
 *
 * The two namespaces that roles join.  A short-lived child makes them, since
 * the master has to stay where it is; the descriptors keep them alive.
 */
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "privsep/confine/confine_int.h"

static int
ns_unshare(const struct confine_params *p)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0
							: err_from_errno(errno);
}

/* /proc is there wherever we run, and nobody needs it in this namespace. */
static int
ns_empty_root(const struct confine_params *p)
{
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", "tmpfs", flags,
		"size=4k,nr_inodes=2,mode=0555") != 0 ||
	    chdir("/proc") != 0 || syscall(__NR_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return err_from_errno(errno);
	return 0;
}

static const struct confine_step ns_steps[] = {
	{ "making namespaces", ns_unshare },
	{ "making the empty root", ns_empty_root },
	{ NULL, NULL },
};

/* In the child: make them, say how it went, and wait for the end. */
static _Noreturn void
ns_child(int fd)
{
	const char *step;
	unsigned char answer = 0;

	if (confine_steps(ns_steps, NULL, &step) != 0)
		answer = step == ns_steps[0].name ? 1 : 2;
	if (write(fd, &answer, 1) == 1)
		(void)!read(fd, &answer, 1);
	_exit(0);
}

static int
ns_open(pid_t pid, const char *which)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, which);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_from_errno(errno);
	return fd;
}

static int
ns_take(pid_t pid, int fd, int *net_fd, int *root_fd, const char **step)
{
	unsigned char answer = 1;
	int net, root;

	*step = ns_steps[0].name;
	if (read(fd, &answer, 1) != 1)
		return -E_IO;
	if (answer != 0) {
		*step = ns_steps[answer == 1 ? 0 : 1].name;
		return -E_DENIED;
	}
	*step = "opening namespaces";
	if ((net = ns_open(pid, "net")) < 0)
		return net;
	if ((root = ns_open(pid, "mnt")) < 0) {
		close(net);
		return root;
	}
	*net_fd = net;
	*root_fd = root;
	return 0;
}

int
confine_make_namespaces(int *net_fd, int *root_fd, const char **step)
{
	int pair[2], error;
	pid_t pid;

	*step = "starting a process";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_from_errno(errno);
	if ((pid = fork()) < 0) {
		error = err_from_errno(errno);
		close(pair[0]);
		close(pair[1]);
		return error;
	}
	if (pid == 0) {
		close(pair[0]);
		ns_child(pair[1]);
	}
	close(pair[1]);
	error = ns_take(pid, pair[0], net_fd, root_fd, step);
	close(pair[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return error;
}
