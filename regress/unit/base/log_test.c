/* SPDX-License-Identifier: ISC
 *
 * Lines of the log are read back by a reader of their own: whatever the
 * values hold, the pairs are those that were written, and no octet does
 * anything to the terminal of who looks.  Classes: (c) forged records.
 */
#include <stdio.h>
#include <string.h>

#include <atf-c.h>

#include "privsep/base/log.h"

#define LONG 10240

/* The last line, and how many there were. */
static char line[2 * LOG_LINE_MAX];
static unsigned lines;

static void
sink(int level, struct span s)
{
	(void)level;
	ATF_REQUIRE(s.len <= LOG_LINE_MAX);
	memcpy(line, s.p, s.len);
	line[s.len] = '\0';
	lines++;
}

static unsigned char
unhex(const char *p)
{
	unsigned value;

	ATF_REQUIRE_EQ(1, sscanf(p, "%2x", &value));
	return (unsigned char)value;
}

/* The value at *at in out, unescaped; its length.  Moves *at behind it. */
static size_t
value_read(const char **at, unsigned char *out)
{
	const char *p = *at;
	bool quoted = *p == '"';
	size_t n = 0;

	for (p += quoted; quoted ? *p != '"' : *p != ' ' && *p != '\0'; p++) {
		ATF_REQUIRE_MSG(*p >= ' ' && *p <= '~', "in \"%s\"", line);
		out[n++] = (unsigned char)*p;
		if (!quoted || *p != '\\')
			continue;
		p++;
		out[n - 1] = (unsigned char)*p;
		if (*p == 'x') {
			out[n - 1] = unhex(p + 1);
			p += 2;
		}
	}
	*at = p + quoted;
	return n;
}

/* Read a pair off *at and check its key.  What its value is. */
static size_t
pair_read(const char **at, const char *key, unsigned char *out)
{
	size_t len = strlen(key);

	ATF_REQUIRE_EQ_MSG(
	    0, strncmp(*at, key, len), "%s in \"%s\"", key, line);
	ATF_REQUIRE_EQ('=', (*at)[len]);
	*at += len + 1;
	len = value_read(at, out);
	ATF_REQUIRE_MSG(**at == ' ' || **at == '\0', "\"%s\"", line);
	*at += **at == ' ';
	return len;
}

/* A line with the value between two others comes back as it was. */
static void
comes_back(const void *value, size_t len)
{
	struct span s = { value, len };
	unsigned char got[LOG_LINE_MAX];
	const char *at = line;

	lines = 0;
	LOG(EV_WARN, KS("first", "1"), KB("value", s), KS("last", "2"));
	ATF_REQUIRE_EQ(1, lines);
	pair_read(&at, "event", got);
	pair_read(&at, "first", got);
	ATF_CHECK_EQ_MSG(len, pair_read(&at, "value", got), "\"%s\"", line);
	ATF_CHECK_EQ_MSG(0, memcmp(got, value, len), "\"%s\"", line);
	pair_read(&at, "last", got);
	ATF_CHECK_EQ_MSG('\0', *at, "\"%s\"", line);
}

ATF_TC_WITHOUT_HEAD(every_value_comes_back);
ATF_TC_BODY(every_value_comes_back, tc)
{
	static const char *const values[] = { "", "plain", "x last=3",
		"\" last=3 \"", "\\", "\\\" last=3", "a\\", "\"", "=", "a=b",
		"%s%n%x", "\033[2J\033]0;x\a", "x\nevent=fatal why=no",
		"x\r\nevent=fatal",
		"a\xe2\x80\xae"
		"b",
		"\\x41", "\\n" };
	unsigned char octets[3] = "a?b";
	size_t i;

	log_init("test", sink);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		comes_back(values[i], strlen(values[i]));
	for (i = 0; i < 256; i++) {
		octets[1] = (unsigned char)i;
		comes_back(octets, 3);
		comes_back(octets + 1, 1);
	}
}

ATF_TC_WITHOUT_HEAD(long_value_is_cut_and_the_pair_ends);
ATF_TC_BODY(long_value_is_cut_and_the_pair_ends, tc)
{
	static const char fills[] = { 'a', ' ', '"', '\\', '\n' };
	static char value[LONG + 1];
	unsigned char got[LOG_LINE_MAX];
	const char *at;
	size_t i, len;

	log_init("test", sink);
	for (i = 0; i < sizeof(fills); i++) {
		memset(value, fills[i], LONG);
		LOG(EV_WARN, KS("value", value), KS("last", "2"));
		ATF_CHECK(strlen(line) < 64 + LOG_VALUE_MAX);
		at = line;
		pair_read(&at, "event", got);
		len = pair_read(&at, "value", got);
		ATF_CHECK_EQ(0, memcmp(got + len - 3, "...", 3));
		pair_read(&at, "last", got);
		ATF_CHECK_EQ('\0', *at);
	}
}

ATF_TC_WITHOUT_HEAD(long_line_ends_with_a_whole_pair);
ATF_TC_BODY(long_line_ends_with_a_whole_pair, tc)
{
	static char value[LONG + 1];
	unsigned char got[LOG_LINE_MAX];
	const char *at = line;
	unsigned pairs = 0;

	log_init("test", sink);
	memset(value, '"', LONG);
	LOG(EV_WARN, KS("v", value), KS("v", value), KS("v", value),
	    KS("v", value), KS("v", value), KS("v", value), KS("v", value),
	    KS("v", value), KS("v", value), KS("v", value));
	pair_read(&at, "event", got);
	for (; *at != '\0'; pairs++)
		pair_read(&at, "v", got);
	ATF_CHECK(pairs > 1 && pairs < 10);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_value_comes_back);
	ATF_TP_ADD_TC(tp, long_value_is_cut_and_the_pair_ends);
	ATF_TP_ADD_TC(tp, long_line_ends_with_a_whole_pair);
	return atf_no_error();
}
