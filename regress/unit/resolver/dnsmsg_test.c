/* SPDX-License-Identifier: ISC
 *
 * Answers of the DNS, good and hostile, octet by octet.
 */
#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/resolver/dnsmsg.h"

#define ASKED  "\1a\7example" /* and the final NUL of the literal */
#define SELF   "\300\14"      /* the name in the question */
#define LIT(s) (s), sizeof(s) - 1

static struct dnsmsg msg;
static struct buf packet;

/* A header, and the question for a.example. */
static void
begin(enum dns_type type, unsigned answers)
{
	buf_init(&packet, 65535 * 4);
	buf_put_u16(&packet, 1);
	buf_put_u16(&packet, 0x8180);
	buf_put_u16(&packet, 1);
	buf_put_u16(&packet, (uint16_t)answers);
	buf_put_u32(&packet, 0);
	buf_add(&packet, ASKED, sizeof(ASKED));
	buf_put_u16(&packet, (uint16_t)type);
	buf_put_u16(&packet, 1);
}

static void
record(const char *owner, size_t owner_len, enum dns_type type, unsigned class,
    const char *data, size_t len)
{
	buf_add(&packet, owner, owner_len);
	buf_put_u16(&packet, (uint16_t)type);
	buf_put_u16(&packet, (uint16_t) class);
	buf_put_u32(&packet, 300);
	buf_put_u16(&packet, (uint16_t)len);
	buf_add(&packet, data, len);
}

/* From memory of just that size, so that a read past it is found. */
static int
read_part(enum dns_type type, size_t len)
{
	unsigned char *part = malloc(len + (len == 0));
	int error;

	ATF_REQUIRE(part != NULL && packet.err == 0);
	memcpy(part, packet.data, len);
	error = dnsmsg_read(
	    (struct span){ part, len }, span_str("a.example"), type, &msg);
	free(part);
	return error;
}

/* Read all of it; the packet is done with. */
static int
finish(enum dns_type type)
{
	int error = read_part(type, packet.len);

	buf_clear(&packet);
	return error;
}

static void
name_check(const struct dnsmsg_name *name, const char *want)
{
	ATF_CHECK(
	    span_eq((struct span){ name->text, name->len }, span_str(want)));
}

ATF_TC_WITHOUT_HEAD(good);
ATF_TC_BODY(good, tc)
{
	begin(DNS_TYPE_MX, 1);
	record(LIT(SELF), DNS_TYPE_MX, 1, LIT("\0\12\2MX\300\14"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_MX));
	ATF_REQUIRE_EQ(1, msg.n);
	ATF_CHECK_EQ(10, msg.record[0].preference);
	ATF_CHECK_EQ(300, msg.ttl_s);
	name_check(&msg.record[0].name, "mx.a.example");

	begin(DNS_TYPE_A, 1);
	record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_REQUIRE_EQ(1, msg.n);
	ATF_CHECK_EQ(4, msg.record[0].len);
	ATF_CHECK(memcmp(msg.record[0].octets, "\300\0\2\1", 4) == 0);

	begin(DNS_TYPE_AAAA, 1);
	record(LIT(SELF), DNS_TYPE_AAAA, 1, LIT("0123456789abcdef"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_AAAA));
	ATF_REQUIRE_EQ(1, msg.n);
	ATF_CHECK_EQ(16, msg.record[0].len);

	begin(DNS_TYPE_PTR, 1);
	record(LIT(SELF), DNS_TYPE_PTR, 1, LIT("\1h\300\14"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_PTR));
	ATF_REQUIRE_EQ(1, msg.n);
	name_check(&msg.record[0].name, "h.a.example");
}

/* So many aliases, b.example and on, and the address of the last. */
static int
aliases(char n)
{
	char name[] = "\1x\300\16", next[] = "\1x\300\16";
	char i;

	begin(DNS_TYPE_A, (unsigned)n + 1);
	for (i = 0; i < n; i++) {
		name[1] = (char)('a' + i);
		next[1] = (char)('b' + i);
		record(LIT(name), DNS_TYPE_CNAME, 1, LIT(next));
	}
	record(LIT(next), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	return finish(DNS_TYPE_A);
}

ATF_TC_WITHOUT_HEAD(alias);
ATF_TC_BODY(alias, tc)
{
	begin(DNS_TYPE_A, 2);
	record(LIT(SELF), DNS_TYPE_CNAME, 1, LIT("\1b\300\16"));
	record(LIT("\1b\300\16"), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_CHECK_EQ(1, msg.n);
	name_check(&msg.owner, "b.example");

	ATF_REQUIRE_EQ(0, aliases(8));
	ATF_CHECK_EQ(1, msg.n);
	name_check(&msg.owner, "i.example");
	ATF_CHECK_EQ(-E_SYNTAX, aliases(9));

	begin(DNS_TYPE_A, 2);
	record(LIT(SELF), DNS_TYPE_CNAME, 1, LIT("\1b\300\16"));
	record(LIT("\1b\300\16"), DNS_TYPE_CNAME, 1, LIT(SELF));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
}

/* The owner of the record is at 27: it may not lead to itself or behind. */
ATF_TC_WITHOUT_HEAD(pointers);
ATF_TC_BODY(pointers, tc)
{
	begin(DNS_TYPE_A, 1);
	record(LIT("\300\33"), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
	begin(DNS_TYPE_A, 1);
	record(LIT("\300\50"), DNS_TYPE_A, 1, LIT("\0\0\0\0"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
	begin(DNS_TYPE_A, 1);
	record(LIT("\1x\300\33"), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
}

ATF_TC_WITHOUT_HEAD(truncated);
ATF_TC_BODY(truncated, tc)
{
	size_t len;

	begin(DNS_TYPE_MX, 1);
	record(LIT(SELF), DNS_TYPE_MX, 1, LIT("\0\12\2mx\300\14"));
	for (len = 0; len < packet.len; len++)
		ATF_CHECK_EQ(-E_SYNTAX, read_part(DNS_TYPE_MX, len));
	ATF_CHECK_EQ(0, read_part(DNS_TYPE_MX, packet.len));
	packet.data[2] |= 2; /* TC: as the server itself says */
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_MX));
}

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	static const char *const odd[] = { "\3a.b", "\3a b", "\3a\nb", "\3a(b",
		"\3a\377b", "\3a\\b" };
	static const char address[] = "\00210\0010\0010\0011\0";
	char name[5 * 64 + 1] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		begin(DNS_TYPE_PTR, 1);
		record(LIT(SELF), DNS_TYPE_PTR, 1, odd[i], 5);
		ATF_REQUIRE_EQ(0, finish(DNS_TYPE_PTR));
		ATF_CHECK_EQ_MSG(0, msg.n, "name %zu", i);
		ATF_CHECK_EQ_MSG(1, msg.unfit, "name %zu", i);
	}
	begin(DNS_TYPE_PTR, 1);
	record(LIT(SELF), DNS_TYPE_PTR, 1, LIT(address));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_PTR));
	ATF_CHECK_EQ(0, msg.n);
	memset(name, 'x', sizeof(name) - 1);
	for (i = 0; i < sizeof(name) - 1; i += 64)
		name[i] = 63;
	begin(DNS_TYPE_A, 1);
	record(name, sizeof(name), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
}

ATF_TC_WITHOUT_HEAD(counts);
ATF_TC_BODY(counts, tc)
{
	unsigned i;

	begin(DNS_TYPE_A, 2); /* one more than there is */
	record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
	begin(DNS_TYPE_A, 1);
	record(LIT(SELF), DNS_TYPE_A, 3, LIT("\300\0\2\1"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_CHECK_EQ(0, msg.n);
	begin(DNS_TYPE_A, 200);
	for (i = 0; i < 200; i++)
		record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_CHECK_EQ(DNSMSG_RECORDS_MAX, msg.n);
	begin(DNS_TYPE_A, 4096);
	for (i = 0; i < 4096; i++)
		record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
}

/* Records that are not what was asked for, and packets that are no answers. */
ATF_TC_WITHOUT_HEAD(others);
ATF_TC_BODY(others, tc)
{
	static const unsigned flags[] = { 0x0100, 0x8380 };
	size_t i;

	begin(DNS_TYPE_A, 3);
	record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2"));
	record(LIT(SELF), DNS_TYPE_A, 1, LIT("0123456789abcdef"));
	record(LIT(SELF), DNS_TYPE_AAAA, 1, LIT("0123456789abcdef"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_CHECK_EQ(0, msg.n);
	ATF_CHECK_EQ(2, msg.unfit);
	begin(DNS_TYPE_A, 1);
	record(LIT("\1b\300\16"), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
	ATF_REQUIRE_EQ(0, finish(DNS_TYPE_A));
	ATF_CHECK_EQ(0, msg.n);
	/* a question, and an answer that was cut */
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		begin(DNS_TYPE_A, 1);
		packet.data[2] = (unsigned char)(flags[i] >> 8);
		packet.data[3] = (unsigned char)flags[i];
		record(LIT(SELF), DNS_TYPE_A, 1, LIT("\300\0\2\1"));
		ATF_CHECK_EQ(-E_SYNTAX, finish(DNS_TYPE_A));
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, alias);
	ATF_TP_ADD_TC(tp, pointers);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, counts);
	ATF_TP_ADD_TC(tp, others);
	return atf_no_error();
}
