/* SPDX-License-Identifier: ISC
 *
 * The mailer's handlers, with a Maildir in memory that is emptied now and
 * then; see process.c.  Classes: (c), (d), (f).
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/local/mailer.h"
#include "regress/fuzz/process.h"

#define INPUTS_KEPT 200 /* whose mail is in the mailbox together */

static char home[64];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	return remove(path);
}

static int
remove_file(const char *path, const struct stat *st, int type, struct FTW *f)
{
	return type == FTW_D || type == FTW_DP ? 0 : unlink(path);
}

static void
wipe(void)
{
	nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* M_MAILER, in role.c's stead. */
int
role_next(unsigned char *frame, struct msg *out)
{
	struct buf b;
	int error;

	strlcpy(home, "/dev/shm/bulkhead-fuzz.XXXXXX", sizeof(home));
	fuzz_require(mkdtemp(home) != NULL && atexit(wipe) == 0);
	buf_init(&b, MSG_FRAME_MAX);
	buf_put_u16(&b, M_MAILER);
	buf_put_u16(&b, 0);
	buf_put_u64(&b, 0);
	buf_put_u8(&b, ACTION_MAILDIR);
	buf_put_span(&b, span_str("ann"));
	buf_put_span(&b, span_str(home));
	buf_put_span(&b, span_str("~/Maildir"));
	buf_put_span(&b, span_str("host.example.org"));
	buf_put_u8(&b, '+');
	buf_put_u32(&b, 0);
	fuzz_require(b.err == 0);
	memcpy(frame, b.data, b.len);
	error = msg_decode(
	    (struct span){ frame, b.len }, ROLE_MASTER, ROLE_MAILER, 0, out);
	buf_clear(&b);
	return error;
}

static void
begin(void)
{
	static unsigned inputs;

	if (++inputs % INPUTS_KEPT == 0)
		fuzz_require(
		    nftw(home, remove_file, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

const struct fuzz_process fuzz_process = {
	.ops = &mailer_ops,
	.begin = begin,
	.ends = true,
};
