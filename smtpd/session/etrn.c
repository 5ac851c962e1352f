/* SPDX-License-Identifier: ISC
 *
 * ETRN (RFC 1985): the client asks that what waits for a domain be sent on
 * now, to where it always goes; nothing is sent over this connection.
 */
#include <inttypes.h>

#include "smtpd/session/session.h"

#define NUMBER_MAX 16 /* octets of a number as text */

/* RFC 1985 5.1: the node may have an option in front.  '@' means its
 * subdomains too; '#' a queue by its name, and there are none. */
static enum reply
etrn_check(struct span node)
{
	if (node.p[0] == '#')
		return RP_ETRN_FAILED;
	if (node.p[0] == '@') {
		node.p++;
		node.len--;
	}
	return domain_parse(node, 0) == 0 ? RP_NONE : RP_BAD_ARGUMENT;
}

void
etrn_etrn(struct session *s, struct span arg)
{
	enum reply reply = etrn_check(arg);
	struct chan *ch;

	if (reply != RP_NONE) {
		reply_send(s, reply, NULL);
		return;
	}
	if ((ch = ask_begin(s, ETRN_ASK)) == NULL)
		return;
	msg_put_span(ch, arg);
	ask_end(s, ch, SESS_ETRN_ASKED);
}

void
etrn_answer(struct session *s, enum reply reply, uint32_t n)
{
	struct span number;
	struct buf text;

	session_enter(s, SESS_READY);
	buf_init(&text, NUMBER_MAX);
	if (reply == RP_ETRN_STARTED) {
		buf_addf(&text, "%" PRIu32, n);
		number = buf_span(&text);
		reply_send(s, reply, &number);
	} else
		reply_send(s, reply, NULL);
	buf_clear(&text);
	session_resume(s);
}
