#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Delivery to an mbox beside other programs that use it.
# Classes: (a) two parsers, (c) forged records, (d) files of others.
. "$(atf_get_srcdir)/../lib/instance.sh"

# start NAME...: an instance with these users.
start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue retry 1s
listen on 127.0.0.1 port 2525
action "box" mbox "~/mbox" userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user "$@"
	instance_run i
}

# split MBOX: each message of it into a file of its own, 1, 2, ..., without
# its separator and with the quotes taken off; fails unless each separator is
# "From sender date" after an empty line.
split()
{
	python3 - "$1" <<'PY'
import re, sys
text = open(sys.argv[1], "rb").read()
line = rb"From [!-~]+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] " \
    rb"\d\d:\d\d:\d\d \d{4}"
starts = [m.start() for m in re.finditer(rb"^From ", text, re.M)]
if text and starts[:1] != [0]:
    sys.exit("does not begin with a separator")
for number, at in enumerate(starts, 1):
    end = (starts + [len(text)])[number]
    separator, _, record = text[at:end].partition(b"\n")
    if not re.fullmatch(line, separator):
        sys.exit("not a separator: %r" % separator)
    if not record.endswith(b"\n\n"):
        sys.exit("no empty line after message %d" % number)
    record = re.sub(rb"^>(>*From )", rb"\1", record[:-1], flags=re.M)
    with open(str(number), "wb") as out:
        out.write(record)
print(len(starts))
PY
}

has_messages()
{
	[ "$(grep -c '^From ' "$1")" -ge "$2" ]
}

atf_test_case quoting
quoting_head()
{
	atf_set descr "lines that look like separators are quoted, and the" \
	    "content can be had back octet by octet"
}
quoting_body()
{
	start jones
	cat >sent <<'TEXT'
From: smith@example.net
Subject: From here

From smith@example.net Thu Jan  1 00:00:00 1970
>From one
>>>From many
> From none
From
Fromage

.
From the end

TEXT
	printf '\n\nFrom last \377\n' >>sent
	send -f sent smith@example.net jones@example.org
	send -f sent "" jones@example.org
	mbox=$DIR/home/jones/mbox
	wait_for has_messages "$mbox" 2 || instance_fail "not delivered"
	grep -q '^>From smith@example.net Thu' "$mbox" || atf_fail "not quoted"
	grep -q '^>>>>From many' "$mbox" || atf_fail "quoted ones not quoted"
	atf_check_equal 2 "$(split "$mbox")"
	for number in 1 2; do
		mail_content "$number" >received
		cmp sent received || atf_fail "the content has changed"
	done
	grep -q '^From MAILER-DAEMON ' "$mbox" || atf_fail "null sender"
	atf_check_equal "600 60001:60001 1" "$(stat -c '%a %u:%g %h' "$mbox")"
}

atf_test_case sender
sender_head()
{
	atf_set descr "a sender with a space or a quote forges no separator"
}
sender_body()
{
	start jones
	send '"a b\" From x"@example.net' jones@example.org
	wait_for has_messages "$DIR/home/jones/mbox" 1 ||
	    instance_fail "not delivered"
	atf_check_equal 1 "$(split "$DIR/home/jones/mbox")"
}

atf_test_case big
big_head()
{
	atf_set descr "a message with a file of its own is quoted as well"
}
big_body()
{
	start jones
	printf 'Subject: big\n\n' >sent
	{ base64 -w 76 /dev/urandom || :; } | head -c 700000 |
	    awk '{ print } NR % 7 == 0 { print "From " NR }' >>sent
	awk 'BEGIN { for (i = 0; i < 65000; i++) printf "F"; print "" }' >>sent
	echo "From the end" >>sent
	send -f sent smith@example.net jones@example.org
	wait_for has_messages "$DIR/home/jones/mbox" 1 ||
	    instance_fail "not delivered"
	log_wait 1 event=delivered
	atf_check_equal 1 "$(split "$DIR/home/jones/mbox")"
	mail_content 1 >received
	cmp sent received || atf_fail "the content has changed"
}

# mailer_tries: the mailer wakes up again and again, which one does only that
# waits for a lock.
mailer_tries()
{
	wait_for mailer_is_there || instance_fail "there is no mailer"
	mailer=$(role_pids mailer)
	wakeups=$(($(mailer_wakeups) + 10))
	wait_for mailer_has_woken ||
	    instance_fail "the mailer does not wait for the lock"
}
mailer_is_there()
{
	[ -n "$(role_pids mailer)" ]
}
mailer_wakeups()
{
	awk '/^voluntary/ { print $2 }' "/proc/$mailer/status"
}
mailer_has_woken()
{
	[ "$(mailer_wakeups)" -ge "$wakeups" ]
}

atf_test_case fcntl_lock
fcntl_lock_head()
{
	atf_set descr "delivery waits for who holds the file with fcntl(2)"
}
fcntl_lock_body()
{
	start jones
	mbox=$DIR/home/jones/mbox
	cat >lock.py <<'PY'
import fcntl, os, sys, time
with open(sys.argv[1], "ab") as file:
    os.fchown(file.fileno(), 60001, 60001)
    os.fchmod(file.fileno(), 0o600)
    fcntl.lockf(file, fcntl.LOCK_EX)
    open("held", "w").close()
    while not os.path.exists("enough"):
        time.sleep(0.01)
    if os.fstat(file.fileno()).st_size:
        sys.exit("somebody wrote to it")
PY
	python3 lock.py "$mbox" &
	holder=$!
	comes_true test -e held
	send smith@example.net jones@example.org
	mailer_tries
	[ ! -s "$mbox" ] || atf_fail "written in spite of the lock"
	: >enough
	wait "$holder" || atf_fail "written in spite of the lock"
	wait_for has_messages "$mbox" 1 || instance_fail "not delivered"
	wait_for test ! -e "$mbox.lock" || atf_fail "a dot-lock is left"
	atf_check_equal 1 "$(split "$mbox")"
}

atf_test_case dot_lock
dot_lock_head()
{
	atf_set descr "delivery waits for a dot-lock, makes one, removes it"
}
dot_lock_body()
{
	start jones
	mbox=$DIR/home/jones/mbox
	: >"$mbox.lock"
	chown 60001:60001 "$mbox.lock"
	send smith@example.net jones@example.org
	mailer_tries
	[ ! -s "$mbox" ] || atf_fail "written in spite of the lock"
	[ -e "$mbox.lock" ] || atf_fail "the lock of another was removed"
	rm "$mbox.lock"
	wait_for has_messages "$mbox" 1 || instance_fail "not delivered"
	wait_for test ! -e "$mbox.lock" || atf_fail "a dot-lock is left"
	# one that somebody left long ago holds nothing up
	: >"$mbox.lock"
	chown 60001:60001 "$mbox.lock"
	touch -d '1 hour ago' "$mbox.lock"
	send smith@example.net jones@example.org
	DEADLINE=5 wait_for has_messages "$mbox" 2 ||
	    instance_fail "not delivered after an old lock"
	wait_for test ! -e "$mbox.lock" || atf_fail "a dot-lock is left"
}

# Make of the mbox of a user a trap of that kind.
trap_make()
{
	mbox=$DIR/home/$1/mbox
	case $1 in
	link) ln -s "$DIR/bait" "$mbox" ;;
	link-none) ln -s "$DIR/none" "$mbox" ;;
	link-near) : >"$DIR/home/$1/box"; ln -s box "$mbox" ;;
	hard) ln "$DIR/bait" "$mbox" ;;
	hard-near) : >"$DIR/home/$1/box"; ln "$DIR/home/$1/box" "$mbox" ;;
	fifo) mkfifo "$mbox" ;;
	directory) mkdir "$mbox" ;;
	device) mknod "$mbox" c 1 3; chmod 666 "$mbox" ;;
	foreign) echo other >"$mbox"; chmod 666 "$mbox" ;;
	esac
	case $1 in
	link-near | hard-near | fifo | directory) chown -hR "$2:$2" "$DIR/home/$1" ;;
	esac
}

atf_test_case traps
traps_head()
{
	atf_set descr "links, pipes, devices and files of others defer the" \
	    "mail, keep nobody waiting, and are not written to"
}
traps_body()
{
	kinds="link link-none link-near hard hard-near fifo directory device
	    foreign"
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue retry 1h
listen on 127.0.0.1 port 2525
action "box" mbox "~/mbox" userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user $kinds good
	echo bait >"$DIR/bait"
	chmod 666 "$DIR/bait"
	rcpts=
	uid=60000
	for kind in $kinds; do
		uid=$((uid + 1))
		trap_make "$kind" "$uid"
		rcpts="$rcpts $kind@example.org"
	done
	instance_run i
	send smith@example.net $rcpts good@example.org
	DEADLINE=10 log_wait "$(echo $kinds | wc -w)" "event=deferred"
	wait_for has_messages "$DIR/home/good/mbox" 1 ||
	    instance_fail "not delivered to who is no trap"
	atf_check_equal bait "$(cat "$DIR/bait")"
	atf_check_equal other "$(cat "$DIR/home/foreign/mbox")"
	[ ! -e "$DIR/none" ] || atf_fail "a link was followed"
	[ ! -s "$DIR/home/hard-near/box" ] || atf_fail "a hard link was used"
	[ ! -s "$DIR/home/link-near/box" ] || atf_fail "a link was followed"
}

atf_test_case spool_of_root
spool_of_root_head()
{
	atf_set descr "in a directory of root's the mbox is made for the user"
}
spool_of_root_body()
{
	instance_new i </dev/null
	mkdir "$DIR/mail"
	cat >"$DIR/smtpd.conf" <<CONF
hostname "mx.example.org"
table users file:users
queue retry 1h
listen on 127.0.0.1 port 2525
action "box" mbox "$DIR/mail/%{user.username}" userbase <users>
match from any for domain "example.org" action "box"
CONF
	chmod 755 "$DIR/mail"
	instance_user jones green
	echo bait >"$DIR/bait"
	chmod 666 "$DIR/bait"
	ln -s "$DIR/bait" "$DIR/mail/green"
	instance_run i
	send smith@example.net jones@example.org
	send smith@example.net jones@example.org green@example.org
	wait_for has_messages "$DIR/mail/jones" 2 || instance_fail "not there"
	atf_check_equal "600 60001:60001" \
	    "$(stat -c '%a %u:%g' "$DIR/mail/jones")"
	log_wait 1 "event=deferred"
	atf_check_equal "bait 666 0:0" \
	    "$(cat "$DIR/bait") $(stat -c '%a %u:%g' "$DIR/bait")"
}

atf_test_case together
together_head()
{
	atf_set descr "100 messages of four clients make a file in order"
}
together_body()
{
	start jones
	for client in 1 2 3 4; do
		"$LIBDIR/send.py" -n 25 "client$client@example.net" \
		    jones@example.org >>"ids$client" &
	done
	wait_for has_messages "$DIR/home/jones/mbox" 100 ||
	    instance_fail "only $(grep -c '^From ' "$DIR/home/jones/mbox")"
	log_wait 100 event=delivered
	atf_check_equal 100 "$(split "$DIR/home/jones/mbox")"
	for client in 1 2 3 4; do
		atf_check_equal 25 "$(cat [0-9]* |
		    grep -c "^Return-Path: <client$client@")"
	done
	atf_check_equal 100 "$(cat ids? | sort -u | wc -l)"
	for id in $(cat ids?); do
		atf_check_equal 1 "$(grep -l "$id" [0-9]* | wc -l)"
	done
}

atf_init_test_cases()
{
	for case in quoting sender big fcntl_lock dot_lock traps \
	    spool_of_root together; do
		atf_add_test_case "$case"
	done
}
