/* SPDX-License-Identifier: ISC
 *
 * Landlock by its system calls, with its constants written out: the headers
 * of the machine that compiles may be older than the kernel that runs.
 */
#include "privsep/confine/landlock.h"

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <unistd.h>

#include "privsep/base/err.h"

#define ABI_TESTED      7 /* 7 adds nothing that is taken away */

/* Rights by the version that brought them; _NEW where 6.1's header ends. */
#define FS_ABI1         ((1ULL << 13) - 1)
#define FS_REFER        (1ULL << 13) /* 2 */
#define FS_TRUNCATE_NEW (1ULL << 14) /* 3 */
#define NET_BIND        (1ULL << 0)  /* 4: with TCP, as the next */
#define NET_CONNECT     (1ULL << 1)
#define NET_ALL         (NET_BIND | NET_CONNECT)
#define FS_IOCTL_NEW    (1ULL << 15) /* 5 */
#define SCOPE_ALL       (3ULL)       /* 6: abstract sockets and signals */

/* What a mailbox or a queue needs: plain files and directories. */
#define FS_WORK                                                                \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |        \
	    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |      \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |     \
	    LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER | FS_TRUNCATE_NEW)

/* The kernel's struct landlock_ruleset_attr of version 6.  An older kernel
 * takes it as long as what it does not know is zero. */
struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* The version, 0 when the kernel has none, -E_*. */
static int
landlock_abi(void)
{
	long abi;

	abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (abi < 1)
		return -E_DENIED;
	return abi < ABI_TESTED ? (int)abi : ABI_TESTED;
}

/* The kernel's struct landlock_net_port_attr, and its type of a rule. */
struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};
#define RULE_NET_PORT 2

static struct ruleset_attr
landlock_rights(int abi)
{
	struct ruleset_attr attr = { .fs = FS_ABI1 };

	if (abi >= 2)
		attr.fs |= FS_REFER;
	if (abi >= 3)
		attr.fs |= FS_TRUNCATE_NEW;
	if (abi >= 4)
		attr.net = NET_ALL;
	if (abi >= 5)
		attr.fs |= FS_IOCTL_NEW;
	if (abi >= 6)
		attr.scoped = SCOPE_ALL;
	return attr;
}

static int
landlock_grant(int set_fd, const char *dir, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	int error = 0;

	rule.parent_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return err_from_errno(errno);
	if (syscall(__NR_landlock_add_rule, set_fd, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) != 0)
		error = err_from_errno(errno);
	close(rule.parent_fd);
	return error;
}

static int
landlock_grant_port(int set_fd, uint64_t port, uint64_t rights)
{
	struct net_port_attr rule = { rights, port };

	if (syscall(__NR_landlock_add_rule, set_fd, RULE_NET_PORT, &rule, 0) !=
	    0)
		return err_from_errno(errno);
	return 0;
}

/* To these ports, and from one that the kernel chooses (port 0). */
static int
landlock_grant_ports(int set_fd, const uint16_t *ports)
{
	int error = landlock_grant_port(set_fd, 0, NET_BIND);

	for (; error == 0 && *ports != 0; ports++)
		error = landlock_grant_port(set_fd, *ports, NET_CONNECT);
	return error;
}

int
landlock_enter(const char *const *dirs, const uint16_t *ports)
{
	struct ruleset_attr attr;
	int abi, set_fd, error = 0;

	if ((abi = landlock_abi()) < 0)
		return abi;
	/* Version 1 cannot grant a rename between directories, without which
	 * there is no Maildir and no queue. */
	if (abi == 0 || (abi == 1 && dirs != NULL))
		return 0;
	attr = landlock_rights(abi);
	set_fd =
	    (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (set_fd < 0)
		return err_from_errno(errno);
	for (; error == 0 && dirs != NULL && *dirs != NULL; dirs++)
		error = landlock_grant(set_fd, *dirs, FS_WORK & attr.fs);
	if (error == 0 && ports != NULL && attr.net != 0)
		error = landlock_grant_ports(set_fd, ports);
	if (error == 0 && syscall(__NR_landlock_restrict_self, set_fd, 0) != 0)
		error = err_from_errno(errno);
	close(set_fd);
	return error;
}

const char *
landlock_missing(void)
{
	int abi = landlock_abi();

	if (abi <= 0)
		return "this kernel has no Landlock";
	if (abi == 1)
		return "Landlock cannot allow renames: mailer and spool go "
		       "without";
	if (abi < 3)
		return "Landlock knows no truncate, network, ioctl, scopes";
	if (abi < 4)
		return "Landlock knows no network, ioctl, scopes";
	if (abi < 5)
		return "Landlock knows no ioctl, scopes";
	if (abi < 6)
		return "Landlock knows no scopes";
	return NULL;
}
