#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Mail of the clients that people use, over each kind of listener, and what
# is in the mailboxes afterwards: every octet of it.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# both_start [SETTINGS]: as smtp_start, but brown has an mbox.
both_start()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		${1:-}
		table users file:users
		listen on 127.0.0.1 port 2525
		listen on 127.0.0.1 port 2526 isolation connection
		listen on ::1 port 2525
		listen on socket
		action "box" maildir userbase <users>
		action "file" mbox "~/mbox" userbase <users>
		match from any for rcpt-to "brown@example.org" action "file"
		match from any for domain "example.org" action "box"
	END
	instance_user jones brown
	instance_run mx
	export BULKHEAD_ROOT="$DIR"
}

# submitted WHERE FILE...: each message, to jones and brown, is in the Maildir
# and in the mbox as it was sent.
submitted()
{
	_where=$1
	shift
	"$LIBDIR/submit.py" -m "$DIR/home/brown/mbox" "$_where" \
	    smith@example.net jones@example.org,brown@example.org \
	    "$DIR/home/jones/Maildir" "$@" || instance_fail "by $_where"
}

# Messages that something on the way could be tempted to change.
odd_messages()
{
	printf 'Subject: x\n\nplain\n' >plain
	printf '' >nothing
	printf 'Subject: no body\n' >header
	printf 'Subject: empty body\n\n' >blank
	printf 'no header\n' >body
	printf '\n\n\nthree blank lines\n\n\n' >blanks
	{
		printf 'Subject: all octets\n\n'
		python3 -c 'import sys; sys.stdout.buffer.write(
		    bytes(c for c in range(1, 256) if c not in b"\r\n"))'
		echo
	} >octets
	{
		printf 'Subject: long lines\n\n'
		for _ in 1 2 3; do
			head -c 900 /dev/zero | tr '\0' x
			echo
		done
		head -c 65534 /dev/zero | tr '\0' y
		echo
	} >long
	printf 'Subject: dots\n\n.\n..\n...\n.x\n. \nx.\n.\n' >dots
	cat >from <<-'END'
		From: a@b.example
		Subject: From lines

		From the first line on
		>From quoted
		>>From twice
		From
		from
		 From
		From a@b.example Thu Jan  1 00:00:00 1970
	END
	printf 'From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\n\nx\n' \
	    >mbox_line
	printf ' folded\n\tat the top\n\nx\n' >folded
	printf 'Return-Path: <x@y>\nDelivered-To: x\nReceived: x\n\ty\n\nx\n' \
	    >trace
	printf 'Subject: trailing white space \t\n\n \t \nx \n' >space
	printf 'Subject: no line end' >unfinished
}

atf_test_case octets
octets_head()
{
	atf_set descr "Maildir and mbox hold what was sent, octet by octet," \
	    "by IPv4, IPv6 and local socket, in both isolations"
}
octets_body()
{
	both_start
	mkdir messages
	cd messages
	odd_messages
	cd ..
	for where in $WORKER $SINGLE '[::1]:2525' "$DIR/run/submit.sock"; do
		submitted "$where" messages/*
	done
}

atf_test_case big
big_head()
{
	atf_set descr "1 MiB and 5 MiB come through whole; 8-bit lines too"
}
big_body()
{
	both_start
	for size in 1 5; do
		{
			printf 'Subject: %s MiB\n\n' $size
			head -c $((size * 1024 * 1024 * 3 / 4)) /dev/urandom |
			    base64
		} >big$size
	done
	{
		printf 'Subject: octets\n\n'
		head -c 1048576 /dev/urandom | tr -d '\0\r'
	} >octets
	for where in $WORKER $SINGLE; do
		submitted $where big1 big5 octets
	done
}

atf_test_case corpora
corpora_head()
{
	atf_set descr "Messages from the wild, many malformed, come through" \
	    "as they are"
	atf_set timeout 600
}
corpora_body()
{
	corpora=$(atf_config_get srcdir .)/../shared/vectors/corpora
	[ -d "$corpora" ] || {
		echo "no corpora here"
		return 0
	}
	both_start
	find "$corpora" -type f | sort >list
	[ -s list ] || atf_fail "empty corpora"
	xargs -d '\n' "$LIBDIR/submit.py" -m "$DIR/home/brown/mbox" $WORKER \
	    smith@example.net jones@example.org,brown@example.org \
	    "$DIR/home/jones/Maildir" <list || instance_fail "a message"
}

atf_test_case chasquid
chasquid_head()
{
	atf_set descr "The dialogues of chasquid's tests have the same ends"
}
chasquid_body()
{
	vectors=$(atf_config_get srcdir .)/../shared/vectors/dialogue/chasquid
	[ -d "$vectors" ] || {
		echo "no dialogues here"
		return 0
	}
	instance_new mx <<-END
		hostname "testserver"
		smtp max-message-size 1M
		table users file:users
		listen on 127.0.0.1 port 2525
		action "box" maildir userbase <users>
		match for local action "box"
	END
	instance_user user
	instance_run mx
	count=0
	for file in "$vectors"/test/t-12-*/*.cmy "$vectors"/test/t-05-*/*.cmy; do
		# we do not judge header fields: theirs refuses this message
		case $file in
		*/bad_data.cmy) continue ;;
		esac
		status=0
		"$LIBDIR/cmy.py" "$file" >steps || status=$?
		[ $status != 77 ] || continue
		[ $status = 0 ] || atf_fail "$file"
		echo "$file"
		smtp_dialogue $WORKER <steps >got || { cat got; exit 1; }
		count=$((count + 1))
	done
	[ $count -gt 10 ] || atf_fail "only $count dialogues"
}

# delivered SENDER PATTERN...: jones has one message, with that reverse-path
# and lines that match; it is taken away.
delivered()
{
	file=$(mailbox_only jones)
	atf_check -o inline:"Return-Path: <$1>\n" head -n 1 "$file"
	shift
	for pattern; do
		grep -q -e "$pattern" "$file" || {
			cat "$file"
			atf_fail "no '$pattern'"
		}
	done
	rm "$file"
}

atf_test_case swaks
swaks_head()
{
	atf_set descr "swaks delivers over each listener"
	atf_set require.progs swaks
}
swaks_body()
{
	both_start
	for where in "--server 127.0.0.1 --port 2525" \
	    "--server 127.0.0.1 --port 2526 --pipeline" \
	    "--server 127.0.0.1 --port 2525 --protocol SMTP" \
	    "--socket $DIR/run/submit.sock"; do
		swaks $where --helo client.example.net \
		    --from smith@example.net --to jones@example.org \
		    --header "Subject: by swaks" --body "a body" >out ||
		    { cat out; instance_fail "swaks $where"; }
		delivered smith@example.net '^Subject: by swaks$' '^a body$'
	done
	atf_check -s exit:24 -o match:'550 5.1.1' swaks --server 127.0.0.1 \
	    --port 2525 --to green@example.org
}

atf_test_case curl
curl_head()
{
	atf_set descr "curl delivers"
	atf_set require.progs curl
}
curl_body()
{
	both_start
	printf 'Subject: by curl\r\n\r\n.dot\r\n' >wire
	for where in 127.0.0.1:2525 127.0.0.1:2526 '[::1]:2525'; do
		curl -sS --url "smtp://$where/client.example.net" \
		    --mail-from smith@example.net \
		    --mail-rcpt jones@example.org -T wire ||
		    instance_fail "curl $where"
		delivered smith@example.net '^Subject: by curl$' '^\.dot$'
	done
	atf_check -s exit:55 -e ignore curl -sS --url smtp://127.0.0.1:2525 \
	    --mail-from smith@example.net --mail-rcpt green@example.org -T wire
}

atf_test_case msmtp
msmtp_head()
{
	atf_set descr "msmtp delivers, and says who is unknown"
	atf_set require.progs msmtp
}
msmtp_body()
{
	both_start
	printf 'Subject: by msmtp\n\nbody\n' >message
	for port in 2525 2526; do
		msmtp --host=127.0.0.1 --port=$port --auth=off --tls=off \
		    --from=smith@example.net jones@example.org <message ||
		    instance_fail "msmtp"
		delivered smith@example.net '^Subject: by msmtp$' '^body$'
	done
	atf_check -s exit:65 -e match:'550 5.1.1' -x "msmtp --host=127.0.0.1 \
	    --port=2525 --auth=off --tls=off --from=a@b.example \
	    green@example.org <message"
}

atf_test_case sendmail
sendmail_head()
{
	atf_set descr "sendmail: its options, its completed header, and who" \
	    "the kernel says has called it"
}
sendmail_body()
{
	both_start
	nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	# the fields that lack are added, Bcc is taken away, dots are text
	printf 'To: jones@example.org\nBcc: brown@example.org\nSubject: t\n\n.\nx\n' |
	    $nobody "$SENDMAIL" -t -i -f smith@example.net -F "John Smith" ||
	    instance_fail "sendmail -t"
	file=$(mailbox_only jones)
	cp "$file" copy
	atf_check -s exit:1 grep -i '^Bcc' copy
	atf_check test "$(tail -n 2 copy)" = ".
x"
	delivered smith@example.net '^Received: from localhost (uid 65534)' \
	    '^From: "John Smith" <smith@example.net>$' '^Date: ' \
	    '^Message-ID: <.*@mail\.example\.org>$' '^Subject: t$'
	wait_for grep -q '^Subject: t$' "$DIR/home/brown/mbox" ||
	    instance_fail "nothing by Bcc"
	# recipients by arguments, the sender by the user's name
	printf 'Subject: a\n\none\n.\ntwo\n' |
	    $nobody "$SENDMAIL" jones@example.org || instance_fail "sendmail"
	cp "$(mailbox_only jones)" copy
	atf_check -s exit:1 grep two copy
	delivered nobody@mail.example.org '^From: .*<nobody@mail.example.org>' \
	    '^one$'
	printf 'Subject: null\n\nx\n' | "$SENDMAIL" -f '<>' jones@example.org
	delivered '' '(uid 0)'
}

atf_test_case sendmail_modes
sendmail_modes_head()
{
	atf_set descr "sendmail -bs, -bv, -bp, -bi, -q; mailq and newaliases"
}
sendmail_modes_body()
{
	both_start
	{
		printf 'EHLO c.example\r\n'
		wait_for grep -q '^250 ' out || exit 1
		printf 'MAIL FROM:<smith@example.net>\r\nQUIT\r\n'
	} | "$SENDMAIL" -bs >out
	atf_check -o match:'^220 mail.example.org' \
	    -o match:'^250 2.1.0 sender ok' -o match:'^221 ' cat out
	atf_check -o match:'jones@example.org: 250 2.1.5' \
	    "$SENDMAIL" -bv jones@example.org
	atf_check -s exit:67 -o match:'green@example.org: 550 5.1.1' \
	    "$SENDMAIL" -bv jones@example.org green@example.org
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "-bv has sent something"
	"$SMTPCTL" -R "$DIR" pause mda
	printf 'Subject: x\n\nx\n' |
	    "$SENDMAIL" -f smith@example.net jones@example.org
	atf_check -o match:'smith@example.net.*jones@example.org' \
	    "$OBJDIR/bin/mailq"
	atf_check -o match:'smith@example.net.*jones@example.org' \
	    "$SENDMAIL" -bp
	"$SMTPCTL" -R "$DIR" resume mda
	atf_check -o ignore "$SENDMAIL" -q
	delivered smith@example.net
	echo "green 60001:60001:$DIR/home/jones" >>"$DIR/users"
	atf_check -o ignore "$OBJDIR/bin/newaliases"
	atf_check -o match:'green@example.org: 250' \
	    "$SENDMAIL" -bv green@example.org
	sed -i '/^green/d' "$DIR/users"
	atf_check -o ignore "$SENDMAIL" -bi
	atf_check -s exit:67 -o ignore "$SENDMAIL" -bv green@example.org
}

atf_test_case sendmail_exits
sendmail_exits_head()
{
	atf_set descr "sendmail's exit status is that of sysexits(3)"
}
sendmail_exits_body()
{
	both_start "smtp max-message-size 64K"
	printf 'Subject: x\n\nx\n' >message
	atf_check -s exit:67 -e match:'green@example.org: 550 5.1.1' \
	    -x "'$SENDMAIL' jones@example.org green@example.org <message"
	lf='
'
	for bad in "a${lf}From x" "a@b${lf}.example" "a@@b" "a b@c" "<a@b"; do
		atf_check -s exit:64 -e ignore "$SENDMAIL" -f "$bad" \
		    jones@example.org
		atf_check -s exit:64 -e ignore "$SENDMAIL" "$bad"
	done
	atf_check -s exit:64 -e ignore -x "'$SENDMAIL' -t <message"
	atf_check -s exit:64 -e ignore "$SENDMAIL" -bd
	printf 'Subject: x\r\r\n\nx\n' >cr
	printf 'Subject: x\n\nx\0\n' >nul
	atf_check -s exit:65 -e ignore -x "'$SENDMAIL' jones@example.org <cr"
	atf_check -s exit:65 -e ignore -x "'$SENDMAIL' jones@example.org <nul"
	head -c 70000 /dev/zero | tr '\0' 'x' | fold -w 70 >large
	atf_check -s exit:69 -e match:552 \
	    -x "'$SENDMAIL' jones@example.org <large"
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got something"
	instance_stop mx
	atf_check -s exit:75 -e ignore \
	    -x "'$SENDMAIL' jones@example.org <message"
	atf_check -s exit:69 -e ignore "$OBJDIR/bin/mailq"
}

atf_test_case sendmail_slow
sendmail_slow_head()
{
	atf_set descr "sendmail reads its input to the end, however slowly it" \
	    "comes, before the daemon's time-outs run; what it cannot keep" \
	    "is an error"
}
sendmail_slow_body()
{
	both_start "smtp timeout command 2s
		smtp timeout data-block 2s"
	# the pause is longer than the daemon waits, which is the point
	{
		printf 'Subject: slow\n\none\n'
		sleep 4
		printf '.two\n\nthree'
	} | "$SENDMAIL" jones@example.org || instance_fail "sendmail"
	delivered root@mail.example.org '^Subject: slow$' '^one$' '^\.two$' \
	    '^three$'
	# a dot ends it while its writer goes on
	mkfifo input
	"$SENDMAIL" jones@example.org <input &
	pid=$!
	exec 3>input
	printf 'Subject: dot\n\nbody\n.\n' >&3
	wait $pid || instance_fail "no end at the dot"
	exec 3>&-
	delivered root@mail.example.org '^Subject: dot$' '^body$'
	head -c 200000 /dev/zero | tr '\0' x | fold -w 70 >large
	atf_check -s exit:75 -e match:'no room to keep the message' \
	    -x "ulimit -f 100; exec '$SENDMAIL' jones@example.org <large"
	[ "$(mailbox_count jones)" = 0 ] || atf_fail "jones has got a part"
}

atf_test_case sendmail_lists
sendmail_lists_head()
{
	atf_set descr "an argument of sendmail is a list of addresses as in a" \
	    "header field; -f takes one"
}
sendmail_lists_body()
{
	both_start
	printf 'Subject: x\n\nx\n' >message
	for to in jones@example.org,brown@example.org \
	    '"J, the one" <jones@example.org>, brown@example.org (B)' \
	    ' jones@example.org ,, <brown@example.org>'; do
		"$SENDMAIL" -f 'Foo <a@b.example>' "$to" <message ||
		    instance_fail "$to"
		delivered a@b.example
		comes_true grep -q '^Subject: x$' "$DIR/home/brown/mbox"
		rm "$DIR/home/brown/mbox"
	done
	# lists and arguments add up
	atf_check -s exit:67 -o match:'jones@example.org: 250' \
	    -o match:'x@example.org: 550' -o match:'brown@example.org: 250' \
	    "$SENDMAIL" -bv jones@example.org,x@example.org brown@example.org
	for bad in '' ' ' , '<>' 'a@b,<>' 'a@b;c@d' 'a b@c' 'x:' 'J <a@b'; do
		atf_check -s exit:64 -e match:recipient "$SENDMAIL" "$bad"
	done
	for bad in ' ' , a@b,c@d 'a@b,<>' 'J <>' 'J <a@b> c' 'g: a@b, c@d;'; do
		atf_check -s exit:64 -e match:sender "$SENDMAIL" -f "$bad" \
		    jones@example.org
	done
	for null in '' '<>'; do
		"$SENDMAIL" -f "$null" jones@example.org <message ||
		    instance_fail "-f '$null'"
		delivered ''
	done
}

# quitter END: a daemon on the submission socket that takes one message; after
# its 250 it closes the connection, or answers QUIT with END.
quitter()
{
	rm -f "$DIR/run/submit.sock"
	cat >quitter.py <<-'PY'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + ".new")
		s.listen()
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		c = s.accept()[0]
		c.sendall(b"220 mail.example.org\r\n")
		text = False
		for line in c.makefile("rb"):
		    if text and line != b".\r\n":
		        continue
		    if line == b"QUIT\r\n":
		        c.sendall(sys.argv[2].encode() + b"\r\n")
		        break
		    text = line == b"DATA\r\n"
		    c.sendall(b"354 go\r\n" if text else b"250 yes\r\n")
		    if line == b".\r\n" and sys.argv[2] == "close":
		        break
	PY
	python3 quitter.py "$DIR/run/submit.sock" "$1" &
	QUITTER=$!
	comes_true test -S "$DIR/run/submit.sock"
}

atf_test_case sendmail_quit
sendmail_quit_head()
{
	atf_set descr "after the 250 to a message sendmail succeeds, whatever" \
	    "becomes of QUIT"
}
sendmail_quit_body()
{
	instance_new mx </dev/null
	mkdir "$DIR/run"
	export BULKHEAD_ROOT="$DIR"
	printf 'Subject: x\n\nx\n' >message
	for end in close "421 later" "500 what" "???" ""; do
		quitter "$end"
		atf_check -x "'$SENDMAIL' jones@example.org <message"
		wait $QUITTER || atf_fail "the server"
	done
}

atf_test_case sendmail_closed
sendmail_closed_head()
{
	atf_set descr "sendmail with standard descriptors closed: no input is" \
	    "an empty message, and nothing is taken for another thing"
}
sendmail_closed_body()
{
	both_start
	printf 'Subject: x\n\nbody\n' >message
	atf_check -x "timeout 10 '$SENDMAIL' jones@example.org <&-"
	cp "$(mailbox_only jones)" copy
	atf_check -s exit:1 grep '^[0-9][0-9][0-9][ -]' copy
	delivered root@mail.example.org '^Message-ID: '
	atf_check -x "timeout 10 '$SENDMAIL' jones@example.org \
	    <message >&- 2>&-"
	delivered root@mail.example.org '^body$'
	atf_check -x "timeout 10 '$SENDMAIL' jones@example.org <&- >&- 2>&-"
	delivered root@mail.example.org '^Message-ID: '
}

# from_is NAME: the From of the message that jones has is that of
# smith@example.net, of that name, in lines and words of a length that may be.
from_is()
{
	python3 - "$(mailbox_only jones)" "$1" <<-'PY' || atf_fail "not '$1'"
		import email, sys
		from email.header import decode_header, make_header
		from email.utils import parseaddr
		with open(sys.argv[1], "rb") as f:
		    text = f.read()
		head = text.split(b"\n\n")[0].split(b"\n")
		assert all(l.isascii() for l in head), head
		assert all(len(l) <= 76 for l in head if b"=?" in l), head
		name, address = parseaddr(email.message_from_bytes(text)["From"])
		assert address == "smith@example.net", address
		for word in name.split():
		    str(make_header(decode_header(word)))  # each alone is UTF-8
		got = str(make_header(decode_header(name)))
		assert got == sys.argv[2], (name, got)
	PY
	rm "$(mailbox_only jones)"
}

atf_test_case sendmail_names
sendmail_names_head()
{
	atf_set descr "sendmail encodes a name that is not plain; the author" \
	    "of a message from the null sender has a domain"
}
sendmail_names_body()
{
	both_start
	printf 'Subject: x\n\nx\n' >message
	for name in 'John Q. Smith' 'Jürgen Groß' 'J "the one" \ Smith' 'a b' \
	    'a=?b?_c ü' '=?UTF-8?Q?x?=' '山田太郎山田太郎山田太郎山田太郎 山田太郎山田太郎 x'; do
		"$SENDMAIL" -f smith@example.net -F "$name" jones@example.org \
		    <message || instance_fail "$name"
		from_is "$name"
	done
	# what cannot be a name is none
	for name in "$(printf 'J\374rgen')" "$(printf 'x\nBcc: y')" ''; do
		"$SENDMAIL" -f smith@example.net -F "$name" jones@example.org \
		    <message || instance_fail "$name"
		delivered smith@example.net '^From: <smith@example.net>$'
	done
	"$SENDMAIL" -f '<>' -F x jones@example.org <message
	delivered '' '^From: "x" <MAILER-DAEMON@mail\.example\.org>$'
}

atf_init_test_cases()
{
	atf_add_test_case octets
	atf_add_test_case big
	atf_add_test_case corpora
	atf_add_test_case chasquid
	atf_add_test_case swaks
	atf_add_test_case curl
	atf_add_test_case msmtp
	atf_add_test_case sendmail
	atf_add_test_case sendmail_modes
	atf_add_test_case sendmail_exits
	atf_add_test_case sendmail_slow
	atf_add_test_case sendmail_lists
	atf_add_test_case sendmail_quit
	atf_add_test_case sendmail_closed
	atf_add_test_case sendmail_names
}
