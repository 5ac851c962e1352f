/* SPDX-License-Identifier: ISC
 *
 * The requests that `explain' is made of: the router says what would become
 * of a recipient, and the relay, for each destination that came out, which
 * hosts that is.
 */
#include <err.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "smtpd/smtpctl/smtpctl.h"

#define EXPLAIN_WAYS_MAX 16 /* that are asked for */

struct way {
	char action[CTL_ARG_MAX + 1];
	char domain[CTL_ARG_MAX + 1]; /* "" for that of the action */
};

static struct {
	struct way ways[EXPLAIN_WAYS_MAX];
	size_t n;
	size_t asked;
	char uid[24];
} explain;

bool
explain_arguments(struct ctl_request *req)
{
	const struct passwd *pw;
	char name[CTL_ARG_MAX + 1];
	size_t i;

	for (i = 1; i + 1 < req->nargs; i += 2) {
		if (!span_eq(req->args[i], span_str("user")))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)req->args[i + 1].len,
		    (const char *)req->args[i + 1].p);
		if ((pw = getpwnam(name)) == NULL) {
			warnx("%s: no such user", name);
			return false;
		}
		snprintf(explain.uid, sizeof(explain.uid), "%lu",
		    (unsigned long)pw->pw_uid);
		req->args[i + 1] = span_str(explain.uid);
	}
	return true;
}

/* The text of a field; false when it has none that could be an argument. */
static bool
explain_text(const struct row *row, const char *key, char *out, size_t size)
{
	const struct field *f = row_field(row, key);

	if (f == NULL || f->value.len >= size ||
	    (f->value.len > 0 &&
		memchr(f->value.p, '\0', f->value.len) != NULL))
		return false;
	if (f->value.len > 0)
		memcpy(out, f->value.p, f->value.len);
	out[f->value.len] = '\0';
	return true;
}

void
explain_row(const struct row *row)
{
	const struct field *step = row_field(row, "step");
	struct way *way = &explain.ways[explain.n];
	size_t i;

	if (step == NULL || !span_eq(step->value, span_str("relay")) ||
	    explain.n == EXPLAIN_WAYS_MAX ||
	    !explain_text(row, "action", way->action, sizeof(way->action)) ||
	    !explain_text(row, "what", way->domain, sizeof(way->domain)))
		return;
	for (i = 0; i < explain.n; i++) {
		if (strcmp(explain.ways[i].action, way->action) == 0 &&
		    strcmp(explain.ways[i].domain, way->domain) == 0)
			return;
	}
	explain.n++;
}

bool
explain_next(struct printer *p, struct ctl_request *out)
{
	const struct way *way = &explain.ways[explain.asked];

	if (explain.asked == explain.n)
		return false;
	explain.asked++;
	*out = (struct ctl_request){ .verb = CTL_SHOW_ROUTE, .nargs = 2 };
	out->args[0] = span_str(way->action);
	out->args[1] = span_str(way->domain);
	if (way->domain[0] == '\0')
		out->nargs = 1;
	p->verb = CTL_SHOW_ROUTE;
	p->rows = 0;
	if (!p->json)
		printf("\nroute of %s%s%s:\n", way->action,
		    way->domain[0] == '\0' ? "" : " to ", way->domain);
	fflush(stdout);
	return true;
}
