/* SPDX-License-Identifier: ISC
 *
 * smtpd: options, the start of an instance, signals.  This is the only place
 * whose failures may end the daemon.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
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
#include "privsep/master/master.h"

#define MAIN_NOFILE   65536
#define MAIN_TEXT_MAX (1024 * 1024)
#define MAIN_PATH_MAX 4096
#define MAIN_LIBEXEC  "../libexec/bulkhead"
#define MAIN_DEFS_MAX 64

struct master master = {
	.full_fd = -1,
	.settings_fd = -1,
	.listeners_fd = -1,
	.relay_fd = -1,
	.empty_fd = -1,
	.net_fd = -1,
	.root_fd = -1,
	.control_fd = -1,
	.ready_fd = -1,
};

struct options {
	bool check;
	bool verbose;
	const char *root;
};

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: smtpd [-dnVv] [-D name=value] [-f file] "
	    "[-R dir]\n");
	exit(1);
}

static void
main_version(void)
{
	printf(
	    "Bulkhead %s, confinement %s\n", BULKHEAD_VERSION, confine_build());
}

/* name=value of -D; the text is the process's own argument. */
static void
main_define(char *arg)
{
	char *value = strchr(arg, '=');

	if (value == NULL || value == arg || master.ndefines == MAIN_DEFS_MAX)
		usage();
	*value++ = '\0';
	master.defines[master.ndefines++] = (struct cfg_define){ arg, value };
}

static void
main_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "D:df:nR:Vv")) != -1) {
		switch (c) {
		case 'D':
			main_define(optarg);
			break;
		case 'd':
			master.foreground = true;
			break;
		case 'f':
			master.config_path = optarg;
			break;
		case 'n':
			o->check = true;
			break;
		case 'R':
			o->root = optarg;
			break;
		case 'V':
			main_version();
			exit(0);
		case 'v':
			o->verbose = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

/* -n: say what is wrong, or with -v what the file means. */
static int
main_check(bool print)
{
	struct cfg_source *src;
	struct config *cfg;
	struct buf out;
	int error;

	buf_init(&out, MAIN_TEXT_MAX);
	error = master_config_load(&cfg, &src, &out);
	if (error == 0 && print)
		config_print(cfg, &out);
	if (out.len > 0)
		fwrite(out.data, 1, out.len, error == 0 ? stdout : stderr);
	if (error == 0) {
		fprintf(stderr, "configuration OK\n");
		config_free(cfg);
		cfg_source_free(src);
	}
	buf_clear(&out);
	return error == 0 ? 0 : 1;
}

static void
main_load(void)
{
	struct cfg_source *src;
	struct config *cfg;
	struct buf out;
	int error;

	buf_init(&out, MAIN_TEXT_MAX);
	if (master_config_load(&cfg, &src, &out) != 0) {
		fwrite(out.data, 1, out.len, stderr);
		exit(1);
	}
	buf_clear(&out);
	if ((error = master_config_install(cfg, src)) != 0)
		errx(1, "sealing the configuration: %s", err_text(error));
}

static void
main_mkdir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd;

	if (mkdir(path, mode) != 0 && errno != EEXIST)
		err(1, "%s", path);
	/* what is changed is what was looked at, whoever may write above it */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		err(1, "%s", path);
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) != 0)
		err(1, "%s", path);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		err(1, "%s", path);
	close(fd);
}

/* One daemon for an instance: whoever holds the lock of the pid file. */
static void
main_pidfile(void)
{
	int fd = open(paths_get(PATH_PID),
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fd < 0)
		err(1, "%s", paths_get(PATH_PID));
	if (fcntl(fd, F_SETLK, &lock) != 0)
		errx(1, "%s: smtpd is running already", paths_get(PATH_PID));
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		err(1, "%s", paths_get(PATH_PID));
	/* the descriptor stays open, and with it the lock */
}

/* The roles' programs lie beside this one, installed or not; they are opened
 * once, so that a later restart runs what was started. */
static void
main_programs(void)
{
	char self[MAIN_PATH_MAX], path[MAIN_PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	enum role r;

	if (n < 0)
		err(1, "/proc/self/exe");
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) != NULL)
		*slash = '\0';
	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		if (roles[r].program == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", self, MAIN_LIBEXEC,
		    roles[r].program);
		master.program_fd[r] = open(path, O_RDONLY | O_CLOEXEC);
		if (master.program_fd[r] < 0)
			err(1, "%s", path);
	}
}

static void
main_reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_reap(pid, status);
}

static void
main_signal(evutil_socket_t sig, short what, void *arg)
{
	struct buf out;

	switch ((int)sig) {
	case SIGCHLD:
		main_reap();
		break;
	case SIGHUP:
		buf_init(&out, MAIN_TEXT_MAX);
		if (master.stop_stage == 0)
			master_reload(&out);
		buf_clear(&out);
		break;
	default:
		stop_begin();
		break;
	}
}

/* Go into the background, but stay attached until everything is ready: who
 * started us sees our errors and an exit status that is true. */
static void
main_background(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		err(1, "going into the background");
	if (pid > 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(ends[0]);
	setsid();
	master.ready_fd = ends[1];
}

void
main_ready(void)
{
	int null, fd;

	if (master.ready_fd < 0)
		return;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0) {
		for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		close(null);
	}
	output_detach();
	if (write(master.ready_fd, "", 1) != 1)
		LOG(EV_WARN, KS("doing", "telling that smtpd is ready"),
		    KS("why", strerror(errno)));
	close(master.ready_fd);
	master.ready_fd = -1;
}

static void
main_signals(void)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM };
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct event *ev =
		    evsignal_new(loop_base(), signals[i], main_signal, NULL);

		if (ev == NULL || event_add(ev, NULL) != 0)
			errx(1, "out of memory");
	}
}

static void
main_limits(void)
{
	struct rlimit rl = { MAIN_NOFILE, MAIN_NOFILE };

	/* 0 to 3 stay taken: a role's process finds its channel at 3, and what
	 * is put there must not push out another descriptor of ours */
	while (open("/dev/null", O_RDWR | O_CLOEXEC) < CHILD_FD)
		continue;
	/* a container may not let us: then what it allows is the limit */
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0 &&
	    getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	umask(077);
}

/* However it ends, no socket and no pid file is left. */
static void
main_leave(void)
{
	sockets_close();
	unlink(paths_get(PATH_PID));
}

static void
main_places(void)
{
	main_mkdir(paths_get(PATH_RUN), 0755, 0, 0);
	main_pidfile();
	if (atexit(main_leave) != 0)
		errx(1, "out of memory");
	main_mkdir(paths_get(PATH_QUEUE), 0700, master.uid[ROLE_SPOOL],
	    master.gid[ROLE_SPOOL]);
}

static void
main_bind(void)
{
	struct buf out;

	buf_init(&out, MAIN_TEXT_MAX);
	if (sockets_bind(master.config, &out) != 0) {
		fwrite(out.data, 1, out.len, stderr);
		exit(1);
	}
	buf_clear(&out);
}

static void
main_start(void)
{
	const char *step = "none";
	enum role r;
	int error;

	error = confine_make_namespaces(&master.net_fd, &master.root_fd, &step);
	if (error != 0)
		errx(1, "%s: %s", step, err_text(error));
	if ((error = confine_master(&step)) != 0)
		errx(1, "%s: %s", step, err_text(error));
	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		if (roles[r].start == START_ONE &&
		    child_start(r, false, NULL) == NULL)
			fatal("starting", "a process could not be started");
	}
	pool_fill();
	names_watch();
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };

	LIST_INIT(&master.children);
	TAILQ_INIT(&master.sockets);
	if ((master.defines =
		    chk_calloc(MAIN_DEFS_MAX, sizeof(*master.defines))) == NULL)
		errx(1, "out of memory");
	main_options(argc, argv, &o);
	if (o.root != NULL && paths_set_root(o.root) != 0)
		errx(1, "%s: not a directory that can be used", o.root);
	if (master.config_path == NULL)
		master.config_path = paths_get(PATH_CONFIG);
	if (o.check)
		return main_check(o.verbose);
	if (geteuid() != 0)
		errx(1, "needs root, to give every part of it less than that");
	output_init(master.foreground);
	log_set_level(o.verbose ? LOG_DEBUG : LOG_INFO);
	main_limits();
	main_load();
	main_programs();
	if (users_roles() != 0)
		return 1;
	if (!master.foreground)
		main_background();
	main_places();
	if (loop_init() != 0)
		errx(1, "out of memory");
	main_signals();
	main_bind();
	master.started_s = clock_wall(NULL);
	main_start();
	return loop_run();
}
