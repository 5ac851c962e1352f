#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# How much is sent at once: to a domain, to a host whatever the domains, from
# an address of ours; and how fast.  What counts is what a host sees.
. "$(atf_get_srcdir)/../lib/instance.sh"

# peer: what held.py is.
peer()
{
	: >got
	"$LIBDIR/held.py" &
	wait_for listening 2526 || atf_fail "the peer does not listen"
}

# out STATEMENT...: an instance with these.  The domains a, b and c.example
# are at one host, d.example at another, and all are reached from 127.0.0.1.
out()
{
	instance_new out <<CONF
hostname "out.example.net"
queue retry 1h
listen on 127.0.0.1 port 2525
table hosts { "d.example" = "smtp://127.0.0.3:2526",
    "*.example" = "smtp://127.0.0.2:2526" }
action "on" relay domain <hosts>
$(printf '%s\n' "$@")
match from any for any action "on"
CONF
	instance_run out
}

# mail N DOMAIN...: so many to each.
mail()
{
	_n=$1
	shift
	for _domain; do
		for _i in $(seq "$_n"); do
			send smith@example.net "u$_i@$_domain" >/dev/null
		done
	done
}

got()
{
	[ "$(wc -l <got)" -ge "$1" ]
}

emptied()
{
	[ -z "$(ctl -j show queue)" ]
}

# held CONNECTIONS: while the host replies to nothing it has so many, and never
# has more, and in the end all 12 messages.
held()
{
	wait_for got "$1" || instance_fail "$(ctl show relays)"
	rm hold
	wait_for emptied || instance_fail "$(ctl show queue)"
	atf_check_equal 12 "$(sort -u got | wc -l)"
	atf_check_equal 12 "$(wc -l <got)"
	atf_check_equal "$1" "$(cat most)"
}

# busy N: so many connections have a message.
busy()
{
	[ "$(ctl -j show relays | grep -c '"busy"')" = "$1" ]
}

atf_test_case for_domain
for_domain_head()
{
	atf_set descr "connections for a domain"
}
for_domain_body()
{
	: >hold
	peer
	out 'limit for domain "*.example" connections 1'
	mail 4 a.example b.example c.example
	wait_for busy 3 || instance_fail "$(ctl show relays)"
	held 3
}

atf_test_case for_mx
for_mx_head()
{
	atf_set descr "connections to a host, for all its domains together"
}
for_mx_body()
{
	: >hold
	peer
	out 'limit for mx "127.0.0.2" connections 2'
	mail 4 a.example b.example c.example
	held 2
}

atf_test_case for_address
for_address_head()
{
	atf_set descr "connections to one address"
}
for_address_body()
{
	: >hold
	peer
	out 'limit host-connections 2'
	mail 4 a.example b.example c.example
	held 2
}

atf_test_case for_src
for_src_head()
{
	atf_set descr "connections from an address that the kernel has chosen"
}
for_src_body()
{
	: >hold
	peer
	out 'limit for src 127.0.0.1 connections 2'
	mail 4 a.example d.example c.example
	held 2
}

atf_test_case from_source
from_source_head()
{
	atf_set descr "connections from any one address of ours"
}
from_source_body()
{
	: >hold
	peer
	out 'limit source-connections 2'
	mail 4 a.example d.example c.example
	held 2
}

atf_test_case kept
kept_head()
{
	atf_set descr "a kept connection makes room for another"
}
kept_body()
{
	peer
	out 'limit for src 127.0.0.1 connections 1' 'relay timeout idle 5m'
	mail 2 a.example d.example a.example d.example
	wait_for got 8 || instance_fail "$(ctl show relays)"
	atf_check_equal 1 "$(cat most)"
}

atf_test_case in_turn
in_turn_head()
{
	atf_set descr "who found all connections taken goes on when one is free"
}
in_turn_body()
{
	peer
	out 'limit source-connections 1' 'relay timeout idle 5m'
	# which of our addresses leads there is known by the first connection
	mail 1 first.example
	wait_for got 1 || instance_fail "the first is not sent"
	ctl pause mta
	_all=
	for _i in $(seq 60); do
		_all="$_all $_i.example"
	done
	mail 1 $_all
	ctl resume mta
	# one in a second would take a minute
	wait_for got 61 || instance_fail "$(wc -l <got)"
	atf_check_equal 1 "$(cat most)"
}

# rated STATEMENT DOMAIN OTHER: of the messages to DOMAIN but two go; what is
# sent to OTHER after them goes.
rated()
{
	peer
	out "$1"
	mail 4 "$2"
	wait_for got 2 || instance_fail "$(ctl show relays)"
	mail 1 "$3"
	wait_for grep -q "@$3" got || instance_fail "$(ctl show relays)"
	atf_check_equal 2 "$(grep -c "@$2" got)"
}

atf_test_case rate_domain
rate_domain_head()
{
	atf_set descr "messages to a domain in a time"
}
rate_domain_body()
{
	rated 'limit for domain a.example rate 2/1h' a.example b.example
}

atf_test_case rate_mx
rate_mx_head()
{
	atf_set descr "messages to a host in a time"
}
rate_mx_body()
{
	rated 'limit for mx "127.0.0.2" rate 2/1h' a.example d.example
	mail 1 b.example c.example d.example
	wait_for got 4 || instance_fail "$(ctl show relays)"
	atf_check_equal "u1@d.example" "$(tail -n 1 got)"
	atf_check_equal 4 "$(wc -l <got)"
}

atf_test_case rate_src
rate_src_head()
{
	atf_set descr "messages from an address of ours in a time"
}
rate_src_body()
{
	ip address add 127.0.0.9/8 dev lo
	peer
	out 'limit for src 127.0.0.1 rate 2/1h' \
	    'action "nine" relay domain <hosts> src 127.0.0.9' \
	    'match from any for domain "nine.example" action "nine"'
	mail 1 a.example d.example
	wait_for got 2 || instance_fail "$(ctl show relays)"
	mail 1 b.example c.example d.example nine.example
	wait_for got 3 || instance_fail "$(ctl show relays)"
	atf_check_equal "u1@nine.example" "$(tail -n 1 got)"
	atf_check_equal 3 "$(wc -l <got)"
}

atf_init_test_cases()
{
	atf_add_test_case for_domain
	atf_add_test_case for_mx
	atf_add_test_case for_address
	atf_add_test_case for_src
	atf_add_test_case from_source
	atf_add_test_case kept
	atf_add_test_case in_turn
	atf_add_test_case rate_domain
	atf_add_test_case rate_mx
	atf_add_test_case rate_src
}
