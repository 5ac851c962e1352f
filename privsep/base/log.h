/* SPDX-License-Identifier: ISC
 *
 * The log.  A line is an event of log.def and key=value pairs; values are
 * escaped and capped here, so that nothing from outside can forge a line or
 * a pair.  Bodies, credentials and keys are never logged.
 *
 *	LOG(EV_RCPT_REJECT, KI("session", sid), KB("rcpt", path), KU("code", 550));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>
#include <syslog.h>

#include "privsep/base/buf.h"

enum log_ev {
#define EVENT(name, text, level) name,
#include "privsep/base/log.def"
#undef EVENT
	EV__MAX
};

enum log_kind {
	LOG_K_END,
	LOG_K_UINT,
	LOG_K_INT,
	LOG_K_ID,
	LOG_K_STR,
	LOG_K_SPAN
};

struct log_kv {
	const char *key;
	enum log_kind kind;
	uint64_t u;
	int64_t i;
	const char *s;
	struct span b;
};

/* Pairs: an unsigned or a signed number, a 64-bit id (16 hex digits), a
 * string of ours, octets from outside. */
#define KU(k, v)                                                               \
	{                                                                      \
		.key = (k), .kind = LOG_K_UINT, .u = (v)                       \
	}
#define KN(k, v)                                                               \
	{                                                                      \
		.key = (k), .kind = LOG_K_INT, .i = (v)                        \
	}
#define KI(k, v)                                                               \
	{                                                                      \
		.key = (k), .kind = LOG_K_ID, .u = (v)                         \
	}
#define KS(k, v)                                                               \
	{                                                                      \
		.key = (k), .kind = LOG_K_STR, .s = (v)                        \
	}
#define KB(k, v)                                                               \
	{                                                                      \
		.key = (k), .kind = LOG_K_SPAN, .b = (v)                       \
	}

#define LOG(ev, ...)                                                           \
	log_event((ev),                                                        \
	    (const struct log_kv[]){ __VA_ARGS__, { .kind = LOG_K_END } })

#define LOG_VALUE_MAX 256  /* octets of one value, after escaping */
#define LOG_LINE_MAX  2048 /* octets of one line */

/* Where lines go: level of syslog(3), text without the process's name and
 * without an end of line. */
typedef void log_sink_fn(int level, struct span line);

/* Name the process (a static string) and choose its sink; the default sink
 * writes to standard error. */
void log_init(const char *process, log_sink_fn *sink);

/* Log events up to this level of syslog(3): LOG_INFO by default. */
void log_set_level(int level);
int log_level(void);

/* Log one event; pairs end with LOG_K_END.  Use LOG(). */
void log_event(enum log_ev ev, const struct log_kv *pairs);

/* Append the octets of s to out with everything but printable ASCII written
 * as \xHH, quotes and backslashes escaped, at most max octets in all. */
void log_escape(struct buf *out, struct span s, size_t max);

/* The text and the level of an event, for the manual's test. */
const char *log_event_name(enum log_ev ev);

/* Log and end the process: for broken invariants of our own and for a start
 * that cannot go on; never because of what a peer sent. */
_Noreturn void fatal(const char *doing, const char *why);

#endif
