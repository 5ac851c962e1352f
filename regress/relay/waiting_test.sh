#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Mail that cannot go on yet: what is kept of the last reply, and when it is
# tried again.
. "$(atf_get_srcdir)/../lib/instance.sh"

# out [SETTING...]: an instance that sends on everything but its own domain.
out()
{
	instance_new out <<CONF
hostname "out.example.net"
table users file:users
queue retry ${RETRY:-1h}
relay timeout connect 5s
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
action "on" relay host smtp://127.0.0.1:2526
action "mx" relay
match from any for domain "example.net" action "box"
match from any for any action "on"
CONF
	instance_user smith
	instance_run out
}

# peer REPLY: a host that answers RCPT so, which tells of each in rcpt.log.
peer()
{
	cat >peer.py <<'PY'
import socketserver, sys
class Peer(socketserver.StreamRequestHandler):
    def say(self, t):
        self.wfile.write(t.encode() + b"\r\n")
    def handle(self):
        self.say("220 peer.example.org ESMTP")
        for line in iter(self.rfile.readline, b""):
            verb = line.split()[0].upper().decode()
            if verb == "EHLO":
                self.say("250-peer.example.org")
                self.say("250 PIPELINING")
            elif verb == "RCPT":
                with open("rcpt.log", "ab") as log:
                    log.write(line)
                self.say(open("answer").read().strip())
            elif verb == "DATA":
                self.say("354 go")
                while self.rfile.readline() != b".\r\n":
                    pass
                self.say("250 2.0.0 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
Server(("127.0.0.1", 2526), Peer).serve_forever()
PY
	echo "$1" >answer
	python3 peer.py &
	wait_for listening 2526 || atf_fail "the peer does not listen"
}

queue_field()
{
	ctl -j show "$1" "$2" | python3 -c '
import json, sys
for line in sys.stdin:
    print(json.loads(line)["'"$3"'"])
    break'
}

atf_test_case last_reply
last_reply_head()
{
	atf_set descr "the last reply, its host and its time are kept, also on disk"
}
last_reply_body()
{
	peer "450 4.2.1 come back later"
	out
	_before=$(date +%s)
	send smith@example.net jones@example.org >/dev/null
	log_wait 1 "event=deferred .*status=4.2.1"
	ctl show queue >queue
	grep -q "come back later *127.0.0.1 *127.0.0.1 " queue ||
	    instance_fail "$(cat queue)"
	_id=$(awk 'NR == 2 { print $1 }' queue)
	wait_for shown "$_id" || instance_fail "on disk: $(tr '\n' ' ' <envelope)"
	_tried=$(queue_field envelope "$_id" tried)
	[ "$_tried" -ge "$_before" ] || atf_fail "tried at $_tried"
	# what is on disk is not lost with the process that wrote it, nor by
	# an order that a scheduler records which never saw the reply
	instance_stop out
	instance_run out
	comes_true ctl hold "$_id" >/dev/null
	wait_for held "$_id" || instance_fail "on disk: $(tr '\n' ' ' <envelope)"
	shown "$_id" || instance_fail "on disk: $(tr '\n' ' ' <envelope)"
	atf_check_equal "$_tried" "$(queue_field envelope "$_id" tried)"
}
shown()
{
	ctl show envelope "$1" >envelope
	grep -q "^error: *450 4.2.1 come back later$" envelope &&
	    grep -q "^host: *127.0.0.1$" envelope &&
	    grep -q "^address: *127.0.0.1$" envelope
}
held()
{
	[ "$(queue_field envelope "$1" state)" = held ]
}

atf_init_test_cases()
{
	atf_add_test_case last_reply
}
