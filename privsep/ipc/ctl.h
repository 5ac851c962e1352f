/* SPDX-License-Identifier: ISC
 *
 * What smtpctl asks and how a role answers: rows of typed values, from which
 * smtpctl makes both its tables and its JSON.
 *
 *	struct ctl_answer a;
 *
 *	ctl_answer_begin(&a, ch, m->id);
 *	ctl_row_begin(&a);
 *	ctl_field_id(&a, "message", id);
 *	ctl_field_uint(&a, "attempts", n);
 *	ctl_row_end(&a);
 *	ctl_answer_end(&a, CTL_OK, "");
 */
#ifndef IPC_CTL_H
#define IPC_CTL_H

#include "privsep/ipc/chan.h"

#define CTL_ONE (1U << 31) /* beside roles: see ctl.def */
_Static_assert(ROLE__MAX < 31, "CTL_ONE is no role");

enum ctl_verb {
#define VERB(name, words, args, roles, meaning) name,
#include "privsep/ipc/ctl.def"
#undef VERB
	CTL__MAX
};

struct ctl_verb_spec {
	const char *words;
	const char *args; /* "" for none */
	unsigned roles;
	const char *meaning;
};

extern const struct ctl_verb_spec ctl_verbs[CTL__MAX];

enum ctl_type {
	CTL_T_TEXT,   /* octets, escaped when shown */
	CTL_T_UINT,   /* decimal digits */
	CTL_T_TIME,   /* seconds since 1970 in decimal digits */
	CTL_T_ID,     /* 16 hex digits */
	CTL_T_OCTETS, /* content, shown as it is */
	CTL_T__MAX
};

enum ctl_status {
	CTL_OK,
	CTL_NO_SUCH, /* no such message, envelope */
	CTL_USAGE,   /* wrong arguments */
	CTL_FAILED,  /* tried, and failed: the text says why */
	CTL_DENIED,  /* not for this user */
	CTL_STATUS__MAX
};

#define CTL_ARGS_MAX 16
#define CTL_ARG_MAX  1024 /* octets */
#define CTL_ALL      "all"

/* A request, borrowed from its message. */
struct ctl_request {
	enum ctl_verb verb;
	size_t nargs;
	struct span args[CTL_ARGS_MAX];
};

/* Read CTL_REQUEST or CTL_ASK.  0 or -E_PEER. */
int ctl_request_read(struct msg *, struct ctl_request *out);

/* Send one of the two (type) over ch. */
int ctl_request_send(
    struct chan *, enum msg_type type, uint64_t id, const struct ctl_request *);

/* An answer under construction: rows are gathered into full frames.  A long
 * answer looks at chan_full() between rows, keeps its place, and goes on when
 * the channel has drained. */
struct ctl_answer {
	struct chan *ch;
	uint64_t id;
	struct buf rows;
	uint16_t nrows;
	size_t row; /* offset of the row under construction */
	uint8_t fields;
};

void ctl_answer_begin(struct ctl_answer *, struct chan *, uint64_t id);
void ctl_row_begin(struct ctl_answer *);
void ctl_field_text(struct ctl_answer *, const char *key, struct span);
void ctl_field_uint(struct ctl_answer *, const char *key, uint64_t);
void ctl_field_time(struct ctl_answer *, const char *key, uint64_t s);
void ctl_field_id(struct ctl_answer *, const char *key, uint64_t id);
void ctl_field_octets(struct ctl_answer *, const char *key, struct span);
void ctl_row_end(struct ctl_answer *);

/* A row of `show stats': name is "role.what". */
void ctl_counter(struct ctl_answer *, const char *name, uint64_t value);

/* Send the rows that have gathered and free the memory; the answer goes on
 * with a new ctl_answer_begin(). */
void ctl_answer_pause(struct ctl_answer *);

/* The same, and say that this was all.  text is for people. */
void ctl_answer_end(struct ctl_answer *, enum ctl_status, const char *text);

/* A whole answer without rows. */
void ctl_reply(struct chan *, uint64_t id, enum ctl_status, const char *text);

/* An argument ID: message id, and envelope number if a dot follows (*envelope
 * is -1 otherwise).  0 or -E_SYNTAX. */
int ctl_parse_id(struct span, uint64_t *id, int64_t *envelope);

#endif
