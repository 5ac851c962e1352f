/* SPDX-License-Identifier: ISC
 *
 * What process.c has to know of the process whose handlers it feeds.
 */
#ifndef FUZZ_PROCESS_H
#define FUZZ_PROCESS_H

#include "privsep/ipc/role.h"

struct fuzz_process {
	const struct role_ops *ops;
	const char *config; /* its text, or NULL for the one of process.c */
	bool ends;          /* of its own, when a peer leaves or it is to */
	/* Once, after prepare(): what start() would do, as far as that can
	 * be done here. */
	void (*start)(void);
	/* Before each input, or NULL. */
	void (*begin)(void);
	/* A frame that comes over a socket of the process's own, or NULL. */
	void (*client)(struct span frame);
};

extern const struct fuzz_process fuzz_process;

/* End the run unless it holds. */
void fuzz_require(bool);

#endif
