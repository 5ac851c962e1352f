#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Mail that goes on to a host that the configuration names: another instance.
. "$(atf_get_srcdir)/../lib/instance.sh"

# both: "out", which sends on everything but its own domain, and "in", which
# takes it.
both()
{
	out
	inside
}
out()
{
	instance_new out <<CONF
hostname "out.example.net"
table users file:users
queue retry 1h
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
action "on" relay host ${1:-smtp://127.0.0.1:2526}
match from any for domain "example.net" action "box"
match from any for any action "on"
CONF
	instance_user smith
	instance_run out
	OUT=$DIR
}
inside()
{
	instance_new in <<CONF
hostname "in.example.org"
table users file:users
listen on 127.0.0.1 port 2526
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones brown
	instance_run in
	IN=$DIR
}

queue_empty()
{
	[ "$(ctl show queue | sed 1d | wc -l)" = 0 ]
}

counter()
{
	ctl show stats | awk -v name="$1" '$1 == name { print $2 }'
}

atf_test_case relayed
relayed_head()
{
	atf_set descr "a message goes on, to all its recipients in one transaction"
}
relayed_body()
{
	both
	DIR=$OUT
	send smith@example.net jones@example.org brown@example.org >/dev/null
	DIR=$IN
	mailbox_wait jones 1
	mailbox_wait brown 1
	atf_check_equal 1 "$(grep -c event=message-accepted "$DIR/log")"
	DIR=$OUT
	wait_for queue_empty || instance_fail "it is still in the queue"
	log_wait 2 "event=relay .*result=sent host=127.0.0.1 address=127.0.0.1 .*status=2.0.0"
}

atf_test_case kept
kept_head()
{
	atf_set descr "many messages go over few connections"
}
kept_body()
{
	both
	DIR=$OUT
	"$LIBDIR/send.py" -n 200 smith@example.net \
	    jones@example.org >/dev/null || atf_fail "not sent"
	DIR=$IN
	mailbox_wait jones 200
	DIR=$OUT
	wait_for queue_empty || instance_fail "not all is gone"
	atf_check_equal 200 "$(counter relay.sent)"
	[ "$(counter relay.connected)" -le 20 ] ||
	    instance_fail "$(counter relay.connected) connections"
}

atf_test_case refused
refused_head()
{
	atf_set descr "what the other host refuses is reported to the sender"
}
refused_body()
{
	both
	DIR=$OUT
	send smith@example.net jones@example.org green@example.org >/dev/null
	mailbox_wait smith 1
	log_wait 1 "event=relay .*green.*result=failed .*status=5.1.1"
	DIR=$IN
	mailbox_wait jones 1
}

atf_test_case down
down_head()
{
	atf_set descr "a host that is not there is tried again"
}
down_body()
{
	out
	send smith@example.net jones@example.org >/dev/null
	log_wait 1 "event=relay .*result=deferred .*status=4.4.1"
	inside
	DIR=$OUT
	ctl schedule all >/dev/null
	DIR=$IN
	mailbox_wait jones 1
}

atf_test_case seen
seen_head()
{
	atf_set descr "smtpctl shows connections, hosts, destinations and routes"
}
seen_body()
{
	both
	DIR=$OUT
	send smith@example.net jones@example.org >/dev/null
	DIR=$IN
	mailbox_wait jones 1
	DIR=$OUT
	ctl show hosts >hosts
	grep -q "^127.0.0.1:2526 *up " hosts || instance_fail "$(cat hosts)"
	ctl show routes >routes
	grep -q "^on .*ready .*127.0.0.1 " routes || instance_fail "$(cat routes)"
	ctl show relays >relays
	grep -q "^idle *on .*127.0.0.1:2526 " relays || instance_fail "$(cat relays)"
	ctl show route on >route
	grep -q "127.0.0.1:2526 *smtp *may " route || instance_fail "$(cat route)"
	! ctl show route box >/dev/null 2>&1 || atf_fail "box is no relay"
	! ctl show route >/dev/null 2>&1 || atf_fail "no action was given"
}

atf_test_case replaced
replaced_head()
{
	atf_set descr "a relay that dies, or is replaced at a reload, loses no mail"
}
replaced_body()
{
	both
	DIR=$OUT
	"$LIBDIR/send.py" -n 300 smith@example.net \
	    jones@example.org >/dev/null &
	_sender=$!
	wait_for sh -c "grep -q event=relay '$OUT/log'" || atf_fail "none sent"
	ctl reload >/dev/null || instance_fail "reload"
	wait "$_sender" || atf_fail "not sent"
	DIR=$IN
	mailbox_wait jones 300
	DIR=$OUT
	wait_for queue_empty || instance_fail "not all is gone"
	atf_check_equal 0 "$(grep -c "result=deferred" "$DIR/log")"
	kill -KILL "$(role_pids relay | tail -1)"
	wait_for "$LIBDIR/send.py" smith@example.net \
	    brown@example.org || instance_fail "no mail is taken"
	DIR=$IN
	mailbox_wait brown 1
}

atf_test_case lmtp
lmtp_head()
{
	atf_set descr "a host may speak LMTP"
}
lmtp_body()
{
	cat >lmtp.py <<'PY'
import socket
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", 2526))
l.listen()
s, _ = l.accept()
f = s.makefile("rwb")
def say(t):
    f.write(t.encode() + b"\r\n")
    f.flush()
say("220 lmtp")
rcpts, log = [], open("lmtp.log", "w")
for line in iter(f.readline, b""):
    verb = line.split()[0].upper().decode()
    print(line.decode().strip(), file=log, flush=True)
    if verb == "LHLO":
        say("250-lmtp")
        say("250 PIPELINING")
    elif verb == "RCPT":
        rcpts.append(line)
        say("250 ok")
    elif verb == "DATA":
        say("354 go")
        while f.readline() != b".\r\n":
            pass
        for rcpt in rcpts:
            say("250 2.1.5 fine" if b"jones" in rcpt else "550 5.2.1 off")
        rcpts = []
    else:
        say("250 ok")
PY
	python3 lmtp.py &
	comes_true listening 2526
	out lmtp://127.0.0.1:2526
	send smith@example.net jones@example.org green@example.org \
	    brown@example.org >/dev/null
	mailbox_wait smith 1
	log_wait 1 "event=relay .*jones.*result=sent .*status=2.1.5"
	log_wait 2 "event=relay .*result=failed .*status=5.2.1"
	head -n 1 lmtp.log | grep -q "^LHLO out.example.net$" ||
	    instance_fail "$(cat lmtp.log)"
}

atf_init_test_cases()
{
	for case in relayed kept refused down seen replaced lmtp; do
		atf_add_test_case "$case"
	done
}
