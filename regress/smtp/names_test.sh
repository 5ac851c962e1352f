#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The names of clients: what the DNS says of an address, whether the name leads
# back to it, and what rules and the Received field make of that.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"

# Zones begin with this: good.example is 10.0.0.10 and fd00::10.
GOOD='good.example. A 10.0.0.10
good.example. AAAA fd00::10
10.0.0.10.in-addr.arpa. PTR good.example.
0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. PTR good.example.'

# label LETTER: the longest there is.
label()
{
	printf "%063d" 0 | tr 0 "$1"
}

# names_start NAMESERVER: an instance that asks it.  Recipients at any.example
# are taken from anybody, at named.example from good.example and what is below
# friend.example, at nameless.example from clients without a name.
names_start()
{
	instance_new mx <<CONF
hostname "mx.example.org"
table users file:users
table friends { good.example, "*.friend.example" }
resolver forward $1
resolver anchor none
resolver timeout 2s
listen on 10.0.0.1 port 25
listen on fd00::1 port 25
listen on 127.0.0.1 port 25
action "box" maildir userbase <users>
match from any for domain "any.example" action "box"
match from rdns <friends> for domain "named.example" action "box"
match ! from rdns for domain "nameless.example" action "box"
match from rdns for domain "anyname.example" action "box"
CONF
	instance_user jones
	instance_run mx
}

# dns_start: the DNS, with what stands on standard input beside GOOD, the
# instance, and a host "client" with the addresses 10 to 13.
dns_start()
{
	net_start
	{ echo "$GOOD"; cat; } >records
	net_dns <records
	net_host client 10 11 12 13
	names_start "$DNS_ADDR"
}

# writes FROM WHERE NAMED NAMELESS ANYNAME: the client at that address has
# these replies for recipients that depend on its name, and one message taken.
# It comes after them, so what they waited for is known to it.
writes()
{
	on client "$LIBDIR/dialogue.py" -b "$1" "$2" 220 \
	    "> EHLO client.example.net" 250 "> MAIL FROM:<smith@example.net>" \
	    250 "> RCPT TO:<jones@named.example>" "$3" \
	    "> RCPT TO:<jones@nameless.example>" "$4" \
	    "> RCPT TO:<jones@anyname.example>" "$5" "> RSET" 250 \
	    "> MAIL FROM:<smith@example.net>" 250 \
	    "> RCPT TO:<jones@any.example>" 250 "> DATA" 354 \
	    "> Subject: lunch" "> ." 250 "> QUIT" 221 closed >said 2>&1 || {
		cat said >&2
		instance_fail "not as it should be"
	}
}

# writes_at_once FROM: as quickly as it can, to whom no name matters.
writes_at_once()
{
	on client "$LIBDIR/dialogue.py" -b "$1" 10.0.0.1:25 220 \
	    "> EHLO client.example.net" 250 \
	    ">> MAIL FROM:<smith@example.net>\r\nRCPT TO:<jones@any.example>\r\nDATA\r\n" \
	    250 250 354 "> Subject: lunch" "> ." 250 "> QUIT" 221 closed \
	    >said 2>&1 || {
		cat said >&2
		instance_fail "not as it should be"
	}
}

# received TEXT: the one message says that it is from there.
received()
{
	mailbox_wait jones 1
	sed -n '/^Received:/,/^[^\t R]/p' "$DIR/home/jones/Maildir/new/"* |
	    tr -d '\n' | tr '\t' ' ' >trace
	grep -qF "Received: from client.example.net ($1) by mx.example.org " \
	    trace || instance_fail "not '$1' in: $(cat trace)"
	grep -c '^Subject: lunch' "$DIR/home/jones/Maildir/new/"* >/dev/null ||
	    instance_fail "the message is not whole"
	rm "$DIR/home/jones/Maildir/new/"*
}

# nameless FROM: a client without a name, or with one that does not count.
nameless()
{
	writes "$1" 10.0.0.1:25 550 250 550
	received "unknown [$1]"
	log_wait 1 "event=message-accepted .*peer=$1 rdns=\"\""
}

# names_asked: how many questions there were.
names_asked()
{
	ctl show stats | awk '$1 == "router.name-lookups" { print $2 }'
}

atf_test_case confirmed
confirmed_head()
{
	atf_set descr "a name that leads back is written, logged, and decides"
}
confirmed_body()
{
	dns_start <<'ZONE'
11.0.0.10.in-addr.arpa. PTR A.Friend.Example.
a.friend.example. A 10.0.0.99
a.friend.example. A 10.0.0.11
12.0.0.10.in-addr.arpa. PTR quick.example.
quick.example. A 10.0.0.12
ZONE
	writes_at_once 10.0.0.12
	received 'quick.example [10.0.0.12]'
	writes 10.0.0.10 10.0.0.1:25 250 550 250
	received 'good.example [10.0.0.10]'
	log_wait 1 'event=message-accepted .*peer=10.0.0.10 rdns=good.example '
	log_wait 1 'event=rcpt-reject .*peer=10.0.0.10 rdns=good.example '
	writes fd00::10 '[fd00::1]:25' 250 550 250
	received 'good.example [IPv6:fd00::10]'
	writes 10.0.0.11 10.0.0.1:25 250 550 250
	received 'a.friend.example [10.0.0.11]'
	# one who comes again is known
	atf_check_equal 4 "$(names_asked)"
	writes 10.0.0.10 10.0.0.1:25 250 550 250
	received 'good.example [10.0.0.10]'
	atf_check_equal 4 "$(names_asked)"
	# nobody asks for loopback
	"$LIBDIR/dialogue.py" 127.0.0.1:25 220 "> EHLO x" 250 "> MAIL FROM:<>" \
	    250 "> RCPT TO:<jones@named.example>" 550 "> QUIT" 221 >said ||
	    instance_fail "loopback: $(cat said)"
	atf_check_equal 4 "$(names_asked)"
}

atf_test_case unconfirmed
unconfirmed_head()
{
	atf_set descr "a name that does not lead back is none"
}
unconfirmed_body()
{
	# 11: no address; 12: the address of another; 13: no name at all
	dns_start <<'ZONE'
11.0.0.10.in-addr.arpa. PTR a.friend.example.
a.friend.example. TXT "no address"
12.0.0.10.in-addr.arpa. PTR good.example.
ZONE
	nameless 10.0.0.11
	nameless 10.0.0.12
	nameless 10.0.0.13
}

atf_test_case hostile
hostile_head()
{
	atf_set descr "names that would forge a field, or are too many"
}
hostile_body()
{
	many=$(seq 60 | sed 's/.*/13.0.0.10.in-addr.arpa. PTR n&.example./')
	dns_start <<ZONE
11.0.0.10.in-addr.arpa. PTR a.example\\013\\010X-Forged:\\032yes.friend.example.
a.example\\013\\010X-Forged:\\032yes.friend.example. A 10.0.0.11
12.0.0.10.in-addr.arpa. PTR a_b.friend.example.
a_b.friend.example. A 10.0.0.12
$many
ZONE
	on client drill -x 10.0.0.11 "@$DNS_ADDR" | grep -qi 'x-forged' ||
	    atf_fail "the DNS does not say what it is to say"
	nameless 10.0.0.11
	nameless 10.0.0.12
	nameless 10.0.0.13
	! grep -q 'event=role-exit\|event=peer-violation' "$DIR/log" ||
	    instance_fail "a process has died of it"
}

atf_test_case long
long_head()
{
	atf_set descr "the longest name there can be, and one of several"
}
long_body()
{
	long=$(label a).$(label b).$(label c).$(label d | cut -c1-61)
	dns_start <<ZONE
11.0.0.10.in-addr.arpa. PTR $long.
$long. A 10.0.0.11
12.0.0.10.in-addr.arpa. PTR one.example.
12.0.0.10.in-addr.arpa. PTR two.example.
12.0.0.10.in-addr.arpa. PTR three.friend.example.
three.friend.example. A 10.0.0.12
ZONE
	writes 10.0.0.11 10.0.0.1:25 550 550 250
	received "$long [10.0.0.11]"
	writes 10.0.0.12 10.0.0.1:25 250 550 250
	received 'three.friend.example [10.0.0.12]'
}

atf_test_case lame
lame_head()
{
	atf_set descr "a name that nobody can look up, alone and beside a good one"
}
lame_body()
{
	# names come in any order: three clients, so that it would be strange
	# if none had a bad name before its good one
	{
		echo 'lame. NS other.'
		echo 'other. A 10.0.0.54'
		for n in 10 11 13; do
			printf "$n.0.0.10.in-addr.arpa. PTR %s\n" x.lame. \
			    y.lame. z.lame.
		done
		for n in 11 13; do
			echo "$n.0.0.10.in-addr.arpa. PTR c$n.friend.example."
			echo "c$n.friend.example. A 10.0.0.$n"
		done
		echo '12.0.0.10.in-addr.arpa. PTR x.lame.'
	} >lame_zone
	dns_start <lame_zone
	writes 10.0.0.10 10.0.0.1:25 250 550 250
	received 'good.example [10.0.0.10]'
	for n in 11 13; do
		writes 10.0.0.$n 10.0.0.1:25 250 550 250
		received "c$n.friend.example [10.0.0.$n]"
	done
	writes 10.0.0.12 10.0.0.1:25 451 451 451
	received 'unknown [10.0.0.12]'
}

atf_test_case silent
silent_head()
{
	atf_set descr "no answer: only who needs the name has to come again"
}
silent_body()
{
	net_start
	net_host client 10
	python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.1", 5300))
open("bound", "w").close()
time.sleep(3600)' &
	wait_for test -e bound || atf_fail "no silent server"
	names_start "10.0.0.1 port 5300"
	# this one waits for nothing
	on client "$LIBDIR/dialogue.py" 10.0.0.1:25 220 "> EHLO x" 250 \
	    "> MAIL FROM:<smith@example.net>" 250 \
	    "> RCPT TO:<jones@any.example>" 250 "> QUIT" 221 closed >said ||
	    instance_fail "taken by a rule without a name: $(cat said)"
	writes 10.0.0.10 10.0.0.1:25 451 451 451
	grep -q '^451 4\.4\.3 ' said || atf_fail "another 451: $(cat said)"
	received 'unknown [10.0.0.10]'
	log_wait 1 'event=rcpt-reject .*code=451 .*name of the client'
}

atf_test_case explained
explained_head()
{
	atf_set descr "smtpctl explain asks for the name, too"
}
explained_body()
{
	dns_start </dev/null
	ctl explain jones@named.example ip 10.0.0.10 >out ||
	    instance_fail "explain: $?"
	grep -q '^rdns .* found *good.example' out &&
	    grep -q '^rule .* holds .*from rdns' out &&
	    grep -q '^reply .* 250 ' out || atf_fail "$(cat out)"
	ctl explain jones@named.example ip 10.0.0.12 >out ||
	    instance_fail "explain: $?"
	grep -q '^rdns .* none *10.0.0.12' out &&
	    grep -q '^rule .* no: from rdns <friends>' out &&
	    grep -q '^reply .* 550 ' out || atf_fail "$(cat out)"
	pid=$(role_pids resolver)
	kill -STOP "$pid"
	ctl explain jones@any.example ip 10.0.0.10 >out ||
	    instance_fail "explain: $?"
	grep -q '^reply .* 250 ' out || atf_fail "known, not asked: $(cat out)"
	kill -CONT "$pid"
}

atf_init_test_cases()
{
	atf_add_test_case confirmed
	atf_add_test_case unconfirmed
	atf_add_test_case hostile
	atf_add_test_case long
	atf_add_test_case lame
	atf_add_test_case silent
	atf_add_test_case explained
}
