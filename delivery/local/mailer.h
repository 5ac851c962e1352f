/* SPDX-License-Identifier: ISC
 *
 * The mailer: writes messages to one user's mailbox, as that user, for as
 * long as there is work.  It may touch the directory that it was started for
 * and nothing else.
 */
#ifndef LOCAL_MAILER_H
#define LOCAL_MAILER_H

#include <sys/queue.h>
#include <sys/types.h>

#include <limits.h>

#include "privsep/base/buf.h"
#include "privsep/config/config.h"
#include "privsep/ipc/role.h"
#include "privsep/ipc/terms.h"

#define MAILER_LINE_MAX 32 /* octets of a line of utmp, as "pts/3" */

/* What the master said in M_MAILER or M_TERMINAL. */
struct mailer_job {
	enum action_kind kind;
	char user[256];
	char home[PATH_MAX];
	char hostname[256];
	struct template *path;
	char delim; /* of sub-addresses */
	uint32_t lock_timeout_s;
	char base[PATH_MAX]; /* directory that everything is under */
	uid_t uid;
	char line[MAILER_LINE_MAX + 1]; /* "": to the mailbox */
};

/* A message to write.  The spans are borrowed from its message until the end
 * of the handler; fd is -1 when the content is a span. */
struct mail {
	uint64_t msgid;
	uint32_t index;
	uint8_t flags; /* DELIVER_* */
	uint64_t created_s;
	struct span sender;
	struct span rcpt;
	struct span content;
	int fd;
};

/* What became of it. */
struct mail_result {
	enum env_outcome outcome;
	const char *status; /* enhanced status code */
	char text[256];
};

/* Fill in a result; fmt is for people and names what was being done. */
void mail_result_set(struct mail_result *, enum env_outcome, const char *status,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same from errno: a full disk or quota is 4.2.2, anything else that may
 * pass 4.3.0. */
void mail_result_errno(struct mail_result *, const char *doing);

extern const struct role_ops mailer_ops;

/* The job of this process. */
extern struct mailer_job mailer_job;

/* Report on a message to delivery. */
void mailer_report(uint64_t msgid, uint32_t index, const struct mail_result *);

/* Wait so long for what other programs hold.  False, at once, when nobody
 * waits for this mailer any more: the master or delivery is gone. */
bool mailer_wait(int ms);

/* Whether the message is in a loop; then that is reported. */
bool mailer_loops(const struct mail *);

/* Report that an attempt that was cut had got through. */
void mailer_had_delivered(uint64_t msgid, uint32_t index);

/* --- place.c: from a path to a directory that was walked to safely --- */

/* Work out the base directory of the job's path template. */
int place_base(struct mailer_job *);

/* The absolute path of the mailbox for this message, by the job's template.
 * 0, or -1 with *result filled in. */
int place_expand(
    const struct mail *, char *path, size_t size, struct mail_result *result);

/*
 * Walk to the directory that contains the last component of path without
 * following a link below the base, making what is missing, and put that
 * component into name.  Gives the descriptor; -1 with *result filled in.
 */
int place_open(
    const char *path, char *name, size_t size, struct mail_result *result);

/* Sync a directory that was opened to pass through.  0 or -1 with errno. */
int place_sync(int dir_fd);

/* Whether the user gets to the base directory. */
bool place_reachable(const struct mailer_job *);

/* Whether every message of this job goes to the same path. */
bool place_is_fixed(const struct mailer_job *);

/* Open (making it if need be, then setting *made) the directory name in
 * dir_fd, which must not be a link.  -1 with errno. */
int place_dir(int dir_fd, const char *name, bool *made);

/* --- content.c --- */

/* Append the header fields that final delivery adds (RFC 5321 4.4).  0 or
 * -E_*. */
int content_prefix(const struct mail *, struct buf *out);

/* Whether the message has been delivered to this recipient before: it is in a
 * loop (Delivered-To). */
bool content_loops(const struct mail *);

/* Write the whole content to fd as it is.  0 or -1 with errno. */
int content_copy(const struct mail *, int fd);

/* Write all of s.  0 or -1 with errno. */
int content_write(int fd, struct span s);

/* Read the content in pieces, which end at the end of a line unless a line is
 * longer than a piece: *off is the place, 0 at first.  The span is good until
 * the next call; empty at the end.  0 or -1 with errno. */
int content_next(const struct mail *, uint64_t *off, struct span *out);

/* --- maildir.c --- */

/* Write to tmp/; the message counts and is reported with the next
 * maildir_commit(). */
void maildir_put(const struct mail *);

/* Make the Maildir before the mailer is held to it, and give its path.  False
 * when that cannot be done: then every message will say why. */
bool maildir_prepare(char *path, size_t size);

/* Sync what was written, move it into new/, sync that, and report. */
void maildir_commit(void);

/* --- together.c --- */

/* Make n files that were written below dir_fd, which was open before, durable
 * at once.  1; 0 when each is to be synced alone; -1 with errno when any of
 * them may be lost. */
int together_sync(int dir_fd, size_t n);

/* --- dotlock.c --- */

/* Try to take the dot-lock name in dir_fd.  Gives the descriptor that
 * dotlock_drop() takes; -1 with errno, EEXIST while another has it (which is
 * removed here if its owner is dead: try again). */
int dotlock_take(int dir_fd, const char *name);
void dotlock_drop(int dir_fd, const char *name, int fd);

/* --- terminal.c --- */

/* Open the terminal of the job, as its user; what is wrong with it every
 * message will say. */
void terminal_open(const struct mailer_job *);

/* Write to it, and report. */
void terminal_put(const struct mail *);
void terminal_commit(void);

/* --- mbox_find.c --- */

#define MBOX_NEEDLE_MAX 2048 /* octets that tell a record from all others */

/* Where the record is in the locked file whose first octets these are, its
 * "From " line among them: *at, or -1 when it is not there.  It may be cut:
 * then the file ends in it.  0 or -1 with errno. */
int mbox_find(int fd, struct span first, off_t *at);

/* The file is cut, or about to be unlocked. */
void mbox_find_forget(void);
void mbox_find_leave(int fd);

/* --- mbox.c --- */

/* Append, sync and report. */
void mbox_put(const struct mail *);
void mbox_commit(void);

/* PRIV: still as root, make a missing mbox in a directory that the user
 * cannot write to, so that the mailer needs no right over that directory. */
void mbox_prepare(const struct mailer_job *, gid_t gid);

#endif
