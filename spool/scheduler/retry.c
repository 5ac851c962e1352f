/* SPDX-License-Identifier: ISC
 *
 * Retry, warning and expiry times (RFC 5321 4.5.4.1).  See retry.h.
 */
#include "spool/scheduler/retry.h"

/* The sum, held to what 32 bits of seconds can say. */
static uint32_t
retry_add(uint32_t a, uint64_t b)
{
	return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

uint32_t
retry_wait_s(const struct cfg_durations *list, uint64_t jitter,
    unsigned attempts, uint32_t random)
{
	size_t i = attempts == 0 ? 0 : attempts - 1;
	uint64_t base = list->s[i < list->n ? i : list->n - 1];
	uint64_t spread = base * jitter / 100;
	uint64_t wait = base - spread + random % (2 * spread + 1);

	return wait == 0 ? 1 : retry_add(0, wait);
}

uint32_t
retry_next_s(
    uint32_t now_s, uint32_t wait_s, uint32_t created_s, uint64_t ttl_s)
{
	uint32_t next = retry_add(now_s, wait_s);
	uint32_t last = retry_add(created_s, ttl_s);

	/* never at once: a clock that jumped must not make it spin */
	if (last <= now_s)
		last = retry_add(now_s, 1);
	return next < last ? next : last;
}

bool
retry_expired(uint32_t now_s, uint32_t created_s, uint64_t ttl_s)
{
	return now_s >= retry_add(created_s, ttl_s);
}

unsigned
retry_warnings(
    const struct cfg_durations *ages, uint32_t now_s, uint32_t created_s)
{
	unsigned n = 0;

	while (n < ages->n && now_s >= retry_add(created_s, ages->s[n]))
		n++;
	return n;
}

uint32_t
retry_warning_s(
    const struct cfg_durations *ages, unsigned given, uint32_t created_s)
{
	if (given >= ages->n)
		return UINT32_MAX;
	return retry_add(created_s, ages->s[given]);
}
