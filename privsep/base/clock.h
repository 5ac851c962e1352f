/* SPDX-License-Identifier: ISC
 *
 * The two clocks: one that only goes forward, for timers, and the calendar,
 * for what is written down.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment before the process began. */
uint64_t clock_ms(void);

/* Seconds since 1970, and microseconds of the current second if not NULL. */
uint64_t clock_wall(uint32_t *usec);

#endif
