/* SPDX-License-Identifier: ISC
 *
 * What became of a message: how it is told from an error, and when nothing is
 * left to do.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "delivery/local/mailer.h"

void
mail_result_set(struct mail_result *r, enum env_outcome outcome,
    const char *status, const char *fmt, ...)
{
	va_list ap;

	r->outcome = outcome;
	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

void
mail_result_errno(struct mail_result *r, const char *doing)
{
	bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

	mail_result_set(r, OUT_DEFERRED, full ? "4.2.2" : "4.3.0", "%s: %s",
	    doing, strerror(errno));
}

bool
mailer_loops(const struct mail *m)
{
	struct mail_result result;

	if (!content_loops(m))
		return false;
	mail_result_set(&result, OUT_FAILED, "5.4.6",
	    "the message was delivered here before: mail loop");
	mailer_report(m->msgid, m->index, &result);
	return true;
}

void
mailer_had_delivered(uint64_t msgid, uint32_t index)
{
	struct mail_result result;

	mail_result_set(
	    &result, OUT_DELIVERED, "2.0.0", "delivered by an earlier attempt");
	mailer_report(msgid, index, &result);
}
