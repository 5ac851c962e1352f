/* SPDX-License-Identifier: ISC
 *
 * Starting, watching and ending processes.  A child is trusted with nothing
 * before confine_verify() has seen in /proc what the table promises.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/clock.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "privsep/confine/confine.h"
#include "privsep/config/template.h"
#include "privsep/master/master.h"

#define CHILD_SNDBUF (1024 * 1024)

static int child_ready(struct chan *, struct msg *);
static int child_log(struct chan *, struct msg *);
static int child_bad_peer(struct chan *, struct msg *);
static int child_spent(struct chan *, struct msg *);
static void child_down(struct chan *, bool);

static const struct msg_handler handlers[] = {
	{ M_READY, child_ready },
	{ M_LOG, child_log },
	{ M_BAD_PEER, child_bad_peer },
	{ M_TAKEN, child_spent },
	{ M_RETIRED, child_spent },
	{ USER_ASK, users_ask },
	{ MAILER_START, users_mailer_start },
	{ TERMINAL_ASK, users_terminal_ask },
	{ TERMINAL_START, users_terminal_start },
	{ CTL_ASK, orders_ask },
	{ CTL_CANCEL, orders_cancel },
	{ MSG_NONE, NULL },
};

static const struct chan_ops child_ops = {
	.handlers = handlers,
	.down = child_down,
};

struct child *
child_find(enum role role, uint32_t instance)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->role == role && c->instance == instance)
			return c;
	}
	return NULL;
}

struct child *
child_by_chan(const struct chan *ch)
{
	return child_find(chan_role(ch), chan_instance(ch));
}

bool
child_all_ready(void)
{
	struct child *c;
	unsigned ready = 0, wanted = 0;
	enum role r;

	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		if (roles[r].start == START_ONE || roles[r].start == START_POOL)
			wanted |= R(r);
	}
	LIST_FOREACH(c, &master.children, entry) {
		if (c->state == CHILD_RUNNING)
			ready |= R(c->role);
	}
	return (ready & wanted) == wanted;
}

/* Our own output is not for the roles: who holds it could forge log lines, or
 * keep the terminal of who started us.  What they say goes over the channel;
 * only the sanitizers know no other way. */
static bool
child_silence(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return false;
#ifndef BULKHEAD_SANITIZE
	if (dup2(null, STDERR_FILENO) < 0)
		return false;
#endif
	return true;
}

/* A role that speaks with many at once does more in one go when it does not
 * stop whoever wakes it up and may have more to say; the others are the ones
 * that would only wait. */
static void
child_schedule(enum role role)
{
	static const struct sched_param none;

	/* what the administrator has started us with stands, and where it
	 * cannot be had, nothing is lost but speed */
	if (roles[role].batch && sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

/* In the new process: nothing but the channel is left open, and the role's
 * own program takes over. */
static _Noreturn void
child_exec(enum role role, int fd)
{
	char *argv[] = { NULL, NULL };
	char *envp[] = { NULL, NULL };
	char name[64], tz[256];
	sigset_t none;

	strlcpy(name, roles[role].program, sizeof(name));
	argv[0] = name;
	if (getenv("TZ") != NULL &&
	    (size_t)snprintf(tz, sizeof(tz), "TZ=%s", getenv("TZ")) <
		sizeof(tz))
		envp[0] = tz;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_schedule(role);
	/* the program's own descriptor is close-on-exec */
	if (child_silence() && dup2(fd, CHILD_FD) == CHILD_FD)
		fexecve(master.program_fd[role], argv, envp);
	_exit(111);
}

static void
child_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	if (c->state == CHILD_STARTING)
		LOG(EV_WARN, KS("doing", "starting a process"),
		    KS("role", roles[c->role].name), KS("why", "not ready"));
	child_kill(c);
}

static void
child_set_timer(struct child *c, uint64_t seconds)
{
	struct timeval tv = { .tv_sec = (time_t)seconds };

	evtimer_add(c->timer, &tv);
}

void
child_end_within(struct child *c, uint64_t seconds)
{
	child_set_timer(c, seconds);
}

/* What follows for a mailer. */
static void
child_job(const struct child *c, const struct mailer_job *job)
{
	if (job->line[0] != '\0') {
		msg_begin(c->chan, M_TERMINAL, 0);
		msg_put_span(c->chan, span_str(job->user));
		msg_put_span(c->chan, span_str(job->line));
		msg_send(c->chan);
		return;
	}
	msg_begin(c->chan, M_MAILER, 0);
	msg_put_u8(c->chan, (uint8_t)job->action->kind);
	msg_put_span(c->chan, span_str(job->user));
	msg_put_span(c->chan, span_str(job->home));
	msg_put_span(c->chan, template_text(job->action->path));
	msg_put_span(c->chan, span_str(master.config->hostname));
	msg_put_u8(c->chan, (uint8_t)master.config->sub_addr_delim);
	msg_put_u32(
	    c->chan, (uint32_t)master.config->set.delivery_lock_timeout_s);
	msg_send(c->chan);
}

static void
child_hello(const struct child *c, const struct mailer_job *job)
{
	size_t i, n = job == NULL ? 0 : job->ngroups;

	msg_begin(c->chan, M_HELLO, c->instance);
	msg_put_u64(c->chan, msg_table_hash());
	msg_put_u8(c->chan, (uint8_t)c->role);
	msg_put_u8(c->chan, (uint8_t)log_level());
	msg_put_u32(c->chan, c->uid);
	msg_put_u32(c->chan, c->gid);
	msg_put_u32(c->chan, (uint32_t)n);
	for (i = 0; i < n; i++)
		msg_put_u32(c->chan, job->groups[i]);
	msg_put_span(c->chan,
	    span_str(roles[c->role].root == ROOT_QUEUE ? paths_get(PATH_QUEUE)
						       : ""));
	msg_put_fd(c->chan, master_config_fd(c->role));
	msg_put_fd(c->chan, master.net_fd);
	msg_put_fd(c->chan, master.root_fd);
	msg_send(c->chan);
	if (job != NULL)
		child_job(c, job);
}

/* fork and exec; the parent's end of the new channel in *fd. */
static pid_t
child_fork(enum role role, int *fd)
{
	int pair[2], size = CHILD_SNDBUF;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if ((pid = fork()) == 0)
		child_exec(role, pair[1]);
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	else
		*fd = pair[0];
	return pid;
}

struct child *
child_start(enum role role, bool connection, const struct mailer_job *job)
{
	struct child *c;
	int fd;

	if ((c = chk_calloc(1, sizeof(*c))) == NULL ||
	    (c->timer = evtimer_new(loop_base(), child_timeout, c)) == NULL) {
		free(c);
		return NULL;
	}
	c->role = role;
	c->instance = ++master.last_instance;
	c->connection = connection;
	c->uid = job == NULL ? master.uid[role] : job->uid;
	c->gid = job == NULL ? master.gid[role] : job->gid;
	c->request = job == NULL ? 0 : job->request;
	strlcpy(c->user, job == NULL ? "" : job->user, sizeof(c->user));
	c->started_ms = clock_ms();
	c->started_s = clock_wall(NULL);
	if ((c->pid = child_fork(role, &fd)) < 0 ||
	    (c->chan = chan_new(
		 fd, ROLE_MASTER, role, c->instance, &child_ops)) == NULL) {
		LOG(EV_WARN, KS("doing", "starting a process"),
		    KS("role", roles[role].name), KS("why", strerror(errno)));
		if (c->pid > 0)
			kill(c->pid, SIGKILL);
		event_free(c->timer);
		free(c);
		return NULL;
	}
	LIST_INSERT_HEAD(&master.children, c, entry);
	child_set_timer(c, master.config->set.process_start_timeout_s);
	child_hello(c, job);
	return c;
}

/* M_READY is the child's word; /proc is the kernel's. */
static int
child_ready(struct chan *ch, struct msg *m)
{
	struct child *c = child_by_chan(ch);
	struct buf why;
	int error;

	/* it was told to end while this was under way */
	if (c != NULL && c->state == CHILD_STOPPING)
		return 0;
	if (c == NULL || c->state != CHILD_STARTING)
		return chan_violation(ch, "ready twice");
	buf_init(&why, 4096);
	error = confine_verify(c->pid, c->role, c->uid, c->gid, &why);
	if (error != 0) {
		LOG(EV_ROLE_UNCONFINED, KS("role", roles[c->role].name),
		    KN("pid", c->pid), KB("why", buf_span(&why)));
		buf_clear(&why);
		if (!master.serving)
			fatal("starting", "a process is not confined");
		child_kill(c);
		return 0;
	}
	buf_clear(&why);
	evtimer_del(c->timer);
	c->state = CHILD_RUNNING;
	LOG(EV_ROLE_READY, KS("role", roles[c->role].name), KN("pid", c->pid),
	    KU("instance", c->instance));
	join_child(c);
	return 0;
}

static int
child_log(struct chan *ch, struct msg *m)
{
	const struct child *c = child_by_chan(ch);
	struct span line;
	unsigned level;

	do {
		level = rd_u8(&m->body);
		line = rd_span(&m->body, LOG_LINE_MAX);
		if (m->body.bad || level > LOG_DEBUG || c == NULL)
			return chan_violation(ch, "no log line");
		output_line((int)level, roles[c->role].name, c->pid, line);
	} while (rd_left(&m->body) > 0);
	return 0;
}

static void
child_replace(struct child *bad, const struct child *by)
{
	LOG(EV_PEER_KILLED, KS("role", roles[bad->role].name),
	    KN("pid", bad->pid), KU("instance", bad->instance),
	    KS("by", roles[by->role].name));
	child_kill(bad);
}

/*
 * One process says that another broke the protocol.  Who talks to the
 * outside, or runs as a user, is not believed against the others: there the
 * accuser is replaced.  Where both are of that kind, and speak with each
 * other, there is no telling who lies: both are.
 */
static int
child_bad_peer(struct chan *ch, struct msg *m)
{
	unsigned exposed =
	    R_SESSION | R_MAILER | R_RELAY | R_RESOLVER | R_CONTROL;
	unsigned role = rd_u8(&m->body);
	struct child *bad, *by = child_by_chan(ch);

	if (role >= ROLE__MAX || by == NULL)
		return chan_violation(ch, "no such peer");
	bad = child_find((enum role)role, (uint32_t)m->id);
	if ((exposed & R(by->role)) == 0) {
		if (bad != NULL)
			child_replace(bad, by);
		return 0;
	}
	/* it accuses one in its life */
	if (by->state == CHILD_STOPPING)
		return 0;
	if (bad != NULL && (exposed & roles[by->role].peers & R(role)) != 0)
		child_replace(bad, by);
	child_replace(by, by);
	return 0;
}

static int
child_spent(struct chan *ch, struct msg *m)
{
	struct child *c = child_by_chan(ch);

	if (c == NULL || (m->type == M_TAKEN) != c->connection)
		return chan_violation(ch, "not that kind of session");
	/* it may have been told to retire meanwhile */
	c->spent = true;
	pool_fill();
	return 0;
}

static void
child_down(struct chan *ch, bool violation)
{
	struct child *c = child_by_chan(ch);

	if (c == NULL)
		return;
	c->chan = NULL;
	/* a process without its channel cannot be told anything */
	if (violation || c->state != CHILD_STOPPING)
		child_set_timer(c, violation ? 0 : 1);
}

void
child_stop(struct child *c)
{
	if (c->state == CHILD_STOPPING)
		return;
	if (c->chan == NULL || c->state == CHILD_STARTING) {
		child_kill(c);
		return;
	}
	c->state = CHILD_STOPPING;
	msg_begin(c->chan, M_STOP, 0);
	msg_send(c->chan);
}

void
child_kill(struct child *c)
{
	c->state = CHILD_STOPPING;
	kill(c->pid, SIGKILL);
}

static void
child_log_exit(const struct child *c, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGSYS)
		LOG(EV_SANDBOX_VIOLATION, KS("role", roles[c->role].name),
		    KN("pid", c->pid));
	if (sig == 0 && WEXITSTATUS(status) == 0)
		return;
	/* our own doing, and why was logged before, if it was no routine */
	if (sig == SIGKILL && c->state == CHILD_STOPPING)
		return;
	LOG(EV_ROLE_EXIT, KS("role", roles[c->role].name), KN("pid", c->pid),
	    KU("instance", c->instance), KN("signal", sig),
	    KN("status", sig == 0 ? WEXITSTATUS(status) : 0));
}

void
child_reap(pid_t pid, int status)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->pid == pid)
			break;
	}
	if (c == NULL)
		return;
	/* why it ended, as it says itself */
	if (c->chan != NULL)
		chan_read_rest(c->chan);
	LIST_REMOVE(c, entry);
	child_log_exit(c, status);
	chan_free(c->chan);
	c->chan = NULL;
	if (c->role == ROLE_MAILER && c->request != 0)
		users_mailer_lost(c);
	if (master.stop_stage == 0)
		pool_child_gone(c);
	event_free(c->timer);
	free(c);
	stop_child_gone();
}
