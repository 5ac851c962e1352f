/* SPDX-License-Identifier: ISC
 *
 * What a confined process can do: the work of every day.
 */
#include "regress/unit/confine/confined.h"

#include <dirent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

static struct event_base *base;
static int pair[2];
static bool ticked;

static void
tick(int fd, short what, void *arg)
{
	ticked = true;
}

static void
everyday_loop(void)
{
	struct timeval soon = { 0, 20000 };
	struct event *timer, *reader;
	char c;

	NEED((timer = event_new(base, -1, 0, tick, NULL)) != NULL);
	NEED(event_add(timer, &soon) == 0);
	NEED(event_base_dispatch(base) >= 0 && ticked);
	ticked = false;
	NEED((reader = event_new(base, pair[0], EV_READ, tick, NULL)) != NULL);
	NEED(event_add(reader, NULL) == 0);
	NEED(write(pair[1], "x", 1) == 1);
	NEED(event_base_dispatch(base) >= 0 && ticked);
	NEED(read(pair[0], &c, 1) == 1);
	event_free(timer);
	event_free(reader);
}

static void
everyday_descriptor(void)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (char[]){ "y" }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct mmsghdr mm = { .msg_hdr = m };
	struct stat st;
	int fd, type;
	socklen_t len = sizeof(type);

	memcpy(CMSG_DATA(&control.head), &pair[0], sizeof(int));
	NEED(sendmmsg(pair[1], &mm, 1, MSG_NOSIGNAL) == 1);
	memset(&control, 0, sizeof(control));
	NEED(recvmsg(pair[0], &m, MSG_CMSG_CLOEXEC) == 1);
	NEED(m.msg_controllen >= sizeof(struct cmsghdr));
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
	NEED(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
	NEED(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0);
	NEED(fcntl(fd, F_GETFL) >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	NEED(close(fd) == 0);
}

static void
everyday(void *arg)
{
	struct timespec ts = { 0, 1000 };
	unsigned char *p;
	size_t n;

	for (n = 1; n < (8U << 20); n *= 3) {
		NEED((p = malloc(n)) != NULL);
		memset(p, 1, n);
		NEED((p = realloc(p, n * 2)) != NULL);
		free(p);
	}
	for (n = 0; n < 100000; n++)
		NEED(arc4random_uniform(7) < 7);
	NEED(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	NEED(syscall(__NR_clock_gettime, CLOCK_REALTIME, &ts) == 0);
	ts = (struct timespec){ 0, 1000 };
	NEED(nanosleep(&ts, NULL) == 0);
	NEED(time(NULL) > 0);
	everyday_loop();
	everyday_descriptor();
}

ROOT_TC(everyday_work_goes_on_in_every_role)
{
	size_t r;

	place_make();
	ATF_REQUIRE((base = event_base_new()) != NULL);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	for (r = 0; r < RUNNING; r++) {
		/* a base each: its epoll descriptor is not inherited well */
		event_base_free(base);
		ATF_REQUIRE((base = event_base_new()) != NULL);
		check_works(running[r], everyday, NULL);
	}
}

static void
accepts(void *arg)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd, on = 1;

	fd = accept4(*(int *)arg, (struct sockaddr *)&sin, &len,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);
	NEED(fd >= 0);
	len = sizeof(sin);
	NEED(getpeername(fd, (struct sockaddr *)&sin, &len) == 0);
	NEED(sin.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	NEED(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	NEED(send(fd, "220", 3, MSG_NOSIGNAL) == 3);
	NEED(shutdown(fd, SHUT_WR) == 0);
}

ROOT_TC(session_serves_a_connection_of_the_host)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener, client;
	char text[4] = "";

	place_make();
	ATF_REQUIRE((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, bind(listener, (struct sockaddr *)&sin, len));
	ATF_REQUIRE_EQ(0, listen(listener, 1));
	ATF_REQUIRE_EQ(0, getsockname(listener, (struct sockaddr *)&sin, &len));
	ATF_REQUIRE((client = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	ATF_REQUIRE_EQ(0, connect(client, (struct sockaddr *)&sin, len));
	check_works(ROLE_SESSION, accepts, &listener);
	ATF_CHECK_EQ(3, read(client, text, 3));
	ATF_CHECK_STREQ("220", text);
}

static void
keeps_queue(void *arg)
{
	const struct iovec iov = { .iov_base = (char[]){ "log" },
		.iov_len = 3 };
	struct stat st;
	int fd, dir;
	DIR *d;

	NEED((dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	NEED((fd = openat(dir, "seg.new", O_RDWR | O_CREAT | O_EXCL, 0600)) >=
	    0);
	NEED(fallocate(fd, 0, 0, 65536) == 0);
	NEED(pwritev(fd, &iov, 1, 0) == 3 && fdatasync(fd) == 0);
	NEED(ftruncate(fd, 3) == 0 && lseek(fd, 0, SEEK_END) == 3);
	NEED(mkdirat(dir, "corrupt", 0700) == 0);
	NEED(renameat(dir, "seg.new", dir, "corrupt/seg") == 0);
	NEED(fsync(dir) == 0);
	NEED(fstatat(dir, "corrupt/seg", &st, 0) == 0 && st.st_size == 3);
	NEED(unlinkat(dir, "corrupt/seg", 0) == 0);
	NEED((d = fdopendir(dir)) != NULL && readdir(d) != NULL);
	NEED((fd = memfd_create("m", MFD_CLOEXEC | MFD_ALLOW_SEALING)) >= 0);
	NEED(write(fd, "abc", 3) == 3);
	NEED(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
	NEED(pwrite(fd, "x", 1, 0) == -1 && errno == EPERM);
}

ROOT_TC(spool_keeps_its_queue)
{
	struct stat st;
	char path[300];

	place_make();
	check_works(ROLE_SPOOL, keeps_queue, NULL);
	snprintf(path, sizeof(path), "%s/corrupt", place.queue);
	ATF_CHECK_EQ(0, stat(path, &st));
}

static void
delivers(void *arg)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int dir, fd;

	NEED((dir = open(place.home, O_RDONLY | O_DIRECTORY)) >= 0);
	NEED(mkdirat(dir, "tmp", 0700) == 0 && mkdirat(dir, "new", 0700) == 0);
	NEED((fd = openat(dir, "tmp/1", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	NEED(fcntl(fd, F_SETLK, &lock) == 0);
	NEED(write(fd, "mail", 4) == 4 && ftruncate(fd, 3) == 0);
	NEED(fsync(fd) == 0 && fdatasync(fd) == 0);
	NEED(renameat2(AT_FDCWD, "/dev/null", dir, "x", 0) == -1);
	NEED(renameat(dir, "tmp/1", dir, "new/1") == 0);
	NEED(linkat(dir, "new/1", dir, "tmp/2", 0) == 0);
	NEED(unlinkat(dir, "tmp/2", 0) == 0);
	NEED((fd = openat(dir, "tmp/3", O_WRONLY | O_CREAT | O_TRUNC, 0600)) >=
	    0);
	NEED(close(fd) == 0);
}

ROOT_TC(mailer_delivers_as_the_user)
{
	struct stat st;
	char path[300];

	place_make();
	check_works(ROLE_MAILER, delivers, NULL);
	snprintf(path, sizeof(path), "%s/new/1", place.home);
	ATF_CHECK_EQ(0, stat(path, &st));
	ATF_CHECK_EQ(role_reserved_id(ROLE_MAILER), st.st_uid);
	ATF_CHECK_EQ(0600, st.st_mode & 07777);
}

static void
maps_config(void *arg)
{
	int fd = *(int *)arg;
	char *p, c;

	NEED((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
	p = mmap(NULL, 4, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED && memcmp(p, "conf", 4) == 0);
	NEED(munmap(p, 4) == 0);
	NEED(pread(fd, &c, 1, 3) == 1 && c == 'f');
}

ROOT_TC(new_configuration_can_be_read)
{
	static const enum role readers[] = { ROLE_ROUTER, ROLE_SPOOL,
		ROLE_SCHEDULER, ROLE_DELIVERY, ROLE_CONTROL };
	size_t i;
	int fd;

	place_make();
	ATF_REQUIRE(
	    (fd = memfd_create("c", MFD_CLOEXEC | MFD_ALLOW_SEALING)) >= 0);
	ATF_REQUIRE_EQ(4, write(fd, "conf", 4));
	ATF_REQUIRE_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		check_works(readers[i], maps_config, &fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, everyday_work_goes_on_in_every_role);
	ATF_TP_ADD_TC(tp, session_serves_a_connection_of_the_host);
	ATF_TP_ADD_TC(tp, spool_keeps_its_queue);
	ATF_TP_ADD_TC(tp, mailer_delivers_as_the_user);
	ATF_TP_ADD_TC(tp, new_configuration_can_be_read);
	return atf_no_error();
}
