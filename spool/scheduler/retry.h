/* SPDX-License-Identifier: ISC
 *
 * When an envelope is tried again, when its sender is told that it is late,
 * and when it is given up.  Pure functions of the settings and the clock.
 */
#ifndef SCHEDULER_RETRY_H
#define SCHEDULER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "privsep/config/config.h"

/* The wait in seconds after so many attempts (from 1): the entry of the list,
 * whose last repeats, spread by up to jitter percent either way as random
 * says.  At least 1. */
uint32_t retry_wait_s(const struct cfg_durations *list, uint64_t jitter,
    unsigned attempts, uint32_t random);

/* When to try next: after that wait, but not after the last moment of an
 * envelope created then with that time to live. */
uint32_t retry_next_s(
    uint32_t now_s, uint32_t wait_s, uint32_t created_s, uint64_t ttl_s);

/* It has waited for its time to live. */
bool retry_expired(uint32_t now_s, uint32_t created_s, uint64_t ttl_s);

/* How many of the ages in the list a message created then has reached. */
unsigned retry_warnings(
    const struct cfg_durations *ages, uint32_t now_s, uint32_t created_s);

/* When it reaches the one after the first given ones; UINT32_MAX: never. */
uint32_t retry_warning_s(
    const struct cfg_durations *ages, unsigned given, uint32_t created_s);

#endif
