/* SPDX-License-Identifier: ISC
 *
 * Landlock: what is left of the file system, the network and the other
 * processes to one that can name them at all.
 */
#ifndef CONFINE_LANDLOCK_H
#define CONFINE_LANDLOCK_H

#include <stdint.h>

/*
 * Take every right that this kernel's Landlock knows, up to the version we
 * were tested with, but for work on files beneath dirs (borrowed,
 * NULL-terminated; NULL: nothing at all) and for connections with TCP to ports
 * (borrowed, ends with 0; NULL: none), from whatever port is free.  Needs
 * no_new_privs.  Rights that the kernel does not know are left out; see
 * landlock_missing().  0 or -E_*.
 */
int landlock_enter(const char *const *dirs, const uint16_t *ports);

/* What this kernel's Landlock lacks of what we use: a static text, or NULL
 * when that is nothing. */
const char *landlock_missing(void);

#endif
