#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A relay and a resolver that have been taken over, by hosts they speak with:
# what they say to the rest of the daemon that they have no right to, what
# they try of the machine, and how little there is to be had.
. "$(atf_get_srcdir)/../lib/traitor.sh"

# far_start ROLE: an instance that sends on, to a host at port 25 that need
# not be there; and to what the resolver says.
far_start()
{
	MORE="relay workers ${WORKERS:-1}
		relay timeout connect 2s
		queue retry 1h
		queue max-crashes 60
		resolver forward 127.0.0.1 port 53
		resolver max-inflight 5
		resolver timeout 2s
		action \"far\" relay host smtp://127.0.0.1:25
		action \"wide\" relay
		action \"sure\" relay tls
		match from any for domain \"far.example\" action \"far\"
		match from any for domain \"sure.example\" action \"sure\"
		match from any for any action \"wide\""
	traitor_start "$1"
}

# What is removed is there until that is recorded, and a destination that has
# failed has to wait for as long as there is mail for it.
far_waits()
{
	ctl show hoststats | grep -q ' waiting '
}
# far_send RCPT: and nothing else waits.
far_send()
{
	ctl remove all >/dev/null 2>&1 || :
	wait_for eval '! far_waits' || instance_fail "mail is left"
	"$LIBDIR/send.py" -w "$SPARES" a@example.net "$1" >sent ||
	    instance_fail "$1 is not taken"
}

# --- a relay: messages ----------------------------------------------------

assertion relay_forges_nothing 'A relay says nothing but its own, to anybody'
_relay_forges_nothing()
{
	far_start relay
	each_caught relay <<-END
		master message out of the table | raw master mailer-start 1 8 0 0
		master message out of the table | raw master user-ask 1 4 0 0
		master message out of the table | raw master taken 0 0 0 0
		spool message out of the table | raw spool queue-assign 1234567812345678 8 9 0
		spool message out of the table | raw spool queue-outcome 1234567812345678 32 0 0
		spool message out of the table | raw spool spool-open 1234567812345678 60 0 0
		spool message out of the table | raw spool spool-content 1234567812345678 1 0 0
		scheduler message out of the table | raw scheduler queue-flush 1 5 0 0
		scheduler bad outcome | raw scheduler outcome 1 18 255 0
		control message out of the table | raw control ctl-ask 1 2 0 0
		control end out of shape | raw control ctl-end 1 5 255 0
		resolver message out of the table | raw resolver dns-answer 1 16 0 0
		resolver question out of shape | raw resolver dns-ask 1 6 255 0
		resolver question out of shape | frame resolver dns-ask 1 u8:3 s:abcde
		resolver question out of shape | frame resolver dns-ask 1 u8:0 s*256:a
	END
}

assertion relay_reports_on_its_own 'A relay reports what it can know, of what it was given'
_relay_reports_on_its_own()
{
	# what follows "outcome": index, outcome, scope, status, text, via
	far_start relay
	while read -r _why; do
		orders relay "got spool deliver;${_why#*| }"
		turn relay
		far_send "jones@far.example"
		caught relay scheduler "${_why%% |*}"
	done <<-END
		outcome of what it does not have | frame scheduler outcome own u32:7 u8:0 u8:0 s:2.0.0 s:sent s:
		outcome of what it does not have | frame scheduler outcome own u32:0 u8:5 u8:0 s:2.0.0 s:sent s:
		outcome of what it does not have | frame scheduler outcome own u32:0 u8:0 u8:0 s:2.0.0 s:sent s:;frame scheduler outcome own u32:0 u8:0 u8:0 s:2.0.0 s:sent s:
		outcome of what it does not have | frame scheduler outcome 1234567812345678 u32:0 u8:0 u8:0 s:2.0.0 s:sent s:
		bad outcome | frame scheduler outcome own u32:0 u8:7 u8:0 s:2.0.0 s:sent s:
		bad outcome | frame scheduler outcome own u32:0 u8:0 u8:2 s:2.0.0 s:sent s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0.0 s:a\x0d\x0aTo:b s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0.0 s:\x01\x00 s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0\x0a s:no s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0.0 s:no s:h\x1b[2J
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s*65:5 s:no s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0.0 s*1301:a s:
		bad outcome | frame scheduler outcome own u32:0 u8:2 u8:0 s:5.0.0 s:no s*513:h
	END
}

# The relay that has the only connection to port 25.
relay_sending()
{
	SENDING=$(ss -Htnp state established "dport = :25" |
	    sed -n 's/.*"relay[^"]*",pid=\([0-9]*\),.*/\1/p')
	[ -n "$SENDING" ]
}

# relay_idle PID: there is another relay than that.
relay_idle()
{
	IDLE=$(role_pids relay | grep -vx "$1" | head -1)
	[ -n "$IDLE" ]
}

assertion relay_has_no_say_in_anothers 'A relay cannot finish what another one has'
_relay_has_no_say_in_anothers()
{
	"$LIBDIR/peer.py" 25 "$PWD/said" '220 peer\r\n' :hold >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	WORKERS=2
	far_start relay
	far_send jones@far.example
	wait_for relay_sending || instance_fail "nobody sends"
	for _outcome in 0 1 2; do
		wait_for relay_idle "$SENDING" ||
		    instance_fail "there is no other"
		orders relay "frame scheduler outcome $(cat sent) u32:0 u8:$_outcome u8:0 s:2.0.0 s:sent s:"
		kill -KILL "$IDLE"
		wait_for obeyed || instance_fail "orders were not taken"
		caught relay scheduler 'outcome of what it does not have'
	done
	not_touched relay "$SENDING"
	ctl show queue | grep -q jones@far.example ||
	    instance_fail "it is not in the queue any more"
}

assertion relay_asks_within_bounds 'A relay asks for names, and for no more than its share'
_relay_asks_within_bounds()
{
	# a name server that says nothing, and shows what it is asked
	python3 - 2>/dev/null <<-'PY' &
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", 53))
		while True:
		    data = s.recv(4096)
		    with open("asked", "ab") as f:
		        f.write(data + b"\n")
	PY
	: >asked
	far_start relay
	orders relay \
	    'frame resolver dns-ask 1 u8:0 s:a\x00b.example' 'got resolver dns-answer' \
	    'frame resolver dns-ask 2 u8:0 s:a\x20b.example' 'got resolver dns-answer' \
	    'frame resolver dns-ask 3 u8:1 s:a..b.example' 'got resolver dns-answer' \
	    'frame resolver dns-ask 4 u8:1 s*64:a' 'got resolver dns-answer' \
	    "$(seq 10 29 | sed 's/.*/frame resolver dns-ask & u8:0 s:x&.example/')" \
	    'got resolver dns-answer'
	turn relay
	await 'traitor=end'
	never 'event=peer-violation'
	! grep -a -e 'b.example' -e aaaaaaaa asked || atf_fail "that was asked"
	ctl show stats | awk '$1 == "resolver.refused" { print $2 }' >refused
	[ "$(cat refused)" -ge 15 ] || instance_fail "refused: $(cat refused)"
	hull_serves
}

# shown PATTERN VERB...: what smtpctl prints comes to have that, and nothing
# that a terminal would obey.
shown()
{
	_pattern=$1
	shift
	wait_for shows "$_pattern" "$@" ||
	    instance_fail "$* shows no $_pattern: $(head -3 shown)"
	! LC_ALL=C grep -a '[^ -~]' shown || atf_fail "$* shows that"
}
shows()
{
	_pattern=$1
	shift
	ctl "$@" >shown 2>&1 || :
	grep -qe "$_pattern" shown
}

assertion relay_rows_are_shown_only 'What a relay answers does nothing to a terminal'
_relay_rows_are_shown_only()
{
	far_start relay
	_odd='u8:2 s:\x1b[2Jkey u8:0 s:\x1b[2Jvalue s:\xc2\x9bk u8:2 s:99999999999999999999'
	while IFS='|' read -r _verb _rows; do
		orders relay "got control ctl-ask" \
		    "frame control ctl-rows own $_rows" \
		    'frame control ctl-end own u8:0 s:\x1b[31m\x0aend'
		turn relay
		shown 2Jvalue $_verb </dev/null
		await 'traitor=end'
	done <<-END
		show relays|u16:2 $_odd u8:1 s:content u8:0 s:\x1b]0;t\x07content
		-j show hosts|u16:1 $_odd
		show stats|u16:1 u8:2 s:counter u8:0 s:\x1b[2Jvalue s:value u8:1 s:5
	END
	# rows that are none
	orders relay "got control ctl-ask" 'frame control ctl-rows own u16:9 u8:255'
	turn relay
	shown "closed the connection" show relays
	hull_serves
}

# --- a relay: the machine -------------------------------------------------

# reached ROLE RESULTS: of its attempts at the network, with its orders.
reached()
{
	turn "$1"
	await 'traitor=end'
	tail -n "+$((MARK + 1))" "$DIR/log" |
	    sed -n 's/.*traitor=\(connect\|bind\) result=//p' |
	    # refused, or not answered yet: it got through to the network
	    sed 's/^ECONNREFUSED$/EINPROGRESS/' >results
	atf_check_equal "$2" "$(tr '\n' ' ' <results)"
	hull_serves
}

assertion relay_reaches_its_ports 'A relay connects to the ports of mail and no other'
_relay_reaches_its_ports()
{
	far_start relay
	orders relay "connect 127.0.0.1 25" "connect 127.0.0.1 2525" \
	    "connect 192.0.2.1 2526" "connect 127.0.0.1 22" \
	    "connect 127.0.0.1 53" "bind 127.0.0.1 25" "bind 0.0.0.0 2599" \
	    "bind 127.0.0.1 0"
	reached relay \
	    "EINPROGRESS EACCES EACCES EACCES EACCES EACCES EACCES done "
}

# What no role needs that connects.
forbidden()
{
	cat <<-END
		call execve 0 0 0
		call fork
		signal 1 9
		signal $(cat "$DIR/pid") 9
		signal $(hull_pid router) 9
		signal $(hull_pid spool) 11
		call tgkill 1 1 9
		call pidfd_open $(cat "$DIR/pid") 0
		call ptrace 16 $(hull_pid router) 0 0
		call process_vm_readv $(hull_pid spool) 0 0 0 0 0
		call prlimit64 $(hull_pid spool) 7 0 0
		call socket 1 526337 0
		call socket 16 526339 0
		call socket 17 526339 768
		call socket 38 526341 0
		call socket 40 526337 0
		call socket 2 526339 1
		call listen 3 5
		call accept4 3 0 0 526336
		call mount 0 0 0 0 0
		call unshare 268435456
		call setns 3 0
		call chroot 0
		call mprotect 0 4096 7
		call mmap 0 4096 7 34 -1 0
		call io_uring_setup 1 0
		call bpf 0 0 0
		call keyctl 0 0
		call setuid 0
		call seccomp 0 0 0
		call memfd_create 0 0
		call unlinkat -100 0 0
	END
}

# all_kill ROLE: each act of standard input is its last one.
all_kill()
{
	lives "$1" event=sandbox-violation
	! grep 'traitor=' "$DIR/log" || atf_fail "some act went through"
	! grep event=sandbox-violation "$DIR/log" | grep -v "role=$1" ||
	    atf_fail "others have died too"
}

assertion forbidden_acts_kill_a_relay 'What no relay needs kills it'
_forbidden_acts_kill_a_relay()
{
	far_start relay
	forbidden >acts
	cat >>acts <<-END
		call socket 2 526338 0
		call sendto 3 0 0 0 1 16
	END
	all_kill relay <acts
}

# --- a resolver -----------------------------------------------------------

assertion resolver_forges_nothing 'The resolver says nothing but answers, to those who asked'
_resolver_forges_nothing()
{
	far_start resolver
	each_caught resolver <<-END
		master message out of the table | raw master mailer-start 1 8 0 0
		master message out of the table | raw master user-ask 1 4 0 0
		router answer out of shape | raw router dns-answer 1 16 0 0
		router answer out of shape | frame router dns-answer 1 u8:0 u8:0 u32:60 s: s: u16:2 s:a.example s:b.example
		router answer to no question | frame router dns-answer ffffffff u8:2 u8:0 u32:60 s: s: u16:0
		router message out of the table | raw router tx-mail 1 23 0 0
		relay an answer to no question | raw relay dns-answer 1 16 0 0
		relay message out of the table | raw relay deliver 1 34 0 0
		relay message out of the table | raw relay dns-ask 1 6 0 0
		control message out of the table | raw control ctl-ask 1 2 0 0
		control end out of shape | raw control ctl-end 1 5 255 0
	END
}

assertion resolver_answers_what_was_asked 'An answer has the shape of its question'
_resolver_answers_what_was_asked()
{
	# for an MX: status, security, seconds, name, why, records
	far_start resolver
	while read -r _fields; do
		orders resolver "got relay dns-ask" \
		    "frame relay dns-answer own $_fields"
		turn resolver
		far_send jones@else.example
		caught resolver relay 'answer out of shape'
	done <<-END
		u8:5 u8:0 u32:60 s: s: u16:0
		u8:3 u8:2 u32:60 s: s: u16:0
		u8:0 u8:0 u32:60 s: s: u16:0
		u8:2 u8:0 u32:60 s: s: u16:1 u16:10 s:mx.example
		u8:0 u8:1 u32:60 s: s: u16:1 s:\x7f\x00\x00\x01
		u8:0 u8:0 u32:60 s: s: u16:60000 u16:10 s:mx.example
		u8:0 u8:0 u32:60 s: s: u16:1 u16:10 s:mx.example u8:0
		u8:0 u8:0 u32:60 s: s: u16:1 u16:10 s*256:a
		u8:0 u8:0 u32:60 s: s: u16:1 u16:10 s:a\x0d\x0aRSET
		u8:0 u8:0 u32:60 s: s: u16:1 u16:10 s:a\x00b
		u8:0 u8:0 u32:60 s: s: u16:1 u16:10 s:a\x20b
		u8:3 u8:0 u32:60 s: s:a\x0d\x0ab u16:0
		u8:3 u8:0 u32:60 s: s*513:a u16:0
	END
}

# answers FIELDS...: orders for a resolver, to answer one question after another
# of a relay.
answers()
{
	_orders=
	for _fields; do
		_orders="$_orders;got relay dns-ask;frame relay dns-answer own $_fields"
	done
	orders resolver "${_orders#;}"
	turn resolver
}
MX='u8:0 u8:1 u32:60 s: s: u16:1 u16:10 s:mx.example' NONE='u8:2 u8:1 u32:60 s: s: u16:0'

assertion resolver_floods_nobody 'Thousands of records are as good as a few'
_resolver_floods_nobody()
{
	far_start resolver
	_relay=$(hull_pid relay)
	answers 'u8:0 u8:0 u32:60 s: s: u16:3000 x*3000:u16:10,s:mx.example'
	far_send jones@many.example
	await 'traitor=end'
	# two for each of as many hosts as are looked at
	_asked=$(tail -n "+$((MARK + 1))" "$DIR/log" |
	    grep -c 'traitor=got result=dns-ask')
	[ "$_asked" -le 33 ] || instance_fail "$_asked questions"
	answers "$MX" "$NONE" 'u8:0 u8:0 u32:60 s: s: u16:7000 x*7000:s:\xc0\x00\x02\x09'
	far_send jones@more.example
	await 'event=relay .*more.example result=deferred .*Connection refused'
	_tried=$(tail -n "+$((MARK + 1))" "$DIR/log" |
	    grep -c 'event=relay-host .*192.0.2.9')
	[ "$_tried" -le 16 ] || instance_fail "$_tried connections"
	not_touched relay "$_relay"
	hull_serves
}

assertion resolver_leads_nobody_back 'No answer makes this host send to itself'
_resolver_leads_nobody_back()
{
	far_start resolver
	_relay=$(hull_pid relay)
	for _address in '\x7f\x00\x00\x01' '\x7f\x01\x02\x03' \
	    '\xc0\x00\x02\x01' '\x00\x00\x00\x00'; do
		answers "$MX" "$NONE" \
		    "u8:0 u8:1 u32:60 s: s: u16:1 s:$_address"
		far_send "jones@$(hull_pid resolver).example"
		await 'event=relay .*result=failed .*status=5.4.6'
	done
	answers 'u8:0 u8:1 u32:60 s: s: u16:1 u16:10 s:MAIL.example.org'
	far_send jones@name.example
	await 'event=relay .*name.example result=failed .*status=5.4.6'
	not_touched relay "$_relay"
	hull_serves
}

assertion resolver_vouches_for_nobody 'What must be TLS is TLS, wherever an answer leads'
_resolver_vouches_for_nobody()
{
	"$LIBDIR/peer.py" 192.0.2.9:25 "$PWD/said" '220 peer\r\n' :line \
	    '250 peer\r\n' :hold >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	far_start resolver
	answers "$MX" "$NONE" 'u8:0 u8:1 u32:60 s: s: u16:1 s:\xc0\x00\x02\x09'
	far_send jones@sure.example
	await 'event=relay .*result=deferred .*status=4.7.10'
	! grep -q MAIL said || atf_fail "it is sent: $(cat said)"
	hull_serves
}

assertion resolver_reaches_its_ports 'A resolver connects to the port of the DNS and no other'
_resolver_reaches_its_ports()
{
	far_start resolver
	orders resolver "connect 127.0.0.1 53" "connect 127.0.0.1 25" \
	    "connect 127.0.0.1 2525" "connect 192.0.2.1 2526" \
	    "bind 127.0.0.1 53" "bind 0.0.0.0 2599" "bind 127.0.0.1 0"
	reached resolver \
	    "EINPROGRESS EACCES EACCES EACCES EACCES EACCES done "
}

assertion forbidden_acts_kill_a_resolver 'What no resolver needs kills it'
_forbidden_acts_kill_a_resolver()
{
	far_start resolver
	# there is but one at a time: one of each kind
	forbidden | grep -e execve -e fork -e 'signal 1' -e ptrace -e 'socket ' \
	    -e listen -e accept -e setns -e mmap -e io_uring >acts
	while read -r _act; do
		orders resolver "$_act"
		turn resolver
		await 'event=sandbox-violation role=resolver'
		never 'traitor='
	done <acts
	hull_serves
}

# --- both -----------------------------------------------------------------

# instance ROLE: of the process that is there.
instance()
{
	sed -n "s/.*role-ready role=$1 pid=$(hull_pid "$1") instance=//p" \
	    "$DIR/log"
}

assertion slander_falls_back 'Neither can have another role killed'
_slander_falls_back()
{
	MORE="relay workers 1" traitor_start relay resolver
	_pids=$(for _of in router spool scheduler delivery; do
		hull_pid "$_of"
	done; cat "$DIR/pid")
	# as in enum role
	for _who in relay resolver; do
		for _of in 2-router 5-spool 6-scheduler 7-delivery; do
			orders "$_who" "raw master bad-peer $(printf %x \
			    "$(instance "${_of#*-}")") 1 ${_of%-*} 0"
			turn "$_who"
			await "event=peer-killed role=$_who .*by=$_who"
			never "event=peer-killed role=${_of#*-}"
		done
	done
	[ "$_pids" = "$(for _of in router spool scheduler delivery; do
		hull_pid "$_of"
	done; cat "$DIR/pid")" ] || instance_fail "somebody has died of it"
	hull_serves
}

assertion liar_goes_with_its_accuser 'Of two that hosts speak with, nobody is believed'
_liar_goes_with_its_accuser()
{
	MORE="relay workers 1" traitor_start relay resolver
	_control=$(hull_pid control)
	_relay=$(hull_pid relay)
	orders resolver "raw relay dns-answer 1 16 0 0"
	turn resolver
	caught resolver relay 'an answer to no question'
	wait_for hull_replaced relay "$_relay" ||
	    instance_fail "the relay is believed"
	# one accusation in a life, and of peers alone
	_resolver=$(hull_pid resolver)
	orders relay \
	    "slander resolver $(instance resolver) control $(instance control)"
	turn relay
	await "event=peer-killed role=resolver .*by=relay"
	await "event=peer-killed role=relay .*by=relay"
	wait_for hull_replaced resolver "$_resolver" ||
	    instance_fail "the resolver stays"
	not_touched control "$_control"
	hull_serves
}

atf_init_test_cases()
{
	assertions
}
