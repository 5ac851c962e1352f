/* SPDX-License-Identifier: ISC
 *
 * From a line to the handler of its verb.  Whether a command is in order is
 * decided here, by commands.def, and nowhere else.
 */
#include "privsep/ipc/terms.h"
#include "smtpd/session/session.h"

#define ST(state) (1U << (state))
#define ST_ANY    (ST(SESS_HELO) | ST(SESS_READY) | ST(SESS_MAIL) | ST(SESS_RCPT))

enum command_arg {
	ARG_NONE,
	ARG_MAYBE,
	ARG_NEEDED
};

enum command_flag {
	CMD_LAST = 1 << 0,
	CMD_QUIT = 1 << 1,
	CMD_JUNK = 1 << 2,
	CMD_HIDDEN = 1 << 3
};

struct command_spec {
	const char *name;
	unsigned states; /* set of enum sess_state */
	enum command_arg arg;
	unsigned flags;
	uint8_t service; /* 0: for everybody */
	void (*run)(struct session *, struct span arg);
	const char *reference;
};

static const struct command_spec commands[VERB__MAX] = {
#define COMMAND(verb, states, arg, flags, service, handler, rfc)               \
	[VERB_##verb] = { #verb, states, arg, flags, service, handler, rfc },
#include "smtpd/session/commands.def"
#undef COMMAND
};

_Static_assert(SESS__MAX <= 32, "a set of states is 32 bits");

enum verb
command_verb(struct span name)
{
	unsigned v;

	for (v = 0; v < VERB__MAX; v++) {
		if (span_caseeq(name, span_str(commands[v].name)))
			break;
	}
	return (enum verb)v;
}

const char *
command_name(enum verb verb)
{
	return commands[verb].name;
}

bool
command_served(const struct session *s, enum verb verb)
{
	uint8_t service = commands[verb].service;

	return service == 0 || (s->services & service) != 0;
}

bool
command_listed(const struct session *s, enum verb verb)
{
	return (commands[verb].flags & CMD_HIDDEN) == 0 &&
	    command_served(s, verb);
}

/* The verb begins a transaction. */
static bool
command_begins(enum verb verb)
{
	return verb == VERB_MAIL || verb == VERB_SEND || verb == VERB_SOML ||
	    verb == VERB_SAML;
}

enum reply
command_sequence(enum verb verb, enum sess_state state)
{
	if ((commands[verb].states & ST(state)) != 0)
		return RP_NONE;
	/* RFC 5321 4.1.4: 503, and the text says what is missing */
	switch ((unsigned)state) {
	case SESS_HELO:
		return RP_NEED_HELO;
	case SESS_READY:
		return RP_NEED_MAIL;
	case SESS_MAIL:
		if (command_begins(verb))
			return RP_NESTED_MAIL;
		return verb == VERB_DATA ? RP_NEED_RCPT : RP_SEQUENCE;
	case SESS_RCPT:
		return command_begins(verb) ? RP_NESTED_MAIL : RP_SEQUENCE;
	default:
		return RP_SEQUENCE;
	}
}

static bool
command_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* Take the verb off the line; what stays is the argument without white space
 * around it (RFC 5321 4.1.1 asks to tolerate it at the end). */
static struct span
command_split(struct span *line)
{
	struct span verb = { line->p, 0 };

	while (line->len > 0 && command_blank(line->p[line->len - 1]))
		line->len--;
	while (verb.len < line->len && !command_blank(line->p[verb.len]))
		verb.len++;
	line->p += verb.len;
	line->len -= verb.len;
	while (line->len > 0 && command_blank(line->p[0])) {
		line->p++;
		line->len--;
	}
	return verb;
}

/* What stands against running the command, or RP_NONE. */
static enum reply
command_check(struct session *s, enum verb verb, struct span arg, bool more)
{
	const struct command_spec *c = &commands[verb];
	enum reply reply;

	/* what came along cannot be meant for the state that follows; to go on
	 * would let one peer's data be read as another's command */
	if (more && (c->flags & CMD_LAST) != 0)
		return RP_PIPELINE;
	if (!command_served(s, verb))
		return RP_NOT_IMPLEMENTED;
	if ((reply = command_sequence(verb, s->state)) != RP_NONE)
		return reply;
	if ((c->arg == ARG_NONE && arg.len > 0) ||
	    (c->arg == ARG_NEEDED && arg.len == 0))
		return RP_BAD_ARGUMENT;
	if ((c->flags & CMD_JUNK) != 0 &&
	    ++s->junk > session_settings()->smtp_limit_max_junk)
		return RP_TOO_MANY_ERRORS;
	return RP_NONE;
}

void
command_run(struct session *s, struct span line, bool more)
{
	struct span name = command_split(&line);
	enum verb verb = command_verb(name);
	enum reply reply;

	if (verb == VERB__MAX)
		reply = RP_UNKNOWN_COMMAND;
	else
		reply = command_check(s, verb, line, more);
	if (reply != RP_NONE)
		reply_send(s, reply, NULL);
	else
		commands[verb].run(s, line);
}
