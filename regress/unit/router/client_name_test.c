/* SPDX-License-Identifier: ISC
 *
 * The names of clients at the router's process, between sessions, a spool and a
 * resolver that this test plays.  Classes: (a), (c), (e), (g), (h).
 */
#include <unistd.h>

#include "regress/unit/router/asking.h"

/* The question for the name of REMOTE; its request. */
static uint64_t
expect_name_ask(int resolver)
{
	static const unsigned char octets[] = { 192, 0, 2, 7 };
	struct rd *r = expect(resolver, ROLE_RESOLVER, DNS_ASK);

	ATF_CHECK_EQ(DNS_CLIENT, rd_u8(r));
	ATF_CHECK(
	    span_eq(rd_span(r, 16), (struct span){ octets, sizeof(octets) }));
	ATF_CHECK(rd_done(r));
	return played.m.id;
}

/* Start with a session, of a client at REMOTE, whose name is asked for; the
 * request. */
static uint64_t
name_begin(int *ch, int *resolver)
{
	start();
	*resolver = join(ROLE_RESOLVER, 8);
	*ch = join(ROLE_SESSION, 5);
	session_open_from(*ch, SID, REMOTE);
	return expect_name_ask(*resolver);
}

static void
answer_name(
    int resolver, uint64_t request, enum dns_status status, const char *name)
{
	begin(DNS_ANSWER, request);
	buf_put_u8(&played.out, (uint8_t)status);
	buf_put_u8(&played.out, DNS_INSECURE);
	buf_put_u32(&played.out, 60);
	put_str("");
	put_str("why");
	buf_put_u16(&played.out, name != NULL);
	if (name != NULL)
		put_str(name);
	send_plain(resolver);
}

static void
expect_name(int ch, uint64_t sid, const char *name)
{
	check_span(rd_span(expect(ch, ROLE_SESSION, SESSION_NAME), 255), name);
	ATF_CHECK_EQ(sid, played.m.id);
}

ATF_TC_WITHOUT_HEAD(a_client_is_told_its_name);
ATF_TC_BODY(a_client_is_told_its_name, tc)
{
	int ch, other, resolver;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	ch = join(ROLE_SESSION, 5);
	other = join(ROLE_SESSION, 6);
	session_open(ch, SID);
	silent(resolver);
	session_open_from(ch, SID + 1, REMOTE);
	session_open_from(other, SID + 1, REMOTE);
	answer_name(
	    resolver, expect_name_ask(resolver), DNS_OK, "mail.example.net");
	expect_name(ch, SID + 1, "mail.example.net");
	expect_name(other, SID + 1, "mail.example.net");
	/* it is known to those that come later, and only one asked */
	send_bare(ch, SESSION_CLOSE, SID + 1);
	session_open_from(ch, SID + 2, REMOTE);
	expect_name(ch, SID + 2, "mail.example.net");
	silent(resolver);
	silent(ch);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(a_rule_waits_for_the_name);
ATF_TC_BODY(a_rule_waits_for_the_name, tc)
{
	static const struct {
		enum dns_status status;
		const char *name;
		enum reply reply;
	} answers[] = {
		{ DNS_OK, "dyn.bad.example", RP_REJECTED },
		{ DNS_NO_NAME, NULL, RP_USER_UNKNOWN },
		{ DNS_NO_DATA, NULL, RP_USER_UNKNOWN },
		{ DNS_TRY_LATER, NULL, RP_DNS_TRY_LATER },
		{ DNS_BOGUS, NULL, RP_DNS_TRY_LATER },
		/* what no resolver of ours says is no name */
		{ DNS_OK, "x\r\nX: y.bad.example", RP_USER_UNKNOWN },
	};
	uint64_t request;
	int ch, resolver;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		request = name_begin(&ch, &resolver);
		send_mail(ch, SID, "<from@example.com>", 0);
		/* this one does not depend on it */
		rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
		send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
		silent(ch);
		answer_name(
		    resolver, request, answers[i].status, answers[i].name);
		if (answers[i].reply == RP_REJECTED)
			expect_name(ch, SID, answers[i].name);
		if (answers[i].reply == RP_USER_UNKNOWN)
			answer_user("named", USER_NO);
		expect_rcpt(ch, SID, answers[i].reply);
		silent(resolver);
		played_stop();
	}
}

/* A client at that address, up to its DATA; the message. */
static uint64_t
data_begin(int ch, uint64_t sid, const char *from)
{
	uint64_t id;

	session_open_from(ch, sid, from);
	send_mail(ch, sid, "<from@example.com>", 0);
	send_rcpt(ch, sid, "<info@virtual.example>");
	id = expect_rcpt(ch, sid, RP_RCPT_OK);
	send_data(ch, sid, 6);
	return id;
}

ATF_TC_WITHOUT_HEAD(data_waits_for_the_name_and_not_for_ever);
ATF_TC_BODY(data_waits_for_the_name_and_not_for_ever, tc)
{
	uint64_t request, id;
	int ch, resolver, spool;
	int answered;

	for (answered = 0; answered < 2; answered++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		spool = join(ROLE_SPOOL, 6);
		ch = join(ROLE_SESSION, 5);
		id = data_begin(ch, SID, REMOTE);
		request = expect_name_ask(resolver);
		silent(spool);
		if (answered) {
			answer_name(
			    resolver, request, DNS_OK, "mail.example.net");
			expect_name(ch, SID, "mail.example.net");
		}
		expect(spool, ROLE_SPOOL, SPOOL_OPEN);
		ATF_CHECK_EQ(id, played.m.id);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(data_waits_once_for_a_name);
ATF_TC_BODY(data_waits_once_for_a_name, tc)
{
	uint64_t id, other;
	int ch, resolver, spool;

	start();
	resolver = join(ROLE_RESOLVER, 8);
	spool = join(ROLE_SPOOL, 6);
	ch = join(ROLE_SESSION, 5);
	id = data_begin(ch, SID, REMOTE);
	expect_name_ask(resolver);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(id, played.m.id);
	/* it is still not known, and nobody waits any more, nor comes after one
	 * who has none */
	other = data_begin(ch, SID + 1, REMOTE);
	id = data_begin(ch, SID + 2, LOCAL);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(other, played.m.id);
	expect(spool, ROLE_SPOOL, SPOOL_OPEN);
	ATF_CHECK_EQ(id, played.m.id);
	silent(resolver);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(who_goes_while_data_waits_sends_nothing);
ATF_TC_BODY(who_goes_while_data_waits_sends_nothing, tc)
{
	static const enum msg_type ends[] = { TX_RESET, SESSION_CLOSE };
	uint64_t id;
	int ch, resolver, spool;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		start();
		resolver = join(ROLE_RESOLVER, 8);
		spool = join(ROLE_SPOOL, 6);
		ch = join(ROLE_SESSION, 5);
		data_begin(ch, SID, REMOTE);
		send_bare(ch, ends[i], SID);
		/* another one waits at least as long as that one would have */
		id = data_begin(ch, SID + 1, REMOTE);
		expect(spool, ROLE_SPOOL, SPOOL_OPEN);
		ATF_CHECK_EQ(id, played.m.id);
		expect_name_ask(resolver);
		silent(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(nothing_comes_between_data_and_its_name);
ATF_TC_BODY(nothing_comes_between_data_and_its_name, tc)
{
	static const enum msg_type types[] = { TX_DATA, TX_RCPT };
	int ch;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		start();
		join(ROLE_RESOLVER, 8);
		ch = join(ROLE_SESSION, 5);
		data_begin(ch, SID, REMOTE);
		if (types[i] == TX_DATA)
			send_data(ch, SID, 6);
		else
			send_rcpt(ch, SID, "<info@virtual.example>");
		expect_closed(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(without_a_resolver_a_name_is_not_known);
ATF_TC_BODY(without_a_resolver_a_name_is_not_known, tc)
{
	int ch, resolver;

	name_begin(&ch, &resolver);
	send_mail(ch, SID, "<from@example.com>", 0);
	send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
	close(resolver);
	expect_rcpt(ch, SID, RP_DNS_TRY_LATER);
	rcpt_is(ch, "<info@virtual.example>", RP_RCPT_OK);
	played_stop();
}

ATF_TC_WITHOUT_HEAD(an_answer_out_of_shape_closes_the_resolver);
ATF_TC_BODY(an_answer_out_of_shape_closes_the_resolver, tc)
{
	static const struct {
		uint64_t request; /* beyond that which was asked */
		unsigned status;
		unsigned security;
		unsigned n;
		bool name;
		bool more;
	} bad[] = {
		{ 1, DNS_OK, 0, 1, true, false },
		{ 0, DNS_STATUS__MAX, 0, 0, false, false },
		{ 0, DNS_OK, DNS_SECURITY__MAX, 1, true, false },
		{ 0, DNS_OK, 0, 0, false, false },
		{ 0, DNS_OK, 0, 2, true, false },
		{ 0, DNS_OK, 0, 1, false, false },
		{ 0, DNS_OK, 0, 1, true, true },
		{ 0, DNS_NO_NAME, 0, 1, true, false },
		{ 0, DNS_TRY_LATER, 0, 0, true, false },
	};
	uint64_t request;
	int ch, resolver;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request = name_begin(&ch, &resolver) + bad[i].request;
		begin(DNS_ANSWER, request);
		buf_put_u8(&played.out, (uint8_t)bad[i].status);
		buf_put_u8(&played.out, (uint8_t)bad[i].security);
		buf_put_u32(&played.out, 60);
		put_str("");
		put_str("");
		buf_put_u16(&played.out, (uint16_t)bad[i].n);
		if (bad[i].name)
			put_str("mail.example.net");
		if (bad[i].more)
			buf_put_u8(&played.out, 0);
		send_plain(resolver);
		expect_closed(resolver);
		expect(played.master, ROLE_MASTER, M_BAD_PEER);
		silent(ch);
		played_stop();
	}
}

ATF_TC_WITHOUT_HEAD(an_answer_for_one_who_has_gone_is_dropped);
ATF_TC_BODY(an_answer_for_one_who_has_gone_is_dropped, tc)
{
	uint64_t request;
	int ch, resolver;

	request = name_begin(&ch, &resolver);
	send_mail(ch, SID, "<from@example.com>", 0);
	send_rcpt(ch, SID, "<named@" SETUP_HOST ">");
	send_bare(ch, SESSION_CLOSE, SID);
	session_open(ch, SID);
	answer_name(resolver, request, DNS_OK, "mail.example.net");
	/* and so is one that comes twice */
	answer_name(resolver, request, DNS_OK, "mail.example.net");
	silent(ch);
	session_open_from(ch, SID + 1, REMOTE);
	expect_name(ch, SID + 1, "mail.example.net");
	played_stop();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_client_is_told_its_name);
	ATF_TP_ADD_TC(tp, a_rule_waits_for_the_name);
	ATF_TP_ADD_TC(tp, data_waits_for_the_name_and_not_for_ever);
	ATF_TP_ADD_TC(tp, data_waits_once_for_a_name);
	ATF_TP_ADD_TC(tp, who_goes_while_data_waits_sends_nothing);
	ATF_TP_ADD_TC(tp, nothing_comes_between_data_and_its_name);
	ATF_TP_ADD_TC(tp, without_a_resolver_a_name_is_not_known);
	ATF_TP_ADD_TC(tp, an_answer_out_of_shape_closes_the_resolver);
	ATF_TP_ADD_TC(tp, an_answer_for_one_who_has_gone_is_dropped);
	return atf_no_error();
}
