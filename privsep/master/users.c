/* SPDX-License-Identifier: ISC
 *
 * Users: the ids of the roles, look-ups for the router, and mailers.  No
 * message carries an id, a path or a command: the master gets a name, looks
 * it up itself, and takes everything else from its own configuration.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "privsep/config/userbase.h"
#include "privsep/ipc/terms.h"
#include "privsep/master/master.h"

#define USERS_NAME_MAX 64

int
users_roles(void)
{
	enum role r;

	for (r = ROLE_MASTER; r < ROLE__MAX; r++) {
		struct passwd *pw;

		if (roles[r].user == NULL || roles[r].program == NULL)
			continue;
		if ((pw = getpwnam(roles[r].user)) != NULL) {
			master.uid[r] = pw->pw_uid;
			master.gid[r] = pw->pw_gid;
		} else if (paths_private()) {
			master.uid[r] = role_reserved_id(r);
			master.gid[r] = role_reserved_id(r);
		} else {
			LOG(EV_FATAL, KS("doing", "looking up a service user"),
			    KS("user", roles[r].user),
			    KS("why", "no such user"));
			return -E_NOENT;
		}
		if (master.uid[r] != 0 && master.gid[r] != 0)
			continue;
		LOG(EV_FATAL, KS("doing", "looking up a service user"),
		    KS("user", roles[r].user), KS("why", "it is root"));
		return -E_DENIED;
	}
	return 0;
}

/* A name that getpwnam(3) may be asked for. */
static bool
users_name(struct span s, char out[USERS_NAME_MAX + 1])
{
	size_t i;

	if (s.len == 0 || s.len > USERS_NAME_MAX || s.p[0] == '-')
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '/' ||
		    s.p[i] == ':')
			return false;
	}
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

/* Look a system user up.  USER_NO also for those that get no mail. */
static enum user_answer
users_lookup(const char *name, struct passwd **pw)
{
	errno = 0;
	*pw = getpwnam(name);
	if (*pw == NULL) {
		/* the values that getpwnam(3) lists for "not found" */
		if (errno == 0 || errno == ENOENT || errno == ESRCH ||
		    errno == EBADF || errno == EPERM)
			return USER_NO;
		return USER_TRY_LATER;
	}
	if ((*pw)->pw_uid < master.config->set.delivery_min_uid ||
	    (*pw)->pw_uid == 0)
		return USER_NO;
	return USER_YES;
}

int
users_ask(struct chan *ch, struct msg *m)
{
	struct span s = rd_span(&m->body, USERS_NAME_MAX);
	enum user_answer answer = USER_NO;
	char name[USERS_NAME_MAX + 1];
	struct passwd *pw;

	if (!rd_done(&m->body))
		return chan_violation(ch, "user-ask out of shape");
	if (users_name(s, name))
		answer = users_lookup(name, &pw);
	msg_begin(ch, USER_ANSWER, m->id);
	msg_put_u8(ch, (uint8_t)answer);
	msg_send(ch);
	return 0;
}

static int
users_mailer_fail(struct chan *ch, uint64_t request, bool permanent,
    struct span user, const char *why)
{
	LOG(EV_MAILER_REFUSED, KB("user", user), KS("why", why));
	msg_begin(ch, MAILER_FAILED, request);
	msg_put_u8(ch, permanent ? 1 : 0);
	msg_put_span(ch, span_str(why));
	msg_send(ch);
	return 0;
}

/* The entry of a userbase.  NULL, or why it is no good. */
static const char *
users_from_table(
    const struct table *t, struct span user, struct mailer_job *job)
{
	struct userbase_entry e;
	struct span value;
	char home[USERBASE_HOME_MAX + 1];

	if (table_lookup(t, user, &value) != 0)
		return "no such user";
	if (userbase_parse(value, &e) != 0)
		return "its userbase entry is not uid:gid:home";
	job->uid = e.uid;
	job->gid = e.gid;
	memcpy(home, e.home.p, e.home.len);
	home[e.home.len] = '\0';
	if (paths_resolve(home, job->home, sizeof(job->home)) != 0)
		return "its home directory has too long a name";
	return NULL;
}

/* The system user that the name stands for.  NULL, or why not; *later when
 * that may change by itself. */
static const char *
users_from_system(const char *name, struct mailer_job *job, bool *later)
{
	struct passwd *pw;
	int n = (int)(sizeof(job->groups) / sizeof(job->groups[0]));

	switch (users_lookup(name, &pw)) {
	case USER_YES:
		break;
	case USER_TRY_LATER:
		*later = true;
		return "the user database does not answer";
	case USER_NO:
	case USER__MAX:
		return "no such user";
	}
	job->uid = pw->pw_uid;
	job->gid = pw->pw_gid;
	if (strlcpy(job->home, pw->pw_dir, sizeof(job->home)) >=
	    sizeof(job->home))
		return "its home directory has too long a name";
	if (getgrouplist(pw->pw_name, pw->pw_gid, job->groups, &n) < 0)
		n = 0;
	job->ngroups = (size_t)n;
	return NULL;
}

static const char *
users_job(struct mailer_job *job, struct span user, bool *later)
{
	const struct action *a = job->action;
	char name[USERS_NAME_MAX + 1];
	const char *why;

	if (user.len >= sizeof(job->user) ||
	    memchr(user.p, '\0', user.len) != NULL)
		return "no such user";
	memcpy(job->user, user.p, user.len);
	job->user[user.len] = '\0';
	if (a->user != NULL) {
		if (!users_name(span_str(a->user), name))
			return "the action's user has no valid name";
		why = users_from_system(name, job, later);
	} else if (a->userbase != NULL)
		why = users_from_table(a->userbase, user, job);
	else if (users_name(user, name))
		why = users_from_system(name, job, later);
	else
		why = "no such user";
	if (why == NULL &&
	    (job->uid < master.config->set.delivery_min_uid || job->uid == 0 ||
		job->gid == 0))
		why = "no mail is delivered as a user of the system";
	return why;
}

int
users_terminal_ask(struct chan *ch, struct msg *m)
{
	struct span s = rd_span(&m->body, USERS_NAME_MAX);
	char name[USERS_NAME_MAX + 1], line[TERMINAL_LINE_MAX + 1];
	enum user_answer answer = USER_TRY_LATER;

	if (!rd_done(&m->body))
		return chan_violation(ch, "terminal-ask out of shape");
	if (users_name(s, name) && terminal_find(name, line))
		answer = USER_YES;
	msg_begin(ch, TERMINAL_ANSWER, m->id);
	msg_put_u8(ch, (uint8_t)answer);
	msg_send(ch);
	return 0;
}

static int
users_start(struct chan *ch, struct msg *m, bool terminal)
{
	struct span user = rd_span(&m->body, 255);
	struct span action = rd_span(&m->body, 128);
	struct mailer_job job = { .request = m->id };
	bool later = false;
	const char *why;

	if (!rd_done(&m->body) || m->id == 0)
		return chan_violation(ch, "mailer-start out of shape");
	job.action = config_action(master.config, action);
	if (job.action == NULL)
		/* a reload took the action away: it may come back */
		return users_mailer_fail(ch, m->id, false, user,
		    "no such action in the configuration");
	if ((why = users_job(&job, user, &later)) != NULL)
		return users_mailer_fail(ch, m->id, !later, user, why);
	if (terminal && !terminal_find(job.user, job.line))
		return users_mailer_fail(ch, m->id, false, user,
		    "no terminal of the user takes messages");
	if (child_start(ROLE_MAILER, false, &job) == NULL)
		return users_mailer_fail(
		    ch, m->id, false, user, "no process could be started");
	master.mailers_started++;
	return 0;
}

int
users_mailer_start(struct chan *ch, struct msg *m)
{
	return users_start(ch, m, false);
}

int
users_terminal_start(struct chan *ch, struct msg *m)
{
	return users_start(ch, m, true);
}

void
users_mailer_lost(const struct child *c)
{
	struct child *delivery;

	/* once joined, delivery sees the end of the channel itself */
	if (c->joined)
		return;
	LIST_FOREACH(delivery, &master.children, entry) {
		if (delivery->role == ROLE_DELIVERY && delivery->chan != NULL)
			users_mailer_fail(delivery->chan, c->request, false,
			    span_str(c->user), "the mailer could not start");
	}
}
