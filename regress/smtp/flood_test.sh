#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# More connections than there is room for (rule X2): the surplus is told so,
# the others are served; and a process that is out of descriptors waits, does
# not spin, and goes on by itself.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# flood FILE N: flood.py in the background, printing to FILE, which sends when
# there is a file "go"; its process is FLOOD.
flood()
{
	"$LIBDIR/flood.py" $WORKER "$2" go >"$1" 2>&1 &
	FLOOD=$!
}

# ticks PID: processor time that it has used, in hundredths of a second.
ticks()
{
	sed 's/^.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# hundredths: the time, in hundredths of a second.
hundredths()
{
	sed 's/ .*//; s/\.//' /proc/uptime
}

# replied FILE N: whether so many replies have come in that dialogue.
replied()
{
	[ "$(grep -c '^2' "$1")" -ge "$2" ]
}

# descriptors PID N: let that process have so many, as its own user, who may.
descriptors()
{
	setpriv --reuid "$(ps -o uid= -p "$1" | tr -d ' ')" \
	    --regid "$(ps -o gid= -p "$1" | tr -d ' ')" --clear-groups \
	    prlimit --pid "$1" --nofile="$2:" || atf_fail "prlimit"
}

# memory PID N: let that process have so much data, in octets.
memory()
{
	setpriv --reuid "$(ps -o uid= -p "$1" | tr -d ' ')" \
	    --regid "$(ps -o gid= -p "$1" | tr -d ' ')" --clear-groups \
	    prlimit --pid "$1" --data="$2:" || atf_fail "prlimit"
}

# settled FILE: whether flood.py has told last that every connection had a
# reply.
settled()
{
	grep -q "^[0-9]" "$1" && ! tail -n 1 "$1" | grep -q "none\|closed"
}

atf_test_case surplus
surplus_head()
{
	atf_set descr "2000 connections at once, 1000 allowed: the others get" \
	    "421, and 1000 send a message each"
}
surplus_body()
{
	smtp_start "smtp limit max-sessions 1000
		smtp limit stress 100
		smtp timeout stress 1m
		smtp limit backlog 4096"
	roles >before
	flood out 2000
	wait_for grep -qx "220 1000 421 1000" out || {
		cat out
		instance_fail "not 1000 of each"
	}
	# those that are there have taken all places
	smtp_dialogue $WORKER 421 closed
	: >go
	wait "$FLOOD" || { cat out; atf_fail "the others are not served"; }
	atf_check -o inline:'sent 1000\n' tail -n 1 out
	mailbox_wait jones 1000
	comes_true "$LIBDIR/dialogue.py" $WORKER 220
	roles >after
	atf_check diff before after
}

atf_test_case descriptors
descriptors_head()
{
	atf_set descr "Without descriptors the session process does not spin," \
	    "serves who is there, and goes on by itself"
}
descriptors_body()
{
	smtp_start "smtp limit max-junk 100000"
	roles >before
	# one that is there and is served all the time
	{
		printf '%s\n' 220 "> EHLO c.example" 250 "say in"
		printf '%s\n' "> NOOP" 250 "pause 0.02" >step
		for _ in $(seq 1000); do
			cat step
		done
	} >steps
	"$LIBDIR/dialogue.py" -s 1 $WORKER <steps >inside 2>&1 &
	inside=$!
	wait_for grep -qx in inside || { cat inside; atf_fail "the dialogue"; }
	worker=$(servers_of 2525)
	enough=$(awk '/^Max open files/ { print $4 }' "/proc/$worker/limits")
	descriptors "$worker" 64
	flood out 300
	log_wait 2 "event=accept-failed"
	# it is measured while two more times that it has paused for are over,
	# and who is there has a hundred replies
	said=$(grep -c "event=accept-failed" "$DIR/log")
	replies=$(($(grep -c '^2' inside) + 100))
	from=$(ticks "$worker") began=$(hundredths)
	log_wait $((said + 2)) "event=accept-failed"
	wait_for replied inside "$replies" ||
	    { tail inside; atf_fail "nobody is served"; }
	took=$(($(hundredths) - began)) used=$(($(ticks "$worker") - from))
	said=$(($(grep -c "event=accept-failed" "$DIR/log") - said))
	[ "$used" -lt $((took / 2)) ] ||
	    atf_fail "$used of $took hundredths of a second used"
	# a pause is a second
	[ "$said" -le $((took / 100 + 2)) ] ||
	    atf_fail "said $said times in $took hundredths of a second"
	! settled out || { cat out; atf_fail "there were descriptors"; }
	descriptors "$worker" "$enough"
	wait_for settled out || { cat out; atf_fail "some wait for ever"; }
	: >go
	wait "$FLOOD" || { cat out; atf_fail "those who waited are not served"; }
	sent=$(sed -n 's/^sent //p' out)
	[ "$sent" -ge 250 ] || { cat out; atf_fail "only $sent are served"; }
	mailbox_wait jones "$sent"
	kill "$inside"
	roles >after
	atf_check diff before after
}

atf_test_case no_memory
no_memory_head()
{
	atf_set descr "Without memory the session process loses those clients" \
	    "that want more of it, and serves others when there is some"
}
no_memory_body()
{
	smtp_start "smtp limit max-junk 100000"
	! "$SMTPD" -V | grep -qi sanitize || return 0
	roles >before
	smtp_hold one $WORKER 220
	worker=$(servers_of 2525)
	data=$(sed -n 's/^VmData:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$worker/status")
	memory "$worker" $(((data + 128) * 1024))
	python3 -c 'import select, socket
left = {socket.create_connection(("127.0.0.1", 2525)) for _ in range(900)}
held = list(left)
while left:
    for s in select.select(left, [], [])[0]:
        left.discard(s)
        print(s.recv(9).decode(), flush=True)' >crowd 2>&1 &
	crowd=$!
	wait_for grep -qx "421 4.3.2" crowd || {
		sort crowd | uniq -c
		instance_fail "nobody is sent away"
	}
	log_wait 1 'event=accept-failed .*why="Cannot allocate memory"'
	! gone "$HELD" || atf_fail "one that wanted nothing is lost"
	kill "$crowd"
	wait "$crowd" 2>/dev/null || :
	printf 'x\r\n' >wire
	served()
	{
		"$LIBDIR/dialogue.py" -s 2 $WORKER 220 "> EHLO c.example" 250 \
		    "> QUIT" 221 closed >/dev/null 2>&1
	}
	wait_for served || instance_fail "nobody is served any more"
	smtp_mail $WORKER jones@example.org a@b.example wire
	mailbox_wait jones 1
	roles >after
	atf_check diff before after
}

atf_init_test_cases()
{
	atf_add_test_case surplus
	atf_add_test_case descriptors
	atf_add_test_case no_memory
}
