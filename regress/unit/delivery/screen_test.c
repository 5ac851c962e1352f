/* SPDX-License-Identifier: ISC
 *
 * What strangers can make appear on a terminal.  Classes: (b) data that
 * reaches an interpreter, (f) growth without a bound.
 */
#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/local/screen.h"

static struct buf out;

static const char *
show(const char *sender, struct span content, bool utf8)
{
	buf_clear(&out);
	buf_init(&out, SCREEN_MAX);
	ATF_REQUIRE_EQ(0, screen_format(span_str(sender), content, utf8, &out));
	buf_put_u8(&out, 0);
	return (const char *)out.data;
}

static const char *
show_text(const char *content, bool utf8)
{
	return show("a@b.example", span_str(content), utf8);
}

/* What was shown is nothing but printable ASCII, CR LF, and whole sequences of UTF-8. */
static void
check_harmless(bool utf8)
{
	const unsigned char *p = out.data, *end = p + out.len - 1;
	unsigned columns = 0, lines = 0;

	for (; p < end; p++) {
		if (p[0] == '\r' && p[1] == '\n') {
			ATF_CHECK(columns <= SCREEN_COLUMNS);
			columns = 0;
			lines++;
			p++;
			continue;
		}
		ATF_CHECK_MSG(*p >= 0x20 && *p != 0x7f, "control %02x", *p);
		ATF_CHECK(*p < 0x7f || utf8);
		columns += (*p & 0xc0) != 0x80;
	}
	ATF_CHECK(lines <= SCREEN_LINES + 1);
}

ATF_TC_WITHOUT_HEAD(a_message_is_shown);
ATF_TC_BODY(a_message_is_shown, tc)
{
	ATF_CHECK_STREQ("\r\nMessage from <a@b.example> by mail:\r\n"
			"Subject: lunch\r\n"
			"one\r\n"
			"        two x\r\n"
			"EOF\r\n",
	    show_text("Received: from x\nSubject: lunch\nX-Y: z\n\n"
		      "one\n\ttwo x\n",
		false));
	ATF_CHECK_STREQ("\r\nMessage from <> by mail:\r\nx\r\nEOF\r\n",
	    show("", span_str("\nx"), false));
}

ATF_TC_WITHOUT_HEAD(no_octet_is_a_control);
ATF_TC_BODY(no_octet_is_a_control, tc)
{
	unsigned char text[2 + 3 * 256] = "\n\n";
	unsigned c;

	for (c = 0; c < 256; c++) {
		text[2 + 3 * c] = (unsigned char)c;
		text[3 + 3 * c] = 'x';
		text[4 + 3 * c] = (unsigned char)c;
	}
	for (c = 0; c < 3 * 256; c += 3 * SCREEN_COLUMNS) {
		show("a", (struct span){ text + c, sizeof(text) - c }, false);
		check_harmless(false);
		show("a", (struct span){ text + c, sizeof(text) - c }, true);
		check_harmless(true);
	}
}

ATF_TC_WITHOUT_HEAD(escapes_lose_their_meaning);
ATF_TC_BODY(escapes_lose_their_meaning, tc)
{
	static const char *const bad[] = { "\033]0;title\007", "\033[2J",
		"\302\233[2J", "\233[2J", "\rover", "\b\b\b", "\016", "\005",
		"\342\200\256drow", "\342\201\246x", "\357\273\277", "\300\233",
		"\355\240\200" };
	char content[256];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(content, sizeof(content), "Subject: %s\n\n%s\n",
		    bad[i], bad[i]);
		show_text(content, false);
		check_harmless(false);
		show_text(content, true);
		check_harmless(true);
		ATF_CHECK_MSG(
		    strstr(show_text(content, true), bad[i]) == NULL, "%zu", i);
		show(bad[i], span_str("\n"), true);
		check_harmless(true);
		ATF_CHECK(strstr((const char *)out.data, bad[i]) == NULL);
	}
}

ATF_TC_WITHOUT_HEAD(utf8_is_shown_where_it_can_be);
ATF_TC_BODY(utf8_is_shown_where_it_can_be, tc)
{
	ATF_CHECK(strstr(show_text("\nGr\303\274\303\237e\n", true),
		      "Gr\303\274\303\237e\r\n") != NULL);
	ATF_CHECK(strstr(show_text("\nGr\303\274\303\237e\n", false),
		      "Gr??e\r\n") != NULL);
}

ATF_TC_WITHOUT_HEAD(a_flood_is_cut);
ATF_TC_BODY(a_flood_is_cut, tc)
{
	static char text[1 << 20];
	size_t i;

	memset(text, 'x', sizeof(text) - 1);
	text[0] = '\n';
	show_text(text, false);
	check_harmless(false);
	ATF_CHECK(strstr((const char *)out.data, "(more)\r\n") != NULL);
	memset(text, '\n', sizeof(text) - 1);
	show_text(text, false);
	check_harmless(false);
	memset(text, '\t', sizeof(text) - 1);
	text[0] = '\n';
	show_text(text, false);
	check_harmless(false);
	for (i = 1; i + 4 < sizeof(text); i += 4)
		memcpy(text + i, "\360\220\215\210", 4);
	text[i] = '\0';
	show_text(text, true);
	check_harmless(true);
	memcpy(text, "Subject: ", 9);
	show_text(text, true);
	check_harmless(true);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_message_is_shown);
	ATF_TP_ADD_TC(tp, no_octet_is_a_control);
	ATF_TP_ADD_TC(tp, escapes_lose_their_meaning);
	ATF_TP_ADD_TC(tp, utf8_is_shown_where_it_can_be);
	ATF_TP_ADD_TC(tp, a_flood_is_cut);
	return atf_no_error();
}
