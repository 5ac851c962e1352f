#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The scenarios of RFC 821 appendix F, with the reply codes of RFC 5321 where
# those have changed, and the enhanced ones.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# The hosts of the scenarios are served by one daemon, GMAIL.COM.
scenario_start()
{
	instance_new mx <<-END
		hostname "GMAIL.COM"
		${1:-}
		table users file:users
		listen on 0.0.0.0 port 2525
		action "box" maildir userbase <users>
		match from any for domain "gmail.com" action "box"
	END
	instance_user jones brown
	instance_run mx
}

# scenario: the dialogue on standard input, lines of the client with "S: " and
# of the server with "R: " in front; what the server says is held against it
# to the octet, but for message ids.
scenario()
{
	cat >wanted
	sed -n -e 's/^S: /> /p' -e 's/^S:$/> /p' \
	    -e 's/^R: \([0-9]*\) .*/\1/p' <wanted >steps
	smtp_dialogue $FOREIGN <steps | sed 's/ [0-9a-f]\{16\} / ID /' >got
	sed -n 's/^R: //p' <wanted >replies
	atf_check diff -u replies got
}

atf_test_case typical
typical_head()
{
	atf_set descr "A typical SMTP transaction (F.1): one of three unknown"
}
typical_body()
{
	scenario_start
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO UOW.EDU.AU
		R: 250 GMAIL.COM at your service
		S: MAIL FROM:<Smith@UOW.EDU.AU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<Jones@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<Green@GMAIL.COM>
		R: 550 5.1.1 no such recipient
		S: RCPT TO:<Brown@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Blah blah blah...
		S: ....etc. etc. etc.
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	for name in Jones Brown; do
		cat >trace <<-END
			Return-Path: <Smith@UOW.EDU.AU>
			Delivered-To: $name@GMAIL.COM
			Received: from UOW.EDU.AU (unknown [192.0.2.1]) by GMAIL.COM with SMTP id ID; DATE
		END
		printf 'Blah blah blah...\n...etc. etc. etc.\n' >text
		file=$(mailbox_only "$(echo $name | tr JB jb)")
		message_trace <"$file" >got
		atf_check diff -u trace got
		message_text <"$file" >got
		atf_check cmp text got
	done
	[ ! -e "$DIR/home/green" ] || atf_fail "green has got something"
	# with two recipients neither is told of the other
	atf_check -s exit:1 grep -ri "brown@" "$DIR/home/jones/Maildir"
}

atf_test_case aborted
aborted_head()
{
	atf_set descr "An aborted transaction (F.2): RSET leaves nothing of it"
}
aborted_body()
{
	scenario_start
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO MIT-MULTICS.EDU
		R: 250 GMAIL.COM at your service
		S: MAIL FROM:<Smith@MIT-MULTICS.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<Jones@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<Green@GMAIL.COM>
		R: 550 5.1.1 no such recipient
		S: RSET
		R: 250 2.0.0 reset
		S: DATA
		R: 503 5.5.1 MAIL is needed first
		S: MAIL FROM:<Smith@MIT-MULTICS.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<Brown@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: for Brown
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	mailbox_only brown
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case relayed
relayed_head()
{
	atf_set descr "Relayed mail (F.3): a source route is read and dropped," \
	    "what is not for here is refused"
}
relayed_body()
{
	scenario_start
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO MIT-AI.EDU
		R: 250 GMAIL.COM at your service
		S: MAIL FROM:<@MIT-AI.EDU:JQP@MIT-AI.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<@GMAIL.COM:Jones@USC-ISIE.EDU>
		R: 550 5.7.1 relaying denied
		S: RCPT TO:<Jones@USC-ISIE.EDU>
		R: 550 5.7.1 relaying denied
		S: RCPT TO:<Jones%USC-ISIE.EDU@GMAIL.COM>
		R: 550 5.1.1 no such recipient
		S: RCPT TO:<@USC-ISIE.EDU,@GMAIL.COM:Jones@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Date: 2 Nov 81 22:33:44
		S: From: John Q. Public <JQP@MIT-AI.EDU>
		S: Subject:  The Next Meeting of the Board
		S: To: Jones@GMAIL.COM
		S:
		S: Bill:
		S: The next meeting of the board of directors will be on Tuesday.
		S: John.
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	file=$(mailbox_only jones)
	atf_check -o inline:'Return-Path: <JQP@MIT-AI.EDU>\n' head -n 1 "$file"
}

atf_test_case verifying_and_sending
verifying_and_sending_head()
{
	atf_set descr "VRFY tells nothing; EXPN, SEND, SOML, SAML and TURN are" \
	    "not served (F.4, F.5, F.6)"
}
verifying_and_sending_body()
{
	scenario_start
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO MIT-MC.EDU
		R: 250 GMAIL.COM at your service
		S: VRFY Jones
		R: 252 2.1.5 cannot verify, but will try to deliver
		S: VRFY Green
		R: 252 2.1.5 cannot verify, but will try to deliver
		S: EXPN Example-People
		R: 502 5.5.1 command not implemented
		S: SEND FROM:<EAK@MIT-MC.EDU>
		R: 502 5.5.1 command not implemented
		S: RCPT TO:<Jones@GMAIL.COM>
		R: 503 5.5.1 MAIL is needed first
		S: SOML FROM:<EAK@MIT-MC.EDU>
		R: 502 5.5.1 command not implemented
		S: SAML FROM:<EAK@MIT-MC.EDU>
		R: 502 5.5.1 command not implemented
		S: TURN
		R: 502 5.5.1 command not implemented
		S: QUIT
		R: 221 2.0.0 closing connection
	END
}

# Two lists of GMAIL.COM, and whom they are told to.
LISTS='table lists { people = "jones, brown", broken = "jones, green" }'
who_start()
{
	instance_new mx <<-END
		hostname "GMAIL.COM"
		table users file:users
		$LISTS
		listen on 0.0.0.0 port 2525 vrfy any expn local
		action "box" maildir alias <lists> userbase <users>
		match from any for domain "gmail.com" action "box"
	END
	instance_user jones brown
	instance_run mx
}

atf_test_case verifying
verifying_head()
{
	atf_set descr "Verifying (F.4, F.7) where the listener serves it: VRFY" \
	    "says what RCPT would, EXPN only to those that are near"
}
verifying_body()
{
	who_start
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO MIT-MC.EDU
		R: 250 GMAIL.COM at your service
		S: VRFY Jones
		R: 250 2.1.5 <Jones@GMAIL.COM>
		S: VRFY <Brown@gmail.com>
		R: 250 2.1.5 <Brown@gmail.com>
		S: VRFY Green
		R: 550 5.1.1 no such recipient
		S: VRFY Jones@USC-ISIE.EDU
		R: 550 5.7.1 relaying denied
		S: VRFY Example People
		R: 553 5.1.3 bad address syntax
		S: EXPN people
		R: 502 5.5.1 command not implemented
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 "> EXPN people" 250 \
	    "> EXPN brown" 250 "> EXPN broken" 451 "> EXPN green" 550 \
	    "> VRFY people" 250 "> QUIT" 221 closed >got
	cat >wanted <<-END
		250-2.1.5 <jones@GMAIL.COM>
		250 2.1.5 <brown@GMAIL.COM>
		250 2.1.5 <brown@GMAIL.COM>
		451 4.3.0 local error in processing
		550 5.1.1 no such recipient
		250 2.1.5 <people@GMAIL.COM>
		221 2.0.0 closing connection
	END
	tail -n 7 got >said
	atf_check diff -u wanted said
	atf_check -o match:'^250-VRFY' -o match:'^250-EXPN' cat got
	log_wait 1 'event=who .*verb=EXPN.*mailbox=people@GMAIL.COM.*code=250'
}

atf_test_case mailing_list
mailing_list_head()
{
	atf_set descr "Mailing list (F.7): EXPN says who is on it, and each" \
	    "of them is sent the mail"
}
mailing_list_body()
{
	instance_new mx <<-END
		hostname "MIT-AI.EDU"
		table users file:users
		table lists { Example-People = "ABC, XYZ, Q-Smith@ISI-VAXA.EDU" }
		listen on 0.0.0.0 port 2525 expn any
		action "box" maildir alias <lists> userbase <users>
		match from any for domain { "mit-ai.edu", "isi-vaxa.edu" } \\
		    action "box"
	END
	instance_user abc xyz q-smith
	instance_run mx
	scenario <<-END
		R: 220 MIT-AI.EDU ESMTP Bulkhead
		S: HELO SU-SCORE.EDU
		R: 250 MIT-AI.EDU at your service
		S: EXPN Example-People
		R: 250-2.1.5 <ABC@MIT-AI.EDU>
		R: 250-2.1.5 <XYZ@MIT-AI.EDU>
		R: 250 2.1.5 <Q-Smith@ISI-VAXA.EDU>
		S: MAIL FROM:<Smith@SU-SCORE.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<ABC@MIT-AI.EDU>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<XYZ@MIT-AI.EDU>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<@MIT-AI.EDU:Q-Smith@ISI-VAXA.EDU>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<xyz@bar-unix.EDU>
		R: 550 5.7.1 relaying denied
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Blah blah blah...
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	for name in abc xyz q-smith; do
		mailbox_only $name
	done
}

atf_test_case harvesting
harvesting_head()
{
	atf_set descr "Who guesses names by VRFY is sent away"
}
harvesting_body()
{
	who_start
	set -- 220
	for name in a b c d e f g h i j; do
		set -- "$@" "> VRFY $name" 550
	done
	smtp_dialogue $FOREIGN "$@" "> VRFY k" 421 closed
}

# moved_start FORWARD: fred has another address now, at this host too.
moved_start()
{
	instance_new mx <<-END
		hostname "USC-ISIF.EDU"
		table users file:users
		table moved { fred = "Jones@USC-ISI.EDU", j = "jö@x.example" }
		listen on 0.0.0.0 port 2525 vrfy any expn any
		action "here" maildir userbase <users> moved <moved> $1
		action "there" maildir userbase <users>
		match from any for domain "usc-isif.edu" action "here"
		match from local for domain { "usc-isi.edu", "x.example" } \\
		    action "there"
	END
	instance_user jones brown
	instance_run mx
}

atf_test_case forwarding
forwarding_head()
{
	atf_set descr "Forwarding (F.8): 251, and the mail goes to the new" \
	    "address by rules that the client itself could not use"
}
forwarding_body()
{
	moved_start forward
	scenario <<-END
		R: 220 USC-ISIF.EDU ESMTP Bulkhead
		S: HELO LBL-UNIX.EDU
		R: 250 USC-ISIF.EDU at your service
		S: MAIL FROM:<mo@LBL-UNIX.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<fred@USC-ISIF.EDU>
		R: 251 2.1.5 user not local; will forward to <Jones@USC-ISI.EDU>
		S: RCPT TO:<Jones@USC-ISI.EDU>
		R: 550 5.7.1 not accepted
		S: VRFY fred
		R: 251 2.1.5 user not local; will forward to <Jones@USC-ISI.EDU>
		S: EXPN fred
		R: 250 2.1.5 <Jones@USC-ISI.EDU>
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Blah blah blah...
		S: ...etc. etc. etc.
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	atf_check -o inline:'Delivered-To: Jones@USC-ISI.EDU\n' \
	    sed -n 2p "$(mailbox_only jones)"
	[ "$(mailbox_count brown)" = 0 ] || atf_fail "brown has got something"
}

atf_test_case moved
moved_head()
{
	atf_set descr "Forwarding (F.8): 551 and the new address, as far as" \
	    "the client can read it"
}
moved_body()
{
	moved_start
	scenario <<-END
		R: 220 USC-ISIF.EDU ESMTP Bulkhead
		S: HELO LBL-UNIX.EDU
		R: 250 USC-ISIF.EDU at your service
		S: MAIL FROM:<mo@LBL-UNIX.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<fred@USC-ISIF.EDU>
		R: 551 5.1.6 user not local; please try <Jones@USC-ISI.EDU>
		S: RCPT TO:<J@USC-ISIF.EDU>
		R: 550 5.1.1 no such recipient
		S: VRFY fred
		R: 551 5.1.6 user not local; please try <Jones@USC-ISI.EDU>
		S: EXPN fred
		R: 551 5.1.6 user not local; please try <Jones@USC-ISI.EDU>
		S: RCPT TO:<Brown@USC-ISIF.EDU>
		R: 250 2.1.5 recipient ok
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	smtp_dialogue $FOREIGN 220 "> EHLO c.example" 250 "> VRFY j SMTPUTF8" \
	    551 "> QUIT" 221 closed >got
	atf_check -o match:'try <j\\xc3\\xb6@x.example>' cat got
	log_wait 1 'event=rcpt-reject .*rcpt=fred@USC-ISIF.EDU.*code=551'
}

atf_test_case too_many_recipients
too_many_recipients_head()
{
	atf_set descr "Too many recipients (F.9): 452, those that fitted get" \
	    "the mail, the rest by another transaction"
}
too_many_recipients_body()
{
	scenario_start "smtp limit max-rcpt 1"
	scenario <<-END
		R: 220 GMAIL.COM ESMTP Bulkhead
		S: HELO BERKELEY.EDU
		R: 250 GMAIL.COM at your service
		S: MAIL FROM:<Postel@BERKELEY.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<Jones@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: RCPT TO:<Brown@GMAIL.COM>
		R: 452 4.5.3 too many recipients
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Blah blah blah...
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: MAIL FROM:<Postel@BERKELEY.EDU>
		R: 250 2.1.0 sender ok
		S: RCPT TO:<Brown@GMAIL.COM>
		R: 250 2.1.5 recipient ok
		S: DATA
		R: 354 end data with <CR><LF>.<CR><LF>
		S: Blah blah blah...
		S: .
		R: 250 2.0.0 ID message accepted for delivery
		S: QUIT
		R: 221 2.0.0 closing connection
	END
	mailbox_only jones
	mailbox_only brown
}

atf_init_test_cases()
{
	atf_add_test_case typical
	atf_add_test_case aborted
	atf_add_test_case relayed
	atf_add_test_case verifying_and_sending
	atf_add_test_case verifying
	atf_add_test_case mailing_list
	atf_add_test_case harvesting
	atf_add_test_case forwarding
	atf_add_test_case moved
	atf_add_test_case too_many_recipients
}
