/* SPDX-License-Identifier: ISC
 *
 * smtpctl: options, words, the request.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "smtpd/smtpctl/smtpctl.h"

static int
usage(void)
{
	verbs_usage();
	return EX_USAGE;
}

/* Arguments after the verb, as the table wants them. */
static int
main_arguments(struct ctl_request *req, int argc, char **argv)
{
	const char *args = ctl_verbs[req->verb].args;
	/* a domain in the place of an ID is for the daemon to judge */
	bool wanted = args[0] != '\0',
	     ids =
		 strncmp(args, "ID", 2) == 0 && strstr(args, "DOMAIN") == NULL;
	uint64_t id;
	int64_t envelope;

	if (wanted != (argc > 0) || argc > CTL_ARGS_MAX)
		return -1;
	for (req->nargs = 0; req->nargs < (size_t)argc; req->nargs++) {
		struct span s = span_str(argv[req->nargs]);

		if (ids && !span_eq(s, span_str(CTL_ALL)) &&
		    ctl_parse_id(s, &id, &envelope) != 0) {
			warnx("%s: not a message id", argv[req->nargs]);
			return -1;
		}
		req->args[req->nargs] = s;
	}
	return req->verb != CTL_EXPLAIN || explain_arguments(req) ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct ctl_request req = { 0 };
	struct printer printer = { 0 };
	int c, words;

	stdio_open();
	log_init("smtpctl", NULL);
	while ((c = getopt(argc, argv, "jR:")) != -1) {
		switch (c) {
		case 'j':
			printer.json = true;
			break;
		case 'R':
			if (paths_set_root(optarg) != 0)
				errx(EX_USAGE, "%s: no such directory", optarg);
			break;
		default:
			return usage();
		}
	}
	argc -= optind;
	argv += optind;
	if ((words = verbs_find(argc, argv, &req.verb)) == 0 ||
	    main_arguments(&req, argc - words, argv + words) != 0)
		return usage();
	printer.verb = req.verb;
	return stdio_end(query_run(&req, &printer));
}
