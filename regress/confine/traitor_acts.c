/* SPDX-License-Identifier: ISC
 *
 * What a traitor can be ordered to do; each order one line:
 *
 *	call NAME ARG...	that system call, its arguments in numbers
 *	open PATH		for reading; and create PATH: for writing
 *	escape			go up from every descriptor that it has
 *	fds			say which those are, and of what type
 *	signal PID SIGNAL	by the C library
 *	fork			by the C library
 *	accept			take a connection, and wait for one
 *	session LISTENER WHAT	SESSION_OPEN as session 1 with the client it
 *				has accepted, the listening socket, or its own
 *				channel to the master as the socket
 *	mail PATH, rcpt PATH, data
 *				the steps of a transaction of session 1
 *	mailer USER ACTION	ask the master for one (delivery)
 *	raw ROLE TYPE ID LEN FILL FDS
 *				a frame as it is, by no rule: TYPE by name or
 *				number, ID in hex or "own" for the message
 *				that the router gave it, LEN octets of FILL
 *	slander ROLE INSTANCE ROLE INSTANCE
 *				two accusations of others, at once
 *	frame ROLE TYPE ID FIELD...
 *				a message of these fields, by the table or
 *				not: u8:N, u16:N, u32:N, u64:N; s:TEXT for a
 *				span, in which \xHH is an octet; s*N:TEXT for
 *				the text N times; x*N:FIELD,... for all of
 *				these so many times
 *	got ROLE TYPE		wait for the next message of that type from
 *				there, whose id is "own" from then on
 *	connect ADDRESS PORT	over TCP; and bind ADDRESS PORT
 *	odd ROLE TYPE		the least lawful frame but for the zero in it
 *	short ROLE TYPE		one octet less than the least; and long
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/confine/traitor.h"

#define FDS_END 256

static const char *
outcome(long rc)
{
	return rc < 0 ? strerrorname_np(errno) : "done";
}

static bool
act_call(size_t n, char *const *w)
{
	long arg[6] = { 0 };
	size_t i;
	int nr = n > 1 ? seccomp_syscall_resolve_name(w[1]) : -1;

	for (i = 2; i < n && i < 8; i++)
		arg[i - 2] = strtol(w[i], NULL, 0);
	act_result(n > 1 ? w[1] : "?",
	    outcome(
		syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5])));
	return true;
}

static bool
act_open(size_t n, char *const *w)
{
	act_result("open", outcome(open(w[1], O_RDONLY | O_CLOEXEC)));
	return true;
}

static bool
act_create(size_t n, char *const *w)
{
	act_result("create",
	    outcome(open(w[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
	return true;
}

/* The classic ways out of a root directory, from all that is open. */
static bool
act_escape(size_t n, char *const *w)
{
	static const char *const ways[] = { "..", "etc/passwd",
		"../../../../../../etc/passwd", "/proc/self/root/etc/passwd",
		"/proc/1/root/etc/passwd", "/proc/self/mem", "/dev/mem" };
	size_t i;
	int fd, got;

	for (fd = -1; fd < FDS_END; fd++)
		for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			got = openat(fd < 0 ? AT_FDCWD : fd, ways[i],
			    O_RDONLY | O_CLOEXEC);
			/* above the root is the root */
			if (got >= 0 && strcmp(ways[i], "..") != 0) {
				act_result("escape", ways[i]);
				return true;
			}
			if (got >= 0)
				close(got);
		}
	act_result("escape", "none");
	return true;
}

static char
fd_type(mode_t mode)
{
	if (S_ISSOCK(mode))
		return 's';
	if (S_ISREG(mode))
		return 'f';
	if (S_ISDIR(mode))
		return 'd';
	if (S_ISCHR(mode))
		return 'c';
	return S_ISFIFO(mode) ? 'p' : 'a'; /* anonymous: epoll */
}

static bool
act_fds(size_t n, char *const *w)
{
	char list[FDS_END + 1] = "";
	size_t len = 0;
	struct stat st;
	int fd;

	for (fd = 0; fd < FDS_END; fd++)
		if (fstat(fd, &st) == 0)
			list[len++] = fd_type(st.st_mode);
	act_result("fds", list);
	return true;
}

static bool
act_signal(size_t n, char *const *w)
{
	act_result("signal",
	    outcome(kill(
		(pid_t)strtol(w[1], NULL, 10), (int)strtol(w[2], NULL, 10))));
	return true;
}

static bool
act_fork(size_t n, char *const *w)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	act_result("fork", outcome(pid));
	return true;
}

static bool
act_accept(size_t n, char *const *w)
{
	if (traitor.listen_fd < 0)
		return false;
	traitor.client_fd = accept4(
	    traitor.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return traitor.client_fd >= 0;
}

static bool
act_session(size_t n, char *const *w)
{
	struct chan *ch = role_peer(ROLE_ROUTER);
	int fd = traitor.client_fd;

	if (ch == NULL)
		return false;
	if (strcmp(w[2], "listener") == 0)
		fd = traitor.listen_fd;
	else if (strcmp(w[2], "channel") == 0)
		fd = chan_fd(role_master());
	if (fd < 0)
		return false;
	msg_begin(ch, SESSION_OPEN, 1);
	msg_put_u32(ch, (uint32_t)strtoul(w[1], NULL, 10));
	msg_put_fd(ch, fd);
	msg_send(ch);
	return true;
}

static bool
act_mail(size_t n, char *const *w)
{
	struct chan *ch = role_peer(ROLE_ROUTER);

	if (ch == NULL)
		return false;
	msg_begin(ch, TX_MAIL, 1);
	msg_put_span(ch, span_str(w[1]));
	msg_put_u8(ch, 0);
	msg_put_u64(ch, 0);
	msg_put_u8(ch, 0);
	msg_put_span(ch, span_str(""));
	msg_put_span(ch, span_str("traitor.example"));
	msg_put_u8(ch, 1);
	msg_send(ch);
	return true;
}

static bool
act_rcpt(size_t n, char *const *w)
{
	struct chan *ch = role_peer(ROLE_ROUTER);

	msg_begin(ch, TX_RCPT, 1);
	msg_put_span(ch, span_str(w[1]));
	msg_put_u8(ch, 0);
	msg_put_span(ch, span_str(""));
	msg_send(ch);
	return true;
}

static bool
act_data(size_t n, char *const *w)
{
	struct chan *ch = role_peer(ROLE_ROUTER);

	msg_begin(ch, TX_DATA, 1);
	msg_put_u32(ch, chan_instance(role_peer(ROLE_SPOOL)));
	msg_send(ch);
	return true;
}

static bool
act_mailer(size_t n, char *const *w)
{
	static uint64_t request;
	struct chan *ch = role_master();

	msg_begin(ch, MAILER_START, ++request);
	msg_put_span(ch, span_str(w[1]));
	msg_put_span(ch, span_str(w[2]));
	msg_send(ch);
	return true;
}

static unsigned char frame[MSG_HEADER_LEN + MSG_FRAME_MAX];

static void
frame_head(unsigned char *p, unsigned type, unsigned zero, uint64_t id)
{
	int i;

	p[0] = (unsigned char)(type >> 8);
	p[1] = (unsigned char)type;
	p[2] = (unsigned char)(zero >> 8);
	p[3] = (unsigned char)zero;
	for (i = 0; i < 8; i++)
		p[4 + i] = (unsigned char)(id >> (56 - 8 * i));
}

/* Send the frame, whose body is there, by no rule.  False while there is no
 * such peer. */
static bool
send_frame(enum role to, unsigned type, unsigned zero, uint64_t id, size_t len,
    unsigned nfds)
{
	union {
		struct cmsghdr head;
		unsigned char space[CMSG_SPACE(sizeof(int) * 8)];
	} control = { 0 };
	struct iovec iov = { frame, MSG_HEADER_LEN + len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[8], i;
	struct chan *ch = to == ROLE_MASTER ? role_master() : role_peer(to);

	if (ch == NULL || nfds > 8 || len > MSG_FRAME_MAX)
		return false;
	for (i = 0; i < 8; i++)
		fds[i] = chan_fd(ch);
	frame_head(frame, type, zero, id);
	if (nfds > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * nfds);
	}
	act_result("raw", outcome(sendmsg(chan_fd(ch), &mh, MSG_NOSIGNAL)));
	return true;
}

static bool
send_raw(enum role to, unsigned type, unsigned zero, uint64_t id, size_t len,
    int fill, unsigned nfds)
{
	if (len > MSG_FRAME_MAX)
		return false;
	memset(frame + MSG_HEADER_LEN, fill, len);
	return send_frame(to, type, zero, id, len, nfds);
}

/* In one call: the master has both before it can act on the first. */
static bool
act_slander(size_t n, char *const *w)
{
	unsigned char two[2][MSG_HEADER_LEN + 1];
	struct iovec iov[2];
	struct mmsghdr mm[2] = { 0 };
	size_t i;

	for (i = 0; i < 2; i++) {
		frame_head(
		    two[i], M_BAD_PEER, 0, strtoull(w[2 + 2 * i], NULL, 10));
		two[i][MSG_HEADER_LEN] =
		    (unsigned char)role_by_name(w[1 + 2 * i]);
		iov[i] = (struct iovec){ two[i], sizeof(two[i]) };
		mm[i].msg_hdr.msg_iov = &iov[i];
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	act_result("slander",
	    outcome(sendmmsg(chan_fd(role_master()), mm, 2, MSG_NOSIGNAL)));
	return true;
}

static unsigned
type_by_name(const char *name)
{
	unsigned t;

	for (t = MSG_NONE + 1; t < MSG__MAX; t++)
		if (strcmp(msg_spec(t)->name, name) == 0)
			return t;
	return (unsigned)strtoul(name, NULL, 10);
}

static uint64_t
id_by_name(const char *name)
{
	return strcmp(name, "own") == 0 ? traitor.message
					: strtoull(name, NULL, 16);
}

static bool
act_raw(size_t n, char *const *w)
{
	return send_raw(role_by_name(w[1]), type_by_name(w[2]), 0,
	    id_by_name(w[3]), strtoul(w[4], NULL, 10),
	    (int)strtol(w[5], NULL, 0), (unsigned)strtoul(w[6], NULL, 10));
}

/* --- frames of fields ----------------------------------------------------- */

static void
put_number(struct buf *out, uint64_t v, unsigned bits)
{
	while (bits > 0) {
		bits -= 8;
		buf_put_u8(out, (uint8_t)(v >> bits));
	}
}

/* The number behind a star, 1 without; *word moves behind the colon. */
static unsigned long
field_count(const char **word)
{
	unsigned long n = **word == '*' ? strtoul(*word + 1, NULL, 10) : 1;
	const char *colon = strchr(*word, ':');

	*word = colon == NULL ? "" : colon + 1;
	return n;
}

static void
put_text(struct buf *out, const char *text, unsigned long n)
{
	unsigned char octets[ORDER_LEN];
	char hex[3] = "";
	size_t len = 0;

	for (; *text != '\0'; text++) {
		if (strncmp(text, "\\x", 2) != 0 || strlen(text) < 4) {
			octets[len++] = (unsigned char)*text;
			continue;
		}
		memcpy(hex, text + 2, 2);
		octets[len++] = (unsigned char)strtoul(hex, NULL, 16);
		text += 3;
	}
	buf_put_u32(out, (uint32_t)(len * n));
	while (n-- > 0)
		buf_add(out, octets, len);
}

static void put_fields(struct buf *, const char *);

static void
put_field(struct buf *out, const char *word)
{
	unsigned long n, bits;
	char *end;

	if (word[0] == 'u') {
		bits = strtoul(word + 1, &end, 10);
		put_number(out, strtoull(end + 1, NULL, 0), (unsigned)bits);
		return;
	}
	if (*word++ == 's') {
		n = field_count(&word);
		put_text(out, word, n);
		return;
	}
	for (n = field_count(&word); n > 0; n--)
		put_fields(out, word);
}

/* Several, with commas between them. */
static void
put_fields(struct buf *out, const char *words)
{
	char text[ORDER_LEN], *rest = text, *word;

	strlcpy(text, words, sizeof(text));
	while ((word = strsep(&rest, ",")) != NULL)
		put_field(out, word);
}

static bool
act_frame(size_t n, char *const *w)
{
	struct buf body;
	size_t i;
	bool sent;

	buf_init(&body, MSG_FRAME_MAX);
	for (i = 4; i < n; i++)
		put_field(&body, w[i]);
	if (body.err != 0) {
		act_result("frame", "too long");
		return true;
	}
	if (body.len > 0)
		memcpy(frame + MSG_HEADER_LEN, body.data, body.len);
	sent = send_frame(role_by_name(w[1]), type_by_name(w[2]), 0,
	    id_by_name(w[3]), body.len, 0);
	buf_clear(&body);
	return sent;
}

static bool
act_got(size_t n, char *const *w)
{
	enum role from = role_by_name(w[1]);
	unsigned type = type_by_name(w[2]);
	size_t i;

	for (i = 0; i < traitor.ncame; i++) {
		if (traitor.came[i].from != from ||
		    (unsigned)traitor.came[i].type != type)
			continue;
		traitor.message = traitor.came[i].id;
		memmove(&traitor.came[i], &traitor.came[i + 1],
		    (--traitor.ncame - i) * sizeof(traitor.came[0]));
		return true;
	}
	return false;
}

/* --- the network ---------------------------------------------------------- */

static bool
act_tcp(size_t n, char *const *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, w[1], &in.sin_addr);
	in.sin_port = htons((uint16_t)strtoul(w[2], NULL, 10));
	act_result(w[0],
	    outcome(w[0][0] == 'b'
		    ? bind(fd, (struct sockaddr *)&in, sizeof(in))
		    : connect(fd, (struct sockaddr *)&in, sizeof(in))));
	close(fd);
	return true;
}

static bool
act_odd(size_t n, char *const *w)
{
	unsigned type = type_by_name(w[2]);

	return send_raw(role_by_name(w[1]), type, 1, 1, msg_spec(type)->min, 0,
	    msg_spec(type)->fds);
}

static bool
act_short(size_t n, char *const *w)
{
	unsigned type = type_by_name(w[2]);

	return send_raw(role_by_name(w[1]), type, 0, 1, msg_spec(type)->min - 1,
	    0, msg_spec(type)->fds);
}

static bool
act_long(size_t n, char *const *w)
{
	unsigned type = type_by_name(w[2]);

	return send_raw(role_by_name(w[1]), type, 0, 1, msg_spec(type)->max + 1,
	    0, msg_spec(type)->fds);
}

bool
act(size_t n, char *const *w)
{
	static const struct {
		const char *name;
		size_t words;
		bool (*fn)(size_t, char *const *);
	} acts[] = {
		{ "call", 2, act_call },
		{ "open", 2, act_open },
		{ "create", 2, act_create },
		{ "escape", 1, act_escape },
		{ "fds", 1, act_fds },
		{ "signal", 3, act_signal },
		{ "fork", 1, act_fork },
		{ "accept", 1, act_accept },
		{ "session", 3, act_session },
		{ "mail", 2, act_mail },
		{ "rcpt", 2, act_rcpt },
		{ "data", 1, act_data },
		{ "mailer", 3, act_mailer },
		{ "raw", 7, act_raw },
		{ "slander", 5, act_slander },
		{ "frame", 4, act_frame },
		{ "got", 3, act_got },
		{ "connect", 3, act_tcp },
		{ "bind", 3, act_tcp },
		{ "odd", 3, act_odd },
		{ "short", 3, act_short },
		{ "long", 3, act_long },
	};
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (n >= acts[i].words && strcmp(w[0], acts[i].name) == 0)
			return acts[i].fn(n, w);
	act_result("no such order", n > 0 ? w[0] : "");
	return true;
}
