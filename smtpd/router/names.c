/* SPDX-License-Identifier: ISC
 *
 * Names of addresses: asked for once for all clients at an address, held as
 * long as the DNS says within bounds, and longer for a client that is there.
 * The resolver is not trusted with syntax: what is no domain is no name.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "smtpd/mail/address.h"
#include "smtpd/router/names.h"

LIST_HEAD(name_refs, name_ref);

struct name {
	RB_ENTRY(name) by_source;
	TAILQ_ENTRY(name) entry; /* of asked or idle */
	struct name_refs refs;
	struct source source;
	enum name_status status;
	bool stale;   /* newcomers have another one */
	bool telling; /* its refs are being told */
	bool idle;
	uint64_t request;
	uint64_t asked_ms;
	uint64_t until_ms;
	char *text; /* with NAME_FOUND */
};

static int
name_cmp(struct name *a, struct name *b)
{
	return source_cmp(&a->source, &b->source);
}

RB_GENERATE_INTERNAL(
    name_tree, name, by_source, name_cmp, __attribute__((__unused__)) static)

void
names_init(struct names *u, int (*ask)(uint64_t, const struct source *))
{
	*u = (struct names){ .ask = ask, .now_ms = clock_ms };
	RB_INIT(&u->sources);
	TAILQ_INIT(&u->asked);
	TAILQ_INIT(&u->idle);
}

static void
name_unidle(struct names *u, struct name *n)
{
	if (!n->idle)
		return;
	TAILQ_REMOVE(&u->idle, n, entry);
	u->nidle--;
	n->idle = false;
}

static void
name_forget(struct names *u, struct name *n)
{
	name_unidle(u, n);
	if (!n->stale)
		RB_REMOVE(name_tree, &u->sources, n);
	free(n->text);
	free(n);
}

/* Nobody may want it any more: then it is remembered, if it is of use. */
static void
name_rest(struct names *u, struct name *n)
{
	if (!LIST_EMPTY(&n->refs) || n->telling || n->status == NAME_ASKED)
		return;
	if (n->stale) {
		name_forget(u, n);
		return;
	}
	TAILQ_INSERT_TAIL(&u->idle, n, entry);
	n->idle = true;
	if (++u->nidle > NAMES_IDLE_MAX)
		name_forget(u, TAILQ_FIRST(&u->idle));
}

static void
name_set(
    struct names *u, struct name *n, enum name_status status, uint64_t hold_s)
{
	n->status = status;
	n->until_ms = u->now_ms() + hold_s * 1000;
}

/* There is no room for another question.  Whoever owns a network and its name
 * servers, which say nothing, has addresses without end to come from. */
static bool
names_are_too_many(const struct names *u, const struct source *source)
{
	struct source net = source_network(source), other;
	const struct name *n;
	size_t of_net = 0;

	if (u->nasked < NAMES_ASKED_MAX / 2)
		return false;
	TAILQ_FOREACH(n, &u->asked, entry) {
		other = source_network(&n->source);
		of_net += source_cmp(&net, &other) == 0;
	}
	return u->nasked >= NAMES_ASKED_MAX || of_net >= NAMES_ASKED_NET;
}

static void
name_ask(struct names *u, struct name *n)
{
	n->request = ++u->last_request;
	if (names_are_too_many(u, &n->source) ||
	    u->ask(n->request, &n->source) != 0) {
		name_set(u, n, NAME_FAILED, NAMES_FAILED_S);
		return;
	}
	n->status = NAME_ASKED;
	n->asked_ms = u->now_ms();
	TAILQ_INSERT_TAIL(&u->asked, n, entry);
	u->nasked++;
}

static bool
name_is_over(const struct names *u, const struct name *n)
{
	return n->status != NAME_ASKED && u->now_ms() >= n->until_ms;
}

/* What is known of that source and still holds. */
static struct name *
name_find(struct names *u, const struct source *source)
{
	struct name want = { .source = *source };
	struct name *n = RB_FIND(name_tree, &u->sources, &want);

	if (n == NULL || n->status == NAME_FAILED || !name_is_over(u, n))
		return n;
	if (n->idle)
		name_forget(u, n);
	else {
		/* who has it keeps it */
		RB_REMOVE(name_tree, &u->sources, n);
		n->stale = true;
	}
	return NULL;
}

static struct name *
name_new(struct names *u, const struct source *source)
{
	struct name *n;

	if ((n = chk_calloc(1, sizeof(*n))) == NULL)
		return NULL;
	LIST_INIT(&n->refs);
	n->source = *source;
	RB_INSERT(name_tree, &u->sources, n);
	name_ask(u, n);
	return n;
}

void
names_enter(struct names *u, struct name_ref *ref, const struct source *source)
{
	struct sockaddr_storage ss;
	struct name *n;

	ref->name = NULL;
	if (source_is_loopback(source) || !source_to_sockaddr(source, &ss))
		return;
	if ((n = name_find(u, source)) == NULL &&
	    (n = name_new(u, source)) == NULL)
		return;
	name_unidle(u, n);
	ref->name = n;
	LIST_INSERT_HEAD(&n->refs, ref, entry);
	names_retry(u, ref);
}

void
names_leave(struct names *u, struct name_ref *ref)
{
	struct name *n = ref->name;

	if (n == NULL)
		return;
	LIST_REMOVE(ref, entry);
	ref->name = NULL;
	name_rest(u, n);
}

enum name_status
name_status(const struct name_ref *ref, struct span *text)
{
	*text = (struct span){ 0 };
	if (ref->name == NULL)
		return NAME_NONE;
	if (ref->name->status == NAME_FOUND)
		*text = span_str(ref->name->text);
	return ref->name->status;
}

uint64_t
name_asked_ms(const struct name_ref *ref)
{
	return ref->name->asked_ms;
}

bool
names_retry(struct names *u, struct name_ref *ref)
{
	struct name *n = ref->name;

	if (n == NULL)
		return false;
	if (n->status == NAME_FAILED && !n->telling && name_is_over(u, n))
		name_ask(u, n);
	return n->status == NAME_ASKED;
}

/* The question is over. */
static void
name_settle(
    struct names *u, struct name *n, enum name_status status, uint64_t hold_s)
{
	struct name_refs untold = LIST_HEAD_INITIALIZER(untold);
	struct name_ref *ref;

	TAILQ_REMOVE(&u->asked, n, entry);
	u->nasked--;
	name_set(u, n, status, hold_s);
	/* what settled() does may lead back here */
	n->telling = true;
	LIST_SWAP(&n->refs, &untold, name_ref, entry);
	while ((ref = LIST_FIRST(&untold)) != NULL) {
		LIST_REMOVE(ref, entry);
		LIST_INSERT_HEAD(&n->refs, ref, entry);
		ref->settled(ref);
	}
	n->telling = false;
	name_rest(u, n);
}

static uint64_t
name_hold_s(uint32_t ttl_s)
{
	if (ttl_s < NAMES_TTL_MIN_S)
		return NAMES_TTL_MIN_S;
	return ttl_s > NAMES_TTL_MAX_S ? NAMES_TTL_MAX_S : ttl_s;
}

int
names_answer(struct names *u, uint64_t request, enum name_status status,
    struct span text, uint32_t ttl_s)
{
	uint64_t hold_s = NAMES_FAILED_S;
	struct name *n;

	/* those that have long been waited for are the slow ones */
	TAILQ_FOREACH_REVERSE(n, &u->asked, name_list, entry)
	{
		if (n->request == request)
			break;
	}
	if (n == NULL)
		return -E_NOENT;
	if (status == NAME_FOUND && domain_parse(text, 0) != 0)
		status = NAME_NONE;
	if (status == NAME_FOUND) {
		hold_s = name_hold_s(ttl_s);
		if ((n->text = span_dup(text)) == NULL)
			status = NAME_FAILED;
	} else if (status == NAME_NONE)
		hold_s = NAMES_NONE_S;
	name_settle(u, n, status, hold_s);
	return 0;
}

void
names_expire(struct names *u, uint64_t before_ms)
{
	uint64_t last = u->last_request;
	struct name *n;

	/* whoever hears it may ask for more */
	while ((n = TAILQ_FIRST(&u->asked)) != NULL && n->request <= last &&
	    n->asked_ms < before_ms)
		name_settle(u, n, NAME_FAILED, NAMES_FAILED_S);
}

uint64_t
names_oldest_ms(const struct names *u)
{
	return TAILQ_EMPTY(&u->asked) ? 0 : TAILQ_FIRST(&u->asked)->asked_ms;
}
