#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The end of a message, through the whole daemon: nothing but CRLF "." CRLF
# ends one, and what a client puts behind something that only looks like it
# never becomes a second message (CVE-2023-51764, -51765, -51766).  jones gets
# the mail, brown is the victim whom the smuggled transaction is for.

. "$(atf_get_srcdir)/../lib/smtp.sh"

SMUGGLED='MAIL FROM:<evil@example.net>\r\nRCPT TO:<brown@example.org>\r\n'
SMUGGLED=$SMUGGLED'DATA\r\nsmuggled\r\n'

# What looks like the end and holds a bare CR, a bare LF or a NUL.
stray()
{
	cat <<-'END'
		\n.\n
		\n.\r\n
		\r.\r
		\r\n.\n
		\r\n.\r
		\r.\r\n
		\n.\r
		\r\r\n.\r\n
		\r\n.\r\r\n
		\r\n.\0\r\n
		\r\n\0.\r\n
		\r\n.\0junk\r\n
		\n\n.\n\n
		\r\n.\r.\r\n
		\r
		\n
		\0
	END
}

# What looks like it and is text, with what becomes of it.
text()
{
	cat <<-'END'
		\r\n. \r\n|\n \n
		\r\n.\t\r\n|\n\t\n
		\r\n..\r\n|\n.\n
		\r\n...\r\n|\n..\n
		\r\n.x\r\n|\nx\n
		\xe2\x80\xa8.\xe2\x80\xa8|\xe2\x80\xa8.\xe2\x80\xa8
		\x85.\x85|\x85.\x85
		\x0b.\x0c|\x0b.\x0c
	END
}

# One transaction with the body "a", the octets X, the smuggled one and the
# end; PIECES are the steps that send it.
attempt()
{
	smtp_dialogue "$WHERE" 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<smith@example.net>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "$@"
}

# Nobody has got a smuggled message.
nothing_smuggled()
{
	[ "$(mailbox_count brown)" = 0 ] || {
		cat "$DIR/home/brown/Maildir/new/"* >&2
		atf_fail "smuggled by $1"
	}
}

# each_stray STEPS: run "$STEPS X" for every stray X, and look that it was
# refused and that nothing at all was delivered.
each_stray()
{
	while IFS= read -r x <&3; do
		"$1" "$x"
		nothing_smuggled "$x"
	done 3<list
	# what came of it would be here by now: a message for jones is sent
	# last, and it is the only one
	printf 'last\r\n' >wire
	smtp_mail "$WHERE" jones@example.org smith@example.net wire
	atf_check -o inline:'last\n' tail -n 1 "$(mailbox_only jones)"
	nothing_smuggled "something"
}

one_packet()
{
	attempt ">> a$1$SMUGGLED.\r\n" 550 closed
}

# The whole dialogue in one packet per group, so that a server that sees an
# end too early finds commands behind it.
pipelined()
{
	smtp_dialogue "$WHERE" 220 "> EHLO c.example" 250 \
	    ">> MAIL FROM:<smith@example.net>\r\nRCPT TO:<jones@example.org>\r\nDATA\r\n" \
	    250 250 354 ">> a$1$SMUGGLED.\r\nQUIT\r\n" 550 closed
}

octet_by_octet()
{
	attempt "split 1" ">> a$1" "split 0" ">> $SMUGGLED.\r\n" 550 closed
}

# Two packets, cut at every octet of X.
cut_in_two()
{
	_head=
	_tail=$1
	while [ -n "$_tail" ]; do
		case $_tail in
		\\x??*) _next=${_tail%"${_tail#????}"} ;;
		\\?*) _next=${_tail%"${_tail#??}"} ;;
		*) _next=${_tail%"${_tail#?}"} ;;
		esac
		_head=$_head$_next
		_tail=${_tail#"$_next"}
		attempt ">> a$_head" "pause 0.01" ">> $_tail$SMUGGLED.\r\n" \
		    550 closed
	done
}

stray_case()
{
	atf_test_case "$1"
	eval "${1}_head()
	{
		atf_set descr \"$3\"
	}
	${1}_body()
	{
		smtp_start
		stray >list
		WHERE=\${$2:-$2}
		each_stray $1
	}"
}

stray_case one_packet WORKER "Stray octets: one reply, 550, and the end"
stray_case pipelined WORKER "The same with everything pipelined"
stray_case octet_by_octet WORKER "The same, each octet a packet"
stray_case cut_in_two WORKER "The same, cut in two at each octet"

atf_test_case other_listeners
other_listeners_head()
{
	atf_set descr "No client is exempt: isolation connection, IPv6, a" \
	    "local socket, a client that is no local one"
}
other_listeners_body()
{
	smtp_start
	for WHERE in $SINGLE $FOREIGN '[::1]:2525' "$DIR/run/submit.sock"; do
		stray | while IFS= read -r x; do
			one_packet "$x"
			nothing_smuggled "$x"
		done
	done
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
}

atf_test_case looks_like_it
looks_like_it_head()
{
	atf_set descr "A dot with text is text; one leading dot is taken off"
}
looks_like_it_body()
{
	smtp_start
	count=0
	text >list
	while IFS='|' read -r x becomes <&3; do
		for WHERE in $WORKER $SINGLE; do
			attempt ">> a$x$SMUGGLED.\r\n" 250 "> QUIT" 221 closed
			nothing_smuggled "$x"
			mailbox_wait jones 1
			file=$(mailbox_only jones)
			printf "a$becomes$SMUGGLED" | tr -d '\r' >text
			message_text <"$file" >got
			atf_check cmp text got
			rm "$file"
		done
	done 3<list
}

atf_test_case at_the_line_limit
at_the_line_limit_head()
{
	atf_set descr "A line of exactly the limit and then the end; one" \
	    "octet more is 550 after the end, not an end of its own"
}
at_the_line_limit_body()
{
	smtp_start "smtp limit line-length 1000"
	WHERE=$WORKER
	line=$(printf 'x%.0s' $(seq 997))
	attempt ">> a$line\r\n.\r\n" 250 "> QUIT" 221 closed
	{ printf 'a%s\n' "$line"; } >text
	message_text <"$(mailbox_only jones)" >got
	atf_check cmp text got
	# the transaction is over after the refusal, the connection is not
	attempt ">> ax$line\r\n.\r\n" 550 "> DATA" 503 "> QUIT" 221 closed
	attempt ">> ax$line.\r\n$SMUGGLED\r\n.\r\n" 550 "> QUIT" 221 closed
	[ "$(mailbox_count jones)" = 1 ] || atf_fail "jones has got more"
	nothing_smuggled "a long line"
}

atf_test_case at_once
at_once_head()
{
	atf_set descr "The end right after 354 is an empty message; one cut in" \
	    "its packets is the end"
}
at_once_body()
{
	smtp_start
	WHERE=$WORKER
	attempt "> ." 250 "> QUIT" 221 closed
	file=$(mailbox_only jones)
	message_text <"$file" >got
	atf_check test ! -s got
	rm "$file"
	attempt ">> a\r" "pause 0.02" ">> \n" "pause 0.02" ">> ." "pause 0.02" \
	    ">> \r" "pause 0.02" "silence 0.1" ">> \n" 250 "> QUIT" 221 closed
	echo a >text
	message_text <"$(mailbox_only jones)" >got
	atf_check cmp text got
}

atf_test_case cut_off
cut_off_head()
{
	atf_set descr "Without the end there is no message, however the" \
	    "connection ends"
}
cut_off_body()
{
	smtp_start
	for WHERE in $WORKER $SINGLE; do
		attempt ">> cut\r\n" shut closed
		attempt ">> cut\r\n.\r" shut closed
		attempt ">> cut\r\n.\r" reset
		attempt ">> cut\r\n" reset
	done
	printf 'last\r\n' >wire
	smtp_mail $WORKER jones@example.org smith@example.net wire
	atf_check -o inline:'last\n' tail -n 1 "$(mailbox_only jones)"
}

atf_init_test_cases()
{
	atf_add_test_case one_packet
	atf_add_test_case pipelined
	atf_add_test_case octet_by_octet
	atf_add_test_case cut_in_two
	atf_add_test_case other_listeners
	atf_add_test_case looks_like_it
	atf_add_test_case at_the_line_limit
	atf_add_test_case at_once
	atf_add_test_case cut_off
}
