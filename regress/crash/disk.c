/* SPDX-License-Identifier: ISC
 *
 * See disk.h.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/disk.h"

#define SECTOR 512

/* A sector as one write left it, not known to be durable. */
struct version {
	size_t number; /* of the write */
	size_t sector;
	const unsigned char *data;
	bool doomed; /* a sync of it failed */
};

struct entry {
	char *name;
	struct node *node;
};

/* A file or a directory. */
struct node {
	struct node *next; /* of all, latest first */
	ino_t ino;
	unsigned serial;
	bool dir;
	/* file: as programs see it, and what is durable */
	unsigned char *now, *base;
	size_t now_size, base_size, cap;
	struct version *versions;
	size_t versions_len, versions_cap;
	size_t *sizes; /* since it was synced */
	size_t sizes_len, sizes_cap;
	/* it had no name when it was made, and has none in its inode there */
	bool nameless, unlinked;
	/* directory: what is durable */
	struct entry *entries;
	size_t entries_len, entries_cap;
};

/* A change of one directory that is not known to be durable: take and give
 * are names, one of them may be NULL. */
struct edit {
	size_t number;
	struct node *dir;
	const char *take, *give;
	struct node *node;  /* that is given */
	struct node *other; /* the directory that a taken name moves to */
};

struct disk {
	struct node *nodes;
	struct node *root;
	struct edit *edits;
	size_t edits_len, edits_cap;
	size_t settled; /* number of the last change known to be durable */
	unsigned char **blocks;
	size_t blocks_len, blocks_cap;
};

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

static struct node *
node_new(struct disk *d, ino_t ino, bool dir)
{
	struct node *n = need(1, sizeof(*n));

	n->ino = ino;
	n->dir = dir;
	n->next = d->nodes;
	n->serial = d->nodes == NULL ? 0 : d->nodes->serial + 1;
	d->nodes = n;
	return n;
}

/* The latest with that number, which may be that of an earlier one. */
static struct node *
node_find(const struct disk *d, ino_t ino)
{
	struct node *n;

	for (n = d->nodes; n != NULL; n = n->next) {
		if (n->ino == ino)
			return n;
	}
	errx(2, "unknown inode %ju", (uintmax_t)ino);
}

static void
node_reserve(struct node *n, size_t size)
{
	size_t cap = (size + SECTOR - 1) / SECTOR * SECTOR;

	if (cap <= n->cap)
		return;
	n->now = need_more(n->now, cap, 1);
	n->base = need_more(n->base, cap, 1);
	memset(n->now + n->cap, 0, cap - n->cap);
	memset(n->base + n->cap, 0, cap - n->cap);
	n->cap = cap;
}

static void
dir_give(struct node *dir, const char *name, struct node *node)
{
	size_t i;

	for (i = 0; i < dir->entries_len; i++) {
		if (strcmp(dir->entries[i].name, name) == 0) {
			dir->entries[i].node = node;
			return;
		}
	}
	GROW(dir->entries, dir->entries_len, dir->entries_cap);
	dir->entries[dir->entries_len++] =
	    (struct entry){ need_name(name), node };
}

static void
dir_take(struct node *dir, const char *name)
{
	size_t i;

	for (i = 0; i < dir->entries_len; i++) {
		if (strcmp(dir->entries[i].name, name) != 0)
			continue;
		free(dir->entries[i].name);
		dir->entries[i] = dir->entries[--dir->entries_len];
		return;
	}
}

static void
edit_do(struct node *dir, const struct edit *e)
{
	if (e->take != NULL)
		dir_take(dir, e->take);
	if (e->give != NULL)
		dir_give(dir, e->give, e->node);
}

static void
disk_edit(struct disk *d, const struct edit *e)
{
	GROW(d->edits, d->edits_len, d->edits_cap);
	d->edits[d->edits_len++] = *e;
}

/* What a program finds under that name. */
static struct node *
disk_look(const struct disk *d, const struct node *dir, const char *name)
{
	struct node *found = NULL;
	size_t i;

	for (i = 0; i < dir->entries_len; i++) {
		if (strcmp(dir->entries[i].name, name) == 0)
			found = dir->entries[i].node;
	}
	for (i = 0; i < d->edits_len; i++) {
		if (d->edits[i].dir != dir)
			continue;
		if (d->edits[i].take != NULL &&
		    strcmp(d->edits[i].take, name) == 0)
			found = NULL;
		if (d->edits[i].give != NULL &&
		    strcmp(d->edits[i].give, name) == 0)
			found = d->edits[i].node;
	}
	return found;
}

static void
disk_rename(struct disk *d, const struct op *op, size_t number)
{
	struct node *from = node_find(d, op->dir);
	struct node *to = node_find(d, op->dir2);
	struct node *node = disk_look(d, from, op->name);
	struct edit give = {
		.number = number, .dir = to, .give = op->name2, .node = node
	};
	struct edit take = {
		.number = number, .dir = from, .take = op->name, .other = to
	};

	if (from == to) {
		give.take = op->name;
		disk_edit(d, &give);
		return;
	}
	disk_edit(d, &give);
	disk_edit(d, &take);
}

/* The changes of dir up to number are durable now. */
static void
dir_settle(struct disk *d, struct node *dir, size_t number)
{
	struct node *others[8];
	size_t numbers[8];
	size_t i, kept = 0, n = 0;

	for (i = 0; i < d->edits_len; i++) {
		struct edit e = d->edits[i];

		if (e.dir != dir || e.number > number) {
			d->edits[kept++] = e;
			continue;
		}
		edit_do(dir, &e);
		if (e.number > d->settled)
			d->settled = e.number;
		if (e.other != NULL && n < 8) {
			others[n] = e.other;
			numbers[n++] = e.number;
		}
	}
	d->edits_len = kept;
	/* what has left here has arrived there */
	for (i = 0; i < n; i++)
		dir_settle(d, others[i], numbers[i]);
}

static void
file_settle(struct node *n)
{
	unsigned char *sure = need(n->cap / SECTOR + 1, 1);
	struct version *v;
	size_t i, kept = 0;

	for (i = 0; i < n->versions_len; i++) {
		if (!n->versions[i].doomed)
			sure[n->versions[i].sector] = 1;
	}
	for (i = 0; i < n->versions_len; i++) {
		v = &n->versions[i];
		if (sure[v->sector])
			memcpy(n->base + v->sector * SECTOR, v->data, SECTOR);
		else
			n->versions[kept++] = *v;
	}
	n->versions_len = kept;
	n->base_size = n->now_size;
	n->sizes_len = 0;
	free(sure);
}

static void
disk_write(struct disk *d, const struct op *op, size_t number)
{
	struct node *n = node_find(d, op->ino);
	size_t end = (size_t)op->off + op->len;
	size_t first = (size_t)op->off / SECTOR;
	size_t last = (end + SECTOR - 1) / SECTOR, i;
	unsigned char *block;

	node_reserve(n, end);
	memcpy(n->now + op->off, op->data, op->len);
	block = need(last - first, SECTOR);
	memcpy(block, n->now + first * SECTOR, (last - first) * SECTOR);
	GROW(d->blocks, d->blocks_len, d->blocks_cap);
	d->blocks[d->blocks_len++] = block;
	for (i = first; i < last; i++) {
		GROW(n->versions, n->versions_len, n->versions_cap);
		n->versions[n->versions_len++] = (struct version){ number, i,
			block + (i - first) * SECTOR, false };
	}
	if (end <= n->now_size)
		return;
	n->now_size = end;
	GROW(n->sizes, n->sizes_len, n->sizes_cap);
	n->sizes[n->sizes_len++] = end;
}

static void
node_sync(struct disk *d, struct node *n, bool good, size_t number)
{
	size_t i;

	if (good && n->dir)
		dir_settle(d, n, number);
	else if (good) {
		file_settle(n);
		n->unlinked = n->nameless;
	}
	for (i = 0; !good && i < n->versions_len; i++)
		n->versions[i].doomed = true;
}

static void
disk_sync_all(struct disk *d, bool good, size_t number)
{
	struct node *n;

	for (n = d->nodes; n != NULL; n = n->next)
		node_sync(d, n, good, number);
}

void
disk_apply(struct disk *d, const struct op *op, size_t number)
{
	struct edit e = { .number = number };

	switch (op->kind) {
	case OP_CREATE:
	case OP_MKDIR:
		e.dir = node_find(d, op->dir);
		e.node = node_new(d, op->ino, op->kind == OP_MKDIR);
		e.give = op->name;
		e.node->nameless = e.node->unlinked = e.give == NULL;
		if (e.give != NULL)
			disk_edit(d, &e);
		break;
	case OP_LINK:
		e.dir = node_find(d, op->dir);
		e.node = node_find(d, op->ino);
		e.node->nameless = false;
		e.give = op->name;
		disk_edit(d, &e);
		break;
	case OP_UNLINK:
		e.dir = node_find(d, op->dir);
		e.take = op->name;
		disk_edit(d, &e);
		break;
	case OP_RENAME:
		disk_rename(d, op, number);
		break;
	case OP_WRITE:
		disk_write(d, op, number);
		break;
	case OP_SYNC:
	case OP_SYNC_FAILED:
		node_sync(
		    d, node_find(d, op->ino), op->kind == OP_SYNC, number);
		break;
	case OP_SYNC_ALL:
	case OP_SYNC_ALL_FAILED:
		disk_sync_all(d, op->kind == OP_SYNC_ALL, number);
		break;
	case OP_NOTE:
		break;
	}
}

static void
load_file(struct node *n, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		err(2, "%s", name);
	n->now_size = n->base_size = (size_t)st.st_size;
	node_reserve(n, n->base_size);
	if (pread(fd, n->base, n->base_size, 0) != st.st_size)
		err(2, "%s", name);
	if (n->base_size > 0)
		memcpy(n->now, n->base, n->base_size);
	close(fd);
}

static void
load_dir(struct disk *d, struct node *dir, const char *path)
{
	char below[4096];
	struct dirent *e;
	struct stat st;
	struct node *n;
	DIR *stream = opendir(path);

	if (stream == NULL)
		err(2, "%s", path);
	while ((e = readdir(stream)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (fstatat(dirfd(stream), e->d_name, &st, 0) != 0)
			err(2, "%s", e->d_name);
		n = node_new(d, st.st_ino, S_ISDIR(st.st_mode));
		dir_give(dir, e->d_name, n);
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		if (n->dir)
			load_dir(d, n, below);
		else
			load_file(n, dirfd(stream), e->d_name);
	}
	closedir(stream);
}

struct disk *
disk_load(const char *path)
{
	struct disk *d = need(1, sizeof(*d));
	struct stat st;

	if (stat(path, &st) != 0)
		err(2, "%s", path);
	d->root = node_new(d, st.st_ino, true);
	load_dir(d, d->root, path);
	return d;
}

void
disk_free(struct disk *d)
{
	struct node *n;
	size_t i;

	if (d == NULL)
		return;
	while ((n = d->nodes) != NULL) {
		d->nodes = n->next;
		for (i = 0; i < n->entries_len; i++)
			free(n->entries[i].name);
		free(n->entries);
		free(n->now);
		free(n->base);
		free(n->versions);
		free(n->sizes);
		free(n);
	}
	for (i = 0; i < d->blocks_len; i++)
		free(d->blocks[i]);
	free(d->blocks);
	free(d->edits);
	free(d);
}

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
