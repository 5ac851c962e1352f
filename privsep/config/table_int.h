/* SPDX-License-Identifier: ISC
 *
 * Inside the room: how a table is held while it is read and afterwards.
 */
#ifndef CONFIG_TABLE_INT_H
#define CONFIG_TABLE_INT_H

#include "privsep/config/source.h"

#define TABLE_ENTRIES_MAX 4000000

/* Offsets into the octets of the table; the key is in lower case. */
struct table_ent {
	uint32_t key;
	uint32_t key_len;
	uint32_t value;
	uint32_t value_len;
	uint32_t line; /* where it was read */
	uint32_t column;
};

/* A network: an address with the host bits cleared. */
struct table_net {
	uint8_t bits;
	unsigned char addr[16]; /* IPv4: the first four */
};

struct table {
	char *name; /* NULL when written in place */
	enum table_kind kind;
	char *path; /* of a file */
	struct buf octets;
	struct table_ent *ents; /* sorted once table_finish was called */
	size_t nents;
	struct table_net *net4, *net6; /* sorted: bits, then address */
	size_t nnet4, nnet6;
	bool has4[33], has6[129];    /* some network is that many bits long */
	struct cfg_pos pos;          /* while parsing: where it is defined, */
	const struct cfg_file *file; /* and what its entries were read from */
	bool broken;                 /* its text had errors */
	unsigned checked;            /* kinds of use, a bit for each */
};

/* An empty table.  name may be NULL; both strings are taken, also when it
 * fails (NULL). */
struct table *table_new(char *name, enum table_kind kind, char *path);
void table_free(struct table *t);

/* Add an entry; what pos says but the file is kept.  0, -E_NOMEM, or -E_TOOLONG
 * for a table that is too large. */
int table_add(struct table *t, struct span key, struct span value,
    const struct cfg_pos *pos);

/* Sort; of entries with the same key the last one stays. */
void table_finish(struct table *t);

/* Read the content of a file table.  Errors in its lines are added to errs.
 * 0, -E_SYNTAX or -E_NOMEM. */
int table_read(
    struct table *t, const struct cfg_file *file, struct cfg_errors *errs);

/* Parse "address" or "address/bits".  *v6 says the family.  Host bits are
 * cleared.  0 or -E_SYNTAX. */
int table_net_parse(struct span text, struct table_net *net, bool *v6);

/* Make net4 and net6 of the entries, all of which must be networks.  0 or
 * -E_NOMEM. */
int table_net_index(struct table *t);

#endif
