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

# attempt STEP...: print the steps of one connection with a transaction for
# jones, whose content those steps send.
attempt()
{
	printf '%s\n' 220 "> EHLO c.example" 250 \
	    "> MAIL FROM:<smith@example.net>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 "$@" again
}

# The connections of which steps are, with content "a", the octets X, the
# smuggled transaction and the end.
one_packet()
{
	attempt ">> a$1$SMUGGLED.\r\n" 550 closed
}

# As little waiting for replies as there can be.
pipelined()
{
	printf '%s\n' 220 "> EHLO c.example" 250 \
	    ">> MAIL FROM:<smith@example.net>\r\nRCPT TO:<jones@example.org>\r\nDATA\r\n" \
	    250 250 354 ">> a$1$SMUGGLED.\r\nQUIT\r\n" 550 closed again
}

octet_by_octet()
{
	attempt "split 1" ">> a$1" "split 0" ">> $SMUGGLED.\r\n" 550 closed
}

# Two packets, cut behind every octet of X.
cut_in_two()
{
	_head=
	_tail=$1
	while [ -n "$_tail" ]; do
		case $_tail in
		\\x??*) _rest=${_tail#????} ;;
		\\?*) _rest=${_tail#??} ;;
		*) _rest=${_tail#?} ;;
		esac
		_head=$_head${_tail%"$_rest"}
		_tail=$_rest
		attempt ">> a$_head" "pause 0.01" ">> $_tail$SMUGGLED.\r\n" \
		    550 closed
	done
}

# nothing_for_brown: the victim has no mail.
nothing_for_brown()
{
	[ "$(mailbox_count brown)" = 0 ] || {
		cat "$DIR/home/brown/Maildir/new/"* >&2
		atf_fail "smuggled"
	}
}

# each_stray WHERE STEPS: try all of stray there; each is refused with one
# reply and the connection is closed.  Nothing is delivered, which is known
# when a message that is sent behind them is there, and is the only one.
each_stray()
{
	stray | while IFS= read -r x; do
		"$2" "$x"
	done >steps
	smtp_dialogue "$1" <steps
	printf 'last\r\n' >wire
	smtp_mail "$1" jones@example.org smith@example.net wire
	file=$(mailbox_only jones)
	atf_check -o inline:'last\n' tail -n 1 "$file"
	rm "$file"
	nothing_for_brown
}

stray_case()
{
	atf_test_case "$1"
	eval "${1}_head()
	{
		atf_set descr \"$2\"
	}
	${1}_body()
	{
		smtp_start
		each_stray $WORKER $1
	}"
}

stray_case one_packet "Stray octets: one reply, 550, and the end"
stray_case pipelined "The same with everything pipelined"
stray_case octet_by_octet "The same, each octet a packet"
stray_case cut_in_two "The same, cut in two at each octet"

atf_test_case other_listeners
other_listeners_head()
{
	atf_set descr "No client is exempt: isolation connection, IPv6, a" \
	    "local socket, a client that is no local one"
}
other_listeners_body()
{
	smtp_start
	for where in $SINGLE $FOREIGN '[::1]:2525' "$DIR/run/submit.sock"; do
		each_stray "$where" one_packet
	done
}

atf_test_case looks_like_it
looks_like_it_head()
{
	atf_set descr "A dot with text is text; one leading dot is taken off"
}
looks_like_it_body()
{
	smtp_start
	text >list
	for where in $WORKER $SINGLE; do
		while IFS='|' read -r x becomes <&3; do
			attempt ">> a$x$SMUGGLED.\r\n" 250 "> QUIT" 221 \
			    closed >steps
			smtp_dialogue "$where" <steps
			file=$(mailbox_only jones)
			printf "a$becomes$SMUGGLED" | tr -d '\r' >text
			message_text <"$file" >got
			atf_check cmp text got
			rm "$file"
		done 3<list
	done
	nothing_for_brown
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
	line=$(printf 'x%.0s' $(seq 997))
	{
		attempt ">> a$line\r\n.\r\n" 250 "> QUIT" 221 closed
		# the transaction is over with a refusal, the connection not
		attempt ">> ax$line\r\n.\r\n" 550 "> DATA" 503 "> QUIT" 221 \
		    closed
		attempt ">> ax$line.\r\n$SMUGGLED\r\n.\r\n" 550 "> QUIT" 221 \
		    closed
	} >steps
	smtp_dialogue $WORKER <steps
	printf 'a%s\n' "$line" >text
	message_text <"$(mailbox_only jones)" >got
	atf_check cmp text got
	nothing_for_brown
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
	attempt "> ." 250 "> QUIT" 221 closed >steps
	smtp_dialogue $WORKER <steps
	file=$(mailbox_only jones)
	message_text <"$file" >got
	atf_check test ! -s got
	rm "$file"
	attempt ">> a\r" "pause 0.02" ">> \n" "pause 0.02" ">> ." "pause 0.02" \
	    ">> \r" "silence 0.1" ">> \n" 250 "> QUIT" 221 closed >steps
	smtp_dialogue $WORKER <steps
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
	for where in $WORKER $SINGLE; do
		{
			attempt ">> cut\r\n" shut closed
			attempt ">> cut\r\n.\r" shut closed
			attempt ">> cut\r\n.\r" reset
			attempt ">> cut\r\n" reset
		} >steps
		smtp_dialogue $where <steps
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
