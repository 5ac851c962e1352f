/* SPDX-License-Identifier: ISC
 *
 * What only the master knows: which users there are, and who of them is at a
 * terminal.
 */
#include "smtpd/router/router.h"

static int
ask(enum msg_type type, uint64_t request, struct span name)
{
	struct chan *master = role_master();

	router.stats.lookups++;
	msg_begin(master, type, request);
	msg_put_span(master, name);
	return msg_send(master);
}

static int
ask_user(uint64_t request, struct span name)
{
	return ask(USER_ASK, request, name);
}

static int
ask_terminal(uint64_t request, struct span name)
{
	return ask(TERMINAL_ASK, request, name);
}

void
master_init(void)
{
	users_init(&router.users, ask_user);
	users_init(&router.terminals, ask_terminal);
}

int
master_user(struct chan *ch, struct msg *m)
{
	unsigned answer = rd_u8(&m->body);

	if (!rd_done(&m->body) || answer >= USER__MAX)
		return chan_violation(ch, "bad user-answer");
	if (users_answer(&router.users, m->id, (enum user_answer)answer) != 0)
		return chan_violation(ch, "answer to no question");
	return 0;
}

int
master_terminal(struct chan *ch, struct msg *m)
{
	unsigned answer = rd_u8(&m->body);

	if (!rd_done(&m->body) ||
	    (answer != USER_YES && answer != USER_TRY_LATER))
		return chan_violation(ch, "bad terminal-answer");
	if (users_answer(&router.terminals, m->id, (enum user_answer)answer) !=
	    0)
		return chan_violation(ch, "answer to no question");
	return 0;
}
