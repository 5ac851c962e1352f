/* SPDX-License-Identifier: ISC
 *
 * Inside the room: a recipe as a list of named steps, and the steps that
 * master and roles share.
 */
#ifndef CONFINE_CONFINE_INT_H
#define CONFINE_CONFINE_INT_H

#include <stdint.h>

struct confine_params;

/* One step: 0 or -E_*.  params is NULL in the master's recipe. */
struct confine_step {
	const char *name;
	int (*fn)(const struct confine_params *);
};

/* Take the steps in order, up to the row without a name; on the first that
 * fails set *step to its name and return its error. */
int confine_steps(const struct confine_step *, const struct confine_params *,
    const char **step);

/* Drop from the bounding set all but keep (bit n: capability n). */
int caps_bound(uint64_t keep);

/* Make the permitted and effective sets what they are of keep; none is
 * inheritable or ambient afterwards. */
int caps_keep(uint64_t keep);

/* Steps: no_new_privs, and not dumpable. */
int step_no_new_privs(const struct confine_params *);
int step_not_dumpable(const struct confine_params *);

#endif
