#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A process that has been taken over tries what DESIGN.md 2 says it cannot do,
# and whatever else its descriptors and channels seem to offer.  It gets
# nowhere, and the rest of the daemon takes and delivers mail all the while.
. "$(atf_get_srcdir)/../lib/hull.sh"

ip address add 192.0.2.1/24 dev lo
WORKER=192.0.2.1:2525  # one process, which becomes the traitor
SPARES=127.0.0.1:2526  # others, one for each connection
HULL_WHERE=$SPARES

# traitor_start ROLE...: the instance, in which these can be turned.
traitor_start()
{
	hull_new 'smtp workers 1
		smtp spares 2
		listen on 0.0.0.0 port 2526 isolation connection
		match from local for domain "local.example" action "box"'
	hull_with "$OBJDIR/regress/confine/traitor" "$@"
	sed -i '/^smtp workers 2/d' "$DIR/smtpd.conf"
	instance_run mx -v
	hull_serves
}

# orders ROLE LINE...: for the next life of it.  Of sessions, all that are to
# be there have to be, so that it is the worker who takes them.
orders()
{
	[ "$1" != session ] || wait_for sessions_there ||
	    instance_fail "sessions are missing"
	MARK=$(wc -l <"$DIR/log")
	order "$@"
}
order()
{
	ORDERS=$((${ORDERS:-0} + 1))
	_orders=bad/libexec/bulkhead/$1.orders.$ORDERS
	shift
	printf '%s\n' "$@" | tr ';' '\n' >"$_orders.new"
	mv "$_orders.new" "$_orders"
}
obeyed()
{
	! ls bad/libexec/bulkhead/*.orders.* >/dev/null 2>&1
}

# The session that listens on port 2525.
worker()
{
	ss -Hltnp "sport = :2525" | sed 's/),(/\n/g' |
	    sed -n 's/.*"session[^"]*",pid=\([0-9]*\),.*/\1/p' | head -1
}
victim()
{
	if [ "$1" = session ]; then
		worker
	else
		hull_pid "$1"
	fi
}
# The worker, two that stand ready, and those with a connection that is held.
sessions_there()
{
	[ -n "$(worker)" ] &&
	    [ "$(role_pids session | wc -l)" = "$((3 + HOLDING))" ] &&
	    [ "$(ss -Htn state established "sport = :2526" | wc -l)" = \
	    "$HOLDING" ]
}
HOLDING=0

# turn ROLE: a new life begins, under the orders given before, which are done
# when this returns.
turn()
{
	kill -KILL "$(victim "$1")"
	wait_for obeyed || instance_fail "orders were not taken"
}

# lives ROLE PATTERN: one life for each line of standard input, its orders
# divided by semicolons, several at a time; each is to leave a line of the log that matches.
lives()
{
	sed -i 's/smtp spares 2/smtp spares 15/' "$DIR/smtpd.conf"
	_lives=0
	MARK=$(wc -l <"$DIR/log")
	while read -r _line; do
		order "$1" "$_line"
		_lives=$((_lives + 1))
	done
	# no session takes connections any more: others come
	ctl reload
	wait_for obeyed || instance_fail "orders were not taken"
	wait_for logged "$_lives" "$2" || {
		grep traitor= "$DIR/log" >&2
		instance_fail "not $_lives lines: $2"
	}
	never 'traitor=end'
	sed -i 's/smtp spares 15/smtp spares 2/' "$DIR/smtpd.conf"
	ctl reload
	hull_serves
}

# since PATTERN: whether a line of the log after the turn matches.
since()
{
	tail -n "+$((MARK + 1))" "$DIR/log" | grep -qe "$1"
}
await()
{
	wait_for since "$1" || instance_fail "not in the log: $1"
}
never()
{
	! since "$1" || instance_fail "in the log: $1"
}

# caught ROLE BY WHY: by that role, for that reason; killed for it; and the
# others never noticed.
caught()
{
	await " $2\[.*event=peer-violation peer=$1 .*why=\"$3"
	_instance=$(tail -n "+$((MARK + 1))" "$DIR/log" | sed -n \
	    "s/.*event=peer-violation peer=$1 instance=\([0-9]*\) .*/\1/p")
	_pid=$(sed -n \
	    "s/.*role-ready role=$1 pid=\([0-9]*\) instance=$_instance\$/\1/p" \
	    "$DIR/log")
	# before it has come to the end of its orders
	wait_for gone "$_pid" || instance_fail "$1 is not killed for it"
	never 'traitor=end'
	never 'event=sandbox-violation'
	hull_serves
}

# not_touched ROLE PID: that process still lives.
not_touched()
{
	role_pids "$1" | grep -qx "$2" || instance_fail "$1 has died of it"
}

# assertion NAME DESCRIPTION
assertion()
{
	atf_test_case "$1"
	eval "$1_head() {
		atf_set descr '$2'
		atf_set require.user root
		atf_set timeout 120
	}
	$1_body() { _$1; }"
	ASSERTIONS="${ASSERTIONS:-} $1"
}

# --- who is speaking ------------------------------------------------------

assertion client_is_what_the_kernel_says 'A session cannot lie about who is speaking'
_client_is_what_the_kernel_says()
{
	traitor_start session
	# its own channel, whose other end root made, as a local client
	orders session \
	    "session 1 channel" \
	    "mail <a@example.net>"
	turn session
	caught session router 'bad session-open'

	# no connection at all
	orders session \
	    "session 0 listener" \
	    "mail <a@example.net>" \
	    "rcpt <brown@example.org>"
	turn session
	await 'traitor=session-opened result=RP_OVERLOADED'
	caught session router 'session is not yours'

	# a client from afar as one of the local socket
	orders session \
	    "accept" \
	    "session 1 client" \
	    "mail <a@example.net>"
	turn session
	"$LIBDIR/dialogue.py" "$WORKER" "pause 5" >dialogue 2>&1 &
	await 'traitor=session-opened result=RP_UNAVAILABLE'
	caught session router 'session is not yours'
}

assertion relay_is_not_opened 'A session cannot send where the rules refused'
_relay_is_not_opened()
{
	# for brown at local.example from local clients only
	traitor_start session
	orders session \
	    "accept" \
	    "session 0 client" \
	    "mail <a@example.net>" \
	    "rcpt <brown@local.example>" \
	    "rcpt <brown@elsewhere.example>" \
	    "data" \
	    "raw spool spool-content own 100 65 0"
	turn session
	"$LIBDIR/dialogue.py" -b 192.0.2.1 "$WORKER" "pause 5" \
	    >dialogue 2>&1 &
	await 'traitor=session-opened result=RP_GREETING'
	await 'traitor=tx-mail-answer result=RP_MAIL_OK'
	await 'rcpt-reject .*peer=192.0.2.1 .*rcpt=brown@local.example code=55'
	await 'rcpt-reject .*rcpt=brown@elsewhere.example code=55'
	await 'traitor=tx-data-refused'
	caught session spool 'content of no transaction of its'
}

# --- another's session, another's message ---------------------------------

# held_begin: a transaction in another process that has begun its content;
# SID and MID are its session and its message.
held_begin()
{
	rm -f go
	"$LIBDIR/dialogue.py" "$SPARES" 220 "> EHLO held.example" 250 \
	    "> MAIL FROM:<held@example.net>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 \
	    ">> Subject: held\r\n\r\nfirst\r\n" "say held" "await $PWD/go" \
	    ">> last\r\n.\r\n" 250 "> QUIT" 221 >held 2>&1 &
	HELD=$!
	HOLDING=1
	wait_for grep -qx held held || instance_fail "nothing is held"
	MID=$(sed -n 's/.*rcpt-accept message=\([0-9a-f]*\) .*from=held.*/\1/p' \
	    "$DIR/log" | tail -1)
	SID=$(sed -n 's/.*session-open session=\([0-9a-f]*\) .*/\1/p' \
	    "$DIR/log" | tail -1)
	[ -n "$MID" ] && [ -n "$SID" ] || instance_fail "no ids in the log"
}

# held_end: it is accepted, and delivered as it was sent.
held_end()
{
	: >go
	HOLDING=0
	wait "$HELD" || { cat held >&2; instance_fail "it was disturbed"; }
	HULL_SENT=$((HULL_SENT + 1))
	mailbox_wait jones "$HULL_SENT"
	_file=$(grep -l '^Subject: held' $(maildir_files jones) | tail -1)
	sed '1,/^$/d' "$_file" >body
	printf 'first\nlast\n' | cmp - body ||
	    instance_fail "it is not what was sent"
}

assertion message_of_another_is_safe 'A session cannot touch the message of another'
_message_of_another_is_safe()
{
	traitor_start session
	for _act in "content 100 65" "commit 8 0" "abort 0 0"; do
		held_begin
		orders session "raw spool spool-${_act%% *} $MID ${_act#* } 0"
		turn session
		caught session spool \
		    "${_act%% *} of \(no transaction of its\|a transaction\)"
		held_end
	done
}

assertion session_of_another_is_safe 'A session cannot speak for the client of another'
_session_of_another_is_safe()
{
	traitor_start session
	for _act in "tx-data 0 0 0" "tx-reset 0 0 0" \
	    "tx-rcpt 9 0 0"; do
		held_begin
		orders session "raw router ${_act%% *} $SID ${_act#* }"
		turn session
		caught session router 'session is not yours'
		held_end
	done
	# nor can it end it
	held_begin
	orders session "raw router session-close $SID 0 0 0"
	turn session
	await 'traitor=end'
	held_end
}

# --- what it has no right to say ------------------------------------------

assertion envelopes_are_the_routers 'A session cannot write an envelope'
_envelopes_are_the_routers()
{
	traitor_start session
	held_begin
	for _act in "spool-open 1234567812345678 43 0 0" \
	    "spool-envelope $MID 17 0 0" "queue-outcome $MID 32 0 0" \
	    "queue-assign $MID 8 0 0"; do
		orders session "raw spool $_act"
		turn session
		caught session spool 'message out of the table'
	done
	held_end
}

assertion master_takes_no_orders 'The master takes no order from a session'
_master_takes_no_orders()
{
	traitor_start session
	_master='master\[.*event=peer-violation peer=session '
	lives session "$_master.*message out of the table" <<-END
		raw master mailer-start 1 8 0 0
		raw master user-ask 1 4 0 0
		raw master ctl-ask 1 2 0 0
		raw master hello 1 26 0 3
		raw master stop 0 0 0 0
		raw master listen 0 0 0 1
		raw master config 0 0 0 1
	END
	lives session "$_master.*ready twice" <<-END
		raw master ready 0 0 0 0
	END
	# of the two kinds of session this one is one at most
	lives session "$_master.*not that kind of session" <<-END
		raw master taken 0 0 0 0;raw master retired 0 0 0 0
	END
}

assertion slander_falls_back 'A session cannot have another role killed'
_slander_falls_back()
{
	traitor_start session
	_router=$(hull_pid router)
	_spool=$(hull_pid spool)
	# role 2 is router, 5 is spool; their instances are low
	lives session 'event=peer-killed role=session .*by=session' <<-END
		raw master bad-peer 1 1 2 0
		raw master bad-peer 2 1 2 0
		raw master bad-peer 1 1 5 0
		raw master bad-peer 2 1 5 0
	END
	not_touched router "$_router"
	not_touched spool "$_spool"
}

assertion frames_out_of_shape 'Whoever sends what is no message is replaced'
_frames_out_of_shape()
{
	traitor_start session
	_pids=$(role_pids router; role_pids spool; cat "$DIR/pid")
	lives session 'event=peer-violation .*message out of the table' <<-END
		odd router tx-data
		short router session-open
		long router session-open
		long spool spool-commit
		short spool spool-commit
		odd spool spool-commit
		long master ready
		odd master ready
		raw router tx-data 1 0 0 1
		raw router session-open 1 4 0 0
		raw router session-open 1 4 0 2
		raw spool spool-content 1 1 0 4
		raw master ready 0 0 0 8
		raw router 0 0 0 0 0
		raw spool 65535 0 0 0 0
	END
	[ "$_pids" = "$(role_pids router; role_pids spool; cat "$DIR/pid")" ] ||
	    instance_fail "somebody has died of it"
}

assertion garbage_in_its_own_words 'Hostile fields end the session and nobody else'
_garbage_in_its_own_words()
{
	traitor_start session
	_pids=$(role_pids router; role_pids spool; cat "$DIR/pid")
	lives session 'event=peer-violation peer=session' <<-END
		raw router session-open 1 4 255 1
		raw router session-open 1 4 0 1
		raw router tx-mail 1 23 0 0
		raw router tx-mail 1 23 255 0
		raw router tx-mail 1 1400 0 0
		raw router tx-mail 1 1400 255 0
		raw router tx-rcpt 1 9 0 0
		raw router tx-rcpt 1 9 255 0
		raw router tx-rcpt 1 1400 0 0
		raw router tx-rcpt 1 1400 255 0
		raw spool spool-content 1 61440 0 0
		raw spool spool-content 1 61440 255 0
		raw spool spool-commit 1 8 0 0
		raw spool spool-commit 1 8 255 0
		raw master log 0 1 255 0
		raw master log 0 2200 255 0
		raw master bad-peer 1 1 255 0
	END
	[ "$_pids" = "$(role_pids router; role_pids spool; cat "$DIR/pid")" ] ||
	    instance_fail "somebody has died of it"
}

# --- the other roles ------------------------------------------------------

assertion delivery_becomes_nobody_else 'Delivery gets no mailer but of a user of the rules'
_delivery_becomes_nobody_else()
{
	traitor_start delivery
	# what a name and an action can be, in the shape of MAILER_START
	_user=$(hull_pid router)
	orders delivery \
	    "mailer root box" \
	    "mailer brown nosuch" \
	    "mailer ../brown box" \
	    "mailer 0 box"
	turn delivery
	await 'mailer-refused user=root why="no such user"'
	await 'mailer-refused user=brown why="no such action'
	await 'mailer-refused user=../brown why="no such user"'
	await 'mailer-refused user=0 why="no such user"'
	await 'traitor=end'
	not_touched router "$_user"
	hull_serves
}

assertion delivery_reports_only_on_its_own 'Delivery cannot finish what it does not have'
_delivery_reports_only_on_its_own()
{
	traitor_start delivery
	held_begin
	# neither a message that is not there yet nor one it never had
	for _id in "$MID" 1234567812345678; do
		orders delivery "raw scheduler outcome $_id 18 0 0"
		turn delivery
		caught delivery scheduler 'outcome of what it does not have'
	done
	held_end
	hull_serves
}

assertion mailer_keeps_to_its_mailbox 'A mailer reaches no file and no message of others'
_mailer_keeps_to_its_mailbox()
{
	traitor_start mailer
	echo secret >"$DIR/home/brown/secret"
	chmod 644 "$DIR/home/brown/secret"
	chmod 755 "$DIR/home/brown"
	orders mailer \
	    "open $DIR/home/brown/secret" \
	    "create $DIR/home/brown/forged" \
	    "create $DIR/home/forged" \
	    "open $DIR/smtpd.conf" \
	    "open /etc/passwd" \
	    "escape" \
	    "raw delivery mailbox-done 1234567812345678 13 0 0"
	kill -KILL "$(hull_pid mailer)"
	hull_send
	HULL_SENT=$((HULL_SENT + 1))
	await 'traitor=open result=EACCES'
	await 'traitor=escape result=none'
	never 'traitor=open result=done'
	never 'traitor=create result=done'
	await 'delivery\[.*event=peer-violation peer=mailer'
	[ ! -e "$DIR/home/brown/forged" ] && [ ! -e "$DIR/home/forged" ] ||
	    instance_fail "it has written there"
	# what it was given is delivered by the next, later
	ctl schedule all
	mailbox_wait jones "$HULL_SENT"
	hull_serves
}

assertion mailer_says_nothing_to_the_master 'The master takes no order from a mailer'
_mailer_says_nothing_to_the_master()
{
	traitor_start mailer
	for _act in "mailer-start 1 8 0 0" "user-ask 1 4 0 0" \
	    "peer 1 9 0 1"; do
		orders mailer "raw master $_act"
		kill -KILL "$(hull_pid mailer)"
		hull_send
		HULL_SENT=$((HULL_SENT + 1))
		await 'master\[.*event=peer-violation peer=mailer'
		ctl schedule all
		mailbox_wait jones "$HULL_SENT"
	done
	hull_serves
}

# --- every role: the machine ----------------------------------------------

assertion nobody_reaches_a_file 'No role reaches a file, a way out or a new process'
_nobody_reaches_a_file()
{
	traitor_start $ROLES
	for _of in $ROLES; do
		_why=EACCES
		[ "$_of" != spool ] || _why=ENOENT
		orders "$_of" \
		    "open /etc/passwd" \
		    "open $DIR/smtpd.conf" \
		    "open /proc/self/status" \
		    "escape" \
		    "fork" \
		    "fds"
		turn "$_of"
		await "$_of\[.*traitor=escape result=none"
		await "$_of\[.*traitor=open result=$_why"
		never "traitor=open result=done"
		await "$_of\[.*traitor=fork result=EAGAIN"
		# /dev/null, channels, the loop's own: no file, no directory
		[ "$_of" = spool ] ||
		    await "$_of\[.*traitor=fds result=ccc[sap]*\$"
	done
	wait_for hull_send
	HULL_SENT=$((HULL_SENT + 1))
	hull_serves
}

assertion forbidden_acts_kill 'What no session needs kills it'
_forbidden_acts_kill()
{
	traitor_start session
	lives session event=sandbox-violation <<-END
		call execve 0 0 0
		call fork
		call vfork
		signal 1 9
		signal $(cat "$DIR/pid") 9
		signal $(hull_pid router) 9
		signal $(hull_pid spool) 11
		call tgkill 1 1 9
		call pidfd_open $(cat "$DIR/pid") 0
		call ptrace 16 $(hull_pid router) 0 0
		call process_vm_readv $(hull_pid spool) 0 0 0 0 0
		call prlimit64 $(hull_pid spool) 7 0 0
		call socket 2 1 0
		call socket 1 1 0
		call socket 16 3 0
		call socket 17 3 768
		call socket 38 5 0
		call socket 40 1 0
		call connect 3 0 0
		call bind 3 0 0
		call mount 0 0 0 0 0
		call unshare 268435456
		call setns 3 0
		call chroot 0
		call chdir 0
		call pivot_root 0 0
		call mprotect 0 4096 7
		call mmap 0 4096 7 34 -1 0
		call io_uring_setup 1 0
		call bpf 0 0 0
		call userfaultfd 0
		call perf_event_open 0 0 0 0 0
		call keyctl 0 0
		call setuid 0
		call seccomp 0 0 0
		call rt_sigaction 31 0 0 8
		call memfd_create 0 0
		call unlinkat -100 0 0
	END
	! grep 'traitor=' "$DIR/log" || atf_fail "some act went through"
	! grep event=sandbox-violation "$DIR/log" | grep -v role=session ||
	    atf_fail "others have died too"
}

assertion nothing_of_it_is_shipped 'The programs contain nothing of these tests'
_nothing_of_it_is_shipped()
{
	for _program in "$OBJDIR"/sbin/* "$OBJDIR"/libexec/bulkhead/*; do
		! nm "$_program" | grep -i traitor || atf_fail "$_program"
		! strings "$_program" | grep -i traitor || atf_fail "$_program"
	done
	strings "$OBJDIR/regress/confine/traitor" | grep -q traitor ||
	    atf_fail "this would not see it"
}


atf_init_test_cases()
{
	for _assertion in $ASSERTIONS; do
		# without a filter some acts end otherwise, and some go on
		hull_enforced || [ "$_assertion" = nothing_of_it_is_shipped ] ||
		    continue
		atf_add_test_case "$_assertion"
	done
}
