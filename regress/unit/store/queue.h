/* SPDX-License-Identifier: ISC
 *
 * What the tests of the store share: a queue directory in the working
 * directory of the case, and messages whose content follows from their id.
 */
#ifndef TEST_QUEUE_H
#define TEST_QUEUE_H

#include <sys/stat.h>

#include <atf-c.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/buf.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "spool/store/store.h"

static void
quiet(int level, struct span line)
{
	(void)level;
	(void)line;
}

static struct store_settings
small_settings(void)
{
	struct store_settings set;

	store_settings_default(&set);
	set.segment_size = 64 << 10;
	set.inline_max = 8 << 10;
	set.reserve_bytes = 0;
	set.reserve_inodes = 0;
	return set;
}

static struct store *
queue_open_set(const char *dir, const struct store_settings *set)
{
	struct store *s = NULL;
	int fd;

	log_init("test", quiet);
	mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ(0, store_open(fd, set, &s));
	return s;
}

static struct store *
queue_open(const char *dir)
{
	struct store_settings set = small_settings();

	return queue_open_set(dir, &set);
}

static unsigned char
octet_at(uint64_t id, size_t i)
{
	return (unsigned char)(id * 31 + i * 7 + (i >> 8));
}

/* Queue a message of envs envelopes; returns what the commit of it says. */
static int
put_message(struct store *s, uint64_t id, uint32_t envs, size_t len)
{
	struct store_meta meta = { .msgid = id,
		.created_s = 1000 + id,
		.wire_size = len,
		.flags = STORE_8BITMIME,
		.sender = span_str("from@example.org"),
		.helo = span_str("client.example.org") };
	struct store_envelope e = { .action = span_str("relay"), .notify = 3 };
	struct store_tx *tx;
	unsigned char frame[1000];
	char rcpt[32];
	size_t i, n, at;
	uint32_t j;
	int error;

	if ((error = store_tx_open(s, &meta, id + 7, &tx)) != 0)
		return error;
	for (j = 0; j < envs; j++) {
		snprintf(rcpt, sizeof(rcpt), "r%u@example.com", j);
		e.rcpt = span_str(rcpt);
		ATF_REQUIRE_EQ(0, store_tx_envelope(tx, &e));
	}
	for (at = 0; at < len; at += n) {
		n = len - at < sizeof(frame) ? len - at : sizeof(frame);
		for (i = 0; i < n; i++)
			frame[i] = octet_at(id, at + i);
		error = store_tx_write(tx, (struct span){ frame, n });
		if (error != 0) {
			store_tx_abort(tx);
			return error;
		}
	}
	return store_tx_commit(tx);
}

static int
put_outcome(struct store *s, uint64_t id, uint32_t idx, enum store_state state,
    uint16_t attempts)
{
	struct store_outcome o = { .state = state,
		.attempts = attempts,
		.next_s = 5000 + attempts,
		.status = span_str("451 4.2.0 later") };

	return store_outcome(s, id, idx, &o);
}

/* Take all answers; returns how many were status. */
static inline int
done_count(struct store *s, int status)
{
	struct store_done d;
	int n = 0;

	while (store_done_next(s, &d)) {
		ATF_CHECK_EQ(d.msgid + 7, d.cookie);
		n += d.status == status;
	}
	return n;
}

static bool
content_good(uint64_t id, const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] != octet_at(id, i))
			return false;
	}
	return true;
}

/* The message is there with that many envelopes and the content it had. */
static bool
message_good(struct store *s, uint64_t id, uint32_t envs, size_t len)
{
	struct store_message m = { 0 };
	struct buf content;
	bool good;
	int fd = -1;

	if (store_read(s, id, &m) != 0)
		return false;
	buf_init(&content, 1 << 22);
	good = m.env_len == envs && m.content_len == len &&
	    m.meta.created_s == 1000 + id &&
	    span_eq(m.meta.sender, span_str("from@example.org")) &&
	    span_eq(m.env[0].rcpt, span_str("r0@example.com")) &&
	    span_eq(m.env[0].action, span_str("relay")) &&
	    buf_add(&content, m.content.p, m.content.len) == 0 &&
	    (!m.big || (fd = store_big(s, id)) >= 0);
	if (good && m.big) {
		buf_reserve(&content, len);
		good = pread(fd, content.data, len, 0) == (ssize_t)len;
		content.len = len;
	}
	if (fd >= 0)
		close(fd);
	good =
	    good && content.len == len && content_good(id, content.data, len);
	buf_clear(&content);
	store_message_clear(&m);
	return good;
}

static inline int
files_in(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int n = 0;

	ATF_REQUIRE(d != NULL);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Tick until nothing is left to do, as far as that goes. */
static inline void
tick_idle(struct store *s)
{
	int i;

	for (i = 0; i < 1000 && store_tick(s, (uint64_t)i) < 1000; i++)
		;
}

#endif
