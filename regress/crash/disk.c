/* SPDX-License-Identifier: ISC
 *
 * The model of a disk as it takes the steps of a journal: what programs see,
 * what is durable and what is in doubt.  disk_build.c makes of it the states
 * that a power cut may leave.  See disk.h.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/disk_int.h"

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

void
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

void
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
