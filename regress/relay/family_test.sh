#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A host with an IPv6 and an IPv4 address that will not have us over one of
# them: what that family is refused is tried over the other, once.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"

# mx "STEP REPLY" ["STEP REPLY"]: the host that takes mail for example.org,
# which replies so to that step (greeting, EHLO, MAIL, RCPT, end) over IPv6,
# and over IPv4.  Each connection and each message is a line of said: the
# family, and its recipients.
mx()
{
	cat >mx.py <<'PY'
import socket, socketserver, sys, threading
refuse = {"6": sys.argv[1].split(" ", 1), "4": sys.argv[2].split(" ", 1)}
class Peer(socketserver.StreamRequestHandler):
    def step(self, name, reply):
        step, refusal = (refuse[self.family] + [""])[:2]
        reply = refusal if step == name else reply
        self.wfile.write(reply.encode() + b"\r\n")
        return reply[0] in "23"
    def note(self, *words):
        with open("said", "a") as said:
            print(self.family, *words, file=said)
    def handle(self):
        self.family = "4" if "." in self.client_address[0] else "6"
        self.note("connection")
        self.step("greeting", "220 mx.example.org ESMTP")
        rcpts = []
        for line in iter(self.rfile.readline, b""):
            verb = line.split()[0].upper().decode()
            if verb == "RCPT":
                if self.step(verb, "250 ok"):
                    rcpts.append(line.decode().split("<")[1].split("@")[0])
            elif verb == "DATA":
                if not rcpts:
                    self.step(verb, "503 no recipients")
                    continue
                self.step(verb, "354 go")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                if self.step("end", "250 2.0.0 taken"):
                    self.note("message", *rcpts)
                rcpts = []
            elif verb == "QUIT":
                return
            else:
                self.step(verb, "250 ok")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
class Server6(Server):
    address_family = socket.AF_INET6
threads = [threading.Thread(target=Server6(("fd00::2", 25), Peer).serve_forever)]
if refuse["4"][0] != "closed":
    threads += [threading.Thread(target=Server(("10.0.0.2", 25), Peer).serve_forever)]
for t in threads:
    t.start()
PY
	: >said
	net_start
	net_dns <<'ZONE'
example.org.	MX	10 mx.example.org.
mx.example.org.	A	10.0.0.2
mx.example.org.	AAAA	fd00::2
ZONE
	net_host mx 2
	on mx python3 mx.py "$1" "${2:-none}" &
	wait_for on mx ss -Hltn "sport = :25" || atf_fail "there is no host"
	wait_for eval 'on mx ss -Hltn "sport = :25" | grep -q fd00' ||
	    atf_fail "the host does not listen"
	instance_start out <<CONF
hostname "out.example.net"
resolver forward $DNS_ADDR
resolver anchor none
queue retry 1h
relay timeout connect 5s
listen on 127.0.0.1 port 2525
action "on" relay
match from any for any action "on"
CONF
}

# said LINE...: what the host has been told, in that order, when all is quiet.
said()
{
	printf '%s\n' "$@" >want
	wait_for cmp -s want said || {
		cat "$DIR/log" >&2
		atf_check -o file:want cat said
	}
}

# turned STEP REPLY: refused so over IPv6, it goes over IPv4; and the next one
# goes there at once.
turned()
{
	mx "$*"
	send smith@example.net a@example.org b@example.org >/dev/null
	said "6 connection" "4 connection" "4 message a b"
	log_wait 2 "event=relay .*result=sent .*address=10.0.0.2"
	send smith@example.net c@example.org >/dev/null
	said "6 connection" "4 connection" "4 message a b" "4 message c"
}

# kept REPLY [STEP REPLY]: refused so at RCPT over IPv6; over IPv4 (which is
# closed if that is the step) refused, too.
kept()
{
	mx "RCPT $1" "$2"
	send smith@example.net a@example.org >/dev/null
	log_wait 1 "event=relay .*result=$3"
	log_wait 1 "event=relay .*reply=\"$4"
	! logged 2 "event=relay .*rcpt=a@example.org result=" ||
	    instance_fail "two outcomes"
}

CASES=
# family NAME DESCRIPTION COMMAND...
family()
{
	_name=$1 _descr=$2
	shift 2
	CASES="$CASES $_name"
	_words=
	for _word; do
		_words="$_words '$_word'"
	done
	eval "atf_test_case $_name
${_name}_head() { atf_set descr \"$_descr\"; }
${_name}_body() { $_words; }"
}

family greeting "the greeting is refused" turned greeting "554 5.7.1 not you"
family ehlo "EHLO is refused" turned EHLO "450 4.7.25 no name"
family mail "MAIL is refused" turned MAIL "550 5.7.1 not you"
family rcpt "RCPT is refused for good" turned RCPT "554 5.7.25 no name"
family rcpt_later "RCPT is put off" turned RCPT "450 4.7.1 no name"
family rcpt_bare "RCPT is refused without a reason" turned RCPT "550 no"
family end "the message is refused" turned end "550 5.7.1 guidelines"

atf_test_case no_user
no_user_head()
{
	atf_set descr "a recipient that is none is none over either family"
}
no_user_body()
{
	kept "550 5.1.1 no such user" "none" failed "550 5.1.1 no such user"
	said "6 connection"
}

atf_test_case both
both_head()
{
	atf_set descr "refused over both: once each, and the second counts"
}
both_body()
{
	kept "550 5.7.1 not six" "RCPT 450 4.7.1 not four" deferred \
	    "450 4.7.1 not four"
	said "6 connection" "4 connection"
}

atf_test_case one_alone
one_alone_head()
{
	atf_set descr "the other family cannot be reached: the refusal counts"
}
one_alone_body()
{
	kept "550 5.7.1 not six" "closed" failed "550 5.7.1 not six"
	said "6 connection"
}

atf_init_test_cases()
{
	for case in $CASES no_user both one_alone; do
		atf_add_test_case "$case"
	done
}
