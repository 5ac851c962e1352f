/* SPDX-License-Identifier: ISC
 *
 * From a policy table to the kernel's filter, by libseccomp.  What kills
 * kills the whole process, also for a foreign architecture, and any failure
 * on the way is one of the confinement.
 */
#ifndef BULKHEAD_SANITIZE

#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/confine/confine.h"
#include "privsep/confine/policy.h"

static struct scmp_arg_cmp
filter_cond(const struct policy_cond *c)
{
	uint64_t value = c->value;

	if (c->op == POLICY_SELF)
		value = (uint64_t)getpid();
	return (struct scmp_arg_cmp){
		.arg = c->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = c->mask,
		.datum_b = value,
	};
}

static uint32_t
filter_action(const struct policy_rule *r)
{
	switch (r->act) {
	case POLICY_ALLOW:
		return SCMP_ACT_ALLOW;
	case POLICY_ERRNO:
		return SCMP_ACT_ERRNO((uint32_t)r->err);
	case POLICY_KILL:
	case POLICY_INCLUDE:
	case POLICY_END:
	default:
		return SCMP_ACT_KILL_PROCESS;
	}
}

/* Tables include each other one level deep, or two. */
static int
filter_add(scmp_filter_ctx ctx, const struct policy_rule *r)
{
	struct scmp_arg_cmp cmp[POLICY_CONDS];
	unsigned n;
	int rc = 0;

	for (; rc == 0 && r->act != POLICY_END; r++) {
		if (r->act == POLICY_INCLUDE) {
			rc = filter_add(ctx, r->table);
			continue;
		}
		for (n = 0; n < POLICY_CONDS; n++) {
			if (r->cond[n].op == POLICY_ANY)
				break;
			cmp[n] = filter_cond(&r->cond[n]);
		}
		rc = seccomp_rule_add_array(
		    ctx, filter_action(r), r->nr, n, cmp);
	}
	return rc;
}

/* The kernel logs every kill by itself.  SCMP_FLTATR_CTL_LOG stays off: it
 * would log each ERRNO too, and let a broken process flood the log. */
static int
filter_load(uint32_t otherwise, const struct policy_rule *table)
{
	scmp_filter_ctx ctx;
	int rc;

	if ((ctx = seccomp_init(otherwise)) == NULL)
		return -E_NOMEM;
	if ((rc = seccomp_attr_set(
		 ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) == 0 &&
	    (rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1)) == 0 &&
	    (rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 1)) == 0 &&
	    (rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)) == 0 &&
	    (rc = seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1)) == 0 &&
	    (rc = filter_add(ctx, table)) == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc == 0 ? 0 : err_from_errno(-rc);
}

int
confine_allow_list(const struct policy_rule *table)
{
	return filter_load(SCMP_ACT_KILL_PROCESS, table);
}

int
confine_deny_list(const struct policy_rule *table)
{
	return filter_load(SCMP_ACT_ALLOW, table);
}

const char *
confine_build(void)
{
	return "enforced";
}

#endif
