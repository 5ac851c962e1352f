/* SPDX-License-Identifier: ISC
 *
 * From the words of the command line to a verb of the table.
 */
#include <stdio.h>
#include <string.h>

#include "smtpd/smtpctl/smtpctl.h"

/* How many words of the verb argv begins with; 0 if they do not match.
 * *exact tells that none was shortened. */
static int
verbs_match(const char *words, int argc, char **argv, bool *exact)
{
	int n = 0;

	*exact = true;
	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		size_t given;

		if (n == argc)
			return 0;
		given = strlen(argv[n]);
		if (given == 0 || given > len ||
		    strncmp(words, argv[n], given) != 0)
			return 0;
		if (given < len)
			*exact = false;
		n++;
		words += len;
		words += strspn(words, " ");
	}
	return n;
}

int
verbs_find(int argc, char **argv, enum ctl_verb *out)
{
	int n, used = 0, found = 0;
	bool exact;
	enum ctl_verb v;

	for (v = 0; v < CTL__MAX; v++) {
		if ((n = verbs_match(ctl_verbs[v].words, argc, argv, &exact)) ==
		    0)
			continue;
		*out = v;
		used = n;
		if (exact)
			return used;
		found++;
	}
	return found == 1 ? used : 0;
}

void
verbs_usage(void)
{
	char words[64];
	enum ctl_verb v;

	fprintf(
	    stderr, "usage: smtpctl [-j] [-R dir] command [argument ...]\n");
	for (v = 0; v < CTL__MAX; v++) {
		snprintf(words, sizeof(words), "%s %s", ctl_verbs[v].words,
		    ctl_verbs[v].args);
		fprintf(stderr, "  %-24s %s\n", words, ctl_verbs[v].meaning);
	}
}
