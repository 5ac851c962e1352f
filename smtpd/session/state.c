/* SPDX-License-Identifier: ISC
 *
 * The table of states and the one place where a session changes its state.
 */
#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "smtpd/session/session.h"

struct state_spec {
	const char *name;
	unsigned flags;
	enum timer_class timer;
	enum reply timeout;
};

static const struct state_spec states[SESS__MAX] = {
#define STATE(name, text, flags, timer, reply)                                 \
	[name] = { text, flags, timer, reply },
#include "smtpd/session/states.def"
#undef STATE
};

unsigned
state_flags(enum sess_state state)
{
	return states[state].flags;
}

enum timer_class
state_timer(enum sess_state state)
{
	return states[state].timer;
}

enum reply
state_timeout_reply(enum sess_state state)
{
	return states[state].timeout;
}

const char *
state_name(enum sess_state state)
{
	return states[state].name;
}

void
session_enter(struct session *s, enum sess_state state)
{
	if (log_level() >= LOG_DEBUG)
		LOG(EV_SESSION_STATE, KI("session", s->sid),
		    KS("from", state_name(s->state)),
		    KS("to", state_name(state)));
	s->state = state;
	s->active_ms = clock_ms();
	timer_update(s);
}
