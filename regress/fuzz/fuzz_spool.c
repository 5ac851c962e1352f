/* SPDX-License-Identifier: ISC
 *
 * The spool's handlers, with a queue in memory that is made anew now and
 * then; see process.c.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/fuzz/process.h"
#include "spool/writer/writer.h"

#define QUEUE_INPUTS 200 /* for which a queue is used */

static char dir[64];

static int
wipe_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	return remove(path);
}

static void
wipe(void)
{
	if (dir[0] != '\0')
		fuzz_require(
		    nftw(dir, wipe_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
	dir[0] = '\0';
}

static void
begin(void)
{
	static unsigned inputs;
	struct writer *w = writer_self();
	struct store_settings s;
	int fd;

	if (inputs++ % QUEUE_INPUTS != 0)
		return;
	if (dir[0] == '\0')
		atexit(wipe);
	store_close(w->store);
	w->store = NULL;
	wipe();
	strlcpy(dir, "/dev/shm/bulkhead-fuzz.XXXXXX", sizeof(dir));
	fuzz_require(mkdtemp(dir) != NULL);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_settings_default(&s);
	fuzz_require(fd >= 0 && store_open(fd, &s, &w->store) == 0);
}

const struct fuzz_process fuzz_process = {
	.ops = &writer_ops,
	.begin = begin,
};
