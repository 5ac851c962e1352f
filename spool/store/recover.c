/* SPDX-License-Identifier: ISC
 *
 * The start: find the segments, read them in their order, hold the files of
 * their own against the index.  Damage never stops it; it is put aside,
 * logged and counted.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store_int.h"

#define SEG_NAME_LEN 8
#define BIG_NAME_LEN 16

/* Exactly digits lower-case hexadecimal digits, then rest. */
static bool
name_parse(const char *name, size_t digits, const char *rest, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < digits; i++) {
		if (name[i] >= '0' && name[i] <= '9')
			v = v << 4 | (uint64_t)(name[i] - '0');
		else if (name[i] >= 'a' && name[i] <= 'f')
			v = v << 4 | (uint64_t)(name[i] - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return strcmp(name + digits, rest) == 0;
}

/* Take the newer of the two copies of the header, and mend the other. */
static int
seg_load_head(struct store *s, struct seg *seg, int fd, uint64_t size)
{
	unsigned char at[2][REC_SECTOR];
	struct seg_head h[2];
	bool ok[2];
	int i;

	if (size < 4 * REC_SECTOR || size > UINT32_MAX ||
	    size % REC_SECTOR != 0 || io_read(fd, at[0], REC_SECTOR, 0) != 0 ||
	    io_read(fd, at[1], REC_SECTOR, size - REC_SECTOR) != 0)
		return -E_CORRUPT;
	for (i = 0; i < 2; i++)
		ok[i] = seg_head_get(
			    (struct span){ at[i], REC_SECTOR }, &h[i]) == 0 &&
		    h[i].size == size;
	if (!ok[0] && !ok[1])
		return -E_CORRUPT;
	i = !ok[0] || (ok[1] && h[1].generation > h[0].generation);
	seg->head = h[i];
	if (memcmp(at[0], at[1], REC_SECTOR) != 0 &&
	    seg_head_write(s, seg, fd) != 0)
		seg->bad = true;
	return 0;
}

/* Found as it is in memory, which need not be what is on the disk. */
static void
seg_not_durable(struct store *s, const char *name, int error)
{
	s->frozen = true;
	s->stats.sync_failures++;
	LOG(EV_SPOOL_SYNC_FAILED, KS("file", name),
	    KS("error", err_text(error)));
}

/* A process that died may have made it free and not got as far as the sync;
 * while its records count on the disk, the outcomes of its messages, which
 * lie in later segments, may not go. */
static void
seg_sync_free(struct store *s, struct seg *seg, int fd, const char *name)
{
	int error = -E_IO;

	s->stats.syncs++;
	if (!seg->bad && (error = io_sync_data(fd)) == 0)
		return;
	seg->bad = true;
	seg_not_durable(s, name, error);
}

static void
seg_insert(struct store *s, struct seg *seg)
{
	struct seg *after;

	if (seg->head.seq == 0) {
		TAILQ_INSERT_TAIL(&s->free, seg, entry);
		s->free_len++;
		return;
	}
	TAILQ_FOREACH_REVERSE(after, &s->log, seg_list, entry)
	{
		if (after->head.seq < seg->head.seq)
			break;
	}
	if (after == NULL)
		TAILQ_INSERT_HEAD(&s->log, seg, entry);
	else
		TAILQ_INSERT_AFTER(&s->log, after, seg, entry);
	if (seg->head.seq >= s->next_seq)
		s->next_seq = seg->head.seq + 1;
}

static int
seg_load(struct store *s, const char *name, uint64_t number)
{
	struct seg *seg;
	uint64_t size;
	int fd, error;

	if ((seg = chk_calloc(1, sizeof(*seg))) == NULL)
		return -E_NOMEM;
	LIST_INIT(&seg->msgs);
	seg->number = (uint32_t)number;
	seg->fd = -1;
	if ((fd = io_open(s->log_fd, name, O_RDWR)) < 0)
		error = fd;
	else {
		if ((error = io_size(fd, &size)) == 0)
			error = seg_load_head(s, seg, fd, size);
		if (error == 0 && seg->head.seq == 0)
			seg_sync_free(s, seg, fd, name);
		close(fd);
	}
	if (error == 0 && seg->head.seq == 0 &&
	    (seg->head.size != s->set.segment_size || seg->bad)) {
		io_unlink(s->log_fd, name);
		seg_free(s, seg);
		return 0;
	}
	if (error == 0) {
		seg_insert(s, seg);
		return 0;
	}
	seg_free(s, seg);
	quarantine_file(s, s->log_fd, name);
	return 0;
}

static int
log_list(struct store *s)
{
	struct dirent *entry;
	uint64_t number;
	DIR *dir;
	int error = 0;

	if ((dir = io_list(s->log_fd)) == NULL)
		return -E_IO;
	while (error == 0 && (entry = readdir(dir)) != NULL) {
		if (name_parse(entry->d_name, SEG_NAME_LEN, ".new", &number))
			io_unlink(s->log_fd, entry->d_name);
		else if (name_parse(entry->d_name, SEG_NAME_LEN, "", &number))
			error = seg_load(s, entry->d_name, number);
		else
			continue;
		if (number >= s->next_number)
			s->next_number = (uint32_t)number + 1;
	}
	closedir(dir);
	return error;
}

/* The header of the segment that came after seg says where seg ends. */
static uint32_t
seg_cut(const struct store *s, const struct seg *seg, uint64_t *torn)
{
	const struct seg *later;

	TAILQ_FOREACH(later, &s->log, entry) {
		if (later->head.prev_seq == seg->head.seq) {
			*torn = later->head.prev_torn;
			return later->head.prev_cut;
		}
	}
	*torn = 0;
	return 0;
}

/*
 * Go on in the last segment if all of it is understood and durable; what a
 * process wrote that died before its sync is only in memory until now.  If
 * the sync fails no segment is given back until the next start: a message
 * that was moved here may need its earlier record.
 */
static void
log_continue(struct store *s, struct seg *seg, const struct scan *found)
{
	char name[SEG_NAME_SIZE];
	int fd, error;

	seg_close(s, seg);
	seg_name(seg, name);
	s->stats.syncs++;
	if ((error = fd = io_open(s->log_fd, name, O_RDWR)) >= 0)
		error = io_sync_data(fd);
	seg->fd = fd < 0 ? -1 : fd;
	seg->off = found->end;
	if (error == 0 && found->clean && !seg->bad &&
	    seg->head.size == s->set.segment_size) {
		s->current = seg;
		return;
	}
	if (error != 0)
		seg_not_durable(s, name, error);
	seg_close(s, seg);
	s->prev_seq = seg->head.seq;
	s->prev_cut = found->end;
	s->prev_torn = found->torn;
}

static int
log_read(
    struct store *s, struct seg *seg, unsigned char *data, struct scan *found)
{
	uint64_t torn;
	uint32_t cut;
	int fd, error;

	if ((fd = seg_reader(s, seg)) < 0)
		error = fd;
	else
		error = io_read(fd, data, seg->head.size, 0);
	cut = seg_cut(s, seg, &torn);
	if (error == 0)
		error = seg_scan(s, seg, data, cut, torn,
		    TAILQ_NEXT(seg, entry) == NULL, found);
	return error;
}

static int
log_recover_into(struct store *s, unsigned char *data)
{
	struct seg *seg, *next;
	struct scan found;
	char name[SEG_NAME_SIZE];
	int error;

	TAILQ_FOREACH_SAFE(seg, &s->log, entry, next) {
		found = (struct scan){ .end = SEG_DATA_OFF };
		error = log_read(s, seg, data, &found);
		if (error == -E_NOMEM)
			return error;
		if (error != 0) {
			/* unreadable: aside with it, it may be read later */
			seg_name(seg, name);
			TAILQ_REMOVE(&s->log, seg, entry);
			seg_free(s, seg);
			quarantine_file(s, s->log_fd, name);
			continue;
		}
		seg->off = found.end;
		if (found.next_batch > s->next_batch)
			s->next_batch = found.next_batch;
		if (next == NULL)
			log_continue(s, seg, &found);
	}
	return 0;
}

/* Each segment is read whole, all of them into the same memory: fresh memory
 * for each costs as much as the reading. */
static int
log_recover(struct store *s)
{
	const struct seg *seg;
	unsigned char *data;
	uint32_t size = 0;
	int error;

	TAILQ_FOREACH(seg, &s->log, entry)
		size = seg->head.size > size ? seg->head.size : size;
	if (size == 0)
		return 0;
	if ((data = malloc(size)) == NULL)
		return -E_NOMEM;
	error = log_recover_into(s, data);
	free(data);
	return error;
}

/* A file that no message names is what a crash or a dead message left.  When
 * there are damaged records, be they kept since an earlier start that did not
 * get as far as this, it may be content of one of these: then it is kept. */
static void
big_check(struct store *s, const char *name, uint64_t msgid, bool damage)
{
	struct imsg *m = imsg_find(s, msgid);
	uint64_t size;
	int fd;

	if (m == NULL || !m->big) {
		if (damage)
			quarantine_file(s, s->big_fd, name);
		else
			io_unlink(s->big_fd, name);
		return;
	}
	if ((fd = io_open(s->big_fd, name, O_RDONLY)) < 0)
		return;
	m->seen = io_size(fd, &size) == 0 && size == m->content_len;
	close(fd);
	if (!m->seen)
		quarantine_file(s, s->big_fd, name);
}

static int
big_recover(struct store *s, bool damage)
{
	struct dirent *entry;
	struct imsg *m, *next;
	uint64_t msgid;
	DIR *dir;

	if ((dir = io_list(s->big_fd)) == NULL)
		return -E_IO;
	while ((entry = readdir(dir)) != NULL) {
		if (name_parse(entry->d_name, BIG_NAME_LEN, ".tmp", &msgid))
			io_unlink(s->big_fd, entry->d_name);
		else if (name_parse(entry->d_name, BIG_NAME_LEN, "", &msgid))
			big_check(s, entry->d_name, msgid, damage);
	}
	closedir(dir);
	RB_FOREACH_SAFE(m, imsg_tree, &s->msgs, next) {
		if (m->big && !m->seen) {
			quarantine(s, m->seg, m->off,
			    (uint32_t)rec_size(m->len), m->msgid);
			imsg_free(s, m);
		} else
			s->stats.envelopes += m->open;
	}
	return 0;
}

int
store_recover(struct store *s)
{
	int error;

	quarantine_count(s);
	if ((error = log_list(s)) != 0 || (error = log_recover(s)) != 0)
		return error;
	return big_recover(s, s->damaged);
}
