/* SPDX-License-Identifier: ISC
 *
 * Rows for people and for programs.  Values may hold octets from the network:
 * in a table they are escaped, in JSON they are strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "privsep/base/log.h"
#include "smtpd/mail/utf8.h"
#include "smtpd/smtpctl/smtpctl.h"

#define PRINT_VALUE_MAX 1024 /* octets of a value in a table */

/* Widths of columns; a key that is not here has PRINT_WIDTH. */
#define PRINT_WIDTH     9
static const struct {
	const char *key;
	int width;
} widths[] = {
	{ "message", 16 },
	{ "role", 10 },
	{ "host", 24 },
	{ "address", 24 },
	{ "domain", 24 },
	{ "worked", 19 },
	{ "since", 19 },
	{ "counter", 24 },
	{ "what", 10 },
	{ "step", 7 },
	{ "line", 5 },
	{ "result", 24 },
	{ "state", 11 },
	{ "sender", 24 },
	{ "recipient", 24 },
	{ "created", 19 },
	{ "next", 19 },
	{ "tried", 19 },
	{ "started", 19 },
	{ "uid", 10 },
	{ "gid", 10 },
};

const struct field *
row_field(const struct row *row, const char *key)
{
	size_t i;

	for (i = 0; i < row->n; i++) {
		if (span_eq(row->fields[i].key, span_str(key)))
			return &row->fields[i];
	}
	return NULL;
}

static int
print_width(struct span key)
{
	size_t i;

	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (span_eq(key, span_str(widths[i].key)))
			return widths[i].width;
	}
	return key.len > PRINT_WIDTH ? (int)key.len : PRINT_WIDTH;
}

uint64_t
field_number(const struct field *f)
{
	struct span s = f->value;
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	return v;
}

/* Octets from wherever, as text that a terminal only shows; in memory that the
 * next call uses again. */
static const char *
print_escaped(struct span s)
{
	static struct buf text;

	if (text.max == 0)
		buf_init(&text, 8 * PRINT_VALUE_MAX);
	buf_reset(&text);
	log_escape(&text, s, PRINT_VALUE_MAX);
	buf_put_u8(&text, '\0');
	if (text.err != 0 || text.len == 1)
		return "-";
	return (const char *)text.data;
}

/* The text of a value, in memory that the next call uses again. */
static const char *
print_text(const struct field *f)
{
	static char date[32];
	time_t when;
	struct tm tm;

	if (f->type == CTL_T_TIME) {
		when = (time_t)field_number(f);
		if (when == 0 || localtime_r(&when, &tm) == NULL)
			return "-";
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		return date;
	}
	return print_escaped(f->value);
}

static void
print_cell(const char *text, int width, bool last)
{
	if (last)
		printf("%s\n", text);
	else
		printf("%-*s ", width, text);
}

static void
print_heading(const struct row *row, const char *extra)
{
	size_t i;

	for (i = 0; i < row->n; i++)
		print_cell(print_escaped(row->fields[i].key),
		    print_width(row->fields[i].key),
		    i + 1 == row->n && extra == NULL);
	if (extra != NULL)
		print_cell(extra, 0, true);
}

static void
print_table(struct printer *p, const struct row *row, const char *key,
    const char *value)
{
	size_t i;

	if (p->rows == 0)
		print_heading(row, key);
	for (i = 0; i < row->n; i++)
		print_cell(print_text(&row->fields[i]),
		    print_width(row->fields[i].key),
		    i + 1 == row->n && value == NULL);
	if (value != NULL)
		print_cell(value, 0, true);
}

/* Many fields of few rows: a line for each. */
static void
print_list(struct printer *p, const struct row *row)
{
	size_t i;

	if (p->rows > 0)
		printf("\n");
	for (i = 0; i < row->n; i++) {
		printf("%s: ", print_escaped(row->fields[i].key));
		printf("%s\n", print_text(&row->fields[i]));
	}
}

/* RFC 8259 7.  Octets that are not UTF-8 are written as the character of that
 * number; the second controls, which some terminals obey, by number too. */
static void
print_json_string(struct span s)
{
	bool utf8 = utf8_valid(s);
	size_t i;

	putchar('"');
	for (i = 0; i < s.len; i++) {
		unsigned char c = s.p[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c == '\n')
			printf("\\n");
		else if (c < 0x20 || c == 0x7f || (c > 0x7f && !utf8))
			printf("\\u%04x", c);
		else if (c == 0xc2 && s.p[i + 1] < 0xa0)
			printf("\\u%04x", s.p[++i]);
		else
			putchar(c);
	}
	putchar('"');
}

static void
print_json(const struct row *row, const char *key, const char *value)
{
	size_t i;

	putchar('{');
	for (i = 0; i < row->n; i++) {
		const struct field *f = &row->fields[i];

		if (i > 0)
			putchar(',');
		print_json_string(f->key);
		putchar(':');
		if (f->type == CTL_T_UINT || f->type == CTL_T_TIME)
			printf("%llu", (unsigned long long)field_number(f));
		else
			print_json_string(f->value);
	}
	if (key != NULL) {
		printf(",");
		print_json_string(span_str(key));
		printf(":");
		print_json_string(span_str(value));
	}
	printf("}\n");
}

void
print_row(struct printer *p, const struct row *row, const char *key,
    const char *value)
{
	const struct field *content = NULL;

	/* nobody else has a say in what goes out as it is */
	if (p->verb == CTL_SHOW_MESSAGE)
		content = row_field(row, "content");
	if (p->json)
		print_json(row, key, value);
	else if (content != NULL)
		fwrite(content->value.p, 1, content->value.len, stdout);
	else if (p->verb == CTL_SHOW_ENVELOPE)
		print_list(p, row);
	else
		print_table(p, row, key, value);
	p->rows++;
}

void
print_end(const struct printer *p, enum ctl_status status, struct span text)
{
	FILE *out = status == CTL_OK ? stdout : stderr;

	if (text.len == 0 || (status == CTL_OK && p->json))
		return;
	fputs(status == CTL_OK ? "" : "smtpctl: ", out);
	/* the master quotes lines of the configuration */
	if (ctl_verbs[p->verb].roles == R_MASTER)
		fwrite(text.p, 1, text.len, out);
	else
		fputs(print_escaped(text), out);
	fputc('\n', out);
}
