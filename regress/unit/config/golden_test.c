/* SPDX-License-Identifier: ISC
 *
 * Configurations in regress/golden/config: NNN.in is read and printed, or its
 * errors are, and that must be NNN.ok.  What was printed must print the same
 * again.  Lines "#@ file PATH" in front of NNN.in begin a file of that path,
 * which "#@ main" ends; "#@ define NAME VALUE" is a -D.  Classes: (a), (f).
 *
 * With GOLDEN_UPDATE in the environment the .ok files are written instead.
 */
#include <atf-c.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/config.h"

#define GOLDEN     "regress/golden/config"
#define GOLDEN_MAX (8U << 20)

static void
golden_path(const struct atf_tc *tc, const char *name, char *path, size_t size)
{
	const char *root = getenv("BULKHEAD_SRC");

	snprintf(
	    path, size, "%s/%s/%s", root != NULL ? root : ".", GOLDEN, name);
}

static bool
golden_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char part[4096];
	size_t n;

	if (f == NULL)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return out->err == 0;
}

/* Take the "#@" lines off the front; other files go to src. */
static struct span
golden_next_line(struct span *rest)
{
	const unsigned char *nl = memchr(rest->p, '\n', rest->len);
	struct span line = *rest;

	if (nl != NULL)
		line.len = (size_t)(nl + 1 - rest->p);
	rest->p += line.len;
	rest->len -= line.len;
	return line;
}

static bool
golden_begins(struct span line, const char *with)
{
	return line.len >= strlen(with) &&
	    memcmp(line.p, with, strlen(with)) == 0;
}

/* Where the main file begins in the text. */
static struct span
golden_main(struct span text)
{
	struct span rest = text, line;

	while (rest.len > 0) {
		line = golden_next_line(&rest);
		if (golden_begins(line, "#@ main"))
			return rest;
	}
	return text;
}

static void
golden_prologue(struct cfg_source *src, struct span text)
{
	char path[256], name[64], value[256];
	struct span rest = text, line, content = { 0 };

	path[0] = '\0';
	while (rest.len > 0) {
		line = golden_next_line(&rest);
		if (!golden_begins(line, "#@")) {
			content.len += line.len;
			continue;
		}
		if (path[0] != '\0')
			cfg_source_add_file(src, path, content);
		path[0] = '\0';
		content = (struct span){ rest.p, 0 };
		if (golden_begins(line, "#@ main"))
			return;
		if (sscanf((const char *)line.p, "#@ define %63s %255[^\n]",
			name, value) == 2)
			cfg_source_add_define(src, name, span_str(value));
		else
			sscanf((const char *)line.p, "#@ file %255s", path);
	}
}

/* What the parser says to the text. */
static int
golden_run(struct span in, struct span main_text, struct buf *out)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;
	int error;

	cfg_errors_init(&errs);
	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(main_text, "host.example.org", &src));
	if (main_text.p != in.p)
		golden_prologue(src, in);
	error = config_parse(src, &cfg, &errs);
	cfg_source_free(src);
	if (error == 0) {
		config_print(cfg, out);
		config_free(cfg);
	}
	ATF_CHECK((error == 0) == (errs.total == 0));
	cfg_errors_render(&errs, out);
	cfg_errors_clear(&errs);
	ATF_CHECK_EQ(0, out->err);
	return error;
}

/* The same without the lines that every configuration has alike. */
static void
golden_short(struct span printed, struct buf *out)
{
	static struct buf defaults;
	struct span rest = printed, line, none = { 0 };

	if (defaults.len == 0) {
		buf_init(&defaults, GOLDEN_MAX);
		golden_run(none, none, &defaults);
	}
	while (rest.len > 0) {
		line = golden_next_line(&rest);
		if (memmem(defaults.data, defaults.len, line.p, line.len) ==
		    NULL)
			buf_add(out, line.p, line.len);
	}
}

static void
golden_update(const char *path, struct span text)
{
	FILE *f = fopen(path, "wb");

	ATF_REQUIRE(f != NULL);
	fwrite(text.p, 1, text.len, f);
	fclose(f);
}

static void
golden_case(const char *in_path, const char *ok_path)
{
	struct buf in, ok, out, again, text;
	int error;

	buf_init(&in, GOLDEN_MAX);
	buf_init(&ok, GOLDEN_MAX);
	buf_init(&out, GOLDEN_MAX);
	buf_init(&again, GOLDEN_MAX);
	buf_init(&text, GOLDEN_MAX);
	ATF_REQUIRE(golden_read(in_path, &in));
	error = golden_run(buf_span(&in), golden_main(buf_span(&in)), &out);
	if (error == 0) {
		/* print(parse(print(x))) is print(x): the files stay */
		buf_add(
		    &text, in.data, in.len - golden_main(buf_span(&in)).len);
		buf_add(&text, out.data, out.len);
		golden_run(
		    buf_span(&text), golden_main(buf_span(&text)), &again);
		ATF_CHECK_MSG(span_eq(buf_span(&out), buf_span(&again)),
		    "%s: printed again: %.*s", in_path, (int)again.len,
		    again.data != NULL ? (const char *)again.data : "");
		buf_reset(&again);
		golden_short(buf_span(&out), &again);
	} else {
		buf_add(&again, out.data, out.len);
	}
	if (getenv("GOLDEN_UPDATE") != NULL)
		golden_update(ok_path, buf_span(&again));
	ATF_REQUIRE_MSG(golden_read(ok_path, &ok), "no %s", ok_path);
	ATF_CHECK_MSG(span_eq(buf_span(&ok), buf_span(&again)),
	    "%s: got:\n%.*s", in_path, (int)again.len,
	    again.data != NULL ? (const char *)again.data : "");
	buf_clear(&in);
	buf_clear(&ok);
	buf_clear(&out);
	buf_clear(&again);
	buf_clear(&text);
}

ATF_TC_WITHOUT_HEAD(every_golden_pair_holds);
ATF_TC_BODY(every_golden_pair_holds, tc)
{
	char dir[512], in[1024], ok[1024];
	struct dirent **list = NULL;
	int n, i, cases = 0;
	size_t len;

	golden_path(tc, "", dir, sizeof(dir));
	n = scandir(dir, &list, NULL, alphasort);
	ATF_REQUIRE_MSG(n > 0, "no %s", dir);
	for (i = 0; i < n; i++) {
		len = strlen(list[i]->d_name);
		if (len > 3 && strcmp(list[i]->d_name + len - 3, ".in") == 0) {
			snprintf(in, sizeof(in), "%s%s", dir, list[i]->d_name);
			snprintf(
			    ok, sizeof(ok), "%.*sok", (int)strlen(in) - 2, in);
			golden_case(in, ok);
			cases++;
		}
		free(list[i]);
	}
	free(list);
	ATF_CHECK(cases >= 30);
}

ATF_TC_WITHOUT_HEAD(the_sample_configuration_parses);
ATF_TC_BODY(the_sample_configuration_parses, tc)
{
	struct buf in, out;
	char path[512];

	golden_path(tc, "../../../privsep/config/smtpd.conf.sample", path,
	    sizeof(path));
	buf_init(&in, GOLDEN_MAX);
	buf_init(&out, GOLDEN_MAX);
	ATF_REQUIRE(golden_read(path, &in));
	ATF_CHECK_EQ(0, golden_run(buf_span(&in), buf_span(&in), &out));
	buf_clear(&in);
	buf_clear(&out);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_golden_pair_holds);
	ATF_TP_ADD_TC(tp, the_sample_configuration_parses);
	return atf_no_error();
}
