/* SPDX-License-Identifier: ISC
 *
 * The resolver's handlers, with what libunbound would tell them: see
 * process.c.
 *
 * A frame of the sender that stands for clients answers a question: which of
 * those that wait, its return code, whether it is secure or bogus, and then
 * the packet, if any.  Classes: (e), (f).
 */
#include <stdlib.h>
#include <string.h>

#include <unbound.h>
#include <unbound-event.h>

#include "privsep/resolver/resolver.h"
#include "regress/fuzz/process.h"

#define WAITING_MAX 4096
#define ANSWER_HEAD 3

struct waiting {
	ub_event_callback_type fn;
	void *arg;
};
static struct waiting waiting[WAITING_MAX];
static size_t nwaiting;

/* --- in the stead of libunbound ------------------------------------------- */

struct ub_ctx *
ub_ctx_create_event(struct event_base *base)
{
	return (struct ub_ctx *)base;
}

int
ub_ctx_debuglevel(struct ub_ctx *ctx, int level)
{
	return 0;
}

int
ub_ctx_debugout(struct ub_ctx *ctx, void *out)
{
	return 0;
}

int
ub_ctx_set_option(struct ub_ctx *ctx, const char *name, const char *value)
{
	return 0;
}

int
ub_ctx_set_fwd(struct ub_ctx *ctx, const char *address)
{
	return 0;
}

int
ub_ctx_add_ta(struct ub_ctx *ctx, const char *ta)
{
	return 0;
}

int
ub_resolve_event(struct ub_ctx *ctx, const char *name, int type, int class,
    void *arg, ub_event_callback_type fn, int *id)
{
	if (nwaiting == WAITING_MAX)
		return UB_NOMEM;
	waiting[nwaiting++] = (struct waiting){ fn, arg };
	*id = (int)nwaiting;
	return 0;
}

/* --- its answers ---------------------------------------------------------- */

static void
answer(size_t i, int rcode, struct span packet, int sec)
{
	static char why[] = "because";
	struct waiting w = waiting[i];
	unsigned char *copy = NULL;

	waiting[i] = waiting[--nwaiting];
	/* just so much, for the sanitizer to see a read past it */
	if (packet.len > 0 && (copy = malloc(packet.len)) != NULL)
		memcpy(copy, packet.p, packet.len);
	w.fn(
	    w.arg, rcode, copy, (int)packet.len, sec, sec == 1 ? why : NULL, 0);
	free(copy);
}

static void
say(struct span s)
{
	if (s.len < ANSWER_HEAD || nwaiting == 0)
		return;
	answer(s.p[0] % nwaiting, s.p[1] & 0x0f,
	    (struct span){ s.p + ANSWER_HEAD, s.len - ANSWER_HEAD },
	    s.p[2] % 3);
}

/* Nobody waits any more. */
static void
begin(void)
{
	while (nwaiting > 0)
		answer(0, 2, (struct span){ NULL, 0 }, 0);
}

const struct fuzz_process fuzz_process = {
	.ops = &resolver_ops,
	.ends = true,
	.begin = begin,
	.client = say,
};
