#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Which process serves whom: with `isolation connection' a process for each
# client, with `isolation worker' one for many; and that the rules ask the
# kernel, not the client, where a client is.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# sessions: the session processes; one of them is the worker.
sessions()
{
	roles | sed -n 's/ session$//p'
}

# started PID: when, in ticks since boot.
started()
{
	sed 's/^.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
}

# note FILE: the processes that there are now, and when they began.
note()
{
	for _pid in $(sessions); do
		echo "$_pid $(started "$_pid")"
	done >"$1"
}

count_is()
{
	[ "$(sessions | wc -l)" = "$1" ]
}

atf_test_case connection
connection_head()
{
	atf_set descr "isolation connection: each client has a process that" \
	    "was there before it came and ends when it goes"
}
connection_body()
{
	smtp_start "smtp spares 3"
	wait_for count_is 4 || instance_fail "not 3 spares and a worker"
	note before_one
	smtp_hold one $SINGLE 220 "> EHLO c.example" 250
	held_one=$HELD
	one=$(servers_of 2526)
	note before_two
	smtp_hold two $SINGLE 220 "> EHLO c.example" 250
	both=$(servers_of 2526)
	[ "$(echo "$both" | wc -l)" = 2 ] || atf_fail "served by: $both"
	two=$(echo "$both" | grep -vx "$one")
	grep -qx "$one $(started "$one")" before_one &&
	    grep -qx "$two $(started "$two")" before_two ||
	    atf_fail "a process was made for its client"
	for pid in $one $two; do
		[ "$(readlink "/proc/$pid/exe")" = \
		    "$OBJDIR/libexec/bulkhead/session" ] ||
		    atf_fail "$pid is another program"
	done
	# two are busy, three stand ready again, and the worker
	wait_for count_is 6 || instance_fail "the spares are not replaced"
	smtp_release "$held_one"
	wait_for gone "$one" || atf_fail "$one outlives its client"
	! gone "$two" || atf_fail "$two died with the other's client"
	smtp_dialogue $SINGLE 220 "> QUIT" 221 closed
	smtp_release "$HELD"
	wait_for gone "$two" || atf_fail "$two outlives its client"
	wait_for count_is 4 || instance_fail "not 3 spares and a worker again"
	# nobody was replaced for having failed
	atf_check -s exit:1 grep -i "role-died\|restart" "$DIR/log"
}

atf_test_case burst
burst_head()
{
	atf_set descr "More clients at once than stand ready are all served"
}
burst_body()
{
	smtp_start "smtp spares 2"
	pids=
	for i in $(seq 12); do
		"$LIBDIR/dialogue.py" $SINGLE 220 "> EHLO c.example" 250 \
		    "await go" "> QUIT" 221 closed >"out$i" 2>&1 &
		pids="$pids $!"
	done
	wait_for sh -c '[ "$(cat out* | grep -c "^250 ")" = 12 ]' || {
		cat out*
		instance_fail "not all are served"
	}
	[ "$(servers_of 2526 | wc -l)" = 12 ] || atf_fail "processes are shared"
	: >go
	for pid in $pids; do
		wait "$pid" || atf_fail "a dialogue"
	done
	wait_for count_is 3 || instance_fail "not 2 spares and a worker again"
}

atf_test_case dies_alone
dies_alone_head()
{
	atf_set descr "A process of isolation connection that dies takes only" \
	    "its own client along; the worker is replaced"
}
dies_alone_body()
{
	smtp_start "process restart-delay 1s"
	smtp_hold one $SINGLE 220
	one=$(servers_of 2526)
	"$LIBDIR/dialogue.py" $SINGLE 220 "> EHLO c.example" 250 "say held" \
	    "await go" "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "> x" "> ." 250 \
	    "> QUIT" 221 closed >two 2>&1 &
	two=$!
	wait_for grep -qx held two || atf_fail "no second connection"
	smtp_hold three $WORKER 220
	worker=$(servers_of 2525)
	kill -KILL "$one"
	kill -KILL "$worker"
	comes_true gone "$worker"
	: >go
	wait $two || { cat two; instance_fail "another's client suffered"; }
	wait_for "$LIBDIR/dialogue.py" $WORKER 220 "> QUIT" 221 closed ||
	    instance_fail "the worker is not replaced"
	mailbox_only jones
}

atf_test_case worker
worker_head()
{
	atf_set descr "isolation worker: one process for all, until it has" \
	    "had its number of connections"
}
worker_body()
{
	smtp_start "smtp worker-connections 3"
	"$LIBDIR/dialogue.py" $WORKER 220 "> EHLO c.example" 250 "say held" \
	    "await go" "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "> x" "> ." 250 \
	    "> QUIT" 221 closed >one 2>&1 &
	pid_one=$!
	wait_for grep -qx held one || atf_fail "no connection"
	smtp_hold two $WORKER 220
	held_two=$HELD
	old=$(servers_of 2525)
	[ "$(echo "$old" | wc -l)" = 1 ] || atf_fail "served by: $old"
	smtp_dialogue $WORKER 220 "> QUIT" 221 closed
	# that was its third; the two that are open stay with it
	smtp_hold four $WORKER 220
	both=$(servers_of 2525)
	[ "$(echo "$both" | wc -l)" = 2 ] || atf_fail "served by: $both"
	echo "$both" | grep -qx "$old" || atf_fail "$old has gone"
	: >go
	wait $pid_one || { cat one; instance_fail "a client of the old one"; }
	mailbox_only jones
	smtp_release "$held_two"
	wait_for gone "$old" || atf_fail "$old does not retire"
	smtp_dialogue $WORKER 220 "> QUIT" 221 closed
	atf_check -o inline:'1\n' -x "grep -c . <<-END
		$(servers_of 2525)
	END"
}

atf_test_case workers
workers_head()
{
	atf_set descr "smtp workers: so many processes stand at the listener"
}
workers_body()
{
	smtp_start "smtp workers 3
		smtp spares 1"
	wait_for count_is 4 || instance_fail "not 3 workers and a spare"
	for i in 1 2 3 4; do
		smtp_dialogue $WORKER 220 "> QUIT" 221 closed
	done
	count_is 4 || atf_fail "$(sessions | wc -l) processes"
}

atf_test_case source
source_head()
{
	atf_set descr "Rules go by the address that the kernel knows"
}
source_body()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		table users file:users
		listen on 0.0.0.0 port 2525
		listen on 0.0.0.0 port 2526 isolation connection
		listen on ::1 port 2525
		listen on socket
		listen on 127.0.0.1 port 2600 tag "inside"
		action "box" maildir userbase <users>
		match from src { "127.0.0.2", "192.0.2.64/26", "::1" } for domain "example.org" action "box"
		match from local for rcpt-to "brown@example.org" action "box"
		match from any tag "inside" for rcpt-to "jones@example.org" action "box"
		match from socket for rcpt-to "jones@example.org" action "box"
	END
	instance_user jones brown
	instance_run mx
	for port in 2525 2526; do
		for from in "127.0.0.2 250" "127.0.0.1 550" "127.0.0.3 550" \
		    "192.0.2.64 250" "192.0.2.127 250" "192.0.2.63 550" \
		    "192.0.2.128 550"; do
			smtp_dialogue -b "${from% *}" 192.0.2.1:$port 220 \
			    "> EHLO [127.0.0.2]" 250 \
			    "> MAIL FROM:<smith@example.net>" 250 \
			    "> RCPT TO:<jones@example.org>" "${from#* }" \
			    "> QUIT" 221 closed
		done
	done
	to_jones="220;> EHLO [127.0.0.2];250;> MAIL FROM:<a@b.example>;250"
	to_jones="$to_jones;> RCPT TO:<jones@example.org>"
	for where in '[::1]:2525' 127.0.0.1:2600 "$DIR/run/submit.sock"; do
		echo "$to_jones;250;> QUIT;221" | tr ';' '\n' |
		    smtp_dialogue "$where"
	done
	# local and not: the same listener, the same recipient
	for from in "127.0.0.1 250" "192.0.2.1 550"; do
		smtp_dialogue -b "${from% *}" 192.0.2.1:2525 220 \
		    "> EHLO localhost" 250 "> MAIL FROM:<a@b.example>" 250 \
		    "> RCPT TO:<brown@example.org>" "${from#* }" "> QUIT" 221
	done
}

atf_test_case received
received_head()
{
	atf_set descr "The Received field names the address that the kernel" \
	    "knows, whatever the client says; mask-src leaves it out"
}
received_body()
{
	smtp_start "listen on 127.0.0.1 port 2600 mask-src"
	printf 'x\r\n' >wire
	for where in "-b 127.0.0.9 $WORKER" "-b 127.0.0.9 $SINGLE"; do
		smtp_dialogue $where 220 "> EHLO [192.0.2.99]" 250 \
		    "> MAIL FROM:<a@b.example>" 250 \
		    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "> x" \
		    "> ." 250 "> QUIT" 221 closed
		file=$(mailbox_only jones)
		message_trace <"$file" >got
		atf_check -o match:'^Received: from \[192.0.2.99\] \(unknown \[127.0.0.9\]\) by mail.example.org with ESMTP id ID for <jones@example.org>; DATE$' \
		    sed 's/  */ /g' got
		rm "$file"
	done
	smtp_mail '[::1]:2525' jones@example.org a@b.example wire
	file=$(mailbox_only jones)
	atf_check -o match:'\[IPv6:::1\]' cat "$file"
	rm "$file"
	smtp_mail "$DIR/run/submit.sock" jones@example.org a@b.example wire
	file=$(mailbox_only jones)
	atf_check -o match:'\(uid 0\)' cat "$file"
	rm "$file"
	smtp_mail 127.0.0.1:2600 jones@example.org a@b.example wire
	file=$(mailbox_only jones)
	atf_check -o match:'^Received: from unknown \(unknown \[unknown\]\)' \
	    cat "$file"
	atf_check -s exit:1 grep '127\.0\.0\.1\|client\.example' "$file"
}

atf_test_case link_local
link_local_head()
{
	atf_set descr "A client with a scoped address is served" \
	    "(CVE-2023-29323)"
}
link_local_body()
{
	ip link add v0 type veth peer name v1
	ip link set v1 up
	ip link set v0 up
	ip address add fe80::1/64 dev v0 nodad
	smtp_start "listen on :: port 2600
		listen on :: port 2601 isolation connection"
	printf 'x\r\n' >wire
	for port in 2600 2601; do
		smtp_mail "[fe80::1%v0]:$port" jones@example.org a@b.example \
		    wire
		file=$(mailbox_only jones)
		atf_check -o match:'\(unknown \[IPv6:fe80::1\]\)' cat "$file"
		rm "$file"
	done
}

atf_init_test_cases()
{
	atf_add_test_case connection
	atf_add_test_case burst
	atf_add_test_case dies_alone
	atf_add_test_case worker
	atf_add_test_case workers
	atf_add_test_case source
	atf_add_test_case received
	atf_add_test_case link_local
}
