/* SPDX-License-Identifier: ISC
 *
 * The two clocks.  See clock.h.
 */
#include <stddef.h>
#include <time.h>

#include "privsep/base/clock.h"

uint64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t
clock_wall(uint32_t *usec)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (usec != NULL)
		*usec = (uint32_t)(ts.tv_nsec / 1000);
	return (uint64_t)ts.tv_sec;
}
