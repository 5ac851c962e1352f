#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The scenarios of RFC 821 appendix F on the side of the sender: what a host
# of 1982 gets from us, to the octet, and what our user gets back.  We ask no
# host to verify or expand a name, nor to send to a terminal (F.4 to F.6).
. "$(atf_get_srcdir)/../lib/instance.sh"

# receiver: the other host, on standard input; ready on return.
receiver()
{
	cat >dialogue
	"$LIBDIR/receiver.py" 2526 <dialogue >said &
	wait_for grep -q ready said || atf_fail "no receiver"
}

# received: it has got what it wanted, and nothing else.
received()
{
	wait_for heard || instance_fail "the receiver waits still"
	grep -qx done said || {
		sed 1d said >&2
		instance_fail "the receiver got something else"
	}
}
heard()
{
	[ "$(wc -l <said)" -gt 1 ]
}

# sender HOSTNAME [SETTING]: us, at whose domain Smith, JQP and Mo live.
sender()
{
	instance_new out <<CONF
hostname "$1"
table users file:users
relay timeout idle ${IDLE:-1s}
queue retry 1h
listen on 127.0.0.1 port 2525
${2:-}
action "box" maildir userbase <users>
action "on" relay host smtp://127.0.0.1:2526
match from any for domain { "uow.edu.au", "mit-ai.edu", "lbl-unix.edu" } \\
    action "box"
match from any for any action "on"
CONF
	instance_user smith jqp mo
	instance_run out
}

# told USER WORDS...: that user has one notification, with these in it.
told()
{
	mailbox_wait "$1" 1
	_told=$(maildir_files "$1")
	atf_check_equal 1 "$(echo "$_told" | wc -l)"
	shift
	for _words; do
		grep -qi -e "$_words" "$_told" || {
			cat "$_told" >&2
			atf_fail "not in what the sender is told: $_words"
		}
	done
}

# untold USER
untold()
{
	atf_check_equal 0 "$(mailbox_count "$1")"
}

text()
{
	printf 'Blah blah blah...\n...etc. etc. etc.\n' >text
}

atf_test_case typical
typical_head()
{
	atf_set descr "A typical transaction (F.1): Green is no user there"
}
typical_body()
{
	text
	receiver <<'END'
R: 220 GMAIL.COM Simple Mail Transfer Service Ready
S: EHLO UOW.EDU.AU
R: 500 Syntax error, command unrecognized
S: HELO UOW.EDU.AU
R: 250 GMAIL.COM
S: MAIL FROM:<Smith@UOW.EDU.AU>
R: 250 OK
S: RCPT TO:<Jones@GMAIL.COM>
R: 250 OK
S: RCPT TO:<Green@GMAIL.COM>
R: 550 No such user here
S: RCPT TO:<Brown@GMAIL.COM>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: Blah blah blah...
S: ....etc. etc. etc.
S: .
R: 250 OK
S: QUIT
R: 221 GMAIL.COM Service closing transmission channel
END
	sender UOW.EDU.AU
	send -f text Smith@UOW.EDU.AU Jones@GMAIL.COM Green@GMAIL.COM \
	    Brown@GMAIL.COM >/dev/null
	received
	told smith '^Final-Recipient: rfc822;Green@GMAIL.COM' \
	    '^Diagnostic-Code: smtp; *550 No such user here' '^Action: failed'
	! grep -q '^Final-Recipient:.*\(Jones\|Brown\)' "$_told" ||
	    atf_fail "Smith is told of mail that arrived"
}

atf_test_case aborted
aborted_head()
{
	atf_set descr "An aborted transaction (F.2): nobody takes it, and no" \
	    "message goes"
}
aborted_body()
{
	receiver <<'END'
R: 220 MIT-Multics.EDU Simple Mail Transfer Service Ready
S: EHLO UOW.EDU.AU
R: 500 Syntax error, command unrecognized
S: HELO UOW.EDU.AU
R: 250 MIT-Multics.EDU
S: MAIL FROM:<Smith@UOW.EDU.AU>
R: 250 OK
S: RCPT TO:<Jones@MIT-Multics.EDU>
R: 550 No such user here
S: RCPT TO:<Green@MIT-Multics.EDU>
R: 550 No such user here
S: RSET
R: 250 OK
S: QUIT
R: 221 MIT-Multics.EDU Service closing transmission channel
END
	sender UOW.EDU.AU
	send Smith@UOW.EDU.AU Jones@MIT-Multics.EDU \
	    Green@MIT-Multics.EDU >/dev/null
	received
	told smith '^Final-Recipient: rfc822;Jones@MIT-Multics.EDU' \
	    '^Final-Recipient: rfc822;Green@MIT-Multics.EDU' \
	    '^Diagnostic-Code: smtp; *550 No such user here'
}

atf_test_case relayed
relayed_head()
{
	atf_set descr "Relayed mail, step 1 (F.3): no source route goes out" \
	    "(RFC 5321 appendix C)"
}
relayed_body()
{
	text
	receiver <<'END'
R: 220 USC-ISIE.EDU Simple Mail Transfer Service Ready
S: EHLO MIT-AI.EDU
R: 500 Syntax error, command unrecognized
S: HELO MIT-AI.EDU
R: 250 USC-ISIE.EDU
S: MAIL FROM:<JQP@MIT-AI.EDU>
R: 250 OK
S: RCPT TO:<Jones@USC-ISIF.EDU>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: Blah blah blah...
S: ....etc. etc. etc.
S: .
R: 250 OK
S: QUIT
R: 221 USC-ISIE.EDU Service closing transmission channel
END
	sender MIT-AI.EDU
	send -f text @MIT-AI.EDU:JQP@MIT-AI.EDU \
	    @USC-ISIE.EDU,@USC-ISIF.EDU:Jones@USC-ISIF.EDU >/dev/null
	received
	untold jqp
}

atf_test_case relayed_on
relayed_on_head()
{
	atf_set descr "Relayed mail, step 2 (F.3): with a line of our own on" \
	    "top; and back goes what is undeliverable, from nobody (3.6)"
}
relayed_on_body()
{
	text
	receiver <<'END'
R: 220 USC-ISIF.EDU Simple Mail Transfer Service Ready
S: EHLO USC-ISIE.EDU
R: 500 Syntax error, command unrecognized
S: HELO USC-ISIE.EDU
R: 250 USC-ISIF.EDU
S: MAIL FROM:<JQP@MIT-MC.EDU>
R: 250 OK
S: RCPT TO:<Jones@USC-ISIF.EDU>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: Received: from client.example.net (unknown [127.0.0.1]) by USC-ISIE.EDU with
S: *
S: Blah blah blah...
S: ....etc. etc. etc.
S: .
R: 554 Transaction failed
S: MAIL FROM:<>
R: 250 OK
S: RCPT TO:<JQP@MIT-MC.EDU>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: Diagnostic-Code: smtp; 554 Transaction failed
S: *
S: .
R: 250 OK
S: QUIT
R: 221 USC-ISIF.EDU Service closing transmission channel
END
	IDLE=5s sender USC-ISIE.EDU
	send -f text JQP@MIT-MC.EDU Jones@USC-ISIF.EDU >/dev/null
	received
}

atf_test_case mailing_list
mailing_list_head()
{
	atf_set descr "A mailing list (F.7): its members in one transaction," \
	    "without their source route"
}
mailing_list_body()
{
	receiver <<'END'
R: 220 ISI-VAXA.EDU Simple Mail Transfer Service Ready
S: EHLO MIT-AI.EDU
R: 500 Syntax error, command unrecognized
S: HELO MIT-AI.EDU
R: 250 ISI-VAXA.EDU
S: MAIL FROM:<Smith@SU-SCORE.EDU>
R: 250 OK
S: RCPT TO:<ABC@ISI-VAXA.EDU>
R: 250 OK
S: RCPT TO:<XYZ@ISI-VAXA.EDU>
R: 250 OK
S: RCPT TO:<Q-Smith@ISI-VAXA.EDU>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: .
R: 250 OK
S: QUIT
R: 221 ISI-VAXA.EDU Service closing transmission channel
END
	instance_start out <<'CONF'
hostname "MIT-AI.EDU"
relay timeout idle 1s
listen on 127.0.0.1 port 2525
table lists { Example-People = "ABC@ISI-VAXA.EDU, XYZ@ISI-VAXA.EDU, Q-Smith@ISI-VAXA.EDU" }
action "list" maildir alias <lists>
action "on" relay host smtp://127.0.0.1:2526
match from any for domain "mit-ai.edu" action "list"
match from any for any action "on"
CONF
	send Smith@SU-SCORE.EDU Example-People@MIT-AI.EDU >/dev/null
	received
}

atf_test_case forwarded
forwarded_head()
{
	atf_set descr "Forwarding (F.8): 251 is as good as 250"
}
forwarded_body()
{
	receiver <<'END'
R: 220 USC-ISIF.EDU Simple Mail Transfer Service Ready
S: EHLO LBL-UNIX.EDU
R: 500 Syntax error, command unrecognized
S: HELO LBL-UNIX.EDU
R: 250 USC-ISIF.EDU
S: MAIL FROM:<mo@LBL-UNIX.EDU>
R: 250 OK
S: RCPT TO:<fred@USC-ISIF.EDU>
R: 251 User not local; will forward to <Jones@USC-ISI.EDU>
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: .
R: 250 OK
S: QUIT
R: 221 USC-ISIF.EDU Service closing transmission channel
END
	sender LBL-UNIX.EDU
	send mo@LBL-UNIX.EDU fred@USC-ISIF.EDU >/dev/null
	received
	untold mo
}

atf_test_case moved
moved_head()
{
	atf_set descr "Forwarding (F.8): 551 comes back with the new address," \
	    "to which nothing goes by itself"
}
moved_body()
{
	receiver <<'END'
R: 220 USC-ISIF.EDU Simple Mail Transfer Service Ready
S: EHLO LBL-UNIX.EDU
R: 500 Syntax error, command unrecognized
S: HELO LBL-UNIX.EDU
R: 250 USC-ISIF.EDU
S: MAIL FROM:<mo@LBL-UNIX.EDU>
R: 250 OK
S: RCPT TO:<fred@USC-ISIF.EDU>
R: 551 User not local; please try <Jones@USC-ISI.EDU>
S: RSET
R: 250 OK
S: QUIT
R: 221 USC-ISIF.EDU Service closing transmission channel
END
	sender LBL-UNIX.EDU
	send mo@LBL-UNIX.EDU fred@USC-ISIF.EDU >/dev/null
	received
	told mo '551 User not local; please try <Jones@USC-ISI.EDU>'
}

atf_test_case too_many
too_many_head()
{
	atf_set descr "Too many recipients (F.9): the rest go in another" \
	    "transaction, at once, though 552 sounds like the end"
}
too_many_body()
{
	text
	receiver <<'END'
R: 220 BERKELEY.EDU Simple Mail Transfer Service Ready
S: EHLO UOW.EDU.AU
R: 500 Syntax error, command unrecognized
S: HELO UOW.EDU.AU
R: 250 BERKELEY.EDU
S: MAIL FROM:<Smith@UOW.EDU.AU>
R: 250 OK
S: RCPT TO:<fabry@BERKELEY.EDU>
R: 250 OK
S: RCPT TO:<eric@BERKELEY.EDU>
R: 552 Recipient storage full, try again in another transaction
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: Blah blah blah...
S: ....etc. etc. etc.
S: .
R: 250 OK
S: MAIL FROM:<Smith@UOW.EDU.AU>
R: 250 OK
S: RCPT TO:<eric@BERKELEY.EDU>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: *
S: Blah blah blah...
S: ....etc. etc. etc.
S: .
R: 250 OK
S: QUIT
R: 221 BERKELEY.EDU Service closing transmission channel
END
	sender UOW.EDU.AU
	send -f text Smith@UOW.EDU.AU fabry@BERKELEY.EDU \
	    eric@BERKELEY.EDU >/dev/null
	received
	untold smith
}

atf_init_test_cases()
{
	for case in typical aborted relayed relayed_on mailing_list forwarded \
	    moved too_many; do
		atf_add_test_case "$case"
	done
}
