/* SPDX-License-Identifier: ISC
 *
 * The life of a role's process, from M_HELLO to its end.  Nothing here knows
 * what the role does; nothing that a peer sends ends the process.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/confine/confine.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"

#define ROLE_MASTER_FD 3
#define ROLE_PEERS_MAX 4096

static struct {
	const struct role_ops *ops;
	struct role_hello hello;
	struct config *config;
	struct chan *master;
	struct chan **peers;
	size_t npeers;
	struct chan *newest[ROLE__MAX]; /* of the peers of each role */
	bool lost; /* the master is gone: its channel may not be used */
} self;

static void role_down(struct chan *, bool);
static void role_drained(struct chan *);

static struct chan_ops peer_ops = {
	.down = role_down,
	.drained = role_drained,
};

/* Lines go to the master, which writes them where they belong. */
static void
role_log(int level, struct span line)
{
	if (self.lost || self.master == NULL)
		return;
	msg_send_log(self.master, level, line);
	/* they may be the last: see fatal() */
	if (level <= LOG_CRIT)
		chan_drain(self.master);
}

const struct config *
role_config(void)
{
	return self.config;
}

uint32_t
role_instance(void)
{
	return self.hello.instance;
}

struct chan *
role_master(void)
{
	return self.master;
}

struct chan *
role_peer(enum role role)
{
	return self.newest[role];
}

struct chan *
role_peer_instance(enum role role, uint32_t instance)
{
	size_t i;

	for (i = 0; i < self.npeers; i++) {
		if (chan_role(self.peers[i]) == role &&
		    chan_instance(self.peers[i]) == instance)
			return self.peers[i];
	}
	return NULL;
}

struct chan *
role_peer_named(enum role role, uint32_t instance)
{
	struct chan *ch = role_peer_instance(role, instance);

	if (ch != NULL || self.lost)
		return ch;
	chan_catch_up(self.master);
	return role_peer_instance(role, instance);
}

struct chan *
role_peer_next(enum role role, const struct chan *after)
{
	bool passed = after == NULL;
	size_t i;

	for (i = 0; i < self.npeers; i++) {
		if (passed && chan_role(self.peers[i]) == role)
			return self.peers[i];
		passed = passed || self.peers[i] == after;
	}
	return NULL;
}

void
role_exit(int status)
{
	loop_end(status);
}

static void
role_note_newest(struct chan *ch)
{
	struct chan **newest = &self.newest[chan_role(ch)];

	if (*newest == NULL || chan_instance(*newest) < chan_instance(ch))
		*newest = ch;
}

static void
role_forget(struct chan *ch)
{
	struct chan **newest = &self.newest[chan_role(ch)];
	size_t i;

	for (i = 0; i < self.npeers && self.peers[i] != ch; i++)
		continue;
	if (i == self.npeers)
		return;
	self.peers[i] = self.peers[--self.npeers];
	if (*newest != ch)
		return;
	*newest = NULL;
	for (i = 0; i < self.npeers; i++) {
		if (chan_role(self.peers[i]) == chan_role(ch))
			role_note_newest(self.peers[i]);
	}
}

void
role_peer_close(struct chan *ch)
{
	role_forget(ch);
	chan_free(ch);
}

void
role_peer_bad(const struct chan *ch)
{
	if (self.lost)
		return;
	msg_begin(self.master, M_BAD_PEER, chan_instance(ch));
	msg_put_u8(self.master, (uint8_t)chan_role(ch));
	msg_send(self.master);
}

/* A channel is lost.  Without its master a process has no purpose: it ends,
 * and with it everything that its clients were not yet promised. */
static void
role_down(struct chan *ch, bool violation)
{
	if (ch == self.master) {
		self.lost = true;
		if (self.ops->stop != NULL)
			self.ops->stop();
		loop_end(1);
		return;
	}
	role_forget(ch);
	LOG(EV_PEER_LOST, KS("peer", roles[chan_role(ch)].name),
	    KU("instance", chan_instance(ch)));
	if (violation)
		role_peer_bad(ch);
	if (self.ops->peer_down != NULL)
		self.ops->peer_down(ch);
}

static void
role_drained(struct chan *ch)
{
	if (ch != self.master && self.ops->peer_drained != NULL)
		self.ops->peer_drained(ch);
}

/* A channel to a peer.  One to the same instance that has not been seen to
 * end yet is superseded. */
static int
role_peer_add(struct chan *ch, struct msg *m)
{
	unsigned role = rd_u8(&m->body);
	uint64_t request = rd_u64(&m->body);
	struct chan *peer, *old;
	struct chan **grown;

	if (!rd_done(&m->body) || role >= ROLE__MAX ||
	    (roles[self.ops->role].peers & R(role)) == 0)
		return chan_violation(ch, "no such peer");
	old = role_peer_instance((enum role)role, (uint32_t)m->id);
	if (old != NULL) {
		role_down(old, false);
		chan_free(old);
	}
	if (self.npeers == ROLE_PEERS_MAX)
		return 0;
	grown = chk_realloc(self.peers, self.npeers + 1, sizeof(*grown));
	if (grown == NULL)
		return 0;
	self.peers = grown;
	peer = chan_new(msg_take_fd(m, 0), self.ops->role, (enum role)role,
	    (uint32_t)m->id, &peer_ops);
	if (peer == NULL)
		return 0;
	self.peers[self.npeers++] = peer;
	role_note_newest(peer);
	if (self.ops->peer_up != NULL)
		self.ops->peer_up(peer, request);
	return 0;
}

/* Parse the configuration behind fd, which is borrowed.  NULL when that
 * fails: the master has checked it, so only for want of memory. */
static struct config *
role_parse(int fd)
{
	struct cfg_source *src = NULL;
	struct cfg_errors errs;
	struct config *cfg = NULL;

	cfg_errors_init(&errs);
	if (cfg_source_from_fd(fd, &src) == 0 &&
	    config_parse(src, &cfg, &errs) != 0)
		cfg = NULL;
	cfg_source_free(src);
	cfg_errors_clear(&errs);
	return cfg;
}

static void
role_reconfigure(struct msg *m)
{
	int fd = msg_take_fd(m, 0);
	struct config *cfg, *old = self.config;

	cfg = role_parse(fd);
	close(fd);
	if (cfg == NULL) {
		LOG(EV_WARN, KS("doing", "taking over the new configuration"),
		    KS("why", "it cannot be read; the old one stays"));
		return;
	}
	self.config = cfg;
	if (self.ops->config != NULL)
		self.ops->config(cfg);
	config_free(old);
}

/* What the master sends to every role; the rest is the role's own. */
static int
role_master_msg(struct chan *ch, struct msg *m)
{
	const struct msg_handler *h;

	switch ((unsigned)m->type) {
	case M_START:
		if (self.ops->start != NULL)
			self.ops->start();
		return 0;
	case M_PEER:
		return role_peer_add(ch, m);
	case M_LOG_LEVEL:
		log_set_level(rd_u8(&m->body));
		return 0;
	case M_CONFIG:
		role_reconfigure(m);
		return 0;
	case M_LISTEN:
		if (self.ops->listen != NULL)
			self.ops->listen(msg_take_fd(m, 0), (uint32_t)m->id);
		return 0;
	case M_STOP:
		if (self.ops->stop != NULL)
			self.ops->stop();
		else
			loop_end(0);
		return 0;
	default:
		break;
	}
	for (h = self.ops->handlers; h->type != MSG_NONE; h++) {
		if (h->type == m->type)
			return h->fn(ch, m);
	}
	return chan_violation(ch, "message out of the table");
}

static const struct msg_handler master_handlers[] = {
	{ M_START, role_master_msg },
	{ M_PEER, role_master_msg },
	{ M_LOG_LEVEL, role_master_msg },
	{ M_CONFIG, role_master_msg },
	{ M_LISTEN, role_master_msg },
	{ M_STOP, role_master_msg },
	{ M_PAUSE, role_master_msg },
	{ M_RETIRE, role_master_msg },
	{ USER_ANSWER, role_master_msg },
	{ TERMINAL_ANSWER, role_master_msg },
	{ MAILER_FAILED, role_master_msg },
	{ CTL_ASK, role_master_msg },
	{ CTL_ROWS, role_master_msg },
	{ CTL_END, role_master_msg },
	{ CTL_CANCEL, role_master_msg },
	{ MSG_NONE, NULL },
};

static const struct chan_ops master_ops = {
	.handlers = master_handlers,
	.down = role_down,
};

int
role_next(unsigned char *buf, struct msg *out)
{
	return chan_read_blocking(
	    ROLE_MASTER_FD, self.ops->role, ROLE_MASTER, buf, out);
}

/* The fields of M_HELLO.  0 or -E_PEER. */
static int
role_hello_read(struct msg *m, struct role_hello *h)
{
	struct rd *r = &m->body;
	struct span root;
	uint32_t n;
	size_t i;

	h->instance = (uint32_t)m->id;
	if (rd_u64(r) != msg_table_hash())
		return -E_PEER;
	h->role = (enum role)rd_u8(r);
	log_set_level(rd_u8(r));
	h->uid = rd_u32(r);
	h->gid = rd_u32(r);
	n = rd_u32(r);
	if (n > sizeof(h->groups) / sizeof(h->groups[0]))
		return -E_PEER;
	for (i = 0; i < n; i++)
		h->groups[i] = rd_u32(r);
	h->ngroups = n;
	root = rd_span(r, sizeof(h->root) - 1);
	if (!rd_done(r) || h->role != self.ops->role)
		return -E_PEER;
	memcpy(h->root, root.p, root.len);
	h->config_fd = msg_take_fd(m, 0);
	h->net_fd = msg_take_fd(m, 1);
	h->root_fd = msg_take_fd(m, 2);
	return 0;
}

/* Everything that libraries load lazily is loaded while it can be. */
static void
role_warm(void)
{
	time_t now = time(NULL);
	unsigned char seed;
	struct tm tm;

	tzset();
	localtime_r(&now, &tm);
	arc4random_buf(&seed, sizeof(seed));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static int
role_hello(void)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct msg m;

	if (role_next(buf, &m) != 0 || m.type != M_HELLO ||
	    role_hello_read(&m, &self.hello) != 0)
		return -E_PEER;
	if (self.ops->role == ROLE_MAILER) {
		/* it serves one user and sees no configuration */
		close(self.hello.config_fd);
		return 0;
	}
	self.config = role_parse(self.hello.config_fd);
	close(self.hello.config_fd);
	return self.config == NULL ? -E_CORRUPT : 0;
}

static int
role_confine(const char **step)
{
	const struct role_hello *h = &self.hello;
	struct confine_params p = {
		.role = h->role,
		.uid = h->uid,
		.gid = h->gid,
		.groups = h->groups,
		.ngroups = h->ngroups,
		.net_fd = h->net_fd,
		.root_fd = h->root_fd,
		.root = h->root,
	};
	int error;

	if (self.ops->confine != NULL)
		error = self.ops->confine(&p, step);
	else
		error = confine_enter(&p, step);
	return error;
}

/* Say why and end, before or without confinement. */
static int
role_refuse(const char *doing, const char *why)
{
	LOG(EV_FATAL, KS("doing", doing), KS("why", why));
	if (self.master != NULL)
		chan_drain(self.master);
	return 1;
}

/* What was queued for the others reaches them, as role_exit() promises. */
static void
role_drain_peers(void)
{
	size_t i = 0;

	while (i < self.npeers) {
		struct chan *ch = self.peers[i];

		chan_drain(ch);
		/* one that fails is forgotten, and another takes its place */
		if (i < self.npeers && self.peers[i] == ch)
			i++;
	}
}

int
role_main(const struct role_ops *ops)
{
	const char *step = "none";
	int error;

	self.ops = ops;
	peer_ops.handlers = ops->handlers;
	log_init(roles[ops->role].name, NULL);
	confine_close_fds(ROLE_MASTER_FD + 1);
	role_warm();
	if (fcntl(ROLE_MASTER_FD, F_SETFD, FD_CLOEXEC) != 0 ||
	    loop_init() != 0 || role_hello() != 0)
		return role_refuse("starting", "not started by smtpd");
	if (ops->prepare != NULL && (error = ops->prepare(&self.hello)) != 0)
		return role_refuse("preparing", err_text(error));
	self.master =
	    chan_new(ROLE_MASTER_FD, ops->role, ROLE_MASTER, 0, &master_ops);
	if (self.master == NULL)
		return role_refuse("starting", err_text(-E_NOMEM));
	log_init(roles[ops->role].name, role_log);
	if ((error = role_confine(&step)) != 0)
		return role_refuse(step, err_text(error));
	close(self.hello.net_fd);
	close(self.hello.root_fd);
	msg_begin(self.master, M_READY, 0);
	msg_send(self.master);
	error = loop_run();
	if (!self.lost) {
		role_drain_peers();
		chan_drain(self.master);
	}
	return error;
}
