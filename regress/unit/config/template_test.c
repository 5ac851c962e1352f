/* SPDX-License-Identifier: ISC
 *
 * Path templates.  Classes: (b) data that reaches an interpreter, (d) files
 * where they should not be.
 */
#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/template.h"

/* The path that this template makes of these values, or "!" and the error. */
static const char *
expand(const char *text, const char *user, const char *rcpt, const char *home)
{
	static char path[TEMPLATE_PATH_MAX + 2];
	struct template_values v = { .delim = '+' };
	struct template *t;
	struct buf out;
	const char *why;
	size_t at;
	int error;

	ATF_REQUIRE_EQ_MSG(
	    0, template_parse(span_str(text), &t, &why, &at), "%s", text);
	v.v[TV_USER_USERNAME] = span_str(user);
	v.v[TV_RCPT] = span_str(rcpt);
	v.v[TV_USER_DIRECTORY] = span_str(home);
	buf_init(&out, 2 * TEMPLATE_PATH_MAX);
	error = template_expand(t, &v, &out);
	path[0] = '\0';
	if (error != 0)
		strlcpy(path, err_text(error), sizeof(path));
	else
		snprintf(path, sizeof(path), "%.*s", (int)out.len,
		    (const char *)out.data);
	buf_clear(&out);
	template_free(t);
	return path;
}

ATF_TC_WITHOUT_HEAD(values_are_put_in);
ATF_TC_BODY(values_are_put_in, tc)
{
	ATF_CHECK_STREQ(
	    "/home/a/Maildir", expand("~/Maildir", "a", "", "/home/a"));
	ATF_CHECK_STREQ(
	    "/home/a/b", expand("%{user.directory}/b", "a", "", "/home/a"));
	ATF_CHECK_STREQ(
	    "/v/a@b/a", expand("/v/%{rcpt}/%{user.username}", "a", "a@b", "/"));
}

ATF_TC_WITHOUT_HEAD(a_value_cannot_leave_its_component);
ATF_TC_BODY(a_value_cannot_leave_its_component, tc)
{
	ATF_CHECK_STREQ("/v/_./x", expand("/v/%{rcpt}/x", "", "..", "/"));
	ATF_CHECK_STREQ("/v/_/x", expand("/v/%{rcpt}/x", "", ".", "/"));
	ATF_CHECK_STREQ("/v/_/x", expand("/v/%{rcpt}/x", "", "", "/"));
	ATF_CHECK_STREQ(
	    "/v/_._etc_p", expand("/v/%{rcpt}", "", "../etc/p", "/"));
	ATF_CHECK_STREQ("/v/._.", expand("/v/.%{rcpt}", "", "..", "/"));
	ATF_CHECK_STREQ("/v/a_b_", expand("/v/%{rcpt}", "", "a\nb\x7f", "/"));
	ATF_CHECK_STREQ("/v/~root", expand("/v/%{rcpt}", "", "~root", "/"));
}

ATF_TC_WITHOUT_HEAD(modifiers_change_case_and_strip_detail);
ATF_TC_BODY(modifiers_change_case_and_strip_detail, tc)
{
	ATF_CHECK_STREQ("/abc", expand("/%{rcpt:lowercase}", "", "aBC", "/"));
	ATF_CHECK_STREQ("/ABC", expand("/%{rcpt:uppercase}", "", "aBC", "/"));
	ATF_CHECK_STREQ(
	    "/a@b.c", expand("/%{rcpt:strip|lowercase}", "", "A+d@B.c", "/"));
	ATF_CHECK_STREQ("/a", expand("/%{rcpt:strip}", "", "a+d+e", "/"));
	ATF_CHECK_STREQ("/+a", expand("/%{rcpt:strip}", "", "+a", "/"));
	/* what stripping leaves is made safe too */
	ATF_CHECK_STREQ("/_", expand("/%{rcpt:strip}", "", ".+.", "/"));
}

ATF_TC_WITHOUT_HEAD(a_bad_home_directory_is_refused);
ATF_TC_BODY(a_bad_home_directory_is_refused, tc)
{
	const char *denied = err_text(-E_DENIED);

	ATF_CHECK_STREQ(denied, expand("~/Maildir", "", "", ""));
	ATF_CHECK_STREQ(denied, expand("~/Maildir", "", "", "home"));
	ATF_CHECK_STREQ(denied, expand("~/Maildir", "", "", "/a/../b"));
	ATF_CHECK_STREQ(denied, expand("~/Maildir", "", "", "/a/."));
	ATF_CHECK_STREQ(
	    "/a/..b/Maildir", expand("~/Maildir", "", "", "/a/..b"));
}

ATF_TC_WITHOUT_HEAD(a_path_that_is_too_long_is_refused);
ATF_TC_BODY(a_path_that_is_too_long_is_refused, tc)
{
	char home[TEMPLATE_PATH_MAX];

	memset(home, 'x', sizeof(home));
	home[0] = '/';
	home[sizeof(home) - 1] = '\0';
	ATF_CHECK_STREQ(err_text(-E_TOOLONG), expand("~/abc", "", "", home));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, values_are_put_in);
	ATF_TP_ADD_TC(tp, a_value_cannot_leave_its_component);
	ATF_TP_ADD_TC(tp, modifiers_change_case_and_strip_detail);
	ATF_TP_ADD_TC(tp, a_bad_home_directory_is_refused);
	ATF_TP_ADD_TC(tp, a_path_that_is_too_long_is_refused);
	return atf_no_error();
}
