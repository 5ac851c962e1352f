/* SPDX-License-Identifier: ISC
 *
 * Where log lines go.  The lines of all processes come together here; they
 * are composed and escaped where they are written (privsep/base/log.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/master/master.h"

static struct {
	bool syslog;
	bool stamp; /* the journal has its own clock */
} output;

static void
output_own(int level, struct span line)
{
	output_line(level, "master", getpid(), line);
}

void
output_init(bool foreground)
{
	output.syslog = !foreground;
	output.stamp = getenv("JOURNAL_STREAM") == NULL;
	if (output.syslog)
		openlog("smtpd", LOG_PID | LOG_NDELAY, LOG_MAIL);
	log_init("master", output_own);
}

static void
output_stamp(struct buf *out)
{
	uint32_t usec;
	time_t now = (time_t)clock_wall(&usec);
	char text[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(out, "%s.%03uZ ", text, usec / 1000);
}

void
output_line(int level, const char *process, pid_t pid, struct span line)
{
	struct buf out;
	size_t i, text;

	buf_init(&out, LOG_LINE_MAX + 256);
	if (output.stamp && !output.syslog)
		output_stamp(&out);
	buf_addf(&out, "%s[%d]: ", process, (int)pid);
	text = out.len;
	buf_add(&out, line.p, line.len);
	/* lines are escaped where they are written, but a broken process must
	 * not be able to begin one in another's name */
	for (i = text; i < out.len; i++) {
		if (out.data[i] < ' ' || out.data[i] > '~')
			out.data[i] = '?';
	}
	if (output.syslog) {
		syslog(level, "%.*s", (int)out.len, (const char *)out.data);
	} else {
		buf_put_u8(&out, '\n');
		if (out.err == 0 &&
		    write(STDERR_FILENO, out.data, out.len) < 0) {
			/* nowhere left to complain to */
		}
	}
	buf_clear(&out);
}
