/* SPDX-License-Identifier: ISC
 *
 * smtpctl: asks the running daemon and prints its answer, for people as a
 * table or for programs as JSON, from the same rows.  mailq(8) is one of its
 * requests.
 */
#ifndef SMTPCTL_SMTPCTL_H
#define SMTPCTL_SMTPCTL_H

#include <stdbool.h>

#include "privsep/ipc/ctl.h"

#define FIELDS_MAX 32 /* of one row */

/* A row of an answer, borrowed from its message. */
struct field {
	struct span key;
	enum ctl_type type;
	struct span value;
};

struct row {
	size_t n;
	struct field fields[FIELDS_MAX];
};

/* How an answer is printed. */
struct printer {
	bool json;
	enum ctl_verb verb;
	uint64_t rows; /* printed so far */
};

/* --- stdio.c --- */

/* Open /dev/null onto each of the three standard descriptors that is closed,
 * before a socket or a file gets its number.  Exits with EX_OSERR if it
 * cannot. */
void stdio_open(void);

/* The exit status of a program that ends with this one: EX_IOERR, and a
 * message, when all went well but for its output. */
int stdio_end(int status);

/* --- verbs.c --- */

/* Find the verb that argv begins with; words may be shortened as long as they
 * are unique.  The number of words used, 0 for no or more than one verb. */
int verbs_find(int argc, char **argv, enum ctl_verb *out);

/* All verbs with their meaning, to standard error. */
void verbs_usage(void);

/* --- query.c --- */

/* Ask the daemon and print.  Returns an exit status (sysexits(3)). */
int query_run(const struct ctl_request *, struct printer *);

/* --- print.c --- */

/* Print one row; extra is a further field or NULL. */
void print_row(
    struct printer *, const struct row *, const char *key, const char *value);

/* Print the text that an answer ends with. */
void print_end(const struct printer *, enum ctl_status, struct span text);

/* The value of a text or number field, NULL when there is none. */
const struct field *row_field(const struct row *, const char *key);

/* The number of such a field. */
uint64_t field_number(const struct field *);

/* --- explain.c --- */

/* Make the user of `explain ... user USER' a number, in memory that stays.
 * False, with a message, when there is no such user. */
bool explain_arguments(struct ctl_request *);

/* Note the way to other hosts that a row of the answer speaks of. */
void explain_row(const struct row *);

/* The next request that is to be made for an `explain': the way to a
 * destination that was noted.  False when there is none. */
bool explain_next(struct printer *, struct ctl_request *out);

/* --- stats.c --- */

/* Add the counter of a row of `show stats' to those of its name, which one
 * process or several have; and print them all.  False for no counter, or
 * without memory. */
bool stats_row(const struct row *);
void stats_print(struct printer *);

/* --- procs.c --- */

/* Hold the process of a row of `show roles' against the table, and print it.
 * False when it is not confined as it should be. */
bool procs_row(struct printer *, const struct row *);

#endif
