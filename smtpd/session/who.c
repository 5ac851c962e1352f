/* SPDX-License-Identifier: ISC
 *
 * VRFY and EXPN (RFC 5321 3.5): the syntax is judged here, what is told is the
 * router's to say.  They stand beside a transaction, and change nothing in it.
 */
#include "privsep/ipc/terms.h"
#include "smtpd/session/session.h"

/* Take the parameter off the end (RFC 6531 3.7.4.2): true when it was there. */
static bool
who_take_utf8(struct span *arg)
{
	static const char word[] = " SMTPUTF8";
	const size_t len = sizeof(word) - 1;

	if (arg->len <= len ||
	    !span_caseeq(
		(struct span){ arg->p + arg->len - len, len }, span_str(word)))
		return false;
	arg->len -= len;
	while (arg->len > 0 && arg->p[arg->len - 1] == ' ')
		arg->len--;
	return true;
}

/* A mailbox, a local part alone, or either as a path in brackets, which many
 * clients send.  RP_NONE or the reply to give. */
static enum reply
who_parse(const struct session *s, struct span arg, bool utf8,
    struct mail_address *out)
{
	unsigned flags = ADDRESS_BARE | (s->esmtp ? ADDRESS_UTF8 : 0);

	if (arg.len >= 2 && arg.p[0] == '<' && arg.p[arg.len - 1] == '>') {
		arg.p++;
		arg.len -= 2;
	}
	if (address_parse(arg, flags, out) != 0)
		return RP_BAD_RCPT;
	return address_is_utf8(out) && !utf8 ? RP_UTF8_NEEDED : RP_NONE;
}

static void
who_ask(struct session *s, enum who_verb verb, struct span arg)
{
	bool utf8 = s->esmtp && who_take_utf8(&arg);
	struct mail_address mailbox;
	enum reply reply = who_parse(s, arg, utf8, &mailbox);
	struct buf text;
	struct chan *ch;

	if (reply != RP_NONE) {
		reply_send(s, reply, NULL);
		return;
	}
	buf_init(&text, ADDRESS_PATH_MAX);
	if (address_format(&mailbox, &text) != 0)
		reply_send(s, RP_SYSTEM, NULL);
	else if ((ch = ask_begin(s, WHO_ASK)) != NULL) {
		msg_put_u8(ch, (uint8_t)verb);
		msg_put_span(ch, buf_span(&text));
		msg_put_span(ch, span_str(s->helo == NULL ? "" : s->helo));
		msg_put_u8(ch, utf8);
		s->before = s->state;
		ask_end(s, ch, SESS_WHO_ASKED);
	}
	buf_clear(&text);
}

/* Who may not know gets the answer that says nothing (RFC 5321 3.5.3, 7.3). */
void
who_vrfy(struct session *s, struct span arg)
{
	if ((s->services & SERVICE_VRFY) != 0)
		who_ask(s, WHO_VRFY, arg);
	else
		reply_send(s, RP_VRFY, NULL);
}

void
who_expn(struct session *s, struct span arg)
{
	who_ask(s, WHO_EXPN, arg);
}

void
who_answer(
    struct session *s, enum reply reply, const struct span *paths, size_t n)
{
	session_enter(s, s->before);
	if (n > 0)
		reply_paths(s, reply, paths, n);
	else
		reply_send(s, reply, NULL);
	session_resume(s);
}
