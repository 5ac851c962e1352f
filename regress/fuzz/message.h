/* SPDX-License-Identifier: ISC
 *
 * What fuzz_message.c shares with message_deliver.c, which stands alone since
 * the scheduler and the delivery process each have a struct envelope.
 */
#ifndef FUZZ_MESSAGE_H
#define FUZZ_MESSAGE_H

#include "privsep/ipc/chan.h"

/* Ends the run unless s lies within the frame that is being handled and has
 * at most max octets. */
void fuzz_inside(struct span s, size_t max);

/* DELIVER and DELIVER_FD, read by the delivery process's own code. */
int fuzz_deliver(struct chan *, struct msg *);

#endif
