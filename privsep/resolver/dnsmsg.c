/* SPDX-License-Identifier: ISC
 *
 * The reader of DNS messages.  A pointer of a compressed name leads towards
 * the start of the packet only, so that no name loops; every length is held
 * against what is left.
 */
#include "privsep/resolver/dnsmsg.h"

#include <string.h>

#include "privsep/base/err.h"

#define HEADER_LEN   12
#define RECORDS_READ 1000 /* of the answer section */
#define ALIASES_MAX  8
#define LABELS_MAX   128
#define CLASS_IN     1
#define FLAG_QR      0x8000
#define FLAG_TC      0x0200
#define RCODE_MASK   0x000f

struct packet {
	struct span s;
	size_t at;
	bool bad;
};

/* A record of the answer section. */
struct rr {
	struct dnsmsg_name owner;
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	size_t data; /* offset */
	size_t len;
};

static unsigned
packet_u16(struct packet *p)
{
	unsigned v;

	if (p->s.len - p->at < 2 || p->bad) {
		p->bad = true;
		return 0;
	}
	v = (unsigned)p->s.p[p->at] << 8 | p->s.p[p->at + 1];
	p->at += 2;
	return v;
}

static uint32_t
packet_u32(struct packet *p)
{
	uint32_t high = packet_u16(p);

	return high << 16 | packet_u16(p);
}

static bool
name_add(struct dnsmsg_name *name, const unsigned char *label, size_t len)
{
	size_t i, need = len + (name->len > 0);

	if (name->len + need > DNSMSG_NAME_MAX)
		return false;
	if (name->len > 0)
		name->text[name->len++] = '.';
	for (i = 0; i < len; i++) {
		unsigned char c = label[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		/* what no text can hold is no name of ours */
		name->text[name->len++] = c <= ' ' || c >= 0x7f ? '\\' : c;
	}
	return true;
}

/* The name at *at, which moves behind it.  False for what is none. */
static bool
name_read(struct span s, size_t *at, struct dnsmsg_name *out)
{
	size_t pos = *at, before = *at;
	unsigned labels = 0;
	bool jumped = false;

	out->len = 0;
	for (;;) {
		size_t len;

		if (pos >= s.len || ++labels > LABELS_MAX)
			return false;
		len = s.p[pos];
		if ((len & 0xc0) == 0xc0) {
			size_t to;

			if (s.len - pos < 2)
				return false;
			to = (len & 0x3f) << 8 | s.p[pos + 1];
			if (to >= before)
				return false;
			if (!jumped)
				*at = pos + 2;
			jumped = true;
			pos = before = to;
			continue;
		}
		if (len > 63 || s.len - pos - 1 < len)
			return false;
		pos++;
		if (len == 0)
			break;
		/* a dot in a label would look like two */
		if (memchr(s.p + pos, '.', len) != NULL ||
		    !name_add(out, s.p + pos, len))
			return false;
		pos += len;
	}
	if (!jumped)
		*at = pos;
	return true;
}

static bool
name_is(const struct dnsmsg_name *a, const struct dnsmsg_name *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* Letters, digits, hyphens and underscores: what may be asked for, logged and
 * written into a message.  With digits alone behind the last dot it would look
 * like an address (RFC 1123 2.1). */
static bool
name_is_host(const struct dnsmsg_name *name)
{
	bool digits = false;
	size_t i;

	for (i = 0; i < name->len; i++) {
		unsigned char c = name->text[i];

		if (c == '.') {
			digits = true;
			continue;
		}
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
		digits = digits && c >= '0' && c <= '9';
	}
	return !digits;
}

static void
packet_name(struct packet *p, struct dnsmsg_name *out)
{
	if (!p->bad && !name_read(p->s, &p->at, out))
		p->bad = true;
}

static void
packet_rr(struct packet *p, struct rr *rr)
{
	packet_name(p, &rr->owner);
	rr->type = (uint16_t)packet_u16(p);
	rr->class = (uint16_t)packet_u16(p);
	rr->ttl_s = packet_u32(p);
	rr->len = packet_u16(p);
	rr->data = p->at;
	if (p->bad || p->s.len - p->at < rr->len) {
		p->bad = true;
		return;
	}
	p->at += rr->len;
}

/* A name that fills the data of a record from offset skip on. */
static bool
rr_name(
    struct span s, const struct rr *rr, size_t skip, struct dnsmsg_name *out)
{
	struct span part = { s.p, rr->data + rr->len };
	size_t at = rr->data + skip;

	return rr->len > skip && name_read(part, &at, out) &&
	    at == rr->data + rr->len;
}

/* Whether the data is what the type says, into *out. */
static bool
rr_data(struct span s, const struct rr *rr, struct dnsmsg_record *out)
{
	const unsigned char *d = s.p + rr->data;

	*out = (struct dnsmsg_record){ 0 };
	switch (rr->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		if (rr->len != (rr->type == DNS_TYPE_A ? 4 : 16))
			return false;
		out->len = (uint8_t)rr->len;
		memcpy(out->octets, d, rr->len);
		return true;
	case DNS_TYPE_MX:
		if (rr->len < 3)
			return false;
		out->preference = (uint16_t)(d[0] << 8 | d[1]);
		return rr_name(s, rr, 2, &out->name) &&
		    name_is_host(&out->name);
	default:
		return rr_name(s, rr, 0, &out->name) && out->name.len > 0 &&
		    name_is_host(&out->name);
	}
}

static void
ttl_least(struct dnsmsg *out, uint32_t ttl_s)
{
	/* RFC 2181 8: what has the sign bit is none */
	if (ttl_s > INT32_MAX)
		ttl_s = 0;
	if (ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
}

/* One walk over the answers, for the name in out->owner.  True when it was an
 * alias, and owner is what that stands for. */
static bool
answers_walk(
    struct packet p, unsigned count, enum dns_type type, struct dnsmsg *out)
{
	struct dnsmsg_name target;
	struct rr rr;

	for (; count > 0; count--) {
		packet_rr(&p, &rr);
		if (p.bad)
			return false;
		if (rr.class != CLASS_IN || !name_is(&rr.owner, &out->owner))
			continue;
		if (rr.type == DNS_TYPE_CNAME &&
		    rr_name(p.s, &rr, 0, &target)) {
			ttl_least(out, rr.ttl_s);
			out->owner = target;
			/* who is an alias has nothing else (RFC 2181 10.1) */
			out->n = out->unfit = 0;
			return true;
		}
		if (rr.type != type || out->n == DNSMSG_RECORDS_MAX)
			continue;
		if (!rr_data(p.s, &rr, &out->record[out->n])) {
			out->unfit++;
			continue;
		}
		ttl_least(out, rr.ttl_s);
		out->n++;
	}
	return false;
}

/* Whether the whole section is in shape, before anything of it is used. */
static bool
answers_sound(struct packet p, unsigned count)
{
	struct rr rr;

	if (count > RECORDS_READ)
		return false;
	for (; count > 0 && !p.bad; count--)
		packet_rr(&p, &rr);
	return !p.bad;
}

int
dnsmsg_read(struct span packet, struct span name, enum dns_type type,
    struct dnsmsg *out)
{
	struct packet p = { packet, 0, false };
	struct dnsmsg_name asked;
	unsigned flags, questions, answers, aliases = 0;

	*out = (struct dnsmsg){ .ttl_s = UINT32_MAX };
	if (packet.len < HEADER_LEN || name.len > DNSMSG_NAME_MAX)
		return -E_SYNTAX;
	packet_u16(&p);
	flags = packet_u16(&p);
	questions = packet_u16(&p);
	answers = packet_u16(&p);
	p.at = HEADER_LEN;
	/* of one that was cut, what is missing is not known */
	if ((flags & (FLAG_QR | FLAG_TC)) != FLAG_QR || questions > 1)
		return -E_SYNTAX;
	out->rcode = flags & RCODE_MASK;
	if (questions == 1) {
		packet_name(&p, &asked);
		packet_u32(&p);
	}
	if (p.bad || !answers_sound(p, answers))
		return -E_SYNTAX;
	/* the name that we asked for, whatever the packet says it was */
	name_add(&out->owner, name.p, name.len);
	while (answers_walk(p, answers, type, out)) {
		if (++aliases > ALIASES_MAX)
			return -E_SYNTAX;
	}
	return 0;
}
