#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Slowloris (rule T4): hundreds of clients that send an octet now and then
# keep nobody waiting, and do not stay: each has its end, which it hears.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# slow FILE ARGUMENT...: slow.py in the background, printing to FILE, when
# all its clients are there; its process is SLOW.
slow()
{
	_slow=$1
	shift
	"$LIBDIR/slow.py" "$@" >"$_slow" 2>&1 &
	SLOW=$!
	wait_for grep -qx ready "$_slow" || { cat "$_slow"; atf_fail "slow.py"; }
}

# quick: a new client is greeted, and every command of it answered, within a
# second each, and its message comes to the mailbox.
quick()
{
	_had=$(mailbox_count jones)
	smtp_dialogue -s 1 $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example>" 250 "> RCPT TO:<jones@example.org>" \
	    250 "> DATA" 354 "> quick" "> ." 250 "> QUIT" 221 closed
	mailbox_wait jones $((_had + 1))
}

atf_test_case crowd
crowd_head()
{
	atf_set descr "500 clients that are silent, within a command, within" \
	    "a message: a new one is served within a second"
}
crowd_body()
{
	smtp_start
	slow crowd 127.0.0.1:2525 500 0.2 60 silent command data
	for _ in 1 2 3; do
		quick
	done
	! gone "$SLOW" || atf_fail "the crowd is gone: $(cat crowd)"
	[ "$(mailbox_count jones)" = 3 ] || atf_fail "jones has too much"
}

atf_test_case ends
ends_head()
{
	atf_set descr "Silence, a command and a message in drops end with 421" \
	    "4.4.2, which can be read, for each of 500 clients"
}
ends_body()
{
	smtp_start "smtp timeout command 2s
		smtp timeout data-block 2s
		smtp timeout session 4s
		smtp timeout rate-grace 2s
		smtp timeout linger 10s
		smtp limit min-rate 20"
	slow crowd 127.0.0.1:2525 500 0.2 30 silent command data
	quick
	wait "$SLOW" || atf_fail "slow.py"
	quick
	atf_check -o inline:'ready
command 421 4.4.2 167
data 421 4.4.2 166
silent 421 4.4.2 167
' cat crowd
}

atf_test_case rate
rate_head()
{
	atf_set descr "Under min-rate a message has the time of rate-grace;" \
	    "one that keeps up goes on"
}
rate_body()
{
	smtp_start "smtp timeout rate-grace 2s
		smtp timeout data-block 2s
		smtp limit min-rate 20"
	# 10 and 100 octets a second
	slow drops 127.0.0.1:2525 20 0.1 15 data
	slow=$SLOW
	slow flow 127.0.0.1:2525 20 0.01 6 data
	wait "$slow" && wait "$SLOW" || atf_fail "slow.py"
	atf_check -o inline:'ready\ndata 421 4.4.2 20\n' cat drops
	atf_check -o inline:'ready\ndata held 20\n' cat flow
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has something"
}

atf_init_test_cases()
{
	atf_add_test_case crowd
	atf_add_test_case ends
	atf_add_test_case rate
}
