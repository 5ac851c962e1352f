/* SPDX-License-Identifier: ISC
 *
 * The resolver process: the only one that speaks DNS.  What the others ask is
 * looked up by libunbound, which validates; what comes back is read by our own
 * reader and told in typed messages.
 */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include "privsep/config/config.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"
#include "privsep/resolver/dnsmsg.h"

/* Counters since the start, as in smtpctl show stats. */
enum resolver_counter {
#define COUNTER(name, word) name,
#include "privsep/resolver/stats.def"
#undef COUNTER
	NC__MAX
};
extern uint64_t resolver_counters[NC__MAX];

/* --- context.c: libunbound --- */

/* Set it up by the configuration, while files can be read.  0 or -E_*. */
int context_prepare(const struct config *);

/* Log what was found wrong with it then, when nothing could be logged yet. */
void context_complain(void);

/* The TCP ports that it may have to connect to, ending with 0. */
const uint16_t *context_ports(void);

/* What came of one question. */
struct context_answer {
	enum dns_status status;
	enum dns_security security;
	const struct dnsmsg *msg; /* with DNS_OK, DNS_NO_DATA, DNS_NO_NAME */
	const char *why;          /* with the others */
};
typedef void context_fn(void *arg, const struct context_answer *);

/* Ask for records of that name, in ASCII without final dot.  fn is called
 * once, at once or later, whatever happens. */
void context_ask(struct span name, enum dns_type, context_fn *fn, void *arg);

/* --- ask.c: questions of the other processes --- */

/* Handler of DNS_ASK. */
int ask_begin(struct chan *, struct msg *);

/* Questions that wait for an answer. */
size_t ask_count(void);

extern const struct role_ops resolver_ops;

#endif
