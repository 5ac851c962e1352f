#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Delivery to a Maildir, as its owner and the owner's neighbours see it.
# Classes: (a) two parsers, (c) forged records, (d) files of others.
. "$(atf_get_srcdir)/../lib/instance.sh"

# start NAME...: an instance with these users.
start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue retry 1s
delivery mailer-idle 1s
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
action "archive" maildir "~/Archive/%{rcpt.user:lowercase}/%{sender.domain}" \
    userbase <users>
match from any for domain "example.org" action "box"
match from any for domain "archive.example.org" action "archive"
CONF
	instance_user "$@"
	instance_run i
}

only_file()
{
	[ "$(maildir_files "$1" | wc -l)" = 1 ] ||
	    instance_fail "$1 has not just one message"
	maildir_files "$1"
}

atf_test_case octets
octets_head()
{
	atf_set descr "what arrives is what was sent, after the trace fields"
}
octets_body()
{
	start jones
	printf 'From: a@example.net\nSubject: =?utf-8?q?x?=\nX-Odd:  two\n\tlines \nReceived: from nowhere\n\n' >sent
	printf 'From here on\n>From there\n.\n..\n.x\n\ttab\377\200 \n\n\n' >>sent
	awk 'BEGIN { for (i = 0; i < 990; i++) printf "x"; print "" }' >>sent
	send -f sent smith@example.net jones@example.org
	mailbox_wait jones 1
	got=$(only_file jones)
	mail_content "$got" >received
	cmp sent received || atf_fail "the content has changed"
	atf_check_equal "Return-Path: <smith@example.net>" "$(sed -n 1p "$got")"
	atf_check_equal "Delivered-To: jones@example.org" "$(sed -n 2p "$got")"
	sed -n 3p "$got" | grep -q '^Received: from client.example.net' ||
	    atf_fail "no Received field of our own: $(sed -n 3p "$got")"
}

atf_test_case null_sender
null_sender_head()
{
	atf_set descr "the null reverse-path stands as <> in Return-Path"
}
null_sender_body()
{
	start jones
	send "" jones@example.org
	mailbox_wait jones 1
	atf_check_equal "Return-Path: <>" "$(sed -n 1p "$(only_file jones)")"
}

atf_test_case names
names_head()
{
	atf_set descr "names, owners and modes; the Maildir is made when missing"
}
names_body()
{
	start jones
	id=$(send smith@example.net jones@example.org)
	mailbox_wait jones 1
	file=$(only_file jones)
	echo "${file##*/}" | grep -Eqx \
	    "[0-9]+\.M[0-9]+P[0-9]+Q[0-9]+_$id\.0\.mx\.example\.org" ||
	    atf_fail "not the form of a name: $file"
	uid=$(stat -c %u "$DIR/home/jones")
	atf_check_equal "600 $uid:$uid" "$(stat -c '%a %u:%g' "$file")"
	for dir in . new cur tmp; do
		atf_check_equal "700 $uid:$uid" \
		    "$(stat -c '%a %u:%g' "$DIR/home/jones/Maildir/$dir")"
	done
	[ -z "$(ls -A "$DIR/home/jones/Maildir/tmp")" ] ||
	    atf_fail "something is left in tmp/"
}

atf_test_case recipients
recipients_head()
{
	atf_set descr "several recipients of two actions get one message each"
}
recipients_body()
{
	start jones green brown
	send Smith@Sub.example.net jones@example.org green@example.org \
	    brown@example.org Jones@archive.example.org
	log_wait 4 event=delivered
	for name in jones green brown; do
		file=$(only_file "$name")
		atf_check_equal "Delivered-To: $name@example.org" \
		    "$(sed -n 2p "$file")"
	done
	set -- "$DIR"/home/jones/Archive/jones/*/new/*
	[ $# = 1 ] && [ -f "$1" ] || atf_fail "not in the archive: $*"
	# every line of the log about it has the one id
	atf_check_equal 1 "$(sed -n \
	    's/.*event=delivered message=\([0-9a-f]*\).*/\1/p' "$DIR/log" |
	    sort -u | wc -l)"
}

atf_test_case traversal
traversal_head()
{
	atf_set descr "values from the network cannot choose another directory"
}
traversal_body()
{
	start jones
	echo "\"../../up\" 60001:60001:$DIR/home/jones" >>"$DIR/users"
	ls -lR "$DIR/home" >before
	for rcpt in '"../../jones"' '"../jones"' '"/etc/jones"' '".."'; do
		"$LIBDIR/send.py" smith@example.net \
		    "$rcpt@archive.example.org" 2>>refused || :
	done
	# a domain of the sender may be anything that a domain can be
	send smith@a.b.c jones@archive.example.org
	log_wait 1 event=delivered
	(cd "$DIR/home/jones" && find . -name new) >found
	atf_check_equal ./Archive/jones/a.b.c/new "$(cat found)"
	[ "$(ls -A "$DIR/home")" = jones ] || atf_fail "beside the homes: $(ls -A "$DIR/home")"
}

atf_test_case big
big_head()
{
	atf_set descr "a message of 3 MiB arrives whole, for two recipients"
}
big_body()
{
	start jones green
	printf 'Subject: big\n\n' >sent
	base64 -w 76 /dev/urandom | head -c 3145728 >>sent
	echo >>sent
	send -f sent smith@example.net jones@example.org green@example.org
	for name in jones green; do
		mailbox_wait "$name" 1
		mail_content "$(only_file "$name")" >received
		cmp sent received || atf_fail "the content has changed"
	done
}

atf_test_case whole
whole_head()
{
	atf_set descr "what stands in new/ is whole at any time"
}
whole_body()
{
	start jones
	mkdir -m 700 "$DIR/home/jones/Maildir" "$DIR/home/jones/Maildir/new" \
	    "$DIR/home/jones/Maildir/tmp" "$DIR/home/jones/Maildir/cur"
	chown -R 60001:60001 "$DIR/home/jones"
	printf 'Subject: whole\n\n' >sent
	base64 -w 76 /dev/urandom | head -c 700000 >>sent
	printf '\nEND\n' >>sent
	cat >watch.py <<'PY'
import os, sys, time
seen, until = set(), time.time() + 30
while len(seen) < 20 and time.time() < until:
    for name in os.listdir(sys.argv[1]):
        if name not in seen:
            seen.add(name)
            with open(sys.argv[1] + "/" + name, "rb") as file:
                if not file.read().endswith(b"\nEND\n"):
                    sys.exit(name + " is not whole")
sys.exit(0 if len(seen) == 20 else "only %d came" % len(seen))
PY
	python3 watch.py "$DIR/home/jones/Maildir/new" &
	watch=$!
	send -n 20 -f sent smith@example.net jones@example.org >/dev/null
	wait "$watch" || atf_fail "a message was seen before it was whole"
}

# Make of the home of a user a trap of that kind, with bait outside.
trap_make()
{
	home=$DIR/home/$1
	box=$home/Maildir
	mkdir -p "$box/new" "$box/cur" "$box/tmp"
	case $1 in
	maildir-link) rm -r "$box"; ln -s "$DIR/bait" "$box" ;;
	maildir-near) mv "$box" "$home/box"; ln -s box "$box" ;;
	maildir-fifo) rm -r "$box"; mkfifo "$box" ;;
	maildir-file) rm -r "$box"; : >"$box" ;;
	maildir-hard) rm -r "$box"; ln "$DIR/bait/file" "$box" ;;
	maildir-device) rm -r "$box"; mknod "$box" c 1 3 ;;
	new-link) rmdir "$box/new"; ln -s "$DIR/bait" "$box/new" ;;
	new-fifo) rmdir "$box/new"; mkfifo "$box/new" ;;
	new-file) rmdir "$box/new"; : >"$box/new" ;;
	new-device) rmdir "$box/new"; mknod "$box/new" b 7 200 ;;
	tmp-link) rmdir "$box/tmp"; ln -s "$DIR/bait" "$box/tmp" ;;
	tmp-fifo) rmdir "$box/tmp"; mkfifo "$box/tmp" ;;
	cur-link) rmdir "$box/cur"; ln -s "$DIR/bait" "$box/cur" ;;
	tmp-root) chmod 755 "$box/tmp" ;;
	esac
	case $1 in
	maildir-hard | maildir-device) ;;
	tmp-root) chown -h "$2:$2" "$box" "$box/new" "$box/cur" ;;
	*) chown -hR "$2:$2" "$home" ;;
	esac
}

queued()
{
	[ "$(ctl -j show queue | wc -l)" = "$1" ]
}

atf_test_case traps
traps_head()
{
	atf_set descr "links, pipes and devices in the place of a directory" \
	    "defer the mail, keep nobody waiting, and nothing outside changes"
}
traps_body()
{
	kinds="maildir-link maildir-near maildir-fifo maildir-file
	    maildir-hard maildir-device new-link new-fifo new-file new-device
	    tmp-link tmp-fifo cur-link tmp-root"
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue retry 1h
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user $kinds good
	mkdir "$DIR/bait" "$DIR/bait/new" "$DIR/bait/cur" "$DIR/bait/tmp"
	echo bait >"$DIR/bait/file"
	chmod -R 777 "$DIR/bait"
	rcpts=
	uid=60000
	for kind in $kinds; do
		uid=$((uid + 1))
		trap_make "$kind" "$uid"
		rcpts="$rcpts $kind@example.org"
	done
	(cd "$DIR/bait" && find . -exec stat -c '%n %s %a %u %y' {} + | sort
	    ) >before
	instance_run i
	send smith@example.net $rcpts good@example.org
	count=$(echo $kinds | wc -w)
	DEADLINE=10 log_wait "$count" "event=deferred .*status=4"
	mailbox_wait good 1
	wait_for queued "$count" || instance_fail "the good mail stays queued"
	(cd "$DIR/bait" && find . -exec stat -c '%n %s %a %u %y' {} + | sort
	    ) >after
	cmp before after || atf_fail "outside the homes: $(diff before after)"
}

atf_test_case race
race_head()
{
	atf_set descr "a Maildir swapped with a link in a loop lets nothing out"
}
race_body()
{
	start jones
	mkdir "$DIR/bait" "$DIR/bait/new" "$DIR/bait/cur" "$DIR/bait/tmp"
	chmod -R 777 "$DIR/bait"
	box=$DIR/home/jones/Maildir
	mkdir "$box" "$box/new" "$box/cur" "$box/tmp"
	ln -s "$DIR/bait" "$box.link"
	chown -R 60001:60001 "$DIR/home/jones"
	cat >swap.py <<'PY'
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
a, b = (x.encode() for x in sys.argv[1:3])
while not os.path.exists(sys.argv[3]):
    libc.renameat2(-100, a, -100, b, 2)
if os.path.islink(a):
    libc.renameat2(-100, a, -100, b, 2)
PY
	python3 swap.py "$box" "$box.link" "$PWD/enough" &
	swap=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		send -n 10 smith@example.net jones@example.org >/dev/null
		# the mailer has tried, amid the swapping, before more come
		log_wait $((i * 10)) "event=de\(livered\|ferred\)"
	done
	: >enough
	wait "$swap"
	DEADLINE=30 mailbox_wait jones 100
	[ -z "$(find "$DIR/bait" -type f)" ] ||
	    atf_fail "mail went outside: $(find "$DIR/bait" -type f)"
	atf_check_equal 100 "$(mailbox_count jones)"
}

atf_test_case loop
loop_head()
{
	atf_set descr "a message that was delivered here before fails," \
	    "and its sender is told"
}
loop_body()
{
	start jones green
	printf 'Subject: again\nDelivered-To: brown@example.org\ndelivered-to:\n jones@example.org\n\nx\n' >sent
	send -f sent green@example.org jones@example.org
	mailbox_wait green 1
	grep -q '^Status: 5.4.6' "$(only_file green)" ||
	    instance_fail "no failure report: $(cat "$(only_file green)")"
	atf_check_equal 0 "$(mailbox_count jones)"
	# that it was delivered to somebody else is no loop
	printf 'Subject: on\nDelivered-To: brown@example.org\n\nx\n' >sent
	send -f sent green@example.org jones@example.org
	mailbox_wait jones 1
}

atf_test_case user
user_head()
{
	atf_set descr "the mailer runs as the recipient alone, and leaves when" \
	    "there is no more work"
}
user_body()
{
	start jones green
	send smith@example.net jones@example.org
	mailbox_wait jones 1
	pid=$(role_pids mailer)
	[ -n "$pid" ] || instance_fail "no mailer is there"
	atf_check_equal "60001 60001 60001 60001" \
	    "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")"
	atf_check_equal "60001 60001 60001 60001" \
	    "$(awk '/^Gid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")"
	atf_check_equal "" \
	    "$(awk '/^Groups:/ { print $2 $3 }' "/proc/$pid/status")"
	send smith@example.net green@example.org
	mailbox_wait green 1
	set -- $(role_pids mailer)
	DEADLINE=10 wait_for gone "$pid" || atf_fail "the mailer does not leave"
	wait_for sh -c "! '$SMTPCTL' -R '$DIR' show roles | grep -q ^mailer" ||
	    atf_fail "a mailer stays"
	grep -q event=role-exit "$DIR/log" && atf_fail "a mailer failed"
	:
}

atf_test_case system_users
system_users_head()
{
	atf_set descr "nothing is delivered as root, as a user of the system" \
	    "or with root's group, even where a table says so"
}
system_users_body()
{
	start jones
	for user in zero:0:0 daemon:50:50 wheel:60009:0; do
		home=$DIR/home/${user%%:*}
		mkdir "$home"
		chmod 777 "$home"
		echo "${user%%:*} ${user#*:}:$home" >>"$DIR/users"
	done
	ctl reload >/dev/null
	send smith@example.net jones@example.org zero@example.org \
	    daemon@example.org wheel@example.org
	mailbox_wait jones 1
	for user in zero daemon wheel; do
		log_wait 1 "event=failed .*rcpt=$user@example.org"
		[ -z "$(ls -A "$DIR/home/$user")" ] ||
		    atf_fail "$user: $(ls -A "$DIR/home/$user")"
	done
}

atf_test_case crowd
crowd_head()
{
	atf_set descr "more users than mailers may be there at a time"
}
crowd_body()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
delivery max-mailers 2
delivery mailer-idle 5s
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	names="u1 u2 u3 u4 u5 u6 u7 u8 u9"
	instance_user $names
	instance_run i
	rcpts=
	for name in $names; do
		rcpts="$rcpts $name@example.org"
	done
	send -n 3 smith@example.net $rcpts >/dev/null
	for name in $names; do
		mailbox_wait "$name" 3
	done
	[ "$(role_pids mailer | wc -l)" -le 2 ] || atf_fail "too many mailers"
}

atf_init_test_cases()
{
	for case in octets null_sender names recipients traversal big whole \
	    traps race loop user system_users crowd; do
		atf_add_test_case "$case"
	done
}
