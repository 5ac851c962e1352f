#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# SEND, SOML and SAML (RFC 821 3.4, appendix F.4 to F.6): on the terminal of a
# user who is logged in, in the mailbox, or both.

. "$(atf_get_srcdir)/../lib/smtp.sh"

terminal_start()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		table users file:users
		table lists { both = "jones, brown" }
		listen on 0.0.0.0 port 2525 terminal ${1:-any}
		action "box" maildir alias <lists> userbase <users>
		match from any for domain "example.org" action "box"
	END
	instance_user jones brown
	instance_run mx
}

# logged_in NAME [OPTION...]: that user is at a terminal, which is shown in
# the file shown.NAME.
logged_in()
{
	_name=$1
	shift
	_uid=$(sed -n "s/^$_name \([0-9]*\):.*/\1/p" "$DIR/users")
	"$LIBDIR/terminal.py" "$@" "$DIR/run/utmp" "$_name" "$_uid" \
	    "shown.$_name" >"line.$_name" &
	wait_for test -s "line.$_name" || atf_fail "no terminal"
}

# told VERB RCPT REPLY: a transaction with that reply to RCPT, and content if
# that is 250.
told()
{
	_verb=$1 _rcpt=$2 _reply=$3
	set -- 220 "> EHLO client.example.net" 250 \
	    "> $_verb FROM:<eak@mit.example>" 250 "> RCPT TO:<$_rcpt>" $_reply
	[ $_reply != 250 ] || set -- "$@" "> DATA" 354 "> Subject: Hello" ">" \
	    ">> Blah blah \x1b[2J\xc3\xbc\xc2\x9b\r\n" "> ..." "> ." 250
	smtp_dialogue $WORKER "$@" "> QUIT" 221 closed
}

shown()
{
	tr -d '\r' <"shown.$1" | cmp -s - "$2"
}

# shows NAME [TEXT]: that user's terminal comes to show the message.
shows()
{
	printf '\nMessage from <eak@mit.example> by mail:\nSubject: Hello\n' \
	    >wanted
	printf 'Blah blah ?[2J%s\n..\nEOF\n' "${2:-ü?}" >>wanted
	wait_for shown "$1" wanted || {
		cat "$DIR/log"
		od -c "shown.$1"
		atf_fail "$1 does not see it"
	}
}

empty()
{
	[ "$(mailbox_count "$1")" = 0 ] || atf_fail "$1 has mail"
}

atf_test_case send
send_head()
{
	atf_set descr "SEND is for the terminal alone, and refused for who is" \
	    "not at one"
}
send_body()
{
	terminal_start
	logged_in jones
	told SEND jones@example.org 250
	shows jones
	told SEND brown@example.org 450
	told SEND both@example.org 450
	told SEND green@example.org 550
	log_wait 1 "event=delivered .*rcpt=jones@example.org"
	empty jones
	wait_for queue_empty || atf_fail "something is left"
}
queue_empty()
{
	[ -z "$(ctl -j show queue)" ]
}

atf_test_case verifying_and_sending
verifying_and_sending_head()
{
	atf_set descr "Verifying and sending (F.4), sending and mailing (F.5)," \
	    "and both in one (F.6)"
}
verifying_and_sending_body()
{
	instance_new mx <<-END
		hostname "SU-SCORE.EDU"
		table users file:users
		listen on 0.0.0.0 port 2525 vrfy any terminal any
		action "box" maildir userbase <users>
		match from any for domain "su-score.edu" action "box"
	END
	instance_user jones brown
	instance_run mx
	logged_in jones
	smtp_dialogue $WORKER 220 "> HELO MIT-MC.EDU" 250 "> VRFY Jones" 250 \
	    "> SEND FROM:<EAK@MIT-MC.EDU>" 250 \
	    "> RCPT TO:<Jones@SU-SCORE.EDU>" 250 "> DATA" 354 \
	    "> Blah blah blah..." "> ...etc. etc. etc." "> ." 250 \
	    "> SEND FROM:<EAK@MIT-MC.EDU>" 250 \
	    "> RCPT TO:<Brown@SU-SCORE.EDU>" 450 "> RSET" 250 \
	    "> MAIL FROM:<EAK@MIT-MC.EDU>" 250 \
	    "> RCPT TO:<Brown@SU-SCORE.EDU>" 250 "> DATA" 354 \
	    "> Blah blah blah..." "> ." 250 \
	    "> SOML FROM:<EAK@MIT-MC.EDU>" 250 \
	    "> RCPT TO:<Brown@SU-SCORE.EDU>" 250 "> DATA" 354 \
	    "> Blah blah blah..." "> ." 250 "> QUIT" 221 closed >got
	atf_check -o inline:'450 4.2.1 user is not active now\n' grep ^450 got
	mailbox_wait brown 2
	wait_for grep -q '^..etc. etc. etc.' shown.jones ||
	    atf_fail "jones does not see it"
	empty jones
}

atf_test_case soml
soml_head()
{
	atf_set descr "SOML goes to the terminal or else to the mailbox, SAML" \
	    "to both"
}
soml_body()
{
	terminal_start
	logged_in jones
	told SOML both@example.org 250
	shows jones
	mailbox_wait brown 1
	empty jones
	: >shown.jones
	kill $!
	told SAML jones@example.org 250
	mailbox_wait jones 1
	logged_in brown
	told SAML brown@example.org 250
	mailbox_wait brown 2
	shows brown
	wait_for queue_empty || atf_fail "something is left"
}

atf_test_case whose_terminal
whose_terminal_head()
{
	atf_set descr "A terminal is written to only if it is the user's own" \
	    "and he has not said mesg n, whatever utmp says"
}
whose_terminal_body()
{
	terminal_start
	logged_in jones -n
	told SEND jones@example.org 450
	told SOML jones@example.org 250
	mailbox_wait jones 1
	# utmp says that brown is at a terminal of somebody else
	logged_in brown -o 12345 -w
	told SOML brown@example.org 250
	mailbox_wait brown 1
	told SEND brown@example.org 250
	log_wait 1 "event=failed .*rcpt=brown@example.org .*status=5.2.1"
	for line in ../etc/x /dev/pts/0 pts/../pts/0 "pts/" null mem \
	    "tty/../null" ttyX/../../etc/passwd; do
		python3 -c 'import struct, sys
sys.stdout.buffer.write(struct.pack("hxxi32s4s32s256s20x32x", 7, 1,
    sys.argv[1].encode(), b"x", b"jones", b""))' "$line" >>"$DIR/run/utmp"
	done
	atf_check test $(($(wc -c <"$DIR/run/utmp") % 384)) = 0
	told SEND jones@example.org 450
	[ ! -s shown.jones ] || atf_fail "jones was disturbed"
	[ ! -s shown.brown ] || atf_fail "another one was disturbed"
}

atf_test_case no_utf8
no_utf8_head()
{
	atf_set descr "Where octets can be control characters, nothing but" \
	    "ASCII is written"
}
no_utf8_body()
{
	terminal_start
	logged_in jones -8
	told SEND jones@example.org 250
	shows jones '??'
}

atf_test_case who_may
who_may_head()
{
	atf_set descr "They are served where the listener says so, and offered" \
	    "there alone"
}
who_may_body()
{
	terminal_start local
	logged_in jones
	for verb in SEND SOML SAML; do
		smtp_dialogue $FOREIGN 220 "> EHLO c.example" 250 \
		    "> $verb FROM:<a@b.example>" 502 "> QUIT" 221 closed >got
		atf_check -s exit:1 grep "$verb" got
		smtp_dialogue $WORKER 220 "> $verb FROM:<a@b.example>" 503 \
		    "> EHLO c.example" 250 "> $verb" 501 \
		    "> $verb TO:<a@b.example>" 501 \
		    "> $verb FROM:<a@b.example> SIZE=10" 250 \
		    "> $verb FROM:<a@b.example>" 503 "> RSET" 250 \
		    "> QUIT" 221 closed >got
		atf_check -o match:"^250-$verb" cat got
	done
}

atf_test_case kept_over_a_restart
kept_over_a_restart_head()
{
	atf_set descr "What waits for a terminal or a mailbox is still meant" \
	    "for it after a restart"
}
kept_over_a_restart_body()
{
	terminal_start
	ctl pause mda
	told SAML jones@example.org 250
	told SOML brown@example.org 250
	instance_kill mx
	logged_in jones
	logged_in brown
	instance_run mx
	shows jones
	shows brown
	mailbox_wait jones 1
	empty brown
	wait_for queue_empty || atf_fail "something is left"
}

atf_init_test_cases()
{
	atf_add_test_case send
	atf_add_test_case verifying_and_sending
	atf_add_test_case soml
	atf_add_test_case whose_terminal
	atf_add_test_case no_utf8
	atf_add_test_case who_may
	atf_add_test_case kept_over_a_restart
}
