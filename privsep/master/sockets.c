/* SPDX-License-Identifier: ISC
 *
 * Listening sockets.  They are bound at the start, so that an address in use
 * is an error of the start, and listen only when every process has shown
 * that it is confined: until then the port is closed.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "privsep/master/master.h"

static void
sockets_want(struct socket *s, const struct listener *l)
{
	s->wanted = true;
	s->next_listener = l->index;
	s->next_connection = l->isolation == ISOLATION_CONNECTION;
}

/* Keep a socket of the old configuration that the new one wants too. */
static bool
sockets_keep(const struct sockaddr *sa, socklen_t len, const struct listener *l)
{
	struct socket *s;

	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (s->wanted || s->addr_len != len ||
		    memcmp(&s->addr, sa, len) != 0)
			continue;
		sockets_want(s, l);
		return true;
	}
	return false;
}

/* Whether both addresses cannot be listened on: one is the other, or all of
 * its family. */
static bool
sockets_overlap(
    const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	static const struct in6_addr any6 = IN6ADDR_ANY_INIT;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a,
				  *b6 = (const struct sockaddr_in6 *)b;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a,
				 *b4 = (const struct sockaddr_in *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		    (a4->sin_addr.s_addr == b4->sin_addr.s_addr ||
			a4->sin_addr.s_addr == INADDR_ANY ||
			b4->sin_addr.s_addr == INADDR_ANY);
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    ((IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr) &&
		 a6->sin6_scope_id == b6->sin6_scope_id) ||
		IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &any6) ||
		IN6_ARE_ADDR_EQUAL(&b6->sin6_addr, &any6));
}

/* Whether a listener of the same configuration has the address.  The kernel
 * says that only when both listen, which is too late. */
static bool
sockets_taken(
    const struct socket_list *fresh, const struct sockaddr_storage *addr)
{
	const struct socket *s;

	TAILQ_FOREACH(s, fresh, entry) {
		if (sockets_overlap(&s->addr, addr))
			return true;
	}
	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (s->wanted && sockets_overlap(&s->addr, addr))
			return true;
	}
	return false;
}

static bool
sockets_is(const char *path, const struct stat *st)
{
	struct stat other;

	return lstat(path, &other) == 0 && other.st_dev == st->st_dev &&
	    other.st_ino == st->st_ino;
}

/* Whether it is a socket of this instance, by whatever name. */
static bool
sockets_own(const struct socket_list *fresh, const struct stat *st)
{
	const struct socket *s;

	if (sockets_is(paths_get(PATH_CONTROL), st))
		return true;
	TAILQ_FOREACH(s, fresh, entry) {
		if (s->path != NULL && sockets_is(s->path, st))
			return true;
	}
	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (s->path != NULL && sockets_is(s->path, st))
			return true;
	}
	return false;
}

/* Make place for a local socket at that name in a directory.  One that a dead
 * instance has left goes: a live one holds the pid file, which this instance
 * has by now.  What is no socket, or is one of ours, stays.  0, or an errno
 * value. */
static int
sockets_clear_at(const struct socket_list *fresh, int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : errno;
	if (!S_ISSOCK(st.st_mode))
		return EEXIST;
	if (sockets_own(fresh, &st))
		return EADDRINUSE;
	return unlinkat(dir_fd, name, 0) != 0 ? errno : 0;
}

/* The same at a path.  Its directory is opened once: what is looked at and
 * what is removed are in the same one, whoever may rename it. */
static int
sockets_clear(const struct socket_list *fresh, const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *name = strrchr(path, '/');
	int dir_fd, error;

	if (name == NULL || name[1] == '\0')
		return EINVAL;
	strlcpy(dir, path, (size_t)(name - path) + 2);
	if ((dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return errno;
	error = sockets_clear_at(fresh, dir_fd, name + 1);
	close(dir_fd);
	return error;
}

/* bind(2).  Every local user may connect to a local socket; its mode comes
 * from the umask and not from a chmod(2) of a name that may be another's by
 * then. */
static int
sockets_bind_fd(int fd, const struct sockaddr *sa, socklen_t len)
{
	mode_t old = umask(0111);
	int error = bind(fd, sa, len);

	umask(old);
	return error;
}

static int
sockets_open(const struct sockaddr *sa, socklen_t len)
{
	int fd, on = 1;

	fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (sockets_bind_fd(fd, sa, len) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
sockets_add(struct socket_list *fresh, const struct listener *l,
    const struct sockaddr *sa, socklen_t len, const char *path)
{
	struct socket *s;

	if (sockets_keep(sa, len, l))
		return 0;
	if ((s = chk_calloc(1, sizeof(*s))) == NULL)
		return -E_NOMEM;
	sockets_want(s, l);
	memcpy(&s->addr, sa, len);
	s->addr_len = len;
	if (path != NULL && (s->path = strdup(path)) == NULL)
		errno = ENOMEM;
	else if (path != NULL)
		errno = sockets_clear(fresh, path);
	else
		errno = sockets_taken(fresh, &s->addr) ? EADDRINUSE : 0;
	if (errno != 0 || (s->fd = sockets_open(sa, len)) < 0) {
		free(s->path);
		free(s);
		return err_from_errno(errno);
	}
	TAILQ_INSERT_TAIL(fresh, s, entry);
	return 0;
}

/* The address of a local socket at path. */
static int
sockets_unix(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlcpy(sun->sun_path, path, sizeof(sun->sun_path)) >=
	    sizeof(sun->sun_path))
		return -E_TOOLONG;
	return 0;
}

static int
sockets_add_unix(struct socket_list *fresh, const struct listener *l)
{
	struct sockaddr_un sun;
	char path[sizeof(sun.sun_path)];
	int error;

	if (strcmp(l->name, LISTEN_SOCKET_PATH) == 0)
		error = strlcpy(path, paths_get(PATH_SUBMIT), sizeof(path)) >=
			sizeof(path)
		    ? -E_TOOLONG
		    : 0;
	else
		error = paths_resolve(l->name, path, sizeof(path));
	if (error != 0 || (error = sockets_unix(path, &sun)) != 0)
		return error;
	return sockets_add(
	    fresh, l, (struct sockaddr *)&sun, sizeof(sun), path);
}

static int
sockets_add_interface(struct socket_list *fresh, const struct listener *l)
{
	struct ifaddrs *all, *ifa;
	int error = -E_NOENT;

	if (getifaddrs(&all) != 0)
		return err_from_errno(errno);
	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		socklen_t len;

		if (ifa->ifa_addr == NULL ||
		    strcmp(ifa->ifa_name, l->name) != 0)
			continue;
		if (ifa->ifa_addr->sa_family == AF_INET)
			len = sizeof(struct sockaddr_in);
		else if (ifa->ifa_addr->sa_family == AF_INET6)
			len = sizeof(struct sockaddr_in6);
		else
			continue;
		if (l->family != AF_UNSPEC &&
		    l->family != ifa->ifa_addr->sa_family)
			continue;
		memcpy(&ss, ifa->ifa_addr, len);
		if (ss.ss_family == AF_INET)
			((struct sockaddr_in *)&ss)->sin_port = htons(l->port);
		else
			((struct sockaddr_in6 *)&ss)->sin6_port =
			    htons(l->port);
		error =
		    sockets_add(fresh, l, (struct sockaddr *)&ss, len, NULL);
		if (error != 0)
			break;
	}
	freeifaddrs(all);
	return error;
}

static int
sockets_add_listener(struct socket_list *fresh, const struct listener *l)
{
	switch (l->kind) {
	case LISTEN_ADDRESS:
		return sockets_add(fresh, l, (const struct sockaddr *)&l->addr,
		    l->addr_len, NULL);
	case LISTEN_INTERFACE:
		return sockets_add_interface(fresh, l);
	case LISTEN_SOCKET:
		return sockets_add_unix(fresh, l);
	}
	return -E_SYNTAX;
}

static void
sockets_free(struct socket *s)
{
	close(s->fd);
	if (s->path != NULL)
		unlink(s->path);
	free(s->path);
	free(s);
}

static void
sockets_free_list(struct socket_list *list)
{
	struct socket *s;

	while ((s = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, s, entry);
		sockets_free(s);
	}
}

static int
sockets_bind_control(void)
{
	struct sockaddr_un sun;
	const char *path = paths_get(PATH_CONTROL);
	int error;

	if (master.control_fd >= 0)
		return 0;
	if ((error = sockets_unix(path, &sun)) != 0)
		return error;
	unlink(path);
	master.control_fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (master.control_fd < 0 ||
	    sockets_bind_fd(
		master.control_fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return err_from_errno(errno);
	return 0;
}

/* What was bound for the new configuration joins what is kept, and the rest is
 * closed. */
static void
sockets_change_over(struct socket_list *fresh)
{
	struct socket *s, *next;

	TAILQ_CONCAT(&master.sockets, fresh, entry);
	TAILQ_FOREACH_SAFE(s, &master.sockets, entry, next) {
		if (!s->wanted) {
			TAILQ_REMOVE(&master.sockets, s, entry);
			sockets_free(s);
			continue;
		}
		s->listener = s->next_listener;
		s->connection = s->next_connection;
	}
}

/* As the administrator has written it. */
static void
sockets_name(const struct listener *l, struct buf *out)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)&l->addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&l->addr;
	char text[INET6_ADDRSTRLEN] = "";

	if (l->kind == LISTEN_SOCKET) {
		buf_addf(out, "%s", l->name);
		return;
	}
	if (l->kind == LISTEN_ADDRESS)
		inet_ntop(l->addr.ss_family,
		    l->addr.ss_family == AF_INET ? (const void *)&in4->sin_addr
						 : &in6->sin6_addr,
		    text, sizeof(text));
	buf_addf(out, "%s port %u", l->kind == LISTEN_ADDRESS ? text : l->name,
	    l->port);
}

int
sockets_bind(const struct config *cfg, struct buf *out)
{
	struct socket_list fresh;
	struct socket *s;
	const char *why;
	size_t i;
	int error;

	if ((error = sockets_bind_control()) != 0) {
		buf_addf(out, "cannot bind %s: %s\n", paths_get(PATH_CONTROL),
		    err_text(error));
		return error;
	}
	TAILQ_INIT(&fresh);
	TAILQ_FOREACH(s, &master.sockets, entry)
		s->wanted = false;
	for (i = 0; i < cfg->nlisteners; i++) {
		errno = 0;
		error = sockets_add_listener(&fresh, &cfg->listeners[i]);
		if (error == 0 ||
		    (cfg->listeners[i].optional &&
			(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)))
			continue;
		why = errno != 0 ? strerror(errno) : err_text(error);
		buf_addf(out, "cannot listen on ");
		sockets_name(&cfg->listeners[i], out);
		buf_addf(out, ": %s\n", why);
		/* the old configuration stays in force, and its sockets */
		sockets_free_list(&fresh);
		return error;
	}
	sockets_change_over(&fresh);
	return 0;
}

void
sockets_listen(void)
{
	int backlog = (int)master.config->set.smtp_limit_backlog;
	struct socket *s;

	TAILQ_FOREACH(s, &master.sockets, entry) {
		if (!s->listening && listen(s->fd, backlog) != 0)
			LOG(EV_WARN, KS("doing", "listening"),
			    KU("listener", s->listener),
			    KS("why", strerror(errno)));
		s->listening = true;
	}
	listen(master.control_fd, 64);
}

void
sockets_close(void)
{
	sockets_free_list(&master.sockets);
	if (master.control_fd >= 0) {
		close(master.control_fd);
		unlink(paths_get(PATH_CONTROL));
		master.control_fd = -1;
	}
}
