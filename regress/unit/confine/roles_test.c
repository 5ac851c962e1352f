/* SPDX-License-Identifier: ISC
 *
 * The table of roles agrees with itself.
 */
#include <atf-c.h>
#include <string.h>

#include "privsep/confine/roles.h"

ATF_TC_WITHOUT_HEAD(peers_are_mutual);
ATF_TC_BODY(peers_are_mutual, tc)
{
	unsigned a, b;

	for (a = 0; a < ROLE__MAX; a++)
		for (b = 0; b < ROLE__MAX; b++) {
			if (roles[a].start == START_NEVER ||
			    roles[b].start == START_NEVER)
				continue;
			ATF_CHECK_EQ_MSG((roles[a].peers & R(b)) != 0,
			    (roles[b].peers & R(a)) != 0, "%s, %s",
			    roles[a].name, roles[b].name);
		}
}

ATF_TC_WITHOUT_HEAD(what_is_started_is_held);
ATF_TC_BODY(what_is_started_is_held, tc)
{
	unsigned i;

	for (i = 0; i < ROLE__MAX; i++) {
		ATF_REQUIRE(roles[i].name != NULL);
		if (roles[i].start == START_NEVER)
			continue;
		ATF_CHECK(roles[i].program != NULL);
		ATF_CHECK(roles[i].policy != NULL);
		/* only these see the host's network */
		ATF_CHECK_EQ(
		    (R(i) & (R_RELAY | R_RESOLVER)) != 0, !roles[i].own_net);
		ATF_CHECK(roles[i].limits.nofile > 0);
		ATF_CHECK(roles[i].limits.data > 0);
		ATF_CHECK((roles[i].peers & R_MASTER) != 0);
		ATF_CHECK_EQ(i == ROLE_MAILER, roles[i].user == NULL);
		ATF_CHECK_EQ(i == ROLE_MAILER, roles[i].root == ROOT_HOST);
		ATF_CHECK_EQ(i == ROLE_SPOOL, roles[i].root == ROOT_QUEUE);
	}
}

ATF_TC_WITHOUT_HEAD(no_two_roles_share_a_user);
ATF_TC_BODY(no_two_roles_share_a_user, tc)
{
	unsigned a, b;

	for (a = 0; a < ROLE__MAX; a++)
		for (b = 0; b < a; b++) {
			ATF_CHECK(role_reserved_id(a) != role_reserved_id(b));
			if (roles[a].user != NULL && roles[b].user != NULL)
				ATF_CHECK(
				    strcmp(roles[a].user, roles[b].user) != 0);
		}
}

ATF_TC_WITHOUT_HEAD(role_is_found_by_its_name);
ATF_TC_BODY(role_is_found_by_its_name, tc)
{
	ATF_CHECK_EQ(ROLE_SPOOL, role_by_name("spool"));
	ATF_CHECK_EQ(ROLE__MAX, role_by_name("spoo"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, peers_are_mutual);
	ATF_TP_ADD_TC(tp, what_is_started_is_held);
	ATF_TP_ADD_TC(tp, no_two_roles_share_a_user);
	ATF_TP_ADD_TC(tp, role_is_found_by_its_name);
	return atf_no_error();
}
