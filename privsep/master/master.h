/* SPDX-License-Identifier: ISC
 *
 * The master: the only process that stays root.  It starts the others, joins
 * them, and does the few things that need root: bind, start a role, start a
 * mailer as a user, look up a system user, read its own files.  It never
 * looks into what came from the network.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <sys/queue.h>
#include <sys/types.h>

#include "privsep/config/config.h"
#include "privsep/ipc/chan.h"
#include "privsep/ipc/loop.h"

#define CHILD_FD 3 /* where a role's process finds its channel */

enum child_state {
	CHILD_STARTING, /* has not shown that it is confined */
	CHILD_RUNNING,
	CHILD_STOPPING /* told to stop, or killed; waits to be reaped */
};

/* A process that the master started. */
struct child {
	LIST_ENTRY(child) entry;
	enum role role;
	uint32_t instance;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	enum child_state state;
	bool connection;  /* session of `isolation connection' */
	bool spent;       /* takes no more work, or is being replaced */
	bool joined;      /* its peers know it */
	char user[256];   /* mailer: whom it serves */
	uint64_t request; /* mailer: delivery's MAILER_START */
	uint64_t started_ms;
	uint64_t started_s;
	struct chan *chan;   /* NULL once it is lost */
	struct event *timer; /* for its start, later for its end */
};
LIST_HEAD(child_list, child);

/* A listening socket; the number is that of the configuration. */
struct socket {
	TAILQ_ENTRY(socket) entry;
	uint32_t listener;
	bool connection; /* isolation of its listener */
	bool listening;
	bool wanted; /* by the configuration that is about to come into force,
	              * which has the two values below for it */
	uint32_t next_listener;
	bool next_connection;
	int fd;
	char *path; /* of a local socket; NULL otherwise */
	struct sockaddr_storage addr;
	socklen_t addr_len;
};
TAILQ_HEAD(socket_list, socket);

/* How many deaths in a row a role has seen, and its pending restart. */
struct restart {
	unsigned deaths;
	unsigned total;
	struct event *timer;
	bool renew; /* once more, when the last one that was replaced is gone */
};

struct master {
	const char *config_path;
	struct cfg_define *defines;
	size_t ndefines;
	bool foreground;
	struct config *config;
	struct cfg_source *source;
	int full_fd;     /* the whole configuration, sealed */
	int settings_fd; /* its slices */
	int listeners_fd;
	int relay_fd;
	int empty_fd; /* for the mailer, which sees none of it */
	int net_fd;   /* the empty network */
	int root_fd;  /* the empty root */
	int program_fd[ROLE__MAX];
	uid_t uid[ROLE__MAX];
	gid_t gid[ROLE__MAX];
	struct child_list children;
	struct socket_list sockets;
	int control_fd;
	struct restart restarts[ROLE__MAX];
	uint32_t last_instance;
	bool serving; /* all roles were ready once: sockets listen */
	bool smtp_paused;
	unsigned stop_stage; /* 0: not stopping */
	struct event *stop_timer;
	int ready_fd; /* to the parent that waits until we are ready */
	uint64_t started_s;
	uint64_t mailers_started;
};

/* The one master. */
extern struct master master;

/* --- main.c --- */

/* Everything runs: let go of the terminal of who started us. */
void main_ready(void);

/* --- config.c --- */

/* Read and check the configuration; errors are appended to out as text for
 * people.  0 with *cfg and *src given, or -E_* with *src NULL. */
int master_config_load(
    struct config **cfg, struct cfg_source **src, struct buf *out);

/* Put it in force: make the sealed copies that roles get.  Takes both. */
int master_config_install(struct config *cfg, struct cfg_source *src);

/* The part of the configuration that a role gets; borrowed. */
int master_config_fd(enum role);

/* SIGHUP, smtpctl reload: load, check, and change over.  0, or -E_* with the
 * errors appended to out and the old configuration still in force. */
int master_reload(struct buf *out);

/* --- child.c --- */

/* Start a process of this role.  mailer is NULL but for one.  NULL when it
 * could not be started (logged). */
struct mailer_job;
struct child *child_start(
    enum role, bool connection, const struct mailer_job *mailer);

/* The process has exited with this status of waitpid(2). */
void child_reap(pid_t pid, int status);

/* End it, by M_STOP first or at once. */
void child_stop(struct child *);
void child_kill(struct child *);

/* It is about to leave by itself: kill it when it has not in that time. */
void child_end_within(struct child *, uint64_t seconds);

struct child *child_find(enum role, uint32_t instance);
struct child *child_by_chan(const struct chan *);

/* Whether a process of every role that is always there runs. */
bool child_all_ready(void);

/* --- pool.c --- */

/* Start the sessions and relays that the configuration wants and that are not
 * there. */
void pool_fill(void);

/* A process is gone: start another where that is wanted, now or later. */
void pool_child_gone(const struct child *);

/* All sessions are to take no more connections, all relays no more messages
 * (reload). */
void pool_retire(void);

/* The one process of that role is to make way for another, which begins with
 * what is in force now; it serves until that one is there. */
void pool_renew(enum role);

/* That process is joined with its peers: whom it was to replace may go. */
void pool_renewed(const struct child *);

/* --- names.c --- */

/* Renew the resolver whenever the system's name servers change. */
void names_watch(void);

/* Renew it (reload). */
void names_renew(void);

/* --- join.c --- */

/* The child is confined and verified: let it work, join it with its peers,
 * give it its sockets. */
void join_child(struct child *);

/* Pass the listening sockets to this session or to control. */
void join_listeners(struct child *);

/* --- sockets.c --- */

/* Bind what the configuration listens on, keeping what is bound already.  0,
 * or -E_* with a line for people appended to out. */
int sockets_bind(const struct config *, struct buf *out);

/* Listen on what is bound. */
void sockets_listen(void);

/* Close all and remove local ones from the file system. */
void sockets_close(void);

/* --- users.c --- */

/* The ids that roles run under.  0, or -E_NOENT for a missing service user
 * (logged) of an instance that is not private. */
int users_roles(void);

/* Handlers of USER_ASK and MAILER_START. */
int users_ask(struct chan *, struct msg *);
int users_mailer_start(struct chan *, struct msg *);

/* A mailer is gone; delivery is told if it never got to know it. */
void users_mailer_lost(const struct child *);

/* Handlers of TERMINAL_ASK and TERMINAL_START. */
int users_terminal_ask(struct chan *, struct msg *);
int users_terminal_start(struct chan *, struct msg *);

/* --- terminal.c --- */

#define TERMINAL_LINE_MAX 32 /* octets of a line of utmp, as "pts/3" */

/* Where that user is logged in and takes messages; the terminal that was
 * typed at last.  False when there is none. */
bool terminal_find(const char *user, char line[TERMINAL_LINE_MAX + 1]);

/* What a mailer needs to know. */
struct mailer_job {
	uint64_t request;
	const struct action *action;
	char line[TERMINAL_LINE_MAX + 1]; /* "": to the mailbox */
	char user[256];
	char home[4096];
	uid_t uid;
	gid_t gid;
	size_t ngroups;
	gid_t groups[64];
};

/* --- orders.c --- */

/* Handlers of CTL_ASK and CTL_CANCEL. */
int orders_ask(struct chan *, struct msg *);
int orders_cancel(struct chan *, struct msg *);

/* --- stop.c --- */

/* Begin to stop the daemon. */
void stop_begin(void);

/* A process is gone: go on with the stop. */
void stop_child_gone(void);

/* --- output.c --- */

/* Choose where log lines go: standard error, or syslog(3); what is wrong goes
 * to both until output_detach(). */
void output_init(bool foreground);

/* Nobody reads standard error any more. */
void output_detach(void);

/* Write what was held back for the end of the loop's turn. */
void output_flush(void);

/* Write a line of a process, named by what the master knows of it. */
void output_line(int level, const char *process, pid_t pid, struct span line);

#endif
