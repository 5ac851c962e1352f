/* SPDX-License-Identifier: ISC
 *
 * Parameters of MAIL and RCPT against the table in parameters.def.  One loop
 * cuts the words, looks each up and refuses duplicates; the handlers see
 * their value alone.  RFC 5321 4.1.1.11, 4.1.2; RFC 1870, 3461, 4954, 6152,
 * 6531, 6533.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/address.h"
#include "smtpd/mail/parameters.h"
#include "smtpd/mail/utf8.h"
#include "smtpd/mail/xtext.h"

enum param_verb {
	PARAM_MAIL,
	PARAM_RCPT
};

/* What is being filled in: one of the two, by verb. */
struct params {
	unsigned ext;
	struct mail_params mail;
	struct rcpt_params rcpt;
};

static bool
param_size(struct params *p, struct span value)
{
	uint64_t size = 0;
	unsigned digit;
	size_t i;

	if (value.len > 20) /* RFC 1870 6 */
		return false;
	for (i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		digit = value.p[i] - (unsigned)'0';
		/* more than can be said here is too much for anybody */
		if (__builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, digit, &size))
			size = UINT64_MAX;
	}
	p->mail.size = size;
	p->mail.size_given = true;
	return true;
}

static bool
param_body(struct params *p, struct span value)
{
	if (span_caseeq(value, span_str("7BIT")))
		p->mail.body = MAIL_BODY_7BIT;
	else if (span_caseeq(value, span_str("8BITMIME")))
		p->mail.body = MAIL_BODY_8BITMIME;
	else
		return false;
	return true;
}

static bool
param_smtputf8(struct params *p, struct span value)
{
	(void)value;
	p->mail.smtputf8 = true;
	return true;
}

static bool
param_ret(struct params *p, struct span value)
{
	if (span_caseeq(value, span_str("FULL")))
		p->mail.ret = MAIL_RET_FULL;
	else if (span_caseeq(value, span_str("HDRS")))
		p->mail.ret = MAIL_RET_HDRS;
	else
		return false;
	return true;
}

static bool
param_envid(struct params *p, struct span value)
{
	size_t len;

	if (value.len > PARAM_ENVID_MAX ||
	    xtext_decode(value, p->mail.envid, PARAM_ENVID_MAX, &len) != 0)
		return false;
	p->mail.envid_len = (uint8_t)len;
	return true;
}

/* Checked for form only: a claim that nobody here relies on. */
static bool
param_auth(struct params *p, struct span value)
{
	unsigned char text[ADDRESS_MAX];
	struct mail_address address;
	size_t len;

	(void)p;
	if (span_eq(value, span_str("<>")))
		return true;
	return xtext_decode(value, text, sizeof(text), &len) == 0 &&
	    address_parse((struct span){ text, len }, 0, &address) == 0;
}

static unsigned
notify_bit(struct span word)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{ "NEVER", RCPT_NOTIFY_NEVER },
		{ "SUCCESS", RCPT_NOTIFY_SUCCESS },
		{ "FAILURE", RCPT_NOTIFY_FAILURE },
		{ "DELAY", RCPT_NOTIFY_DELAY },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_caseeq(word, span_str(words[i].word)))
			return words[i].bit;
	}
	return 0;
}

static bool
param_notify(struct params *p, struct span value)
{
	const unsigned char *comma;
	unsigned bit, bits = 0;
	size_t len;

	for (;;) {
		comma = memchr(value.p, ',', value.len);
		len = comma == NULL ? value.len : (size_t)(comma - value.p);
		if ((bit = notify_bit((struct span){ value.p, len })) == 0)
			return false;
		bits |= bit;
		if (comma == NULL)
			break;
		value.p += len + 1;
		value.len -= len + 1;
	}
	/* RFC 3461 4.1: NEVER stands alone */
	if ((bits & RCPT_NOTIFY_NEVER) != 0 && bits != RCPT_NOTIFY_NEVER)
		return false;
	p->rcpt.notify = (uint8_t)bits;
	return true;
}

/* The length of the address type at the start of an ORCPT, with its ';': an
 * atom, of which letters, digits and hyphens are in use (RFC 3461 4.2).  0
 * when there is none. */
static size_t
orcpt_type_len(struct span value)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < value.len; i++) {
		c = value.p[i];
		if (c == ';')
			return i == 0 ? 0 : i + 1;
		if (c != '-' && !(c >= '0' && c <= '9') &&
		    !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z'))
			return 0;
	}
	return 0;
}

static bool
orcpt_is_utf8(struct span value)
{
	static const char type[] = "utf-8;";

	return value.len > sizeof(type) - 1 &&
	    span_caseeq(
		(struct span){ value.p, sizeof(type) - 1 }, span_str(type));
}

static bool
param_orcpt(struct params *p, struct span value)
{
	unsigned char *out = p->rcpt.orcpt;
	size_t type, len;
	struct span addr;
	int error;

	type = orcpt_type_len(value);
	if (type == 0 || type == value.len || value.len > PARAM_ORCPT_MAX)
		return false;
	memcpy(out, value.p, type);
	addr = (struct span){ value.p + type, value.len - type };
	if (orcpt_is_utf8(value))
		error = utf8_addr_decode(addr, (p->ext & EXT_SMTPUTF8) != 0,
		    out + type, PARAM_ORCPT_MAX - type, &len);
	else
		error = xtext_decode(
		    addr, out + type, PARAM_ORCPT_MAX - type, &len);
	if (error != 0)
		return false;
	p->rcpt.orcpt_len = (uint16_t)(type + len);
	return true;
}

static const struct param {
	enum param_verb verb;
	const char *keyword;
	enum param_ext ext;
	bool value;
	bool (*handler)(struct params *, struct span value);
} params_table[] = {
#define PARAM(verb, keyword, ext, value, handler)                              \
	{ PARAM_##verb, keyword, ext, value, handler },
#include "smtpd/mail/parameters.def"
#undef PARAM
};

#define PARAMS (sizeof(params_table) / sizeof(params_table[0]))
_Static_assert(PARAMS <= 32, "a bit of params_parse's seen for each row");

static size_t
param_find(enum param_verb verb, struct span keyword, unsigned ext)
{
	size_t i;

	for (i = 0; i < PARAMS; i++) {
		if (params_table[i].verb == verb &&
		    (ext & params_table[i].ext) != 0 &&
		    span_caseeq(keyword, span_str(params_table[i].keyword)))
			break;
	}
	return i;
}

/* esmtp-keyword: letters, digits and, not first, hyphens. */
static bool
keyword_ok(struct span s)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < s.len; i++) {
		c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') && !(c == '-' && i > 0))
			return false;
	}
	return s.len > 0;
}

/* esmtp-value: printable ASCII but '='; with SMTPUTF8 also UTF-8 (RFC 6531
 * 3.3), of which the handlers take what they know. */
static bool
value_ok(struct span s, unsigned ext)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] == '=' || s.p[i] == 0x7f)
			return false;
	}
	return s.len > 0 &&
	    ((ext & EXT_SMTPUTF8) != 0 ? utf8_valid(s) : utf8_is_ascii(s));
}

/* One keyword, perhaps with its value. */
static enum reply
param_take(
    enum param_verb verb, struct span word, struct params *p, uint32_t *seen)
{
	const unsigned char *equals = memchr(word.p, '=', word.len);
	struct span keyword = word, value = { 0 };
	size_t row;

	if (equals != NULL) {
		keyword.len = (size_t)(equals - word.p);
		value.p = equals + 1;
		value.len = word.len - keyword.len - 1;
	}
	if (!keyword_ok(keyword) ||
	    (equals != NULL && !value_ok(value, p->ext)))
		return RP_BAD_ARGUMENT;
	if ((row = param_find(verb, keyword, p->ext)) == PARAMS)
		return RP_PARAM_UNKNOWN;
	if ((*seen & UINT32_C(1) << row) != 0 ||
	    params_table[row].value != (equals != NULL) ||
	    !params_table[row].handler(p, value))
		return RP_BAD_ARGUMENT;
	*seen |= UINT32_C(1) << row;
	return RP_NONE;
}

/* Words, each after at least one space; spaces at the end are borne with
 * (RFC 5321 4.1.1). */
static enum reply
params_parse(enum param_verb verb, struct span in, struct params *p)
{
	const unsigned char *space;
	enum reply reply;
	uint32_t seen = 0;
	size_t len;

	while (in.len > 0) {
		if (in.p[0] != ' ')
			return RP_BAD_ARGUMENT;
		in.p++;
		in.len--;
		space = in.len > 0 ? memchr(in.p, ' ', in.len) : NULL;
		len = space == NULL ? in.len : (size_t)(space - in.p);
		if (len == 0)
			continue;
		reply = param_take(verb, (struct span){ in.p, len }, p, &seen);
		if (reply != RP_NONE)
			return reply;
		in.p += len;
		in.len -= len;
	}
	return RP_NONE;
}

enum reply
mail_params_parse(struct span in, unsigned ext, struct mail_params *out)
{
	struct params p = { .ext = ext };
	enum reply reply = params_parse(PARAM_MAIL, in, &p);

	if (reply == RP_NONE)
		*out = p.mail;
	return reply;
}

enum reply
rcpt_params_parse(struct span in, unsigned ext, struct rcpt_params *out)
{
	struct params p = { .ext = ext };
	enum reply reply = params_parse(PARAM_RCPT, in, &p);

	if (reply == RP_NONE)
		*out = p.rcpt;
	return reply;
}

int
mail_params_format(const struct mail_params *m, unsigned ext, struct buf *out)
{
	if (m->size_given && (ext & EXT_SIZE) != 0)
		buf_addf(out, " SIZE=%llu", (unsigned long long)m->size);
	if (m->body != MAIL_BODY_UNSET && (ext & EXT_8BITMIME) != 0)
		buf_add_str(out,
		    m->body == MAIL_BODY_7BIT ? " BODY=7BIT"
					      : " BODY=8BITMIME");
	if (m->smtputf8 && (ext & EXT_SMTPUTF8) != 0)
		buf_add_str(out, " SMTPUTF8");
	if (m->ret != MAIL_RET_UNSET && (ext & EXT_DSN) != 0)
		buf_add_str(
		    out, m->ret == MAIL_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (m->envid_len > 0 && (ext & EXT_DSN) != 0) {
		buf_add_str(out, " ENVID=");
		xtext_encode((struct span){ m->envid, m->envid_len }, out);
	}
	return out->err;
}

static void
notify_format(unsigned bits, struct buf *out)
{
	if (bits == RCPT_NOTIFY_NEVER) {
		buf_add_str(out, " NOTIFY=NEVER");
		return;
	}
	buf_add_str(out, " NOTIFY=");
	if ((bits & RCPT_NOTIFY_SUCCESS) != 0)
		buf_add_str(out, "SUCCESS,");
	if ((bits & RCPT_NOTIFY_FAILURE) != 0)
		buf_add_str(out, "FAILURE,");
	if ((bits & RCPT_NOTIFY_DELAY) != 0)
		buf_add_str(out, "DELAY,");
	if (out->err == 0)
		out->len--; /* the last comma */
}

/* An ORCPT whose encoded form got too long for the other side is left out:
 * it is a help to the reader of a report, no more. */
static void
orcpt_format(struct span orcpt, bool raw, struct buf *out)
{
	static const char keyword[] = " ORCPT=";
	size_t start = out->len, type = orcpt_type_len(orcpt);
	struct span addr = { orcpt.p + type, orcpt.len - type };

	buf_add(out, keyword, sizeof(keyword) - 1);
	buf_add(out, orcpt.p, type);
	if (orcpt_is_utf8(orcpt))
		utf8_addr_encode(addr, raw, out);
	else
		xtext_encode(addr, out);
	if (out->err == 0 &&
	    out->len - start > sizeof(keyword) - 1 + PARAM_ORCPT_MAX)
		out->len = start;
}

int
rcpt_params_format(const struct rcpt_params *r, unsigned ext, struct buf *out)
{
	if ((ext & EXT_DSN) == 0)
		return out->err;
	if (r->notify != 0)
		notify_format(r->notify, out);
	if (r->orcpt_len > 0)
		orcpt_format((struct span){ r->orcpt, r->orcpt_len },
		    (ext & EXT_SMTPUTF8) != 0, out);
	return out->err;
}
