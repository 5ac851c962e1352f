/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the files that a configuration is made of, and places in
 * them.
 */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include <stdarg.h>

#include "privsep/config/config.h"

/* One file: its path, absolute unless the main file's is relative, and its
 * content.  It stays where it is as long as the source. */
struct cfg_file {
	char *path;
	struct span data; /* borrowed from mem, or from the source's mapping */
	unsigned char *mem;
};

/* A place: line and column count from 1; a line of 0 is the file as a whole. */
struct cfg_pos {
	const struct cfg_file *file;
	unsigned line;
	unsigned column;
	bool hidden; /* the line may hold a password: it is not shown */
};

struct cfg_macro {
	char *name;
	char *value;
};

struct cfg_source {
	bool disk; /* files that are not known yet are read from disk */
	struct cfg_file *files[CFG_FILES_MAX]; /* the first is the main file */
	size_t nfiles;
	size_t octets; /* of all files */
	char *base;    /* directory for relative paths */
	char *hostname;
	struct cfg_macro *defines;
	size_t ndefines;
	void *map; /* of a sealed memfd */
	size_t map_len;
};

/* The file at path, relative ones from the base directory.  Reads and records
 * it when the source comes from disk.  0, -E_NOMEM, or another error value
 * with an error added to errs at pos. */
int cfg_source_file(struct cfg_source *src, struct span path,
    const struct cfg_pos *pos, struct cfg_errors *errs,
    const struct cfg_file **out);

/* Record a file; takes path and mem (which may be NULL for borrowed data),
 * also when it fails.  0, -E_NOMEM or -E_TOOLONG. */
int cfg_source_record(
    struct cfg_source *src, char *path, struct span data, unsigned char *mem);

/* Read a file from disk by the rules of cfg_source_load_disk and record it.
 * Errors as for cfg_source_file. */
int cfg_source_read(struct cfg_source *src, const char *path,
    const struct cfg_pos *pos, struct cfg_errors *errs);

/* Undo the mapping of a source that came from a memfd. */
void cfg_source_unmap(struct cfg_source *src);

/* Parts of config_print: settings with the host's name, listeners without what
 * needs tables, a table, an action, limits. */
void config_print_settings(const struct config *cfg, struct buf *out);
void config_print_listeners(const struct config *cfg, struct buf *out);
void config_print_table(const struct table *t, struct buf *out);
void config_print_action(const struct action *a, struct buf *out);
void config_print_limits(const struct config *cfg, struct buf *out);

/* Add an error at a place; pos may be NULL.  The message is a format.  A line
 * with user:password@ in it is not kept, and in the message that password is
 * an asterisk. */
void cfg_error_add(struct cfg_errors *errs, const struct cfg_pos *pos,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
