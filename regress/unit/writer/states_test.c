/* SPDX-License-Identifier: ISC
 *
 * What the spool keeps of an envelope and what it tells of it.  Classes: (c)
 * forged records, (h) peers that die.
 */
#include <atf-c.h>
#include <string.h>

#include "spool/writer/writer.h"

ATF_TC_WITHOUT_HEAD(state_and_crashes_come_back_as_they_were);
ATF_TC_BODY(state_and_crashes_come_back_as_they_were, tc)
{
	struct store_outcome out;
	size_t state, crashes;

	for (state = 0; state < ENV__MAX; state++) {
		for (crashes = 0; crashes <= 60; crashes++) {
			memset(&out, 0, sizeof(out));
			state_to_store(
			    (enum env_state)state, 3, (uint8_t)crashes, &out);
			ATF_CHECK_EQ(state, state_from_store(&out));
			ATF_CHECK_EQ(crashes, state_crashes(&out));
			ATF_CHECK_EQ(
			    ENV_IS_FINAL(state), store_state_final(out.state));
		}
	}
}

ATF_TC_WITHOUT_HEAD(quarantine_survives_any_number_of_crashes);
ATF_TC_BODY(quarantine_survives_any_number_of_crashes, tc)
{
	struct store_outcome out = { 0 };

	state_to_store(ENV_HELD, 0, 255, &out);
	ATF_CHECK_EQ(ENV_HELD, state_from_store(&out));
	state_to_store(ENV_QUARANTINED, 0, 255, &out);
	ATF_CHECK_EQ(ENV_QUARANTINED, state_from_store(&out));
}

/* n envelopes as QUEUE_ADD carries them. */
static void
news_fill(struct buf *b, uint32_t n)
{
	struct store_envelope e = {
		.rcpt = span_str("rcpt@example.org"),
		.action = span_str("local"),
		.user = span_str("user"),
	};
	uint32_t i;

	buf_init(b, 1 << 20);
	for (i = 0; i < n; i++)
		walk_news_put(b, i, &e);
}

ATF_TC_WITHOUT_HEAD(news_are_cut_between_envelopes);
ATF_TC_BODY(news_are_cut_between_envelopes, tc)
{
	struct buf b;
	struct span rest;
	uint16_t n;
	size_t cut, total = 0, one;

	news_fill(&b, 1);
	one = b.len;
	buf_clear(&b);
	news_fill(&b, 1000);
	for (rest = buf_span(&b); rest.len > 0; total += n) {
		cut = walk_news_cut(rest, 1000, &n);
		ATF_REQUIRE(n > 0);
		ATF_CHECK(cut <= 1000);
		ATF_CHECK_EQ(n * one, cut);
		rest.p += cut;
		rest.len -= cut;
	}
	ATF_CHECK_EQ(1000, total);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(news_larger_than_the_cut_go_alone);
ATF_TC_BODY(news_larger_than_the_cut_go_alone, tc)
{
	struct buf b;
	uint16_t n;

	news_fill(&b, 2);
	ATF_CHECK_EQ(b.len / 2, walk_news_cut(buf_span(&b), 1, &n));
	ATF_CHECK_EQ(1, n);
	ATF_CHECK_EQ(0, walk_news_cut((struct span){ b.data, 3 }, 100, &n));
	ATF_CHECK_EQ(0, n);
	buf_clear(&b);
}

ATF_TC_WITHOUT_HEAD(transaction_dies_with_its_client_alone);
ATF_TC_BODY(transaction_dies_with_its_client_alone, tc)
{
	struct transaction t = {
		.role = ROLE_SESSION, .instance = 4, .state = TX_CONTENT
	};

	ATF_CHECK(tx_dies_with(&t, ROLE_SESSION, 4));
	ATF_CHECK(!tx_dies_with(&t, ROLE_SESSION, 5));
	ATF_CHECK(!tx_dies_with(&t, ROLE_DELIVERY, 4));
	t.state = TX_BROKEN;
	ATF_CHECK(tx_dies_with(&t, ROLE_SESSION, 4));
}

ATF_TC_WITHOUT_HEAD(transaction_dies_with_the_router_until_it_is_told);
ATF_TC_BODY(transaction_dies_with_the_router_until_it_is_told, tc)
{
	struct transaction t = {
		.role = ROLE_SESSION, .instance = 4, .state = TX_ENVELOPES
	};

	ATF_CHECK(tx_dies_with(&t, ROLE_ROUTER, 1));
	t.state = TX_CONTENT;
	ATF_CHECK(!tx_dies_with(&t, ROLE_ROUTER, 1));
}

ATF_TC_WITHOUT_HEAD(transaction_in_the_batch_survives_everybody);
ATF_TC_BODY(transaction_in_the_batch_survives_everybody, tc)
{
	struct transaction t = {
		.role = ROLE_SESSION, .instance = 4, .state = TX_COMMITTING
	};

	ATF_CHECK(!tx_dies_with(&t, ROLE_SESSION, 4));
	ATF_CHECK(!tx_dies_with(&t, ROLE_ROUTER, 1));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, state_and_crashes_come_back_as_they_were);
	ATF_TP_ADD_TC(tp, quarantine_survives_any_number_of_crashes);
	ATF_TP_ADD_TC(tp, news_are_cut_between_envelopes);
	ATF_TP_ADD_TC(tp, news_larger_than_the_cut_go_alone);
	ATF_TP_ADD_TC(tp, transaction_dies_with_its_client_alone);
	ATF_TP_ADD_TC(tp, transaction_dies_with_the_router_until_it_is_told);
	ATF_TP_ADD_TC(tp, transaction_in_the_batch_survives_everybody);
	return atf_no_error();
}
