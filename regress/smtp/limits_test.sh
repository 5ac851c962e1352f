#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# What one client may cost: lines, errors, recipients, time, connections.
# Over each limit the client hears why, and can hear it, before it is let go;
# and whoever is slow or many does not keep others waiting.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# x N: that many octets.
x()
{
	head -c "$1" /dev/zero | tr '\0' x
}

atf_test_case command_line
command_line_head()
{
	atf_set descr "512 octets for a command, 2048 for MAIL and RCPT;" \
	    "what is longer is drained, and nothing of it is a command"
}
command_line_body()
{
	smtp_start
	from="MAIL FROM:<a@b.example>"
	pad=$(x $((2048 - 2 - ${#from} - 14)))
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> NOOP $(x 505)" 250 "> NOOP $(x 506)" 500 "> NOOP" 250 \
	    "> $from ENVID=x BODY=$pad" 501 "> $from ENVID=x BODY=x$pad" 500 \
	    "> RSET" 250 \
	    "split 511" ">> $(x 4000)\r\r\nRSET\r\n" 500 250 \
	    ">> $(x 600)RSET\r\n" 500 ">> $(x 511)\r\nRSET\r\n" 500 250 \
	    "silence 0.1" "> QUIT" 221 closed
}

atf_test_case long_arguments
long_arguments_head()
{
	atf_set descr "Each verb with an argument of 500 to 70,000 octets: one" \
	    "refusal, and the next command is answered"
}
long_arguments_body()
{
	smtp_start "smtp limit max-errors 1000
		smtp limit max-junk 1000"
	{
		printf '%s\n' 220 "> EHLO c.example" 250
		for verb in EHLO HELO "MAIL FROM:" "RCPT TO:" DATA RSET QUIT \
		    AUTH STARTTLS BDAT XYZZY; do
			for n in 512 2049 12289 70000; do
				printf '%s\n' "> $verb $(x $n)" reply \
				    "> NOOP" 250
			done
		done
		printf '%s\n' "> QUIT" 221 closed
	} >steps
	smtp_dialogue $WORKER <steps >got
	atf_check -o inline:'44\n' grep -c '^5[05][0123] ' got
}

atf_test_case endless_line
endless_line_head()
{
	atf_set descr "16 MiB without a line end: one 500, and no memory kept"
}
endless_line_body()
{
	smtp_start
	head -c 16777216 /dev/zero | tr '\0' x >line
	smtp_dialogue $WORKER 220 "file line" ">> \r\nNOOP\r\n" 500 250 \
	    "> QUIT" 221 closed
	for pid in $(roles | sed -n 's/ session//p'); do
		peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
		[ "$peak" -lt 16000 ] || atf_fail "a session took $peak KiB"
	done
}

atf_test_case command_line_setting
command_line_setting_head()
{
	atf_set descr "smtp limit command-line is the limit of MAIL and RCPT"
}
command_line_setting_body()
{
	smtp_start "smtp limit command-line 512"
	from="MAIL FROM:<a@b.example> ENVID=x"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> $from$(x 79)$(printf ' %.0s' $(seq $((510 - 79 - ${#from}))))" \
	    250 "> RSET" 250 \
	    "> $from$(x 79)$(printf ' %.0s' $(seq $((511 - 79 - ${#from}))))" \
	    500 "> QUIT" 221 closed
}

atf_test_case max_errors
max_errors_head()
{
	atf_set descr "One error too many is 421 4.7.0 and the end"
}
max_errors_body()
{
	smtp_start "smtp limit max-errors 3"
	smtp_dialogue $WORKER 220 "> FOO" 500 "> RCPT TO:<x@y.example>" 503 \
	    "> EHLO" 501 "> NOOP" 250 "> FOO" 421 closed >got
	atf_check -o inline:'421 4.7.0 too many errors, closing connection\n' \
	    tail -n 1 got
}

atf_test_case max_junk
max_junk_head()
{
	atf_set descr "Commands that do no work have a limit, which a message" \
	    "sets back"
}
max_junk_body()
{
	smtp_start "smtp limit max-junk 5"
	message="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 "> NOOP" 250 \
	    "> RSET" 250 "> VRFY x" 252 "> HELP" 214 \
	    ">> ${message}DATA\r\n" 250 250 354 "> x" "> ." 250 \
	    "repeat 5 >> NOOP\r\n" "repeat 5 250" "> NOOP" 421 closed
}

atf_test_case rejected_recipients
rejected_recipients_head()
{
	atf_set descr "Guessing recipients ends with 421; what was accepted" \
	    "before is not sent"
}
rejected_recipients_body()
{
	smtp_start "smtp limit max-rejected-rcpt 3"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 \
	    "> RCPT TO:<ann@example.org>" 550 "> RCPT TO:<bob@example.org>" 550 \
	    "> RCPT TO:<cat@example.org>" 550 "> RCPT TO:<dan@example.org>" 421 \
	    closed
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case max_recipients
max_recipients_head()
{
	atf_set descr "100 recipients are taken (4.5.3.1.8); max-rcpt ones" \
	    "are, the next one is 452 and the others get the mail"
}
max_recipients_body()
{
	smtp_start "smtp limit max-rcpt 100"
	for i in $(seq 101); do
		echo "u$i 60001:60001:$DIR/home/jones"
	done >>"$DIR/users"
	"$SMTPCTL" -R "$DIR" reload || atf_fail "reload"
	{
		printf '%s\n' 220 "> EHLO c.example" 250 \
		    "> MAIL FROM:<a@b.example>" 250
		for i in $(seq 100); do
			printf '%s\n' "> RCPT TO:<u$i@example.org>" 250
		done
		printf '%s\n' "> RCPT TO:<u101@example.org>" 452 "> DATA" 354 \
		    "> x" "> ." 250 "> QUIT" 221 closed
	} >steps
	smtp_dialogue $WORKER <steps
	mailbox_wait jones 100
}

atf_test_case message_size
message_size_head()
{
	atf_set descr "A message over the limit is read to its end and 552;" \
	    "one at the limit is taken"
}
message_size_body()
{
	smtp_start "smtp max-message-size 64K"
	for _ in $(seq 64); do
		printf '%s\r\n' "$(x 1022)"
	done >wire
	{ cat wire; printf 'x\r\n'; } >big
	smtp_mail $WORKER jones@example.org a@b.example wire
	tr -d '\r' <wire >text
	message_text <"$(mailbox_only jones)" >got
	atf_check cmp text got
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<a@b.example> SIZE=10" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "file big" \
	    "silence 0.1" "> ." 552 "> MAIL FROM:<a@b.example>" 250 \
	    "> QUIT" 221 closed
	[ "$(mailbox_count jones)" = 1 ] || atf_fail "jones has got it"
}

atf_test_case header_limits
header_limits_head()
{
	atf_set descr "Too large a header and too many fields are 550; 51" \
	    "Received fields are a loop"
}
header_limits_body()
{
	smtp_start "smtp limit max-header-size 4K
		smtp limit max-header-fields 60"
	for _ in $(seq 51); do
		printf 'Received: by x\r\n'
	done >loop
	printf 'Subject: x\r\n' >>loop
	for _ in $(seq 50); do
		printf 'X: %s\r\n' "$(x 90)"
	done >header
	{ printf '\r\n'; cat header; } >body
	printf 'X: %s\r\n' $(seq 60) >fields
	{ cat fields; printf 'Y: z\r\n'; } >more
	rcpt="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> ${rcpt}DATA\r\n" 250 250 354 "file loop" "> ." 554 \
	    ">> ${rcpt}DATA\r\n" 250 250 354 "file header" "> ." 550 \
	    ">> ${rcpt}DATA\r\n" 250 250 354 "file more" "> ." 550 \
	    ">> ${rcpt}DATA\r\n" 250 250 354 "file body" "> ." 250 \
	    ">> ${rcpt}DATA\r\n" 250 250 354 "file fields" "> ." 250 \
	    "> QUIT" 221 closed
	mailbox_wait jones 2
}

atf_test_case timeouts
timeouts_head()
{
	atf_set descr "Who says nothing for too long hears 421 4.4.2"
}
timeouts_body()
{
	smtp_start "smtp timeout command 1s
		smtp timeout data-block 1s"
	mail="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	"$LIBDIR/dialogue.py" $WORKER 220 421 closed >greeting 2>&1 &
	first=$!
	"$LIBDIR/dialogue.py" $SINGLE 220 ">> EH" 421 closed >half 2>&1 &
	second=$!
	# within a message the rest would have to be waited for
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> ${mail}DATA\r\n" 250 250 354 ">> half a li" 421 closed
	wait $first || atf_fail "no 421 to silence"
	wait $second || atf_fail "no 421 to half a command"
	atf_check -o inline:'421 4.4.2 timeout, closing connection\n' \
	    tail -n 1 greeting
}

atf_test_case slow_message
slow_message_head()
{
	atf_set descr "A message in drops ends with 421, one that takes too" \
	    "long in all too"
}
slow_message_body()
{
	smtp_start "smtp timeout rate-grace 1s
		smtp limit min-rate 100
		smtp timeout data-total 3s"
	mail="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	start="220;> EHLO c.example;250;>> ${mail}DATA\r\n;250;250;354"
	{
		echo "$start" | tr ';' '\n'
		for _ in $(seq 60); do
			printf '%s\n' ">> $(x 500)\r\n" "pause 0.1"
		done
		printf '%s\n' 421 closed
	} >fast
	{
		echo "$start" | tr ';' '\n'
		for _ in $(seq 30); do
			printf '%s\n' ">> x" "pause 0.1"
		done
		printf '%s\n' 421 closed
	} >slow
	"$LIBDIR/dialogue.py" $WORKER <fast >fast.out 2>&1 &
	pid=$!
	smtp_dialogue $WORKER <slow >slow.out
	atf_check -o inline:'421 4.4.2 too slow, closing connection\n' \
	    tail -n 1 slow.out
	wait $pid || { cat fast.out; atf_fail "no end of a long message"; }
	atf_check -o inline:'421 4.4.2 timeout, closing connection\n' \
	    tail -n 1 fast.out
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case session_time
session_time_head()
{
	atf_set descr "A session that is busy with nothing has its end"
}
session_time_body()
{
	smtp_start "smtp timeout session 3s"
	{
		echo 220
		for _ in $(seq 10); do
			printf '%s\n' "> NOOP" 250 "pause 0.1"
		done
		printf '%s\n' 421 closed
	} >steps
	smtp_dialogue $WORKER <steps
}

atf_test_case early_talker
early_talker_head()
{
	atf_set descr "Who speaks before the greeting is refused, and can read" \
	    "that"
}
early_talker_body()
{
	smtp_start "smtp greeting-delay 1s"
	mail="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	for where in $WORKER $SINGLE; do
		smtp_dialogue $where \
		    ">> EHLO c.example\r\n${mail}DATA\r\nx\r\n.\r\nQUIT\r\n" \
		    554 closed
	done
	smtp_dialogue $WORKER "silence 0.5" 220 "> EHLO c.example" 250 \
	    "> QUIT" 221 closed
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case improper_pipelining
improper_pipelining_head()
{
	atf_set descr "What comes behind EHLO, DATA, STARTTLS in one packet" \
	    "ends the connection (RFC 2920 3.1, CVE-2011-0411)"
}
improper_pipelining_body()
{
	smtp_start
	mail="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	smtp_dialogue $WORKER 220 ">> EHLO c.example\r\n$mail" 503 closed
	smtp_dialogue $WORKER 220 ">> HELO c.example\r\nNOOP\r\n" 503 closed
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> STARTTLS\r\nRSET\r\n" 503 closed
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> AUTH PLAIN\r\nAGEAYg==\r\n" 503 closed
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> ${mail}DATA\r\nx\r\n.\r\nQUIT\r\n" 250 250 503 closed
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    ">> QUIT\r\n$mail" 221 closed
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case last_reply
last_reply_head()
{
	atf_set descr "The last reply can be read although more was sent than" \
	    "is read"
}
last_reply_body()
{
	smtp_start
	for verb in "GET / HTTP/1.1" QUIT; do
		{
			printf '%s\r\n' "$verb"
			x 110000
		} >burst
		for where in $WORKER $SINGLE; do
			smtp_dialogue $where 220 "file burst" "pause 0.1" \
			    reply ended
		done
	done
}

atf_test_case sessions_per_source
sessions_per_source_head()
{
	atf_set descr "Sessions from one address and one network are limited," \
	    "others and local ones are not in the way"
}
sessions_per_source_body()
{
	smtp_start "smtp limit max-sessions-per-source 2
		smtp limit max-sessions-per-network 3"
	full="421 4.7.0 too many connections from your address"
	smtp_hold one -b 192.0.2.7 $FOREIGN 220
	one=$HELD
	smtp_hold two -b 192.0.2.7 192.0.2.1:2526 220
	smtp_dialogue -b 192.0.2.7 $FOREIGN 421 closed >got
	atf_check -o inline:"$full\n" cat got
	smtp_hold three -b 192.0.2.8 $FOREIGN 220
	smtp_dialogue -b 192.0.2.9 $FOREIGN 421 closed
	ip address add 198.51.100.1/24 dev lo
	smtp_dialogue -b 198.51.100.1 $FOREIGN 220 "> QUIT" 221 closed
	smtp_hold four $WORKER 220
	smtp_hold five $WORKER 220
	smtp_hold six $WORKER 220
	# a place that was left can be taken again
	smtp_release $one
	comes_true "$LIBDIR/dialogue.py" -b 192.0.2.7 $FOREIGN 220
}

atf_test_case sessions_in_all
sessions_in_all_head()
{
	atf_set descr "One session too many in all is 421 4.3.2; the listener" \
	    "has a limit of its own"
}
sessions_in_all_body()
{
	smtp_start "smtp limit max-sessions 3
		smtp limit stress 100
		listen on 127.0.0.1 port 2600 max-sessions 1"
	smtp_hold one 127.0.0.1:2600 220
	smtp_dialogue 127.0.0.1:2600 421 closed
	smtp_hold two $WORKER 220
	smtp_hold three $SINGLE 220
	smtp_dialogue $WORKER 421 closed >got
	atf_check -o inline:"421 4.3.2 too busy, closing connection\n" cat got
	smtp_release "$HELD"
	comes_true "$LIBDIR/dialogue.py" $WORKER 220
}

atf_test_case stress
stress_head()
{
	atf_set descr "When nearly all sessions are in use, who says nothing" \
	    "has to go sooner"
}
stress_body()
{
	smtp_start "smtp limit max-sessions 10
		smtp limit stress 20
		smtp timeout stress 1s"
	smtp_hold one $WORKER 220
	smtp_dialogue $WORKER 220 421 closed
}

atf_test_case slow_clients
slow_clients_head()
{
	atf_set descr "300 clients that say nothing, half a command or take" \
	    "no replies keep nobody waiting"
}
slow_clients_body()
{
	smtp_start "smtp limit max-junk 10000"
	"$LIBDIR/hostile.py" crowd 127.0.0.1 2525 300 >crowd 2>&1 &
	wait_for grep -qx ready crowd || { cat crowd; atf_fail "no crowd"; }
	printf 'x\r\n' >wire
	for where in $WORKER $SINGLE; do
		smtp_dialogue -s 5 $where 220 "> EHLO c.example" 250 \
		    "> MAIL FROM:<a@b.example>" 250 \
		    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "> x" \
		    "> ." 250 "> QUIT" 221 closed
	done
	mailbox_wait jones 2
}

atf_test_case no_growth
no_growth_head()
{
	atf_set descr "What a transaction takes is given back with it" \
	    "(CVE-2020-35679)"
}
no_growth_body()
{
	smtp_start "smtp limit max-junk 100000
		smtp limit max-mails 100000
		smtp limit max-errors 10000
		smtp limit max-rejected-rcpt 100000"
	# a sanitizer keeps what is freed, and tells of leaks itself
	! "$SMTPD" -V | grep -qi sanitize || return 0
	group="MAIL FROM:<a@b.example>\r\nRCPT TO:<jones@example.org>\r\n"
	group="${group}RCPT TO:<green@example.org>\r\nRSET\r\n"
	for _ in $(seq 50); do
		printf '%s\n' ">> $group$group$group$group"
		printf '250\n250\n550\n250\n%.0s' 1 2 3 4
	done >some
	{
		printf '%s\n' 220 "> EHLO c.example" 250
		cat some
		printf '%s\n' "say warm" "await go"
		for _ in $(seq 15); do
			cat some
		done
		printf '%s\n' "> QUIT" 221 closed
	} >steps
	"$LIBDIR/dialogue.py" $WORKER <steps >out 2>&1 &
	pid=$!
	wait_for grep -qx warm out || { cat out; atf_fail "the dialogue"; }
	worker=$(servers_of 2525)
	router=$(roles | sed -n 's/ router$//p')
	for role in $worker $router; do
		sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$role/status"
	done >before
	: >go
	wait_for grep -q '^221 ' out || { tail out; atf_fail "the dialogue"; }
	wait $pid || { tail out; atf_fail "the dialogue"; }
	for role in $worker $router; do
		sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$role/status"
	done >after
	paste before after >both
	while read -r was is; do
		[ "$is" -le $((was + was / 10)) ] ||
		    atf_fail "from $was to $is KiB"
	done <both
}

atf_init_test_cases()
{
	atf_add_test_case command_line
	atf_add_test_case long_arguments
	atf_add_test_case endless_line
	atf_add_test_case command_line_setting
	atf_add_test_case max_errors
	atf_add_test_case max_junk
	atf_add_test_case rejected_recipients
	atf_add_test_case max_recipients
	atf_add_test_case message_size
	atf_add_test_case header_limits
	atf_add_test_case timeouts
	atf_add_test_case slow_message
	atf_add_test_case session_time
	atf_add_test_case early_talker
	atf_add_test_case improper_pipelining
	atf_add_test_case last_reply
	atf_add_test_case sessions_per_source
	atf_add_test_case sessions_in_all
	atf_add_test_case stress
	atf_add_test_case slow_clients
	atf_add_test_case no_growth
}
