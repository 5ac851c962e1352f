/* SPDX-License-Identifier: ISC
 *
 * What report.c, which has a report sent, shares with report_text.c, which
 * writes it.
 */
#ifndef LOCAL_REPORT_INT_H
#define LOCAL_REPORT_INT_H

#include "delivery/local/delivery.h"

/* Where a report stands.  Every answer moves it one state on, or ends it. */
enum report_state {
	REPORT_RCPT,   /* TX_MAIL and TX_RCPT are out */
	REPORT_DATA,   /* waits for the spool's grant */
	REPORT_COMMIT, /* everything is sent */
	REPORT_KEPT    /* could not go now; only of DSN_DELIVERED */
};

/* How much of the message it returns: less, when it was too much. */
enum report_size {
	SIZE_ASKED, /* as RET said */
	SIZE_HEADER,
	SIZE_BARE /* nothing */
};

struct report {
	TAILQ_ENTRY(report) entry;
	enum report_state state;
	enum dsn_kind kind;
	enum report_size size;
	uint64_t id;       /* the session id of its transaction */
	uint64_t reportid; /* the message id that the router gave it */
	bool to_postmaster;
	bool told;         /* the scheduler knows of its envelopes */
	unsigned put_off;  /* how often it was kept for later */
	uint64_t since_ms; /* when that was first */
	uint64_t again_ms; /* REPORT_KEPT: until when */
	struct parcel *parcel;
	struct buf texts; /* what the spans of rcpts point into */
	struct dsn_recipient *rcpts;
	uint32_t *indexes;
	size_t n;
	struct buf message;
};

/* The message that it is about is SMTPUTF8, and so is the report. */
bool report_is_utf8(const struct report *);

/* Write it into its message.  0 or the error of that. */
int report_compose(struct report *);

#endif
