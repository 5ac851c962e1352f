/* SPDX-License-Identifier: ISC
 *
 * The life of a role's process: it gets its M_HELLO from the master on
 * descriptor 3, prepares what needs a right that it is about to lose, confines
 * itself, says M_READY, and then works in one loop until it is told to stop
 * or the master is gone.  Every role's main() is one call of role_main().
 */
#ifndef IPC_ROLE_H
#define IPC_ROLE_H

#include "privsep/ipc/chan.h"
#include "privsep/ipc/loop.h"

struct config;
struct confine_params;

/* What M_HELLO said. */
struct role_hello {
	enum role role;
	uint32_t instance;
	uid_t uid;
	gid_t gid;
	size_t ngroups;
	gid_t groups[64];
	char root[4097]; /* directory for ROOT_QUEUE, else "" */
	int config_fd;
	int net_fd;
	int root_fd;
};

struct role_ops {
	enum role role;
	/* Before confinement, as root: open, warm, allocate.  Read further
	 * messages of the start with role_next().  Not 0 ends the process. */
	int (*prepare)(const struct role_hello *);
	/* The confinement, where confine_enter() is not all of it (mailer);
	 * NULL otherwise.  0 or -E_*, with the step that failed. */
	int (*confine)(const struct confine_params *, const char **step);
	/* After the master's M_START; channels come by peer_up(). */
	void (*start)(void);
	/* A channel to a peer has come up; or it is lost: fail what was in
	 * flight with it.  Any of these may be NULL. */
	void (*peer_up)(struct chan *, uint64_t request);
	void (*peer_down)(struct chan *);
	void (*peer_drained)(struct chan *);
	/* Messages understood, from the master (but for those that role.c
	 * serves itself) and from peers. */
	const struct msg_handler *handlers;
	/* A listening socket, which it takes. */
	void (*listen)(int fd, uint32_t listener);
	/* A new configuration is in force; role_config() gives it already,
	 * and the old one is freed when this returns. */
	void (*config)(const struct config *);
	/* Finish and call role_exit(); NULL: exit at once. */
	void (*stop)(void);
};

/* Live as that role; returns the exit status of main(). */
int role_main(const struct role_ops *);

/* The configuration parsed from M_HELLO's, or from the last M_CONFIG. NULL
 * for the mailer. */
const struct config *role_config(void);

/* This process's instance. */
uint32_t role_instance(void);

/* The channel to the master. */
struct chan *role_master(void);

/* The only peer of a role of which there is one process, or the newer one
 * while there are two; NULL while it is down. */
struct chan *role_peer(enum role);

/* The peer of that role and instance, or NULL. */
struct chan *role_peer_instance(enum role, uint32_t instance);

/* The same for one of whom another peer speaks: the master may have told of it
 * already in what was not read yet, which is done first. */
struct chan *role_peer_named(enum role, uint32_t instance);

/* The peers of a role, one after another: the first for NULL, NULL after the
 * last.  None may come or go meanwhile. */
struct chan *role_peer_next(enum role, const struct chan *);

/* Close the channel to that peer and forget it, without peer_down(). */
void role_peer_close(struct chan *);

/* Tell the master that a peer is to be replaced. */
void role_peer_bad(const struct chan *);

/* The next message of the start, waiting for it: for prepare(). */
int role_next(unsigned char *buf, struct msg *out);

/* End the loop with this status after the queued messages are sent. */
void role_exit(int status);

#endif
