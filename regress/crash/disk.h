/* SPDX-License-Identifier: ISC
 *
 * A model of a disk, for asking what a power cut may leave.  A journal holds
 * what a program did; the model, given it step by step, knows what is
 * durable and what is not yet, and builds any of the states that are then
 * possible.  It promises less than ext4 and XFS do:
 *
 *  - octets that were synced are there.  Of those that were not, any sectors
 *    of any writes may be there, in any order; a sector is old or new;
 *  - the size of a file is any that it had since it was synced;
 *  - names (made, renamed, removed) become durable in order, in a directory
 *    or in all of them; some last ones that no sync of their directory
 *    followed may be missing.  A sync of a file does nothing for its name;
 *  - what was not synced when a sync failed stays in doubt for ever.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A sequence of numbers that follows from its seed alone. */
struct rnd {
	uint64_t state;
};

uint64_t rnd_next(struct rnd *);

/* One of 0..n-1; true once in n. */
uint32_t rnd_below(struct rnd *, uint32_t n);
bool rnd_once_in(struct rnd *, uint32_t n);

enum op_kind {
	OP_CREATE, /* file ino, as name in dir, or without one */
	OP_MKDIR,
	OP_WRITE,       /* data at off of file ino */
	OP_SYNC,        /* of file or directory ino */
	OP_SYNC_FAILED, /* of the same */
	OP_SYNC_ALL,    /* of all there is */
	OP_SYNC_ALL_FAILED,
	OP_RENAME, /* name in dir to name2 in dir2 */
	OP_LINK,   /* file ino gets name in dir */
	OP_UNLINK, /* name in dir */
	OP_NOTE    /* something that the driver has to know */
};

struct op {
	enum op_kind kind;
	ino_t ino, dir, dir2;
	char *name, *name2;
	unsigned char *data;
	size_t len;
	uint64_t off;
	uint32_t note[4];
};

struct journal {
	struct op *ops;
	size_t len, cap;
};

/* Append; copies the names and the data of op. */
void journal_add(struct journal *, const struct op *);
void journal_clear(struct journal *);

struct disk;

/* The disk that is what the directory path has in it, all durable.  Gives
 * it (disk_free). */
struct disk *disk_load(const char *path);
void disk_free(struct disk *);

/* Take one more step.  number is higher than that of the one before. */
void disk_apply(struct disk *, const struct op *, size_t number);

enum disk_luck {
	DISK_LOST,  /* nothing that was not synced */
	DISK_KEPT,  /* all of it: as after the death of the program only */
	DISK_RANDOM /* anything between */
};

/* Write one of the possible states to path, an empty directory. */
void disk_build(
    const struct disk *, enum disk_luck, struct rnd *, const char *path);

/* Empty the directory path, or make it. */
void tree_empty(const char *path);
void tree_remove(const char *path);

/* A number on the command line, or end the program. */
unsigned number_arg(const char *);

/* Allocate, or end the program. */
void *need(size_t n, size_t size);
void *need_more(void *, size_t n, size_t size);
char *need_name(const char *); /* a copy; NULL of NULL */

/* Make room for one more in an array. */
#define GROW(array, len, cap)                                                  \
	do {                                                                   \
		if ((len) == (cap)) {                                          \
			(cap) = (cap) == 0 ? 16 : 2 * (cap);                   \
			(array) = need_more((array), (cap), sizeof(*(array))); \
		}                                                              \
	} while (0)

#endif
