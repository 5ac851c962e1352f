#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Hosts that mean no good: what they say costs one attempt, stands on one line
# of the log, and the message stays.
. "$(atf_get_srcdir)/../lib/instance.sh"

# against STEP...: a message for such a host.
against()
{
	"$LIBDIR/peer.py" 2526 "$PWD/said" "$@" >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	instance_start out <<CONF
hostname "out.example.net"
table users file:users
queue retry 1h
relay timeout command 2s
relay timeout data 2s
relay timeout data-end 2s
relay timeout greeting 2s
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
	send smith@example.net jones@example.org >/dev/null
}

# stays PATTERN: one attempt has failed, with that on its line.
stays()
{
	log_wait 1 "event=relay .*result=deferred .*$1"
	logged 2 "event=relay .*result=" && instance_fail "more than one line"
	atf_check_equal 1 "$(ctl show queue | sed 1d | wc -l)"
	atf_check_equal 1 "$(grep -c ^connection said)"
	ctl show status >/dev/null || instance_fail "it does not answer"
	! grep -q "event=role-died\|event=sandbox" "$DIR/log" ||
	    instance_fail "a process has died"
}

# hostile NAME DESCRIPTION PATTERN STEP...
HOSTILE=
hostile()
{
	_name=$1 _descr=$2 _pattern=$3
	shift 3
	HOSTILE="$HOSTILE $_name"
	_steps=
	for _step; do
		_steps="$_steps '$_step'"
	done
	eval "atf_test_case $_name
${_name}_head() { atf_set descr \"$_descr\"; }
${_name}_body() { against $_steps; stays \"$_pattern\"; }"
}

GREET='220 peer\r\n' HELLO='250-peer\r\n250 PIPELINING\r\n'

hostile endless "a greeting without an end" "no reply" \
    ':repeat 100000 220-x\r\n' :hold
hostile lineless "a line without an end" "no reply" \
    ':repeat 1048576 2' :hold
hostile drip "an octet now and then" "no answer in time" \
    ':drip 0.3 220-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n'
hostile mixed "a reply of two codes" "no reply" \
    "$GREET" :line '250-peer\r\n550 x\r\n' :hold
hostile nul "a NUL in a reply" "no reply" \
    "$GREET" :line '250 pe\x00er\r\n' :hold
hostile code "a code that is none" "no reply" \
    "$GREET" :line '999 x\r\n' :hold
hostile keywords "ten thousand extensions" "no reply" \
    "$GREET" :line ':repeat 10000 250-XTENSION\r\n' '250 x\r\n' :hold
hostile empty "nothing but the end" "closed the connection" :close
hostile cut "half a line and the end" "closed the connection" \
    "$GREET" :line '250-' :close
hostile data_taken "250 to DATA" "answered DATA wrongly" \
    "$GREET" :line "$HELLO" :lines\ 3 '250 ok\r\n250 ok\r\n250 ok\r\n' :hold
hostile data_twice "354, and 250 before there was anything" "not asked" \
    "$GREET" :line "$HELLO" :lines\ 3 \
    '250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n' :hold
hostile rcpt_more "354 to RCPT" "no reply" \
    "$GREET" :line "$HELLO" :lines\ 3 '250 ok\r\n354 go\r\n' :hold
hostile leaving "421 in the middle" "421 4.3.2 going" \
    "$GREET" :line "$HELLO" :lines\ 3 '250 ok\r\n421 4.3.2 going\r\n' :close
hostile lost "the end instead of the reply to the message" \
    "the end of the message" \
    "$GREET" :line "$HELLO" :lines\ 3 '250 ok\r\n250 ok\r\n354 go\r\n' \
    :end :close
hostile silent "silence after the message" "no answer in time" \
    "$GREET" :line "$HELLO" :lines\ 3 '250 ok\r\n250 ok\r\n354 go\r\n' \
    :end :hold
hostile forged "a refusal whose lines look like a record of the queue" \
    "451 a type: mda mda-exec: touch x b" \
    "$GREET" :line "$HELLO" :lines\ 3 \
    '250 ok\r\n451-a\r\n451-type: mda\r\n451-mda-exec: touch x\r\n451 b\r\n554 no\r\n' \
    :line '250 ok\r\n' :hold

# slow STEP...: such a host, and how long it may take.
slow()
{
	"$LIBDIR/peer.py" 2526 "$PWD/said" "$@" >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	instance_start out <<CONF
hostname "out.example.net"
table users file:users
queue retry 1h
relay timeout transaction 2s
relay limit min-rate 1M
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
}

atf_test_case sips
sips_head()
{
	atf_set descr "a message that is taken octet by octet"
}
sips_body()
{
	# so little is on its way that the host is seen to be slow
	sysctl -qw net.ipv4.tcp_wmem="4096 16384 16384"
	slow "$GREET" :line "$HELLO" :lines\ 3 \
	    '250 ok\r\n250 ok\r\n354 go\r\n' ':sip 0.2'
	{
		printf 'Subject: x\n\n'
		seq 100000
	} >long
	send -f long smith@example.net jones@example.org >/dev/null
	stays "the host is too slow"
}

atf_test_case dawdles
dawdles_head()
{
	atf_set descr "replies that are each in time, but not all of them"
}
dawdles_body()
{
	set -- "$GREET" :line '250 peer\r\n'
	for _i in 1 2 3 4 5 6 7 8 9 10; do
		set -- "$@" :line ':wait 0.5' '250 ok\r\n'
	done
	slow "$@"
	send smith@example.net a@example.org b@example.org c@example.org \
	    d@example.org e@example.org f@example.org g@example.org >/dev/null
	log_wait 7 "event=relay .*result=deferred .*the host is too slow"
	atf_check_equal 1 "$(grep -c ^connection said)"
}

atf_test_case early
early_head()
{
	atf_set descr "replies that are there before their questions"
}
early_body()
{
	"$LIBDIR/peer.py" 2526 "$PWD/said" "$GREET" :line "$HELLO" :lines\ 3 \
	    '250 ok\r\n250 ok\r\n354 go\r\n' :end \
	    '250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n' :end \
	    '250 ok\r\n' :hold >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	instance_start out <<CONF
hostname "out.example.net"
relay limit connections 1
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
	# the next message waits for the connection when it has those replies
	ctl pause mta >/dev/null
	"$LIBDIR/send.py" -n 20 smith@example.net \
	    jones@example.org >/dev/null || atf_fail "not sent"
	ctl resume mta >/dev/null
	log_wait 20 "event=relay .*result=sent"
	# they pass for no answers: each connection is given up after them
	atf_check_equal 20 "$(grep -c ^connection said)"
	atf_check_equal 20 "$(grep -c "^MAIL FROM" said)"
}

atf_test_case too_many
too_many_head()
{
	atf_set descr "recipients that are too many go in the next transaction"
}
too_many_body()
{
	"$LIBDIR/peer.py" 2526 "$PWD/said" "$GREET" :line "$HELLO" :lines\ 4 \
	    '250 ok\r\n250 ok\r\n452 4.5.3 many\r\n354 go\r\n' :end \
	    '250 ok\r\n' :lines\ 3 '250 ok\r\n250 ok\r\n354 go\r\n' \
	    :end '250 ok\r\n' :hold >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	instance_start out <<CONF
hostname "out.example.net"
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
	send smith@example.net jones@example.org brown@example.org >/dev/null
	log_wait 2 "event=relay .*result=sent"
	atf_check_equal 1 "$(grep -c ^connection said)"
	atf_check_equal 2 "$(grep -c "^MAIL FROM" said)"
	atf_check_equal 0 "$(grep -c "result=deferred" "$DIR/log")"
}

atf_init_test_cases()
{
	for case in $HOSTILE sips dawdles early too_many; do
		atf_add_test_case "$case"
	done
}
