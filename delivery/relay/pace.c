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
rate_init(struct rate *r, const struct limit_values *limits)
{
	*r = (struct rate){
		.max = limits->rate_s > 0 ? limits->rate : 0,
		.period_ms = limits->rate_s * 1000,
	};
}

uint64_t
rate_wait_ms(struct rate *r, uint64_t now_ms)
{
	if (r->max == 0)
		return 0;
	if (r->began_ms == 0 || now_ms - r->began_ms >= r->period_ms) {
		r->began_ms = now_ms;
		r->sent = 0;
	}
	return r->sent < r->max ? 0 : r->began_ms + r->period_ms - now_ms;
}

void
rate_count(struct rate *r)
{
	r->sent++;
}

void
pace_init(struct pace *p, const struct limit_values *limits)
{
	*p = (struct pace){
		.max = limits->connections > 0 ? limits->connections : 1,
	};
	rate_init(&p->rate, limits);
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

bool
pace_may_add(const struct pace *p, uint64_t connections)
{
	return connections < p->allowed;
}
