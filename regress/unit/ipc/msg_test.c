/* SPDX-License-Identifier: ISC
 *
 * The check that every frame passes: all types, between all roles, in all
 * sizes and with all numbers of descriptors that could make a difference.
 */
#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/ipc/msg.h"

/* The table once more, so that what is checked is not what is asked. */
static const struct msg_spec table[MSG__MAX] = {
#define MSG(name, text, from, to, min, max, fds)                               \
	[name] = { text, from, to, min, max, fds },
#include "privsep/ipc/messages.def"
#undef MSG
};

static unsigned char frame[MSG_FRAME_MAX + 1];

/* What becomes of a frame of that type whose body has len octets. */
static int
decode(unsigned type, enum role from, enum role to, size_t len, unsigned nfds)
{
	struct msg m = { .type = MSG_NONE };

	frame[0] = (unsigned char)(type >> 8);
	frame[1] = (unsigned char)(type & 0xff);
	return msg_decode(
	    (struct span){ frame, MSG_HEADER_LEN + len }, from, to, nfds, &m);
}

static int
expected(unsigned t, enum role from, enum role to, size_t len, unsigned nfds)
{
	const struct msg_spec *s = &table[t];

	return (s->from & R(from)) != 0 && (s->to & R(to)) != 0 &&
		len >= s->min && len <= s->max && nfds == s->fds
	    ? 0
	    : -E_PEER;
}

ATF_TC_WITHOUT_HEAD(only_the_rows_of_the_table_pass);
ATF_TC_BODY(only_the_rows_of_the_table_pass, tc)
{
	unsigned t, from, to, nfds, i, passed = 0;

	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *s = &table[t];
		const size_t lens[] = { 0, s->min - 1, s->min, s->max,
			s->max + 1 };

		for (from = 0; from < ROLE__MAX; from++)
			for (to = 0; to < ROLE__MAX; to++)
				for (i = 0; i < 5; i++)
					for (nfds = 0; nfds < 6; nfds++) {
						int want, is;

						/* min - 1 of min 0 */
						if (lens[i] > MSG_FRAME_MAX)
							continue;
						want = expected(
						    t, from, to, lens[i], nfds);
						is = decode(
						    t, from, to, lens[i], nfds);
						ATF_REQUIRE_EQ_MSG(want, is,
						    "%s, %u to %u, %zu octets, "
						    "%u descriptors",
						    s->name, from, to, lens[i],
						    nfds);
						if (is == 0)
							passed++;
					}
	}
	ATF_CHECK(passed > MSG__MAX);
}

ATF_TC_WITHOUT_HEAD(type_without_a_row_is_refused);
ATF_TC_BODY(type_without_a_row_is_refused, tc)
{
	unsigned t, from, to;

	for (t = 0; t <= 0xffff; t++) {
		if (t != MSG_NONE && t < MSG__MAX)
			continue;
		for (from = 0; from < ROLE__MAX; from++)
			for (to = 0; to < ROLE__MAX; to++)
				if (decode(t, from, to, 4, 0) != -E_PEER)
					atf_tc_fail("type %u", t);
	}
}

ATF_TC_WITHOUT_HEAD(reserved_octets_are_zero);
ATF_TC_BODY(reserved_octets_are_zero, tc)
{
	unsigned bit;

	for (bit = 0; bit < 16; bit++) {
		memset(frame, 0, sizeof(frame));
		frame[2 + bit / 8] = (unsigned char)(1U << bit % 8);
		ATF_CHECK_EQ(
		    -E_PEER, decode(M_READY, ROLE_SESSION, ROLE_MASTER, 0, 0));
	}
	memset(frame, 0, sizeof(frame));
	ATF_CHECK_EQ(0, decode(M_READY, ROLE_SESSION, ROLE_MASTER, 0, 0));
}

ATF_TC_WITHOUT_HEAD(cut_header_is_refused);
ATF_TC_BODY(cut_header_is_refused, tc)
{
	unsigned char *exact;
	struct msg m;
	size_t len;

	for (len = 0; len < MSG_HEADER_LEN; len++) {
		/* of its own, so that a sanitizer sees what reads past it */
		ATF_REQUIRE((exact = calloc(1, len + 1)) != NULL);
		if (len > 1)
			exact[1] = M_READY;
		ATF_CHECK_EQ(-E_PEER,
		    msg_decode((struct span){ exact, len }, ROLE_SESSION,
			ROLE_MASTER, 0, &m));
		free(exact);
	}
}

ATF_TC_WITHOUT_HEAD(rows_fit_a_frame);
ATF_TC_BODY(rows_fit_a_frame, tc)
{
	unsigned t;

	for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
		const struct msg_spec *s = &table[t];

		ATF_CHECK_MSG(s->min <= s->max, "%s", s->name);
		ATF_CHECK_MSG(
		    s->max + MSG_HEADER_LEN <= MSG_FRAME_MAX, "%s", s->name);
		ATF_CHECK_MSG(s->fds <= MSG_FDS_MAX, "%s", s->name);
		ATF_CHECK_MSG(s->from != 0 && s->to != 0, "%s", s->name);
	}
}

ATF_TC_WITHOUT_HEAD(only_peers_have_something_to_say);
ATF_TC_BODY(only_peers_have_something_to_say, tc)
{
	unsigned t, from;

	for (t = MSG_NONE + 1; t < MSG__MAX; t++)
		for (from = 0; from < ROLE__MAX; from++) {
			if ((table[t].from & R(from)) == 0 ||
			    (roles[from].start == START_NEVER &&
				from != ROLE_CLIENT && from != ROLE_MASTER))
				continue;
			/* every role has the master as a peer, and more may
			 * be named than it has a channel with */
			ATF_CHECK_MSG((table[t].to & roles[from].peers) != 0,
			    "%s of %s has no receiver", table[t].name,
			    roles[from].name);
		}
}

/* All that a role whom nobody can trust may say to whom, written down by
 * hand: a row that gives it more is to be noticed. */
struct may {
	enum role from;
	enum role to;
	enum msg_type types[16];
};

/* clang-format off */
static const struct may golden[] = {
	{ ROLE_SESSION, ROLE_MASTER, { M_READY, M_LOG, M_BAD_PEER, M_TAKEN,
	    M_RETIRED } },
	{ ROLE_SESSION, ROLE_ROUTER, { SESSION_OPEN, TX_MAIL, TX_RCPT, TX_DATA,
	    TX_RESET, WHO_ASK, ETRN_ASK, SESSION_CLOSE } },
	{ ROLE_SESSION, ROLE_SPOOL, { SPOOL_CONTENT, SPOOL_COMMIT,
	    SPOOL_ABORT } },
	{ ROLE_MAILER, ROLE_MASTER, { M_READY, M_LOG, M_BAD_PEER } },
	{ ROLE_MAILER, ROLE_DELIVERY, { MAILBOX_DONE } },
	{ ROLE_CLIENT, ROLE_CONTROL, { CTL_REQUEST } },
	{ ROLE_DELIVERY, ROLE_MASTER, { M_READY, M_LOG, M_BAD_PEER,
	    MAILER_START, TERMINAL_START } },
	{ ROLE_DELIVERY, ROLE_ROUTER, { TX_MAIL, TX_RCPT, TX_DATA,
	    TX_RESET } },
	{ ROLE_DELIVERY, ROLE_SPOOL, { SPOOL_CONTENT, SPOOL_COMMIT,
	    SPOOL_ABORT } },
	{ ROLE_DELIVERY, ROLE_SCHEDULER, { OUTCOME } },
	{ ROLE_DELIVERY, ROLE_MAILER, { MAILBOX_PUT, MAILBOX_PUT_FD } },
	{ ROLE_DELIVERY, ROLE_CONTROL, { CTL_ROWS, CTL_END } },
	{ ROLE_RELAY, ROLE_MASTER, { M_READY, M_LOG, M_BAD_PEER } },
	{ ROLE_RELAY, ROLE_SCHEDULER, { OUTCOME, QUEUE_LEAVE } },
	{ ROLE_RELAY, ROLE_RESOLVER, { DNS_ASK } },
	{ ROLE_RELAY, ROLE_CONTROL, { CTL_ROWS, CTL_END } },
	{ ROLE_RESOLVER, ROLE_MASTER, { M_READY, M_LOG, M_BAD_PEER } },
	{ ROLE_RESOLVER, ROLE_ROUTER, { DNS_ANSWER } },
	{ ROLE_RESOLVER, ROLE_RELAY, { DNS_ANSWER } },
	{ ROLE_RESOLVER, ROLE_CONTROL, { CTL_ROWS, CTL_END } },
};
/* clang-format on */
#define GOLDEN (sizeof(golden) / sizeof(golden[0]))

static bool
golden_has(enum role from, enum role to, unsigned type)
{
	size_t i, j;

	for (i = 0; i < GOLDEN; i++) {
		if (golden[i].from != from || golden[i].to != to)
			continue;
		for (j = 0; golden[i].types[j] != MSG_NONE; j++)
			if (golden[i].types[j] == type)
				return true;
	}
	return false;
}

ATF_TC_WITHOUT_HEAD(who_is_not_trusted_has_few_words);
ATF_TC_BODY(who_is_not_trusted_has_few_words, tc)
{
	static const enum role wild[] = { ROLE_SESSION, ROLE_MAILER,
		ROLE_CLIENT, ROLE_DELIVERY, ROLE_RELAY, ROLE_RESOLVER };
	unsigned t, to, i;

	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++)
		for (to = 0; to < ROLE__MAX; to++)
			for (t = MSG_NONE + 1; t < MSG__MAX; t++) {
				bool passes = (roles[wild[i]].peers & R(to)) &&
				    decode(t, wild[i], to, table[t].min,
					table[t].fds) == 0;

				ATF_CHECK_EQ_MSG(golden_has(wild[i], to, t),
				    passes, "%s from %s to %s", table[t].name,
				    roles[wild[i]].name, roles[to].name);
			}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, only_the_rows_of_the_table_pass);
	ATF_TP_ADD_TC(tp, type_without_a_row_is_refused);
	ATF_TP_ADD_TC(tp, reserved_octets_are_zero);
	ATF_TP_ADD_TC(tp, cut_header_is_refused);
	ATF_TP_ADD_TC(tp, rows_fit_a_frame);
	ATF_TP_ADD_TC(tp, only_peers_have_something_to_say);
	ATF_TP_ADD_TC(tp, who_is_not_trusted_has_few_words);
	return atf_no_error();
}
