/* SPDX-License-Identifier: ISC
 *
 * What records and segment headers look like as octets: encoding, decoding,
 * checking, and nothing else.  Decoders take any octets at all.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "privsep/base/buf.h"
#include "spool/store/store.h"

#define REC_HEAD    40  /* octets of a record's header */
#define REC_ALIGN   8   /* records begin at multiples of it */
#define REC_SECTOR  512 /* batches and segment headers too */
#define REC_OUT_MAX (REC_HEAD + 64 + STORE_STATUS_MAX) /* of an outcome */

/* On disk: add at the end only. */
enum rec_type {
	REC_MESSAGE = 1, /* envelopes and content as they were accepted */
	REC_CHECKPOINT,  /* the same with their later states: a moved one */
	REC_OUTCOME,     /* the new state of one envelope */
	REC__MAX
};

/*
 * tag is drawn at random for each life of a segment.  Content, which comes
 * from outside, cannot contain it, so that a search for records in a damaged
 * segment never takes content for one; nor do records of an earlier life of
 * the file match.
 */
struct rec_head {
	uint64_t tag;
	uint64_t batch;
	uint64_t msgid;
	uint32_t len;  /* octets of the body */
	uint32_t left; /* octets of the batch after this record */
	enum rec_type type;
};

/* Octets that a record with that body takes, header and padding included. */
size_t rec_size(size_t body_len);

/* Write the header of a record whose body is a and then b into out; seq is
 * the number of the segment, which seeds the CRC. */
void rec_head_put(unsigned char out[REC_HEAD], const struct rec_head *,
    uint64_t seq, struct span a, struct span b);

/* Read the record that in begins with.  0 when it has this tag, is whole and
 * its CRC is right: body borrows from in.  Else -E_CORRUPT. */
int rec_get(struct span in, uint64_t tag, uint64_t seq, struct rec_head *,
    struct span *body);

/*
 * The body of a message: begin it, add envelopes, finish it; the content
 * follows what is in the buffer.  The first REC_HEAD octets of the buffer are
 * left for the header.  Errors as of buf, and -E_TOOLONG over a limit.
 */
int rec_message_begin(struct buf *, const struct store_meta *);
int rec_envelope_put(struct buf *, const struct store_envelope *);
void rec_message_finish(
    struct buf *, uint32_t env_len, uint64_t content_len, bool big);

struct rec_message {
	struct store_meta meta;
	uint64_t content_len;
	bool big;
	uint32_t env_len;
	struct rd envelopes;  /* for rec_envelope_get, env_len times */
	uint32_t content_off; /* of inline content, from the body's start */
};

/* Decode a body whose CRC was right; all spans borrow from it.  -E_CORRUPT
 * for a wrong form or a value out of its limits. */
int rec_message_get(uint64_t msgid, struct span body, struct rec_message *);
int rec_envelope_get(struct rd *, struct store_envelope *);

/* The same for a whole outcome, header space first. */
int rec_outcome_put(struct buf *, uint32_t idx, const struct store_outcome *);
int rec_outcome_get(struct span body, uint32_t *idx, struct store_outcome *);

/* The header of a segment, kept at its beginning and at its end. */
struct seg_head {
	uint64_t generation; /* of two valid copies the higher one counts */
	uint64_t seq;        /* order of segments; 0 for a free one */
	uint64_t tag;
	uint64_t batch;     /* no batch in it has a lower number */
	uint64_t prev_seq;  /* the segment that was written before this, */
	uint32_t prev_cut;  /* where what counts in it ends, */
	uint64_t prev_torn; /* and its torn last batch, or 0 */
	uint32_t size;      /* of the file */
};

void seg_head_put(unsigned char out[REC_SECTOR], const struct seg_head *);

/* -E_CORRUPT when in is not such a header. */
int seg_head_get(struct span in, struct seg_head *);

#endif
