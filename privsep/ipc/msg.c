/* SPDX-License-Identifier: ISC
 *
 * The table of messages and the check that every received frame passes
 * before a handler sees it.  Runs in every process.
 */
#include <stddef.h>

#include "privsep/base/err.h"
#include "privsep/ipc/msg.h"

static const struct msg_spec specs[MSG__MAX] = {
#define MSG(name, text, from, to, min, max, fds)                               \
	[name] = { text, from, to, min, max, fds },
#include "privsep/ipc/messages.def"
#undef MSG
};

const struct msg_spec *
msg_spec(unsigned type)
{
	if (type == MSG_NONE || type >= MSG__MAX)
		return NULL;
	return &specs[type];
}

/* FNV-1a; it guards against mistakes at an upgrade, not against malice. */
static uint64_t
msg_hash_add(uint64_t hash, const void *p, size_t len)
{
	const unsigned char *c = p;

	for (; len > 0; len--, c++)
		hash = (hash ^ *c) * 0x100000001b3;
	return hash;
}

uint64_t
msg_table_hash(void)
{
	uint64_t hash = 0xcbf29ce484222325;
	unsigned t;

	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *m = &specs[t];
		struct span name = span_str(m->name);

		hash = msg_hash_add(hash, name.p, name.len + 1);
		hash = msg_hash_add(hash, &m->from, sizeof(m->from));
		hash = msg_hash_add(hash, &m->to, sizeof(m->to));
		hash = msg_hash_add(hash, &m->min, sizeof(m->min));
		hash = msg_hash_add(hash, &m->max, sizeof(m->max));
		hash = msg_hash_add(hash, &m->fds, sizeof(m->fds));
	}
	return hash;
}

int
msg_take_fd(struct msg *m, unsigned i)
{
	int fd;

	if (i >= m->nfds)
		return -1;
	fd = m->fds[i];
	m->fds[i] = -1;
	return fd;
}

int
msg_decode(struct span frame, enum role from, enum role to, unsigned nfds,
    struct msg *out)
{
	struct rd r = rd_init(frame);
	const struct msg_spec *spec;
	unsigned type;

	type = rd_u16(&r);
	if (rd_u16(&r) != 0)
		return -E_PEER;
	out->id = rd_u64(&r);
	if (r.bad || (spec = msg_spec(type)) == NULL)
		return -E_PEER;
	if ((spec->from & R(from)) == 0 || (spec->to & R(to)) == 0)
		return -E_PEER;
	if (rd_left(&r) < spec->min || rd_left(&r) > spec->max)
		return -E_PEER;
	if (nfds != spec->fds)
		return -E_PEER;
	out->type = (enum msg_type)type;
	out->body = r;
	return 0;
}
