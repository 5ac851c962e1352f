/* SPDX-License-Identifier: ISC
 *
 * See played.h.
 */
#include "regress/unit/ipc/played.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <poll.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "privsep/config/config.h"
#include "privsep/config/source.h"

#define MASTER_FD 3
#define FDS       3
#define WAIT_MS   10000
#define QUIET_MS  100

struct played played;

void
begin(enum msg_type type, uint64_t id)
{
	buf_clear(&played.out);
	buf_init(&played.out, MSG_FRAME_MAX);
	buf_put_u16(&played.out, (uint16_t)type);
	buf_put_u16(&played.out, 0);
	buf_put_u64(&played.out, id);
}

void
put_str(const char *s)
{
	buf_put_span(&played.out, span_str(s));
}

void
send_fds(int fd, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		unsigned char octets[CMSG_SPACE(sizeof(int) * FDS)];
	} control = { 0 };
	struct iovec iov = { played.out.data, played.out.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	ATF_REQUIRE_EQ((ssize_t)played.out.len, sendmsg(fd, &mh, MSG_NOSIGNAL));
}

void
send_plain(int fd)
{
	send_fds(fd, NULL, 0);
}

void
readable(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_REQUIRE_EQ_MSG(1, poll(&pfd, 1, WAIT_MS), "no %s in time", what);
}

void
silent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ATF_CHECK_EQ(0, poll(&pfd, 1, QUIET_MS));
}

struct rd *
expect(int fd, enum role self, enum msg_type type)
{
	do {
		readable(fd, msg_spec(type)->name);
		ATF_REQUIRE_EQ_MSG(0,
		    chan_read_blocking(
			fd, self, played.role, played.frame, &played.m),
		    "no answer, wanted %s", msg_spec(type)->name);
	} while (played.m.type == M_LOG);
	ATF_REQUIRE_EQ_MSG(type, played.m.type, "%s, wanted %s",
	    msg_spec(played.m.type)->name, msg_spec(type)->name);
	return &played.m.body;
}

static int
played_confine(const struct confine_params *p, const char **step)
{
	return 0;
}

int
join(enum role role, uint32_t instance)
{
	int pair[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	begin(M_PEER, instance);
	buf_put_u8(&played.out, (uint8_t)role);
	buf_put_u64(&played.out, 0);
	send_fds(played.master, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

int
played_config(const char *config, const char *hostname)
{
	struct cfg_source *src;
	int fd;

	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(config), hostname, &src));
	ATF_REQUIRE_EQ(0, cfg_source_to_memfd(src, &fd));
	cfg_source_free(src);
	return fd;
}

void
played_start(
    const struct role_ops *of, const char *config, const char *hostname)
{
	static struct role_ops ops;
	int pair[2], fds[FDS], i;

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	if ((played.pid = fork()) == 0) {
		ops = *of;
		ops.confine = played_confine;
		if (pair[1] != MASTER_FD)
			dup2(pair[1], MASTER_FD);
		_exit(role_main(&ops));
	}
	close(pair[1]);
	played.role = of->role;
	played.master = pair[0];
	fds[0] = played_config(config, hostname);
	fds[1] = dup(0);
	fds[2] = dup(0);
	begin(M_HELLO, 1);
	buf_put_u64(&played.out, msg_table_hash());
	buf_put_u8(&played.out, (uint8_t)of->role);
	buf_put_u8(&played.out, LOG_NOTICE);
	buf_put_u32(&played.out, getuid());
	buf_put_u32(&played.out, getgid());
	buf_put_u32(&played.out, 0);
	put_str("");
	send_fds(played.master, fds, FDS);
	for (i = 0; i < FDS; i++)
		close(fds[i]);
	expect(played.master, ROLE_MASTER, M_READY);
	begin(M_START, 0);
	send_plain(played.master);
}

void
played_ended(void)
{
	int status;

	ATF_REQUIRE_EQ(played.pid, waitpid(played.pid, &status, 0));
	ATF_CHECK_EQ(0, status);
	close(played.master);
	buf_clear(&played.out);
}

void
played_stop(void)
{
	begin(M_STOP, 0);
	send_plain(played.master);
	played_ended();
}
