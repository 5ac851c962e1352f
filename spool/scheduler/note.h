/* SPDX-License-Identifier: ISC
 *
 * What is remembered of an outcome: its status, its text, and who said it.
 * Envelopes that came to the same share one note, since a host that is down
 * says one thing of a hundred thousand.
 */
#ifndef SCHEDULER_NOTE_H
#define SCHEDULER_NOTE_H

#include <sys/tree.h>

#include "privsep/base/buf.h"

#define NOTE_STATUS_MAX 32
#define NOTE_TEXT_MAX   500
#define NOTE_VIA_MAX    350

struct note;
RB_HEAD(note_tree, note);

/* The note with these, cut to their limits, and text to text_max also.  It is
 * one more reference, for note_put().  NULL when all are empty, and without
 * memory. */
struct note *note_get(struct note_tree *, struct span status, struct span text,
    size_t text_max, struct span via);

/* One more reference to the same; NULL is fine. */
struct note *note_again(struct note *);

/* Give a reference back; NULL is fine. */
void note_put(struct note_tree *, struct note *);

/* Its parts; empty for NULL. */
struct span note_status(const struct note *);
struct span note_text(const struct note *);
struct span note_via(const struct note *);

#endif
