#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# How smtpd starts, refuses to, and ends.
. "$(atf_get_srcdir)/../lib/instance.sh"

conf()
{
	cat <<'CONF'
hostname "mx.example.org"
table users file:users
listen on 127.0.0.1 port 2525
listen on socket
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

# check OPTION...: the exit status of an smtpd that does not stay; what it
# prints goes to out and err.
check()
{
	_status=0
	timeout 10 "$SMTPD" -R "$DIR" -d "$@" >out 2>err </dev/null ||
	    _status=$?
	echo "$_status"
}

# Nothing of a daemon is left.
nothing_left()
{
	instance_empty && ! listening 2525 &&
	    [ ! -e "$DIR/run/control.sock" ] &&
	    [ ! -e "$DIR/run/submit.sock" ] && [ ! -e "$DIR/run/smtpd.pid" ]
}

atf_test_case errors
errors_head()
{
	atf_set descr "smtpd -n says file, line, column, and starts nothing"
}
errors_body()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
listen on 127.0.0.1 port 2525
lsiten on 127.0.0.1 port 2526
action "local" maildir
match for any action "locl"
CONF
	for option in -n -nv ""; do
		atf_check_equal 1 "$(check $option)"
		grep -q "smtpd.conf:3:1: " err || atf_fail "no place: $(cat err)"
		grep -q "smtpd.conf:5:22: " err || atf_fail "no place: $(cat err)"
		grep -q "did you mean 'listen'" err || atf_fail "no hint: $(cat err)"
		grep -q "did you mean 'local'" err || atf_fail "no hint: $(cat err)"
	done
	nothing_left || atf_fail "something runs: $(ls -R "$DIR")"
	[ ! -e "$DIR/queue" ] || atf_fail "a queue was made"
	# -n neither needs root nor a daemon to be away
	conf >"$DIR/smtpd.conf"
	chmod 644 "$DIR/smtpd.conf" "$DIR/users"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$SMTPD" -R "$DIR" -n 2>err || atf_fail "$(cat err)"
	grep -q "configuration OK" err || atf_fail "$(cat err)"
}

atf_test_case missing
missing_head()
{
	atf_set descr "no configuration, no root, wrong options: it says so"
}
missing_body()
{
	instance_new i </dev/null
	conf >"$DIR/smtpd.conf"
	atf_check_equal 1 "$(check -f "$DIR/none")"
	grep -q "none" err || atf_fail "$(cat err)"
	atf_check_equal 1 "$(check -x)"
	grep -q "^usage: smtpd" err || atf_fail "$(cat err)"
	atf_check_equal 1 "$(check -D novalue)"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$SMTPD" -R "$DIR" -d 2>err || status=$?
	atf_check_equal 1 "$status"
	grep -q "root" err || atf_fail "$(cat err)"
}

atf_test_case version
version_head()
{
	atf_set descr "-V says the version and whether it is confined"
}
version_body()
{
	atf_check -o match:"^Bulkhead [0-9.]+, confinement " "$SMTPD" -V
}

atf_test_case macro
macro_head()
{
	atf_set descr "-D gives a macro that overrides the file's"
}
macro_body()
{
	instance_new i <<CONF
port = 2600
$(conf | sed 's/2525/$port/')
CONF
	instance_user jones
	instance_run i -D port=2525
	listening 2525 || atf_fail "not at the port of -D"
	! listening 2600 || atf_fail "at the port of the file"
	# it holds for a reload as well
	ctl reload >/dev/null || atf_fail "reload"
	listening 2525 || atf_fail "not at the port of -D after a reload"
}

atf_test_case unit
unit_head()
{
	atf_set descr "the unit of systemd leaves smtpd the kinds of sockets" \
	    "that it makes"
	atf_set require.progs strace
}
unit_body()
{
	instance_new i <<CONF
$(conf | sed 's/127.0.0.1/lo/')
CONF
	instance_user jones
	strace -f -qq -e trace=socket,socketpair -e signal=none -o "$PWD/calls" \
	    timeout 10 "$SMTPD" -R "$DIR" -d >"$DIR/log" 2>&1 </dev/null &
	echo $! >"$DIR/pid"
	comes_true instance_ready
	comes_true listening 2525
	sed -n 's/.*socket[pair]*(\(AF_[A-Z0-9]*\|PF_[A-Z0-9]*\),.*/\1/p' \
	    calls | sort -u >made
	grep -q AF_INET made || atf_fail "no calls: $(cat calls)"
	sed -n 's/^RestrictAddressFamilies=//p' \
	    "$(atf_config_get srcdir)/privsep/master/bulkhead.service" |
	    tr ' ' '\n' | sort -u >allowed
	comm -23 made allowed >lacks
	[ ! -s lacks ] || atf_fail "the unit lacks $(tr '\n' ' ' <lacks)"
}

atf_test_case relative
relative_head()
{
	atf_set descr "-f with a relative path: relays find their tables too"
}
relative_body()
{
	instance_new i <<CONF
$(conf)
table hosts file:hosts
action "r" relay domain <hosts>
match from local for any action "r"
CONF
	echo "example.net smtp://192.0.2.1" >"$DIR/hosts"
	instance_user jones
	cd "$DIR"
	"$SMTPD" -R "$DIR" -d -f smtpd.conf >"$DIR/log" 2>&1 </dev/null &
	echo $! >"$DIR/pid"
	comes_true instance_ready
	ctl -j show roles | grep -q '"role":"relay"' ||
	    instance_fail "no relay: $(ctl show roles)"
}

atf_test_case anchor
anchor_head()
{
	atf_set descr "a trust anchor that is none does not end the DNS:" \
	    "-n and a reload refuse it, and the last word is in the log"
}
anchor_body()
{
	instance_new i <<CONF
$(conf)
resolver anchor root.key
CONF
	instance_user jones
	atf_check_equal 1 "$(check -n)"
	grep -q "smtpd.conf:7:17: .*root.key: No such file" err ||
	    atf_fail "missing: $(cat err)"
	echo "hello world" >"$DIR/root.key"
	for _option in -n ""; do
		atf_check_equal 1 "$(check $_option)"
		grep -q "root.key:1:1: not a record" err ||
		    atf_fail "garbage: $(cat err)"
	done
	cp /usr/share/dns/root.key "$DIR/root.key"
	instance_run i
	echo "hello world" >"$DIR/root.key"
	! ctl reload >out 2>&1 || atf_fail "reloaded: $(cat out)"
	grep -q "root.key:1:1: not a record" out || atf_fail "$(cat out)"
	# what only libunbound can tell
	echo ". DS 1 NONE 2 ABCD" >"$DIR/root.key"
	ctl reload || atf_fail "not reloaded"
	log_wait 1 "event=warning .*trust anchor.*file=$DIR/root.key .*no name"
}

atf_test_case port_in_use
port_in_use_head()
{
	atf_set descr "a port in use is an error of the start"
}
port_in_use_body()
{
	instance_new i <<CONF
$(conf)
CONF
	python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 2525))
s.listen()
time.sleep(60)' &
	comes_true listening 2525
	atf_check_equal 1 "$(check)"
	grep -q "2525" err || atf_fail "$(cat err)"
	grep -q "in use" err || atf_fail "$(cat err)"
	instance_empty || atf_fail "roles were started"
	[ ! -e "$DIR/run/control.sock" ] || atf_fail "the socket is left"
}

atf_test_case overlap
overlap_head()
{
	atf_set descr "two listeners for one address are an error of the" \
	    "start, and of a reload"
}
overlap_body()
{
	start
	for address in 0.0.0.0 lo; do
		{ conf; echo "listen on $address port 2525 tag x"; } \
		    >"$DIR/smtpd.conf"
		! ctl reload >out 2>&1 || atf_fail "reloaded with $address"
		grep -q "listen on $address port 2525: .*in use" out ||
		    atf_fail "$(head -n 1 out)"
	done
	instance_stop i
	atf_check_equal 1 "$(check)"
	grep -q "listen on lo port 2525: .*in use" err || atf_fail "$(cat err)"
	nothing_left || atf_fail "left: $(ls -m "$DIR/run")"
}

atf_test_case no_inet6
no_inet6_head()
{
	atf_set descr "localhost is listened on where it has no IPv6, but an" \
	    "address that is written is needed"
}
no_inet6_body()
{
	ip -6 address delete ::1/128 dev lo
	instance_new i <<CONF
$(conf | sed 's/127.0.0.1/localhost/')
CONF
	instance_user jones
	instance_run i
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	echo 'listen on ::1 port 2526' >>"$DIR/smtpd.conf"
	! ctl reload >out 2>&1 || atf_fail "reloaded"
	grep -q "listen on ::1 port 2526: .*assign" out ||
	    atf_fail "$(head -n 1 out)"
}

atf_test_case says_why
says_why_head()
{
	atf_set descr "a start that fails says why where it was begun, in the" \
	    "foreground or not, and leaves nothing"
}
says_why_body()
{
	instance_new i <<CONF
$(conf)
CONF
	mkdir lib
	cp "$OBJDIR"/libexec/bulkhead/* lib
	for program in scheduler session; do
		cp /bin/false lib/$program
		mount --bind lib "$OBJDIR/libexec/bulkhead" || atf_fail mount
		for option in -d ""; do
			status=0
			timeout 10 "$SMTPD" -R "$DIR" $option >out 2>err \
			    </dev/null || status=$?
			atf_check_equal 1 "$status"
			grep -q "event=fatal doing=starting why=" err ||
			    atf_fail "nothing is said: $(head -n 3 err)"
			wait_for nothing_left ||
			    atf_fail "left: $(ls -m "$DIR/run")"
		done
		umount "$OBJDIR/libexec/bulkhead"
		cp "$OBJDIR/libexec/bulkhead/$program" lib/$program
	done
}

atf_test_case no_socket
no_socket_head()
{
	atf_set descr "what is no socket, or another of the daemon's, is not" \
	    "removed for one"
}
no_socket_body()
{
	start
	echo precious >"$DIR/precious"
	while read -r path why; do
		{ conf; echo "listen on socket \"$DIR/$path\" tag x"; } \
		    >"$DIR/smtpd.conf"
		! ctl reload >out 2>&1 || atf_fail "reloaded with $path"
		grep -q "listen on .*$path: .*$why" out ||
		    atf_fail "$(head -n 1 out)"
	done <<-END
	precious exists
	run//control.sock in use
	run//submit.sock in use
	END
	atf_check_equal precious "$(cat "$DIR/precious")"
	ctl show status >/dev/null || atf_fail "it does not answer"
	"$LIBDIR/send.py" -w "$DIR/run/submit.sock" smith@example.net \
	    jones@example.org >/dev/null || atf_fail "the socket is dead"
}

# A process needs a channel, and that two descriptors.
atf_test_case started_later
started_later_head()
{
	atf_set descr "a process that cannot be started now is started when" \
	    "that is possible"
}
started_later_body()
{
	start
	prlimit --pid "$(cat "$DIR/pid")" --nofile=3:
	for role in scheduler session relay; do
		kill -KILL $(role_pids $role)
		log_wait 2 "doing=\"starting a process\" role=$role"
	done
	prlimit --pid "$(cat "$DIR/pid")" --nofile=1024:
	for role in scheduler session relay; do
		comes_true role_pids $role
	done
	comes_true "$LIBDIR/send.py" smith@example.net jones@example.org
	mailbox_wait jones 1
}

atf_test_case twice
twice_head()
{
	atf_set descr "a second daemon in the same place is refused, and the" \
	    "first goes on"
}
twice_body()
{
	start
	atf_check_equal 1 "$(check)"
	grep -q "running already" err || atf_fail "$(cat err)"
	atf_check_equal "$(cat "$DIR/pid")" "$(cat "$DIR/run/smtpd.pid")"
	send smith@example.net jones@example.org >/dev/null
	"$LIBDIR/send.py" -w "$DIR/run/submit.sock" smith@example.net \
	    jones@example.org >/dev/null || atf_fail "the socket is dead"
	mailbox_wait jones 2
	ctl show status >/dev/null || atf_fail "it does not answer"
}

atf_test_case pid_link
pid_link_head()
{
	atf_set descr "a link in the place of the pid file is not written" \
	    "through"
}
pid_link_body()
{
	instance_new i <<CONF
$(conf)
CONF
	echo victim >"$DIR/victim"
	mkdir -p "$DIR/run"
	ln -s "$DIR/victim" "$DIR/run/smtpd.pid"
	atf_check_equal 1 "$(check)"
	grep -q "smtpd.pid" err || atf_fail "$(cat err)"
	atf_check_equal victim "$(cat "$DIR/victim")"
}

atf_test_case stop
stop_head()
{
	atf_set descr "TERM and INT end everything: no process, no socket, no" \
	    "pid file"
}
stop_body()
{
	start
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	"$LIBDIR/dialogue.py" 127.0.0.1:2525 220 "> NOOP" 250 reply \
	    >dialogue 2>&1 &
	comes_true grep -q 250 dialogue
	instance_stop i
	nothing_left || atf_fail "left: $(ls "$DIR/run"; ps -e)"
	grep -q '^421' dialogue || atf_fail "the client heard nothing"
	instance_run i
	kill -INT "$(cat "$DIR/pid")"
	wait_for gone "$(cat "$DIR/pid")" || atf_fail "INT does not end it"
	status=0
	wait "$(cat "$DIR/pid")" || status=$?
	atf_check_equal 0 "$status"
	nothing_left || atf_fail "left: $(ls "$DIR/run"; ps -e)"
	# TERM amid the start: the delays are what makes its moments differ
	for delay in 0 0.01 0.02 0.04 0.08; do
		"$SMTPD" -R "$DIR" -d >>"$DIR/log" 2>&1 </dev/null &
		pid=$!
		sleep "$delay"
		kill -TERM "$pid"
		wait_for gone "$pid" || atf_fail "TERM does not end a start"
		wait_for instance_empty || atf_fail "roles are left"
	done
	instance_run i
}

atf_test_case killed
killed_head()
{
	atf_set descr "when the master is killed all go, and a restart has" \
	    "every message"
}
killed_body()
{
	start
	ctl pause mda >/dev/null
	send -n 30 smith@example.net jones@example.org >ids
	kill -KILL "$(cat "$DIR/pid")"
	DEADLINE=5 wait_for instance_empty || atf_fail "left: $(ps -e)"
	# what it has left in the file system does not matter
	instance_run i
	mailbox_wait jones 30
	for id in $(cat ids); do
		maildir_files jones | grep -q "$id" || atf_fail "$id is lost"
	done
	atf_check_equal 30 "$(mailbox_count jones)"
}

atf_test_case background
background_head()
{
	atf_set descr "without -d it goes into the background when it is ready"
}
background_body()
{
	instance_new i <<CONF
$(conf)
CONF
	instance_user jones
	# who starts it is let go: nothing holds the output any more
	timeout 20 sh -c 'said=$("$0" -R "$1" 2>&1)' "$SMTPD" "$DIR" ||
	    atf_fail "it does not start, or holds who has started it"
	wait_for ctl show status || atf_fail "it does not answer"
	pid=$(cat "$DIR/run/smtpd.pid")
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	kill -TERM "$pid"
	wait_for gone "$pid" || atf_fail "TERM does not end it"
	nothing_left || atf_fail "left: $(ls "$DIR/run")"
	# what goes wrong is said before
	echo "lsiten" >>"$DIR/smtpd.conf"
	status=0
	"$SMTPD" -R "$DIR" >out 2>err </dev/null || status=$?
	atf_check_equal 1 "$status"
	grep -q ":7:1: " err || atf_fail "$(cat err)"
}

# policies: a line for each process, "ROLE POLICY".
policies()
{
	ctl show roles | awk 'NR > 1 { print $1, $3 }' |
	    while read -r role pid; do
		    echo "$role $(chrt -p "$pid" | sed -n 's/.*SCHED_//p')"
	    done
}

atf_test_case scheduling
scheduling_head()
{
	atf_set descr "who speaks with many does not stop whoever wakes it up," \
	    "and what the administrator has chosen stands"
}
scheduling_body()
{
	instance_new i <<CONF
$(conf)
CONF
	instance_user jones
	start
	# a mailer, too, which is started when there is mail
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	policies | sort -u >had
	printf '%s\n' "control OTHER" "delivery OTHER" "mailer OTHER" \
	    "master OTHER" "relay OTHER" "resolver OTHER" "router BATCH" \
	    "scheduler OTHER" "session BATCH" "spool OTHER" >want
	cmp want had || atf_fail "$(cat had)"
	kill -TERM "$(cat "$DIR/run/smtpd.pid")"
	wait_for nothing_left || atf_fail "TERM does not end it"
	chrt --idle 0 "$SMTPD" -R "$DIR" || atf_fail "it does not start again"
	wait_for ctl show roles >/dev/null || atf_fail "it does not answer"
	[ "$(policies | sed 's/.* //' | sort -u)" = IDLE ] ||
	    atf_fail "what was chosen does not stand: $(policies)"
	kill -TERM "$(cat "$DIR/run/smtpd.pid")"
	wait_for nothing_left || atf_fail "TERM does not end it"
}

atf_test_case journal
journal_head()
{
	atf_set descr "lines have no time where standard error is the stream" \
	    "of the journal, which has a clock of its own"
}
journal_body()
{
	instance_new i <<CONF
$(conf)
CONF
	: >err
	for stream in 1:2 "$(stat -c %d:%i err)"; do
		JOURNAL_STREAM=$stream "$SMTPD" -R "$DIR" -d 2>err </dev/null &
		pid=$!
		comes_true grep -q event=start err
		kill "$pid"
		wait "$pid" || :
		case $stream in
		1:2) ! grep -v '^20[0-9-]*T' err || atf_fail "no time" ;;
		*) ! grep '^20[0-9-]*T' err || atf_fail "a time" ;;
		esac
	done
}

atf_init_test_cases()
{
	for case in errors missing version macro unit relative anchor \
	    port_in_use overlap no_inet6 says_why no_socket started_later \
	    twice pid_link stop killed background scheduling journal; do
		atf_add_test_case "$case"
	done
}
