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
	[ "$(wc -l <before)" = 6 ] || instance_fail "$(cat before)"
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
	atf_add_test_case control
	atf_add_test_case control_hold
}
