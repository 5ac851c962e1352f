/* SPDX-License-Identifier: ISC
 *
 * Requests of smtpctl and the rows that answer them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "privsep/base/err.h"
#include "privsep/ipc/ctl.h"
#include "smtpd/mail/msgid.h"

#define CTL_ROWS_ENOUGH 32768 /* octets of rows worth a frame */
#define CTL_ID_DIGITS   16

const struct ctl_verb_spec ctl_verbs[CTL__MAX] = {
#define VERB(name, words, args, roles, meaning)                                \
	[name] = { words, args, roles, meaning },
#include "privsep/ipc/ctl.def"
#undef VERB
};

int
ctl_request_read(struct msg *m, struct ctl_request *out)
{
	unsigned verb = rd_u8(&m->body);
	size_t i, n = rd_u8(&m->body);

	if (verb >= CTL__MAX || n > CTL_ARGS_MAX)
		return -E_PEER;
	out->verb = (enum ctl_verb)verb;
	out->nargs = n;
	for (i = 0; i < n; i++)
		out->args[i] = rd_span(&m->body, CTL_ARG_MAX);
	return rd_done(&m->body) ? 0 : -E_PEER;
}

int
ctl_request_send(struct chan *ch, enum msg_type type, uint64_t id,
    const struct ctl_request *req)
{
	size_t i;

	msg_begin(ch, type, id);
	msg_put_u8(ch, (uint8_t)req->verb);
	msg_put_u8(ch, (uint8_t)req->nargs);
	for (i = 0; i < req->nargs; i++)
		msg_put_span(ch, req->args[i]);
	return msg_send(ch);
}

void
ctl_answer_begin(struct ctl_answer *a, struct chan *ch, uint64_t id)
{
	*a = (struct ctl_answer){ .ch = ch, .id = id };
	buf_init(&a->rows, MSG_FRAME_MAX);
}

/* Send the rows that are complete and keep the one that is not. */
static void
ctl_rows_send(struct ctl_answer *a, size_t complete)
{
	if (a->nrows == 0)
		return;
	msg_begin(a->ch, CTL_ROWS, a->id);
	msg_put_u16(a->ch, a->nrows);
	msg_put_octets(a->ch, (struct span){ a->rows.data, complete });
	msg_send(a->ch);
	buf_drop(&a->rows, complete);
	a->nrows = 0;
	a->row = 0;
}

void
ctl_row_begin(struct ctl_answer *a)
{
	a->row = a->rows.len;
	a->fields = 0;
	buf_put_u8(&a->rows, 0);
}

static void
ctl_field(struct ctl_answer *a, const char *key, enum ctl_type type,
    struct span value)
{
	buf_put_span(&a->rows, span_str(key));
	buf_put_u8(&a->rows, (uint8_t)type);
	buf_put_span(&a->rows, value);
	a->fields++;
}

void
ctl_field_text(struct ctl_answer *a, const char *key, struct span value)
{
	ctl_field(a, key, CTL_T_TEXT, value);
}

static void
ctl_field_number(
    struct ctl_answer *a, const char *key, enum ctl_type type, uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits),
	    type == CTL_T_ID ? "%016" PRIx64 : "%" PRIu64, v);

	ctl_field(
	    a, key, type, (struct span){ (unsigned char *)digits, (size_t)n });
}

void
ctl_field_uint(struct ctl_answer *a, const char *key, uint64_t v)
{
	ctl_field_number(a, key, CTL_T_UINT, v);
}

void
ctl_field_time(struct ctl_answer *a, const char *key, uint64_t s)
{
	ctl_field_number(a, key, CTL_T_TIME, s);
}

void
ctl_field_id(struct ctl_answer *a, const char *key, uint64_t id)
{
	ctl_field_number(a, key, CTL_T_ID, id);
}

void
ctl_field_octets(struct ctl_answer *a, const char *key, struct span value)
{
	ctl_field(a, key, CTL_T_OCTETS, value);
}

void
ctl_row_end(struct ctl_answer *a)
{
	if (a->rows.err != 0) {
		/* a row that does not fit a frame is left out */
		a->rows.err = 0;
		a->rows.len = a->row;
		return;
	}
	a->rows.data[a->row] = a->fields;
	a->nrows++;
	if (a->rows.len >= CTL_ROWS_ENOUGH)
		ctl_rows_send(a, a->rows.len);
}

void
ctl_counter(struct ctl_answer *a, const char *name, uint64_t value)
{
	ctl_row_begin(a);
	ctl_field_text(a, "counter", span_str(name));
	ctl_field_uint(a, "value", value);
	ctl_row_end(a);
}

void
ctl_answer_pause(struct ctl_answer *a)
{
	ctl_rows_send(a, a->rows.len);
	buf_clear(&a->rows);
}

void
ctl_answer_end(struct ctl_answer *a, enum ctl_status status, const char *text)
{
	ctl_answer_pause(a);
	ctl_reply(a->ch, a->id, status, text);
}

void
ctl_reply(
    struct chan *ch, uint64_t id, enum ctl_status status, const char *text)
{
	msg_begin(ch, CTL_END, id);
	msg_put_u8(ch, (uint8_t)status);
	msg_put_span(ch, span_str(text));
	msg_send(ch);
}

int
ctl_parse_id(struct span s, uint64_t *id, int64_t *envelope)
{
	int64_t number = -1;
	size_t i;

	if (s.len < MSGID_LEN || s.len > MSGID_LEN + 8)
		return -E_SYNTAX;
	if (s.len > MSGID_LEN) {
		if (s.p[MSGID_LEN] != '.' || s.len == MSGID_LEN + 1)
			return -E_SYNTAX;
		number = 0;
	}
	for (i = MSGID_LEN + 1; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -E_SYNTAX;
		number = number * 10 + (s.p[i] - '0');
	}
	if (msgid_parse((struct span){ s.p, MSGID_LEN }, id) != 0)
		return -E_SYNTAX;
	*envelope = number;
	return 0;
}
