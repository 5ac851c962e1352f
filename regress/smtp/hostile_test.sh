#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Octets that mean nothing, at the SMTP listeners and at the control socket:
# the daemon answers afterwards, with the very processes that it had before,
# and holds nothing of what it was given (CVE-2025-62875).  The seed is
# printed; BULKHEAD_SEED=N repeats a run.

. "$(atf_get_srcdir)/../lib/smtp.sh"

SEED=${BULKHEAD_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

# hostile_start: an instance without processes that come and go.
hostile_start()
{
	echo "seed $SEED"
	instance_new mx <<-END
		hostname "mail.example.org"
		table users file:users
		listen on 127.0.0.1 port 2525
		listen on socket
		action "box" maildir userbase <users>
		match from any for domain "example.org" action "box"
	END
	instance_user jones
	instance_run mx
	roles >before
	[ "$(wc -l <before)" = 8 ] || instance_fail "$(cat before)"
}

# hostile_look: all is as it was, and mail goes through.
hostile_look()
{
	"$SMTPCTL" -R "$DIR" show status || instance_fail "no answer"
	"$SMTPCTL" -R "$DIR" show roles || instance_fail "not confined"
	roles >after
	atf_check diff -u before after
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 \
	    "> Subject: still here" "> ." 250 "> QUIT" 221 closed
	wait_for grep -qr '^Subject: still here$' "$DIR/home/jones/Maildir/new" ||
	    instance_fail "jones has not got it"
}

# fds PID: how many descriptors it has.
fds()
{
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

has_fds()
{
	[ "$(fds "$1")" -le "$2" ]
}

atf_test_case smtp
smtp_head()
{
	atf_set descr "Noise at the SMTP listeners"
}
smtp_body()
{
	hostile_start
	session=$(sed -n 's/ session$//p' before)
	held=$(fds "$session")
	"$LIBDIR/hostile.py" noise 127.0.0.1 2525 "$SEED" 400 ||
	    instance_fail "no connection"
	# what still lingers goes in its time
	wait_for has_fds "$session" "$held" ||
	    atf_fail "the session holds $(fds "$session") descriptors, not $held"
	hostile_look
}

atf_test_case verbose
verbose_head()
{
	atf_set descr "The same while everything is logged: what is there for" \
	    "debugging is no way in"
}
verbose_body()
{
	hostile_start
	"$SMTPCTL" -R "$DIR" log verbose || instance_fail "log verbose"
	"$LIBDIR/hostile.py" noise 127.0.0.1 2525 "$SEED" 200 ||
	    instance_fail "no connection"
	hostile_look
	log_wait 1 event=session-state
	LC_ALL=C grep '[^ -~]' "$DIR/log" >odd || :
	atf_check cat odd
}

atf_test_case leaves
leaves_head()
{
	atf_set descr "Clients that reset the connection with each answer still" \
	    "under way: nothing is left of them (CVE-2020-35680)"
}
leaves_body()
{
	hostile_start
	session=$(sed -n 's/ session$//p' before)
	held=$(fds "$session")
	for _ in $(seq 20); do
		printf '%s\n' 220 "> EHLO c.example" reset again
		group=
		for line in "MAIL FROM:<a@b.example>" \
		    "RCPT TO:<jones@example.org>" \
		    "RCPT TO:<green@example.org>" DATA; do
			group="$group$line\\r\\n"
			printf '%s\n' 220 "> EHLO c.example" 250 \
			    ">> $group" reset again
		done
		printf '%s\n' 220 "> EHLO c.example" 250 ">> $group" 250 250 \
		    550 354 ">> Subject: gone\r\n\r\n." reset again
	done >steps
	printf '%s\n' 220 "> QUIT" 221 closed >>steps
	smtp_dialogue $WORKER <steps >/dev/null
	wait_for has_fds "$session" "$held" ||
	    atf_fail "the session holds $(fds "$session") descriptors, not $held"
	hostile_look
	[ "$(mailbox_count jones)" = 1 ] || atf_fail "jones has too much"
}

atf_test_case signals
signals_head()
{
	atf_set descr "Signals as fast as they can be sent, to every process," \
	    "while mail comes in"
}
signals_body()
{
	hostile_start
	master=$(cat "$DIR/run/smtpd.pid")
	printf 'x\r\n' >wire
	(
		while [ ! -e enough ]; do
			kill -HUP $master $(cut -d ' ' -f 1 before)
			kill -PIPE $master $(cut -d ' ' -f 1 before)
			kill -INT $(cut -d ' ' -f 1 before)
			kill -TERM $(cut -d ' ' -f 1 before)
		done
	) &
	for _ in $(seq 20); do
		smtp_mail $WORKER jones@example.org a@b.example wire
	done
	: >enough
	wait $!
	mailbox_wait jones 20
	# HUP makes the master reload, and that brings new workers
	roles >after
	# it brings another resolver, too, when the last one has taken its place
	[ "$(grep -c ' resolver$' after)" -le 2 ] ||
	    instance_fail "$(grep -c ' resolver$' after) resolvers"
	sed -i '/ session$/d; / relay$/d; / resolver$/d' before after
	atf_check diff -u before after
	atf_check -s exit:1 grep event=role-exit "$DIR/log"
	smtp_mail $WORKER jones@example.org a@b.example wire
	mailbox_wait jones 21
}

atf_test_case control
control_head()
{
	atf_set descr "Noise, empty frames, descriptors at the control socket"
}
control_body()
{
	hostile_start
	control=$(sed -n 's/ control$//p' before)
	held=$(fds "$control")
	"$LIBDIR/hostile.py" control "$DIR/run/control.sock" "$SEED" 500 ||
	    instance_fail "no connection"
	wait_for has_fds "$control" "$held" ||
	    atf_fail "control holds $(fds "$control") descriptors, not $held"
	hostile_look
}

atf_test_case control_hold
control_hold_head()
{
	atf_set descr "Clients that connect to the control socket and say" \
	    "nothing are limited and let go"
}
control_hold_body()
{
	instance_start mx <<-END
		control max-clients 4
		control timeout 1s
		listen on 127.0.0.1 port 2525
	END
	python3 -c 'import socket, sys, time
held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
for sock in held:
    sock.connect(sys.argv[1])
print("ready", flush=True)
time.sleep(60)' "$DIR/run/control.sock" >out &
	wait_for grep -q ready out || atf_fail "no connections"
	wait_for "$SMTPCTL" -R "$DIR" show status ||
	    instance_fail "control is taken for good"
}

atf_init_test_cases()
{
	atf_add_test_case smtp
	atf_add_test_case verbose
	atf_add_test_case leaves
	atf_add_test_case signals
	atf_add_test_case control
	atf_add_test_case control_hold
}
