/* SPDX-License-Identifier: ISC
 *
 * The one loop of a process: events, then everything that they queued for
 * other processes goes out together.
 */
#ifndef IPC_LOOP_H
#define IPC_LOOP_H

#include <event2/event.h>

/* Make the loop.  Before confinement.  0 or -E_NOMEM. */
int loop_init(void);

/* The loop, for events of the owner's. */
struct event_base *loop_base(void);

/* Called at the end of each turn, before what was queued is sent: for work
 * that is cheaper done once for many messages (the spool's commit). */
void loop_at_turn(void (*fn)(void));

/* Run until loop_end(); returns its status. */
int loop_run(void);

/* End the loop after this turn. */
void loop_end(int status);

#endif
