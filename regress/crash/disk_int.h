/* SPDX-License-Identifier: ISC
 *
 * The inside of the model of a disk, for disk.c, which takes its steps, and
 * disk_build.c, which makes states of it.
 */
#ifndef CRASH_DISK_INT_H
#define CRASH_DISK_INT_H

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

/* Give the name in dir to node, which had another one or none there.  Copies
 * the name, which dir owns then; borrows node.  Ends the program when there is
 * no memory. */
void dir_give(struct node *dir, const char *name, struct node *node);

/* Make the change e in the entries of dir, which need not be those of e->dir.
 * Borrows e and copies its names, as dir_give does; a name to be taken that is
 * not there is no error. */
void edit_do(struct node *dir, const struct edit *e);

#endif
