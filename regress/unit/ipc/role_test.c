/* SPDX-License-Identifier: ISC
 *
 * The life of a role's process, between a master that this test plays.
 * Class: (h).
 */
#include <sys/wait.h>

#include <string.h>
#include <syslog.h>

#include "privsep/base/log.h"
#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"

static const struct msg_handler handlers[] = { { MSG_NONE, NULL } };

static void
start_fails(void)
{
	fatal("trying", "it does not work");
}

ROOT_TC(why_a_process_ends_is_heard_by_the_master)
{
	static const char doing[] = "event=fatal doing=trying";
	static const struct role_ops ops = {
		.role = ROLE_SCHEDULER,
		.start = start_fails,
		.handlers = handlers,
	};
	struct span line;
	int status;

	played_start(&ops, "", "mx.example.org");
	ATF_REQUIRE_EQ(played.pid, waitpid(played.pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	ATF_REQUIRE_EQ_MSG(0,
	    chan_read_blocking(played.master, ROLE_MASTER, played.role,
		played.frame, &played.m),
	    "it ended without a word");
	ATF_REQUIRE_EQ(M_LOG, played.m.type);
	ATF_CHECK_EQ(LOG_CRIT, rd_u8(&played.m.body));
	line = rd_span(&played.m.body, LOG_LINE_MAX);
	ATF_CHECK(line.len > strlen(doing) &&
	    memcmp(line.p, doing, strlen(doing)) == 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, why_a_process_ends_is_heard_by_the_master);
	return atf_no_error();
}
