/* SPDX-License-Identifier: ISC
 *
 * Where log lines go.  The lines of all processes come together here; they
 * are composed and escaped where they are written (privsep/base/log.c).
 * What a turn of the loop brings for standard error is written at its end.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "privsep/base/clock.h"
#include "privsep/base/log.h"
#include "privsep/master/master.h"

#define OUTPUT_MAX (64 * 1024) /* octets that are held back in a turn */

static struct {
	bool syslog;
	bool watched;     /* who has started us sees standard error */
	bool stamp;       /* the journal has its own clock */
	struct buf lines; /* for standard error at the end of the turn */
} output;

/* Our own lines, which may be the last ones, are not held back. */
static void
output_own(int level, struct span line)
{
	output_line(level, "master", getpid(), line);
	output_flush();
}

/* Whether standard error goes to the journal, as sd-daemon(3) has it be found
 * out. */
static bool
output_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	dev = strtoull(stream, &end, 10);
	if (end == stream || *end != ':')
		return false;
	ino = strtoull(end + 1, NULL, 10);
	return st.st_dev == dev && st.st_ino == ino;
}

void
output_init(bool foreground)
{
	output.syslog = !foreground;
	output.watched = true;
	output.stamp = !output_is_journal();
	buf_init(&output.lines, OUTPUT_MAX);
	if (output.syslog)
		openlog("smtpd", LOG_PID | LOG_NDELAY, LOG_MAIL);
	log_init("master", output_own);
	loop_at_turn(output_flush);
}

void
output_detach(void)
{
	output.watched = false;
}

static void
output_stamp(struct buf *out)
{
	static char text[32];
	static time_t last;
	uint32_t usec;
	time_t now = (time_t)clock_wall(&usec);
	struct tm tm;

	if (now != last) {
		gmtime_r(&now, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		last = now;
	}
	buf_addf(out, "%s.%03uZ ", text, usec / 1000);
}

void
output_flush(void)
{
	const struct buf *lines = &output.lines;
	size_t off = 0;
	ssize_t n;

	/* nowhere is left to complain to when that fails */
	while (off < lines->len &&
	    (n = write(STDERR_FILENO, lines->data + off, lines->len - off)) > 0)
		off += (size_t)n;
	buf_reset(&output.lines);
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
	if (output.syslog)
		syslog(level, "%.*s", (int)out.len, (const char *)out.data);
	if ((!output.syslog || (output.watched && level <= LOG_WARNING)) &&
	    buf_put_u8(&out, '\n') == 0) {
		if (out.len > OUTPUT_MAX - output.lines.len)
			output_flush();
		buf_add(&output.lines, out.data, out.len);
	}
	buf_clear(&out);
}
