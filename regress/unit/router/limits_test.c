/* SPDX-License-Identifier: ISC
 *
 * How many sessions may be open.
 */
#include "regress/unit/router/setup.h"
#include "smtpd/router/limits.h"

static const struct settings set = {
	.smtp_limit_max_sessions = 6,
	.smtp_limit_max_sessions_per_source = 2,
	.smtp_limit_max_sessions_per_network = 3,
};

static enum reply
enter(struct limits *l, const char *text)
{
	struct source s = setup_source(text);

	return limits_enter(l, &s, &set);
}

static void
leave(struct limits *l, const char *text)
{
	struct source s = setup_source(text);

	limits_leave(l, &s);
}

ATF_TC_WITHOUT_HEAD(one_source_has_its_share);
ATF_TC_BODY(one_source_has_its_share, tc)
{
	struct limits l;

	limits_init(&l);
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "192.0.2.1"));
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "::ffff:192.0.2.1"));
	ATF_CHECK_EQ(RP_TOO_MANY_CONN, enter(&l, "192.0.2.1"));
	leave(&l, "192.0.2.1");
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "192.0.2.1"));
	ATF_CHECK_EQ(RP_TOO_MANY_CONN, enter(&l, "192.0.2.1"));
}

ATF_TC_WITHOUT_HEAD(one_network_has_its_share);
ATF_TC_BODY(one_network_has_its_share, tc)
{
	struct limits l;

	limits_init(&l);
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "2001:db8::1"));
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "2001:db8::2"));
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "2001:db8::ffff:0:0:3"));
	ATF_CHECK_EQ(RP_TOO_MANY_CONN, enter(&l, "2001:db8::4"));
	ATF_CHECK_EQ(RP_TOO_MANY_CONN, enter(&l, "2001:db8::4"));
	/* a refusal leaves no count behind */
	leave(&l, "2001:db8::1");
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "2001:db8::4"));
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "2001:db8:0:1::1"));
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "192.0.2.1"));
}

ATF_TC_WITHOUT_HEAD(local_clients_count_only_in_all);
ATF_TC_BODY(local_clients_count_only_in_all, tc)
{
	struct limits l;
	int i;

	limits_init(&l);
	for (i = 0; i < 3; i++) {
		ATF_CHECK_EQ(RP_GREETING, enter(&l, "127.0.0.1"));
		ATF_CHECK_EQ(RP_GREETING, enter(&l, "socket"));
	}
	ATF_CHECK_EQ(RP_OVERLOADED, enter(&l, "::1"));
	ATF_CHECK_EQ(RP_OVERLOADED, enter(&l, "192.0.2.1"));
	leave(&l, "socket");
	ATF_CHECK_EQ(RP_GREETING, enter(&l, "192.0.2.1"));
}

ATF_TC_WITHOUT_HEAD(nothing_is_kept_of_those_who_left);
ATF_TC_BODY(nothing_is_kept_of_those_who_left, tc)
{
	struct limits l;

	limits_init(&l);
	enter(&l, "192.0.2.1");
	enter(&l, "2001:db8::1");
	enter(&l, "::1");
	leave(&l, "192.0.2.1");
	leave(&l, "2001:db8::1");
	leave(&l, "::1");
	ATF_CHECK_EQ(0, l.total);
	ATF_CHECK(RB_EMPTY(&l.sources));
	ATF_CHECK(RB_EMPTY(&l.networks));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_source_has_its_share);
	ATF_TP_ADD_TC(tp, one_network_has_its_share);
	ATF_TP_ADD_TC(tp, local_clients_count_only_in_all);
	ATF_TP_ADD_TC(tp, nothing_is_kept_of_those_who_left);
	return atf_no_error();
}
