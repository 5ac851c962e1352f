/* SPDX-License-Identifier: ISC
 *
 * Command lines: rule L1.  Classes: (a) two parsers disagree, (f) lengths.
 */
#include <atf-c.h>
#include <string.h>

#include "smtpd/mail/line.h"

/* Feed stream in pieces of at most step octets; write an L, B or T and the
 * length in brackets for each thing that comes. */
static void
run(struct span stream, size_t step, struct buf *out)
{
	struct line_reader r = { 0 };
	unsigned char pending[1 << 16];
	size_t have = 0, n, used;
	enum line_status status;
	struct span line = { 0 };

	buf_reset(out);
	while (stream.len > 0) {
		n = stream.len < step ? stream.len : step;
		memcpy(pending + have, stream.p, n);
		have += n;
		stream.p += n;
		stream.len -= n;
		do {
			struct span in = { pending, have };

			status = line_next(&r, in, LINE_PATH_MAX, &used, &line);
			if (status == LINE_OK)
				buf_addf(out, "L[%.*s]", (int)line.len,
				    (const char *)line.p);
			else if (status != LINE_MORE)
				buf_add_str(
				    out, status == LINE_BAD ? "B" : "T");
			memmove(pending, pending + used, have - used);
			have -= used;
		} while (status != LINE_MORE);
	}
}

static void
run_check(const char *p, size_t len, const char *want)
{
	struct buf got;
	size_t step;

	buf_init(&got, 1 << 16);
	for (step = 1; step <= len; step++) {
		run((struct span){ (const unsigned char *)p, len }, step, &got);
		ATF_CHECK_MSG(span_eq(buf_span(&got), span_str(want)),
		    "step %zu: want %s got %.*s", step, want, (int)got.len,
		    (const char *)got.data);
	}
	buf_clear(&got);
}

#define RUN(text, want) run_check(text, sizeof(text) - 1, want)

ATF_TC_WITHOUT_HEAD(only_crlf_ends_a_line);
ATF_TC_BODY(only_crlf_ends_a_line, tc)
{
	RUN("NOOP\r\nQUIT\r\n", "L[NOOP]L[QUIT]");
	RUN("\r\n\r\n", "L[]L[]");
	RUN("HELP a\tb\r\n", "L[HELP a\tb]");
	RUN("NOOP", "");
	RUN("NOOP\r", "");
	RUN("RCPT TO:<\xc3\xa9@x>\r\n", "L[RCPT TO:<\xc3\xa9@x>]");
}

ATF_TC_WITHOUT_HEAD(stray_octet_condemns_the_line_to_its_crlf);
ATF_TC_BODY(stray_octet_condemns_the_line_to_its_crlf, tc)
{
	RUN("NOOP\nQUIT\r\nRSET\r\n", "BL[RSET]");
	RUN("NOOP\rQUIT\r\nRSET\r\n", "BL[RSET]");
	RUN("NOOP\r\rQUIT\r\nRSET\r\n", "BL[RSET]");
	RUN("NOOP\r\r\nRSET\r\n", "BL[RSET]");
	RUN("NO\0OP\r\nRSET\r\n", "BL[RSET]");
	RUN("\0\r\nRSET\r\n", "BL[RSET]");
	RUN("NOOP\x7f\r\nRSET\r\n", "BL[RSET]");
	RUN("NOOP\x1b[2J\r\nRSET\r\n", "BL[RSET]");
	RUN("\nRSET\n\r\nNOOP\r\n", "BL[NOOP]");
}

ATF_TC_WITHOUT_HEAD(line_of_the_limit_passes_and_one_more_does_not);
ATF_TC_BODY(line_of_the_limit_passes_and_one_more_does_not, tc)
{
	static const struct {
		const char *verb;
		size_t max;
	} verbs[] = {
		{ "NOOP", LINE_COMMAND_MAX },
		{ "mail", LINE_PATH_MAX },
		{ "Rcpt", LINE_PATH_MAX },
		{ "AUTH", LINE_AUTH_MAX },
	};
	static const size_t steps[] = { 1, 2, 511, 512, 513, 20000 };
	unsigned char text[LINE_AUTH_MAX + 16];
	struct buf got;

	buf_init(&got, 1 << 16);
	for (size_t v = 0; v < 4; v++) {
		size_t max = verbs[v].max;

		memset(text, 'a', sizeof(text));
		memcpy(text, verbs[v].verb, 4);
		memcpy(text + max - 2, "\r\n", 2);
		for (size_t s = 0; s < 6; s++) {
			run((struct span){ text, max }, steps[s], &got);
			ATF_CHECK_EQ(max + 1, got.len);
		}
		text[max - 2] = 'a';
		memcpy(text + max - 1, "\r\nQUIT\r\n", 8);
		for (size_t s = 0; s < 6; s++) {
			run((struct span){ text, max + 7 }, steps[s], &got);
			ATF_CHECK(
			    span_eq(buf_span(&got), span_str("TL[QUIT]")));
		}
	}
	buf_clear(&got);
}

/* The octets of a refused line say nothing of the line after it. */
ATF_TC_WITHOUT_HEAD(limit_is_that_of_the_line_itself);
ATF_TC_BODY(limit_is_that_of_the_line_itself, tc)
{
	unsigned char text[2048];
	struct buf got;

	buf_init(&got, 1 << 16);
	memset(text, 'a', sizeof(text));
	memcpy(text, "NO\0P\r\nMAIL", 10);
	memcpy(text + 1000, "\r\n", 2);
	for (size_t step = 1; step <= 1002; step++) {
		run((struct span){ text, 1002 }, step, &got);
		ATF_CHECK_EQ(1 + 3 + 994, got.len);
	}
	memcpy(text, "NO\0MAIL\r\nNOOP", 13);
	for (size_t step = 1; step <= 1002; step++) {
		run((struct span){ text, 1002 }, step, &got);
		ATF_CHECK(span_eq(buf_span(&got), span_str("BT")));
	}
	buf_clear(&got);
}

ATF_TC_WITHOUT_HEAD(endless_line_is_told_once_and_never_read);
ATF_TC_BODY(endless_line_is_told_once_and_never_read, tc)
{
	static unsigned char text[60000];
	struct buf got;

	memset(text, 'Q', sizeof(text));
	for (size_t i = 700; i + 6 < sizeof(text); i += 100)
		memcpy(text + i, "\nQUIT\n", 6);
	buf_init(&got, 1 << 16);
	run((struct span){ text, sizeof(text) }, 97, &got);
	ATF_CHECK(span_eq(buf_span(&got), span_str("T")));
	buf_clear(&got);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, only_crlf_ends_a_line);
	ATF_TP_ADD_TC(tp, stray_octet_condemns_the_line_to_its_crlf);
	ATF_TP_ADD_TC(tp, line_of_the_limit_passes_and_one_more_does_not);
	ATF_TP_ADD_TC(tp, limit_is_that_of_the_line_itself);
	ATF_TP_ADD_TC(tp, endless_line_is_told_once_and_never_read);
	return atf_no_error();
}
