/* SPDX-License-Identifier: ISC
 *
 * sendmail, mailq and newaliases: options as programs have given them for
 * forty years.  What has no meaning here is accepted and does nothing.
 */
#include <err.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "smtpd/mail/header.h"
#include "smtpd/mail/xtext.h"
#include "smtpd/smtpctl/sendmail.h"
#include "smtpd/smtpctl/smtpctl.h"

/* What -b asks for. */
enum mode {
	MODE_SEND = 'm',
	MODE_SMTP = 's',
	MODE_QUEUE = 'p',
	MODE_ALIASES = 'i',
	MODE_VERIFY = 'v',
	MODE_FLUSH = 'q' /* -q */
};

#define SENDMAIL_OPTIONS "A:B:b:C:cd:e:F:f:Gh:IiJ:L:mN:no:O:p:q::R:r:sTtUV:vX:x"

static struct sendmail message;

static _Noreturn void
usage(const char *why)
{
	errx(EX_USAGE, "%s", why);
}

/* -f: one mailbox, with a display name or not, or the null reverse-path. */
static void
option_sender(const char *text)
{
	const unsigned flags = ADDRESS_BARE | ADDRESS_UTF8;
	struct header_list list;
	struct mail_address more;

	message.sender_given = true;
	message.sender = (struct mail_address){ 0 };
	if (*text == '\0' || strcmp(text, "<>") == 0)
		return;
	header_list_init(&list, span_str(text));
	/* a field may be folded, an argument has no line ends */
	if (!span_is_text(span_str(text)) ||
	    header_list_next(&list, flags, &message.sender) != 1 ||
	    header_list_next(&list, flags, &more) != 0)
		usage("the sender is not an address");
}

/* An argument: one recipient or several, since cron(8) gives MAILTO as it
 * is. */
static void
argument_rcpts(const char *text)
{
	size_t before = message.nrcpts;

	if (!span_is_text(span_str(text)) ||
	    compose_add_rcpts(&message, span_str(text)) != 0)
		usage("a recipient is not an address");
	if (message.nrcpts == before)
		usage("an empty recipient");
}

/* -N, -R and -V are what the parameters of MAIL and RCPT say (RFC 3461). */
static void
option_dsn(const char *keyword, const char *value)
{
	struct buf text;
	enum reply bad;

	buf_init(&text, 1024);
	buf_addf(&text, " %s=", keyword);
	if (strcmp(keyword, "ENVID") == 0)
		xtext_encode(span_str(value), &text);
	else
		buf_add_str(&text, value);
	if (strcmp(keyword, "NOTIFY") == 0)
		bad = rcpt_params_parse(
		    buf_span(&text), SENDMAIL_EXT, &message.rcpt);
	else {
		struct mail_params one = { 0 };

		bad = mail_params_parse(buf_span(&text), SENDMAIL_EXT, &one);
		if (one.ret != MAIL_RET_UNSET)
			message.mail.ret = one.ret;
		if (one.envid_len > 0) {
			message.mail.envid_len = one.envid_len;
			memcpy(message.mail.envid, one.envid, one.envid_len);
		}
	}
	buf_clear(&text);
	if (bad != RP_NONE)
		usage("not a parameter of RFC 3461");
}

static void
options(int argc, char **argv, enum mode *mode)
{
	int c;

	while ((c = getopt(argc, argv, SENDMAIL_OPTIONS)) != -1) {
		switch (c) {
		case 'b':
			if (strchr("mspiv", *optarg) == NULL || *optarg == '\0')
				usage("the daemon is smtpd(8)");
			*mode = (enum mode) * optarg;
			break;
		case 'F':
			message.fullname = optarg;
			break;
		case 'f':
		case 'r':
			option_sender(optarg);
			break;
		case 'i':
			message.ignore_dot = true;
			break;
		case 'o':
			if (*optarg == 'i')
				message.ignore_dot = true;
			break;
		case 'q':
			*mode = MODE_FLUSH;
			break;
		case 't':
			message.from_header = true;
			break;
		case 'N':
			option_dsn("NOTIFY", optarg);
			break;
		case 'R':
			option_dsn("RET", optarg);
			break;
		case 'V':
			option_dsn("ENVID", optarg);
			break;
		case '?':
			usage("see sendmail(8)");
		default:
			/* harmless, and without a meaning here */
			break;
		}
	}
}

/* Without -f the sender is the user who runs this. */
static void
default_sender(void)
{
	struct passwd *pw = getpwuid(getuid());
	char number[32];

	if (message.sender_given)
		return;
	snprintf(number, sizeof(number), "%u", (unsigned)getuid());
	if (address_make(span_str(pw == NULL ? number : pw->pw_name),
		(struct span){ NULL, 0 }, ADDRESS_BARE, &message.sender) != 0)
		errx(EX_OSERR, "this user's name is no local part");
}

static int
ask(enum ctl_verb verb)
{
	struct ctl_request req = {
		.verb = verb,
		.nargs = verb == CTL_SCHEDULE ? 1 : 0,
		.args = { span_str(CTL_ALL) },
	};
	struct printer printer = { .verb = verb };

	return query_run(&req, &printer);
}

static int
submit(enum mode mode, int argc, char **argv)
{
	size_t i;

	default_sender();
	for (i = 0; i < (size_t)argc; i++)
		argument_rcpts(argv[i]);
	if (mode == MODE_SEND)
		compose_read(&message);
	dialogue_open();
	if (mode == MODE_VERIFY) {
		compose_qualify(&message.sender);
		for (i = 0; i < message.nrcpts; i++)
			compose_qualify(&message.rcpts[i]);
		return dialogue_verify(&message);
	}
	compose_header(&message);
	dialogue_envelope(&message);
	dialogue_data();
	compose_send();
	dialogue_finish();
	return EX_OK;
}

/* Do it.  Returns an exit status. */
static int
run(enum mode mode, int argc, char **argv)
{
	switch (mode) {
	case MODE_QUEUE:
		return ask(CTL_SHOW_QUEUE);
	case MODE_ALIASES:
		return ask(CTL_RELOAD);
	case MODE_FLUSH:
		return ask(CTL_SCHEDULE);
	case MODE_SMTP:
		return dialogue_pass();
	case MODE_SEND:
	case MODE_VERIFY:
		break;
	}
	return submit(mode, argc, argv);
}

int
main(int argc, char **argv)
{
	const char *root = getenv(PATHS_ROOT_ENV);
	enum mode mode = MODE_SEND;

	stdio_open();
	log_init("sendmail", NULL);
	if (root != NULL && paths_set_root(root) != 0)
		errx(EX_CONFIG, "%s: no such directory", root);
	if (strcmp(getprogname(), "mailq") == 0)
		mode = MODE_QUEUE;
	else if (strcmp(getprogname(), "newaliases") == 0)
		mode = MODE_ALIASES;
	options(argc, argv, &mode);
	argc -= optind;
	argv += optind;
	return stdio_end(run(mode, argc, argv));
}
