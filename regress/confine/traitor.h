/* SPDX-License-Identifier: ISC
 *
 * A process of a role that has gone over to the enemy: see traitor.c.
 */
#ifndef REGRESS_CONFINE_TRAITOR_H
#define REGRESS_CONFINE_TRAITOR_H

#include "privsep/ipc/role.h"

#define ORDERS_MAX 64  /* lines */
#define ORDER_LEN  512 /* octets of one */
#define WORDS_MAX  32  /* in one */
#define CAME_MAX   256

struct traitor {
	enum role role;
	char orders[ORDERS_MAX][ORDER_LEN];
	size_t norders;
	size_t next;
	char home[4096];  /* mailer: of its user */
	int listen_fd;    /* session: a listening socket, or -1 */
	int client_fd;    /* what it has accepted, or -1 */
	uint64_t message; /* that the router gave it, or of what it got */
	struct {
		enum role from;
		enum msg_type type;
		uint64_t id;
	} came[CAME_MAX]; /* messages that no order has awaited yet */
	size_t ncame;
	struct event *tick;
};

extern struct traitor traitor;

/* Do what the words say.  False when it cannot be done yet. */
bool act(size_t nwords, char *const *words);

/* Log what came of it. */
void act_result(const char *doing, const char *result);

#endif
