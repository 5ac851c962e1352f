#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Commands, their order and their parameters as a client sees them: RFC 5321
# 4.1, and what EHLO announces.  Nothing that is refused here may come out
# anywhere but in the log, escaped.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# Settings under which a client may err as often as it likes.
PATIENT="smtp limit max-errors 1000
		smtp limit max-junk 1000"

# answers CODE TEXT COMMAND...: after a good EHLO each of these commands gets
# exactly that reply, and the session goes on.
answers()
{
	answers_after "> NOOP" "$@"
}

# answers_in_mail: the same after a good MAIL.
answers_in_mail()
{
	answers_after "> MAIL FROM:<smith@example.net> SMTPUTF8" "$@"
}

answers_after()
{
	_first=$1 _wanted="$2 $3"
	shift 3
	{
		printf '%s\n' 220 "> EHLO c.example" 250
		for _command; do
			printf '%s\n' "$_first" 250 "say --" \
			    ">> $_command\r\n" reply "> RSET" 250
		done
		printf '%s\n' "> QUIT" 221 closed
	} >steps
	smtp_dialogue $WORKER <steps >got
	sed -n '/^--$/{n;p;}' got >replies
	for _command; do
		printf '%s\n' "$_wanted"
	done >wanted
	for _command; do
		printf '%s\n' "$_command"
	done | paste replies - >pairs
	cmp -s wanted replies || {
		grep -vF "$_wanted" pairs >&2 || :
		atf_fail "these are not answered '$_wanted'"
	}
}

atf_test_case before_hello
before_hello_head()
{
	atf_set descr "What may come before EHLO, and what may not (4.1.4)"
}
before_hello_body()
{
	smtp_start
	smtp_dialogue $WORKER 220 "> MAIL FROM:<smith@example.net>" 503 \
	    "> RCPT TO:<jones@example.org>" 503 "> DATA" 503 \
	    "> NOOP" 250 "> NOOP with words" 250 "> HELP" 214 \
	    "> HELP MAIL" 214 "> VRFY jones" 252 "> EXPN staff" 502 \
	    "> RSET" 250 "> MAIL FROM:<smith@example.net>" 503 "> QUIT" 221 \
	    closed
}

atf_test_case ehlo_keywords
ehlo_keywords_head()
{
	atf_set descr "EHLO announces exactly what is served; HELO nothing"
}
ehlo_keywords_body()
{
	smtp_start "smtp max-message-size 1M
		smtp limit max-rcpt 7
		smtp limit max-mails 9"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> eHlO [IPv6:2001:db8::1]" 250 "> HELO [192.0.2.7]" 250 \
	    "> QUIT" 221 closed >got
	{
		echo "220 mail.example.org ESMTP Bulkhead"
		for _ in first second; do
			cat <<-END
				250-mail.example.org
				250-PIPELINING
				250-8BITMIME
				250-ENHANCEDSTATUSCODES
				250-SMTPUTF8
				250-DSN
				250-SIZE 1048576
				250-LIMITS RCPTMAX=7 MAILMAX=9
				250 HELP
			END
		done
		echo "250 mail.example.org at your service"
		echo "221 2.0.0 closing connection"
	} >wanted
	atf_check diff -u wanted got
}

atf_test_case hello_again
hello_again_head()
{
	atf_set descr "EHLO and HELO abort the transaction; HELO takes the" \
	    "extensions away (2.2.1, 4.1.4)"
}
hello_again_body()
{
	smtp_start
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@example.net> BODY=8BITMIME" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> EHLO c.example" 250 \
	    "> DATA" 503 "> RCPT TO:<jones@example.org>" 503 \
	    "> MAIL FROM:<b@example.net> SIZE=100" 250 "> HELO c.example" 250 \
	    "> RCPT TO:<jones@example.org>" 503 \
	    "> MAIL FROM:<c@example.net> SIZE=100" 555 \
	    "> MAIL FROM:<c@example.net>" 250 "> EHLO no_such_name!" 501 \
	    "> RCPT TO:<jones@example.org> NOTIFY=NEVER" 555 \
	    "> RCPT TO:<jones@example.org>" 250 \
	    "> DATA" 354 "> from c" "> ." 250 "> QUIT" 221 closed
	# a refused EHLO changed nothing (4.1.1.1)
	atf_check -o match:'^Return-Path: <c@example.net>$' \
	    cat "$(mailbox_only jones)"
}

atf_test_case hello_names
hello_names_head()
{
	atf_set descr "EHLO takes a name or an address literal, in ASCII"
}
hello_names_body()
{
	smtp_start "$PATIENT"
	{
		echo 220
		for name in "" "two words" "a..b" "-a.example" "a_b\x01" \
		    "[127.0.0.1.5]" "[127.1]" "[IPv6:::1%x]" "[IPv6:12345::]" \
		    "[x:y]" "[" "[]" "m\xc3\xbcnchen.example" \
		    "a.example\$(id)" '<script>'; do
			printf '%s\n' ">> EHLO $name\r\n" reply \
			    ">> HELO $name\r\n" reply \
			    "> MAIL FROM:<a@b.example>" 503
		done
	} >steps
	smtp_dialogue $WORKER <steps >got
	atf_check -s exit:1 grep -v '^220\|^50[013] ' got
	long=$(printf 'x%.0s' $(seq 2000))
	smtp_dialogue $WORKER 220 "> EHLO [$long]" 500 "> EHLO $long" 500 \
	    "> EHLO $(printf 'x%.0s' $(seq 300))" 501 "> NOOP" 250 \
	    "> QUIT" 221 closed
}

atf_test_case mail_rcpt_data_order
mail_rcpt_data_order_head()
{
	atf_set descr "MAIL, RCPT, DATA in that order; a refused command" \
	    "leaves the transaction as it is"
}
mail_rcpt_data_order_body()
{
	smtp_start
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> RCPT TO:<jones@example.org>" 503 "> DATA" 503 \
	    "> MAIL FROM:<first@example.net>" 250 \
	    "> MAIL FROM:<second@example.net>" 503 "> DATA" 503 \
	    "> RCPT TO:<green@example.org>" 550 "> DATA" 503 \
	    "> RCPT TO:<jones@example.org>" 250 "> FOO" 500 \
	    "> MAIL FROM:<third@example.net>" 503 "> NOOP" 250 \
	    "> VRFY brown" 252 "> DATA now" 501 "> DATA" 354 "> one" "> ." 250 \
	    "> DATA" 503 "> RCPT TO:<jones@example.org>" 503 "> QUIT" 221 \
	    closed
	file=$(mailbox_only jones)
	echo one >text
	message_text <"$file" >got
	atf_check cmp text got
	atf_check -o inline:'Return-Path: <first@example.net>\n' \
	    head -n 1 "$file"
	[ "$(mailbox_count brown)" = 0 ] || atf_fail "brown has got something"
}

atf_test_case two_messages_pipelined
two_messages_pipelined_head()
{
	atf_set descr "Groups of commands in one packet, two messages on one" \
	    "connection (RFC 2920)"
}
two_messages_pipelined_body()
{
	smtp_start
	group='MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n'
	group=$group'RCPT TO:<green@example.org>\r\nDATA\r\n'
	for chunk in 0 1 7; do
		smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
		    "split $chunk" ">> $group" 250 250 550 354 \
		    ">> one\r\n.\r\nNOOP\r\n$group" 250 250 250 250 550 354 \
		    ">> two\r\n.\r\nQUIT\r\n" 250 221 closed
	done
	mailbox_wait jones 6
	find "$DIR/home/jones/Maildir/new" -type f -exec tail -n 1 {} + |
	    grep -cx one >got
	atf_check -o inline:'3\n' cat got
}

atf_test_case unknown_verbs
unknown_verbs_head()
{
	atf_set descr "No verb but those of the table; none for debugging"
}
unknown_verbs_body()
{
	smtp_start "$PATIENT"
	answers 500 "5.5.1 command not recognized" DEBUG WIZ KILL SHOWQ \
	    "XCLIENT ADDR=127.0.0.1" "XFORWARD NAME=x" "LHLO c.example" \
	    "MAILFROM:<a@b.example>" "EHLOx" "\xe2\x80\xae" ""
	answers 502 "5.5.1 command not implemented" \
	    "AUTH PLAIN AGEAYg==" STARTTLS "BDAT 5 LAST" "ETRN example.org" ETRN \
	    "ATRN example.org" "EXPN staff" EXPN TURN "SEND FROM:<a@b.example>"
	answers 500 "5.5.2 syntax error" 'NOOP\0' 'NO\0OP' 'NOOP \x01' \
	    'NOOP\n' 'NOOP \x7f' 'NOOP\r'
	answers 501 "5.5.4 syntax error in parameters or arguments" \
	    "RSET now" "QUIT now" "VRFY" "MAIL" "MAIL TO:<a@b.example>" \
	    "MAIL FROM" "MAIL <a@b.example>"
}

atf_test_case other_protocols
other_protocols_head()
{
	atf_set descr "A browser made to speak to us gets 521 and no more" \
	    "(CVE-2021-3618)"
}
other_protocols_body()
{
	smtp_start
	mail='MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\nDATA\r\n'
	for line in "GET / HTTP/1.1" "POST / HTTP/1.0" "OPTIONS * HTTP/1.1" \
	    "CONNECT x:25 HTTP/1.1" "PRI * HTTP/2.0" "get /"; do
		smtp_dialogue $WORKER 220 ">> $line\r\n" 521 closed
	done
	smtp_dialogue $WORKER 220 \
	    ">> POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n${mail}x\r\n.\r\n" \
	    521 closed
	# a TLS ClientHello
	smtp_dialogue $WORKER 220 ">> \x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n" \
	    500 "> QUIT" 221 closed
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case mail_parameters
mail_parameters_head()
{
	atf_set descr "Parameters of MAIL: SIZE, BODY, SMTPUTF8, RET, ENVID"
}
mail_parameters_body()
{
	smtp_start "$PATIENT
		smtp max-message-size 64K"
	bad="5.5.4 syntax error in parameters or arguments"
	from="MAIL FROM:<a@b.example>"
	answers 250 "2.1.0 sender ok" "$from" "mail from:<a@b.example>" \
	    "$from SIZE=65536" "$from SIZE=0 BODY=8BITMIME" \
	    "$from body=7bit size=1 smtputf8" "$from RET=FULL ENVID=a+2Bb" \
	    "MAIL FROM: <a@b.example>" "MAIL FROM:<>" "$from "
	answers 552 "5.3.4 message too big" "$from SIZE=65537" \
	    "$from SIZE=18446744073709551615" \
	    "$from SIZE=18446744073709551616" \
	    "$from SIZE=99999999999999999999"
	answers 501 "$bad" "$from SIZE=" "$from SIZE" "$from SIZE=-1" \
	    "$from SIZE=1x" "$from SIZE=999999999999999999999" \
	    "$from SIZE=1 SIZE=1" "$from BODY=9BIT" "$from BODY" \
	    "$from SMTPUTF8=yes" "$from RET=ALL" "$from ENVID=a+0Ab" \
	    "$from ENVID=a+0D+0Ab" "$from ENVID=a+00" "$from ENVID=a+2b" \
	    "$from ENVID=a+" "$from ENVID=a=b" "${from}SIZE=1" "$from =x" \
	    "$from ENVID=$(printf 'x%.0s' $(seq 101))"
	answers 555 "5.5.4 parameter not recognized" "$from FOO=bar" \
	    "$from AUTH=<>" "$from NOTIFY=NEVER" "$from XSIZE=1"
}

atf_test_case rcpt_parameters
rcpt_parameters_head()
{
	atf_set descr "Parameters of RCPT: NOTIFY and ORCPT"
}
rcpt_parameters_body()
{
	smtp_start "$PATIENT"
	bad="5.5.4 syntax error in parameters or arguments"
	to="RCPT TO:<jones@example.org>"
	answers_in_mail 250 "2.1.5 recipient ok" "$to" \
	    "$to NOTIFY=NEVER" "$to NOTIFY=SUCCESS,FAILURE,DELAY" \
	    "$to ORCPT=rfc822;Jones+2B1@example.org" \
	    "$to ORCPT=utf-8;j\xc3\xb6nes@example.org notify=delay" \
	    "RCPT TO:<JONES@Example.ORG>"
	answers_in_mail 501 "$bad" "$to NOTIFY=NEVER,SUCCESS" "$to NOTIFY=" \
	    "$to NOTIFY=SUCCESS,,DELAY" "$to NOTIFY=ALWAYS" "$to ORCPT=" \
	    "$to ORCPT=rfc822" "$to ORCPT=rfc822;" \
	    "$to ORCPT=rfc822;a+0Atype:+20x@b.example" \
	    "$to ORCPT=rfc822;a+0D@b.example" "$to ORCPT=;a@b.example" \
	    "$to ORCPT=rfc822;a@b.example ORCPT=rfc822;a@b.example"
	answers_in_mail 555 "5.5.4 parameter not recognized" "$to SIZE=1"
}

atf_test_case no_dsn
no_dsn_head()
{
	atf_set descr "With no-dsn the extension is neither announced nor known"
}
no_dsn_body()
{
	smtp_start "listen on 127.0.0.1 port 2600 no-dsn"
	smtp_dialogue 127.0.0.1:2600 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example> RET=FULL" 555 \
	    "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org> NOTIFY=NEVER" 555 "> QUIT" 221 \
	    closed >got
	atf_check -s exit:1 grep DSN got
}

atf_test_case smtputf8
smtputf8_head()
{
	atf_set descr "Addresses in UTF-8 with SMTPUTF8 and not without" \
	    "(RFC 6531)"
}
smtputf8_body()
{
	smtp_start "$PATIENT"
	answers 553 "5.6.7 address needs SMTPUTF8" \
	    "MAIL FROM:<j\xc3\xb6nes@example.net>" \
	    "MAIL FROM:<jones@b\xc3\xbccher.example>"
	# overlong, cut short, a surrogate, over U+10FFFF, a lone octet, a C1
	answers 553 "5.1.7 bad address syntax" \
	    "MAIL FROM:<j\xc0\xafnes@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xc3@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xe2\x82@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xed\xa0\x80@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xf4\x90\x80\x80@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xff@example.net> SMTPUTF8" \
	    "MAIL FROM:<j\xc2\x85@example.net> SMTPUTF8"
	answers 250 "2.1.0 sender ok" \
	    "MAIL FROM:<j\xc3\xb6nes@b\xc3\xbccher.example> SMTPUTF8"
	smtp_dialogue $WORKER 220 "> HELO c.example" 250 \
	    ">> MAIL FROM:<j\xc3\xb6nes@example.net>\r\n" 553 \
	    "> EHLO c.example" 250 \
	    ">> MAIL FROM:<j\xc3\xb6nes@example.net> SMTPUTF8\r\n" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 \
	    ">> Subject: \xc3\xb6\r\n\r\n\xc3\xb6\r\n.\r\n" 250 "> QUIT" 221 \
	    closed
	file=$(mailbox_only jones)
	printf 'Return-Path: <j\303\266nes@example.net>\n' >wanted
	head -n 1 "$file" >got
	atf_check cmp wanted got
	atf_check -o match:' with UTF8SMTP id ID' sh -c \
	    "tr '\n\t' '  ' <'$file' | sed 's/ id *[0-9a-f]\{16\}/ id ID/;
	    s/  */ /g'"
	printf 'Subject: \303\266\n\n\303\266\n' >text
	message_text <"$file" >got
	atf_check cmp text got
}

atf_test_case announced_limits
announced_limits_head()
{
	atf_set descr "RCPTMAX and MAILMAX are what is enforced (RFC 9422)"
}
announced_limits_body()
{
	smtp_start "smtp limit max-rcpt 2
		smtp limit max-mails 2"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 \
	    "> RCPT TO:<green@example.org>" 550 \
	    "> RCPT TO:<brown@example.org>" 250 \
	    "> RCPT TO:<jones@example.org>" 452 "> RSET" 250 \
	    "> MAIL FROM:<a@b.example>" 250 "> RSET" 250 \
	    "> MAIL FROM:<a@b.example>" 421 closed >got
	atf_check -o inline:'1\n' grep -c "LIMITS RCPTMAX=2 MAILMAX=2" got
}

# Addresses that have broken others: OpenSMTPD CVE-2020-7247, Exim
# CVE-2019-10149 and CVE-2025-26794, and what could be taken for a format, a
# path, a command, an option or a second line.
hostile_addresses()
{
	cat <<-'END'
		;touch /tmp/pwn;
		`touch pwn`@example.org
		${run{/bin/touch${substr{0}{1}{$spool_directory}}tmp/x}}@example.org
		%n%s%x@example.org
		$(id)@example.org
		"$(touch pwn)"@example.org
		"`touch pwn`"@example.org
		"a;touch pwn"@example.org
		"../../../etc/passwd"@example.org
		../jones@example.org
		"/dev/null"@example.org
		"|touch pwn"@example.org
		|touch@example.org
		-f@example.org
		-OQueueDirectory=x@example.org
		"x'/**/UNION/**/SELECT/**/1--"@example.org
		"a\"@example.org
		"a\\"@example.org
		"a\\\"b"@example.org
		""@example.org
		jones\@example.org
		jones@example.org>x<y
		jones@[127.0.0.1
		jones@example.org,brown@example.org
		<jones@example.org>
		@example.org
		jones@
		jones
		:include:/etc/passwd@example.org
		jones/../brown@example.org
		jones%example.org@example.org
		example.net!jones@example.org
		"jones "@example.org
		"jo\nes "@example.org
	END
}

atf_test_case hostile_addresses
hostile_addresses_head()
{
	atf_set descr "No address is read by an interpreter"
}
hostile_addresses_body()
{
	smtp_start "$PATIENT
		smtp limit max-rejected-rcpt 100"
	hostile_addresses >list
	{
		echo 220
		echo "> EHLO c.example"
		echo 250
		echo "> MAIL FROM:<smith@example.net>"
		echo 250
		echo say rcpt
		while IFS= read -r address; do
			printf '> RCPT TO:<%s>\nreply\n' "$address"
		done <list
		echo say mail
		echo "> RSET"
		echo 250
		while IFS= read -r address; do
			printf '> MAIL FROM:<%s>\nreply\n> RSET\n250\n' \
			    "$address"
		done <list
		echo "> QUIT"
		echo 221
		echo closed
	} >steps
	smtp_dialogue $WORKER <steps >got
	# as recipient none is anybody here
	sed '1,/^rcpt$/d; /^mail$/,$d' got >answers
	[ "$(wc -l <answers)" = "$(wc -l <list)" ] || atf_fail "not one each"
	paste answers list | grep -v '^5' >taken || :
	atf_check cat taken
	answers 553 "5.1.7 bad address syntax" "MAIL FROM:<;touch /tmp/pwn;>" \
	    'MAIL FROM:<"a\\"@example.org>' 'MAIL FROM:<"a"b@example.org>' \
	    'MAIL FROM:<a@example.org'
	[ ! -e pwn ] && [ ! -e "$DIR/pwn" ] && [ ! -e /tmp/pwn ] ||
	    atf_fail "a command was run"
	# each line of the log is one of ours, and safe to look at
	answers 250 "2.1.0 sender ok" \
	    "MAIL FROM:<a\xe2\x80\xaeb@example.net> SMTPUTF8"
	answers 501 "5.5.2 a host name or an address literal is needed" \
	    'EHLO \xff\xfe\xe2\x80\xae' 'EHLO x rcpt=y" z' 'EHLO %s%n'
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> MAIL FROM:<a\xe2\x80\xaeb@example.net> SMTPUTF8\r\n" 250 \
	    ">> RCPT TO:<a\xe2\x80\xaeb@example.org>\r\n" 550 \
	    '>> RCPT TO:<"\\" forged=1 x"@example.org>\r\n' 550 \
	    "> RSET" 250 "> QUIT" 221 closed
	LC_ALL=C grep '[^ -~]' "$DIR/log" >odd || :
	atf_check cat odd
	sed 's/"\([^"\\]\|\\.\)*"/""/g' "$DIR/log" >unquoted
	atf_check -s exit:1 grep forged unquoted
	grep -v '^20[0-9-]*T[0-9:.]*Z [a-z]*\(\[[0-9]*\]\)\?: event=[a-z-]* ' \
	    "$DIR/log" >odd || :
	atf_check cat odd
}

atf_test_case hostile_sender_inert
hostile_sender_inert_head()
{
	atf_set descr "A quoted sender comes out as it came, in the Maildir" \
	    "and in the From line of an mbox"
}
hostile_sender_inert_body()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		table users file:users
		listen on 127.0.0.1 port 2525
		action "box" maildir userbase <users>
		action "file" mbox "~/mbox" userbase <users>
		match for rcpt-to "brown@example.org" action "file"
		match for domain "example.org" action "box"
	END
	instance_user jones brown
	instance_run mx
	sender='"`touch pwn` $(id) %n\"\\ "@x.example'
	printf 'Subject: x\r\n\r\nbody\r\n' >wire
	smtp_mail $WORKER jones@example.org "$sender" wire
	file=$(mailbox_only jones)
	printf 'Return-Path: <%s>\n' "$sender" >wanted
	head -n 1 "$file" >got
	atf_check cmp wanted got
	printf 'Subject: x\n\nbody\n' >text
	message_text <"$file" >got
	atf_check cmp text got
	smtp_mail $WORKER brown@example.org "$sender" wire
	wait_for grep -qx body "$DIR/home/brown/mbox" ||
	    instance_fail "brown has nothing"
	atf_check -o inline:'1\n' grep -c '^From ' "$DIR/home/brown/mbox"
	cat "$DIR/home/brown/mbox"
	[ ! -e pwn ] || atf_fail "a command was run"
}

atf_init_test_cases()
{
	atf_add_test_case before_hello
	atf_add_test_case ehlo_keywords
	atf_add_test_case hello_again
	atf_add_test_case hello_names
	atf_add_test_case mail_rcpt_data_order
	atf_add_test_case two_messages_pipelined
	atf_add_test_case unknown_verbs
	atf_add_test_case other_protocols
	atf_add_test_case mail_parameters
	atf_add_test_case rcpt_parameters
	atf_add_test_case no_dsn
	atf_add_test_case smtputf8
	atf_add_test_case announced_limits
	atf_add_test_case hostile_addresses
	atf_add_test_case hostile_sender_inert
}
