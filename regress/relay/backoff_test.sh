#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A host that takes nothing is left alone and then probed; orders to leave one
# alone; and processes that die while mail is sent on: nothing is lost, and
# nothing goes twice but what was cut.
. "$(atf_get_srcdir)/../lib/instance.sh"

out()
{
	instance_new out <<CONF
hostname "out.example.net"
table users file:users
queue retry 1s
queue max-crashes 60
process restart-max-delay 1s
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
	instance_run out
}

# peer MODE: a host that does by turns what the file mode says: away (it takes
# nothing), hold (no reply to a message), poison (it breaks off at that user),
# or well.  It never takes the user bad.  Each message with its end is a line of got: its recipients.
peer()
{
	cat >peer.py <<'PY'
import socketserver, time
def mode():
    return open("mode").read().strip()
class Peer(socketserver.StreamRequestHandler):
    def say(self, t):
        self.wfile.write(t.encode() + b"\r\n")
    def handle(self):
        if mode() == "away":
            return self.say("421 4.3.2 not now")
        self.say("220 peer.example.org ESMTP")
        rcpts = []
        for line in iter(self.rfile.readline, b""):
            verb = line.split()[0].upper().decode()
            if verb == "RCPT":
                if b"<bad@" in line:
                    self.say("550 5.1.1 no such user")
                    continue
                if b"poison" in line and mode() == "poison":
                    return
                rcpts.append(line.decode().split("<")[1].split("@")[0])
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                with open("got", "a") as got:
                    got.write(" ".join(rcpts) + "\n")
                rcpts = []
                while mode() == "hold":
                    time.sleep(0.05)
                self.say("250 2.0.0 taken")
            elif verb == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
Server(("127.0.0.1", 2526), Peer).serve_forever()
PY
	mode "$1"
	: >got
	python3 peer.py 2>peer.err &
	wait_for listening 2526 || atf_fail "the peer does not listen"
}

mode()
{
	echo "$1" >mode.new
	mv mode.new mode
}

# host FIELD: of the only destination.
host()
{
	ctl -j show hoststats | python3 -c '
import json, sys
print(json.loads(sys.stdin.readline())["'"$1"'"])'
}

host_is()
{
	[ "$(host "$1")" = "$2" ]
}

failed()
{
	[ "$(host failures)" -ge "$1" ]
}

got()
{
	[ "$(wc -l <got)" -ge "$1" ]
}

# many N: messages to so many users.
many()
{
	for _i in $(seq "$1"); do
		send smith@example.net "u$_i@example.org" >/dev/null
	done
}

emptied()
{
	[ -z "$(ctl -j show queue)" ]
}

# once N: each of these has come once.
once()
{
	wait_for emptied || instance_fail "$(ctl show queue)"
	seq "$1" | sed 's/^/u/' | sort >want
	sort got | diff want - || instance_fail "not each once"
}

atf_test_case probe
probe_head()
{
	atf_set descr "a host that takes nothing gets one probe at a time"
}
probe_body()
{
	peer away
	out
	many 12
	wait_for failed 3 || instance_fail "$(ctl show hoststats)"
	atf_check_equal 1 "$(host window)"
	host error | grep -q "4.3.2 not now" || atf_fail "$(host error)"
	atf_check -o inline:"0 envelopes\n" \
	    "$SMTPCTL" -R "$DIR" schedule example.com
	atf_check -o match:"^1*[0-9] envelopes?$" \
	    "$SMTPCTL" -R "$DIR" schedule @example.org
	# as many as the first window has, and one for each time after that
	_failures=$(host failures)
	_tried=$(grep -c "event=deferred" out/log)
	[ "$_tried" -le $((4 + _failures)) ] ||
	    instance_fail "$_tried attempts, $_failures failures"
	mode well
	once 12
}

atf_test_case poison
poison_head()
{
	atf_set descr "a message that breaks each connection is not each probe"
}
poison_body()
{
	peer away
	out
	send smith@example.net poison@example.org >/dev/null
	many 5
	wait_for failed 1 || instance_fail "$(ctl show hoststats)"
	mode poison
	wait_for got 5 || instance_fail "$(ctl show queue)"
	mode well
	wait_for emptied || instance_fail "$(ctl show queue)"
	sort got | tr '\n' ' ' >came
	atf_check_equal "poison u1 u2 u3 u4 u5 " "$(cat came)"
}

# paused WHAT...: mail stays here until the order is taken back.
paused()
{
	mode hold
	: >got
	ctl pause "$@" || atf_fail "pause $*"
	send smith@example.net u1@example.org >/dev/null
	wait_for host_is queued 1 || instance_fail "$(ctl show hoststats)"
	atf_check_equal 0 "$(host in-flight)"
	mode well
	ctl resume "$@" || atf_fail "resume $*"
	once 1
}

atf_test_case pauses
pauses_head()
{
	atf_set descr "sending, a domain and a route can be paused"
}
pauses_body()
{
	peer hold
	out
	send smith@example.net u1@example.org >/dev/null
	comes_true got 1
	_domain=$(host domain)
	mode well
	once 1
	paused mta
	paused route on "$_domain"
	[ -z "$_domain" ] || paused domain "$_domain"
}

# new_pid ROLE OLD: there is one again.
new_pid()
{
	_new=$(role_pids "$1")
	[ -n "$_new" ] && [ "$_new" != "$2" ]
}

# cut ROLE: kill it while the peer has messages that it has not answered.
cut()
{
	_old=$(role_pids "$1")
	kill -KILL "$_old"
	wait_for new_pid "$1" "$_old" || instance_fail "no new $1"
}

atf_test_case relay_dies
relay_dies_head()
{
	atf_set descr "a relay dies: only what it was sending goes again"
}
relay_dies_body()
{
	peer well
	out
	many 3
	once 3
	mode hold
	for _i in a b c d e f g h; do
		send smith@example.net "$_i@example.org" >/dev/null
	done
	wait_for got 4 || instance_fail "$(cat got)"
	_cut=$(tail -n +4 got | tr '\n' '|')
	cut relay
	mode well
	wait_for emptied || instance_fail "$(ctl show queue)"
	atf_check_equal "a b c d e f g h u1 u2 u3 " \
	    "$(sort -u got | tr '\n' ' ')"
	sort got | uniq -d >twice
	grep -v -x -E "${_cut%|}" twice && atf_fail "twice, but was not cut"
	[ -z "$(sort got | uniq -c | awk '$1 > 2')" ] || atf_fail "$(cat got)"
}

atf_test_case scheduler_dies
scheduler_dies_head()
{
	atf_set descr "a scheduler dies: what a relay sends goes once"
}
scheduler_dies_body()
{
	peer well
	out
	many 1
	once 1
	mode hold
	: >got
	_relay=$(role_pids relay)
	many 4
	wait_for got 1 || instance_fail "$(cat got)"
	cut scheduler
	comes_true ctl show hoststats
	mode well
	once 4
	atf_check_equal "$_relay" "$(role_pids relay)"
}

atf_test_case scheduler_deaf
scheduler_deaf_head()
{
	atf_set descr "a scheduler dies before it has read that a message went"
}
scheduler_deaf_body()
{
	peer hold
	out
	many 3
	wait_for got 3 || instance_fail "$(cat got)"
	kill -STOP "$(role_pids scheduler)"
	mode well
	log_wait 3 "event=relay .*result=sent"
	# control would wait for its answer
	_old=$(pgrep -x scheduler)
	kill -KILL "$_old"
	comes_true ctl show hoststats
	once 3
}

atf_test_case relayed
relayed_head()
{
	atf_set descr "what a relay reports as relayed to a new scheduler is told"
}
relayed_body()
{
	peer hold
	out
	send -r NOTIFY=SUCCESS smith@example.net u1@example.org >/dev/null
	wait_for got 1 || instance_fail "$(cat got)"
	cut scheduler
	comes_true ctl show hoststats
	mode well
	wait_for grep -qx smith got || instance_fail "$(ctl show queue)"
	wait_for emptied || instance_fail "$(ctl show queue)"
	atf_check_equal "smith u1 " "$(sort got | tr '\n' ' ')"
}

atf_test_case failure_beside_flight
failure_beside_flight_head()
{
	atf_set descr "a failure is told although another recipient is not done"
}
failure_beside_flight_body()
{
	peer hold
	out
	send smith@example.net u1@example.org bad@example.org >/dev/null
	wait_for grep -qx smith got || instance_fail "$(ctl show queue)"
	atf_check_equal "u1 smith " "$(tr '\n' ' ' <got)"
	mode well
	wait_for emptied || instance_fail "$(ctl show queue)"
	atf_check_equal "u1 smith " "$(tr '\n' ' ' <got)"
}

atf_init_test_cases()
{
	atf_add_test_case probe
	atf_add_test_case poison
	atf_add_test_case pauses
	atf_add_test_case relay_dies
	atf_add_test_case scheduler_dies
	atf_add_test_case scheduler_deaf
	atf_add_test_case relayed
	atf_add_test_case failure_beside_flight
}
