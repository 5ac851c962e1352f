#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# smtpctl and what the daemon does when it is asked, by root and by others.
# Classes: (h) one bad peer message.
. "$(atf_get_srcdir)/../lib/instance.sh"

conf()
{
	cat <<'CONF'
hostname "mx.example.org"
table users file:users
process restart-max-delay 1s
listen on 127.0.0.1 port 2525
listen on 127.0.0.1 port 2526 isolation connection
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
}

start()
{
	instance_new i <<CONF
$(conf)
CONF
	instance_user jones
	instance_run i
}

# check WORD...: the exit status of smtpctl with these words; what it prints
# goes to out and err.
check()
{
	_status=0
	"$SMTPCTL" -R "$DIR" "$@" >out 2>err || _status=$?
	echo "$_status"
}

atf_test_case verbs
verbs_head()
{
	atf_set descr "every verb answers; without a message in the queue"
}
verbs_body()
{
	start
	for verb in "show queue" "show roles" "show stats" "show status" \
	    "schedule all" "hold all" "release all" "remove all" \
	    "pause mda" "resume mda" "pause smtp" "resume smtp" \
	    "log verbose" "log brief" "reload"; do
		atf_check_equal "$verb: 0" "$verb: $(check $verb)"
		[ ! -s err ] || atf_fail "$verb: $(cat err)"
		atf_check_equal "$verb: 0" "$verb: $(check -j $verb)"
		python3 -c 'import json
for line in open("out"):
    assert isinstance(json.loads(line), dict)' ||
		    atf_fail "$verb: not JSON: $(cat out)"
	done
	for verb in "show message" "show envelope" schedule hold release \
	    remove; do
		atf_check_equal "$verb: 65" \
		    "$verb: $(check $verb 0123456789abcdef)"
		atf_check_equal "$verb: 64" "$verb: $(check $verb)"
		atf_check_equal "$verb: 64" "$verb: $(check $verb xyz)"
	done
	atf_check_equal 64 "$(check hold all all)"
	for wrong in "" "show" "show nothing" "pause" "reload now" "-x" \
	    "s"; do
		atf_check_equal "$wrong: 64" "$wrong: $(check $wrong)"
		grep -q "show queue" err || atf_fail "$wrong: no usage"
	done
	# words may be shortened as long as they are unique
	atf_check_equal 0 "$(check sh q)"
	atf_check_equal 64 "$(check p s x)"
	! grep -q event=role-exit "$DIR/log" || instance_fail "a role died"
}

atf_test_case not_running
not_running_head()
{
	atf_set descr "without a daemon it says so"
}
not_running_body()
{
	instance_new i </dev/null
	atf_check_equal 69 "$(check show status)"
	grep -q "smtpd is not running" err || atf_fail "$(cat err)"
	atf_check_equal 64 "$("$SMTPCTL" -R "$DIR/none" show status \
	    >/dev/null 2>&1; echo $?)"
}

atf_test_case denied
denied_head()
{
	atf_set descr "only root may ask, and give orders"
}
denied_body()
{
	start
	ctl pause mda >/dev/null
	id=$(send smith@example.net jones@example.org)
	for verb in "show queue" "show message $id" "show roles" "show status" \
	    "remove all" "pause smtp" "reload" "hold $id" "log verbose"; do
		status=0
		setpriv --reuid 65534 --regid 65534 --clear-groups \
		    "$SMTPCTL" -R "$DIR" $verb >out 2>err || status=$?
		atf_check_equal "$verb: 77" "$verb: $status"
		[ ! -s out ] || atf_fail "$verb: $(cat out)"
	done
	atf_check_equal 1 "$(ctl -j show queue | wc -l)"
	ctl show status | grep -q '^smtp *running' || atf_fail "smtp is paused"
}

atf_test_case garbage
garbage_head()
{
	atf_set descr "the control socket takes any octets and the daemon lives"
}
garbage_body()
{
	start
	cat >garbage.py <<'PY'
import os, random, socket, struct, sys
path = sys.argv[1]
random.seed(1)

def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    s.settimeout(5)
    return s

def send(s, data, fds=()):
    try:
        if fds:
            socket.send_fds(s, [data], fds)
        else:
            s.send(data)
    except OSError:
        pass

# 1 MiB of noise in frames of all sizes, a client for each
left = 1 << 20
while left > 0:
    s = connect()
    n = random.choice([1, 2, 7, 8, 9, 15, 16, 17, 100, 8000, 60000])
    send(s, os.urandom(n))
    left -= n
    s.close()
# every type and length with a valid-looking start
for kind in range(0, 300, 3):
    s = connect()
    for order in "<", ">":
        for body in b"", b"\0", b"\0\0", b"\xff" * 8, b"\x01" * 200:
            for head in (struct.pack(order + "HQ", kind, 1),
                         struct.pack(order + "IQ", kind, 1),
                         struct.pack(order + "QQ", kind, 1)):
                send(s, head + body)
    s.close()
# descriptors, half a thing and silence, many clients at a time
held = []
for _ in range(20):
    s = connect()
    fd = os.open("/dev/null", os.O_RDONLY)
    send(s, b"\0" * 16, [fd] * random.randint(1, 10))
    os.close(fd)
    held.append(s)
for s in held:
    s.close()
PY
	pid=$(role_pids control)
	python3 garbage.py "$DIR/run/control.sock" || atf_fail "the noise maker"
	wait_for ctl show status || instance_fail "it does not answer any more"
	atf_check_equal "$pid" "$(role_pids control)"
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	! grep -q event=role-exit "$DIR/log" || instance_fail "a role died"
}

atf_test_case crowd
crowd_head()
{
	atf_set descr "clients that ask nothing keep nobody out for long"
}
crowd_body()
{
	instance_new i <<CONF
$(conf)
control max-clients 4
control timeout 1s
CONF
	instance_run i
	python3 -c '
import socket, sys, time
held = []
for _ in range(30):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    held.append(s)
open("held", "w").close()
time.sleep(60)' "$DIR/run/control.sock" &
	comes_true test -e held
	DEADLINE=10 wait_for ctl show status || atf_fail "they keep root out"
}

atf_test_case limited
limited_head()
{
	atf_set descr "so many clients at a time, and a closed connection for" \
	    "each one more"
}
limited_body()
{
	instance_new i <<CONF
$(conf)
control max-clients 4
control timeout 1h
CONF
	instance_run i
	mkfifo hold
	exec 9<>hold
	cat >many.py <<'PY'
import select, socket, sys
held = []
for _ in range(30):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    held.append(s)
closed = set()
while len(closed) < 26:
    ready = select.select([s for s in held if s not in closed], [], [], 10)[0]
    if not ready:
        break
    closed.update(ready)
print(30 - len(closed), "held")
PY
	atf_check -o inline:"4 held\n" \
	    python3 many.py "$DIR/run/control.sock"
	# who has gone has left a place
	wait_for ctl show status || instance_fail "no place is free"
	# others have places of their own
	setpriv --reuid 60001 --regid 60001 --clear-groups \
	    python3 -c "$(cat many.py); sys.stdout.flush(); sys.stdin.read()" \
	    "$DIR/run/control.sock" <&9 >others 9<&- &
	comes_true grep -q "4 held" others
	ctl show status >/dev/null || instance_fail "they keep root out"
}

refused()
{
	! smtp_try 2525
}
smtp_try()
{
	"$LIBDIR/dialogue.py" -s 1 "127.0.0.1:$1" 220 "> QUIT" 221 \
	    >/dev/null 2>&1
}

atf_test_case pause_smtp
pause_smtp_head()
{
	atf_set descr "pause smtp keeps new clients waiting, not those that" \
	    "are there; resume smtp lets them in"
}
pause_smtp_body()
{
	start
	mkfifo steps
	"$LIBDIR/dialogue.py" 127.0.0.1:2525 <steps >before 2>&1 &
	dialogue=$!
	exec 9>steps
	"$LIBDIR/dialogue.py" 127.0.0.1:2526 220 "pause 1.5" "> NOOP" 250 \
	    >other 2>&1 &
	other=$!
	comes_true grep -q 220 other
	ctl pause smtp >/dev/null
	ctl show status | grep -q '^smtp *paused' || atf_fail "not shown"
	wait_for refused || atf_fail "clients are still taken"
	smtp_try 2526 && atf_fail "clients are still taken at the other"
	# a session that is replaced meanwhile does not take any either
	kill -KILL $(role_pids session)
	comes_true sh -c "'$SMTPCTL' -R '$DIR' show roles |
	    grep -q 'session.*running'"
	refused || atf_fail "a new process takes clients"
	ctl resume smtp >/dev/null
	wait_for smtp_try 2525 || atf_fail "no clients are taken"
	wait_for smtp_try 2526 || atf_fail "no clients are taken at the other"
	exec 9>&-
	wait "$dialogue" || :
	wait "$other" || :
}

atf_test_case pause_mda
pause_mda_head()
{
	atf_set descr "pause mda keeps mail in the queue, resume mda lets it go"
}
pause_mda_body()
{
	start
	ctl pause mda >/dev/null
	ctl show status | grep -q '^mda *paused' || atf_fail "not shown"
	send -n 5 smith@example.net jones@example.org >/dev/null
	atf_check_equal 5 "$(ctl -j show queue | wc -l)"
	atf_check_equal 0 "$(mailbox_count jones)"
	ctl resume mda >/dev/null
	mailbox_wait jones 5
}

atf_test_case log_level
log_level_head()
{
	atf_set descr "log verbose and log brief reach every process"
}
log_level_body()
{
	start
	! grep -q event=session-open "$DIR/log" || atf_fail "verbose at start"
	ctl log verbose >/dev/null
	send smith@example.net jones@example.org >/dev/null
	log_wait 1 event=session-open
	log_wait 1 event=message-queued
	ctl log brief >/dev/null
	lines=$(grep -c event=session-open "$DIR/log")
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 2
	atf_check_equal "$lines" "$(grep -c event=session-open "$DIR/log")"
	# who starts later has the level of now
	ctl log verbose >/dev/null
	kill -KILL $(role_pids router)
	comes_true smtp_try 2525
	lines=$(grep -c event=rcpt-accept "$DIR/log")
	send smith@example.net jones@example.org >/dev/null
	log_wait $((lines + 1)) event=rcpt-accept
}

atf_test_case reload
reload_head()
{
	atf_set descr "a reload opens and closes listeners and changes rules," \
	    "and a session that is there goes on"
}
reload_body()
{
	start
	"$LIBDIR/dialogue.py" -s 20 127.0.0.1:2525 220 "> EHLO a.example" \
	    250 "> MAIL FROM:<a@example.net>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 \
	    "await changed" "> ." 250 "> QUIT" 221 closed >session 2>&1 &
	session=$!
	comes_true grep -q 354 session
	sed -i 's/2526/2527/; s/^match.*/&\nmatch from any for domain "new.example" action "box"/' \
	    "$DIR/smtpd.conf"
	"$LIBDIR/send.py" a@example.net jones@new.example 2>/dev/null &&
	    atf_fail "the new rule is in force already"
	atf_check_equal 0 "$(check reload)"
	wait_for listening 2527 || atf_fail "the new listener is not there"
	wait_for sh -c '! ss -Hltn "sport = :2526" | grep -q .' ||
	    atf_fail "the old listener is still there"
	wait_for smtp_try 2527 || atf_fail "the new listener does not answer"
	send a@example.net jones@new.example >/dev/null
	mailbox_wait jones 1
	: >changed
	wait "$session" || atf_fail "the session was dropped: $(cat session)"
	mailbox_wait jones 2
	# no process of the old configuration is left
	wait_for sh -c "[ \$('$SMTPCTL' -R '$DIR' show roles |
	    grep -c '^session') -le 5 ]" || atf_fail "$(ctl show roles)"
}

atf_test_case reload_bad
reload_bad_head()
{
	atf_set descr "a reload that fails leaves everything as it was"
}
reload_bad_body()
{
	start
	conf >good
	# a word that does not exist, a file that does not, a port in use, an
	# address that is not ours
	python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 2600))
s.listen()
open("taken", "w").close()
time.sleep(100)' &
	comes_true test -e taken
	for line in "lsiten on lo" "table other file:none" \
	    "listen on 127.0.0.1 port 2600" "listen on 192.0.2.77 port 2525"
	do
		{
			echo "listen on 127.0.0.1 port 2599"
			grep -v "^match" good | sed 's/2525/2524/;s/2526/2525/'
			echo "listen on 127.0.0.1 port 2526"
			echo "$line"
		} >"$DIR/smtpd.conf"
		atf_check_equal "$line: 75" "$line: $(check reload)"
		[ -s err ] || atf_fail "$line: it does not say why"
		# who comes now meets the old configuration
		kill -KILL $(role_pids session)
		wait_for smtp_try 2525 || instance_fail "$line: 2525 is dead"
		wait_for smtp_try 2526 || instance_fail "$line: 2526 is dead"
		for port in 2599 2524; do
			! smtp_try $port || instance_fail "$line: $port answers"
		done
		send a@example.net jones@example.org >/dev/null
		"$LIBDIR/send.py" -w 127.0.0.1:2526 a@example.net \
		    jones@example.org >/dev/null ||
		    instance_fail "$line: no mail over 2526"
	done
	mailbox_wait jones 8
	cp good "$DIR/smtpd.conf"
	atf_check_equal 0 "$(check reload)"
	wait_for smtp_try 2525 || instance_fail "2525 is dead"
	wait_for smtp_try 2526 || instance_fail "2526 is dead"
	ss -Hltnp | grep -q ':25[0-9][0-9]' || atf_fail "nothing listens"
	atf_check_equal "2525 2526" "$(ss -Hltn |
	    sed -n 's/.*127.0.0.1:\(25..\) .*/\1/p' | sort | xargs)"
	# of many errors those are told that there is room for
	{ cat good; seq -f "lsiten on 127.0.0.1 port 20%g" 10 40; } \
	    >"$DIR/smtpd.conf"
	! ctl reload >out 2>&1 || atf_fail "reloaded"
	atf_check_equal "and more: smtpd -n shows all" "$(tail -n 1 out)"
	"$SMTPD" -R "$DIR" -n >all 2>&1 || :
	grep -vx "and more: smtpd -n shows all" out | sed 's/^smtpctl: //' |
	    while read -r line; do
		grep -qF -- "$line" all || echo "$line"
	done >cut
	[ ! -s cut ] || atf_fail "cut: $(head -n 1 cut)"
}

atf_test_case hup
hup_head()
{
	atf_set descr "SIGHUP reloads as well"
}
hup_body()
{
	start
	echo "lsiten" >>"$DIR/smtpd.conf"
	kill -HUP "$(cat "$DIR/pid")"
	log_wait 1 event=reload-failed
	smtp_try 2525 || instance_fail "it does not answer"
	sed -i '$d; s/2525/2528/' "$DIR/smtpd.conf"
	kill -HUP "$(cat "$DIR/pid")"
	log_wait 1 "event=reload "
	wait_for smtp_try 2528 || instance_fail "the new port does not answer"
	# many at once, with mail
	for i in 1 2 3 4 5 6 7 8 9 10; do
		kill -HUP "$(cat "$DIR/pid")"
		"$LIBDIR/send.py" -w 127.0.0.1:2528 a@example.net \
		    jones@example.org >/dev/null ||
		    instance_fail "no mail amid reloads"
	done
	mailbox_wait jones 10
	! grep -q event=role-exit "$DIR/log" || instance_fail "a role died"
}

atf_test_case reload_amid_starts
reload_amid_starts_head()
{
	atf_set descr "a process that is told to end while it starts has done" \
	    "no wrong when it then says that it is ready"
}
reload_amid_starts_body()
{
	start
	for i in $(seq 100); do
		kill -HUP "$(cat "$DIR/pid")"
		# some work between two, of another length each time
		seq $((i % 10 * 4000)) >/dev/null
	done
	atf_check_equal 0 "$(check reload)"
	wait_for smtp_try 2525 || instance_fail "it does not answer"
	! grep -q event=peer-violation "$DIR/log" ||
	    instance_fail "an honest process is accused"
}

atf_test_case roles
roles_head()
{
	atf_set descr "show roles finds every process confined as declared"
}
roles_body()
{
	start
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	atf_check_equal 0 "$(check show roles)"
	for role in master session router spool scheduler delivery mailer \
	    relay resolver control; do
		grep -q "^$role .* as declared$" out ||
		    atf_fail "$role: $(cat out)"
	done
	atf_check_equal "" "$(sed 1d out | grep -v 'as declared$')"
}

atf_test_case two_instances
two_instances_head()
{
	atf_set descr "two instances side by side know nothing of each other"
}
two_instances_body()
{
	start
	first=$DIR
	instance_new second <<CONF
$(conf | sed 's/port 25/port 35/')
CONF
	instance_user green
	instance_run second
	"$LIBDIR/send.py" -w 127.0.0.1:3525 a@example.net green@example.org \
	    >/dev/null || atf_fail "no mail to the second"
	mailbox_wait green 1
	ctl pause smtp >/dev/null
	DIR=$first
	send a@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	instance_stop second
	DIR=$first
	send a@example.net jones@example.org >/dev/null
	mailbox_wait jones 2
	ctl show status >/dev/null || atf_fail "the first does not answer"
}

atf_test_case closed
closed_head()
{
	atf_set descr "with its standard descriptors closed it writes nothing" \
	    "into the socket"
}
closed_body()
{
	start
	for verb in "show stats" "show roles" "-j show status"; do
		atf_check -x "timeout 10 '$SMTPCTL' -R '$DIR' $verb >&-"
		atf_check -x "timeout 10 '$SMTPCTL' -R '$DIR' $verb \
		    <&- >&- 2>&-"
	done
	atf_check -s exit:64 -x "timeout 10 '$SMTPCTL' -R '$DIR' nothing 2>&-"
	atf_check -s exit:1 grep violation "$DIR/log"
}

atf_test_case full
full_head()
{
	atf_set descr "an answer that cannot be written is an error; another" \
	    "one keeps its status"
}
full_body()
{
	start
	ctl pause mda >/dev/null
	send smith@example.net jones@example.org >/dev/null
	for verb in "show stats" "-j show stats" "show queue" "-j show queue" \
	    "show roles" "-j show status"; do
		atf_check -s exit:74 -e match:'standard output' \
		    -x "'$SMTPCTL' -R '$DIR' $verb >/dev/full"
	done
	atf_check -s exit:65 -e ignore \
	    -x "'$SMTPCTL' -R '$DIR' show message 0123456789abcdef >/dev/full"
	export BULKHEAD_ROOT="$DIR"
	atf_check -s exit:74 -e match:'^mailq: standard output' \
	    -x "'$OBJDIR/bin/mailq' >/dev/full"
}

atf_init_test_cases()
{
	for case in verbs not_running denied garbage crowd limited \
	    pause_smtp pause_mda log_level reload reload_bad hup \
	    reload_amid_starts roles two_instances closed full; do
		atf_add_test_case "$case"
	done
}
