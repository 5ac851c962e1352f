/* SPDX-License-Identifier: ISC
 *
 * Questions to the resolver.  Each is answered once, later, unless it is
 * forgotten before; without a resolver none is asked.
 */
#ifndef RELAY_ASK_H
#define RELAY_ASK_H

#include "privsep/ipc/chan.h"
#include "privsep/ipc/terms.h"

#define ASK_RECORDS_MAX 64 /* records of an answer that are looked at */

struct dns_record {
	uint16_t preference; /* of an MX */
	struct span data;    /* its host, or the octets of an address */
};

/* All borrowed for the length of the call. */
struct dns_answer {
	enum dns_status status;
	enum dns_security security;
	uint32_t ttl_s;
	struct span name; /* that the records belong to, after CNAMEs */
	struct span why;  /* for people, when there are none */
	struct dns_record record[ASK_RECORDS_MAX];
	size_t n;
};

typedef void ask_fn(void *arg, const struct dns_answer *);

/* Ask.  Its number, for ask_forget(); 0 when there is nobody to ask, or no
 * memory: then fn is not called. */
uint64_t ask_dns(enum dns_kind, struct span name, ask_fn *, void *arg);

/* The answer is not wanted any more; 0 is no question. */
void ask_forget(uint64_t id);

/* Handler of DNS_ANSWER. */
int ask_answered(struct chan *, struct msg *);

/* That resolver is lost: what it was asked was not answered. */
void ask_lost(uint32_t instance);

/* Questions without an answer yet. */
size_t ask_open(void);

#endif
