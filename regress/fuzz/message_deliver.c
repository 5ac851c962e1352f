/* SPDX-License-Identifier: ISC
 *
 * Stands in for the parts of the delivery process that get what deliver.c has
 * read, and looks at it.
 */
#include <stdlib.h>

#include "delivery/local/delivery.h"
#include "regress/fuzz/message.h"

struct delivery_stats delivery_stats;

int
fuzz_deliver(struct chan *ch, struct msg *m)
{
	return deliver_message(ch, m);
}

static void
envelope_check(const struct parcel *p, const struct envelope *e)
{
	fuzz_inside(e->status, PARCEL_NAME_MAX);
	fuzz_inside(e->text, PARCEL_TEXT_MAX);
	fuzz_inside(e->rcpt, PARCEL_ADDRESS_MAX);
	fuzz_inside(e->orcpt, PARCEL_ADDRESS_MAX);
	fuzz_inside(e->action, PARCEL_NAME_MAX);
	fuzz_inside(e->user, PARCEL_NAME_MAX);
	if (e->outcome >= OUT__MAX || (e->flags & ~DELIVER__ALL) != 0 ||
	    p->refs == 0 || p->sender.err != 0 || p->content.err != 0)
		abort();
}

void
delivery_outcome(uint64_t msgid, uint32_t index, enum env_outcome outcome,
    struct span status, struct span text)
{
}

void
post_add(struct parcel *p, const struct envelope *e)
{
	envelope_check(p, e);
}

void
report_begin(
    enum dsn_kind kind, struct parcel *p, const struct envelope *e, size_t n)
{
	if (n == 0)
		abort();
	for (size_t i = 0; i < n; i++)
		envelope_check(p, &e[i]);
}
