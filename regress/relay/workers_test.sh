#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# More relays than one: smtpctl shows what all of them know, together.
. "$(atf_get_srcdir)/../lib/instance.sh"

# out: an instance with two relays, each of which has a message at a host that
# does not reply (held.py).
out()
{
	: >hold
	: >got
	"$LIBDIR/held.py" &
	wait_for listening 2526 || atf_fail "the peer does not listen"
	instance_new out <<CONF
hostname "out.example.net"
queue retry 1h
relay workers 2
listen on 127.0.0.1 port 2525
table hosts { "a.example" = "smtp://127.0.0.2:2526",
    "b.example" = "smtp://127.0.0.3:2526" }
action "on" relay domain <hosts>
match from any for any action "on"
CONF
	instance_run out
	send smith@example.net u@a.example >/dev/null
	wait_for got 1 || instance_fail "$(ctl show relays)"
	send smith@example.net u@b.example >/dev/null
	wait_for got 2 || instance_fail "$(ctl show relays)"
}

got()
{
	[ "$(wc -l <got)" -ge "$1" ]
}

# shown WHAT FIELD: its values, sorted.
shown()
{
	ctl -j show "$1" | python3 -c '
import json, sys
print(*sorted(json.loads(line)["'"$2"'"] for line in sys.stdin))'
}

sent()
{
	[ "$(ctl show stats | awk '$1 == "relay.sent" { print $2 }')" = "$1" ]
}

atf_test_case shows
shows_head()
{
	atf_set descr "the rows of all relays are joined, their counters added"
}
shows_body()
{
	out
	atf_check_equal 2 "$(role_pids relay | wc -l)"
	atf_check_equal "a.example b.example" "$(shown relays domain)"
	atf_check_equal "a.example b.example" "$(shown routes domain)"
	shown hosts host >hosts
	grep -q "127.0.0.2:2526 127.0.0.3:2526" hosts ||
	    atf_fail "$(cat hosts)"
	rm hold
	wait_for sent 2 || instance_fail "$(ctl show stats)"
	atf_check_equal 1 "$(ctl show stats | grep -c "^relay.sent ")"
	# a question that one of them can answer is not asked twice
	atf_check_equal "127.0.0.2:2526" \
	    "$(ctl -j show route on a.example | python3 -c '
import json, sys
print(*(json.loads(line)["address"] for line in sys.stdin))')"
}

atf_test_case dies
dies_head()
{
	atf_set descr "a relay that does not answer and dies ends the question"
}
dies_body()
{
	out
	_pid=$(role_pids relay | head -n 1)
	kill -STOP "$_pid"
	# the other one answers
	stdbuf -oL "$SMTPCTL" -R "$DIR" show relays >rows 2>why &
	_asking=$!
	wait_for grep -q example rows || atf_fail "no row: $(cat why)"
	kill -KILL "$_pid"
	wait "$_asking" && atf_fail "as if it had answered"
	grep -q "is gone" why || atf_fail "$(cat why)"
}

atf_init_test_cases()
{
	atf_add_test_case shows
	atf_add_test_case dies
}
