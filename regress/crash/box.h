/* SPDX-License-Identifier: ISC
 *
 * The mailer's Maildir and mbox as a program of this directory uses them:
 * messages whose text follows from their id are put, and what is reported is
 * kept.
 */
#ifndef CRASH_BOX_H
#define CRASH_BOX_H

#include "delivery/local/mailer.h"

#define BOX_IDS 4096

/* What was reported last, by id; -1: nothing. */
extern int box_reported[BOX_IDS];
extern unsigned box_reports;

/* Deliver to path ("~/Maildir") in the directory home. */
void box_job(const char *home, const char *path);

/* A message of len octets of text, from memory or from a file. */
void box_put(void (*put)(const struct mail *), uint32_t id, uint32_t len,
    bool in_doubt, bool from_file);

/* Append the file that a Maildir is to have of it. */
void box_expect(uint32_t id, uint32_t len, struct buf *out);

/* How many whole messages of that id are in the directory path; *others is
 * raised by the files of that id that are not whole. */
unsigned box_count(
    const char *path, uint32_t id, uint32_t len, unsigned *others);

#endif
