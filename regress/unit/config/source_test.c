/* SPDX-License-Identifier: ISC
 *
 * Where the bytes come from.  Classes: (d) files that others could write, (f)
 * lengths, (h) damaged input.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/config/config.h"
#include "privsep/config/relay.h"
#include "privsep/config/table.h"

static void
put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ATF_REQUIRE(f != NULL);
	fputs(text, f);
	fclose(f);
	ATF_REQUIRE_EQ(0, chmod(path, mode));
}

/* Load and parse main.conf; the error of whichever fails. */
static int
load(struct cfg_source **src, struct config **cfg, struct cfg_errors *errs)
{
	struct cfg_define d = { "dom", "a.example" };
	struct cfg_load l = { .path = "main.conf",
		.hostname = "h.example",
		.defines = &d,
		.ndefines = 1 };
	int error;

	cfg_errors_init(errs);
	*src = NULL;
	*cfg = NULL;
	error = cfg_source_load_disk(&l, src, errs);
	if (error == 0)
		error = config_parse(*src, cfg, errs);
	return error;
}

static void
done(struct cfg_source *src, struct config *cfg, struct cfg_errors *errs)
{
	cfg_source_free(src);
	config_free(cfg);
	cfg_errors_clear(errs);
}

/* What a configuration prints. */
static void
print_fd(int fd, struct buf *out)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;

	cfg_errors_init(&errs);
	ATF_REQUIRE_EQ(0, cfg_source_from_fd(fd, &src));
	ATF_REQUIRE_EQ(0, config_parse(src, &cfg, &errs));
	config_print(cfg, out);
	done(src, cfg, &errs);
}

static void
put_all(void)
{
	put("main.conf",
	    "include \"inc.conf\"\ntable t file:t.txt\n"
	    "listen on 127.0.0.1 port 2525 tag x\nsmtp limit max-rcpt 7\n"
	    "match from any for domain $dom action a\n",
	    0644);
	put("inc.conf", "action a maildir alias <t>\n", 0600);
	put("t.txt", "root: alice\n", 0644);
}

ATF_TC_WITHOUT_HEAD(a_role_reads_from_the_memfd_what_the_master_read);
ATF_TC_BODY(a_role_reads_from_the_memfd_what_the_master_read, tc)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;
	struct buf a, b;
	int fd;

	put_all();
	ATF_REQUIRE_EQ(0, load(&src, &cfg, &errs));
	ATF_REQUIRE_EQ(0, cfg_source_to_memfd(src, &fd));
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	config_print(cfg, &a);
	/* the role has no files */
	ATF_REQUIRE_EQ(0, unlink("inc.conf"));
	ATF_REQUIRE_EQ(0, unlink("t.txt"));
	print_fd(fd, &b);
	ATF_CHECK(a.len > 0 && span_eq(buf_span(&a), buf_span(&b)));
	ATF_CHECK(write(fd, "x", 1) < 0);
	ATF_CHECK(ftruncate(fd, 0) < 0);
	close(fd);
	buf_clear(&a);
	buf_clear(&b);
	done(src, cfg, &errs);
}

ATF_TC_WITHOUT_HEAD(a_slice_has_listeners_but_no_rules);
ATF_TC_BODY(a_slice_has_listeners_but_no_rules, tc)
{
	struct cfg_source *src;
	struct config *cfg, *part;
	struct cfg_errors errs;
	int fd;

	put_all();
	ATF_REQUIRE_EQ(0, load(&src, &cfg, &errs));
	ATF_REQUIRE_EQ(0, config_slice_to_memfd(cfg, CFG_SLICE_LISTENERS, &fd));
	cfg_source_free(src);
	ATF_REQUIRE_EQ(0, cfg_source_from_fd(fd, &src));
	ATF_REQUIRE_EQ(0, config_parse(src, &part, &errs));
	ATF_CHECK_EQ(7, part->set.smtp_limit_max_rcpt);
	ATF_CHECK_STREQ("h.example", part->hostname);
	ATF_CHECK_EQ(cfg->nlisteners, part->nlisteners);
	ATF_CHECK_EQ(2525, part->listeners[0].port);
	ATF_CHECK_STREQ("x", part->listeners[0].tag);
	ATF_CHECK_EQ(0, part->nrules + part->nactions + part->ntables);
	close(fd);
	config_free(part);
	done(src, cfg, &errs);
}

ATF_TC_WITHOUT_HEAD(a_table_of_a_slice_is_found_from_anywhere);
ATF_TC_BODY(a_table_of_a_slice_is_found_from_anywhere, tc)
{
	struct cfg_source *src;
	struct config *cfg, *part = NULL;
	struct cfg_errors errs;
	int fd;

	put("main.conf",
	    "table t file:t.txt\naction a relay domain <t>\n"
	    "match from local for any action a\n",
	    0644);
	put("t.txt", "a.example smtp://mx.example\n", 0644);
	ATF_REQUIRE_EQ(0, load(&src, &cfg, &errs));
	ATF_CHECK_EQ('/', table_path(cfg->tables[0])[0]);
	ATF_REQUIRE_EQ(0, config_slice_to_memfd(cfg, CFG_SLICE_RELAY, &fd));
	cfg_source_free(src);
	ATF_REQUIRE_EQ(0, cfg_source_from_fd(fd, &src));
	ATF_REQUIRE_EQ_MSG(0, config_parse(src, &part, &errs), "%s",
	    errs.count > 0 ? errs.e[0].message : "");
	ATF_CHECK_EQ(1, table_count(part->actions[0].relay->domains));
	close(fd);
	config_free(part);
	done(src, cfg, &errs);
}

ATF_TC_WITHOUT_HEAD(a_file_that_others_can_write_is_refused);
ATF_TC_BODY(a_file_that_others_can_write_is_refused, tc)
{
	static const mode_t modes[] = { 0664, 0646 };
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;
	size_t i;

	for (i = 0; i < 2; i++) {
		put_all();
		ATF_REQUIRE_EQ(0, chmod("t.txt", modes[i]));
		ATF_REQUIRE_EQ(-E_SYNTAX, load(&src, &cfg, &errs));
		ATF_CHECK(strstr(errs.e[0].message, "t.txt") != NULL);
		done(src, cfg, &errs);
		ATF_REQUIRE_EQ(0, chmod("t.txt", 0644));
		ATF_REQUIRE_EQ(0, chmod("main.conf", modes[i]));
		ATF_CHECK_EQ(-E_DENIED, load(&src, &cfg, &errs));
		done(src, cfg, &errs);
	}
}

ATF_TC_WITHOUT_HEAD(what_is_no_regular_file_is_refused);
ATF_TC_BODY(what_is_no_regular_file_is_refused, tc)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;

	put_all();
	ATF_REQUIRE_EQ(0, unlink("t.txt"));
	ATF_REQUIRE_EQ(0, mkfifo("t.txt", 0600));
	ATF_REQUIRE_EQ(-E_SYNTAX, load(&src, &cfg, &errs));
	ATF_CHECK(strstr(errs.e[0].message, "regular") != NULL);
	done(src, cfg, &errs);
}

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The octets of a good memfd. */
static size_t
good_octets(unsigned char *all, size_t size)
{
	struct cfg_source *src;
	ssize_t len;
	int fd;

	ATF_REQUIRE_EQ(0,
	    cfg_source_from_text(span_str("# nothing\n"), "h.example", &src));
	ATF_REQUIRE_EQ(0, cfg_source_add_define(src, "a", span_str("b")));
	ATF_REQUIRE_EQ(0, cfg_source_to_memfd(src, &fd));
	cfg_source_free(src);
	len = pread(fd, all, size, 0);
	close(fd);
	ATF_REQUIRE(len > 20);
	return (size_t)len;
}

/* What is said to a memfd of these octets with these seals. */
static int
read_octets(const unsigned char *all, size_t len, int seals)
{
	struct cfg_source *src = NULL;
	int fd = memfd_create("x", MFD_ALLOW_SEALING), error;

	ATF_REQUIRE_EQ((ssize_t)len, write(fd, all, len));
	ATF_REQUIRE_EQ(0, fcntl(fd, F_ADD_SEALS, seals));
	error = cfg_source_from_fd(fd, &src);
	cfg_source_free(src);
	close(fd);
	return error;
}

ATF_TC_WITHOUT_HEAD(a_memfd_that_is_not_sealed_is_refused);
ATF_TC_BODY(a_memfd_that_is_not_sealed_is_refused, tc)
{
	unsigned char all[4096];
	size_t len = good_octets(all, sizeof(all));

	ATF_CHECK_EQ(0, read_octets(all, len, SEALS));
	ATF_CHECK_EQ(-E_CORRUPT, read_octets(all, len, F_SEAL_SEAL));
	ATF_CHECK_EQ(-E_CORRUPT, read_octets(all, len, SEALS & ~F_SEAL_WRITE));
}

ATF_TC_WITHOUT_HEAD(a_memfd_cut_anywhere_is_refused);
ATF_TC_BODY(a_memfd_cut_anywhere_is_refused, tc)
{
	unsigned char all[4096];
	size_t len = good_octets(all, sizeof(all)), n;

	for (n = 0; n < len; n++)
		ATF_CHECK_EQ_MSG(-E_CORRUPT, read_octets(all, n, SEALS),
		    "at %zu of %zu", n, len);
}

ATF_TC_WITHOUT_HEAD(a_memfd_with_more_behind_its_end_is_refused);
ATF_TC_BODY(a_memfd_with_more_behind_its_end_is_refused, tc)
{
	unsigned char all[4096];
	size_t len = good_octets(all, sizeof(all) - 1);

	all[len] = '\0';
	ATF_CHECK_EQ(-E_CORRUPT, read_octets(all, len + 1, SEALS));
}

ATF_TC_WITHOUT_HEAD(a_memfd_without_a_file_is_refused);
ATF_TC_BODY(a_memfd_without_a_file_is_refused, tc)
{
	unsigned char all[4096];
	size_t len = good_octets(all, sizeof(all));

	/* it ends in a count of 1, a path and a content of 10 octets each */
	len -= 4 + 10 + 4 + 10;
	all[len - 1] = 0;
	ATF_CHECK_EQ(-E_CORRUPT, read_octets(all, len, SEALS));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_role_reads_from_the_memfd_what_the_master_read);
	ATF_TP_ADD_TC(tp, a_slice_has_listeners_but_no_rules);
	ATF_TP_ADD_TC(tp, a_table_of_a_slice_is_found_from_anywhere);
	ATF_TP_ADD_TC(tp, a_file_that_others_can_write_is_refused);
	ATF_TP_ADD_TC(tp, what_is_no_regular_file_is_refused);
	ATF_TP_ADD_TC(tp, a_memfd_that_is_not_sealed_is_refused);
	ATF_TP_ADD_TC(tp, a_memfd_cut_anywhere_is_refused);
	ATF_TP_ADD_TC(tp, a_memfd_with_more_behind_its_end_is_refused);
	ATF_TP_ADD_TC(tp, a_memfd_without_a_file_is_refused);
	return atf_no_error();
}
