/* SPDX-License-Identifier: ISC
 *
 * What the files of this room share: the index, the segments, the batch.
 * The order of every step on disk is written down in STATES.
 */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "spool/store/io.h"
#include "spool/store/record.h"
#include "spool/store/store.h"

#define SEG_NAME_SIZE   16
#define BIG_NAME_SIZE   24
#define SEG_DATA_OFF    REC_SECTOR   /* where the first batch begins */
#define SEG_FREE_TARGET 2            /* ready ahead: one, and the reserve */
#define SEG_FREE_MAX    16           /* free ones that are kept, if they */
#define SEG_FREE_OCTETS (128u << 20) /* make no more than this */

/* State of one envelope; 10,000 deferred ones must stay cheap. */
struct ienv {
	uint32_t next_s;
	uint16_t attempts;
	uint8_t state;
	uint8_t flags;
	uint32_t text_seq; /* low half of the segment's number and */
	uint32_t text_off; /* place of the last outcome; 0: in the record */
};

struct seg;

/* One message of the index. */
struct imsg {
	RB_ENTRY(imsg) tree;
	LIST_ENTRY(imsg) of_seg;
	uint64_t msgid;
	uint64_t serial; /* order of commits, for walks */
	uint64_t content_len;
	struct seg *seg; /* NULL until the message is durable */
	uint32_t off;    /* of its record in seg */
	uint32_t len;    /* octets of the body */
	uint32_t env_len;
	uint32_t open; /* envelopes that are not final */
	bool big;
	bool seen; /* at start: its file is there */
	struct ienv env[];
};

RB_HEAD(imsg_tree, imsg);
RB_PROTOTYPE(imsg_tree, imsg, tree, imsg_cmp)

/* A file of the log. */
struct seg {
	TAILQ_ENTRY(seg) entry;
	TAILQ_ENTRY(seg) readers_entry;
	LIST_HEAD(, imsg) msgs; /* live ones whose record is here */
	struct seg_head head;
	uint64_t live_bytes;
	uint32_t number; /* its name */
	uint32_t off;    /* end of what counts, where the next batch goes */
	uint32_t filled; /* zeroed so far, while it is being made */
	int fd;          /* -1 when not open */
	bool reader;     /* it is for reading alone */
	bool bad;        /* a write or sync failed: not written to again */
};

TAILQ_HEAD(seg_list, seg);

enum item_kind {
	ITEM_MESSAGE,
	ITEM_OUTCOME,
	ITEM_MOVE
};

/* Something that waits for the next batch: one record. */
struct item {
	TAILQ_ENTRY(item) entry;
	enum item_kind kind;
	struct imsg *msg;
	struct buf head; /* header, and the body but for inline content */
	struct buf content;
	uint64_t msgid; /* kept for the answer */
	uint64_t cookie;
	uint32_t idx; /* of an outcome */
	uint32_t off; /* where it was put */
	int big_fd;   /* of a file that is still .tmp, or -1 */
	bool kills;   /* the outcome that makes the message dead */
	int status;   /* of a message, once it is answered */
};

TAILQ_HEAD(item_list, item);

struct store_tx {
	LIST_ENTRY(store_tx) entry;
	struct store *store;
	uint64_t msgid;
	uint64_t cookie;
	uint64_t size;  /* of the content */
	uint64_t begun; /* of it, what the disk was told to begin with */
	struct buf head;
	struct buf content;
	struct ienv *env;
	uint32_t env_len;
	uint32_t env_cap;
	int big_fd;
	int error; /* of a write, sticky */
};

struct store {
	struct store_settings set;
	int dir_fd, log_fd, big_fd, corrupt_fd;
	struct imsg_tree msgs;
	struct seg_list log; /* oldest first; the last may be current */
	struct seg_list free;
	struct seg *current;     /* written to, or NULL */
	struct seg *filling;     /* being made, or NULL */
	struct seg_list readers; /* older ones that are open for reading */
	uint32_t readers_len;
	uint32_t free_len;
	uint32_t next_number;
	uint64_t next_seq;
	uint64_t next_batch;
	uint64_t next_serial;
	uint64_t prev_seq; /* the segment before the next to be used */
	uint32_t prev_cut;
	uint64_t prev_torn;
	struct item_list queue;
	size_t queue_len;
	LIST_HEAD(, store_tx) open;
	uint64_t memory;       /* content of open transactions */
	struct item_list done; /* messages that were answered */
	struct iovec *iov;
	size_t iov_cap;
	bool frozen;  /* give no segment back: see recover.c */
	bool damaged; /* something was not understood since the start */
	bool failing; /* the last commit failed */
	int room;
	uint64_t room_checked_ms;
	bool room_known;
	struct store_stats stats;
};

/* index.c */

/* A new entry with env_len zeroed envelopes, not in the tree.  NULL without
 * memory. */
struct imsg *imsg_new(uint64_t msgid, uint32_t env_len);
struct imsg *imsg_find(const struct store *, uint64_t msgid);

/* Find one that is durable and not dead. */
struct imsg *imsg_live(const struct store *, uint64_t msgid);

/* Put it into the tree; -E_EXIST when the id is there. */
int imsg_insert(struct store *, struct imsg *);

/* Say where its record is, taking it from where it was before. */
void imsg_place(
    struct store *, struct imsg *, struct seg *, uint32_t off, uint32_t len);

/* Take it out of everything and free it. */
void imsg_free(struct store *, struct imsg *);
void ienv_set(struct ienv *, const struct store_outcome *);

/* segment.c */

/* The file's name. */
void seg_name(const struct seg *, char out[SEG_NAME_SIZE]);
uint32_t seg_end(const struct seg *); /* of the data area */

/* The descriptor for reading, valid until the next call; or an error. */
int seg_reader(struct store *, struct seg *);
void seg_close(struct store *, struct seg *);

/* Close and free the memory, not the file. */
void seg_free(struct store *, struct seg *);

/* Go on with making a free segment, by that many octets. */
int seg_fill(struct store *, uint64_t octets);

/* Close the current segment for writing and take the next one; a message
 * may not have the reserve.  -E_NOSPACE, -E_IO. */
int seg_switch(struct store *, bool reserve);

/* The same with a segment made for records of so many octets, which one of
 * the usual size would not hold.  -E_TOOLONG when no segment can. */
int seg_switch_own(struct store *, size_t octets);

/* Octets of the largest record that a segment of the usual size takes. */
size_t seg_record_max(const struct store *);

/* Note where the current segment ends for good, and have none. */
void seg_end_current(struct store *);

/* Write both copies of the header and sync them. */
int seg_head_write(struct store *, struct seg *, int fd);

/* compact.c: free the oldest segments that hold nothing live. */
void seg_reclaim(struct store *);

/* recover.c: read the log and the big files, fill the index. */
int store_recover(struct store *);

/* scan.c: what was found in a segment. */
struct scan {
	uint32_t end;        /* after the last batch that counts */
	uint64_t torn;       /* the batch at the end that is not whole, or 0 */
	uint64_t next_batch; /* higher than all numbers seen */
	bool clean;          /* nothing in it that is not understood */
};

/* Read all records of seg into the index.  data is its whole file.  cut is
 * where it ends, if that is known, else 0, and torn its torn last batch.
 * last: no later segment is in use.  -E_NOMEM. */
int seg_scan(struct store *, struct seg *, const unsigned char *data,
    uint32_t cut, uint64_t torn, bool last, struct scan *out);

/* quarantine.c: copy octets of a segment to corrupt/, once, and log it;
 * or move a whole file there. */
int quarantine(
    struct store *, struct seg *, uint32_t off, uint32_t len, uint64_t msgid);
int quarantine_file(struct store *, int dir_fd, const char *name);
void quarantine_count(struct store *);

/* commit.c */
struct item *item_new(enum item_kind, struct imsg *, size_t head_max);
void item_free(struct store *, struct item *);
void item_queue(struct store *, struct item *);

/* Answer a queued message with an error and drop it from the index. */
void item_fail(struct store *, struct item *, int error);

/* content.c */
void big_name(uint64_t msgid, bool tmp, char out[BIG_NAME_SIZE]);
int big_create(struct store *, uint64_t msgid);
void big_unlink(struct store *, uint64_t msgid, bool tmp);

/* Make the files of all queued messages durable under their names; messages
 * whose file fails are answered and taken from the queue, and *error set. */
void big_settle(struct store *, int *error);

/* read.c: read octets of seg from off on, which begin with a record, into
 * raw; body borrows from it.  Errors as of store_read. */
int rec_read(struct store *, struct seg *, uint32_t off, size_t octets,
    struct buf *raw, struct rec_head *, struct span *body);

/* room.c: look at the file system, at most once a second. */
void room_check(struct store *, uint64_t now_ms);

/* True when so many octets more keep the reserve untouched. */
bool room_for(const struct store *, uint64_t octets);

/* True when so many more, soon to be given back, leave half of it. */
bool room_for_own(const struct store *, uint64_t octets);

#endif
