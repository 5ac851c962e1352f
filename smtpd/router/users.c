/* SPDX-License-Identifier: ISC
 *
 * The cache of system users.  It asks only about names that could be one;
 * whoever is gone when the answer comes has left the list of those waiting.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "smtpd/router/users.h"

TAILQ_HEAD(wait_list, user_wait);

enum entry_state {
	ENTRY_PENDING,
	ENTRY_TELLING, /* its waiters are being told: on no list */
	ENTRY_KNOWN
};

struct user_entry {
	RB_ENTRY(user_entry) by_name;
	TAILQ_ENTRY(user_entry) entry;
	enum entry_state state;
	enum user_answer answer;
	uint64_t request;
	uint64_t until_ms;
	struct wait_list waits;
	size_t len;
	unsigned char name[USERS_NAME_MAX];
};

static int
entry_cmp(struct user_entry *a, struct user_entry *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->name, b->name, a->len);
}

RB_GENERATE_INTERNAL(user_tree, user_entry, by_name, entry_cmp,
    __attribute__((__unused__)) static)

void
users_init(struct users *u, int (*ask)(uint64_t, struct span))
{
	*u = (struct users){ .ask = ask };
	RB_INIT(&u->names);
	TAILQ_INIT(&u->pending);
	TAILQ_INIT(&u->known);
}

/* The characters of a portable user name; everything else is no user and
 * never reaches the master. */
static bool
users_name_valid(struct span name)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t i;

	if (name.len == 0 || name.len > USERS_NAME_MAX || name.p[0] == '-')
		return false;
	for (i = 0; i < name.len; i++) {
		if (memchr(set, name.p[i], sizeof(set) - 1) == NULL)
			return false;
	}
	return true;
}

static void
entry_free(struct users *u, struct user_entry *e)
{
	RB_REMOVE(user_tree, &u->names, e);
	u->count--;
	free(e);
}

static void
entry_forget(struct users *u, struct user_entry *e)
{
	TAILQ_REMOVE(&u->known, e, entry);
	entry_free(u, e);
}

/* An entry that is being asked for; NULL when there is no room, or the
 * master cannot be asked. */
static struct user_entry *
entry_new(struct users *u, struct span name)
{
	struct user_entry *e;

	if (u->count >= USERS_CACHE_MAX) {
		if ((e = TAILQ_FIRST(&u->known)) == NULL)
			return NULL;
		entry_forget(u, e);
	}
	if ((e = chk_calloc(1, sizeof(*e))) == NULL)
		return NULL;
	TAILQ_INIT(&e->waits);
	e->state = ENTRY_PENDING;
	e->len = name.len;
	memcpy(e->name, name.p, name.len);
	e->request = ++u->last_request;
	if (u->ask(e->request, name) != 0) {
		free(e);
		return NULL;
	}
	RB_INSERT(user_tree, &u->names, e);
	TAILQ_INSERT_TAIL(&u->pending, e, entry);
	u->count++;
	return e;
}

static struct user_entry *
entry_find(struct users *u, struct span name)
{
	struct user_entry want = { .len = name.len };
	struct user_entry *e;

	memcpy(want.name, name.p, name.len);
	e = RB_FIND(user_tree, &u->names, &want);
	if (e != NULL && e->state == ENTRY_KNOWN && clock_ms() >= e->until_ms) {
		entry_forget(u, e);
		return NULL;
	}
	return e;
}

bool
users_ask(struct users *u, struct span name, struct user_wait *w,
    enum user_answer *answer)
{
	struct user_entry *e;

	w->on = NULL;
	if (!users_name_valid(name)) {
		*answer = USER_NO;
		return true;
	}
	if ((e = entry_find(u, name)) == NULL &&
	    (e = entry_new(u, name)) == NULL) {
		*answer = USER_TRY_LATER;
		return true;
	}
	if (e->state == ENTRY_PENDING) {
		w->on = e;
		TAILQ_INSERT_TAIL(&e->waits, w, entry);
		return false;
	}
	if (e->state == ENTRY_KNOWN) {
		TAILQ_REMOVE(&u->known, e, entry);
		TAILQ_INSERT_TAIL(&u->known, e, entry);
	}
	*answer = e->answer;
	return true;
}

void
users_cancel(struct user_wait *w)
{
	if (w->on == NULL)
		return;
	TAILQ_REMOVE(&w->on->waits, w, entry);
	w->on = NULL;
}

int
users_answer(struct users *u, uint64_t request, enum user_answer answer)
{
	struct user_entry *e;
	struct user_wait *w;

	TAILQ_FOREACH(e, &u->pending, entry) {
		if (e->request == request)
			break;
	}
	if (e == NULL)
		return -E_NOENT;
	TAILQ_REMOVE(&u->pending, e, entry);
	/* what done() does may ask again, and must not lose this entry */
	e->state = ENTRY_TELLING;
	e->answer = answer;
	e->until_ms = clock_ms() + USERS_CACHE_MS;
	while ((w = TAILQ_FIRST(&e->waits)) != NULL) {
		users_cancel(w);
		w->done(w, answer);
	}
	if (answer == USER_TRY_LATER) {
		entry_free(u, e);
		return 0;
	}
	e->state = ENTRY_KNOWN;
	TAILQ_INSERT_TAIL(&u->known, e, entry);
	return 0;
}

void
users_flush(struct users *u)
{
	struct user_entry *e;

	while ((e = TAILQ_FIRST(&u->known)) != NULL)
		entry_forget(u, e);
}
