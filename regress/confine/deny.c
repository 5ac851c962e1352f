/* SPDX-License-Identifier: ISC
 *
 * deny RULE COMMAND...: run it, and let one of its system calls fail, or seem
 * to succeed without having been made.  A rule is NAME:ERRNO, or
 * NAME/N/VALUE:ERRNO for the calls whose argument N is that value; all in
 * numbers but the name; ERRNO 0 is the lie.
 *
 * Under another name than deny, as the program of a role: the rule is the
 * first line of the file that has the name of this one and ".deny", and what
 * is run has its name and ".real".
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
deny(const char *rule)
{
	char name[64];
	unsigned arg = 0, error;
	unsigned long value = 0;
	struct scmp_arg_cmp cmp;
	scmp_filter_ctx ctx;
	int nr, conds = 1;

	if (sscanf(rule, "%63[a-z0-9_]/%u/%lu:%u", name, &arg, &value,
		&error) != 4) {
		conds = 0;
		if (sscanf(rule, "%63[a-z0-9_]:%u", name, &error) != 2)
			errx(1, "%s: no rule", rule);
	}
	if ((nr = seccomp_syscall_resolve_name(name)) == __NR_SCMP_ERROR)
		errx(1, "%s: no such system call", name);
	cmp =
	    (struct scmp_arg_cmp){ arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value };
	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) != 0 ||
	    seccomp_rule_add_array(
		ctx, SCMP_ACT_ERRNO(error), nr, (unsigned)conds, &cmp) != 0 ||
	    seccomp_load(ctx) != 0)
		errx(1, "%s: cannot be had", rule);
	seccomp_release(ctx);
}

static void
deny_from(const char *path)
{
	char rule[128] = "";
	FILE *file = fopen(path, "re");

	if (file == NULL || fgets(rule, sizeof(rule), file) == NULL)
		err(1, "%s", path);
	fclose(file);
	deny(rule);
}

int
main(int argc, char **argv)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 8];

	if (strcmp(getprogname(), "deny") == 0) {
		if (argc < 3)
			errx(1, "usage: deny RULE COMMAND...");
		deny(argv[1]);
		execvp(argv[2], argv + 2);
		err(1, "%s", argv[2]);
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		err(1, "/proc/self/exe");
	snprintf(path, sizeof(path), "%s.deny", self);
	deny_from(path);
	snprintf(path, sizeof(path), "%s.real", self);
	execv(path, argv);
	err(1, "%s", path);
}
