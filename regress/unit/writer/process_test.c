/* SPDX-License-Identifier: ISC
 *
 * The spool's process, unconfined, between a master, a router and sessions
 * that this test plays.  Channels have no order between them, and what one
 * says may be about somebody whom the master has named in another.  Classes:
 * (e), (h).
 */
#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/base/root_case.h"
#include "regress/unit/ipc/played.h"
#include "smtpd/mail/replies.h"
#include "spool/writer/writer.h"

#define CONFIG                                                                 \
	"queue segment-size 1M\n"                                              \
	"action \"box\" maildir\n"                                             \
	"match from any for any action \"box\"\n"

#define FIRST    10 /* instance of the first session */
#define SESSIONS 20 /* more than one call reads */

static int router, sessions[SESSIONS];

/* Its queue is the directory of this case. */
static int
prepare_here(const struct role_hello *hello)
{
	if (chroot(".") != 0 || chdir("/") != 0)
		return -1;
	return writer_ops.prepare(hello);
}

static void
start(void)
{
	struct role_ops ops = writer_ops;

	ops.prepare = prepare_here;
	played_start(&ops, CONFIG, "mx.example.org");
	router = join(ROLE_ROUTER, 2);
}

/* An envelope, the last fields of its message. */
static void
put_envelope(const char *path)
{
	put_str(path);
	put_str("");
	buf_put_u8(&played.out, 0);
	put_str("box");
	put_str("");
	send_plain(router);
}

/* The router has a message for so many recipients from the session i, of which
 * this is the first. */
static void
routed_to(uint32_t i, uint32_t envelopes, const char *path)
{
	begin(SPOOL_OPEN, i + 1);
	buf_put_u8(&played.out, ROLE_SESSION);
	buf_put_u32(&played.out, FIRST + i);
	buf_put_u64(&played.out, 7);
	buf_put_u32(&played.out, envelopes);
	put_str("<a@example.net>");
	buf_put_u8(&played.out, 0);
	buf_put_u8(&played.out, 0);
	put_str("");
	put_str("192.0.2.1");
	put_str("client.example");
	buf_put_u64(&played.out, 1700000000);
	put_envelope(path);
}

static void
routed(uint32_t i)
{
	routed_to(i, 1, "<jones@example.org>");
}

static void
answered(uint32_t i, enum reply reply)
{
	struct rd *r = expect(sessions[i], ROLE_SESSION, SPOOL_GRANT);

	ATF_CHECK_EQ(i + 1, played.m.id);
	ATF_CHECK_EQ(7, rd_u64(r));
	ATF_CHECK_EQ(reply, rd_u16(r));
}

static void
granted(uint32_t i)
{
	answered(i, RP_DATA_GO);
}

ROOT_TC(newcomer_is_looked_for_where_the_master_names_it)
{
	uint32_t i;
	int status;

	start();
	sessions[0] = join(ROLE_SESSION, FIRST);
	routed(0);
	granted(0);
	/* all of this is there when it looks again, and its router's channel
	 * was the first to be ready */
	ATF_REQUIRE_EQ(0, kill(played.pid, SIGSTOP));
	ATF_REQUIRE_EQ(played.pid, waitpid(played.pid, &status, WUNTRACED));
	for (i = 1; i < SESSIONS; i++)
		routed(i);
	for (i = 1; i < SESSIONS; i++)
		sessions[i] = join(ROLE_SESSION, FIRST + i);
	ATF_REQUIRE_EQ(0, kill(played.pid, SIGCONT));
	for (i = 1; i < SESSIONS; i++)
		granted(i);
	played_stop();
}

ROOT_TC(session_that_nobody_knows_is_passed_over)
{
	start();
	routed(1);
	sessions[0] = join(ROLE_SESSION, FIRST);
	routed(0);
	granted(0);
	played_stop();
}

/* Each is 300 octets: a segment of 1 MiB takes some 3,400. */
ROOT_TC(recipients_that_no_segment_takes_are_too_many)
{
	static const char end[] = "@example.org>";
	char path[300];
	uint32_t i, n = 4000;

	memset(path, 'a', sizeof(path));
	path[0] = '<';
	memcpy(path + sizeof(path) - sizeof(end), end, sizeof(end));
	start();
	sessions[0] = join(ROLE_SESSION, FIRST);
	routed_to(0, n, path);
	for (i = 1; i < n; i++) {
		begin(SPOOL_ENVELOPE, 1);
		put_envelope(path);
	}
	answered(0, RP_TOO_MANY_RCPT);
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, recipients_that_no_segment_takes_are_too_many);
	ATF_TP_ADD_TC(tp, newcomer_is_looked_for_where_the_master_names_it);
	ATF_TP_ADD_TC(tp, session_that_nobody_knows_is_passed_over);
	return atf_no_error();
}
