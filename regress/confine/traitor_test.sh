#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A process that has been taken over tries what DESIGN.md 2 says it cannot do,
# and whatever else its descriptors and channels seem to offer.  It gets
# nowhere, and the rest of the daemon takes and delivers mail all the while.
. "$(atf_get_srcdir)/../lib/traitor.sh"

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
	await 'rcpt-reject .*peer=192.0.2.1 .*rcpt=brown@local.example code=55'
	await 'rcpt-reject .*rcpt=brown@elsewhere.example code=55'
	await 'traitor=tx-data-refused'
	caught session spool 'content of no transaction of its'
}

# --- another's session, another's message ---------------------------------

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
	for _act in "tx-data 4 0 0" "tx-reset 0 0 0" \
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
	for _act in "spool-open 1234567812345678 60 0 0" \
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

assertion log_has_no_controls 'A session cannot put controls into the log'
_log_has_no_controls()
{
	traitor_start session
	orders session 'frame master log 0 u8:7 s*1000:\x07'
	turn session
	await 'session\[[0-9]*\]: ????????'
	LC_ALL=C grep '[^ -~]' "$DIR/log" >odd || :
	atf_check cat odd
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
		raw master log 0 5 255 0
		raw master log 0 8180 255 0
		raw master bad-peer 1 1 255 0
	END
	[ "$_pids" = "$(role_pids router; role_pids spool; cat "$DIR/pid")" ] ||
	    instance_fail "somebody has died of it"
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
	comes_true hull_send
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
	assertions nothing_of_it_is_shipped
}
