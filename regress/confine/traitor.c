/* SPDX-License-Identifier: ISC
 *
 * traitor, as the program of a role in a copy of the daemon: it confines
 * itself as every process does, by the same objects, and then does what it
 * has orders to, as an attacker would who has taken that process over.
 *
 * Orders are files NAME.orders.N beside the program NAME; a process takes the
 * first that it finds, one life each, and is the genuine NAME.real when there
 * is none.  What came of each line is logged as "traitor=... result=...".
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/confine/confine.h"
#include "regress/confine/traitor.h"
#include "smtpd/mail/replies.h"

#define FILES_MAX 200
#define TICK_MS   50
#define LAST_MS   2000 /* for what is still to be answered or to kill it */

struct traitor traitor = { .listen_fd = -1, .client_fd = -1 };

void
act_result(const char *doing, const char *result)
{
	LOG(EV_DEBUG, KS("traitor", doing), KS("result", result));
}

static void
tick_after(unsigned ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(traitor.tick, &tv);
}

/* The next line, if the time for it has come; the end after the last. */
static void
tick(evutil_socket_t fd, short what, void *arg)
{
	char line[ORDER_LEN], *words[WORDS_MAX], *rest = line;
	size_t n = 0;

	if (traitor.next == traitor.norders) {
		act_result("end", "nobody minded");
		role_exit(0);
		return;
	}
	strlcpy(line, traitor.orders[traitor.next], sizeof(line));
	while (n < WORDS_MAX && (words[n] = strsep(&rest, " ")) != NULL)
		n++;
	if (act(n, words))
		traitor.next++;
	tick_after(traitor.next == traitor.norders ? LAST_MS : TICK_MS);
}

/* Whatever comes is noted. */
static int
on_message(struct chan *ch, struct msg *m)
{
	unsigned reply;

	if (traitor.ncame < CAME_MAX) {
		traitor.came[traitor.ncame].from = chan_role(ch);
		traitor.came[traitor.ncame].type = m->type;
		traitor.came[traitor.ncame++].id = m->id;
	}
	switch ((unsigned)m->type) {
	case SESSION_OPENED:
	case TX_RCPT_ANSWER:
	case TX_DATA_REFUSED:
		reply = rd_u16(&m->body);
		if (m->type == TX_RCPT_ANSWER)
			traitor.message = rd_u64(&m->body);
		act_result(
		    msg_spec(m->type)->name, reply_name((uint16_t)reply));
		break;
	case SPOOL_GRANT:
	case SPOOL_COMMITTED:
		(void)rd_u64(&m->body);
		act_result(msg_spec(m->type)->name,
		    reply_name((uint16_t)rd_u16(&m->body)));
		break;
	default:
		act_result("got", msg_spec(m->type)->name);
		break;
	}
	return 0;
}

static const struct msg_handler handlers[] = {
#define MSG(name, text, from, to, min, max, fds) { name, on_message },
#include "privsep/ipc/messages.def"
#undef MSG
	{ MSG_NONE, NULL },
};

static int
prepare(const struct role_hello *hello)
{
	static unsigned char buf[MSG_FRAME_MAX];
	struct span home;
	struct msg m;

	if ((traitor.tick = evtimer_new(loop_base(), tick, NULL)) == NULL)
		return -E_NOMEM;
	if (traitor.role != ROLE_MAILER)
		return 0;
	if (role_next(buf, &m) != 0)
		return -E_PEER;
	(void)rd_u8(&m.body);
	(void)rd_span(&m.body, 256);
	home = rd_span(&m.body, sizeof(traitor.home) - 1);
	memcpy(traitor.home, home.p, home.len);
	return 0;
}

/* What is not in M_HELLO: a mailer's directories, the ports of who connects. */
static int
confine(const struct confine_params *given, const char **step)
{
	static const uint16_t smtp[] = { 25, 0 }, dns[] = { 53, 0 };
	const char *dirs[] = { traitor.home, NULL };
	struct confine_params p = *given;

	if (traitor.role == ROLE_MAILER)
		p.dirs = dirs;
	if (traitor.role == ROLE_RELAY)
		p.ports = smtp;
	if (traitor.role == ROLE_RESOLVER)
		p.ports = dns;
	return confine_enter(&p, step);
}

static void
start(void)
{
	tick_after(TICK_MS);
}

static void
on_listen(int fd, uint32_t listener)
{
	if (traitor.listen_fd < 0)
		traitor.listen_fd = fd;
	else
		close(fd);
}

static void
orders_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line;

	if (file == NULL)
		err(1, "%s", path);
	while (traitor.norders < ORDERS_MAX) {
		line = traitor.orders[traitor.norders];
		if (fgets(line, ORDER_LEN, file) == NULL)
			break;
		line[strcspn(line, "\n")] = '\0';
		traitor.norders++;
	}
	fclose(file);
}

/* Take the first orders that there are, so that nobody else does. */
static bool
orders_take(const char *self)
{
	char path[PATH_MAX + 32], mine[PATH_MAX + 32];
	int i;

	snprintf(mine, sizeof(mine), "%s.taken.%d", self, (int)getpid());
	for (i = 1; i <= FILES_MAX; i++) {
		snprintf(path, sizeof(path), "%s.orders.%d", self, i);
		if (rename(path, mine) == 0) {
			orders_read(mine);
			return true;
		}
	}
	return false;
}

int
main(int argc, char **argv)
{
	char self[PATH_MAX] = "", real[PATH_MAX + 8];
	struct role_ops ops = {
		.prepare = prepare,
		.confine = confine,
		.start = start,
		.handlers = handlers,
		.listen = on_listen,
	};

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		err(1, "/proc/self/exe");
	traitor.role = ops.role = role_by_name(getprogname());
	if (traitor.role == ROLE__MAX)
		errx(1, "%s: no role", getprogname());
	if (orders_take(self))
		return role_main(&ops);
	snprintf(real, sizeof(real), "%s.real", self);
	execv(real, argv);
	err(1, "%s", real);
}
