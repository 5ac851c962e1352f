/* SPDX-License-Identifier: ISC
 *
 * corrupt/: what could not be understood, kept for people to look at.
 * Nothing in there is ever read back.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define QUARANTINE_NAME_SIZE 32

static int
quarantine_copy(
    struct store *s, struct seg *seg, uint32_t off, uint32_t len, int to)
{
	unsigned char *data;
	int fd, error;

	if ((fd = seg_reader(s, seg)) < 0)
		return fd;
	if ((data = malloc(len)) == NULL)
		return -E_NOMEM;
	if ((error = io_read(fd, data, len, off)) == 0)
		error = io_write(to, data, len, 0);
	free(data);
	return error == 0 ? io_sync_data(to) : error;
}

int
quarantine(struct store *s, struct seg *seg, uint32_t off, uint32_t len,
    uint64_t msgid)
{
	char name[QUARANTINE_NAME_SIZE];
	int fd, error;

	s->damaged = true;
	snprintf(name, sizeof(name), "%016" PRIx64 "-%08" PRIx32, seg->head.seq,
	    off);
	fd = io_open(s->corrupt_fd, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd == -E_EXIST)
		return 0; /* it was there at the last start */
	error = fd < 0 ? fd : quarantine_copy(s, seg, off, len, fd);
	LOG(EV_SPOOL_CORRUPT, KS("file", name), KU("octets", len),
	    KI("message", msgid), KS("kept", err_text(error)));
	if (fd < 0)
		return error;
	close(fd);
	if (error != 0)
		io_unlink(s->corrupt_fd, name);
	else
		s->stats.quarantined++;
	return error;
}

int
quarantine_file(struct store *s, int dir_fd, const char *name)
{
	int error = io_rename(dir_fd, name, s->corrupt_fd, name);

	s->damaged = true;
	LOG(EV_SPOOL_CORRUPT, KS("file", name), KS("kept", err_text(error)));
	if (error == 0)
		s->stats.quarantined++;
	return error;
}

void
quarantine_count(struct store *s)
{
	struct dirent *entry;
	DIR *dir;

	if ((dir = io_list(s->corrupt_fd)) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		s->stats.quarantined += entry->d_name[0] != '.';
	closedir(dir);
}
