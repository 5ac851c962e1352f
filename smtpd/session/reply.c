/* SPDX-License-Identifier: ISC
 *
 * Replies to the client: what they mean for the session stands in their
 * flags.  Exactly one reply answers a command.
 */
#include "privsep/base/log.h"
#include "smtpd/session/session.h"

static void
reply_put(struct session *s, enum reply reply, const struct span *extra)
{
	if ((state_flags(s->state) == 0) || s->state == SESS_LINGER)
		return;
	reply_format(&s->out, (uint16_t)reply, extra);
	if ((reply_flags((uint16_t)reply) & REPLY_CLOSES) != 0) {
		tx_reset(s);
		session_enter(s, SESS_CLOSING);
	}
}

void
reply_send(struct session *s, enum reply reply, const struct span *extra)
{
	const struct settings *set = session_settings();

	if ((reply_flags((uint16_t)reply) & REPLY_COUNTS) != 0) {
		LOG(EV_SMTP_ERROR, KI("session", s->sid), KS("peer", s->peer),
		    KS("rdns", s->rdns),
		    KU("code", reply_code((uint16_t)reply)),
		    KS("reply", reply_name((uint16_t)reply)));
		if (++s->errors > set->smtp_limit_max_errors &&
		    (reply_flags((uint16_t)reply) & REPLY_CLOSES) == 0) {
			reply = RP_TOO_MANY_ERRORS;
			extra = NULL;
		}
	}
	reply_put(s, reply, extra);
}

void
reply_paths(
    struct session *s, enum reply reply, const struct span *paths, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		reply_format_path(
		    &s->out, (uint16_t)reply, i + 1 == n, paths[i]);
}

void
reply_uncounted(struct session *s, enum reply reply)
{
	reply_put(s, reply, NULL);
}
