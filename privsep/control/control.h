/* SPDX-License-Identifier: ISC
 *
 * The control process: smtpctl's requests in, the roles' answers out.  It
 * holds nothing of its own.  Whoever connects is hostile until the kernel has
 * said that it is root.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <sys/queue.h>

#include "privsep/ipc/chan.h"
#include "privsep/ipc/ctl.h"
#include "privsep/ipc/role.h"

/* A connected smtpctl. */
struct client {
	TAILQ_ENTRY(client) entry;
	struct chan *chan;
	uint32_t number;
	bool allowed;
	struct event *timer; /* for one that asks nothing */
	unsigned requests;   /* that wait for an answer */
};

/* The process, for role_main(). */
extern const struct role_ops control_ops;

/* --- client.c --- */

/* A socket that accepts clients, which it takes. */
void client_listen(int fd, uint32_t listener);

/* The client of that number, or NULL. */
struct client *client_find(uint32_t number);

/* Close it. */
void client_close(struct client *);

/* Count a request that was begun (by 1) or has ended (by -1). */
void client_count(struct client *, int by);

/* --- request.c --- */

/* Handler of CTL_REQUEST. */
int request_begin(struct chan *, struct msg *);

/* Handlers of CTL_ROWS and CTL_END from the roles. */
int request_rows(struct chan *, struct msg *);
int request_end(struct chan *, struct msg *);

/* The client is gone: nobody waits for its answers. */
void request_client_gone(const struct client *);

/* A process is gone with what it was asked. */
void request_peer_gone(const struct chan *);

#endif
