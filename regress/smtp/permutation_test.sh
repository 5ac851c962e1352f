#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# All sequences of five commands, and with them all shorter ones, against a
# model of RFC 5321 4.1.4: a transaction is made and thrown away whole, and
# nothing of it is left for the next (Postfix 2026-08-12).  Class: (g)
# leftover state.  BULKHEAD_PERMUTATION=N in the environment makes them
# shorter or longer.

. "$(atf_get_srcdir)/../lib/smtp.sh"

LENGTH=${BULKHEAD_PERMUTATION:-5}

# deliveries: what has come to the mailbox, in the words of permute.py.
deliveries()
{
	find "$DIR/home/jones/Maildir/new" -type f -exec awk '
	/^Delivered-To: / { sub(/@.*/, "", $2); sub(/^</, "", $2); to = $2 }
	/^X-Sequence: / { print $2, $3, to; nextfile }' {} +
}

atf_test_case sequences
sequences_head()
{
	atf_set descr "Each reply to each sequence is the model's, each" \
	    "message that the model sends is delivered once, and no role dies"
	atf_set timeout 900
}
sequences_body()
{
	smtp_start "smtp worker-connections 10000000"
	for i in $(seq "$LENGTH"); do
		echo "u$i 60001:60001:$DIR/home/jones"
	done >>"$DIR/users"
	"$SMTPCTL" -R "$DIR" reload || atf_fail "reload"
	comes_true instance_settled
	roles >before
	"$LIBDIR/permute.py" $WORKER "$LENGTH" >copies ||
	    instance_fail "a reply that is not the model's"
	[ -s copies ] || atf_fail "not one sequence sends a message"
	DEADLINE=60 mailbox_wait jones "$(wc -l <copies)"
	sort copies >wanted
	deliveries | sort >got
	atf_check diff wanted got
	roles >after
	# the one that the reload has replaced may have been there before
	sed -i '/ relay$/d; / resolver$/d' before after
	atf_check diff before after
}

atf_init_test_cases()
{
	atf_add_test_case sequences
}
