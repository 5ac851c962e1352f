/* SPDX-License-Identifier: ISC
 *
 * Listening sockets.  They are bound at the start, so that an address in use
 * is an error of the start, and listen only when every process has shown
 * that it is confined: until then the port is closed.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
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
	if (path != NULL) {
		/* one that a dead instance left; a live one holds the pid
		 * file, which this instance has by now */
		unlink(path);
		s->path = strdup(path);
	}
	sockets_want(s, l);
	memcpy(&s->addr, sa, len);
	s->addr_len = len;
	if ((s->fd = sockets_open(sa, len)) < 0) {
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

int
sockets_bind(const struct config *cfg, struct buf *out)
{
	struct socket_list fresh;
	struct socket *s;
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
		if (error == 0)
			continue;
		buf_addf(out, "cannot listen on number %zu (port %u): %s\n",
		    i + 1, cfg->listeners[i].port,
		    errno != 0 ? strerror(errno) : err_text(error));
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
