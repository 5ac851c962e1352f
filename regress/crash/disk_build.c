/* SPDX-License-Identifier: ISC
 *
 * A state that a power cut may leave: which writes, sizes and names of those
 * in doubt are there, as chance has it, and the files and directories that
 * come of it.  It reads the model and never changes it, so that any number of
 * states can be drawn at one place in a journal.  See disk.h.
 */
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/disk_int.h"

/* One state of those that are possible. */
struct choice {
	const struct disk *disk;
	enum disk_luck luck;
	struct rnd *rnd;
	uint64_t salt;
	uint32_t percent; /* of the writes, that reach the disk */
	bool ordered;     /* one order of names for all directories, */
	size_t cut;       /* which ends here */
};

/* A number that belongs to a write or a sector in this state. */
static uint64_t
choice_hash(const struct choice *c, uint64_t a, uint64_t b)
{
	struct rnd r = { c->salt ^ (a * 0x9e3779b97f4a7c15u) ^ (b << 40) };

	return rnd_next(&r);
}

/* Whether that sector of that write reached the disk. */
static bool
choice_has(const struct choice *c, const struct version *v)
{
	uint64_t h;

	if (c->luck != DISK_RANDOM)
		return c->luck == DISK_KEPT;
	h = choice_hash(c, v->number, 0);
	switch (h % 4) {
	case 0: /* torn: the sectors in front of some place, or behind it */
		return (v->sector % 64 < h / 4 % 64) == ((h >> 32) % 2 == 0);
	case 1: /* any sectors */
		return choice_hash(c, v->number, v->sector + 1) % 2 == 0;
	default:
		return h / 4 % 100 < c->percent;
	}
}

static size_t
choice_size(const struct choice *c, const struct node *n)
{
	size_t i;

	if (c->luck == DISK_LOST || n->sizes_len == 0)
		return n->base_size;
	if (c->luck == DISK_KEPT || rnd_once_in(c->rnd, 2))
		return n->now_size;
	i = rnd_below(c->rnd, (uint32_t)n->sizes_len + 1);
	return i == n->sizes_len ? n->base_size : n->sizes[i];
}

static void
build_file(
    const struct choice *c, const struct node *n, int dir_fd, const char *name)
{
	size_t size = choice_size(c, n), i;
	unsigned char *image = need(n->cap + 1, 1);
	int fd;

	if (n->cap > 0)
		memcpy(image, n->base, n->cap);
	for (i = 0; i < n->versions_len; i++) {
		if (choice_has(c, &n->versions[i]))
			memcpy(image + n->versions[i].sector * SECTOR,
			    n->versions[i].data, SECTOR);
	}
	fd =
	    openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, image, size, 0) != (ssize_t)size)
		err(2, "%s", name);
	close(fd);
	free(image);
}

/* How far the changes of a directory got: the number of the first one that
 * is missing. */
static size_t
choice_names(const struct choice *c, const struct node *dir)
{
	uint64_t h;
	size_t i, n = 0, at;

	if (c->luck == DISK_LOST)
		return 0;
	if (c->luck == DISK_KEPT)
		return SIZE_MAX;
	if (c->ordered)
		return c->cut;
	h = choice_hash(c, dir->serial, UINT32_MAX);
	for (i = 0; i < c->disk->edits_len; i++)
		n += c->disk->edits[i].dir == dir;
	at = h % 3 == 0 ? 0 : h % 3 == 1 ? n : h / 3 % (n + 1);
	for (i = 0; i < c->disk->edits_len; i++) {
		if (c->disk->edits[i].dir == dir && at-- == 0)
			return c->disk->edits[i].number;
	}
	return SIZE_MAX;
}

/* Without a journal a name may have come there whose file says that it has
 * none: it is removed when the disk is checked. */
static bool
choice_unused(const struct choice *c, const struct node *n)
{
	if (!n->unlinked || c->luck == DISK_KEPT)
		return false;
	return c->luck == DISK_LOST ||
	    choice_hash(c, n->serial, UINT32_MAX) % 2 == 0;
}

static void
build_dir(const struct choice *c, const struct node *dir, const char *path)
{
	struct node state = { 0 };
	const struct edit *e;
	struct node *n;
	char below[4096];
	size_t i, end = choice_names(c, dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	for (i = 0; i < dir->entries_len; i++)
		dir_give(&state, dir->entries[i].name, dir->entries[i].node);
	for (i = 0; i < c->disk->edits_len; i++) {
		e = &c->disk->edits[i];
		if (e->dir != dir || e->number >= end)
			continue;
		/* what did not arrive there has not left here */
		if (e->other != NULL && choice_names(c, e->other) <= e->number)
			break;
		edit_do(&state, e);
	}
	for (i = 0; i < state.entries_len; i++) {
		n = state.entries[i].node;
		if (!n->dir && !choice_unused(c, n)) {
			build_file(c, n, fd, state.entries[i].name);
		} else if (n->dir) {
			snprintf(below, sizeof(below), "%s/%s", path,
			    state.entries[i].name);
			if (mkdir(below, 0700) != 0)
				err(2, "%s", below);
			build_dir(c, n, below);
		}
		free(state.entries[i].name);
	}
	free(state.entries);
	close(fd);
}

void
disk_build(const struct disk *d, enum disk_luck luck, struct rnd *rnd,
    const char *path)
{
	static const uint32_t percents[] = { 10, 50, 90 };
	struct choice c = { .disk = d, .luck = luck, .rnd = rnd };
	size_t i;

	c.salt = rnd_next(rnd);
	c.percent = percents[rnd_below(rnd, 3)];
	c.ordered = rnd_once_in(rnd, 2);
	c.cut = d->settled + 1;
	/* anything from what is sure on */
	if (c.ordered && d->edits_len > 0) {
		i = rnd_below(rnd, (uint32_t)d->edits_len + 1);
		if (i == d->edits_len)
			c.cut = SIZE_MAX;
		else if (d->edits[i].number > c.cut)
			c.cut = d->edits[i].number;
	}
	build_dir(&c, d->root, path);
}
