/* SPDX-License-Identifier: ISC
 *
 * How hard a destination is pressed.  See pace.h.
 */
#include "delivery/relay/pace.h"

#define PACE_FIRST 5 /* connections before anything is known */
#define PACE_DEAF_MS                                                           \
	1000 /* connections that were open at once are told to
			     slow down at once: that is one reason, not many */

void
pace_init(struct pace *p, const struct limit_values *limits)
{
	*p = (struct pace){
		.max = limits->connections > 0 ? limits->connections : 1,
		.rate = limits->rate,
		.rate_ms = limits->rate_s * 1000,
	};
	p->allowed = p->max < PACE_FIRST ? p->max : PACE_FIRST;
}

void
pace_good(struct pace *p)
{
	/* one more for each round of all that there are */
	if (++p->good < p->allowed || p->allowed >= p->max)
		return;
	p->allowed++;
	p->good = 0;
}

void
pace_slow(struct pace *p, uint64_t now_ms)
{
	if (p->slow_ms != 0 && now_ms - p->slow_ms < PACE_DEAF_MS)
		return;
	p->slow_ms = now_ms;
	p->good = 0;
	if (p->allowed > 1)
		p->allowed /= 2;
}

uint64_t
pace_wait_ms(struct pace *p, uint64_t now_ms)
{
	if (p->rate == 0 || p->rate_ms == 0)
		return 0;
	if (p->began_ms == 0 || now_ms - p->began_ms >= p->rate_ms) {
		p->began_ms = now_ms;
		p->sent = 0;
	}
	if (p->sent >= p->rate)
		return p->began_ms + p->rate_ms - now_ms;
	p->sent++;
	return 0;
}

bool
pace_may_add(const struct pace *p, uint64_t connections)
{
	return connections < p->allowed;
}
