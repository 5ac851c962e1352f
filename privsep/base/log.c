/* SPDX-License-Identifier: ISC
 *
 * The log: composing of lines, escaping, the sink.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/log.h"

static void log_stderr(int level, struct span line);

static const struct {
	const char *name;
	int level;
} events[EV__MAX] = {
#define EVENT(ev, text, lvl) [ev] = { text, lvl },
#include "privsep/base/log.def"
#undef EVENT
};

static struct {
	const char *process;
	log_sink_fn *sink;
	int level;
	/* kept from line to line, so that one about the want of memory needs
	 * none */
	struct buf line;
} logger = { "smtpd", log_stderr, LOG_INFO, { .max = LOG_LINE_MAX } };

static void
log_stderr(int level, struct span line)
{
	struct buf out;

	(void)level;
	buf_init(&out, LOG_LINE_MAX + 64);
	buf_addf(&out, "%s: ", logger.process);
	buf_add(&out, line.p, line.len);
	buf_put_u8(&out, '\n');
	if (out.err == 0 && write(STDERR_FILENO, out.data, out.len) < 0) {
		/* nowhere left to complain to */
	}
	buf_clear(&out);
}

void
log_init(const char *process, log_sink_fn *sink)
{
	logger.process = process;
	logger.sink = sink == NULL ? log_stderr : sink;
	buf_reserve(&logger.line, LOG_LINE_MAX);
}

void
log_set_level(int level)
{
	logger.level = level;
}

int
log_level(void)
{
	return logger.level;
}

const char *
log_event_name(enum log_ev ev)
{
	return events[ev].name;
}

void
log_escape(struct buf *out, struct span s, size_t max)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char esc[4] = { '\\', 'x' };
	size_t i, n, used = 0;

	for (i = 0; i < s.len; i++, used += n) {
		unsigned char c = s.p[i];

		if (c == '\\' || c == '"') {
			esc[1] = c;
			n = 2;
		} else if (c < 0x20 || c > 0x7e) {
			esc[1] = 'x';
			esc[2] = (unsigned char)hex[c >> 4];
			esc[3] = (unsigned char)hex[c & 15];
			n = 4;
		} else
			n = 1;
		if (used + n > max) {
			buf_add_str(out, "...");
			return;
		}
		buf_add(out, n == 1 ? &c : esc, n);
	}
}

/* A value needs no quotes when it cannot be taken for a pair or two. */
static bool
log_plain(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = s.p[i];

		if (c <= ' ' || c > 0x7e || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return s.len > 0;
}

static void
log_value(struct buf *line, struct span s)
{
	if (log_plain(s) && s.len <= LOG_VALUE_MAX) {
		buf_add(line, s.p, s.len);
		return;
	}
	buf_put_u8(line, '"');
	log_escape(line, s, LOG_VALUE_MAX);
	buf_put_u8(line, '"');
}

static void
log_pair(struct buf *line, const struct log_kv *kv)
{
	buf_put_u8(line, ' ');
	buf_add_str(line, kv->key);
	buf_put_u8(line, '=');
	switch (kv->kind) {
	case LOG_K_UINT:
		buf_addf(line, "%" PRIu64, kv->u);
		break;
	case LOG_K_INT:
		buf_addf(line, "%" PRId64, kv->i);
		break;
	case LOG_K_ID:
		buf_addf(line, "%016" PRIx64, kv->u);
		break;
	case LOG_K_STR:
		log_value(line, span_str(kv->s == NULL ? "" : kv->s));
		break;
	case LOG_K_SPAN:
		log_value(line, kv->b);
		break;
	case LOG_K_END:
		break;
	}
}

void
log_event(enum log_ev ev, const struct log_kv *pairs)
{
	struct buf *line = &logger.line;
	size_t whole;

	if (events[ev].level > logger.level)
		return;
	buf_reset(line);
	buf_reserve(line, LOG_LINE_MAX);
	buf_addf(line, "event=%s", events[ev].name);
	for (; pairs->kind != LOG_K_END; pairs++) {
		whole = line->len;
		log_pair(line, pairs);
		if (line->err != 0) {
			/* half a pair would read as another one */
			line->len = whole;
			break;
		}
	}
	logger.sink(events[ev].level, buf_span(line));
}

void
fatal(const char *doing, const char *why)
{
	LOG(EV_FATAL, KS("doing", doing), KS("why", why));
	exit(1);
}
